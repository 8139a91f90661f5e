//! The answer to a request with tools: calls on standard output, one a line, and then the text on
//! stderr; or the text alone.

use super::markdown::{Screen, render_markdown};
use super::renderer::{Answer, Form, Shown};
use super::sink::Sink;
use crate::protocol::ContentBlock;

/// Holds the answer back until it is known whether there are calls.
#[derive(Debug)]
pub(crate) struct Calls {
    screen: Option<Screen>,
}

impl Calls {
    /// Renders the text for this screen; none: as it was written.
    pub(crate) fn new(screen: Option<Screen>) -> Self {
        Self { screen }
    }
}

impl Form for Calls {
    fn pause(&mut self, answer: &Answer, _sink: &mut Sink) -> Shown {
        match answer.message.text() {
            text if text.is_empty() => Shown::All,
            text => Shown::WithAside(text),
        }
    }

    fn finish(&mut self, answer: &Answer, sink: &mut Sink) -> Shown {
        let text = answer.message.text();
        let mut has_calls = false;
        for call in answer
            .message
            .content
            .iter()
            .filter(|block| matches!(block, ContentBlock::ToolUse(_)))
        {
            has_calls = true;
            sink.json(&serde_json::to_string(call).expect("a call is maps with string keys"));
            sink.end_line();
        }
        if has_calls && !text.is_empty() {
            return Shown::WithAside(text);
        }
        match &self.screen {
            Some(screen) => sink.rendered(&render_markdown(&text, screen.clone())),
            None => sink.text(&text),
        }
        sink.end_line();
        Shown::All
    }
}
