//! How much of an answer is taken: whatever a server sends, it does not fill the memory.
//!
//! All limits of an answer are in one table. Each is generous by what the API can produce: the
//! longest answer of a model has 128,000 tokens, which are about 0.6 MB of English text.

use crate::text::{MAX_JSON_DEPTH, Mebibytes, NestedTooDeep};
use std::fmt;

/// Which limit an answer has exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnswerLimit {
    /// Text, reasoning and arguments together. Tenfold the longest answer; a partial answer is held
    /// a few times over while it is written and saved.
    Content,
    /// Content blocks. Answers with many calls have some dozens.
    Blocks,
    /// The memory that values not known here, and arguments of calls, take once they are parsed.
    /// The longest answer that is nothing but numbers in an array takes a third of it.
    Values,
    /// The data of one event. Most have a few hundred bytes; whole blocks, such as redacted
    /// reasoning, come in one.
    Event,
    /// A whole message that is not streamed.
    Body,
    /// All events of a stream. One event for each token of the longest answer makes 20 MB.
    Stream,
    /// How deep a value in it nests.
    Depth,
}

/// The most blocks.
pub(super) const MAX_BLOCKS: usize = 4096;

impl AnswerLimit {
    /// Returns the limit in bytes, or the number that it is counted in.
    pub(super) const fn most(self) -> usize {
        match self {
            Self::Blocks => MAX_BLOCKS,
            Self::Depth => MAX_JSON_DEPTH,
            other => other.size().bytes(),
        }
    }

    const fn size(self) -> Mebibytes {
        Mebibytes(match self {
            Self::Event => 4,
            Self::Content | Self::Body => 8,
            Self::Values => 16,
            Self::Stream => 128,
            Self::Blocks | Self::Depth => 0,
        })
    }
}

impl fmt::Display for AnswerLimit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.size();
        match self {
            Self::Content => write!(formatter, "the answer is larger than {size}"),
            Self::Blocks => write!(formatter, "the answer has more than {MAX_BLOCKS} blocks"),
            Self::Values => {
                write!(
                    formatter,
                    "the JSON of the answer takes more than {size} of memory"
                )
            }
            Self::Event => write!(formatter, "an event of the answer is larger than {size}"),
            Self::Body => write!(formatter, "the body of the answer is larger than {size}"),
            Self::Stream => {
                write!(
                    formatter,
                    "the events of the answer are larger than {size} in total"
                )
            }
            Self::Depth => write!(
                formatter,
                "the answer is nested too deeply: {NestedTooDeep}"
            ),
        }
    }
}

/// What an answer takes as far as it has come, in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct AnswerSize {
    /// Text, reasoning and arguments, as JSON has them.
    pub(super) content: usize,
    /// Values that are not known here.
    pub(super) values: usize,
}

impl AnswerSize {
    /// Returns the size of a text as JSON has it, in which a byte may take six.
    pub(super) fn of_text(text: &str) -> usize {
        let is_escaped = |byte: &&u8| **byte < b' ' || matches!(**byte, b'"' | b'\\');
        text.len() + 5 * text.as_bytes().iter().filter(is_escaped).count()
    }

    /// Adds what has come; an error if it is too much.
    pub(super) fn grow(&mut self, more: Self) -> Result<(), AnswerLimit> {
        self.content = self.content.saturating_add(more.content);
        if self.content > AnswerLimit::Content.most() {
            return Err(AnswerLimit::Content);
        }
        self.grow_values(more.values)
    }

    /// Adds values alone.
    pub(super) fn grow_values(&mut self, bytes: usize) -> Result<(), AnswerLimit> {
        self.values = self.values.saturating_add(bytes);
        if self.values > AnswerLimit::Values.most() {
            return Err(AnswerLimit::Values);
        }
        Ok(())
    }
}
