//! Markdown output, rendered as it arrives.

use super::markdown::{MarkdownRenderer, RenderTarget};
use super::renderer::{AnswerWriter, DisplayOutcome, FinalAnswer};
use super::sink::OutputSink;
use crate::protocol::Update;

/// How much text is rendered before signals are looked for again, in bytes.
const PIECE_BYTES: usize = 4096;

/// Divides a text into pieces, between which signals are looked for.
pub(crate) fn pieces_of(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (piece, behind) = rest.split_at(rest.floor_char_boundary(PIECE_BYTES));
        rest = behind;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Renders more of a text. After a signal nothing more is shown, and rendering what came would only
/// delay the end.
pub(super) fn render_into(sink: &mut OutputSink, markdown: &mut MarkdownRenderer, text: &str) {
    for piece in pieces_of(text) {
        if sink.is_interrupted() {
            return;
        }
        markdown.push_text(piece);
        sink.write_rendered(&markdown.take_rows());
        sink.flush_when_large();
    }
}

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
        render_into(sink, &mut self.markdown, text);
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
