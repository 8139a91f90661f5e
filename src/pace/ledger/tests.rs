//! The operations of a ledger, one after the other by a clock of the test's.

use super::super::window::WINDOW;
use super::*;

pub(in crate::pace) const NOW: u64 = 1_000_000 * SECOND;

pub(in crate::pace) const COST: RequestCost = RequestCost {
    input: 10,
    max_tokens: 90,
    priority: RequestPriority::Person,
};

pub(in crate::pace) fn base(requests: Option<u64>, tokens: Option<u64>) -> BaseLimits {
    BaseLimits {
        configured: RateLimits { requests, tokens },
        ..BaseLimits::default()
    }
}

pub(in crate::pace) fn at(seconds: u64) -> u64 {
    NOW + seconds * SECOND
}

/// Returns a ledger for a server that counts the most that a request can use.
pub(in crate::pace) fn strict() -> RateLimitLedger {
    RateLimitLedger {
        counts_maximum: true,
        ..RateLimitLedger::default()
    }
}

/// Returns the reservation of a request that is admitted.
#[track_caller]
pub(in crate::pace) fn goes(admission: Admission) -> ReservationId {
    let Admission::Admitted(Some(slot)) = admission else {
        panic!("{admission:?}")
    };
    slot
}

/// Returns the reservation of one that is not, and the seconds until its start.
#[track_caller]
pub(in crate::pace) fn waits(admission: Admission) -> (ReservationId, u64) {
    let Admission::Queued {
        id: Some(id),
        start,
        ..
    } = admission
    else {
        panic!("{admission:?}")
    };
    (id, (start - NOW) / SECOND)
}

#[test]
fn the_first_request_waits_for_nothing_and_what_it_did_not_use_is_free_again() {
    let (mut ledger, base) = (strict(), base(None, Some(120)));
    let slot = goes(ledger.try_acquire(NOW, None, &COST, &base));
    let (ticket, start) = waits(ledger.try_acquire(NOW, None, &COST, &base));
    assert_eq!(start, 62);
    ledger.settle(
        slot,
        &COST,
        Some(NOW),
        RequestOutcome::Answered {
            input: 8,
            output: 2,
        },
    );
    goes(ledger.try_acquire(at(1), Some(ticket), &COST, &base));
    assert_eq!((ledger.slots[0].tokens, ledger.queue.len()), (10, 0));
}

#[test]
fn a_request_that_was_never_sent_spreads_nothing_and_one_that_was_not_let_in_does() {
    let (mut ledger, base) = (RateLimitLedger::default(), base(Some(2), None));
    for second in 0..5 {
        let slot = goes(ledger.try_acquire(at(second), None, &COST, &base));
        ledger.release(at(second), slot, &base);
    }
    assert!(ledger.slots.is_empty());
    goes(ledger.try_acquire(at(5), None, &COST, &base));
    let slot = goes(ledger.try_acquire(at(5), None, &COST, &base));
    ledger.settle(slot, &COST, None, RequestOutcome::NotCounted);
    let (_, start) = waits(ledger.try_acquire(at(5), None, &COST, &base));
    assert!(start > 5, "{start}");
}

#[test]
fn requests_are_admitted_in_order_and_users_go_before_a_batch() {
    let (mut ledger, base) = (strict(), base(None, Some(100)));
    let slot = goes(ledger.try_acquire(NOW, None, &COST, &base));
    let batch = RequestCost {
        priority: RequestPriority::Batch,
        ..COST
    };
    let (first, _) = waits(ledger.try_acquire(NOW, None, &batch, &base));
    let (second, _) = waits(ledger.try_acquire(NOW, None, &COST, &base));
    let (third, _) = waits(ledger.try_acquire(NOW, None, &COST, &base));
    ledger.settle(slot, &COST, Some(NOW), RequestOutcome::NotCounted);
    waits(ledger.try_acquire(at(1), Some(first), &batch, &base));
    waits(ledger.try_acquire(at(1), Some(third), &COST, &base));
    waits(ledger.try_acquire(at(1), None, &COST, &base));
    goes(ledger.try_acquire(at(1), Some(second), &COST, &base));
}

#[test]
fn a_ticket_whose_owner_no_longer_tries_lapses_and_so_does_a_slot() {
    let (mut ledger, base) = (strict(), base(None, Some(100)));
    goes(ledger.try_acquire(NOW, None, &COST, &base));
    waits(ledger.try_acquire(NOW, None, &COST, &base));
    let (mine, start) = waits(ledger.try_acquire(NOW, None, &COST, &base));
    assert_eq!(start, 124);
    for second in (5..62).step_by(5) {
        waits(ledger.try_acquire(at(second), Some(mine), &COST, &base));
    }
    goes(ledger.try_acquire(at(62), Some(mine), &COST, &base));
}

