//! Records: the result of an item as a line of JSON, and parsing such lines.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::item::{BatchItem, ItemPlace};
use super::item_key::ItemKey;
use super::shard::BatchShard;
use crate::client::fingerprint;
use crate::protocol::{ContentBlock, ExactFields, ExactJson, Message, Usage};

/// The field with the shard that wrote a record.
const SHARD: &str = "shard";

/// The field with the key of an item.
const ITEM_KEY: &str = "item_key";

/// The field with the hash of the prompt, which all records of an output have in common.
const PROMPT_HASH: &str = "prompt_hash";

/// The first bytes of every record.
const RECORD_PREFIX: &str = "{\"index\":";

/// The result of an item.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ItemResult {
    /// An answer that consists of text only.
    Text(String),
    /// Any other answer: the API's message object.
    Message(ExactJson),
    /// The error object of a failed item.
    Error(ExactJson),
}

impl ItemResult {
    /// Extracts the result from an answer. Thinking is omitted, as in printed answers.
    pub(crate) fn from_message(message: &Message) -> Self {
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
        Self::Message(ExactJson::from_value(message))
    }

    /// Whether the item failed.
    pub(crate) fn is_error(&self) -> bool {
        matches!(self, Self::Error(_))
    }
}

/// Returns the hash of a request body, which identifies an item across runs.
pub(crate) fn request_hash(body: &[u8]) -> String {
    fingerprint(&[&String::from_utf8_lossy(body)])
}

/// Returns the hash of the parts of a prompt that all items have in common.
pub(crate) fn prompt_hash(parts: &[&str]) -> String {
    fingerprint(parts)
}

/// A line of an output.
#[derive(Debug)]
pub(crate) struct RecordLine;

impl RecordLine {
    /// Formats the record of an item. `prompt` is the hash of what all items have in common;
    /// `hash`, that of the request, is `None` if there was no request; `usage` is `None`
    /// if there was no answer. The record of a shard also names the shard and has the key of its
    /// item.
    pub(crate) fn format_record(
        item: &BatchItem,
        shard: BatchShard,
        prompt: &str,
        hash: Option<&str>,
        result: ItemResult,
        usage: Option<&Usage>,
    ) -> String {
        let (key, value) = match result {
            ItemResult::Text(text) => ("text", Value::from(text).into()),
            ItemResult::Message(message) => ("message", message),
            ItemResult::Error(error) => ("error", error),
        };
        let mut record = ExactFields::default();
        record.insert("index", json!(item.index));
        record.insert("id", item.record_id());
        if shard != BatchShard::WHOLE {
            record.insert(SHARD, json!(shard.to_string()));
            record.insert(ITEM_KEY, json!(item.key.to_string()));
        }
        record.insert("input_hash", json!(hash));
        record.insert(PROMPT_HASH, json!(prompt));
        record.insert(key, value);
        record.insert("usage", ExactJson::from_value(&usage));
        Self::format_line(&record)
    }

    /// Returns a record with a new place.
    pub(crate) fn with_place(line: &[u8], place: ItemPlace) -> String {
        Self::rewritten(line, place, &[])
    }

    /// Returns a record with a new place, in the form that a run of the whole batch would have
    /// written.
    pub(crate) fn merged(line: &[u8], place: ItemPlace) -> String {
        Self::rewritten(line, place, &[SHARD, ITEM_KEY])
    }

    /// Returns a record with a new place and without the `dropped` fields. Numbers keep their
    /// digits.
    fn rewritten(line: &[u8], place: ItemPlace, dropped: &[&str]) -> String {
        let line = String::from_utf8_lossy(line);
        let parsed = ExactJson::parse_envelope(&line).ok();
        let Some(mut record) = parsed.and_then(ExactFields::from_object) else {
            return line.into_owned();
        };
        record.insert("index", json!(place.index));
        if let Some(line) = place.line_id {
            record.insert("id", json!(line));
        }
        for field in dropped {
            record.shift_remove(field);
        }
        Self::format_line(&record)
    }

    fn format_line(record: &ExactFields) -> String {
        let mut line = serde_json::to_string(record).expect("fields are always JSON");
        line.push('\n');
        line
    }

