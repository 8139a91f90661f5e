//! What a machine's own ledger begins with, and how it is added to the shared one.

use super::super::admission::RequestOutcome;
use super::super::ledger::tests::{COST, NOW, at, base, goes, waits};
use super::super::outage::are_shares_kept;
use super::*;

const HOUR: u64 = 3600 * SECOND;

/// This machine's clock is an hour ahead.
const CLOCKS: ClockPair = ClockPair {
    server: NOW,
    own: NOW + HOUR,
};

const QUARTER: fn() -> LimitShare = || LimitShare::one_of(4);

/// Returns a quarter of limits that nothing reaches.
fn quarter() -> BaseLimits {
    BaseLimits {
        share: QUARTER(),
        ..BaseLimits::default()
    }
}

fn shared_with(requests: u64, base: &BaseLimits) -> RateLimitLedger {
    let mut shared = RateLimitLedger::starting_at(NOW);
    for _ in 0..requests {
        let id = goes(shared.try_acquire(NOW, None, &COST, base));
        let outcome = RequestOutcome::Answered {
            input: 10,
            output: 11,
        };
        shared.settle(id, &COST, Some(NOW), outcome);
    }
    shared
}

#[test]
fn all_machines_together_have_what_the_shared_ledger_had_left() {
    let base = base(Some(100), Some(100_000));
    let own_base = BaseLimits {
        share: QUARTER(),
        ..base
    };
    let room_after = |used: u64, unseen_for: u64| {
        let seen = Some((CLOCKS, shared_with(used, &base)));
        let now = CLOCKS.own + unseen_for * SECOND;
        let own = begin_outage(seen, &own_base, now, 1);
        let counting = own.slots.iter().filter(|slot| now < slot.expiry());
        25 - counting.count() as u64
    };
    for used in 0..9 {
        // Others may have begun a burst since the ledger was last seen, and more with time.
        assert_eq!(room_after(used, 0), 25 - used.div_ceil(4) - 2);
        assert_eq!(room_after(used, 30), 25 - used.div_ceil(4) - 14);
        assert_eq!(room_after(used, 59), 0);
    }
    assert_eq!(
        room_after(8, 120),
        25,
        "so long ago, it says nothing of others"
    );
}

#[test]
fn a_machine_that_has_seen_a_full_minute_has_no_room_before_it_expires() {
    let base = base(Some(40), None);
    let own_base = BaseLimits {
        share: QUARTER(),
        ..base
    };
    let slot = |second| WindowSlot {
        id: ReservationId(second),
        holder: ReservationHolder::default(),
        at: at(second),
        tokens: 10,
        most: 10,
        has_ended: true,
    };
    let shared = RateLimitLedger {
        slots: (0..40).map(slot).collect(),
        ..RateLimitLedger::starting_at(NOW)
    };
    let seen = ClockPair {
        server: at(50),
        own: at(50) + HOUR,
    };
    // What has expired by the end has been replaced by others, which nobody has seen.
    for second in [50, 51, 59, 70] {
        let now = at(second) + HOUR;
        let own = begin_outage(Some((seen, shared.clone())), &own_base, now, 1);
        let counting = own.slots.iter().filter(|slot| now < slot.expiry());
        assert_eq!(counting.count(), 10, "{second}");
    }
}

#[test]
fn what_expires_later_is_counted_first() {
    let slot = |id, seconds| WindowSlot {
        id: ReservationId(id),
        holder: ReservationHolder::default(),
        at: NOW + seconds * SECOND,
        tokens: 10,
        most: 10,
        has_ended: true,
    };
    let slots: Vec<WindowSlot> = (0..8).map(|n| slot(n, n)).collect();
    let kept = share_of_slots(&slots, LimitShare::one_of(2), CLOCKS);
    for second in 0..9 {
        let left = |slots: &[WindowSlot], from: u64| {
            let counting = slots.iter().filter(|slot| slot.at >= from);
            counting.fold((0, 0), |(n, tokens), slot| (n + 1, tokens + slot.tokens))
        };
        let (all, of_all) = left(&slots, at(second));
        let (ours, of_ours) = left(&kept, at(second) + HOUR);
        assert!(ours * 2 >= all && of_ours * 2 >= of_all, "{second}");
    }
    assert_eq!(kept.len(), 4);
}

