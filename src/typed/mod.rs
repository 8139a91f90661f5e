//! What people type: durations, and words that are meant to be other words.

mod duration;
mod nearest;

pub(crate) use duration::{parse_duration, parse_timeout};
pub(crate) use nearest::{did_you_mean, nearest};
