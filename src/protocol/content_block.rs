//! The blocks of a message's content, without loss: unknown fields and blocks are written exactly
//! as they were read.
//!
//! Servers that imitate the API omit fields or send null for them, so every field of an answer has
//! a default, except `type`.

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::answer_limit::AnswerSize;
use super::exact_json::ExactJson;
use super::raw_json::{TypedFields, UnknownBlock, UnknownFields};
use super::shared_text::SharedText;
use crate::text::{JsonPlace, JsonShape, MAX_JSON_DEPTH, check_depth, tree_bytes};

/// One block of a message's content.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ContentBlock {
    /// Text, in a request or an answer.
    Text(Text),
    /// An image in a request.
    Image(Media),
    /// A PDF or text document in a request. Unverified against Langdock, whose OpenAPI file does
    /// not list it.
    Document(Media),
    /// The model's reasoning; must be sent back unchanged while a tool turn continues.
    Thinking(Thinking),
    /// Reasoning that only the API can read.
    RedactedThinking(RedactedThinking),
    /// A tool call by the model.
    ToolUse(ToolUse),
    /// The result of a tool call.
    ToolResult(ToolResult),
    /// A block of an unknown type or shape.
    #[serde(untagged)]
    Unknown(UnknownBlock),
}

impl<'de> Deserialize<'de> for ContentBlock {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::from_json(raw.get()).map_err(serde::de::Error::custom)
    }
}

impl ContentBlock {
    /// Parses a list of blocks, which may have megabytes: their text is copied only once.
    ///
    /// # Errors
    ///
    /// If it is not a list, or a string in a block cannot be decoded.
    pub(crate) fn parse_list(text: &str) -> Result<Vec<Self>, serde_json::Error> {
        let blocks: Vec<&RawValue> = serde_json::from_str(text)?;
        blocks
            .into_iter()
            .map(|block| Self::from_json(block.get()))
            .collect()
    }

