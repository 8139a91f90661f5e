//! What people type: durations, counts, and words that are meant to be other words.

mod duration;
mod nearest;

pub(crate) use duration::{parse_duration, parse_timeout};
pub(crate) use nearest::{did_you_mean, nearest};

/// The most that anything is counted up to, wherever it is set: tokens, tries and requests.
pub(crate) const MOST: u64 = u32::MAX as u64;