#[test]
fn a_ticket_lasts_until_its_start_and_is_not_changed_by_looking_at_it() {
    let (mut ledger, base) = (strict(), base(None, Some(100)));
    goes(ledger.try_acquire(NOW, None, &COST, &base));
    let (mine, start) = waits(ledger.try_acquire(at(48), None, &COST, &base));
    assert_eq!(start, 62);
    let before = ledger.clone();
    waits(ledger.try_acquire(at(49), Some(mine), &COST, &base));
    assert_eq!(ledger, before);
    goes(ledger.try_acquire(at(71), Some(mine), &COST, &base));
}

#[test]
fn the_earliest_start_counts_nothing_for_what_is_in_flight() {
    let (mut ledger, base) = (strict(), base(None, Some(100)));
    let id = goes(ledger.try_acquire(NOW, None, &COST, &base));
    let earliest = |admission| {
        let Admission::Queued {
            start, retry_at, ..
        } = admission
        else {
            panic!("{admission:?}")
        };
        ((start - NOW) / SECOND, (retry_at - NOW) / SECOND)
    };
    let mut forecast = ledger.clone();
    let queued = forecast.try_acquire(NOW, None, &COST, &base);
    assert_eq!(earliest(queued), (62, 0));
    let answered = RequestOutcome::Answered {
        input: 10,
        output: 80,
    };
    ledger.settle(id, &COST, Some(NOW), answered);
    let queued = ledger.try_acquire(NOW, None, &COST, &base);
    assert_eq!(earliest(queued), (60, 60));
}

#[test]
fn times_that_cannot_be_are_bounded_and_a_block_of_more_than_ten_minutes_is_ignored() {
    let (mut ledger, base) = (RateLimitLedger::default(), base(Some(1), None));
    goes(ledger.try_acquire(NOW, None, &COST, &base));
    waits(ledger.try_acquire(NOW, None, &COST, &base));
    let sound = ledger.clone();
    assert!(!ledger.bound_times(NOW));
    assert_eq!(ledger, sound);
    ledger.slots[0].at = u64::MAX - 3 * WINDOW;
    ledger.queue[0].expiry = u64::MAX;
    ledger.due = u64::MAX;
    ledger.others.at = u64::MAX;
    ledger.blocked_until = NOW + LONGEST_BLOCK + 1;
    assert!(ledger.bound_times(NOW));
    assert_eq!(ledger.blocked_until, 0);
    goes(ledger.try_acquire(at(64), None, &COST, &base));
    ledger.blocked_until = NOW + LONGEST_BLOCK;
    assert!(!ledger.bound_times(NOW));
}

#[test]
fn after_a_429_everybody_backs_off_with_limits_and_without() {
    for base in [base(None, None), base(Some(500), None)] {
        let mut ledger = RateLimitLedger::default();
        ledger.back_off(NOW, at(7), &base);
        let admission = ledger.try_acquire(at(1), None, &COST, &base);
        let Admission::Queued {
            id, start, reason, ..
        } = admission
        else {
            panic!("{admission:?}")
        };
        assert_eq!(
            (start, reason, id.is_some()),
            (at(7), WaitReason::BackOff(at(7)), base.configured.is_any())
        );
        assert!(matches!(
            ledger.try_acquire(at(7), id, &COST, &base),
            Admission::Admitted(_)
        ));
    }
}

#[test]
fn answers_that_may_be_longer_than_the_limit_do_not_have_a_minute_each() {
    let (mut ledger, base) = (RateLimitLedger::default(), base(None, Some(4000)));
    let cost = RequestCost {
        input: 10,
        max_tokens: 8192,
        priority: RequestPriority::Person,
    };
    for _ in 0..50 {
        let slot = goes(ledger.try_acquire(NOW, None, &cost, &base));
        ledger.settle(
            slot,
            &cost,
            Some(NOW),
            RequestOutcome::Answered {
                input: 10,
                output: 40,
            },
        );
    }
}