    /// Parses a block. One of a known type whose fields are not of theirs is kept as unknown.
    fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        check_depth(text.as_bytes(), JsonPlace::Block).map_err(serde::de::Error::custom)?;
        match TypedFields::parse(text).map(Self::from_fields) {
            Ok(Some(block)) => block,
            Ok(None) | Err(_) => UnknownBlock::from_text(text).map(Self::Unknown),
        }
    }

    /// Returns the block with these fields; `None` if its type is not known, or its fields are not
    /// of that type.
    fn from_fields(mut fields: TypedFields<'_>) -> Option<Result<Self, serde_json::Error>> {
        let kind: String = fields.read("type")?;
        Some(match kind.as_str() {
            "text" => Text::from_fields(fields)?.map(Self::Text),
            "image" => Media::from_fields(fields)?.map(Self::Image),
            "document" => Media::from_fields(fields)?.map(Self::Document),
            "thinking" => Thinking::from_fields(fields)?.map(Self::Thinking),
            "redacted_thinking" => {
                RedactedThinking::from_fields(fields)?.map(Self::RedactedThinking)
            }
            "tool_use" => ToolUse::from_fields(fields)?.map(Self::ToolUse),
            "tool_result" => ToolResult::from_fields(fields)?.map(Self::ToolResult),
            _ => return None,
        })
    }

    /// Creates a plain text block.
    pub(crate) fn text(text: impl Into<SharedText>) -> Self {
        Self::Text(Text {
            text: text.into(),
            extra: UnknownFields::default(),
        })
    }

    /// Whether a block of an answer has a type and, if the type is known, its fields. The content
    /// of any other block would be lost silently.
    pub(super) fn is_well_formed(&self) -> bool {
        let Self::Unknown(block) = self else {
            return true;
        };
        !matches!(
            block.kind(),
            None | Some("" | "text" | "thinking" | "redacted_thinking" | "tool_use")
        )
    }

    /// Completes a call with its arguments: `json` is the text of its `input_json_delta` events,
    /// empty if there were none. Arguments that take more than `room` bytes of memory, or nest too
    /// deep, are kept as text. Returns the room that is left.
    pub(super) fn finish_arguments(&mut self, json: String, room: usize) -> usize {
        match self {
            Self::ToolUse(call) => call.finish_arguments(json, room),
            // A `server_tool_use`, for example.
            Self::Unknown(block) if !json.is_empty() => {
                let (left, parsed) = within(&json, room, || ExactJson::parse(&json));
                if let Some(mut fields) = block.to_fields() {
                    match parsed {
                        Some(Ok(input)) => fields.insert("input", &input),
                        Some(Err(_)) | None => fields.insert(PARTIAL_JSON, &json),
                    }
                    block.set_fields(&fields);
                }
                left
            }
            _ => room, // Only calls have arguments.
        }
    }

    /// Returns the unknown fields, for them to grow.
    pub(super) fn take_unknown(&mut self) -> UnknownFields {
        let fields = match self {
            Self::Unknown(block) => block.to_fields(),
            block => block.extra_mut().map(std::mem::take),
        };
        fields.unwrap_or_default()
    }

    /// Sets the unknown fields.
    pub(super) fn set_unknown(&mut self, fields: UnknownFields) {
        match self {
            Self::Unknown(block) => block.set_fields(&fields),
            block => {
                if let Some(extra) = block.extra_mut() {
                    *extra = fields;
                }
            }
        }
    }

    /// Returns what it takes in an answer.
    pub(super) fn size(&self) -> AnswerSize {
        let (content, values) = match self {
            Self::Text(text) => (AnswerSize::of_text(&text.text), text.extra.tree_bytes()),
            Self::Thinking(thinking) => (
                AnswerSize::of_text(&thinking.thinking) + thinking.signature.len(),
                thinking.extra.tree_bytes(),
            ),
            Self::RedactedThinking(redacted) => (redacted.data.len(), redacted.extra.tree_bytes()),
            Self::ToolUse(call) => (
                call.id.len() + call.name.len() + call.partial_json.as_ref().map_or(0, String::len),
                tree_bytes(&call.input) + call.extra.tree_bytes(),
            ),
            Self::Image(media) | Self::Document(media) => {
                let source = match &media.source {
                    Source::Bytes(raw) => raw.bytes.len(),
                    Source::Json(source) => tree_bytes(source),
                };
                (0, source + media.extra.tree_bytes())
            }
            Self::ToolResult(result) => (
                result.tool_use_id.len(),
                result.content.as_deref().map_or(0, tree_bytes) + result.extra.tree_bytes(),
            ),
            Self::Unknown(block) => (0, block.tree_bytes()),
        };
        AnswerSize { content, values }
    }

    /// Returns about how many bytes of memory it takes; none for files and results of tools, in
    /// which pictures may still become smaller.
    pub(super) fn held_bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.text.len() + text.extra.tree_bytes(),
            Self::Thinking(thinking) => thinking.thinking.len() + thinking.signature.len(),
            Self::Image(_) | Self::Document(_) | Self::ToolResult(_) => 0,
            other => {
                let size = other.size();
                size.content + size.values
            }
        }
    }

    /// Whether this is the model's reasoning.
    pub(crate) fn is_thinking(&self) -> bool {
        matches!(self, Self::Thinking(_) | Self::RedactedThinking(_))
    }

    /// Returns the unknown fields for changes; `None` for a block of an unknown type.
    pub(crate) fn extra_mut(&mut self) -> Option<&mut UnknownFields> {
        match self {
            Self::Text(text) => Some(&mut text.extra),
            Self::Image(media) | Self::Document(media) => Some(&mut media.extra),
            Self::Thinking(thinking) => Some(&mut thinking.extra),
            Self::RedactedThinking(redacted) => Some(&mut redacted.extra),
            Self::ToolUse(call) => Some(&mut call.extra),
            Self::ToolResult(result) => Some(&mut result.extra),
            Self::Unknown(_) => None,
        }
    }

    /// Parses a field that is unknown; `None` if there is no such field.
    pub(crate) fn unknown_field(&self, key: &str) -> Option<Value> {
        match self {
            Self::Text(text) => text.extra.get(key),
            Self::Image(media) | Self::Document(media) => media.extra.get(key),
            Self::Thinking(thinking) => thinking.extra.get(key),
            Self::RedactedThinking(redacted) => redacted.extra.get(key),
            Self::ToolUse(call) => call.extra.get(key),
            Self::ToolResult(result) => result.extra.get(key),
            Self::Unknown(block) => block.get(key),
        }
    }

    /// Removes such a field.
    pub(crate) fn remove_unknown(&mut self, key: &str) {
        if let Some(extra) = self.extra_mut() {
            extra.shift_remove(key);
        } else if let Self::Unknown(block) = self
            && let Some(mut fields) = block.to_fields()
        {
            fields.shift_remove(key);
            block.set_fields(&fields);
        }
    }

    /// Returns the name of the tool, if this is a call with arguments that are not a JSON object.
    pub(super) fn broken_call(&self) -> Option<String> {
        match self {
            Self::ToolUse(call) => call.partial_json.as_ref().map(|_| call.name.clone()),
            Self::Unknown(block) => block.get(PARTIAL_JSON).map(|_| {
                let name = block.get("name");
                let name = name.as_ref().and_then(Value::as_str);
                name.unwrap_or("?").to_owned()
            }),
            _ => None,
        }
    }
}

