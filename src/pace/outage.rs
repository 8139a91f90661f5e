//! What a machine does while the ledger that it shares with others is out of reach, pure.
//!
//! It keeps a ledger of its own, with its share of the limits. That begins with the machine's share
//! of what the shared ledger last counted, so that all machines together stay within the limit. The
//! shared ledger is tried again every five seconds. Once it answers, the machine adds what it has
//! used, and still keeps to its share for one more window: other machines may have to add theirs.

use super::SECOND;
use super::known_limits::{BaseLimits, LimitShare};
use super::ledger::RateLimitLedger;
use super::window::{
    BURST_PERCENT, IN_FLIGHT_GRACE, RateLimits, ReservationHolder, ReservationId, WINDOW,
    WindowSlot,
};

/// How often a shared ledger is tried that is out of reach.
const CONTACT_INTERVAL: u64 = 5 * SECOND;

/// How long a machine keeps to its share after the shared ledger was last out of reach: until it is
/// tried again, and then as long as anything counts that was sent meanwhile.
const OUTAGE: u64 = 2 * CONTACT_INTERVAL + WINDOW + IN_FLIGHT_GRACE;

/// Marks the ids of reservations in a machine's own ledger: those of shared ledgers count from the
/// time on, and have another half of the numbers.
const OWN_MARK: u64 = 1 << 63;

/// The bits that count the reservations of one ledger of a machine. Those between are the ledger's
/// own, at random, so that a reservation has one id everywhere.
const COUNT_BITS: u32 = 24;

/// Where a request is reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LedgerPlace {
    /// In the shared ledger.
    Shared,
    /// In the machine's own.
    Own {
        /// Whether the shared one may be tried.
        may_try: bool,
    },
}

impl LedgerPlace {
    /// Returns the place, by when the shared ledger was last out of reach; 0: never.
    pub(super) fn after_outage(outage_at: u64, now: u64) -> Self {
        match now.checked_sub(outage_at) {
            Some(since) if since < OUTAGE => Self::Own {
                may_try: since >= CONTACT_INTERVAL,
            },
            // A time to come is one of a clock that has been set back.
            _ => Self::Shared,
        }
    }
}

/// The same moment by two clocks, in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClockPair {
    /// That of the server which keeps the shared ledger.
    pub(super) server: u64,
    /// That of this machine.
    pub(super) own: u64,
}

impl ClockPair {
    fn to_own(self, time: u64) -> u64 {
        time.wrapping_sub(self.server).wrapping_add(self.own)
    }

    /// Returns the server's time at a moment of this machine's clock.
    pub(super) fn to_server(self, time: u64) -> u64 {
        time.wrapping_sub(self.own).wrapping_add(self.server)
    }
}

/// Returns whether a reservation is one of a machine's own ledger.
pub(super) fn is_own(id: ReservationId) -> bool {
    id.0 & OWN_MARK != 0
}

/// Returns what the ids of a machine's own ledger have in common.
fn id_group(id: u64) -> u64 {
    id >> COUNT_BITS
}

/// Creates a machine's own ledger for an outage that begins `now`, by this machine's clock.
/// `last_seen` is the shared ledger as it was last seen, and when; `base` has the machine's share
/// of the limits, and `random` is any number.
pub(super) fn begin_outage(
    last_seen: Option<(ClockPair, RateLimitLedger)>,
    base: &BaseLimits,
    now: u64,
    random: u64,
) -> RateLimitLedger {
    let own = RateLimitLedger {
        next_id: OWN_MARK | random << COUNT_BITS,
        ..RateLimitLedger::default()
    };
    let Some((clocks, shared)) = last_seen else {
        return own;
    };
    let mut known = shared.known;
    known.reported.at = clocks.to_own(known.reported.at);
    known.inferred.at = clocks.to_own(known.inferred.at);
    let mut slots = share_of_slots(&shared.slots, base.share, clocks);
    slots.extend(unseen_slots(
        &slots,
        known.in_force(now, base),
        clocks.own,
        now,
    ));
    RateLimitLedger {
        blocked_until: match shared.blocked_until {
            0 => 0,
            until => clocks.to_own(until),
        },
        known,
        output_share: shared.output_share,
        counts_maximum: shared.counts_maximum,
        slots,
        ..own
    }
}

