//! The body of `POST …/v1/messages`. What was not set is not sent.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::message::{ContentBlock, Role};

/// A request for one answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct CreateMessage {
    /// The model's id.
    pub(crate) model: String,
    /// The most tokens to write, at least 1.
    pub(crate) max_tokens: u64,
    /// What the model is told apart from the conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) system: Option<SystemPrompt>,
    /// The conversation, the first turn the user's.
    pub(crate) messages: Vec<InputMessage>,
    /// Texts at which the model stops.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) stop_sequences: Vec<String>,
    /// 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) temperature: Option<f64>,
    /// 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) top_p: Option<f64>,
    /// At least 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) top_k: Option<u64>,
    /// Who is asking, for abuse detection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metadata: Option<Metadata>,
    /// Any other field of the body, as given.
    #[serde(flatten)]
    pub(crate) extra: Map<String, Value>,
    /// Whether the answer comes as events.
    pub(crate) stream: bool,
}

/// The system prompt.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct SystemPrompt(pub(crate) String);

/// The field `metadata`. Unverified against Langdock, whose newer OpenAPI file does not list it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Metadata {
    /// An opaque id of the person, never a name or an address.
    pub(crate) user_id: String,
}

/// One turn of the conversation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct InputMessage {
    /// Whose turn.
    pub(crate) role: Role,
    /// What was said. A lone plain text goes out as a string, the API's shorthand.
    #[serde(serialize_with = "lone_text_as_string")]
    pub(crate) content: Vec<ContentBlock>,
}

fn lone_text_as_string<S: Serializer>(
    content: &[ContentBlock],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match content {
        [ContentBlock::Text(text)] if text.extra.is_empty() => text.text.serialize(serializer),
        blocks => blocks.serialize(serializer),
    }
}

impl CreateMessage {
    /// Writes the body, with room for `size_hint` bytes from the start, so that large input is not
    /// copied while it grows.
    pub(crate) fn to_json(&self, size_hint: usize) -> Vec<u8> {
        let mut body = Vec::with_capacity(size_hint);
        serde_json::to_writer(&mut body, self)
            .expect("maps with string keys written to memory are always JSON");
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> CreateMessage {
        CreateMessage {
            model: "m".into(),
            max_tokens: 5,
            system: None,
            messages: vec![InputMessage {
                role: Role::User,
                content: vec![ContentBlock::text("q")],
            }],
            stop_sequences: Vec::new(),
            temperature: None,
            top_p: None,
            top_k: None,
            metadata: None,
            extra: Map::new(),
            stream: true,
        }
    }

    #[test]
    fn what_was_not_set_is_not_sent() {
        assert_eq!(
            String::from_utf8(request().to_json(0)).expect("JSON is UTF-8"),
            r#"{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"q"}],"stream":true}"#
        );
    }

    #[test]
    fn every_field_of_the_seed_is_sent_when_set() {
        let mut full = request();
        full.system = Some(SystemPrompt("s".into()));
        full.stop_sequences = vec!["END".into()];
        (full.temperature, full.top_p, full.top_k) = (Some(0.5), Some(0.9), Some(40));
        full.metadata = Some(Metadata {
            user_id: "u".into(),
        });
        full.extra.insert(
            "tools".into(),
            serde_json::json!([{"name": "f", "input_schema": {"type": "object"}}]),
        );
        full.extra
            .insert("tool_choice".into(), serde_json::json!({"type": "auto"}));
        let body: Value = serde_json::from_slice(&full.to_json(0)).expect("a body is JSON");
        assert_eq!(
            body,
            serde_json::json!({
                "model": "m", "max_tokens": 5, "system": "s", "messages": [{"role": "user", "content": "q"}],
                "stop_sequences": ["END"], "temperature": 0.5, "top_p": 0.9, "top_k": 40,
                "metadata": {"user_id": "u"}, "tools": [{"name": "f", "input_schema": {"type": "object"}}],
                "tool_choice": {"type": "auto"}, "stream": true
            })
        );
    }
}