#[test]
fn usage_is_added_once_updated_and_dropped_when_it_is_released() {
    let base = base(Some(100), Some(100_000));
    let mut shared = shared_with(2, &base);
    let mut own = begin_outage(None, &quarter(), CLOCKS.own, 0xabcd);
    let first = goes(own.try_acquire(CLOCKS.own - 5 * SECOND, None, &COST, &base));
    let second = goes(own.try_acquire(CLOCKS.own, None, &COST, &base));
    add_own_usage(&mut shared, &own, 0xabcd, CLOCKS);
    assert_eq!(shared.slots.len(), 4);
    assert_eq!(shared.slots[2].at, NOW - 5 * SECOND);
    let once = shared.clone();
    add_own_usage(&mut shared, &own, 0xabcd, CLOCKS);
    assert_eq!(shared, once);
    let outcome = RequestOutcome::Answered {
        input: 1,
        output: 1,
    };
    own.settle(first, &COST, Some(CLOCKS.own), outcome);
    own.release(CLOCKS.own, second, &base);
    add_own_usage(&mut shared, &own, 0xabcd, CLOCKS);
    let tokens: Vec<u64> = shared.slots.iter().map(|slot| slot.tokens).collect();
    assert_eq!(tokens, [21, 21, 2]);
    let another = begin_outage(None, &quarter(), CLOCKS.own, 0x1234);
    add_own_usage(&mut shared, &another, 0x1234, CLOCKS);
    assert_eq!(
        shared.slots.len(),
        3,
        "another machine drops nothing of ours"
    );
}

#[test]
fn a_report_that_comes_late_takes_nothing_back_of_a_newer_one() {
    let base = base(Some(100), Some(100_000));
    let mut shared = RateLimitLedger::starting_at(NOW);
    let mut own = begin_outage(None, &quarter(), CLOCKS.own, 1);
    let first = goes(own.try_acquire(CLOCKS.own, None, &COST, &base));
    let late = own.clone();
    goes(own.try_acquire(CLOCKS.own, None, &COST, &base));
    let outcome = RequestOutcome::Answered {
        input: 1,
        output: 1,
    };
    own.settle(first, &COST, Some(CLOCKS.own), outcome);
    add_own_usage(&mut shared, &own, 7, CLOCKS);
    let newer = shared.clone();
    add_own_usage(&mut shared, &late, 7, CLOCKS);
    assert_eq!(shared, newer);
}

#[test]
fn a_report_that_comes_late_leaves_a_request_that_waited_when_it_was_read() {
    let base = base(Some(1), None);
    let mut shared = RateLimitLedger::starting_at(NOW);
    let mut own = begin_outage(None, &quarter(), CLOCKS.own, 1);
    let first = goes(own.try_acquire(CLOCKS.own, None, &COST, &base));
    let (waiting, _) = waits(own.try_acquire(CLOCKS.own, None, &COST, &base));
    let late = own.clone();
    own.release(CLOCKS.own, first, &base);
    let begun = goes(own.try_acquire(CLOCKS.own, Some(waiting), &COST, &base));
    assert_eq!(begun, waiting);
    add_own_usage(&mut shared, &own, 7, CLOCKS);
    let is_counted = |shared: &RateLimitLedger| shared.slots.iter().any(|slot| slot.id == waiting);
    assert!(is_counted(&shared));
    add_own_usage(&mut shared, &late, 7, CLOCKS);
    assert!(is_counted(&shared));
    own.release(CLOCKS.own, waiting, &base);
    add_own_usage(&mut shared, &own, 7, CLOCKS);
    assert!(!is_counted(&shared));
}

