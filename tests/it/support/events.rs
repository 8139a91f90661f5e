//! Event streams and messages of the Messages API, as text and plain JSON.
//!
//! A [`Stream`] knows the message that its events add up to ([`Stream::message`]), which is what a
//! client must reconstruct.

use std::fmt;

use serde_json::{Map, Value, json};

/// The model in these streams and messages.
pub(crate) const MODEL: &str = "claude-sonnet-4-5-20250929";

/// Returns a complete stream with a text answer in these pieces.
pub(crate) fn answer(pieces: &[&str]) -> String {
    Stream::new()
        .start()
        .text_block(pieces)
        .stop("end_turn")
        .to_string()
}

/// Returns a message as sent when nothing is streamed.
pub(crate) fn message(text: &str) -> Value {
    Stream::new()
        .start()
        .text_block([text])
        .stop("end_turn")
        .message()
}

/// Returns the body of an API error.
pub(crate) fn error(kind: &str, message: &str) -> Value {
    json!({"type": "error", "error": {"type": kind, "message": message}})
}

/// An event stream under construction.
#[derive(Clone)]
#[must_use = "take its text"]
pub(crate) struct Stream {
    text: String,
    message: Map<String, Value>,
    final_usage: Value,
}

impl Stream {
    /// Creates a stream without events.
    pub(crate) fn new() -> Self {
        let message = json!({
            "id": "msg_01Test", "type": "message", "role": "assistant", "model": MODEL, "content": [],
            "stop_reason": null, "stop_sequence": null, "usage": {"input_tokens": 25, "output_tokens": 1},
        });
        let Value::Object(message) = message else {
            unreachable!("it is written as an object above")
        };
        Self {
            text: String::new(),
            message,
            final_usage: json!({"output_tokens": 15}),
        }
    }

    /// Sets a field of the message, such as `model` or `usage`; must be called before `start`.
    pub(crate) fn field(mut self, name: &str, value: Value) -> Self {
        self.message.insert(name.to_owned(), value);
        self
    }

    /// Sets the usage in `message_delta`.
    pub(crate) fn final_usage(mut self, usage: Value) -> Self {
        self.final_usage = usage;
        self
    }

    /// Adds `message_start`.
    pub(crate) fn start(self) -> Self {
        let data = json!({"type": "message_start", "message": self.message});
        self.event("message_start", &data)
    }

    /// Adds a text block.
    pub(crate) fn text_block<P: AsRef<str>>(self, pieces: impl IntoIterator<Item = P>) -> Self {
        self.open_text_block(pieces).block_stop()
    }

    /// Adds a text block that is not closed, as in an interrupted stream.
    pub(crate) fn open_text_block<P: AsRef<str>>(
        self,
        pieces: impl IntoIterator<Item = P>,
    ) -> Self {
        let (mut this, mut text) = (
            self.block_start(&json!({"type": "text", "text": ""})),
            String::new(),
        );
        for piece in pieces {
            text += piece.as_ref();
            this = this.delta(&json!({"type": "text_delta", "text": piece.as_ref()}));
        }
        this.set("text", text.into())
    }

    /// Adds a thinking block with its signature.
    pub(crate) fn thinking_block(self, thinking: &str, signature: &str) -> Self {
        self.block_start(&json!({"type": "thinking", "thinking": "", "signature": ""}))
            .delta(&json!({"type": "thinking_delta", "thinking": thinking}))
            .delta(&json!({"type": "signature_delta", "signature": signature}))
            .set("thinking", thinking.into())
            .set("signature", signature.into())
            .block_stop()
    }

    /// Adds a tool call with its input in these pieces. If they are not a JSON object, the call's
    /// input is `{}` and the text is kept next to it.
    pub(crate) fn tool_use_block<P: AsRef<str>>(
        self,
        id: &str,
        name: &str,
        pieces: impl IntoIterator<Item = P>,
    ) -> Self {
        let block = json!({"type": "tool_use", "id": id, "name": name, "input": {}});
        let (mut this, mut input) = (self.block_start(&block), String::new());
        for piece in pieces {
            input += piece.as_ref();
            this = this.delta(&json!({"type": "input_json_delta", "partial_json": piece.as_ref()}));
        }
        let this = match serde_json::from_str(&input) {
            Ok(object @ Value::Object(_)) => this.set("input", object),
            _ if input.is_empty() => this,
            _ => this.set("partial_json", input.into()),
        };
        this.block_stop()
    }

    /// Adds a block with this start and these deltas, unchanged; the message of this stream has
    /// only the start.
    pub(crate) fn grown_block(self, start: &Value, deltas: &[Value]) -> Self {
        deltas
            .iter()
            .fold(self.block_start(start), Self::delta)
            .block_stop()
    }

    /// Adds a block that is complete in its start.
    pub(crate) fn block(self, block: &Value) -> Self {
        self.block_start(block).block_stop()
    }

    /// Adds a ping.
    pub(crate) fn ping(self) -> Self {
        self.event("ping", &json!({"type": "ping"}))
    }

    /// Adds an error event.
    pub(crate) fn error(self, kind: &str, message: &str) -> Self {
        self.event("error", &error(kind, message))
    }

    /// Adds `message_delta` and `message_stop`.
    pub(crate) fn stop(self, reason: &str) -> Self {
        self.stop_with(&json!({"stop_reason": reason, "stop_sequence": null}))
    }

    /// Adds `message_delta` with these fields, and `message_stop`.
    pub(crate) fn stop_with(mut self, delta: &Value) -> Self {
        for (name, value) in delta.as_object().expect("a delta is an object") {
            self.message.insert(name.clone(), value.clone());
        }
        for (name, value) in self.final_usage.as_object().expect("usage is an object") {
            if !value.is_null() {
                self.message["usage"][name] = value.clone();
            }
        }
        let delta = json!({"type": "message_delta", "delta": delta, "usage": self.final_usage});
        self.event("message_delta", &delta)
            .event("message_stop", &json!({"type": "message_stop"}))
    }

    /// Adds an arbitrary event, which does not change the message.
    pub(crate) fn event(self, name: &str, data: &Value) -> Self {
        self.raw(&format!("event: {name}\ndata: {data}\n\n"))
    }

    /// Adds arbitrary text.
    pub(crate) fn raw(mut self, text: &str) -> Self {
        self.text += text;
        self
    }

    /// Returns the message that the events so far add up to.
    pub(crate) fn message(&self) -> Value {
        Value::Object(self.message.clone())
    }

    fn block_start(mut self, block: &Value) -> Self {
        let data = json!({"type": "content_block_start", "index": self.content().len(), "content_block": block});
        self.content().push(block.clone());
        self.event("content_block_start", &data)
    }

    fn delta(mut self, delta: &Value) -> Self {
        let data = json!({"type": "content_block_delta", "index": self.content().len() - 1, "delta": delta});
        self.event("content_block_delta", &data)
    }

    fn block_stop(mut self) -> Self {
        let data = json!({"type": "content_block_stop", "index": self.content().len() - 1});
        self.event("content_block_stop", &data)
    }

    /// Sets a field of the last block.
    fn set(mut self, name: &str, value: Value) -> Self {
        let block = self.content().last_mut().expect("a block was started");
        block[name] = value;
        self
    }

    fn content(&mut self) -> &mut Vec<Value> {
        self.message["content"]
            .as_array_mut()
            .expect("content is a list")
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
