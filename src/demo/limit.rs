//! Requests and tokens per minute, counted as Langdock does: in a sliding window for each key and
//! model.
//!
//! A request reserves its maximum cost, which is its input plus `max_tokens`; once it has been
//! answered, the actual cost replaces the reservation. All functions take the current time as an
//! argument.
//! answered, what it did cost takes the place of the reservation. The arithmetic is given the time.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::fingerprint::Fingerprint;

/// How long a request counts.
const WINDOW: Duration = Duration::from_secs(60);

/// The limits per minute of each key and model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct DemoLimits {
    /// Requests; `None` means no limit.
    pub(crate) requests: Option<u64>,
    /// Tokens; `None` means no limit.
    pub(crate) tokens: Option<u64>,
}

/// A limit and what remains of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RemainingLimit {
    /// The limit per minute.
    pub(super) limit: u64,
    /// What remains of it now.
    pub(super) remaining: u64,
}

/// The limits of a key and model, as response headers report them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LimitStatus {
    /// Requests, if limited.
    pub(super) requests: Option<RemainingLimit>,
    /// Tokens, if limited.
    pub(super) tokens: Option<RemainingLimit>,
}

/// A request is over a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LimitExceeded {
    /// How long until it fits; `None` if it never will, because it exceeds the limit by itself.
    pub(super) wait: Option<Duration>,
}

/// A request in a window.
#[derive(Debug)]
struct WindowEntry {
    id: u64,
    at: Instant,
    tokens: u64,
}

/// The requests of the last minute, oldest first.
#[derive(Debug, Default)]
struct LimitWindow {
    entries: VecDeque<WindowEntry>,
}

impl LimitWindow {
    /// Drops entries that no longer count.
    fn drop_expired(&mut self, now: Instant) {
        while self
            .entries
            .front()
            .is_some_and(|entry| now.saturating_duration_since(entry.at) >= WINDOW)
        {
            self.entries.pop_front();
        }
    }

    fn used_tokens(&self) -> u64 {
        self.entries
            .iter()
            .fold(0, |sum, entry| sum.saturating_add(entry.tokens))
    }

    /// Adds a request with a reservation of `tokens`, if it fits.
    fn add_request(
        &mut self,
        limits: DemoLimits,
        id: u64,
        tokens: u64,
        now: Instant,
    ) -> Result<(), LimitExceeded> {
        self.drop_expired(now);
        if limits.tokens.is_some_and(|limit| tokens > limit) {
            return Err(LimitExceeded { wait: None });
        }
        let (mut requests, mut used) = (self.entries.len() as u64, self.used_tokens());
        let mut wait = None;
        let mut oldest = self.entries.iter();
        while limits.requests.is_some_and(|limit| requests >= limit)
            || limits
                .tokens
                .is_some_and(|limit| used.saturating_add(tokens) > limit)
        {
            // In an empty window, any request fits except those refused above.
            let Some(entry) = oldest.next() else { break };
            wait = Some((entry.at + WINDOW).saturating_duration_since(now));
            requests -= 1;
            used = used.saturating_sub(entry.tokens);
        }
        if wait.is_some() {
            return Err(LimitExceeded { wait });
        }
        self.entries.push_back(WindowEntry {
            id,
            at: now,
            tokens,
        });
        Ok(())
    }

    /// Replaces a request's reservation by its actual cost; does nothing if it no longer counts.
    fn settle_request(&mut self, id: u64, tokens: u64) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == id) {
            entry.tokens = tokens;
        }
    }

    fn limit_status(&self, limits: DemoLimits) -> LimitStatus {
        let left = |limit: u64, used| RemainingLimit {
            limit,
            remaining: limit.saturating_sub(used),
        };
        LimitStatus {
            requests: limits
                .requests
                .map(|limit| left(limit, self.entries.len() as u64)),
            tokens: limits.tokens.map(|limit| left(limit, self.used_tokens())),
        }
    }
}

/// Whose window it is: the fingerprint of the key and of the model it asks for.
type WindowKey = u64;

/// The most requests in all windows. More in a minute are refused, since each is remembered that
/// long.
const MAX_ENTRIES: usize = 100_000;

/// The windows of all keys and models.
pub(super) struct DemoLedger {
    limits: DemoLimits,
    pages: Mutex<WindowTable>,
}

/// The ledger's mutable state.
#[derive(Default)]
struct WindowTable {
    windows: HashMap<WindowKey, LimitWindow>,
    /// The number of requests added so far, which is the id of the last one.
    entered: u64,
}

