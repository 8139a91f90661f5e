//! Output of an answer with a schema: its JSON, on one line in a pipe, indented on a terminal.

use super::json_output::JsonOutput;
use super::renderer::{AnswerWriter, DisplayOutcome, FinalAnswer};
use super::sink::OutputSink;
use crate::protocol::ContentBlock;

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
    fn finish_answer(&mut self, answer: &FinalAnswer, sink: &mut OutputSink) -> DisplayOutcome {
        if self.is_message && !answer.message.content.is_empty() {
            return JsonOutput.finish_answer(answer, sink);
        }
        let inputs = answer
            .message
            .content
            .iter()
            .filter_map(|block| match block {
                ContentBlock::ToolUse(call) => Some(&call.input),
                _ => None,
            });
        for value in inputs {
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
