//! An answer on its way out: a form of output, and the sink it goes to.

use super::output::OutputError;
use super::sink::{Saved, Sink};
use super::thinking::Thinking;
use crate::protocol::{Message, Update};

/// An answer at its end.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    /// The message, as far as it came.
    pub(crate) message: Message,
    /// The region it came from.
    pub(crate) region: String,
    /// Whether it is whole.
    pub(crate) complete: bool,
    /// Tries it took.
    pub(crate) attempts: u32,
    /// Seconds spent waiting between tries.
    pub(crate) waited_s: f64,
    /// The conversation that it is saved in.
    pub(crate) session_id: Option<String>,
}

/// A form of output: what an answer looks like.
pub(crate) trait Form: Send {
    /// Takes an update, and the data of the event behind it as it came.
    fn update(&mut self, _update: &Update, _data: &[u8], _sink: &mut Sink) {}

    /// Gives out what has been taken, before it is written.
    fn flush(&mut self, _sink: &mut Sink) {}

    /// Takes a line of JSON about something that is no part of the answer.
    fn aside(&mut self, _line: &serde_json::Value, _sink: &mut Sink) {}

    /// Takes an answer that is followed by another one, once the calls in it have been run. Says
    /// what could not be shown.
    fn pause(&mut self, _answer: &Answer, sink: &mut Sink) -> Shown {
        sink.end_line();
        Shown::All
    }

    /// Takes the answer at its end, whole or not, and gives out what was held back. Says what could
    /// not be shown.
    fn finish(&mut self, answer: &Answer, sink: &mut Sink) -> Shown;
}

/// Shows an answer.
pub(crate) struct Renderer {
    form: Box<dyn Form>,
    sink: Sink,
    thinking: Option<Thinking>,
}

impl Renderer {
    /// Shows answers in this form, there.
    pub(crate) fn new(form: Box<dyn Form>, sink: Sink) -> Self {
        Self {
            form,
            sink,
            thinking: None,
        }
    }

    /// Shows the reasoning too, dimmed where `is_dimmed`, else between lines in words.
    pub(crate) fn with_thinking(self, is_dimmed: bool) -> Self {
        Self {
            thinking: Some(Thinking::new(is_dimmed)),
            ..self
        }
    }

    /// Whether the reasoning is shown.
    pub(crate) fn shows_thinking(&self) -> bool {
        self.thinking.is_some()
    }

    /// Takes an update, and the data of the event behind it as it came.
    pub(crate) fn update(&mut self, update: &Update, data: &[u8]) {
        if let Some(thinking) = &mut self.thinking {
            thinking.update(update);
        }
        self.form.update(update, data, &mut self.sink);
    }

    /// Takes a line of JSON about something that is no part of the answer; only `--jsonl` shows it.
    pub(crate) fn aside(&mut self, line: &serde_json::Value) {
        self.form.aside(line, &mut self.sink);
    }

    /// Writes what has been taken, with one write.
    pub(crate) fn flush(&mut self) -> Result<(), OutputError> {
        self.form.flush(&mut self.sink);
        self.sink.flush()
    }

    /// Takes an answer that is followed by another one. Says what could not be shown.
    pub(crate) fn pause(&mut self, answer: &Answer) -> Result<Shown, OutputError> {
        let shown = self.form.pause(answer, &mut self.sink);
        self.sink.flush()?;
        Ok(shown)
    }

    /// Takes the answer at its end, whole or not, and writes what was held back. Says what could
    /// not be shown.
    pub(crate) fn finish(&mut self, answer: &Answer) -> Result<Shown, OutputError> {
        if let Some(thinking) = &mut self.thinking {
            thinking.end();
        }
        let shown = self.form.finish(answer, &mut self.sink);
        self.sink.flush()?;
        Ok(shown)
    }

    /// Whether anything has been given out.
    pub(crate) fn has_output(&self) -> bool {
        self.sink.has_output()
    }

    /// Waits until nobody reads any more.
    pub(crate) fn closed(&self) -> impl Future<Output = ()> + use<> {
        self.sink.closed()
    }

    /// Ends the output: a file is whole, or left in part.
    pub(crate) fn close(self, whole: bool) -> Result<Saved, OutputError> {
        self.sink.close(whole)
    }
}

/// What became of an answer at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shown {
    /// It is where it was asked for.
    All,
    /// It is where it was asked for, and this text of it is for stderr.
    WithAside(String),
    /// It has nothing of what was asked for; its text is for stderr, so that it is not lost.
    Nothing(String),
}
