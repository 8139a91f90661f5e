//! A message and its content blocks, lossless: fields and blocks that are not known here come out
//! as they came in.

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

/// Who speaks in a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// The person.
    User,
    /// The model; Langdock's OpenAPI file calls it `agent` in places.
    #[serde(alias = "agent")]
    Assistant,
}

/// One block of a message's content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ContentBlock {
    /// Text of either side.
    Text(Text),
    /// A picture in a request.
    Image(Media),
    /// A PDF or text document in a request. Unverified against Langdock, whose OpenAPI file does
    /// not list it.
    Document(Media),
    /// The model's reasoning; goes back unchanged when a tool turn goes on.
    Thinking(Thinking),
    /// Reasoning that only the API can read.
    RedactedThinking(RedactedThinking),
    /// A call that the model asks for.
    ToolUse(ToolUse),
    /// What a call gave.
    ToolResult(ToolResult),
    /// A block of a type, or of a shape, that is not known here.
    #[serde(untagged)]
    Unknown(Value),
}

impl ContentBlock {
    /// A plain text block.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(Text {
            text: text.into(),
            extra: Map::new(),
        })
    }
}

/// The fields of a `text` block.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Text {
    /// The text.
    pub(crate) text: String,
    /// Fields not known here, `citations` and `cache_control` among them.
    #[serde(flatten)]
    pub(crate) extra: Map<String, Value>,
}

/// The fields of an `image` or `document` block.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Media {
    /// Where the bytes are.
    pub(crate) source: Source,
    /// Fields not known here, such as `title`.
    #[serde(flatten)]
    pub(crate) extra: Map<String, Value>,
}

impl Media {
    /// A block around the bytes of a file.
    pub(crate) fn new(media_type: &'static str, bytes: Bytes) -> Self {
        Self {
            source: Source::Bytes(RawSource { media_type, bytes }),
            extra: Map::new(),
        }
    }
}

/// The bytes of an image or document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Source {
    /// Bytes of a file, turned into base64 while the body is written, so that they are never held
    /// twice.
    #[serde(skip_deserializing)]
    Bytes(RawSource),
    /// A source as it came.
    Json(Value),
}

/// The bytes of a file and what they are.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RawSource {
    /// The media type, told by the bytes.
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Thinking {
    /// The reasoning, empty where the model does not show it.
    pub(crate) thinking: String,
    /// The API's seal on it.
    #[serde(default)]
    pub(crate) signature: String,
    /// Fields not known here.
    #[serde(flatten)]
    pub(crate) extra: Map<String, Value>,
}

/// The fields of a `redacted_thinking` block.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RedactedThinking {
    /// The sealed reasoning.
    pub(crate) data: String,
    /// Fields not known here.
    #[serde(flatten)]
    pub(crate) extra: Map<String, Value>,
}

/// The fields of a `tool_use` block.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ToolUse {
    /// The call's id, which its result names.
    pub(crate) id: String,
    /// The tool.
    pub(crate) name: String,
    /// The arguments, an object.
    pub(crate) input: Value,
    /// Fields not known here; `partial_json` holds arguments that broke off before they were whole.
    #[serde(flatten)]
    pub(crate) extra: Map<String, Value>,
}

/// The fields of a `tool_result` block.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ToolResult {
    /// The call it answers.
    pub(crate) tool_use_id: String,
    /// Text, or blocks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) content: Option<Value>,
    /// Whether the call failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) is_error: Option<bool>,
    /// Fields not known here.
    #[serde(flatten)]
    pub(crate) extra: Map<String, Value>,
}

/// An answer of the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Message {
    /// The API's id.
    #[serde(default)]
    pub(crate) id: String,
    /// Always `message`.
    #[serde(rename = "type", default)]
    pub(crate) kind: MessageType,
    /// Always the assistant.
    #[serde(default = "assistant")]
    pub(crate) role: Role,
    /// The model that answered.
    #[serde(default)]
    pub(crate) model: String,
    /// The answer.
    pub(crate) content: Vec<ContentBlock>,
    /// Why the model stopped; none only while it is still streaming.
    #[serde(default)]
    pub(crate) stop_reason: Option<StopReason>,
    /// The stop sequence that was met.
    #[serde(default)]
    pub(crate) stop_sequence: Option<String>,
    /// The tokens.
    #[serde(default)]
    pub(crate) usage: Usage,
    /// Fields not known here, such as `stop_details`.
    #[serde(flatten)]
    pub(crate) extra: Map<String, Value>,
}

