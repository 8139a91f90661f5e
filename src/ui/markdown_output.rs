//! Markdown output, rendered as it arrives.

use super::markdown::{MarkdownRenderer, RenderTarget};
use super::renderer::{AnswerWriter, DisplayOutcome, FinalAnswer};
use super::sink::OutputSink;
use crate::protocol::Update;

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
    fn handle_update(&mut self, update: &Update, _data: &[u8], _sink: &mut OutputSink) {
        if let Update::Text(text) = update {
            self.markdown.push_text(text);
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
