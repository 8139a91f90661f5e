//! The answer's text as it comes: byte for byte into a pipe or a file, made harmless on a terminal.

use super::output::OutputError;
use super::renderer::{Answer, Renderer, Shown};
use super::sanitize::sanitize;
use super::sink::Sink;
use crate::protocol::Update;

/// Writes text as it comes.
#[derive(Debug)]
pub(crate) struct Plain {
    sink: Sink,
    is_terminal: bool,
}

impl Plain {
    /// Writes to `sink`; `is_terminal` says whether a terminal is at its end.
    pub(crate) fn new(sink: Sink, is_terminal: bool) -> Self {
        Self { sink, is_terminal }
    }
}

impl Renderer for Plain {
    fn update(&mut self, update: &Update, _data: &[u8]) {
        match update {
            Update::Text(text) if self.is_terminal => self.sink.push(sanitize(text).as_bytes()),
            Update::Text(text) => self.sink.push(text.as_bytes()),
            _ => {} // Only text is shown.
        }
    }

    fn flush(&mut self) -> Result<(), OutputError> {
        self.sink.flush()
    }

    fn finish(&mut self, _answer: &Answer) -> Result<Shown, OutputError> {
        self.sink.end_line();
        self.sink.flush()?;
        Ok(Shown::All)
    }

    fn sink(&self) -> &Sink {
        &self.sink
    }

    fn into_sink(self: Box<Self>) -> Sink {
        self.sink
    }
}
