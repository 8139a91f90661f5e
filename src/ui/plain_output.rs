//! Plain text output as it arrives: unmodified into a pipe or a file, sanitized on a terminal.

use super::renderer::{AnswerWriter, DisplayOutcome, FinalAnswer};
use super::sink::OutputSink;
use crate::protocol::Update;

/// Writes text as it arrives.
#[derive(Debug)]
pub(crate) struct PlainOutput;

impl AnswerWriter for PlainOutput {
    fn handle_update(&mut self, update: &Update, _data: &[u8], sink: &mut OutputSink) {
        if let Update::Text(text) = update {
            sink.write_text(text);
        }
    }

    fn finish_answer(&mut self, _answer: &FinalAnswer, sink: &mut OutputSink) -> DisplayOutcome {
        sink.end_line();
        DisplayOutcome::All
    }
}