fn assistant() -> Role {
    Role::Assistant
}

impl Message {
    /// The text of all text blocks, one after the other.
    pub(crate) fn text(&self) -> String {
        self.content
            .iter()
            .filter_map(|block| {
                if let ContentBlock::Text(text) = block {
                    Some(text.text.as_str())
                } else {
                    None
                }
            })
            .collect()
    }
}

/// The one value of a message's `type`; anything else is no message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum MessageType {
    /// `message`
    #[default]
    #[serde(rename = "message")]
    Message,
}

/// Why the model stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StopReason {
    /// The natural end.
    EndTurn,
    /// `max_tokens` of the request, or the model's own.
    MaxTokens,
    /// One of the request's stop sequences.
    StopSequence,
    /// The model asks for tools.
    ToolUse,
    /// The model pauses; sending its content back lets it go on.
    PauseTurn,
    /// A safety stop.
    Refusal,
    /// The context window is full.
    ModelContextWindowExceeded,
    /// A reason not known here.
    #[serde(untagged)]
    Other(String),
}

/// The token counts, as a map, since the API adds to them; all but input and output may be missing
/// or null.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Usage(pub(crate) Map<String, Value>);

impl Usage {
    /// Tokens that were read, cached ones included.
    pub(crate) fn total_input_tokens(&self) -> u64 {
        // What a server says is any number.
        let sent = self
            .count("input_tokens")
            .saturating_add(self.count("cache_creation_input_tokens"));
        sent.saturating_add(self.cache_read_tokens())
    }

    /// Tokens that came out of the cache.
    pub(crate) fn cache_read_tokens(&self) -> u64 {
        self.count("cache_read_input_tokens")
    }

    /// Tokens that were written.
    pub(crate) fn output_tokens(&self) -> u64 {
        self.count("output_tokens")
    }

    /// Takes over newer counts. They are cumulative, so they replace the old ones; null says
    /// nothing.
    pub(crate) fn overwrite(&mut self, newer: Self) {
        for (key, value) in newer.0 {
            if !value.is_null() {
                self.0.insert(key, value);
            }
        }
    }

    fn count(&self, key: &str) -> u64 {
        self.0.get(key).and_then(Value::as_u64).unwrap_or(0)
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
            json!({"type": "text", "no_text": true}),
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
    fn bytes_become_a_base64_source() {
        let block = ContentBlock::Image(Media::new("image/gif", Bytes::from_static(b"GIF89a\xff")));
        assert_eq!(
            serde_json::to_string(&block).expect("a block is JSON"),
            r#"{"type":"image","source":{"type":"base64","media_type":"image/gif","data":"R0lGODlh/w=="}}"#
        );
    }

    #[test]
    fn usage_is_overwritten_and_never_added() {
        let mut usage = Usage(
            json!({"input_tokens": 25, "output_tokens": 1})
                .as_object()
                .expect("a map")
                .clone(),
        );
        let newer =
            json!({"input_tokens": null, "output_tokens": 15, "cache_read_input_tokens": 7});
        usage.overwrite(Usage(newer.as_object().expect("a map").clone()));
        assert_eq!(
            (
                usage.total_input_tokens(),
                usage.output_tokens(),
                usage.cache_read_tokens()
            ),
            (32, 15, 7)
        );
    }

    #[test]
    fn a_stop_reason_that_is_not_known_is_kept() {
        let reason: StopReason =
            serde_json::from_value(json!("compaction")).expect("any text is accepted");
        assert_eq!(reason, StopReason::Other("compaction".into()));
        assert_eq!(
            serde_json::to_value(reason).expect("a reason is JSON"),
            json!("compaction")
        );
    }

    #[test]
    fn an_agent_is_the_assistant() {
        let message: Message =
            serde_json::from_value(json!({"role": "agent", "content": []})).expect("a message");
        assert_eq!(message.role, Role::Assistant);
    }
}
