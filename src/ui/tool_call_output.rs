//! Output for a request with tools: tool calls on standard output, one per line, and the text on
//! stderr; or the text alone.

use super::markdown::{MarkdownRenderer, RenderTarget};
use super::markdown_output::render_into;
use super::renderer::{AnswerWriter, DisplayOutcome, FinalAnswer};
use super::sink::OutputSink;
use crate::protocol::ContentBlock;

/// Buffers the answer until it is known whether it contains calls.
#[derive(Debug)]
pub(crate) struct ToolCallOutput {
    screen: Option<RenderTarget>,
}

impl ToolCallOutput {
    /// Creates the output. Text is rendered as Markdown for `screen`, or printed unmodified if
    /// `None`.
    pub(crate) fn new(screen: Option<RenderTarget>) -> Self {
        Self { screen }
    }
}

impl AnswerWriter for ToolCallOutput {
    fn finish_step(&mut self, answer: &FinalAnswer, _sink: &mut OutputSink) -> DisplayOutcome {
        match answer.message.text() {
            text if text.is_empty() => DisplayOutcome::All,
            text => DisplayOutcome::WithAside(text),
        }
    }

    fn finish_answer(&mut self, answer: &FinalAnswer, sink: &mut OutputSink) -> DisplayOutcome {
        let text = answer.message.text();
        let mut has_calls = false;
        for call in answer
            .message
            .content
            .iter()
            .filter(|block| matches!(block, ContentBlock::ToolUse(_)))
        {
            has_calls = true;
            sink.write_json(&serde_json::to_string(call).expect("a call is maps with string keys"));
            sink.end_line();
        }
        if has_calls && !text.is_empty() {
            return DisplayOutcome::WithAside(text);
        }
        match &self.screen {
            Some(screen) => {
                let mut markdown = MarkdownRenderer::new(screen.clone());
                render_into(sink, &mut markdown, &text);
                sink.write_rendered(&markdown.finish_text());
            }
            None => sink.write_text(&text),
        }
        sink.end_line();
        DisplayOutcome::All
    }
}
