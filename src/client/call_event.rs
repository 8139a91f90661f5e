//! What happens to a call, step by step, for those who watch it.

use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, HeaderMap};

use super::error::Error;
use crate::pace::WaitReason;

/// What happened in a step.
#[derive(Debug)]
pub(crate) enum CallEvent {
    /// A request is about to be sent.
    Sending,
    /// The response headers have come.
    Head(ResponseHead),
    /// A piece of the answer's body: see `next_update`.
    Received,
    /// An attempt failed, and the next step waits before another one.
    Retrying(RetryNotice),
    /// A rate limit is reached, and the next step waits to be admitted.
    RateLimited(RateLimited),
    /// Something that the user should know.
    Noticed(String),
    /// The answer is complete.
    Finished,
}

/// The head of an answer, for those who watch.
#[derive(Debug)]
pub(crate) struct ResponseHead {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The headers.
    pub(crate) headers: HeaderMap,
}

impl ResponseHead {
    /// Returns what time it is at the server, where it says so.
    pub(crate) fn date(&self) -> Option<SystemTime> {
        httpdate::parse_http_date(self.headers.get(DATE)?.to_str().ok()?).ok()
    }
}

/// An attempt that failed and will be repeated.
#[derive(Debug)]
pub(crate) struct RetryNotice {
    /// Why.
    pub(crate) error: Error,
    /// How long the wait is.
    pub(crate) wait: Duration,
    /// Which attempt comes next, counted from 1.
    pub(crate) next_attempt: u32,
}

/// A wait for the turn to send.
#[derive(Debug)]
pub(crate) struct RateLimited {
    /// Why.
    pub(crate) why: WaitReason,
    /// How long it is likely to be.
    pub(crate) expected: Duration,
    /// Whether the wait was reported before, and has become longer.
    pub(crate) is_known: bool,
}