/// Parses arguments, unless they take more than `room` bytes of memory or nest too deep. Returns
/// the room that is left too.
fn within<T>(json: &str, room: usize, parse: impl FnOnce() -> T) -> (usize, Option<T>) {
    match (JsonShape::of_text(json.as_bytes()), room) {
        (JsonShape { depth, tree_bytes }, room)
            if depth <= MAX_JSON_DEPTH && tree_bytes <= room =>
        {
            (room - tree_bytes, Some(parse()))
        }
        _ => (room, None),
    }
}

/// The field for invalid JSON arguments in a call of an unknown type.
pub(super) const PARTIAL_JSON: &str = "partial_json";

/// The fields of a `text` block.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Text {
    /// The text.
    pub(crate) text: SharedText,
    /// Unknown fields, including `citations` and `cache_control`.
    #[serde(flatten)]
    pub(crate) extra: UnknownFields,
}

/// A block of a known type, or the error of a string in it that cannot be decoded.
type BlockResult<T> = Result<T, serde_json::Error>;

impl Text {
    fn from_fields(mut fields: TypedFields<'_>) -> Option<BlockResult<Self>> {
        let text = fields.read_or_default("text")?;
        Some(fields.into_unknown().map(|extra| Self { text, extra }))
    }
}

/// The fields of an `image` or `document` block.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Media {
    /// The content.
    pub(crate) source: Source,
    /// Unknown fields, such as `title`.
    #[serde(flatten)]
    pub(crate) extra: UnknownFields,
}

impl Media {
    fn from_fields(mut fields: TypedFields<'_>) -> Option<BlockResult<Self>> {
        let source = ExactJson::parse_written(fields.take("source")?.get());
        let extra = fields.into_unknown();
        Some(source.and_then(|source| {
            Ok(Self {
                source: Source::Json(source),
                extra: extra?,
            })
        }))
    }

    /// Creates a block with the bytes of a file.
    pub(crate) fn new(media_type: &'static str, bytes: Bytes) -> Self {
        Self {
            source: Source::Bytes(RawSource { media_type, bytes }),
            extra: UnknownFields::default(),
        }
    }
}

/// The content of an image or document.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Source {
    /// The bytes of a file, encoded as base64 only while the body is written, so that they are
    /// never held twice.
    Bytes(RawSource),
    /// Any other source, unchanged.
    Json(ExactJson),
}

/// The bytes of a file and their media type.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RawSource {
    /// The media type, detected from the content.
    pub(crate) media_type: &'static str,
    /// The file.
    pub(crate) bytes: Bytes,
}

impl Serialize for RawSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Base64Source<'a> {
            r#type: &'static str,
            media_type: &'static str,
            #[serde(serialize_with = "as_text")]
            data: Base64Display<'a, 'static, base64::engine::GeneralPurpose>,
        }
        fn as_text<S: Serializer>(
            data: &impl std::fmt::Display,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            serializer.collect_str(data)
        }
        let data = Base64Display::new(&self.bytes, &STANDARD);
        Base64Source {
            r#type: "base64",
            media_type: self.media_type,
            data,
        }
        .serialize(serializer)
    }
}