#[test]
fn what_another_machine_has_used_is_not_added_again_by_one_that_has_seen_it() {
    let base = base(Some(100), Some(100_000));
    let mut shared = RateLimitLedger::starting_at(NOW);
    let mut first = begin_outage(None, &quarter(), CLOCKS.own, 1);
    goes(first.try_acquire(CLOCKS.own, None, &COST, &base));
    add_own_usage(&mut shared, &first, 7, CLOCKS);
    let once = shared.clone();
    let second = begin_outage(Some((CLOCKS, shared.clone())), &quarter(), CLOCKS.own, 2);
    assert!(second.slots.iter().any(|slot| slot.id == once.slots[0].id));
    add_own_usage(&mut shared, &second, 8, CLOCKS);
    assert_eq!(shared, once);
}

#[test]
fn ids_of_two_outages_differ_and_are_none_of_a_shared_ledger() {
    let first = |random| ReservationId(begin_outage(None, &quarter(), CLOCKS.own, random).next_id);
    assert_ne!(first(1), first(2));
    assert!(is_own(first(0)) && is_own(first(u64::MAX)));
    let shared = RateLimitLedger::starting_at(NOW).next_id;
    assert!(!is_own(ReservationId(shared)));
}

#[test]
fn what_was_inferred_for_all_machines_is_shared_by_them() {
    let mut shared = RateLimitLedger::starting_at(NOW);
    shared.known.inferred = LearnedLimit {
        at: NOW,
        limits: RateLimits {
            requests: Some(40),
            tokens: None,
        },
    };
    let base = BaseLimits {
        share: QUARTER(),
        ..base(Some(100), None)
    };
    let own = begin_outage(Some((CLOCKS, shared)), &base, CLOCKS.own, 1);
    let limits = own.known.in_force(CLOCKS.own, &base);
    assert_eq!(limits.requests, Some(10));
}

#[test]
fn a_machine_that_keeps_to_its_share_has_its_part_of_what_the_shared_ledger_has_left() {
    let base = base(Some(100), None);
    let mut shared = shared_with(8, &base);
    shared.outage_at = NOW;
    assert!(are_shares_kept(&shared, NOW));
    let mut own = RateLimitLedger::default();
    begin_hold(&mut own, &shared, CLOCKS, QUARTER(), 1);
    assert_eq!((own.slots.len(), own.outage_at), (2, CLOCKS.own));
    assert_eq!(
        choose_place(&mut own, CLOCKS.own, true),
        LedgerPlace::Both,
        "the shared ledger can be reached"
    );
    let begun = own.clone();
    begin_hold(&mut own, &shared, CLOCKS, QUARTER(), 2);
    assert_eq!(own, begun, "it begins once");
}

#[test]
fn a_429_that_a_machine_got_alone_holds_back_all_once_it_is_back() {
    let mut shared = RateLimitLedger::starting_at(NOW);
    let mut own = begin_outage(None, &quarter(), CLOCKS.own, 1);
    own.blocked_until = CLOCKS.own + 9 * SECOND;
    add_own_usage(&mut shared, &own, 7, CLOCKS);
    assert_eq!(shared.blocked_until, at(9));
    let later = ClockPair {
        server: CLOCKS.server + CLOCK_JITTER,
        ..CLOCKS
    };
    add_own_usage(&mut shared, &own, 7, later);
    assert_eq!(shared.blocked_until, at(9), "the same moment, seen twice");
}

#[test]
fn a_request_that_began_later_than_it_was_reserved_counts_from_then_on() {
    let base = base(Some(100), None);
    let mut shared = RateLimitLedger::starting_at(NOW);
    let mut own = begin_outage(None, &quarter(), CLOCKS.own, 1);
    let id = goes(own.try_acquire(CLOCKS.own, None, &COST, &base));
    add_own_usage(&mut shared, &own, 7, CLOCKS);
    own.restart(id, CLOCKS.own + 5 * SECOND);
    let later = ClockPair {
        server: at(5),
        own: CLOCKS.own + 5 * SECOND,
    };
    add_own_usage(&mut shared, &own, 7, later);
    assert_eq!(shared.slots[0].at, at(5));
}
