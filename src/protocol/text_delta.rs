//! Parses the one event that occurs thousands of times without a JSON parser.
//!
//! It only recognizes the shape on the streaming page of Anthropic's documentation, with white
//! space wherever JSON allows it (the API pads events with some). Anything else is left to the JSON
//! parser, including escapes in the text.

/// How the API writes a delta up to its index, and from there to its text: all at once they are
/// compared in a tenth of the instructions.
const UP_TO_INDEX: &[u8] = br#"{"type":"content_block_delta","index":"#;
const UP_TO_TEXT: &[u8] = br#","delta":{"type":"text_delta","text":"#;

/// Returns the index and the text of a `text_delta`; `None` if `data` has another shape.
pub(super) fn read(data: &[u8]) -> Option<(usize, &str)> {
    let mut rest = Unread(data);
    let index = rest.take_usual_head().or_else(|| rest.take_head())?;
    let text = rest.take_plain_string()?;
    rest.take(b"}")?.take(b"}")?;
    rest.is_at_end().then_some((index, text))
}

/// The rest of a JSON text.
struct Unread<'a>(&'a [u8]);

impl<'a> Unread<'a> {
    fn skip_white_space(&mut self) {
        while let [b' ' | b'\t' | b'\n' | b'\r', rest @ ..] = self.0 {
            self.0 = rest;
        }
    }

    /// Reads up to the text, as the API writes it.
    fn take_usual_head(&mut self) -> Option<usize> {
        let mut rest = Self(self.0.strip_prefix(UP_TO_INDEX)?);
        let index = rest.take_index()?;
        self.0 = rest.0.strip_prefix(UP_TO_TEXT)?;
        Some(index)
    }

    /// Reads up to the text, with white space between any two tokens.
    fn take_head(&mut self) -> Option<usize> {
        self.take(b"{")?
            .take(b"\"type\"")?
            .take(b":")?
            .take(b"\"content_block_delta\"")?
            .take(b",")?;
        let index = self.take(b"\"index\"")?.take(b":")?.take_index()?;
        self.take(b",")?
            .take(b"\"delta\"")?
            .take(b":")?
            .take(b"{")?;
        self.take(b"\"type\"")?
            .take(b":")?
            .take(b"\"text_delta\"")?
            .take(b",")?;
        self.take(b"\"text\"")?.take(b":")?;
        Some(index)
    }

    fn take<const N: usize>(&mut self, token: &[u8; N]) -> Option<&mut Self> {
        self.skip_white_space();
        self.0 = self.0.strip_prefix(token)?;
        Some(self)
    }

    /// Reads a number of one digit: more than ten blocks are rare.
    fn take_index(&mut self) -> Option<usize> {
        self.skip_white_space();
        let (digit, rest) = self.0.split_first()?;
        self.0 = rest;
        digit.is_ascii_digit().then(|| usize::from(digit - b'0'))
    }

    /// Reads a string without escapes.
    fn take_plain_string(&mut self) -> Option<&'a str> {
        self.take(b"\"")?;
        let (string, rest) = self.0.split_at(memchr::memchr2(b'"', b'\\', self.0)?);
        self.0 = rest.strip_prefix(b"\"")?;
        let has_control = string.iter().any(|&byte| byte < b' ');
        if has_control {
            None
        } else {
            std::str::from_utf8(string).ok()
        }
    }

    fn is_at_end(&mut self) -> bool {
        self.skip_white_space();
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::read;

    /// Returns what a JSON parser finds, if `data` is a text delta.
    fn parsed(data: &[u8]) -> Option<(usize, String)> {
        let value: Value = serde_json::from_slice(data).ok()?;
        let is_text =
            value["type"] == "content_block_delta" && value["delta"]["type"] == "text_delta";
        let index = usize::try_from(value["index"].as_u64()?).ok()?;
        is_text.then(|| Some((index, value["delta"]["text"].as_str()?.to_owned())))?
    }

    #[test]
    fn the_documented_shape_is_read_with_any_white_space() {
        let compact = r#"{"type":"content_block_delta","index":7,"delta":{"type":"text_delta","text":"Grüße 世界"}}"#;
        assert_eq!(read(compact.as_bytes()), Some((7, "Grüße 世界")));
        let padded = compact
            .replace("}}", "} \t } \r\n")
            .replace(':', " : ")
            .replace(',', "\n,  ");
        assert_eq!(read(padded.as_bytes()), Some((7, "Grüße 世界")));
    }

    #[test]
    fn anything_else_is_left_to_the_parser() {
        let plain =
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}"#;
        for (part, other) in [
            ("\"a\"", r#""a\n""#),
            ("\"a\"", r#""\u00e4""#),
            ("\"a\"", "\"\u{1}\""),
            ("\"a\"", "7"),
            ("\"a\"", r#""a","more":1"#),
            ("0", "12"),
            ("0", "-1"),
            ("0", "x"),
            ("text_delta", "thinking_delta"),
            ("}}", "}"),
            ("}}", "}}}"),
            ("}}", "}},"),
        ] {
            assert_eq!(
                read(plain.replacen(part, other, 1).as_bytes()),
                None,
                "{other}"
            );
        }
        assert_eq!(
            read(&plain.replace('a', "\u{e4}").into_bytes().repeat(2)),
            None
        );
        assert_eq!(
            read(
                b"{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"\xff\"}}"
            ),
            None
        );
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_the_parser_finds(
            place in 0..90_usize,
            length in 0..4_usize,
            put in proptest::collection::vec(prop_oneof![Just(b'"'), Just(b'\\'), Just(b' '), Just(b'}'), any::<u8>()], 0..4),
        ) {
            let mut data = br#"{ "type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"some text"} }"#.to_vec();
            let place = place.min(data.len());
            let end = (place + length).min(data.len());
            data.splice(place..end, put);
            if let Some((index, text)) = read(&data) {
                prop_assert_eq!(parsed(&data), Some((index, text.to_owned())));
            }
        }
    }
}
