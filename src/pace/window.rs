//! A sliding minute of requests and tokens: when the next request fits, pure.
//!
//! A server counts a request when it arrives, which is some time after it was begun and before its
//! response headers. So a slot counts for a minute from the headers on where their time is known,
//! and a little longer where it is not: whatever the network does, no minute of the server holds
//! more requests than one of ours.
//!
//! Some servers do not slide a window but drip tokens into a bucket that holds a part of the
//! minute's limit. Requests are spread for them: a small burst at once and the others one by one,
//! which costs next to nothing where the window slides.

use std::collections::VecDeque;

use super::SECOND;

/// How long a request counts.
pub(super) const WINDOW: u64 = 60 * SECOND;

/// How long a request may be in flight before the server counts it.
pub(super) const IN_FLIGHT_GRACE: u64 = 2 * SECOND;

/// The share of the minute's requests that may begin at once, in percent.
pub(super) const BURST_PERCENT: u64 = 8;

/// How fast the others follow, in percent of what is allowed.
const SPEED_PERCENT: u64 = 97;

/// What is allowed in a minute; none: any number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct RateLimits {
    /// Requests.
    pub(crate) requests: Option<u64>,
    /// Tokens.
    pub(crate) tokens: Option<u64>,
}

impl RateLimits {
    /// Returns whether anything is limited.
    pub(crate) fn is_any(self) -> bool {
        self.requests.is_some() || self.tokens.is_some()
    }

    /// Returns the time from one request to the next.
    fn request_interval(self) -> u64 {
        self.requests
            .map_or(0, |requests| WINDOW * 100 / SPEED_PERCENT / requests.max(1))
    }

    /// Returns how far requests may run ahead of the interval: the burst without its first one.
    fn burst_allowance(self) -> u64 {
        let burst = self.requests.map_or(1, |requests| {
            (requests.saturating_mul(BURST_PERCENT) / 100).max(2)
        });
        self.request_interval() * (burst - 1)
    }

    /// Returns what the spreading is at after a request at `start`; `due` is what it was at before.
    pub(super) fn spread_after(self, due: u64, start: u64) -> u64 {
        due.max(start) + self.request_interval()
    }

    /// Returns what the spreading is at without one of its requests.
    pub(super) fn spread_without(self, due: u64) -> u64 {
        due.saturating_sub(self.request_interval())
    }
}

/// Names a reservation from its first place in the queue until it is settled or released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ReservationId(pub(super) u64);

/// Who holds a reservation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ReservationHolder {
    /// The machine: a number made of its name, 0 where the ledger is that of one machine. Whoever
    /// waits in such a ledger has the number of a [`super::process_scope`] here.
    pub(crate) machine: u64,
    /// The id of the process; 0 if nobody knows.
    pub(crate) process: u32,
}

/// A request that counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct WindowSlot {
    /// The reservation.
    pub(super) id: ReservationId,
    /// Who has it.
    pub(super) holder: ReservationHolder,
    /// When it was begun, or once it has ended: when it was counted at the latest.
    pub(super) at: u64,
    /// The tokens that it counts for.
    pub(super) tokens: u64,
    /// The most tokens that it can use.
    pub(super) most: u64,
    /// Whether it has ended.
    pub(super) has_ended: bool,
}

impl WindowSlot {
    /// Returns when it stops counting.
    pub(super) fn expiry(&self) -> u64 {
        self.at + WINDOW + if self.has_ended { 0 } else { IN_FLIGHT_GRACE }
    }
}

/// What others use of the same limits. The server does not say how old that is, so it is taken to
/// expire evenly within a window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct OtherUsage {
    /// When it was seen.
    pub(super) at: u64,
    /// Requests.
    pub(super) requests: u64,
    /// Tokens.
    pub(super) tokens: u64,
}

impl OtherUsage {
    fn amount_left(self, amount: u64, now: u64) -> u64 {
        let rest = WINDOW.saturating_sub(now.saturating_sub(self.at));
        u64::try_from((u128::from(amount) * u128::from(rest)).div_ceil(u128::from(WINDOW)))
            .unwrap_or(amount)
    }

