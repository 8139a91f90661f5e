//! The answer to a request with tools: calls on standard output, one a line, and then the text on stderr; or the text alone.

use super::output::OutputError;
use super::renderer::{Answer, Renderer, Shown};
use super::sanitize::{sanitize, sanitize_json};
use super::sink::Sink;
use crate::protocol::{ContentBlock, Update};

/// Holds the answer back until it is known whether there are calls.
#[derive(Debug)]
pub(crate) struct Calls {
    sink: Sink,
    is_terminal: bool,
}

impl Calls {
    /// Writes to `sink`; `is_terminal` says whether a terminal is at its end.
    pub(crate) fn new(sink: Sink, is_terminal: bool) -> Self {
        Self { sink, is_terminal }
    }
}

impl Renderer for Calls {
    fn update(&mut self, _update: &Update, _data: &[u8]) {}

    fn flush(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn finish(&mut self, answer: &Answer) -> Result<Shown, OutputError> {
        let text = answer.message.text();
        let calls = answer.message.content.iter().filter(|block| matches!(block, ContentBlock::ToolUse(_)));
        let lines: Vec<String> =
            calls.map(|call| serde_json::to_string(call).expect("a call is maps with string keys")).collect();
        let (out, aside) = if lines.is_empty() { (text, String::new()) } else { (lines.join("\n"), text) };
        if !self.is_terminal {
            self.sink.push(out.as_bytes());
        } else if lines.is_empty() {
            self.sink.push(sanitize(&out).as_bytes());
        } else {
            self.sink.push(sanitize_json(&out).as_bytes());
        }
        self.sink.end_line();
        self.sink.flush()?;
        Ok(if aside.is_empty() { Shown::All } else { Shown::WithAside(aside) })
    }

    fn sink(&self) -> &Sink {
        &self.sink
    }

    fn into_sink(self: Box<Self>) -> Sink {
        self.sink
    }
}
