//! Markdown output, rendered as it arrives.

use super::markdown::{MarkdownRenderer, RenderTarget};
use super::renderer::{AnswerWriter, DisplayOutcome, FinalAnswer};
use super::sink::OutputSink;
use crate::protocol::Update;

/// How much text is rendered before signals are looked for again, in bytes.
const PIECE_BYTES: usize = 4096;

/// Renders text as it arrives.
#[derive(Debug)]
pub(crate) struct MarkdownOutput {
    markdown: MarkdownRenderer,
}

impl MarkdownOutput {
    /// Creates the output for this screen.
    pub(crate) fn new(screen: RenderTarget) -> Self {
        Self {
            markdown: MarkdownRenderer::new(screen),
        }
    }
}

impl AnswerWriter for MarkdownOutput {
    fn handle_update(&mut self, update: &Update, _data: &[u8], sink: &mut OutputSink) {
        let Update::Text(text) = update else {
            return;
        };
        let mut rest = text.as_str();
        // After a signal nothing more is shown, and rendering what came would only delay the end.
        while !rest.is_empty() && !sink.is_interrupted() {
            let (piece, behind) = rest.split_at(rest.floor_char_boundary(PIECE_BYTES));
            self.markdown.push_text(piece);
            rest = behind;
        }
    }

    fn flush_pending(&mut self, sink: &mut OutputSink) {
        sink.write_rendered(&self.markdown.take_painted());
    }

    fn finish_step(&mut self, answer: &FinalAnswer, sink: &mut OutputSink) -> DisplayOutcome {
        self.finish_answer(answer, sink)
    }

    fn finish_answer(&mut self, _answer: &FinalAnswer, sink: &mut OutputSink) -> DisplayOutcome {
        sink.write_rendered(&self.markdown.finish_text());
        sink.end_line();
        DisplayOutcome::All
    }
}
