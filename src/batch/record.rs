//! A record: what came of an item, as a line of JSON; and what a line of an output says of the item
//! behind it.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use super::item::Item;
use crate::client::fingerprint;
use crate::protocol::{ContentBlock, Message};

/// How every record begins.
const BEGINNING: &str = "{\"index\":";

/// What came of an item.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Result {
    /// An answer of text alone.
    Text(String),
    /// An answer with more in it: the API's message object.
    Message(Value),
    /// It failed; this is the error object.
    Error(Value),
}

impl Result {
    /// Tells what to keep of an answer. Thinking is left out, as it is where an answer is printed.
    pub(crate) fn of(message: &Message) -> Self {
        let is_shown = |block: &ContentBlock| {
            matches!(
                block,
                ContentBlock::Text(_)
                    | ContentBlock::Thinking(_)
                    | ContentBlock::RedactedThinking(_)
            )
        };
        if message.content.iter().all(is_shown) {
            return Self::Text(message.text());
        }
        Self::Message(serde_json::to_value(message).expect("a message is maps with string keys"))
    }

    /// Whether it failed.
    pub(crate) fn is_error(&self) -> bool {
        matches!(self, Self::Error(_))
    }
}

/// The hash of a whole request, by which an item is known again.
pub(crate) fn hash_of(body: &[u8]) -> String {
    fingerprint(&[&String::from_utf8_lossy(body)])
}

/// A line of an output.
#[derive(Debug)]
pub(crate) struct Line;

impl Line {
    /// Writes the record of an item. `hash` is none where there was no request; `usage` is what its
    /// answers took, none where nothing came.
    pub(crate) fn write(
        item: &Item,
        hash: Option<&str>,
        result: Result,
        usage: Option<&Map<String, Value>>,
    ) -> String {
        let (key, value) = match result {
            Result::Text(text) => ("text", Value::from(text)),
            Result::Message(message) => ("message", message),
            Result::Error(error) => ("error", error),
        };
        // The map keeps the order in which it is written.
        format!(
            "{}\n",
            json!({"index": item.index, "id": item.id(), "input_hash": hash, key: value, "usage": usage})
        )
    }

    /// The line with another index.
    pub(crate) fn with_index(line: &str, index: u64) -> String {
        let rest = line
            .strip_prefix(BEGINNING)
            .map(|rest| rest.trim_start_matches(|digit: char| digit.is_ascii_digit()));
        rest.map_or_else(
            || line.to_owned(),
            |rest| format!("{BEGINNING}{index}{rest}"),
        )
    }

    /// Whether this is the beginning of a record that broke off. Behind other records a few bytes
    /// of it are enough.
    pub(crate) fn is_torn(tail: &[u8], is_first: bool) -> bool {
        let length = if is_first {
            BEGINNING.len()
        } else {
            tail.len().min(BEGINNING.len())
        };
        tail.get(..length) == Some(&BEGINNING.as_bytes()[..length])
    }
}

/// What a line of an output says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// The place of its item in the run that wrote it.
    pub(crate) index: u64,
    /// The hash of its request, shortened; none where there was no request.
    pub(crate) hash: Option<u64>,
    /// Whether the item failed.
    pub(crate) is_error: bool,
}

#[derive(Deserialize)]
struct Fields {
    index: u64,
    input_hash: Option<String>,
    text: Option<IgnoredAny>,
    message: Option<IgnoredAny>,
    error: Option<IgnoredAny>,
}

impl Found {
    /// Reads a line; none where it is no record.
    pub(crate) fn read(line: &[u8]) -> Option<Self> {
        let fields: Fields = serde_json::from_slice(line).ok()?;
        let is_error = fields.error.is_some();
        let kinds = [is_error, fields.text.is_some(), fields.message.is_some()];
        let hash = match fields.input_hash {
            Some(hash) => Some(short(&hash)?),
            None if is_error => None,
            None => return None,
        };
        (kinds.iter().filter(|&&is_there| is_there).count() == 1).then_some(Self {
            index: fields.index,
            hash,
            is_error,
        })
    }
}

/// A hash as a number: enough to tell the items of a batch apart, and eight bytes of memory for
/// each.
pub(super) fn short(hash: &str) -> Option<u64> {
    u64::from_str_radix(hash.get(..16)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Items;

    fn item() -> Item {
        Items::new("`in`")
            .take(b"x")
            .expect("an item")
            .expect("not blank")
    }

    #[test]
    fn a_record_is_read_again() {
        let hash = hash_of(b"{}");
        let usage = json!({"input_tokens": 3}).as_object().cloned();
        let line = Line::write(
            &item(),
            Some(&hash),
            Result::Text("a\nb".to_owned()),
            usage.as_ref(),
        );
        let expected = format!(
            "{{\"index\":0,\"id\":1,\"input_hash\":\"{hash}\",\"text\":\"a\\nb\",\"usage\":{{\"input_tokens\":3}}}}\n"
        );
        assert_eq!(line, expected);
        let found = Found::read(line.as_bytes()).expect("a record");
        assert_eq!(
            (found.index, found.is_error, found.hash),
            (0, false, short(&hash))
        );
        let failed = Line::write(&item(), None, Result::Error(json!({"kind": "usage"})), None);
        assert_eq!(
            Found::read(failed.as_bytes()),
            Some(Found {
                index: 0,
                hash: None,
                is_error: true
            }),
            "{failed}"
        );
    }

    #[test]
    fn what_is_no_record_is_told() {
        for line in [
            "",
            "text",
            "{}",
            r#"{"index": 1, "input_hash": "00", "text": ""}"#,
            r#"{"index": 1, "input_hash": "0123456789abcdef"}"#,
            r#"{"index": 1, "input_hash": "0123456789abcdef", "text": "", "error": {}}"#,
            r#"{"index": 1, "input_hash": null, "text": ""}"#,
            r#"{"index": "1", "input_hash": "0123456789abcdef", "text": ""}"#,
        ] {
            assert_eq!(Found::read(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn the_beginning_of_a_record_is_told_from_other_text() {
        for (tail, expected) in [
            ("{", true),
            ("{\"ind", true),
            ("{\"index\":12,\"id", true),
            ("{\"id\"", false),
            ("x", false),
        ] {
            assert_eq!(Line::is_torn(tail.as_bytes(), false), expected, "{tail}");
        }
        assert!(Line::is_torn(b"{\"index\":1", true));
        assert!(!Line::is_torn(b"{", true), "it may be anything");
    }

    #[test]
    fn a_line_takes_another_index() {
        assert_eq!(
            Line::with_index("{\"index\":12,\"id\":3}\n", 4),
            "{\"index\":4,\"id\":3}\n"
        );
        assert_eq!(Line::with_index("{\"id\":3}\n", 4), "{\"id\":3}\n");
    }

    #[test]
    fn an_answer_is_text_unless_there_is_more_in_it() {
        let message = |content: Value| {
            serde_json::from_value::<Message>(json!({"content": content})).expect("a message")
        };
        let thinking = json!({"type": "thinking", "thinking": "…", "signature": ""});
        let text = json!({"type": "text", "text": "a"});
        let of = |content| Result::of(&message(content));
        assert_eq!(
            of(json!([thinking, text, text])),
            Result::Text("aa".to_owned())
        );
        assert_eq!(of(json!([])), Result::Text(String::new()));
        let call = json!({"type": "tool_use", "id": "1", "name": "f", "input": {}});
        assert!(
            matches!(of(json!([text, call])), Result::Message(message) if message["content"][1] == call)
        );
    }
}
