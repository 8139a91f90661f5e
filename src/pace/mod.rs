//! Limits of requests and tokens a minute that nobody hits: the book that all processes of a user
//! share.
//!
//! `window` is the arithmetic of a sliding minute, `ledger` what may be done with the book,
//! `allowed` what is known of the limits, all pure and given the time; `record` is the ledger as
//! bytes, and `book` the file, which is locked for microseconds and never while anybody waits.

mod allowed;
mod book;
mod ledger;
#[cfg(test)]
mod model;
mod record;
mod window;

pub(crate) use allowed::{Base, Received, Reported};
pub(crate) use book::{Book, Page, Trouble, now};
pub(crate) use ledger::{Asked, Ending, Look, Priority, Why};
pub(crate) use window::Limits;

/// A second, in the unit of the book: microseconds since 1970.
const SECOND: u64 = 1_000_000;