    /// Returns when no more than `room` of `amount` is left.
    fn down_to(self, amount: u64, room: u64) -> u64 {
        if amount <= room {
            return 0;
        }
        let passed = u128::from(amount - room) * u128::from(WINDOW) / u128::from(amount);
        self.at + u64::try_from(passed).unwrap_or(WINDOW) + 1
    }
}

/// The coming minute, request by request: each one that is placed takes room from those behind it.
#[derive(Debug)]
pub(super) struct WindowForecast {
    limits: RateLimits,
    others: OtherUsage,
    now: u64,
    due: u64,
    requests: u64,
    tokens: u64,
    /// When how many tokens expire, the first to expire in front.
    expiring: VecDeque<(u64, u64)>,
}

impl WindowForecast {
    /// Returns the minute as it is after these slots. `due` is what the spreading is at.
    pub(super) fn new(
        limits: RateLimits,
        slots: &[WindowSlot],
        others: OtherUsage,
        now: u64,
        due: u64,
    ) -> Self {
        let mut expiring: Vec<_> = slots
            .iter()
            .map(|slot| (slot.expiry(), slot.tokens))
            .collect();
        expiring.sort_unstable();
        Self {
            limits,
            others,
            now,
            due,
            requests: slots.len() as u64,
            tokens: slots
                .iter()
                .fold(0, |sum, slot| sum.saturating_add(slot.tokens)),
            expiring: expiring.into(),
        }
    }

    /// Places a request after the earlier ones, and returns its start.
    pub(super) fn place_request(&mut self, tokens: u64) -> u64 {
        // What is over the limit by itself goes when nothing else counts.
        let tokens = self.limits.tokens.map_or(tokens, |limit| tokens.min(limit));
        self.now = self
            .now
            .max(self.due.saturating_sub(self.limits.burst_allowance()));
        self.drop_expired();
        while let Some(later) = self.full_until(tokens) {
            self.now = later;
            self.drop_expired();
        }
        self.due = self.limits.spread_after(self.due, self.now);
        self.requests += 1;
        self.tokens = self.tokens.saturating_add(tokens);
        self.expiring
            .push_back((self.now + WINDOW + IN_FLIGHT_GRACE, tokens));
        self.now
    }

    fn drop_expired(&mut self) {
        while let Some(&(_, tokens)) = self
            .expiring
            .front()
            .filter(|(expiry, _)| *expiry <= self.now)
        {
            self.expiring.pop_front();
            self.requests -= 1;
            self.tokens = self.tokens.saturating_sub(tokens);
        }
    }

