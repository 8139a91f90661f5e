//! Formatting of numbers for messages, alone and with nouns.

use std::fmt::Display;

/// Returns a number and its noun, with a plural `s` unless the number is one.
pub(crate) fn counted<N: Copy + Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number))
}

/// Returns a whole number with a comma between thousands.
pub(crate) fn grouped<N: Display>(number: N) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
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
            counted(1000_u32, "request"),
        ];
        assert_eq!(
            words,
            ["0 requests", "1 request", "2 requests", "1,000 requests"]
        );
    }

    #[test]
    fn thousands_are_set_apart() {
        for (number, expected) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), expected);
        }
    }
}