impl DemoLedger {
    /// Returns an empty ledger.
    pub(super) fn new(limits: DemoLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            pages: Mutex::default(),
        })
    }

    /// Reserves `tokens` for a request of `key` to `model`, and returns the resulting status of the
    /// limits in either case.
    pub(super) fn reserve(
        self: &Arc<Self>,
        (key, model): (&str, &str),
        tokens: u64,
        now: Instant,
    ) -> (Result<LimitReservation, LimitExceeded>, LimitStatus) {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        if self.limits == DemoLimits::default() {
            // Nothing is counted that is not limited.
            pages.entered += 1;
            let reservation = LimitReservation {
                book: Arc::clone(self),
                owner: WindowKey::default(),
                id: pages.entered,
                cost: 0,
            };
            return (
                Ok(reservation),
                LimitWindow::default().limit_status(self.limits),
            );
        }
        // Forget keys that were idle for a minute, since any string is accepted as a key by
        // default.
        pages.windows.retain(|_, window| {
            window.drop_expired(now);
            !window.entries.is_empty()
        });
        let held: usize = pages
            .windows
            .values()
            .map(|window| window.entries.len())
            .sum();
        if held >= MAX_ENTRIES {
            let wait = Some(WINDOW);
            let status = LimitWindow::default().limit_status(self.limits);
            return (Err(LimitExceeded { wait }), status);
        }
        pages.entered += 1;
        let id = pages.entered;
        let mut owner = Fingerprint::new();
        owner.add_number(Fingerprint::of_text(key));
        owner.add_number(Fingerprint::of_text(model));
        let owner = owner.finish();
        let window = pages.windows.entry(owner).or_default();
        let entered = window.add_request(self.limits, id, tokens, now);
        let reservation = entered.map(|()| LimitReservation {
            book: Arc::clone(self),
            owner,
            id,
            cost: 0,
        });
        (reservation, window.limit_status(self.limits))
    }

    fn settle_request(&self, owner: WindowKey, id: u64, tokens: u64) {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(window) = pages.windows.get_mut(&owner) {
            window.settle_request(id, tokens);
        }
    }
}

/// An admitted request; when dropped, it records the actual cost in the ledger.
pub(super) struct LimitReservation {
    book: Arc<DemoLedger>,
    owner: WindowKey,
    id: u64,
    /// The tokens it has cost so far.
    pub(super) cost: u64,
}

impl Drop for LimitReservation {
    fn drop(&mut self) {
        self.book.settle_request(self.owner, self.id, self.cost);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HAIKU: (&str, &str) = ("key", "haiku");

    fn book(
        requests: Option<u64>,
        tokens: Option<u64>,
    ) -> (Arc<DemoLedger>, impl Fn(u64) -> Instant) {
        let begun = Instant::now();
        (
            DemoLedger::new(DemoLimits { requests, tokens }),
            move |seconds| begun + Duration::from_secs(seconds),
        )
    }

    /// Returns how many seconds a request must wait.
    fn wait(result: &Result<LimitReservation, LimitExceeded>) -> Option<u64> {
        let exceeded = result.as_ref().err().expect("it does not fit");
        exceeded.wait.map(|wait| wait.as_secs())
    }

    #[test]
    fn a_request_counts_for_a_minute() {
        let (book, at) = book(Some(2), None);
        assert!(book.reserve(HAIKU, 9, at(0)).0.is_ok());
        assert!(book.reserve(HAIKU, 9, at(10)).0.is_ok());
        let (refused, standing) = book.reserve(HAIKU, 9, at(15));
        assert_eq!(wait(&refused), Some(45));
        assert_eq!(
            standing,
            LimitStatus {
                requests: Some(RemainingLimit {
                    limit: 2,
                    remaining: 0
                }),
                tokens: None
            }
        );
        assert_eq!(wait(&book.reserve(HAIKU, 9, at(59)).0), Some(1));
        assert!(book.reserve(HAIKU, 9, at(60)).0.is_ok());
        assert_eq!(
            wait(&book.reserve(HAIKU, 9, at(60)).0),
            Some(10),
            "until the one at 10 s is a minute old"
        );
    }

    #[test]
    fn a_key_and_a_model_have_a_window_of_their_own() {
        let (book, at) = book(Some(1), None);
        for owner in [HAIKU, ("key", "opus"), ("other", "haiku")] {
            assert!(book.reserve(owner, 1, at(0)).0.is_ok(), "{owner:?}");
            assert!(book.reserve(owner, 1, at(0)).0.is_err(), "{owner:?}");
        }
    }

    #[test]
    fn a_reservation_returns_unused_tokens() {
        let (book, at) = book(None, Some(100));
        let (reserved, standing) = book.reserve(HAIKU, 80, at(0));
        assert_eq!(
            standing.tokens,
            Some(RemainingLimit {
                limit: 100,
                remaining: 20
            })
        );
        assert_eq!(wait(&book.reserve(HAIKU, 30, at(1)).0), Some(59));
        let mut reserved = reserved.expect("it fits");
        reserved.cost = 25;
        drop(reserved);
        let (fits, standing) = book.reserve(HAIKU, 75, at(2));
        assert!(fits.is_ok());
        assert_eq!(
            standing.tokens,
            Some(RemainingLimit {
                limit: 100,
                remaining: 0
            })
        );
    }

    #[test]
    fn the_wait_ends_when_enough_old_requests_expire() {
        let (book, at) = book(None, Some(100));
        let kept: Vec<_> = [(40, 0), (30, 20), (20, 30)]
            .map(|(tokens, seconds)| book.reserve(HAIKU, tokens, at(seconds)).0.expect("it fits"))
            .into();
        assert_eq!(wait(&book.reserve(HAIKU, 20, at(40)).0), Some(20));
        assert_eq!(wait(&book.reserve(HAIKU, 60, at(40)).0), Some(40));
        assert_eq!(wait(&book.reserve(HAIKU, 100, at(40)).0), Some(50));
        assert_eq!(
            wait(&book.reserve(HAIKU, 101, at(40)).0),
            None,
            "it never fits"
        );
        drop(kept);
    }

    #[test]
    fn what_ends_after_its_minute_changes_nothing() {
        let (book, at) = book(None, Some(100));
        let slow = book.reserve(HAIKU, 100, at(0)).0;
        let next = book.reserve(HAIKU, 100, at(60)).0;
        drop(slow);
        assert_eq!(wait(&book.reserve(HAIKU, 1, at(61)).0), Some(59));
        drop(next);
    }
}