    /// Whether `tail` is the beginning of a truncated record. After other records, a few bytes of
    /// it suffice.
    pub(crate) fn is_torn(tail: &[u8], is_first: bool) -> bool {
        let length = if is_first {
            RECORD_PREFIX.len()
        } else {
            tail.len().min(RECORD_PREFIX.len())
        };
        tail.get(..length) == Some(&RECORD_PREFIX.as_bytes()[..length])
    }
}

/// The fields of a record that later runs and `merge` need.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RecordSummary {
    /// The index of its item in the run that wrote it.
    pub(crate) index: u64,
    /// The `id` of its item.
    pub(crate) id: ExactJson,
    /// The shard that wrote it.
    pub(crate) shard: BatchShard,
    /// The key of its item; only the records of a shard have it.
    pub(crate) key: Option<ItemKey>,
    /// The shortened hash of its request; `None` if there was no request.
    pub(crate) hash: Option<u64>,
    /// The shortened hash of the prompt; `None` in records of earlier versions.
    pub(crate) prompt: Option<u64>,
    /// Whether the item failed.
    pub(crate) is_error: bool,
}

#[derive(Deserialize)]
struct RecordFields<'a> {
    index: u64,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    shard: Option<&'a str>,
    #[serde(borrow)]
    item_key: Option<&'a str>,
    input_hash: Option<String>,
    prompt_hash: Option<String>,
    text: Option<IgnoredAny>,
    message: Option<IgnoredAny>,
    error: Option<IgnoredAny>,
}

impl RecordSummary {
    /// Parses a line; returns `None` if it is not a record.
    pub(crate) fn parse_line(line: &[u8]) -> Option<Self> {
        let fields: RecordFields<'_> = serde_json::from_slice(line).ok()?;
        let is_error = fields.error.is_some();
        let kinds = [is_error, fields.text.is_some(), fields.message.is_some()];
        let hash = match fields.input_hash {
            Some(hash) => Some(shorten_hash(&hash)?),
            None if is_error => None,
            None => return None,
        };
        let shard = match fields.shard {
            Some(shard) => shard.parse().ok()?,
            None => BatchShard::WHOLE,
        };
        let key = match fields.item_key {
            Some(key) => Some(ItemKey::parse(key)?),
            None => None,
        };
        (kinds.iter().filter(|&&is_there| is_there).count() == 1).then_some(Self {
            index: fields.index,
            id: fields
                .id
                .and_then(|id| ExactJson::parse(id.get()).ok())
                .unwrap_or_default(),
            shard,
            key,
            hash,
            prompt: fields.prompt_hash.as_deref().and_then(shorten_hash),
            is_error,
        })
    }
}

