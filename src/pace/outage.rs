//! When a machine uses a ledger of its own instead of the one that it shares with others, pure.
//!
//! While the shared ledger is out of reach, a machine keeps to its share of the limits in a ledger
//! of its own (`outage_ledger`), and one of its processes tries the shared one again every five
//! seconds. Once that answers, the machine adds what it has used, and still keeps to its share for
//! one more window, in which a request has to fit into both: other machines may have to add theirs.
//!
//! A machine that was idle has noticed nothing. So whoever is the first to reach the shared ledger
//! after an outage notes that there, and all keep to their shares. If the first one does not know
//! of an outage either, the ledger has not been changed for a while. Then all keep to their shares
//! until every machine with a process has had the time to try again, and to note what it knows.

use std::time::Duration;

use super::SECOND;
use super::ledger::RateLimitLedger;
use super::ledger_server::SERVER_PATIENCE;
use super::window::{IN_FLIGHT_GRACE, WINDOW};

/// How often a shared ledger is tried that is out of reach.
pub(super) const PROBE_INTERVAL: u64 = 5 * SECOND;

/// How long it takes every machine with a process to try the shared ledger again, and to have its
/// answer.
const ROLL_CALL: u64 = PROBE_INTERVAL + micros(SERVER_PATIENCE);

/// How long a machine keeps to its share after the shared ledger was last out of reach: until every
/// other one has tried it again, and then as long as anything counts that was sent meanwhile.
const OUTAGE: u64 = PROBE_INTERVAL + ROLL_CALL + WINDOW + IN_FLIGHT_GRACE;

/// Where a request is reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LedgerPlace {
    /// In the shared ledger.
    Shared,
    /// In the machine's own and in the shared one, which has answered since it was out of reach.
    Both,
    /// In the machine's own, and in the shared one if that answers again: this process is to try.
    Probe,
    /// In the machine's own.
    Own,
}

/// Returns where a machine reserves requests, by what its own ledger says. If it `may_probe` and it
/// is time to, that is noted: one process at a time waits for the shared ledger.
pub(super) fn choose_place(own: &mut RateLimitLedger, now: u64, may_probe: bool) -> LedgerPlace {
    if !is_recent(own.outage_at, OUTAGE, now) {
        return LedgerPlace::Shared;
    }
    if own.probed_at == 0 {
        return LedgerPlace::Both;
    }
    if is_recent(own.probed_at, PROBE_INTERVAL, now) || !may_probe {
        return LedgerPlace::Own;
    }
    own.probed_at = now;
    LedgerPlace::Probe
}

/// Notes in a machine's own ledger that the shared one is out of reach. Where that is news, the
/// ledger is replaced by what `begin` creates.
pub(super) fn note_failure(
    own: &mut RateLimitLedger,
    now: u64,
    begin: impl FnOnce() -> RateLimitLedger,
) {
    if choose_place(own, now, false) == LedgerPlace::Shared {
        *own = begin();
        own.bound_times(now);
    }
    own.outage_at = now;
    own.probed_at = now;
}

/// Notes in the shared ledger that a machine reaches it again which could not at `failed_at`. If
/// nobody else has since, all keep to their shares.
pub(super) fn note_return(shared: &mut RateLimitLedger, failed_at: u64, now: u64) {
    if shared.last <= failed_at {
        shared.outage_at = shared.outage_at.max(now.saturating_sub(PROBE_INTERVAL));
    }
}

/// Notes in the shared ledger, as it was read, that it has not been changed for so long that others
/// may have been unable to.
pub(super) fn note_silence(shared: &mut RateLimitLedger, machine: u64, now: u64) {
    let is_silent = !is_recent(shared.last, PROBE_INTERVAL, now);
    let mut holders = shared.slots.iter().map(|slot| slot.holder);
    if is_silent && holders.any(|holder| holder.machine != machine) {
        let since = now.saturating_sub(OUTAGE - ROLL_CALL);
        shared.outage_at = shared.outage_at.max(since);
    }
}

/// Returns whether all machines keep to their shares, by what the shared ledger says.
pub(super) fn are_shares_kept(shared: &RateLimitLedger, now: u64) -> bool {
    is_recent(shared.outage_at, OUTAGE, now)
}

/// Returns whether a moment is less than `age` ago. One to come is not: it is of a clock that has
/// been set back.
fn is_recent(moment: u64, age: u64, now: u64) -> bool {
    now.checked_sub(moment).is_some_and(|since| since < age)
}

