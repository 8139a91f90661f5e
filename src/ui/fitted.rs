//! An answer that fits a schema: its JSON alone, one line in a pipe, indented on a terminal.

use super::renderer::{Answer, Form, Shown};
use super::sink::Sink;
use crate::protocol::ContentBlock;

/// Gives out the input of the answer's call. An answer without one has nothing to show.
#[derive(Debug)]
pub(crate) struct Fitted;

impl Form for Fitted {
    fn finish(&mut self, answer: &Answer, sink: &mut Sink) -> Shown {
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
            sink.json(&text);
            sink.end_line();
        }
        Shown::All
    }
}
