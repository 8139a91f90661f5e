//! What a server has lost of a shared ledger, restored from what a machine last saw of it, pure.
//!
//! A server that is restarted empty, or with an older copy, forgets what was used in the last
//! minute. Each machine adds what it knows of its own. The first one to find nothing begins with
//! all that it has seen, and counts what others may have begun since.

use super::known_limits::BaseLimits;
use super::ledger::RateLimitLedger;
use super::outage_ledger::unseen_slots;
use super::window::{WINDOW, WindowSlot};

/// Returns the ledger to begin with where the server has none, from the one that `machine` last saw
/// at `seen_at`.
pub(super) fn restore_ledger(
    mut seen: RateLimitLedger,
    seen_at: u64,
    machine: u64,
    base: &BaseLimits,
    now: u64,
) -> RateLimitLedger {
    let has_others = seen.slots.iter().any(|slot| slot.holder.machine != machine);
    if has_others {
        let limits = seen.known.in_force(now, base);
        let unseen = unseen_slots(&seen.slots, limits, seen_at, now);
        seen.slots.extend(unseen);
    }
    seen
}

/// Adds to the ledger what `machine` has in the one that it last saw and not in this one.
pub(super) fn restore_own_slots(
    ledger: &mut RateLimitLedger,
    seen: &RateLimitLedger,
    machine: u64,
    now: u64,
) {
    let is_lost = |slot: &&WindowSlot| {
        slot.holder.machine == machine
            && now < slot.expiry()
            && ledger.slots.iter().all(|known| known.id != slot.id)
    };
    let lost: Vec<WindowSlot> = seen.slots.iter().filter(is_lost).cloned().collect();
    ledger.slots.extend(lost);
}

/// Returns whether what was seen at that time may still count, by the same clock.
pub(super) fn may_count(seen_at: u64, now: u64) -> bool {
    now.checked_sub(seen_at)
        .is_some_and(|since| since < 2 * WINDOW)
}

#[cfg(test)]
mod tests {
    use super::super::ledger::tests::{NOW, at, base};
    use super::super::window::{ReservationHolder, ReservationId};
    use super::*;

    fn slot(id: u64, machine: u64, second: u64) -> WindowSlot {
        WindowSlot {
            id: ReservationId(id),
            holder: ReservationHolder {
                machine,
                process: 1,
            },
            at: at(second),
            tokens: 10,
            most: 10,
            has_ended: true,
        }
    }

    fn seen() -> RateLimitLedger {
        RateLimitLedger {
            slots: vec![slot(1, 7, 0), slot(2, 8, 20), slot(3, 7, 20)],
            ..RateLimitLedger::starting_at(NOW)
        }
    }

    #[test]
    fn a_server_that_has_lost_its_ledger_counts_what_was_seen_and_what_was_not() {
        let base = base(Some(100), None);
        let restored = |seen, now| restore_ledger(seen, at(20), 7, &base, at(now)).slots.len();
        assert_eq!(restored(seen(), 20), 3 + 8);
        assert_eq!(restored(seen(), 50), 3 + 58);
        let mut alone = seen();
        alone.slots.remove(1);
        assert_eq!(restored(alone, 50), 2, "there is nobody else");
        assert!(may_count(NOW, at(119)) && !may_count(NOW, at(120)) && !may_count(at(1), NOW));
    }

    #[test]
    fn each_machine_adds_what_is_its_own_and_still_counts_once() {
        let mut ledger = RateLimitLedger::starting_at(NOW);
        restore_own_slots(&mut ledger, &seen(), 7, at(70));
        assert_eq!(ledger.slots, [slot(3, 7, 20)]);
        restore_own_slots(&mut ledger, &seen(), 7, at(70));
        assert_eq!(ledger.slots.len(), 1);
        restore_own_slots(&mut ledger, &seen(), 8, at(70));
        assert_eq!(ledger.slots, [slot(3, 7, 20), slot(2, 8, 20)]);
    }
}