/// Returns a duration of whole seconds in the unit of the ledger.
const fn micros(duration: Duration) -> u64 {
    duration.as_secs() * SECOND
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
    /// Returns this machine's time at a moment of the server's clock.
    pub(super) fn to_own(self, time: u64) -> u64 {
        time.wrapping_sub(self.server).wrapping_add(self.own)
    }

    /// Returns the server's time at a moment of this machine's clock.
    pub(super) fn to_server(self, time: u64) -> u64 {
        time.wrapping_sub(self.own).wrapping_add(self.server)
    }
}

#[cfg(test)]
mod tests {
    use super::super::ledger::tests::{NOW, at};
    use super::super::window::{ReservationHolder, ReservationId, WindowSlot};
    use super::*;

    /// Returns where the machine reserves requests so many seconds after the outage began.
    fn place(own: &RateLimitLedger, seconds: u64, may_probe: bool) -> LedgerPlace {
        choose_place(&mut own.clone(), at(seconds), may_probe)
    }

    #[test]
    fn one_process_of_a_machine_tries_every_5_s_until_the_shared_ledger_answers() {
        let mut own = RateLimitLedger::default();
        assert_eq!(choose_place(&mut own, NOW, true), LedgerPlace::Shared);
        note_failure(&mut own, NOW, RateLimitLedger::default);
        assert_eq!(place(&own, 4, true), LedgerPlace::Own);
        assert_eq!(place(&own, 5, false), LedgerPlace::Own);
        assert_eq!(choose_place(&mut own, at(5), true), LedgerPlace::Probe);
        assert_eq!(place(&own, 5, true), LedgerPlace::Own);
        // Nobody has heard of that process again.
        assert_eq!(choose_place(&mut own, at(10), true), LedgerPlace::Probe);
        own.probed_at = 0;
        assert_eq!(place(&own, 10, true), LedgerPlace::Both);
    }

    #[test]
    fn a_machine_keeps_to_its_share_for_a_window_after_all_have_had_time_to_try_again() {
        let mut own = RateLimitLedger::default();
        note_failure(&mut own, NOW, RateLimitLedger::default);
        own.probed_at = 0;
        assert_eq!(place(&own, 73, true), LedgerPlace::Both);
        assert_eq!(place(&own, 74, true), LedgerPlace::Shared);
        own.outage_at = at(9);
        assert_eq!(
            choose_place(&mut own, NOW, true),
            LedgerPlace::Shared,
            "a clock that was set back"
        );
    }

    #[test]
    fn an_outage_that_goes_on_keeps_its_ledger() {
        let mut own = RateLimitLedger::default();
        let begin = |next_id| {
            move || RateLimitLedger {
                next_id,
                ..RateLimitLedger::default()
            }
        };
        note_failure(&mut own, NOW, begin(2));
        note_failure(&mut own, at(73), begin(3));
        assert_eq!(own.next_id, 2);
        note_failure(&mut own, at(147), begin(4));
        assert_eq!(own.next_id, 4);
    }

    #[test]
    fn the_first_machine_that_is_back_has_all_keep_to_their_shares_and_others_do_not_prolong_it() {
        let mut shared = RateLimitLedger {
            last: NOW,
            ..RateLimitLedger::starting_at(NOW)
        };
        assert!(!are_shares_kept(&shared, NOW));
        note_return(&mut shared, at(50), at(60));
        shared.last = at(60);
        note_return(&mut shared, at(58), at(64));
        let kept = |seconds| are_shares_kept(&shared, at(seconds));
        assert_eq!([kept(64), kept(128), kept(129)], [true, true, false]);
    }

    #[test]
    fn after_a_silence_of_several_machines_all_keep_to_their_shares_until_each_has_tried_again() {
        let slot = WindowSlot {
            id: ReservationId(1),
            holder: ReservationHolder {
                machine: 7,
                process: 1,
            },
            at: NOW,
            tokens: 1,
            most: 1,
            has_ended: false,
        };
        let shared = RateLimitLedger {
            last: NOW,
            slots: vec![slot],
            ..RateLimitLedger::starting_at(NOW)
        };
        let noted = |machine, seconds| {
            let mut shared = shared.clone();
            note_silence(&mut shared, machine, at(seconds));
            shared
        };
        assert_eq!(noted(8, 4), shared, "it is not silent yet");
        assert_eq!(noted(7, 99), shared, "there is no other machine");
        let kept = noted(8, 99);
        assert!(are_shares_kept(&kept, at(99)) && are_shares_kept(&kept, at(105)));
        assert!(!are_shares_kept(&kept, at(106)));
    }
}