/// The fields of a `thinking` block.
#[allow(clippy::struct_field_names)] // The API's own names.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Thinking {
    /// The reasoning; empty if the model does not show it.
    pub(crate) thinking: SharedText,
    /// The API's signature.
    pub(crate) signature: String,
    /// Unknown fields.
    #[serde(flatten)]
    pub(crate) extra: UnknownFields,
}

impl Thinking {
    fn from_fields(mut fields: TypedFields<'_>) -> Option<BlockResult<Self>> {
        let thinking = fields.read_or_default("thinking")?;
        let signature = fields.read_or_default("signature")?;
        let extra = fields.into_unknown();
        Some(extra.map(|extra| Self {
            thinking,
            signature,
            extra,
        }))
    }
}

/// The fields of a `redacted_thinking` block.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct RedactedThinking {
    /// The encrypted reasoning.
    pub(crate) data: String,
    /// Unknown fields.
    #[serde(flatten)]
    pub(crate) extra: UnknownFields,
}

impl RedactedThinking {
    fn from_fields(mut fields: TypedFields<'_>) -> Option<BlockResult<Self>> {
        let data = fields.read_or_default("data")?;
        Some(fields.into_unknown().map(|extra| Self { data, extra }))
    }
}

/// The fields of a `tool_use` block.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct ToolUse {
    /// The call's id, to which its result refers.
    pub(crate) id: String,
    /// The tool's name.
    pub(crate) name: String,
    /// The arguments, an object; empty if `partial_json` is set.
    pub(crate) input: ExactJson,
    /// Arguments that are not a JSON object, as text: truncated JSON, another type of value, or not
    /// JSON at all. Kept for `--json` and saved turns; the API refuses it in a request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) partial_json: Option<String>,
    /// Unknown fields.
    #[serde(flatten)]
    pub(crate) extra: UnknownFields,
}

fn empty_object() -> ExactJson {
    Value::Object(Map::new()).into()
}

impl ToolUse {
    fn from_fields(mut fields: TypedFields<'_>) -> Option<BlockResult<Self>> {
        let id = fields.read_or_default("id")?;
        let name = fields.read_or_default("name")?;
        let partial_json = fields.read_or_default("partial_json")?;
        let input = match fields.take("input").map(RawValue::get) {
            None | Some("null") => Ok(empty_object()),
            Some(input) => ExactJson::parse_written(input),
        };
        let extra = fields.into_unknown();
        Some(input.and_then(|input| {
            Ok(Self {
                id,
                name,
                input,
                partial_json,
                extra: extra?,
            })
        }))
    }

    /// Creates a call with these arguments.
    pub(crate) fn new(
        id: impl Into<String>,
        name: impl Into<String>,
        input: impl Into<ExactJson>,
    ) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            input: input.into(),
            partial_json: None,
            extra: UnknownFields::default(),
        }
    }

    /// Returns the arguments as JSON text; invalid ones are returned unchanged.
    pub(crate) fn arguments(&self) -> String {
        self.partial_json
            .clone()
            .unwrap_or_else(|| self.input.to_string())
    }

    /// Whether no arguments have been received.
    pub(super) fn has_no_arguments(&self) -> bool {
        let is_empty = match &*self.input {
            Value::Object(fields) => fields.is_empty(),
            Value::String(json) => json.is_empty(),
            _ => false,
        };
        is_empty && self.partial_json.is_none()
    }

    /// Parses the arguments from `json`, or from the input in the block's start if `json` is empty.
    /// Blank text and null mean no arguments, as in the SDKs.
    fn finish_arguments(&mut self, json: String, room: usize) -> usize {
        let initial = std::mem::replace(&mut self.input, empty_object());
        let json = match &*initial {
            _ if !json.is_empty() => json,
            Value::Object(_) => {
                self.input = initial;
                return room;
            }
            Value::String(text) => text.clone(),
            _ => initial.to_string(),
        };
        let (left, parsed) = within(&json, room, || ExactJson::parse(&json));
        match parsed {
            Some(Ok(input)) if input.is_object() => self.input = input,
            Some(Ok(input)) if input.is_null() => {}
            Some(Err(_)) if json.trim_ascii().is_empty() => {}
            Some(Ok(_) | Err(_)) | None => self.partial_json = Some(json),
        }
        left
    }
}

