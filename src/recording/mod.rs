//! Records of what was exchanged with an endpoint: written by `--record`, answered from by
//! `--replay` and `serve --replay`.
//!
//! A record is a file of JSON lines: a line that names the format, then one line for each HTTP
//! request with what became of it. Images and PDFs are files in a directory beside it. What a
//! request is compared by is in `request_key`; nothing here sends or knows a secret.

mod answers;
mod attached_files;
mod difference;
mod error;
mod exchange;
mod moved_dates;
mod request_key;
mod writer;

pub(crate) use answers::{MissingRequest, RecordedAnswer, RecordedAnswers};
pub(crate) use error::RecordError;
pub(crate) use exchange::{
    BodyPiece, RecordedExchange, RecordedFailure, RecordedRequest, RecordedResponse, TimeoutLimit,
};
pub(crate) use request_key::RequestKey;
pub(crate) use writer::RecordWriter;

/// What the first line of a record names.
const FORMAT: &str = "langdock-record";

/// The version of the format that is written, and the newest that is read.
const VERSION: u64 = 1;

/// How fast a record answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum ReplayPace {
    /// At once: nothing is waited for.
    #[default]
    Fast,
    /// As it was recorded, waits between attempts included.
    Real,
}
