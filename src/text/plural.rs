//! Numbers with nouns, for messages.

use std::fmt::Display;

/// Returns a number and its noun, with a plural `s` unless the number is one.
pub(crate) fn counted<N: Copy + Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_no_plural() {
        let words = [
            counted(0_u64, "request"),
            counted(1_usize, "request"),
            counted(2_u32, "request"),
        ];
        assert_eq!(words, ["0 requests", "1 request", "2 requests"]);
    }
}
