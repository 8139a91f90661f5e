//! Converts an answer into the API's formats: a single message, or the events of a stream.

use bytes::Bytes;
use serde_json::{Value, json};

use super::prompt_cache::InputTokens;
use super::script::{AnswerBlock, ScriptedAnswer};

/// Deltas between two pings.
const DELTAS_PER_PING: usize = 20;

/// The length of a piece of a call's arguments, in characters.
const JSON_PIECE: usize = 12;

/// An event of a stream.
#[derive(Debug, PartialEq)]
pub(super) struct StreamEvent {
    data: Value,
}

impl StreamEvent {
    /// Creates the event for this data, whose `type` is its name.
    pub(super) fn new(data: Value) -> Self {
        Self { data }
    }

    /// Returns the event in wire format.
    pub(super) fn to_bytes(&self) -> Bytes {
        format!("event: {}\ndata: {}\n\n", self.event_type(), self.data).into()
    }

    /// Returns whether it carries a piece of the content.
    pub(super) fn is_delta(&self) -> bool {
        self.event_type() == "content_block_delta"
    }

    /// Counts the characters of content in it.
    pub(super) fn character_count(&self) -> usize {
        let delta = &self.data["delta"];
        let text = ["text", "thinking", "partial_json"]
            .iter()
            .find_map(|field| delta[field].as_str());
        text.map_or(0, |text| text.chars().count())
    }

    fn event_type(&self) -> &str {
        self.data["type"]
            .as_str()
            .expect("every event is made with its type")
    }
}

/// The parts of a response that do not depend on the script.
#[derive(Clone, Copy)]
pub(super) struct ReplyHead<'a> {
    /// The id of the message.
    pub(super) id: &'a str,
    /// The requested model.
    pub(super) model: &'a str,
    /// The input tokens.
    pub(super) input: InputTokens,
}

/// Returns the answer as a single message.
pub(super) fn message_body(head: ReplyHead<'_>, answer: &ScriptedAnswer) -> Value {
    let content: Vec<Value> = answer
        .content
        .iter()
        .map(|block| match block {
            AnswerBlock::Thinking {
                thinking,
                signature,
            } => {
                json!({ "type": "thinking", "thinking": thinking, "signature": signature })
            }
            AnswerBlock::Text(text) => json!({ "type": "text", "text": text }),
            AnswerBlock::ToolUse { id, name, input } => {
                // Arguments that were cut off are no JSON; whole messages then have none.
                let input = serde_json::from_str(input).unwrap_or_else(|_| json!({}));
                json!({ "type": "tool_use", "id": id, "name": name, "input": input })
            }
        })
        .collect();
    json!({
        "id": head.id,
        "type": "message",
        "role": "assistant",
        "model": head.model,
        "content": content,
        "stop_reason": answer.stop.stop_reason(),
        "stop_sequence": answer.stop.stop_sequence(),
        "usage": usage_object(head.input, answer.output_tokens),
    })
}

/// Returns the answer as stream events.
pub(super) fn stream_events(head: ReplyHead<'_>, answer: &ScriptedAnswer) -> Vec<StreamEvent> {
    let mut stream = EventStream::default();
    stream.push_event(json!({ "type": "message_start", "message": {
        "id": head.id,
        "type": "message",
        "role": "assistant",
        "model": head.model,
        "content": [],
        "stop_reason": null,
        "stop_sequence": null,
        "usage": usage_object(head.input, 1),
    } }));
    for (index, block) in answer.content.iter().enumerate() {
        stream.push_block(index, block);
    }
    stream.push_event(json!({
        "type": "message_delta",
        "delta": {
            "stop_reason": answer.stop.stop_reason(),
            "stop_sequence": answer.stop.stop_sequence(),
        },
        "usage": { "output_tokens": answer.output_tokens },
    }));
    stream.push_event(json!({ "type": "message_stop" }));
    stream.events
}

fn usage_object(input: InputTokens, output_tokens: usize) -> Value {
    json!({
        "input_tokens": input.uncached,
        "cache_creation_input_tokens": input.written(),
        "cache_read_input_tokens": input.read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": input.written_5m,
            "ephemeral_1h_input_tokens": input.written_1h,
        },
        "output_tokens": output_tokens,
    })
}

/// The events of a stream under construction.
#[derive(Default)]
struct EventStream {
    events: Vec<StreamEvent>,
    deltas: usize,
}

impl EventStream {
    fn push_event(&mut self, data: Value) {
        self.events.push(StreamEvent::new(data));
    }

    fn push_ping(&mut self) {
        self.push_event(json!({ "type": "ping" }));
    }

    fn push_delta(&mut self, index: usize, delta: &Value) {
        self.push_event(json!({ "type": "content_block_delta", "index": index, "delta": delta }));
        self.deltas += 1;
        if self.deltas.is_multiple_of(DELTAS_PER_PING) {
            self.push_ping();
        }
    }

