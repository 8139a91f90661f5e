//! The body of `POST …/v1/messages`. Unset fields are not sent.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::content_block::{ContentBlock, Text};
use super::exact_json::ExactFields;
use super::message::Role;
use super::raw_json::UnknownFields;
use super::shared_text::SharedText;
use super::tools::{ToolChoice, ToolDefinition};

/// A request for one answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct CreateMessage {
    /// The model's id.
    pub(crate) model: String,
    /// The maximum number of tokens to generate, at least 1.
    pub(crate) max_tokens: u64,
    /// The system prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) system: Option<SystemPrompt>,
    /// The conversation, starting with a user turn.
    pub(crate) messages: Vec<InputMessage>,
    /// The other fields of the body.
    #[serde(flatten)]
    pub(crate) fields: ExactFields,
    /// The tools that the model may call.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tools: Vec<ToolDefinition>,
    /// Which of them the model may or must call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tool_choice: Option<ToolChoice>,
    /// Whether to stream the answer as events.
    pub(crate) stream: bool,
}

/// The system prompt: one or more text blocks. A single plain block is sent as a string, the API's
/// shorthand.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SystemPrompt(Vec<Text>);

impl SystemPrompt {
    /// Creates a system prompt with one plain block.
    pub(crate) fn from_text(text: impl Into<SharedText>) -> Self {
        Self(vec![Text {
            text: text.into(),
            extra: UnknownFields::default(),
        }])
    }

    /// Returns the fields of the last block that are not its text.
    pub(crate) fn last_extra_mut(&mut self) -> Option<&mut UnknownFields> {
        self.0.last_mut().map(|block| &mut block.extra)
    }

    /// Returns the values of this field of its blocks.
    pub(crate) fn fields(&self, key: &str) -> impl Iterator<Item = Value> {
        self.0.iter().filter_map(move |block| block.extra.get(key))
    }

    /// Returns the text of all blocks, joined by line breaks.
    pub(crate) fn text(&self) -> Cow<'_, str> {
        match self.0.as_slice() {
            [block] => Cow::Borrowed(&block.text),
            blocks => {
                let texts: Vec<&str> = blocks.iter().map(|block| &*block.text).collect();
                Cow::Owned(texts.join("\n"))
            }
        }
    }
}

impl Serialize for SystemPrompt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        /// A block with its type, as in the content of a message.
        #[derive(Serialize)]
        #[serde(tag = "type", rename = "text")]
        struct Tagged<'a> {
            #[serde(flatten)]
            block: &'a Text,
        }
        match self.0.as_slice() {
            [block] if block.extra.is_empty() => block.text.serialize(serializer),
            blocks => serializer.collect_seq(blocks.iter().map(|block| Tagged { block })),
        }
    }
}

/// One turn of the conversation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct InputMessage {
    /// The author.
    pub(crate) role: Role,
    /// The content. A single plain text block is sent as a string, the API's shorthand.
    #[serde(serialize_with = "lone_text_as_string")]
    pub(crate) content: Vec<ContentBlock>,
}

impl InputMessage {
    /// Returns about how many bytes of memory it takes, without files and results of tools.
    pub(crate) fn held_bytes(&self) -> usize {
        self.content.iter().map(ContentBlock::held_bytes).sum()
    }
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
    /// Serializes the body into a buffer of `size_hint` bytes, so that large input is not copied
    /// while the buffer grows.
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
            fields: ExactFields::default(),
            tools: Vec::new(),
            tool_choice: None,
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
    fn every_field_that_is_set_is_sent_in_the_order_in_which_it_was_set() {
        let mut full = request();
        full.system = Some(SystemPrompt::from_text("s"));
        full.fields.insert("temperature", Value::from(0.5));
        full.fields.insert("top_k", Value::from(40));
        let tools = serde_json::json!([{"input_schema": {"type": "object"}, "name": "f"}]);
        full.tools = ToolDefinition::list_from(tools.into()).expect("a list of tools");
        full.tool_choice = Some(ToolChoice::new("auto"));
        full.fields.insert("thinking", Value::Null);
        assert_eq!(
            String::from_utf8(full.to_json(0)).expect("JSON is UTF-8"),
            concat!(
                r#"{"model":"m","max_tokens":5,"system":"s","messages":[{"role":"user","content":"q"}],"#,
                r#""temperature":0.5,"top_k":40,"thinking":null,"#,
                r#""tools":[{"input_schema":{"type":"object"},"name":"f"}],"#,
                r#""tool_choice":{"type":"auto"},"stream":true}"#
            )
        );
    }

    #[test]
    fn a_system_prompt_is_a_string_unless_a_block_of_it_needs_more() {
        let block = |text: &str, extra: Value| Text {
            text: text.into(),
            extra: serde_json::from_value(extra).expect("an object"),
        };
        let mark = serde_json::json!({"cache_control": {"type": "ephemeral"}});
        let plain = serde_json::json!({});
        let json = |system: &SystemPrompt| serde_json::to_string(system).expect("JSON");
        assert_eq!(json(&SystemPrompt::from_text("s")), r#""s""#);
        assert_eq!(
            json(&SystemPrompt(vec![block("s", mark.clone())])),
            r#"[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}]"#
        );
        let two = SystemPrompt(vec![block("a", plain), block("b", mark)]);
        assert_eq!(
            json(&two),
            r#"[{"type":"text","text":"a"},{"type":"text","text":"b","cache_control":{"type":"ephemeral"}}]"#
        );
        assert_eq!(two.text(), "a\nb");
        assert_eq!(SystemPrompt::from_text("s").text(), "s");
    }
}
