//! The answer as JSON: the API's message object at the end, or each event on a line as it came.

use serde_json::{Map, Value, json};

use super::renderer::{Answer, Form, Shown};
use super::sink::Sink;
use crate::protocol::Update;

/// Gives out the message object: one line in a pipe, indented on a terminal.
#[derive(Debug)]
pub(crate) struct Json;

impl Form for Json {
    fn finish(&mut self, answer: &Answer, sink: &mut Sink) -> Shown {
        let object = message_object(answer);
        let text = if sink.is_terminal() {
            format!("{object:#}")
        } else {
            object.to_string()
        };
        sink.json(&text);
        sink.end_line();
        Shown::All
    }
}

/// Gives out each event's data on a line, then the message object.
#[derive(Debug)]
pub(crate) struct JsonLines;

impl Form for JsonLines {
    fn update(&mut self, _update: &Update, data: &[u8], sink: &mut Sink) {
        if !data.is_empty() {
            // Data of several lines is one JSON text, in which a line feed is white space.
            sink.json(&String::from_utf8_lossy(data).replace('\n', " "));
            sink.end_line();
        }
    }

    fn aside(&mut self, line: &Value, sink: &mut Sink) {
        sink.json(&line.to_string());
        sink.end_line();
    }

    fn finish(&mut self, answer: &Answer, sink: &mut Sink) -> Shown {
        let mut line = Map::from_iter([("type".to_owned(), Value::from("result"))]);
        if let Value::Object(fields) = message_object(answer) {
            line.extend(fields.into_iter().filter(|(key, _)| key != "type"));
        }
        self.aside(&Value::Object(line), sink);
        Shown::All
    }
}

/// The API's message object with one key more, `langdock`.
fn message_object(answer: &Answer) -> Value {
    let mut object =
        serde_json::to_value(&answer.message).expect("a message is maps with string keys");
    if let Some(fields) = object.as_object_mut() {
        let about = json!({
            "region": answer.region,
            "model": answer.message.model,
            "session_id": answer.session_id,
            "complete": answer.complete,
            "attempts": answer.attempts,
            "waited_s": answer.waited_s,
        });
        fields.insert("langdock".to_owned(), about);
    }
    object
}
