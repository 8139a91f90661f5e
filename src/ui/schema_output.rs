//! Output of an answer with a schema: its JSON, on one line in a pipe, indented on a terminal.

use super::json_output::JsonOutput;
use super::renderer::{AnswerWriter, DisplayOutcome, FinalAnswer};
use super::sink::OutputSink;
use crate::protocol::{ContentBlock, ExactJson};

/// Writes the input of the answer's tool call, which is the structured output, or the message
/// object.
#[derive(Debug)]
pub(crate) struct SchemaOutput {
    is_message: bool,
}

impl SchemaOutput {
    /// Creates the output: of the message object if `is_message`, otherwise of the JSON alone.
    pub(crate) fn new(is_message: bool) -> Self {
        Self { is_message }
    }
}

impl AnswerWriter for SchemaOutput {
    fn copied_text(&self, answer: &FinalAnswer) -> String {
        let texts = values(answer).map(|value| format!("{value:#}\n"));
        texts.collect::<Vec<_>>().concat()
    }

    fn finish_answer(&mut self, answer: &FinalAnswer, sink: &mut OutputSink) -> DisplayOutcome {
        if self.is_message && !answer.message.content.is_empty() {
            return JsonOutput.finish_answer(answer, sink);
        }
        for value in values(answer) {
            let text = if sink.is_terminal() {
                format!("{value:#}")
            } else {
                value.to_string()
            };
            sink.write_json(&text);
            sink.end_line();
        }
        DisplayOutcome::All
    }
}

/// Returns the values of an answer that match the schema.
fn values(answer: &FinalAnswer) -> impl Iterator<Item = &ExactJson> {
    let content = answer.message.content.iter();
    content.filter_map(|block| match block {
        ContentBlock::ToolUse(call) => Some(&call.input),
        _ => None,
    })
}
