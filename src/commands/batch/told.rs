//! What a user was told of the items' waits, so that what many items have in common is said once.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use crate::client::{RateLimited, RetryNotice};
use crate::exchange::progress::{HELD_BACK, a_minute, retry_line};
use crate::pace::WaitReason;
use crate::text::{format_seconds, round_up_to_seconds};

/// The status of what holds all requests back.
const RATE_LIMIT: u16 = 429;

/// What was told.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Whether items wait within the limits.
    has_limits: bool,
    /// Waits that go on: why, and until when.
    waits: Vec<(Cause, Instant)>,
    /// What was said once and for all.
    notices: HashSet<String>,
}

/// Why there is a wait.
#[derive(Debug, PartialEq, Eq)]
enum Cause {
    Status(u16),
    /// No status came.
    Trouble(String),
}

impl Told {
    /// What is to be told of an item whose try failed and will be repeated.
    pub(super) fn retrying(
        &mut self,
        place: &str,
        retrying: &RetryNotice,
        now: Instant,
    ) -> Option<String> {
        let cause = match retrying.error.status() {
            Some(status) => Cause::Status(status),
            None => Cause::Trouble(retrying.error.to_string()),
        };
        self.is_news(cause, retrying.wait, now)
            .then(|| format!("{place}: {}", retry_line(retrying)))
    }

    /// What is to be told of a wait for the turn to send: that items wait within the limits once in
    /// a run, and each 429 that holds them back.
    pub(super) fn held(&mut self, held: &RateLimited, now: Instant) -> Option<String> {
        let reason = match held.why {
            WaitReason::Limits(limits) if !std::mem::replace(&mut self.has_limits, true) => {
                format!("items are queued to stay within {}", a_minute(limits))
            }
            WaitReason::BackOff(_)
                if self.is_news(Cause::Status(RATE_LIMIT), held.expected, now) =>
            {
                HELD_BACK.to_owned()
            }
            WaitReason::Limits(_) | WaitReason::BackOff(_) => return None,
        };
        Some(format!(
            "{reason}; next request in about {}",
            format_seconds(round_up_to_seconds(held.expected))
        ))
    }

    /// What is to be told of something that each item may say.
    pub(super) fn once(&mut self, notice: String) -> Option<String> {
        self.notices.insert(notice.clone()).then_some(notice)
    }

    /// Whether none that has the same cause, and half as long to go, was told.
    fn is_news(&mut self, cause: Cause, wait: Duration, now: Instant) -> bool {
        self.waits.retain(|(_, until)| *until > now);
        if self
            .waits
            .iter()
            .any(|(told, until)| *told == cause && *until - now >= wait / 2)
        {
            return false;
        }
        self.waits.retain(|(told, _)| *told != cause);
        self.waits.push((cause, now + wait));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn after(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_wait_that_many_share_is_news_once_and_each_that_follows_again() {
        let (mut told, start) = (Told::default(), Instant::now());
        let mut is_news =
            |status, wait, at| told.is_news(Cause::Status(status), after(wait), start + after(at));
        assert!(
            (0..32)
                .map(|_| is_news(429, 4, 0))
                .eq(std::iter::once(true).chain([false; 31]))
        );
        assert!(!is_news(429, 4, 2), "it ends a little later");
        assert!(is_news(529, 4, 2), "another cause");
        assert!(is_news(429, 60, 3), "a much longer one");
        assert!(!is_news(429, 60, 30) && is_news(429, 60, 40));
        assert!(is_news(429, 2, 101), "they are over");
    }
}
