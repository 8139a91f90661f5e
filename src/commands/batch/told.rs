//! Which waits were already reported, so that a wait that many items share is reported once.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use crate::client::{RateLimited, RetryNotice};
use crate::exchange::progress::{a_minute, held_back, retry_line};
use crate::pace::WaitReason;
use crate::text::{format_seconds, round_up_to_seconds};

/// The status of a response that holds back all requests.
const RATE_LIMIT: u16 = 429;

/// What was already reported.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Whether it was reported that items are queued within the limits.
    has_limits: bool,
    /// Reported waits that have not ended: their cause and their end.
    waits: Vec<(Cause, Instant)>,
    /// Notices that are not repeated.
    notices: HashSet<String>,
}

/// The cause of a wait.
#[derive(Debug, PartialEq, Eq)]
enum Cause {
    Status(u16),
    /// A failure without a status.
    Trouble(String),
}

impl Told {
    /// Returns the notice about an item whose attempt failed and will be retried, if it is new.
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

    /// Returns the notice about a wait to send, if it is new: waiting within the limits is reported
    /// once per run, and so is each 429 that holds items back.
    pub(super) fn held(&mut self, held: &RateLimited, now: Instant) -> Option<String> {
        let reason = match held.why {
            WaitReason::Limits(limits) if !std::mem::replace(&mut self.has_limits, true) => {
                format!("items are queued to stay within {}", a_minute(limits))
            }
            WaitReason::BackOff(_)
                if self.is_news(Cause::Status(RATE_LIMIT), held.expected, now) =>
            {
                held_back(held.expected)
            }
            WaitReason::Limits(_) | WaitReason::BackOff(_) => return None,
        };
        Some(format!(
            "{reason}; next request in about {}",
            format_seconds(round_up_to_seconds(held.expected))
        ))
    }

    /// Returns a notice that every item may cause, the first time.
    pub(super) fn once(&mut self, notice: String) -> Option<String> {
        self.notices.insert(notice.clone()).then_some(notice)
    }

    /// Whether no wait with the same cause and at least half as long to go was reported.
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
