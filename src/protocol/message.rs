//! A message, without loss: unknown fields are written exactly as they were read.
//!
//! Servers that imitate the API omit fields or send null for them, so every field of an answer has
//! a default, except the content of an unstreamed message.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::answer_limit::AnswerLimit;
use super::content_block::{ContentBlock, PARTIAL_JSON};
use super::raw_json::{TypedFields, UnknownFields};
use super::usage::Usage;
use crate::text::{JsonShape, MAX_JSON_DEPTH};

/// The author of a turn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// The user.
    User,
    /// The model; Langdock's OpenAPI file calls it `agent` in places.
    #[default]
    #[serde(alias = "agent")]
    Assistant,
}

/// An answer from the model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Message {
    /// The message's id.
    pub(crate) id: String,
    /// Always `message`.
    #[serde(rename = "type")]
    pub(crate) kind: MessageType,
    /// Always the assistant.
    pub(crate) role: Role,
    /// The model that answered.
    pub(crate) model: String,
    /// The content. It has no default: JSON without it is not a message.
    pub(crate) content: Vec<ContentBlock>,
    /// Why the model stopped; `None` only while the message is being streamed.
    pub(crate) stop_reason: Option<StopReason>,
    /// The stop sequence that was reached, if any.
    pub(crate) stop_sequence: Option<String>,
    /// The token counts.
    pub(crate) usage: Usage,
    /// Unknown fields, such as `stop_details`.
    #[serde(flatten)]
    pub(crate) extra: UnknownFields,
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::from_json(raw.get()).map_err(serde::de::Error::custom)
    }
}

/// The error for a block that is not well-formed.
pub(super) const MALFORMED_BLOCK: &str =
    "a content block has no type, or lacks the fields of its type";

impl Message {
    /// Parses a message.
    ///
    /// # Errors
    ///
    /// If it is not one, or a string in it cannot be decoded.
    pub(super) fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        let mut fields = TypedFields::parse(text)?;
        let content: Option<Vec<ContentBlock>> = fields.required("content")?;
        Self::with_content(content.unwrap_or_default(), fields)
    }

    /// Parses the message of `message_start`. Its content follows in later events, so servers may
    /// omit even `content`.
    ///
    /// # Errors
    ///
    /// As for [`Self::from_json`].
    pub(super) fn from_start(text: &str) -> Result<Self, serde_json::Error> {
        let mut fields = TypedFields::parse(text)?;
        let content = fields.optional("content")?;
        Self::with_content(content, fields)
    }

    fn with_content(
        content: Vec<ContentBlock>,
        mut fields: TypedFields<'_>,
    ) -> Result<Self, serde_json::Error> {
        if !content.iter().all(ContentBlock::is_well_formed) {
            return Err(serde::de::Error::custom(MALFORMED_BLOCK));
        }
        Ok(Self {
            id: fields.optional("id")?,
            kind: fields.optional("type")?,
            role: fields.optional("role")?,
            model: fields.optional("model")?,
            content,
            stop_reason: fields.optional("stop_reason")?,
            stop_sequence: fields.optional("stop_sequence")?,
            usage: fields.optional("usage")?,
            extra: fields.into_unknown()?,
        })
    }

    /// Returns the text of all text blocks, concatenated.
    pub(crate) fn text(&self) -> String {
        self.content
            .iter()
            .filter_map(|block| {
                if let ContentBlock::Text(text) = block {
                    Some(&*text.text)
                } else {
                    None
                }
            })
            .collect()
    }

    /// Returns what an answer lacks that its stop reason promises; none if it is not known to lack
    /// anything.
    pub(crate) fn missing_part(&self) -> Option<MissingPart> {
        let says_something = |block: &ContentBlock| match block {
            ContentBlock::Text(text) => !text.text.is_empty(),
            block => !block.is_thinking(),
        };
        let is_call = |block: &ContentBlock| match block {
            ContentBlock::ToolUse(_) => true,
            // Calls of the server's own tools, and of those of MCP servers.
            ContentBlock::Unknown(block) => {
                block.kind().is_some_and(|kind| kind.ends_with("tool_use"))
            }
            _ => false,
        };
        match self.stop_reason.as_ref()? {
            StopReason::EndTurn if !self.content.iter().any(says_something) => {
                Some(MissingPart::Content)
            }
            StopReason::ToolUse if !self.content.iter().any(is_call) => Some(MissingPart::Call),
            _ => None,
        }
    }

    /// Completes the calls of a message that has come whole, as [`ContentBlock::finish_arguments`]
    /// does.
    pub(super) fn finish_arguments(&mut self, room: usize) -> usize {
        let blocks = self.content.iter_mut();
        blocks.fold(room, |room, block| {
            block.finish_arguments(String::new(), room)
        })
    }

    /// Returns the limit that the arguments of a call exceed.
    pub(crate) fn exceeded_limit(&self) -> Option<AnswerLimit> {
        let arguments = self.content.iter().filter_map(|block| match block {
            ContentBlock::ToolUse(call) => call.partial_json.as_deref().map(Cow::Borrowed),
            ContentBlock::Unknown(block) => match block.get(PARTIAL_JSON)? {
                Value::String(json) => Some(Cow::Owned(json)),
                _ => None,
            },
            _ => None,
        });
        let shapes = arguments.map(|json| JsonShape::of_text(json.as_bytes()));
        shapes.fold(None, |exceeded, shape| {
            if shape.depth > MAX_JSON_DEPTH {
                Some(AnswerLimit::Depth)
            } else if shape.tree_bytes > AnswerLimit::Values.most() {
                Some(AnswerLimit::Values)
            } else {
                exceeded
            }
        })
    }

    /// Returns the name of a tool that the model called with arguments that are not a JSON object;
    /// `None` if the answer was truncated or refused before they could be complete.
    pub(crate) fn broken_call(&self) -> Option<String> {
        let is_cut_off = matches!(
            self.stop_reason,
            Some(
                StopReason::MaxTokens
                    | StopReason::ModelContextWindowExceeded
                    | StopReason::Refusal
            )
        );
        self.content
            .iter()
            .find_map(ContentBlock::broken_call)
            .filter(|_| !is_cut_off)
    }
}

