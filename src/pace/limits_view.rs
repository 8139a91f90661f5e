//! What is to be seen of a ledger: the window, the queue, and who holds what. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use super::known_limits::BaseLimits;
use super::ledger::RateLimitLedger;
use super::window::{RateLimits, ReservationHolder};

/// A ledger at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LimitsView {
    /// The limits in force.
    pub(crate) limits: RateLimits,
    /// The requests that count.
    pub(crate) requests: u64,
    /// The tokens that count, reserved ones included.
    pub(crate) tokens: u64,
    /// The requests that wait.
    pub(crate) queued: u64,
    /// For how long no request begins after a 429; none where one may.
    pub(crate) blocked_for: Option<Duration>,
    /// Who holds what.
    pub(crate) holders: Vec<HolderView>,
}

/// What one process holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct HolderView {
    /// Who it is.
    pub(crate) holder: ReservationHolder,
    /// Its requests that wait.
    pub(crate) queued: u64,
    /// Its requests that have begun and not ended.
    pub(crate) in_flight: u64,
    /// Its requests that have ended and still count.
    pub(crate) ended: u64,
    /// The tokens of both, reserved ones included.
    pub(crate) tokens: u64,
}

impl LimitsView {
    /// Looks at a ledger.
    pub(super) fn new(ledger: &RateLimitLedger, now: u64, base: &BaseLimits) -> Self {
        let mut ledger = ledger.clone();
        ledger.drop_expired(now);
        let mut holders: BTreeMap<ReservationHolder, HolderView> = BTreeMap::new();
        let (mut requests, mut tokens) = (0, 0_u64);
        for slot in &ledger.slots {
            let of = holders.entry(slot.holder).or_default();
            of.in_flight += u64::from(!slot.has_ended);
            of.ended += u64::from(slot.has_ended);
            of.tokens = of.tokens.saturating_add(slot.tokens);
            requests += 1;
            tokens = tokens.saturating_add(slot.tokens);
        }
        for ticket in &ledger.queue {
            holders.entry(ticket.holder).or_default().queued += 1;
        }
        let named = |(holder, view)| HolderView { holder, ..view };
        Self {
            limits: ledger.known.in_force(now, base),
            requests,
            tokens,
            queued: ledger.queue.len() as u64,
            blocked_for: ledger
                .blocked_until
                .checked_sub(now)
                .filter(|left| *left > 0)
                .map(Duration::from_micros),
            holders: holders.into_iter().map(named).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::admission::RequestOutcome;
    use super::super::ledger::tests::{COST, NOW, at, base, goes, waits};
    use super::*;

    #[test]
    fn a_view_counts_what_each_holder_has_and_nothing_that_has_lapsed() {
        let (mut ledger, base) = (RateLimitLedger::default(), base(Some(2), Some(1000)));
        let holder = |machine, process| ReservationHolder { machine, process };
        let first = goes(ledger.try_acquire(NOW, None, &COST, &base));
        ledger.name_holder(first, holder(1, 7));
        let answered = RequestOutcome::Answered {
            input: 10,
            output: 30,
        };
        ledger.settle(first, &COST, Some(NOW), answered);
        let second = goes(ledger.try_acquire(NOW, None, &COST, &base));
        ledger.name_holder(second, holder(2, 8));
        let (third, _) = waits(ledger.try_acquire(NOW, None, &COST, &base));
        ledger.name_holder(third, holder(1, 7));
        ledger.back_off(NOW, at(3), &base);
        let view = LimitsView::new(&ledger, at(1), &base);
        assert_eq!((view.requests, view.tokens, view.queued), (2, 109, 1));
        assert_eq!(view.blocked_for, Some(Duration::from_secs(2)));
        let of = |machine, process, [queued, in_flight, ended, tokens]: [u64; 4]| HolderView {
            holder: holder(machine, process),
            queued,
            in_flight,
            ended,
            tokens,
        };
        assert_eq!(
            view.holders,
            [of(1, 7, [1, 0, 1, 40]), of(2, 8, [0, 1, 0, 69])]
        );
        let later = LimitsView::new(&ledger, at(120), &base);
        assert_eq!((later.requests, later.queued), (0, 0));
        assert_eq!((later.blocked_for, later.holders), (None, Vec::new()));
    }
}