/// Returns slots for what others may have begun since the shared ledger was last seen: as much as
/// comes in that time and a burst, if there was room for it. Nothing where that is so long ago that
/// it says nothing of others.
fn unseen_slots(
    slots: &[WindowSlot],
    limits: RateLimits,
    seen_at: u64,
    now: u64,
) -> Vec<WindowSlot> {
    let unseen_for = now.saturating_sub(seen_at);
    if unseen_for >= 2 * WINDOW {
        return Vec::new();
    }
    let time = (unseen_for + WINDOW * BURST_PERCENT / 100).min(WINDOW);
    let part = |limit: u64, seen: u64| {
        let most = u128::from(limit) * u128::from(time) / u128::from(WINDOW);
        let room = limit.saturating_sub(seen);
        u64::try_from(most).unwrap_or(limit).min(room)
    };
    let counting = slots.iter().filter(|slot| now < slot.expiry());
    let (requests, tokens) = counting.fold((0, 0_u64), |(requests, tokens), slot| {
        (requests + 1, tokens.saturating_add(slot.tokens))
    });
    let requests = limits.requests.map_or(1, |limit| part(limit, requests));
    let tokens = limits.tokens.map_or(0, |limit| part(limit, tokens));
    let of_each = tokens.div_ceil(requests.max(1));
    let unseen = (0..requests).map(|_| WindowSlot {
        id: ReservationId(0),
        holder: ReservationHolder::default(),
        at: now,
        tokens: of_each,
        most: of_each,
        has_ended: true,
    });
    unseen.collect()
}

/// Returns a machine's share of what counts: at any time at least that part of the requests, and of
/// the tokens.
fn share_of_slots(slots: &[WindowSlot], share: LimitShare, clocks: ClockPair) -> Vec<WindowSlot> {
    let mut latest_first: Vec<&WindowSlot> = slots.iter().collect();
    latest_first.sort_unstable_by_key(|slot| std::cmp::Reverse(slot.expiry()));
    let mut kept: Vec<WindowSlot> = Vec::new();
    let (mut requests, mut tokens) = (0, 0_u64);
    for slot in latest_first {
        let (had_requests, had_tokens) = (share.of_usage(requests), share.of_usage(tokens));
        requests += 1;
        tokens = tokens.saturating_add(slot.tokens);
        let more = share.of_usage(tokens) - had_tokens;
        if share.of_usage(requests) > had_requests {
            kept.push(WindowSlot {
                at: clocks.to_own(slot.at),
                tokens: more,
                most: more,
                ..slot.clone()
            });
        } else if let Some(last) = kept.last_mut() {
            last.tokens = last.tokens.saturating_add(more);
        }
    }
    kept
}

/// Has the shared ledger count what a machine has in its own: adds and updates it, and drops what
/// was released. Doing so again changes nothing, and what another process of the machine has
/// reported since `own` was read stays as it is.
pub(super) fn add_own_usage(
    shared: &mut RateLimitLedger,
    own: &RateLimitLedger,
    machine: u64,
    clocks: ClockPair,
) {
    // The own ledger also has a share of what others had used before.
    let group = id_group(own.next_id);
    let is_its = |slot: &WindowSlot| is_own(slot.id) && id_group(slot.id.0) == group;
    let has = |id| own.slots.iter().any(|slot| slot.id == id);
    let is_newer = |slot: &WindowSlot| slot.id.0 >= own.next_id;
    shared
        .slots
        .retain(|slot| !is_its(slot) || has(slot.id) || is_newer(slot));
    for slot in own.slots.iter().filter(|slot| is_its(slot)) {
        let mut added = WindowSlot {
            at: clocks.to_server(slot.at).min(clocks.server),
            ..slot.clone()
        };
        added.holder.machine = machine;
        let known = shared.slots.iter_mut().find(|known| known.id == slot.id);
        match known {
            Some(known) if known.has_ended == added.has_ended => {
                // Two looks at two clocks differ a little, which is nothing new.
                added.at = known.at;
                *known = added;
            }
            Some(known) if known.has_ended => {}
            Some(known) => *known = added,
            None => shared.slots.push(added),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::admission::RequestOutcome;
    use super::super::ledger::tests::{COST, NOW, at, base, goes};
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
    fn a_machine_keeps_to_its_own_ledger_for_a_window_after_an_outage_and_tries_every_5_s() {
        let place = |seconds| LedgerPlace::after_outage(NOW, at(seconds));
        let own = |may_try| LedgerPlace::Own { may_try };
        assert_eq!(place(0), own(false));
        assert_eq!(place(4), own(false));
        assert_eq!(place(5), own(true));
        assert_eq!(place(71), own(true));
        assert_eq!(place(72), LedgerPlace::Shared);
        assert_eq!(LedgerPlace::after_outage(0, NOW), LedgerPlace::Shared);
        assert_eq!(LedgerPlace::after_outage(at(9), NOW), LedgerPlace::Shared);
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
        let first =
            |random| ReservationId(begin_outage(None, &quarter(), CLOCKS.own, random).next_id);
        assert_ne!(first(1), first(2));
        assert!(is_own(first(0)) && is_own(first(u64::MAX)));
        let shared = RateLimitLedger::starting_at(NOW).next_id;
        assert!(!is_own(ReservationId(shared)));
    }
}
