//! A batch as data: a pattern filled from many items, the records of what came of them, and what is
//! still to be done.
//!
//! Pure: files, requests and the terminal are the command's. A record is a line of JSON, written as
//! soon as an item is done, so that whatever ends the run, the next one finds there what need not
//! be asked again.

mod arrange;
mod budget;
mod done;
mod item;
mod pattern;
mod record;
mod tally;
mod turns;

pub(crate) use arrange::{Arrangement, LAST, Placed};
pub(crate) use budget::{Budget, Refused};
pub(crate) use done::{Before, Done};
pub(crate) use item::{Item, Items};
pub(crate) use pattern::Pattern;
pub(crate) use record::{Found, Line, Result, hash_of};
pub(crate) use tally::Tally;
pub(crate) use turns::Turns;

/// What is wrong with a batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    /// The pattern cannot be read.
    #[error("the template: {0}")]
    Pattern(String),
    /// The pattern asks for what an item does not have.
    #[error("{place}: the template's {{{field}}} is not there; known: {}", .known.join(", "))]
    UnknownField {
        /// Where the item stands.
        place: String,
        /// What is asked for.
        field: String,
        /// What there is.
        known: Vec<String>,
        /// Whether it is a line of text.
        is_text: bool,
    },
    /// A line among lines of JSON that is none.
    #[error("{place}: the first line is a JSON object, and this one is not: {reason}")]
    NoObject {
        /// Where it stands.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
}