/// What an answer lacks, although it ended as if it were whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MissingPart {
    /// Everything: it ended its turn without a word and without a call.
    Content,
    /// The tool call that it stopped for.
    Call,
}

/// The only valid `type` of a message.
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
    /// The model completed its turn.
    EndTurn,
    /// The answer reached `max_tokens`, or the model's own maximum.
    MaxTokens,
    /// The answer reached one of the request's stop sequences.
    StopSequence,
    /// The model called tools.
    ToolUse,
    /// The model paused; it continues when its content is sent back.
    PauseTurn,
    /// The model refused for safety reasons.
    Refusal,
    /// The context window is full.
    ModelContextWindowExceeded,
    /// An unknown reason.
    #[serde(untagged)]
    Other(String),
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_missing_or_null_field_has_its_default() {
        for (sparse, expected) in [
            (json!({"type": "text"}), json!({"type": "text", "text": ""})),
            (
                json!({"type": "thinking"}),
                json!({"type": "thinking", "thinking": "", "signature": ""}),
            ),
            (
                json!({"type": "redacted_thinking"}),
                json!({"type": "redacted_thinking", "data": ""}),
            ),
            (
                json!({"type": "tool_use"}),
                json!({"type": "tool_use", "id": "", "name": "", "input": {}}),
            ),
            (
                json!({"content": null}),
                json!({
                    "id": "", "type": "message", "role": "assistant", "model": "", "content": [],
                    "stop_reason": null, "stop_sequence": null, "usage": {},
                }),
            ),
        ] {
            let mut nulls = expected.clone();
            for (key, value) in nulls.as_object_mut().expect("an object") {
                if sparse.get(key).is_none() {
                    *value = Value::Null;
                }
            }
            for json in [sparse, nulls] {
                let read = if json.get("content").is_some() {
                    serde_json::from_value::<Message>(json).and_then(serde_json::to_value)
                } else {
                    serde_json::from_value::<ContentBlock>(json).and_then(serde_json::to_value)
                };
                assert_eq!(read.expect("it is read"), expected);
            }
        }
    }

    #[test]
    fn a_malformed_block_of_an_answer_is_an_error() {
        for block in [
            json!({"type": "text", "text": ["a"]}),
            json!({"type": "tool_use", "id": 7}),
            json!({"type": null, "text": "a"}),
            json!({"text": "a"}),
            json!("a"),
        ] {
            let message = json!({"content": [block]});
            let read = serde_json::from_value::<Message>(message);
            assert!(read.is_err_and(|error| error.to_string() == MALFORMED_BLOCK));
        }
    }

    #[test]
    fn a_call_is_broken_only_if_the_model_was_not_cut_off() {
        let broken = |reason: &str, kind: &str| {
            let block =
                json!({"type": kind, "id": "t", "name": "f", "input": {}, "partial_json": "{"});
            let message = json!({"content": [block], "stop_reason": reason});
            let message: Message = serde_json::from_value(message).expect("a message");
            message.broken_call()
        };
        for kind in ["tool_use", "server_tool_use"] {
            for reason in ["tool_use", "end_turn", "pause_turn", "new_reason"] {
                assert_eq!(broken(reason, kind).as_deref(), Some("f"), "{reason}");
            }
            for reason in ["max_tokens", "model_context_window_exceeded", "refusal"] {
                assert_eq!(broken(reason, kind), None, "{reason}");
            }
        }
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
