//! The answer's Markdown, rendered as it comes.

use super::markdown::{Markdown, Screen};
use super::renderer::{Answer, Form, Shown};
use super::sink::Sink;
use crate::protocol::Update;

/// Renders text as it comes.
#[derive(Debug)]
pub(crate) struct Rendered {
    markdown: Markdown,
}

impl Rendered {
    /// Renders for this screen.
    pub(crate) fn new(screen: Screen) -> Self {
        Self {
            markdown: Markdown::new(screen),
        }
    }
}

impl Form for Rendered {
    fn update(&mut self, update: &Update, _data: &[u8], _sink: &mut Sink) {
        if let Update::Text(text) = update {
            self.markdown.take(text);
        }
    }

    fn flush(&mut self, sink: &mut Sink) {
        sink.rendered(&self.markdown.paint());
    }

    fn pause(&mut self, answer: &Answer, sink: &mut Sink) -> Shown {
        self.finish(answer, sink)
    }

    fn finish(&mut self, _answer: &Answer, sink: &mut Sink) -> Shown {
        sink.rendered(&self.markdown.finish());
        sink.end_line();
        Shown::All
    }
}