/// The fields of a `tool_result` block.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct ToolResult {
    /// The id of the call it belongs to.
    pub(crate) tool_use_id: String,
    /// Text or blocks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content: Option<ExactJson>,
    /// Whether the call failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) is_error: Option<bool>,
    /// Unknown fields.
    #[serde(flatten)]
    pub(crate) extra: UnknownFields,
}

impl ToolResult {
    fn from_fields(mut fields: TypedFields<'_>) -> Option<BlockResult<Self>> {
        let tool_use_id = fields.read("tool_use_id")?;
        let is_error = fields.read_or_default("is_error")?;
        let content = fields.take("content").map(RawValue::get);
        let content = content.filter(|content| *content != "null");
        let content = content.map(ExactJson::parse_written).transpose();
        let extra = fields.into_unknown();
        Some(content.and_then(|content| {
            Ok(Self {
                tool_use_id,
                content,
                is_error,
                extra: extra?,
            })
        }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_block_comes_out_as_it_came_in() {
        for block in [
            json!({"type": "text", "text": "hi", "citations": [{"cited_text": "x"}]}),
            json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}),
            json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}, "title": "t"}),
            json!({"type": "thinking", "thinking": "", "signature": "sig"}),
            json!({"type": "redacted_thinking", "data": "abc"}),
            json!({"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}, "caller": {"type": "direct"}}),
            json!({"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "x"}]}),
            json!({"type": "tool_result", "tool_use_id": "toolu_1", "is_error": true}),
            json!({"type": "web_search_tool_result", "content": [1, {"b": null}]}),
            json!({"type": "text", "text": 7}),
            json!({"type": "tool_use", "id": "t", "name": "f", "input": {}, "partial_json": "{\"a"}),
        ] {
            let parsed: ContentBlock =
                serde_json::from_value(block.clone()).expect("any block is accepted");
            assert_eq!(
                serde_json::to_value(&parsed).expect("a block is JSON"),
                block
            );
        }
    }

    #[test]
    fn arguments_that_are_not_an_object_are_kept_as_text() {
        for (began_with, json, input, partial_json) in [
            (json!({}), "", json!({}), None),
            (json!({"a": 1}), "", json!({"a": 1}), None),
            (json!({"a": 1}), "{\"b\": 2}", json!({"b": 2}), None),
            (json!(""), "", json!({}), None),
            (json!("{\"a\": 1}"), "", json!({"a": 1}), None),
            (json!({}), " \n", json!({}), None),
            (json!({}), "null", json!({}), None),
            (json!({}), "{\"a", json!({}), Some("{\"a")),
            (json!({}), "look it up", json!({}), Some("look it up")),
            (json!({}), "[1, 2]", json!({}), Some("[1, 2]")),
            (json!([1, 2]), "", json!({}), Some("[1,2]")),
            (json!("Paris"), "", json!({}), Some("Paris")),
            (json!(7), "", json!({}), Some("7")),
        ] {
            let mut call = ToolUse::new("t", "f", began_with);
            call.finish_arguments(json.to_owned(), usize::MAX);
            assert_eq!(call.input, input, "{json}");
            assert_eq!(call.partial_json.as_deref(), partial_json, "{json}");
        }
    }

    #[test]
    fn bytes_become_a_base64_source() {
        let block = ContentBlock::Image(Media::new("image/gif", Bytes::from_static(b"GIF89a\xff")));
        assert_eq!(
            serde_json::to_string(&block).expect("a block is JSON"),
            r#"{"type":"image","source":{"type":"base64","media_type":"image/gif","data":"R0lGODlh/w=="}}"#
        );
    }
}
