//! Limits of requests and tokens a minute that nobody hits: the book that all processes of a user share.
//!
//! `window` is the arithmetic of a sliding minute, `ledger` what may be done with the book, both pure and given the time;
//! `record` is the ledger as bytes, and `book` the file. The file is locked for microseconds and never while anybody waits.

mod book;
mod ledger;
#[cfg(test)]
mod model;
mod record;
mod window;

pub(crate) use book::{Book, Page, Trouble, now};
pub(crate) use ledger::{Asked, Base, Ending, Look, Priority, Received, Reported, Why};
pub(crate) use window::Limits;

/// A second, in the unit of the book: microseconds since 1970.
const SECOND: u64 = 1_000_000;
