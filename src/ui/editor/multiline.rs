//! Multi-line input: a `\` at the end of a line, or everything between two `"""`. Pure.

use std::borrow::Cow;

use super::LineDraft;

/// Opens and closes a multi-line text.
const FENCE: &str = "\"\"\"";

/// Whether a text begins with `"""` that is not closed.
pub(super) fn is_fence_open(text: &str) -> bool {
    text.strip_prefix(FENCE)
        .is_some_and(|rest| !rest.trim_end().ends_with(FENCE))
}

/// Returns the text between two `"""`, without the line feeds next to them.
pub(super) fn fenced_text(text: &str) -> Option<&str> {
    let inside = text.strip_prefix(FENCE)?.trim_end().strip_suffix(FENCE)?;
    let inside = inside.strip_prefix('\n').unwrap_or(inside);
    Some(inside.strip_suffix('\n').unwrap_or(inside))
}

/// Returns the line that stands for a message in the history: recalled, it is the same message.
/// What would be taken for a command or for a fence then is put between `"""`.
pub(super) fn history_line(
    submitted: &LineDraft,
    is_command: impl Fn(&str) -> bool,
) -> Cow<'_, str> {
    let LineDraft { text, is_text } = submitted;
    let is_fence = text.starts_with(FENCE);
    let is_mistaken = *is_text && (is_fence || (!text.contains('\n') && is_command(text)));
    if is_mistaken {
        Cow::Owned(format!("{FENCE}\n{text}\n{FENCE}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Whether a text ends with a `\` that is not escaped by another one.
pub(super) fn ends_with_continuation(text: &str) -> bool {
    text.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_quotes_open_and_close_a_text() {
        for (text, open, within) in [
            ("\"\"\"", true, None),
            ("\"\"\"a", true, None),
            ("\"\"\"\na\n\nb\n\"\"\"", false, Some("a\n\nb")),
            ("\"\"\"a\"\"\" ", false, Some("a")),
            ("\"\"\"\"\"\"", false, Some("")),
            ("a \"\"\"", false, None),
        ] {
            assert_eq!(
                (is_fence_open(text), fenced_text(text)),
                (open, within),
                "{text}"
            );
        }
    }

    #[test]
    fn a_recalled_line_is_the_same_message() {
        let is_command = |line: &str| line.starts_with('/');
        let line = |text: &str, is_text| {
            let text = text.to_owned();
            history_line(&LineDraft { text, is_text }, is_command).into_owned()
        };
        for message in ["a", "a \nb", "/x\ny", " /x", "a\\", "a \"\"\""] {
            assert_eq!(line(message, true), message);
        }
        assert_eq!(line("/help", false), "/help");
        for message in ["/help", "\"\"\"", "\"\"\"\na\n\"\"\"\n", "\"\"\"a"] {
            let line = line(message, true);
            assert!(!is_fence_open(&line), "{line}");
            assert_eq!(fenced_text(&line), Some(message));
        }
    }

    #[test]
    fn a_trailing_backslash_continues_the_line_unless_escaped() {
        for (text, expected) in [
            ("a\\", true),
            ("a\\\\", false),
            ("\\", true),
            ("a\\ ", false),
            ("", false),
        ] {
            assert_eq!(ends_with_continuation(text), expected, "{text}");
        }
    }
}
