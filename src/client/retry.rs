//! Whether and when a request is retried: pure, the loop that sleeps is in `call`.
//!
//! The conditions and the short backoff are those of Anthropic's SDKs; the long one is for limits
//! per minute, so that a whole window passes before the waiting ends.

use std::time::{Duration, SystemTime};

use reqwest::header::HeaderMap;

/// How often to retry, and how long to wait in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RetryPolicy {
    /// The maximum number of retries.
    pub(crate) max_retries: u32,
    /// The most time to spend waiting in all.
    pub(crate) max_wait: Duration,
}

/// What went wrong, as far as retrying depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallFailure {
    /// The server answered with a status other than 200, or with an error event that stands for
    /// one.
    Status {
        /// The HTTP status.
        status: u16,
        /// The header `x-should-retry`.
        should_retry: Option<bool>,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
    /// The name of the host was not found: seldom is that a passing failure.
    UnknownHost,
    /// The connection could not be made.
    Connect,
    /// The connection was lost before the answer.
    Lost,
    /// The request was sent, and nothing came back in time: each attempt may be billed.
    TimedOut,
    /// A retry would fail in the same way.
    Fatal,
}

/// The attempts and the waiting of a call so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct RetryState {
    /// Retries so far.
    pub(crate) retries: u32,
    /// Of these, retries after a timeout.
    pub(crate) timeouts: u32,
    /// Of these, retries after a name that was not found.
    pub(crate) unknown_hosts: u32,
    /// Time spent waiting between attempts.
    pub(crate) waited: Duration,
}

/// Seconds to wait on a 429 that does not say how long: with jitter these pass a window of a minute
/// within 120 s.
const RATE_LIMIT_SECONDS: [f64; 5] = [2.0, 4.0, 8.0, 16.0, 30.0];

/// The share of a wait that jitter may take off, as in Anthropic's SDKs.
const JITTER: f64 = 0.25;

impl RetryPolicy {
    /// Returns how long to wait before the next attempt, or none if there must not be one. `jitter`
    /// is between 0 and 1.
    pub(crate) fn next_wait(
        &self,
        state: &RetryState,
        failure: &CallFailure,
        jitter: f64,
    ) -> Option<Duration> {
        if state.retries >= self.max_retries || !is_retryable(failure, state) {
            return None;
        }
        let wait = match *failure {
            CallFailure::Status {
                retry_after: Some(wait),
                ..
            } => wait,
            _ => Duration::from_secs_f64(
                backoff_seconds(failure, state.retries) * (1.0 - JITTER * jitter),
            ),
        };
        (wait <= self.max_wait.saturating_sub(state.waited)).then_some(wait)
    }
}

/// Returns whether the same request may be let in later: by itself a status says so.
pub(crate) fn is_transient_status(status: u16) -> bool {
    matches!(status, 408 | 409 | 429 | 500..)
}

fn is_retryable(failure: &CallFailure, state: &RetryState) -> bool {
    match *failure {
        CallFailure::Status {
            should_retry: Some(decision),
            ..
        } => decision,
        CallFailure::Status { status, .. } => is_transient_status(status),
        CallFailure::Connect | CallFailure::Lost => true,
        CallFailure::TimedOut => state.timeouts == 0,
        CallFailure::UnknownHost => state.unknown_hosts == 0,
        CallFailure::Fatal => false,
    }
}

fn backoff_seconds(failure: &CallFailure, retries: u32) -> f64 {
    if matches!(failure, CallFailure::Status { status: 429, .. }) {
        let last = RATE_LIMIT_SECONDS.len() - 1;
        RATE_LIMIT_SECONDS[usize::try_from(retries).map_or(last, |retries| retries.min(last))]
    } else {
        (0.5 * f64::from(2_u32.saturating_pow(retries))).min(8.0)
    }
}

/// Reads how long the server asks to wait: `retry-after-ms`, else `retry-after` in seconds or as a
/// date. Whether Langdock sends either is unverified. As in Anthropic's SDKs a time that is zero or
/// in the past is ignored: immediate retries would be used up before the limit is lifted.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let number = |name: &str| text(name)?.parse::<f64>().ok();
    let is_wait = |wait: &Duration| !wait.is_zero();
    let wait = |seconds: f64| Duration::try_from_secs_f64(seconds).ok().filter(is_wait);
    let from_ms = number("retry-after-ms").and_then(|ms| wait(ms / 1000.0));
    let from_seconds = || number("retry-after").and_then(wait);
    let from_date = || {
        let date = httpdate::parse_http_date(text("retry-after")?).ok()?;
        date.duration_since(now).ok().filter(is_wait)
    };
    from_ms.or_else(from_seconds).or_else(from_date)
}

