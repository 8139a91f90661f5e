//! JSON output: the API's message object at the end, or each event on a line as it arrives.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::json;

use super::renderer::{AnswerWriter, DisplayOutcome, FinalAnswer};
use super::sink::OutputSink;
use crate::protocol::{ExactJson, StopReason, Update, indent_json};

/// Writes the message object: on one line in a pipe, indented on a terminal.
#[derive(Debug)]
pub(crate) struct JsonOutput;

impl AnswerWriter for JsonOutput {
    fn finish_answer(&mut self, answer: &FinalAnswer, sink: &mut OutputSink) -> DisplayOutcome {
        let text = message_json(answer, None);
        if sink.is_terminal() {
            sink.write_json(&indent_json(&text));
        } else {
            sink.write_json(&text);
        }
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
        sink.write_json(&message_json(answer, Some("result")));
        sink.end_line();
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
    ) || answer.message.missing_part().is_some()
}

/// Returns the API's message object with an additional key, `langdock`; with `line_type`, as a line
/// of that type. It is written as it is, since a tree of a long answer takes many times as much.
fn message_json(answer: &FinalAnswer, line_type: Option<&'static str>) -> String {
    let object = MessageObject { answer, line_type };
    serde_json::to_string(&object).expect("maps with string keys are always JSON")
}

/// The fields of a message, in their order, and those about it.
struct MessageObject<'a> {
    answer: &'a FinalAnswer,
    line_type: Option<&'static str>,
}

impl Serialize for MessageObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (answer, message) = (self.answer, &self.answer.message);
        let mut fields = serializer.serialize_map(None)?;
        if let Some(line_type) = self.line_type {
            fields.serialize_entry("type", line_type)?;
        }
        fields.serialize_entry("id", &message.id)?;
        if self.line_type.is_none() {
            fields.serialize_entry("type", &message.kind)?;
        }
        fields.serialize_entry("role", &message.role)?;
        fields.serialize_entry("model", &message.model)?;
        fields.serialize_entry("content", &message.content)?;
        fields.serialize_entry("stop_reason", &message.stop_reason)?;
        fields.serialize_entry("stop_sequence", &message.stop_sequence)?;
        fields.serialize_entry("usage", &message.usage)?;
        let others = message.extra.iter();
        for (key, value) in others.filter(|(key, _)| *key != ABOUT) {
            fields.serialize_entry(key, value)?;
        }
        let mut about = json!({
            "region": answer.region,
            "model": message.model,
            "session_id": answer.session_id,
            "complete": answer.complete && !is_cut_short(answer),
            "attempts": answer.attempts,
            "waited_s": in_milliseconds(answer.waited_s),
        });
        if let Some(parts) = answer.parts {
            about["parts"] = parts.into();
        }
        if let Some(cost) = &answer.cost {
            about["cost"] = json!({
                "list_price": cost.amount,
                "currency": "USD",
                "prices": cost.basis.date().unwrap_or("config"),
            });
        }
        fields.serialize_entry(ABOUT, &about)?;
        fields.end()
    }
}

/// Rounds seconds to milliseconds, which is as exact as a wait is worth.
fn in_milliseconds(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

/// The key of what this program says about a message.
const ABOUT: &str = "langdock";

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::protocol::Message;

    #[test]
    fn all_fields_of_a_message_are_printed_in_their_order() {
        let message = json!({
            "id": "msg_1", "type": "message", "role": "assistant", "model": "m",
            "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {"a": [1]}}],
            "stop_reason": "tool_use", "stop_sequence": null, "usage": {"input_tokens": 1},
            "later": {"a": 1}, "langdock": "of the server",
        });
        let parsed: Message = serde_json::from_value(message.clone()).expect("a message");
        let written = serde_json::to_value(&parsed).expect("JSON");
        assert_eq!(written, message, "a field of a message is missing here");
        let answer = FinalAnswer {
            message: parsed,
            region: "eu".to_owned(),
            complete: true,
            attempts: 1,
            waited_s: 1.234_567,
            parts: None,
            context_tokens: None,
            cost: None,
            session_id: None,
        };
        let text = message_json(&answer, None);
        let object: Value = serde_json::from_str(&text).expect("JSON");
        let mut expected = message;
        expected["langdock"] = json!({
            "region": "eu", "model": "m", "session_id": null, "complete": true, "attempts": 1,
            "waited_s": 1.235,
        });
        assert_eq!(object.to_string(), expected.to_string());
        let line = message_json(&answer, Some("result"));
        assert!(
            line.starts_with(r#"{"type":"result","id":"msg_1","role":"#),
            "{line}"
        );
    }
}
