//! Error messages of the operating system, without their numbers.

use std::borrow::Cow;

/// What the standard library puts before the error number that it appends to a description.
const CODE_PREFIX: &str = " (os error ";

/// Removes the numbers that the standard library appends to descriptions of OS errors, as in `No
/// such file or directory (os error 2)`.
pub(crate) fn without_os_codes(text: &str) -> Cow<'_, str> {
    let mut pieces = text.split(CODE_PREFIX);
    let mut shown = Cow::Borrowed(pieces.next().unwrap_or_default());
    for piece in pieces {
        let after_code = piece
            .split_once(')')
            .filter(|(code, _)| code.parse::<i32>().is_ok());
        let shown = shown.to_mut();
        if let Some((_, rest)) = after_code {
            shown.push_str(rest);
        } else {
            shown.push_str(CODE_PREFIX);
            shown.push_str(piece);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn an_os_error_is_described_without_its_number() {
        for (code, expected) in [
            (2, "No such file or directory"),
            (13, "Permission denied"),
            (111, "Connection refused"),
        ] {
            let described = io::Error::from_raw_os_error(code).to_string();
            if cfg!(target_os = "linux") {
                assert_eq!(without_os_codes(&described), expected);
            }
            let twice = format!("{described}: {described}.");
            assert!(!without_os_codes(&twice).contains("os error"), "{twice}");
            assert!(without_os_codes(&twice).ends_with('.'));
        }
    }

    #[test]
    fn text_that_only_resembles_such_a_number_is_unchanged() {
        for text in ["", "plain", "x (os error", "x (os error two) y (os error 2"] {
            assert_eq!(without_os_codes(text), text);
        }
    }
}