/// Reads the header `x-should-retry`.
pub(super) fn should_retry(headers: &HeaderMap) -> Option<bool> {
    headers.get("x-should-retry")?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        max_retries: 8,
        max_wait: Duration::from_secs(120),
    };

    fn status(status: u16) -> CallFailure {
        CallFailure::Status {
            status,
            should_retry: None,
            retry_after: None,
        }
    }

    #[test]
    fn every_status_has_its_decision() {
        let retried: Vec<u16> = (100..600)
            .filter(|&code| {
                POLICY
                    .next_wait(&RetryState::default(), &status(code), 0.0)
                    .is_some()
            })
            .collect();
        let expected: Vec<u16> = [408, 409, 429].into_iter().chain(500..600).collect();
        assert_eq!(retried, expected);
    }

    #[test]
    fn x_should_retry_decides_where_it_is_sent() {
        for (code, should_retry) in [(400, true), (429, false)] {
            let failure = CallFailure::Status {
                status: code,
                should_retry: Some(should_retry),
                retry_after: None,
            };
            assert_eq!(
                POLICY
                    .next_wait(&RetryState::default(), &failure, 0.0)
                    .is_some(),
                should_retry
            );
        }
    }

    /// Plays a call that fails the same way each time; gives the waits in seconds.
    fn waits(failure: CallFailure, jitter: f64) -> Vec<f64> {
        let mut state = RetryState::default();
        let mut waits = Vec::new();
        while let Some(wait) = POLICY.next_wait(&state, &failure, jitter) {
            waits.push(wait.as_secs_f64());
            state.retries += 1;
            state.waited += wait;
        }
        waits
    }

    #[test]
    fn a_rate_limit_is_waited_out_over_more_than_a_window() {
        assert_eq!(
            waits(status(429), 0.0),
            [2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
        );
        assert_eq!(
            waits(status(429), 1.0),
            [1.5, 3.0, 6.0, 12.0, 22.5, 22.5, 22.5, 22.5]
        );
    }

    #[test]
    fn other_failures_wait_as_the_sdks_do() {
        assert_eq!(
            waits(status(529), 0.0),
            [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 8.0]
        );
        assert_eq!(waits(CallFailure::Connect, 1.0)[..3], [0.375, 0.75, 1.5]);
    }

    #[test]
    fn a_wait_longer_than_allowed_is_not_started() {
        let failure = |seconds| CallFailure::Status {
            status: 429,
            should_retry: None,
            retry_after: Some(Duration::from_secs(seconds)),
        };
        let state = RetryState {
            waited: Duration::from_secs(60),
            ..RetryState::default()
        };
        assert_eq!(
            POLICY.next_wait(&state, &failure(60), 0.5),
            Some(Duration::from_secs(60))
        );
        assert_eq!(POLICY.next_wait(&state, &failure(61), 0.5), None);
    }

    #[test]
    fn a_timeout_is_retried_once() {
        assert!(
            POLICY
                .next_wait(&RetryState::default(), &CallFailure::TimedOut, 0.0)
                .is_some()
        );
        assert_eq!(
            POLICY.next_wait(
                &RetryState {
                    retries: 1,
                    timeouts: 1,
                    ..RetryState::default()
                },
                &CallFailure::TimedOut,
                0.0
            ),
            None
        );
    }

    #[test]
    fn a_host_that_is_not_found_is_looked_up_twice() {
        let mut state = RetryState::default();
        let wait = POLICY.next_wait(&state, &CallFailure::UnknownHost, 0.0);
        assert_eq!(wait, Some(Duration::from_millis(500)));
        (state.retries, state.unknown_hosts) = (1, 1);
        let wait = POLICY.next_wait(&state, &CallFailure::UnknownHost, 0.0);
        assert_eq!(wait, None);
    }

    #[test]
    fn no_retries_means_none() {
        let policy = RetryPolicy {
            max_retries: 0,
            ..POLICY
        };
        assert_eq!(
            policy.next_wait(&RetryState::default(), &CallFailure::Connect, 0.0),
            None
        );
    }

    #[test]
    fn the_wait_is_read_from_every_form_of_its_header() {
        let now = httpdate::parse_http_date("Sun, 22 Nov 2026 12:00:00 GMT").expect("a date");
        for (name, value, seconds) in [
            ("retry-after-ms", "1500", Some(1.5)),
            ("retry-after", "7", Some(7.0)),
            ("retry-after", "0.5", Some(0.5)),
            ("retry-after", "Sun, 22 Nov 2026 12:00:30 GMT", Some(30.0)),
            ("retry-after", "Sun, 22 Nov 2026 12:00:00 GMT", None),
            ("retry-after", "Sun, 22 Nov 2026 11:00:00 GMT", None),
            ("retry-after-ms", "0", None),
            ("retry-after", "0", None),
            ("retry-after", "0.0", None),
            ("retry-after", "-1", None),
            ("retry-after", "soon", None),
            ("retry-after", "1e400", None),
            ("x-other", "1", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(
                reqwest::header::HeaderName::from_static(name),
                value.parse().expect("a header value"),
            );
            assert_eq!(
                retry_after(&headers, now).map(|wait| wait.as_secs_f64()),
                seconds,
                "{name}: {value}"
            );
        }
        let both = [("retry-after-ms", "0"), ("retry-after", "7")];
        let named = both.map(|(name, value)| {
            (
                name.parse().expect("a name"),
                value.parse().expect("a value"),
            )
        });
        assert_eq!(
            retry_after(&HeaderMap::from_iter(named), now),
            Some(Duration::from_secs(7))
        );
    }
}