#[test]
fn requests_reserve_what_answers_use_unless_the_server_counts_the_maximum() {
    let (mut ledger, base) = (RateLimitLedger::default(), base(None, Some(1_000_000)));
    let cost = RequestCost {
        input: 10,
        max_tokens: 1000,
        priority: RequestPriority::Person,
    };
    for _ in 0..40 {
        let slot = goes(ledger.try_acquire(NOW, None, &cost, &base));
        ledger.settle(
            slot,
            &cost,
            None,
            RequestOutcome::Answered {
                input: 10,
                output: 100,
            },
        );
    }
    assert_eq!(ledger.reserved_tokens(&cost, base.configured), 110);
    let slot = goes(ledger.try_acquire(NOW, None, &cost, &base));
    let used = |used: u64| ReportedLimit {
        limit: 1_000_000,
        remaining: Some(1_000_000 - used),
    };
    for (left, expected) in [(40 * 110 + 1010, 1010), (40 * 110 + 10, 110)] {
        let received = ServerReport {
            requests: None,
            tokens: Some(used(left)),
        };
        ledger.observe(NOW, Some(slot), &cost, &received);
        assert_eq!(
            (
                ledger.reserved_tokens(&cost, base.configured),
                ledger.others.tokens
            ),
            (expected, 0)
        );
    }
    ledger.settle(
        slot,
        &cost,
        None,
        RequestOutcome::Answered {
            input: 10,
            output: 900,
        },
    );
    assert_eq!(ledger.reserved_tokens(&cost, base.configured), 910);
    ledger.back_off(NOW, NOW, &base);
    assert_eq!(ledger.reserved_tokens(&cost, base.configured), 1010);
}

#[test]
fn settling_or_releasing_again_changes_nothing() {
    let (mut ledger, base) = (RateLimitLedger::default(), base(Some(100), Some(100_000)));
    let answered = RequestOutcome::Answered {
        input: 10,
        output: 20,
    };
    let id = goes(ledger.try_acquire(NOW, None, &COST, &base));
    ledger.settle(id, &COST, Some(at(1)), answered);
    let settled = ledger.clone();
    for outcome in [answered, RequestOutcome::Failed, RequestOutcome::NotCounted] {
        ledger.settle(id, &COST, Some(at(2)), outcome);
        assert_eq!(ledger, settled, "{outcome:?}");
    }
    ledger.release(at(2), id, &base);
    assert_eq!(ledger, settled, "what has ended is not given back");
    let id = goes(ledger.try_acquire(at(2), None, &COST, &base));
    ledger.release(at(2), id, &base);
    let released = ledger.clone();
    ledger.release(at(2), id, &base);
    ledger.settle(id, &COST, None, answered);
    assert_eq!(ledger, released);
}

#[test]
fn a_released_place_in_the_queue_is_free_at_once() {
    let (mut ledger, base) = (strict(), base(None, Some(200)));
    goes(ledger.try_acquire(NOW, None, &COST, &base));
    let large = RequestCost { input: 110, ..COST };
    let (first, _) = waits(ledger.try_acquire(NOW, None, &large, &base));
    let (second, _) = waits(ledger.try_acquire(NOW, None, &COST, &base));
    ledger.release(at(1), first, &base);
    goes(ledger.try_acquire(at(1), Some(second), &COST, &base));
}

#[test]
fn a_429_tells_how_much_is_allowed() {
    let (mut ledger, base) = (RateLimitLedger::default(), base(Some(100), Some(100_000)));
    for second in 0..40 {
        let id = goes(ledger.try_acquire(at(second), None, &COST, &base));
        ledger.settle(
            id,
            &COST,
            None,
            RequestOutcome::Answered {
                input: 10,
                output: 10,
            },
        );
    }
    let (refused, in_flight) = (
        goes(ledger.try_acquire(at(40), None, &COST, &base)),
        goes(ledger.try_acquire(at(40), None, &COST, &base)),
    );
    ledger.settle(refused, &COST, None, RequestOutcome::NotCounted);
    ledger.back_off(at(40), at(42), &base);
    let half = RateLimits {
        requests: Some(50),
        tokens: Some(50_000),
    };
    assert_eq!(
        ledger.known.in_force(at(40), &base),
        half,
        "it takes away half at the most"
    );
    ledger.settle(in_flight, &COST, None, RequestOutcome::NotCounted);
    ledger.back_off(at(41), at(42), &base);
    assert_eq!(
        ledger.known.in_force(at(41), &base),
        half,
        "those of one moment have one cause"
    );
    ledger.back_off(at(52), at(54), &base);
    assert_eq!(
        ledger.known.in_force(at(52), &base).requests,
        Some(40),
        "what was let in is allowed"
    );
}

#[test]
fn what_is_left_shows_what_others_use() {
    let (mut ledger, base) = (RateLimitLedger::default(), base(Some(100), None));
    let id = goes(ledger.try_acquire(NOW, None, &COST, &base));
    let left = |remaining| ServerReport {
        requests: Some(ReportedLimit {
            limit: 100,
            remaining: Some(remaining),
        }),
        tokens: None,
    };
    ledger.observe(NOW, Some(id), &COST, &left(9));
    assert_eq!(ledger.others.requests, 90);
    for _ in 0..7 {
        goes(ledger.try_acquire(at(0), None, &COST, &base));
    }
    ledger.observe(at(30), Some(id), &COST, &left(0));
    let (_, start) = waits(ledger.try_acquire(at(30), None, &COST, &base));
    assert_eq!(start, 30, "92 in a minute are one after less than a second");
}
