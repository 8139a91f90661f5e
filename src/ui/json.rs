//! The answer as JSON: the API's message object at the end, or each event on a line as it came.

use serde_json::{Value, json};

use super::output::OutputError;
use super::renderer::{Answer, Renderer, Shown};
use super::sanitize::sanitize_json;
use super::sink::Sink;
use crate::protocol::Update;

/// Writes the message object: one line in a pipe, indented on a terminal.
#[derive(Debug)]
pub(crate) struct Json {
    sink: Sink,
    is_terminal: bool,
}

impl Json {
    /// Writes to `sink`; `is_terminal` says whether a terminal is at its end.
    pub(crate) fn new(sink: Sink, is_terminal: bool) -> Self {
        Self { sink, is_terminal }
    }
}

impl Renderer for Json {
    fn update(&mut self, _update: &Update, _data: &[u8]) {}

    fn flush(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn finish(&mut self, answer: &Answer) -> Result<Shown, OutputError> {
        let object = message_object(answer);
        if self.is_terminal {
            self.sink.push(sanitize_json(&format!("{object:#}")).as_bytes());
        } else {
            self.sink.push(object.to_string().as_bytes());
        }
        self.sink.end_line();
        self.sink.flush()?;
        Ok(Shown::All)
    }

    fn sink(&self) -> &Sink {
        &self.sink
    }

    fn into_sink(self: Box<Self>) -> Sink {
        self.sink
    }
}

/// Writes each event's data on a line, then the message object.
#[derive(Debug)]
pub(crate) struct JsonLines {
    sink: Sink,
    is_terminal: bool,
}

impl JsonLines {
    /// Writes to `sink`; `is_terminal` says whether a terminal is at its end.
    pub(crate) fn new(sink: Sink, is_terminal: bool) -> Self {
        Self { sink, is_terminal }
    }

    fn line(&mut self, json: &str) {
        if self.is_terminal {
            self.sink.push(sanitize_json(json).as_bytes());
        } else {
            self.sink.push(json.as_bytes());
        }
        self.sink.push(b"\n");
    }
}

impl Renderer for JsonLines {
    fn update(&mut self, _update: &Update, data: &[u8]) {
        if !data.is_empty() {
            // Data of several lines is one JSON text, in which a line feed is white space.
            let line = String::from_utf8_lossy(data).replace('\n', " ");
            self.line(&line);
        }
    }

    fn aside(&mut self, line: &Value) {
        self.line(&line.to_string());
    }

    fn flush(&mut self) -> Result<(), OutputError> {
        self.sink.flush()
    }

    fn finish(&mut self, answer: &Answer) -> Result<Shown, OutputError> {
        let mut object = message_object(answer);
        if let Some(fields) = object.as_object_mut() {
            fields.insert("type".to_owned(), "result".into());
        }
        self.line(&object.to_string());
        self.sink.flush()?;
        Ok(Shown::All)
    }

    fn sink(&self) -> &Sink {
        &self.sink
    }

    fn into_sink(self: Box<Self>) -> Sink {
        self.sink
    }
}

/// The API's message object with one key more, `langdock`.
fn message_object(answer: &Answer) -> Value {
    let mut object = serde_json::to_value(&answer.message).expect("a message is maps with string keys");
    if let Some(fields) = object.as_object_mut() {
        let about = json!({
            "region": answer.region,
            "model": answer.message.model,
            "session_id": null,
            "complete": answer.complete,
            "attempts": answer.attempts,
            "waited_s": answer.waited_s,
        });
        fields.insert("langdock".to_owned(), about);
    }
    object
}
