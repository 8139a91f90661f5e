//! Slots in advance, for a ledger that many machines share: a request that starts soon has its slot
//! already, and only has to confirm it then, which changes nothing. So the ledger is changed less
//! often, and each change may lose a race against another machine's.

use super::SECOND;
use super::admission::{Admission, RequestCost, WaitReason};
use super::known_limits::BaseLimits;
use super::ledger::{LONGEST_LEAD, RateLimitLedger};
use super::window::ReservationId;

/// How late a request may begin after the start of the slot that it had already.
const LATEST_BEGIN: u64 = SECOND;

impl RateLimitLedger {
    /// Admits a request as `try_acquire` does. One that starts soon, those ahead of it considered,
    /// has its slot already, and only has to be confirmed then.
    pub(super) fn acquire_ahead(
        &mut self,
        now: u64,
        queued: Option<ReservationId>,
        cost: &RequestCost,
        base: &BaseLimits,
    ) -> Admission {
        if let Some(id) = queued
            && let Some(confirmed) = self.confirm(now, id, base)
        {
            return confirmed;
        }
        let mut admission = self.try_acquire(now, queued, cost, base);
        let Admission::Queued {
            id: Some(id),
            start,
            retry_at,
            reason: WaitReason::Limits(limits),
        } = &mut admission
        else {
            return admission;
        };
        if *start > now + LONGEST_LEAD {
            // It sleeps until it starts soon.
            *retry_at = (*retry_at).min(start.saturating_sub(LONGEST_LEAD / 2));
            return admission;
        }
        self.queue.retain(|ticket| ticket.id != *id);
        self.add_slot(*id, *start, cost, *limits);
        *retry_at = *start;
        admission
    }

    /// Admits a request whose slot has been there since before its start; none where it has no
    /// slot. What is late, or blocked since, starts later, and keeps its slot until then.
    fn confirm(&mut self, now: u64, id: ReservationId, base: &BaseLimits) -> Option<Admission> {
        let blocked_until = self.blocked_until;
        let limits = self.known.in_force(now, base);
        let mut slots = self.slots.iter_mut();
        let slot = slots.find(|slot| slot.id == id && !slot.has_ended)?;
        if blocked_until > now {
            slot.at = slot.at.max(blocked_until);
            return Some(Admission::Queued {
                id: Some(id),
                start: slot.at,
                retry_at: slot.at,
                reason: WaitReason::BackOff(blocked_until),
            });
        }
        if slot.at > now {
            return Some(Admission::Queued {
                id: Some(id),
                start: slot.at,
                retry_at: slot.at,
                reason: WaitReason::Limits(limits),
            });
        }
        if slot.at + LATEST_BEGIN < now {
            slot.at = now;
        }
        Some(Admission::Admitted(Some(id)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::admission::RequestOutcome;
    use super::super::ledger::tests::{COST, NOW, at, base, goes, strict, waits};
    use super::*;

    #[test]
    fn a_request_that_starts_soon_has_its_slot_and_confirming_it_changes_nothing() {
        let (mut ledger, base) = (RateLimitLedger::default(), base(Some(60), None));
        let ahead =
            |ledger: &mut RateLimitLedger, now, id| ledger.acquire_ahead(now, id, &COST, &base);
        let mut admission = ahead(&mut ledger, NOW, None);
        while matches!(admission, Admission::Admitted(_)) {
            admission = ahead(&mut ledger, NOW, None);
        }
        let Admission::Queued {
            id: Some(id),
            start,
            retry_at,
            ..
        } = admission
        else {
            panic!("{admission:?}")
        };
        assert_eq!((start, ledger.queue.len()), (retry_at, 0));
        let booked = ledger.clone();
        waits(ahead(&mut ledger, start - 1, Some(id)));
        assert_eq!(goes(ahead(&mut ledger, start, Some(id))), id);
        assert_eq!(ledger, booked);
        assert_eq!(goes(ahead(&mut ledger, start + 3 * SECOND, Some(id))), id);
        assert_eq!(
            ledger.slots.last().map(|slot| slot.at),
            Some(start + 3 * SECOND)
        );
    }

    #[test]
    fn a_slot_that_a_429_overtakes_starts_when_the_block_is_over() {
        let (mut ledger, base) = (RateLimitLedger::default(), base(Some(60), None));
        let mut admission = ledger.acquire_ahead(NOW, None, &COST, &base);
        while matches!(admission, Admission::Admitted(_)) {
            admission = ledger.acquire_ahead(NOW, None, &COST, &base);
        }
        let id = admission.id();
        ledger.back_off(NOW, at(9), &base);
        let (_, start) = waits(ledger.acquire_ahead(at(2), id, &COST, &base));
        assert_eq!(start, 9);
        assert!(!ledger.bound_times(at(2)));
        goes(ledger.acquire_ahead(at(9), id, &COST, &base));
    }

    #[test]
    fn nobody_has_a_slot_before_those_ahead_of_it() {
        let (mut ledger, base) = (strict(), base(None, Some(100)));
        let first = goes(ledger.acquire_ahead(NOW, None, &COST, &base));
        let (second, _) = waits(ledger.acquire_ahead(at(40), None, &COST, &base));
        let (third, _) = waits(ledger.acquire_ahead(at(40), None, &COST, &base));
        assert_eq!(ledger.queue.len(), 2);
        ledger.settle(first, &COST, Some(NOW), RequestOutcome::Failed);
        waits(ledger.acquire_ahead(at(59), Some(third), &COST, &base));
        assert_eq!(ledger.slots.len(), 1);
        waits(ledger.acquire_ahead(at(59), Some(second), &COST, &base));
        assert_eq!((ledger.slots.len(), ledger.queue.len()), (2, 1));
        goes(ledger.acquire_ahead(at(60), Some(second), &COST, &base));
    }
}