/// Shortens a hash to a number: enough to distinguish the items of a batch in eight bytes each.
pub(crate) fn shorten_hash(hash: &str) -> Option<u64> {
    u64::from_str_radix(hash.get(..16)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::ItemReader;

    impl Default for RecordSummary {
        fn default() -> Self {
            Self {
                index: 0,
                id: ExactJson::default(),
                shard: BatchShard::WHOLE,
                key: None,
                hash: None,
                prompt: None,
                is_error: false,
            }
        }
    }

    /// The hash of a prompt.
    const PROMPT: &str = "00112233445566778899aabbccddeeff";

    fn item() -> BatchItem {
        ItemReader::new("`in`").read_line(b"x").expect("not blank")
    }

    #[test]
    fn a_record_can_be_parsed_back() {
        let hash = request_hash(b"{}");
        let usage: Option<Usage> = serde_json::from_value(json!({"input_tokens": 3})).ok();
        let line = RecordLine::format_record(
            &item(),
            BatchShard::WHOLE,
            PROMPT,
            Some(&hash),
            ItemResult::Text("a\nb".to_owned()),
            usage.as_ref(),
        );
        let expected = format!(
            "{{\"index\":0,\"id\":1,\"input_hash\":\"{hash}\",\
             \"prompt_hash\":\"{PROMPT}\",\"text\":\"a\\nb\",\"usage\":{{\"input_tokens\":3}}}}\n"
        );
        assert_eq!(line, expected);
        let found = RecordSummary::parse_line(line.as_bytes()).expect("a record");
        assert_eq!(
            (found.index, found.is_error, found.hash),
            (0, false, shorten_hash(&hash))
        );
        let failed = RecordLine::format_record(
            &item(),
            BatchShard::WHOLE,
            PROMPT,
            None,
            ItemResult::Error(json!({"kind": "usage"}).into()),
            None,
        );
        assert_eq!(
            RecordSummary::parse_line(failed.as_bytes()),
            Some(RecordSummary {
                id: json!(1).into(),
                prompt: shorten_hash(PROMPT),
                is_error: true,
                ..RecordSummary::default()
            }),
            "{failed}"
        );
    }

    #[test]
    fn lines_that_are_not_records_are_recognized() {
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
            assert_eq!(RecordSummary::parse_line(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn a_truncated_record_is_distinguished_from_other_text() {
        for (tail, expected) in [
            ("{", true),
            ("{\"ind", true),
            ("{\"index\":12,\"id", true),
            ("{\"id\"", false),
            ("x", false),
        ] {
            assert_eq!(
                RecordLine::is_torn(tail.as_bytes(), false),
                expected,
                "{tail}"
            );
        }
        assert!(RecordLine::is_torn(b"{\"index\":1", true));
        assert!(!RecordLine::is_torn(b"{", true), "it may be anything");
    }

    #[test]
    fn a_record_can_get_another_place_and_numbers_keep_their_digits() {
        let line = b"{\"index\":12,\"id\":3,\"n\":1.50e2,\"t\":\"z\"}\n";
        let place = |line_id| ItemPlace { index: 4, line_id };
        assert_eq!(
            RecordLine::with_place(line, place(Some(9))),
            "{\"index\":4,\"id\":9,\"n\":1.50e2,\"t\":\"z\"}\n"
        );
        assert_eq!(
            RecordLine::with_place(b"{\"index\": 12, \"id\": \"a\"}", place(None)),
            "{\"index\":4,\"id\":\"a\"}\n"
        );
    }

    #[test]
    fn the_record_of_a_shard_says_so_until_it_is_merged() {
        let format = |shard: &str| {
            let shard = shard.parse().expect("a shard");
            let result = ItemResult::Text("t".to_owned());
            RecordLine::format_record(
                &item(),
                shard,
                PROMPT,
                Some(&request_hash(b"")),
                result,
                None,
            )
        };
        let (line, whole) = (format("2/3"), format("1/1"));
        let found = RecordSummary::parse_line(line.as_bytes()).expect("a record");
        assert_eq!(
            (found.shard.to_string().as_str(), found.key),
            ("2/3", Some(ItemKey::from_bytes(b"x")))
        );
        let merged = RecordLine::merged(line.as_bytes(), item().place());
        assert_eq!(merged, whole);
        let found = RecordSummary::parse_line(whole.as_bytes()).expect("a record");
        assert_eq!((found.shard, found.key), (BatchShard::WHOLE, None));
        for bad in [
            line.replace("2/3", "4/3"),
            line.replace("\"item_key\":\"", "\"item_key\":\"x"),
        ] {
            assert_eq!(RecordSummary::parse_line(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn an_answer_is_text_unless_it_has_other_blocks() {
        let message = |content: Value| {
            serde_json::from_value::<Message>(json!({"content": content})).expect("a message")
        };
        let thinking = json!({"type": "thinking", "thinking": "…", "signature": ""});
        let text = json!({"type": "text", "text": "a"});
        let of = |content| ItemResult::from_message(&message(content));
        assert_eq!(
            of(json!([thinking, text, text])),
            ItemResult::Text("aa".to_owned())
        );
        assert_eq!(of(json!([])), ItemResult::Text(String::new()));
        let call = json!({"type": "tool_use", "id": "1", "name": "f", "input": {}});
        assert!(matches!(
            of(json!([text, call])),
            ItemResult::Message(message) if message["content"][1] == call
        ));
    }
}
