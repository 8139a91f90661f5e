//! JSON output: the API's message object at the end, or each event on a line as it arrives.

use serde_json::{Value, json};

use super::renderer::{AnswerWriter, DisplayOutcome, FinalAnswer};
use super::sink::OutputSink;
use crate::protocol::{ExactFields, ExactJson, StopReason, Update};

/// Writes the message object: on one line in a pipe, indented on a terminal.
#[derive(Debug)]
pub(crate) struct JsonOutput;

impl AnswerWriter for JsonOutput {
    fn finish_answer(&mut self, answer: &FinalAnswer, sink: &mut OutputSink) -> DisplayOutcome {
        let object = ExactJson::from_value(&message_object(answer));
        let text = if sink.is_terminal() {
            format!("{object:#}")
        } else {
            object.to_string()
        };
        sink.write_json(&text);
        sink.end_line();
        DisplayOutcome::All
    }
}

/// Writes each event's data on a line, then the message object.
#[derive(Debug)]
pub(crate) struct JsonLinesOutput;

impl AnswerWriter for JsonLinesOutput {
    fn handle_update(&mut self, _update: &Update, data: &[u8], sink: &mut OutputSink) {
        if !data.is_empty() {
            // Event data of several lines is one JSON text, in which a line feed is just white
            // space.
            sink.write_json(&String::from_utf8_lossy(data).replace('\n', " "));
            sink.end_line();
        }
    }

    fn write_event(&mut self, line: &ExactJson, sink: &mut OutputSink) {
        sink.write_json(&line.to_string());
        sink.end_line();
    }

    fn finish_answer(&mut self, answer: &FinalAnswer, sink: &mut OutputSink) -> DisplayOutcome {
        let mut line = ExactFields::default();
        line.insert("type", Value::from("result"));
        let fields = message_object(answer);
        for (key, value) in fields.iter_exact().filter(|(key, _)| *key != "type") {
            line.insert(key, value);
        }
        self.write_event(&ExactJson::from_value(&line), sink);
        DisplayOutcome::All
    }
}

/// Whether the answer stopped before the model was done: the exit code is then not 0, unless the
/// user allows it.
fn is_cut_short(answer: &FinalAnswer) -> bool {
    matches!(
        answer.message.stop_reason,
        Some(
            StopReason::MaxTokens | StopReason::ModelContextWindowExceeded | StopReason::PauseTurn
        )
    )
}

/// Returns the API's message object with an additional key, `langdock`.
fn message_object(answer: &FinalAnswer) -> ExactFields {
    let message = ExactJson::from_value(&answer.message);
    let mut fields = ExactFields::from_object(message).expect("a message is an object");
    let about = json!({
        "region": answer.region,
        "model": answer.message.model,
        "session_id": answer.session_id,
        "complete": answer.complete && !is_cut_short(answer),
        "attempts": answer.attempts,
        "waited_s": answer.waited_s,
    });
    fields.insert("langdock", about);
    fields
}
