//! Text of several lines, typed: a `\` at the end of a line, or everything between two `"""`. Pure.

/// What opens and closes a text of several lines.
const FENCE: &str = "\"\"\"";

/// Whether a text opens with `"""` and has not closed it.
pub(super) fn is_open(text: &str) -> bool {
    text.strip_prefix(FENCE)
        .is_some_and(|rest| !rest.trim_end().ends_with(FENCE))
}

/// The text between two `"""`, without the line ends next to them.
pub(super) fn inside(text: &str) -> Option<&str> {
    let inside = text.strip_prefix(FENCE)?.trim_end().strip_suffix(FENCE)?;
    let inside = inside.strip_prefix('\n').unwrap_or(inside);
    Some(inside.strip_suffix('\n').unwrap_or(inside))
}

/// Whether a text ends with a `\` that is not itself behind one.
pub(super) fn goes_on(text: &str) -> bool {
    text.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_quotes_open_a_text_and_three_close_it() {
        for (text, open, within) in [
            ("\"\"\"", true, None),
            ("\"\"\"a", true, None),
            ("\"\"\"\na\n\nb\n\"\"\"", false, Some("a\n\nb")),
            ("\"\"\"a\"\"\" ", false, Some("a")),
            ("\"\"\"\"\"\"", false, Some("")),
            ("a \"\"\"", false, None),
        ] {
            assert_eq!((is_open(text), inside(text)), (open, within), "{text}");
        }
    }

    #[test]
    fn a_backslash_at_the_end_goes_on_unless_it_is_one_of_two() {
        for (text, expected) in [
            ("a\\", true),
            ("a\\\\", false),
            ("\\", true),
            ("a\\ ", false),
            ("", false),
        ] {
            assert_eq!(goes_on(text), expected, "{text}");
        }
    }
}