    fn push_block(&mut self, index: usize, block: &AnswerBlock) {
        let opening = match block {
            AnswerBlock::Thinking { .. } => {
                json!({ "type": "thinking", "thinking": "", "signature": "" })
            }
            AnswerBlock::Text(_) => json!({ "type": "text", "text": "" }),
            AnswerBlock::ToolUse { id, name, .. } => {
                json!({ "type": "tool_use", "id": id, "name": name, "input": {} })
            }
        };
        self.push_event(
            json!({ "type": "content_block_start", "index": index, "content_block": opening }),
        );
        if index == 0 {
            self.push_ping();
        }
        match block {
            AnswerBlock::Thinking {
                thinking,
                signature,
            } => {
                for piece in split_words(thinking) {
                    self.push_delta(
                        index,
                        &json!({ "type": "thinking_delta", "thinking": piece }),
                    );
                }
                self.push_delta(
                    index,
                    &json!({ "type": "signature_delta", "signature": signature }),
                );
            }
            AnswerBlock::Text(text) => {
                for piece in split_words(text) {
                    self.push_delta(index, &json!({ "type": "text_delta", "text": piece }));
                }
            }
            AnswerBlock::ToolUse { input, .. } => {
                // The first piece is empty, as with real models.
                self.push_delta(
                    index,
                    &json!({ "type": "input_json_delta", "partial_json": "" }),
                );
                let characters: Vec<char> = input.chars().collect();
                for piece in characters.chunks(JSON_PIECE) {
                    let piece: String = piece.iter().collect();
                    self.push_delta(
                        index,
                        &json!({ "type": "input_json_delta", "partial_json": piece }),
                    );
                }
            }
        }
        self.push_event(json!({ "type": "content_block_stop", "index": index }));
    }
}

/// Splits a text into words, each with the white space before it, like a tokenizer.
fn split_words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = 0;
    let mut in_word = false;
    for (at, char) in text.char_indices() {
        if char.is_whitespace() && in_word {
            words.push(&text[start..at]);
            start = at;
        }
        in_word = !char.is_whitespace();
    }
    if start < text.len() {
        words.push(&text[start..]);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::super::script::AnswerStop;
    use super::*;

    const HEAD: ReplyHead<'_> = ReplyHead {
        id: "msg_1",
        model: "m",
        input: InputTokens {
            uncached: 12,
            written_5m: 0,
            written_1h: 0,
            read: 0,
        },
    };

    fn answer() -> ScriptedAnswer {
        ScriptedAnswer {
            content: vec![
                AnswerBlock::Thinking {
                    thinking: "Let me\nsee.".to_owned(),
                    signature: "c2ln".to_owned(),
                },
                AnswerBlock::Text(
                    "  Grüße,  world\n\nsays 🙂 the script, and goes on.\n".repeat(5),
                ),
                AnswerBlock::ToolUse {
                    id: "toolu_1".to_owned(),
                    name: "weather".to_owned(),
                    input: r#"{"city":"Zürich","days":3}"#.to_owned(),
                },
            ],
            stop: AnswerStop::ToolUse,
            output_tokens: 34,
        }
    }

    /// Joins the deltas of a block.
    fn joined(events: &[StreamEvent], index: usize, field: &str) -> String {
        let deltas = events
            .iter()
            .filter(|event| event.is_delta() && event.data["index"] == index);
        deltas
            .filter_map(|event| event.data["delta"][field].as_str())
            .collect()
    }

    #[test]
    fn the_deltas_joined_are_the_message() {
        let (message, events) = (
            message_body(HEAD, &answer()),
            stream_events(HEAD, &answer()),
        );
        assert_eq!(
            joined(&events, 0, "thinking"),
            message["content"][0]["thinking"]
        );
        assert_eq!(
            joined(&events, 0, "signature"),
            message["content"][0]["signature"]
        );
        assert_eq!(joined(&events, 1, "text"), message["content"][1]["text"]);
        let input: Value =
            serde_json::from_str(&joined(&events, 2, "partial_json")).expect("whole JSON");
        assert_eq!(input, message["content"][2]["input"]);
    }

    #[test]
    fn the_events_come_in_the_order_of_the_api() {
        let events = stream_events(HEAD, &answer());
        let mut names: Vec<&str> = events.iter().map(StreamEvent::event_type).collect();
        assert!(
            names.iter().filter(|name| **name == "ping").count() >= 3,
            "one at the start, one every 20 deltas"
        );
        assert_eq!(names[2], "ping");
        names.retain(|name| *name != "ping");
        names.dedup();
        let block = [
            "content_block_start",
            "content_block_delta",
            "content_block_stop",
        ];
        let expected = [
            &["message_start"][..],
            &block,
            &block,
            &block,
            &["message_delta", "message_stop"],
        ]
        .concat();
        assert_eq!(names, expected);
    }

    #[test]
    fn an_event_names_its_type_twice() {
        let event = StreamEvent::new(json!({ "type": "message_stop" }));
        assert_eq!(
            event.to_bytes(),
            "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
        );
    }
}
