//! The answer's text as it comes: byte for byte into a pipe or a file, made harmless on a terminal.

use super::renderer::{Answer, Form, Shown};
use super::sink::Sink;
use crate::protocol::Update;

/// Gives text out as it comes.
#[derive(Debug)]
pub(crate) struct Plain;

impl Form for Plain {
    fn update(&mut self, update: &Update, _data: &[u8], sink: &mut Sink) {
        if let Update::Text(text) = update {
            sink.text(text);
        }
    }

    fn finish(&mut self, _answer: &Answer, sink: &mut Sink) -> Shown {
        sink.end_line();
        Shown::All
    }
}
