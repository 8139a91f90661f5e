//! What every form of output has in common.

use super::output::OutputError;
use super::sink::Sink;
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
}

/// A form of output. What it is given is written by `flush`, once for all that has arrived.
pub(crate) trait Renderer: Send {
    /// Takes an update, and the data of the event behind it as it came.
    fn update(&mut self, update: &Update, data: &[u8]);

    /// Takes a line of JSON about something that is no part of the answer; only `--jsonl` shows it.
    fn aside(&mut self, _line: &serde_json::Value) {}

    /// Writes what has been taken.
    fn flush(&mut self) -> Result<(), OutputError>;

    /// Takes the answer at its end, whole or not, and writes what was held back. Says what could not be shown.
    fn finish(&mut self, answer: &Answer) -> Result<Shown, OutputError>;

    /// Where the output goes.
    fn sink(&self) -> &Sink;

    /// Gives up the sink, to be closed.
    fn into_sink(self: Box<Self>) -> Sink;
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
