//! Makes untrusted text harmless on a terminal, character by character, so that the result does not
//! depend on how the text was split.

use std::borrow::Cow;
use std::fmt::Write;

/// Replaces characters that a terminal would act on: controls become visible, carriage returns are
/// dropped, and bidirectional controls become `<U+…>`. Line feeds and tabs stay.
pub(crate) fn sanitize(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_dangerous) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match letter {
            '\r' => {}
            '\0'..='\x1f' if is_dangerous(letter) => safe.push(control_picture(letter)),
            '\x7f' => safe.push('\u{2421}'),
            _ if is_dangerous(letter) => {
                // Writing to a string cannot fail.
                let _ = write!(safe, "<U+{:04X}>", u32::from(letter));
            }
            _ => safe.push(letter),
        }
    }
    Cow::Owned(safe)
}

/// Like [`sanitize`], with line feeds and tabs replaced by spaces, for text that is laid out on one
/// line.
pub(crate) fn sanitize_line(text: &str) -> String {
    sanitize(text).replace(['\n', '\t'], " ")
}

/// Replaces line breaks and tabs by their escapes, such as `\n`, so that a message stays on one
/// line and shows every value whole.
pub(crate) fn escape_breaks(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' | '\r' | '\t' => escaped.push_str(&json_escape(letter)),
            _ => escaped.push(letter),
        }
    }
    escaped
}

/// Replaces characters that a terminal would act on by JSON escapes. In JSON text they occur in
/// strings only.
pub(crate) fn sanitize_json(json: &str) -> Cow<'_, str> {
    // Below U+0020, JSON text contains only white space between tokens.
    let escaped = |letter: char| is_dangerous(letter) && letter >= '\x7f';
    if !json.chars().any(escaped) {
        return Cow::Borrowed(json);
    }
    let mut safe = String::with_capacity(json.len() + 16);
    for letter in json.chars() {
        if escaped(letter) {
            safe.push_str(&json_escape(letter));
        } else {
            safe.push(letter);
        }
    }
    Cow::Owned(safe)
}

/// Returns the JSON string escape of a character.
pub(crate) fn json_escape(letter: char) -> String {
    match letter {
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        _ => {
            let mut escape = String::new();
            for unit in letter.encode_utf16(&mut [0; 2]) {
                escape.push_str(&format!("\\u{unit:04x}"));
            }
            escape
        }
    }
}

/// Whether a terminal would act on a character: C0 and C1 controls except LF and tab, and the
/// controls of bidirectional text.
pub(crate) fn is_dangerous(letter: char) -> bool {
    match letter {
        '\n' | '\t' => false,
        _ if letter.is_control() => true,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            true
        }
        _ => false,
    }
}

/// Returns the visible symbol of a control character, such as ␛.
pub(crate) fn control_picture(control: char) -> char {
    char::from_u32(0x2400 + u32::from(control)).unwrap_or('\u{fffd}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_without_controls_is_unchanged() {
        assert!(matches!(
            sanitize("a\tb\nç 漢 🙂 e\u{301}"),
            Cow::Borrowed(_)
        ));
    }

    #[test]
    fn controls_become_visible() {
        assert_eq!(
            sanitize("\x1b[31mred\x1b]0;title\x07"),
            "␛[31mred␛]0;title␇"
        );
        assert_eq!(sanitize("a\u{9b}31m\u{7f}"), "a<U+009B>31m␡");
        assert_eq!(sanitize("user\u{202e}txt.exe"), "user<U+202E>txt.exe");
    }

    #[test]
    fn breaks_are_escaped_one_by_one() {
        assert_eq!(escape_breaks("\n\na\r\n\tb "), "\\n\\na\\r\\n\\tb ");
    }

    #[test]
    fn carriage_returns_are_dropped() {
        assert_eq!(sanitize("a\r\nb\rc"), "a\nbc");
    }

    #[test]
    fn json_keeps_its_meaning() {
        let safe = sanitize_json("{\"a\":\"x\u{9b}\u{202e}\u{7f}\"}\n").into_owned();
        assert_eq!(safe, "{\"a\":\"x\\u009b\\u202e\\u007f\"}\n");
        let value: serde_json::Value = serde_json::from_str(&safe).expect("JSON");
        assert_eq!(value["a"], "x\u{9b}\u{202e}\u{7f}");
    }
}
