//! What people type: durations and numbers, words that are meant to be other words, and words for a
//! shell.

mod duration;
mod nearest;
mod quoted;

pub(crate) use duration::{parse_duration, parse_timeout};
pub(crate) use nearest::{did_you_mean, nearest};
pub(crate) use quoted::quoted;

/// The most that anything is counted up to, wherever it is set: tokens, tries and requests.
pub(crate) const MOST: u64 = u32::MAX as u64;