    /// Returns the next moment at which there may be room, none if there is room now.
    fn full_until(&self, tokens: u64) -> Option<u64> {
        let until = |limit: Option<u64>, used: u64, wanted: u64, theirs: u64| {
            let limit = limit?;
            let room = limit.checked_sub(used.saturating_add(wanted));
            match room {
                Some(room) if self.others.amount_left(theirs, self.now) <= room => None,
                Some(room) => Some(self.others.down_to(theirs, room).max(self.now + 1)),
                None => Some(u64::MAX),
            }
        };
        let requests = until(self.limits.requests, self.requests, 1, self.others.requests);
        let tokens = until(self.limits.tokens, self.tokens, tokens, self.others.tokens);
        let later = requests.into_iter().chain(tokens).max()?;
        let expiry = self
            .expiring
            .front()
            .map_or(u64::MAX, |(expiry, _)| *expiry);
        // With nothing of ours in the window, others alone may fill it, but no longer than for one.
        Some(later.min(expiry)).filter(|later| *later < u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000 * SECOND;

    fn limits(requests: u64, tokens: u64) -> RateLimits {
        RateLimits {
            requests: Some(requests),
            tokens: Some(tokens),
        }
    }

    fn slot(seconds_ago: u64, tokens: u64) -> WindowSlot {
        WindowSlot {
            id: ReservationId(0),
            holder: ReservationHolder::default(),
            at: NOW - seconds_ago * SECOND,
            tokens,
            most: tokens,
            has_ended: true,
        }
    }

    /// Returns the starts of requests of so many tokens, in seconds from now.
    fn starts(
        limits: RateLimits,
        slots: &[WindowSlot],
        others: OtherUsage,
        tokens: &[u64],
    ) -> Vec<u64> {
        let mut forecast = WindowForecast::new(limits, slots, others, NOW, 0);
        tokens
            .iter()
            .map(|tokens| (forecast.place_request(*tokens) - NOW) / SECOND)
            .collect()
    }

    #[test]
    fn an_empty_window_has_room_at_once() {
        assert_eq!(
            starts(limits(60, 100), &[], OtherUsage::default(), &[100]),
            [0]
        );
        assert_eq!(
            starts(
                RateLimits::default(),
                &[],
                OtherUsage::default(),
                &[u64::MAX, u64::MAX]
            ),
            [0, 0]
        );
    }

    #[test]
    fn a_request_waits_until_enough_old_ones_have_expired() {
        let slots = [slot(40, 40), slot(20, 30), slot(10, 20)];
        let wait = |tokens| starts(limits(600, 100), &slots, OtherUsage::default(), &[tokens])[0];
        assert_eq!([wait(10), wait(20), wait(60), wait(100)], [0, 20, 40, 50]);
        assert_eq!(
            wait(1000),
            50,
            "what is over the limit by itself goes alone"
        );
        assert_eq!(
            starts(limits(3, 1000), &slots, OtherUsage::default(), &[1, 1]),
            [20, 40]
        );
    }

    #[test]
    fn what_is_on_its_way_counts_longer_than_what_has_ended() {
        let under_way = WindowSlot {
            has_ended: false,
            ..slot(59, 100)
        };
        assert_eq!(
            starts(
                limits(600, 100),
                &[slot(59, 100)],
                OtherUsage::default(),
                &[1]
            ),
            [1]
        );
        assert_eq!(
            starts(limits(600, 100), &[under_way], OtherUsage::default(), &[1]),
            [3]
        );
    }

    #[test]
    fn after_a_burst_requests_follow_evenly() {
        let mut forecast = WindowForecast::new(
            RateLimits {
                requests: Some(100),
                tokens: None,
            },
            &[],
            OtherUsage::default(),
            NOW,
            0,
        );
        let starts: Vec<u64> = (0..200)
            .map(|_| (forecast.place_request(1) - NOW) / 1000)
            .collect();
        assert_eq!(starts[..8], [0; 8]);
        assert_eq!(starts[8] / 100, 6, "60 s by 97");
        for (place, start) in starts.iter().enumerate().skip(100) {
            assert!(
                start - starts[place - 100] >= 60_000,
                "never more than 100 in a minute"
            );
        }
        assert!(
            starts[199] < 132_000,
            "and close to the least that 200 take: {}",
            starts[199]
        );
    }

    #[test]
    fn no_minute_holds_more_than_a_limit_however_long_each_is_on_its_way() {
        let mut forecast = WindowForecast::new(limits(10, 50), &[], OtherUsage::default(), NOW, 0);
        let starts: Vec<u64> = (0..60).map(|n| forecast.place_request(n % 9)).collect();
        for (first, start) in starts.iter().enumerate() {
            let last = starts
                .iter()
                .rposition(|other| *other < start + WINDOW)
                .expect("itself");
            assert!(last - first < 10);
            let tokens: u64 = (first..=last).map(|n| n as u64 % 9).sum();
            assert!(tokens <= 50, "{tokens}");
        }
    }

    #[test]
    fn usage_of_others_expires_evenly() {
        let others = OtherUsage {
            at: NOW,
            requests: 0,
            tokens: 100,
        };
        let wait = |tokens| starts(limits(600, 100), &[], others, &[tokens])[0];
        assert_eq!([wait(0), wait(50), wait(100)], [0, 30, 60]);
        let one = OtherUsage {
            at: NOW,
            requests: 1,
            tokens: 0,
        };
        assert_eq!(
            starts(limits(1, 100), &[], one, &[1]),
            [60],
            "a part of a request is one"
        );
        let many = OtherUsage {
            at: NOW,
            requests: 100,
            tokens: 0,
        };
        assert_eq!(starts(limits(60, 100), &[], many, &[1]), [24]);
    }
}
