//! Two machines that lose a shared ledger and reach it again, and a strict server, in every order
//! of what they do: no minute of the server has more requests than the limit.
//!
//! What loses a race for the ledger is left to `shared_model_check`: here a machine does what it
//! does in one step. Its clock is an hour ahead of the shared one.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::SECOND;
use super::admission::{Admission, RequestOutcome};
use super::known_limits::{BaseLimits, LimitShare};
use super::ledger::RateLimitLedger;
use super::model_check::{COST, START};
use super::outage::{
    ClockPair, LedgerPlace, are_shares_kept, choose_place, note_failure, note_return, note_silence,
};
use super::outage_ledger::{add_own_usage, begin_hold, begin_outage};
use super::window::{RateLimits, ReservationHolder, ReservationId, WINDOW, WindowSlot};

/// Two requests a minute, one for each machine where it keeps to its share.
const LIMIT: u64 = 2;

const HOUR: u64 = 3600 * SECOND;

/// From one moment to the next: each machine at work tries the shared ledger in each.
const BEAT: u64 = 10 * SECOND;

/// When the outage begins at the latest, when it is over at the latest, and the end of time.
const LATEST_OUTAGE: u64 = START + BEAT;
const LATEST_RETURN: u64 = START + 8 * BEAT;
const END: u64 = START + 17 * BEAT;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Machine {
    own: RateLimitLedger,
    /// The shared ledger as the machine last wrote it.
    mirror: Option<(u64, RateLimitLedger)>,
    /// The requests that it has still to send.
    left: u8,
    /// Whether it has had to do with the shared ledger in this moment.
    has_looked: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct OutageState {
    now: u64,
    shared: RateLimitLedger,
    is_out: bool,
    outages_left: u8,
    /// When the outage was over.
    returned_at: u64,
    machines: [Machine; 2],
    /// When requests came to the server that it still counts.
    server: Vec<u64>,
}

/// Whether the first machine does nothing until the outage is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FirstMachine {
    AtWork,
    Idle,
}

impl OutageState {
    fn clocks(&self) -> ClockPair {
        ClockPair {
            server: self.now,
            own: self.now + HOUR,
        }
    }

    fn own_base() -> BaseLimits {
        BaseLimits {
            share: LimitShare::one_of(2),
            ..Self::base()
        }
    }

    fn base() -> BaseLimits {
        BaseLimits {
            configured: RateLimits {
                requests: Some(LIMIT),
                tokens: None,
            },
            ..BaseLimits::default()
        }
    }

    /// Turns to the machine's own ledger.
    fn fail(&mut self, index: usize) {
        let clocks = self.clocks();
        let machine = &mut self.machines[index];
        let seen = machine.mirror.clone().map(|(at, ledger)| {
            let seen_at = ClockPair {
                server: at,
                own: at + HOUR,
            };
            (seen_at, ledger)
        });
        let begin = || begin_outage(seen, &Self::own_base(), clocks.own, index as u64);
        note_failure(&mut machine.own, clocks.own, begin);
    }

    /// Reads the shared ledger.
    fn read(&self, index: usize) -> RateLimitLedger {
        let mut ledger = self.shared.clone();
        ledger.bound_times(self.now);
        note_silence(&mut ledger, number(index), self.now);
        ledger.drop_expired(self.now);
        ledger
    }

    fn write(&mut self, index: usize, mut ledger: RateLimitLedger) {
        ledger.last = self.now;
        self.machines[index].mirror = Some((self.now, ledger.clone()));
        self.shared = ledger;
    }

    /// Counts a request at the server, which is strict.
    fn send(&mut self, index: usize) {
        let now = self.now;
        self.machines[index].left -= 1;
        self.server.retain(|at| now < at + WINDOW);
        self.server.push(now);
        assert!(self.server.len() as u64 <= LIMIT, "{self:#?}");
    }

    /// Has a machine try to send a request, or only look whether the shared ledger can be reached.
    fn act(&mut self, index: usize, is_request: bool) {
        let clocks = self.clocks();
        self.machines[index].has_looked = true;
        let mut place = choose_place(&mut self.machines[index].own, clocks.own, true);
        if place == LedgerPlace::Shared {
            if self.is_out {
                self.fail(index);
                place = LedgerPlace::Own;
            } else {
                let ledger = self.read(index);
                if are_shares_kept(&ledger, self.now) {
                    let own = &mut self.machines[index].own;
                    begin_hold(own, &ledger, clocks, LimitShare::one_of(2), index as u64);
                    place = LedgerPlace::Both;
                } else if is_request {
                    self.send_by_shared(index, ledger);
                    return;
                }
            }
        }
        let admitted = if is_request {
            self.reserve_own(index)
        } else {
            None
        };
        let is_sent = match place {
            LedgerPlace::Both | LedgerPlace::Probe => self.report(index, place, admitted),
            LedgerPlace::Own | LedgerPlace::Shared => true,
        };
        if let Some(id) = admitted.filter(|_| is_sent) {
            self.send(index);
            let own = &mut self.machines[index].own;
            own.settle(id, &COST, Some(clocks.own), RequestOutcome::Failed);
            if place != LedgerPlace::Own && !self.is_out {
                self.report(index, LedgerPlace::Both, None);
            }
        }
    }

    fn send_by_shared(&mut self, index: usize, mut ledger: RateLimitLedger) {
        let admission = ledger.try_acquire(self.now, None, &COST, &Self::base());
        let Admission::Admitted(Some(id)) = admission else {
            return;
        };
        let holder = ReservationHolder {
            machine: number(index),
            process: 1,
        };
        ledger.name_holder(id, holder);
        ledger.settle(id, &COST, Some(self.now), RequestOutcome::Failed);
        self.write(index, ledger);
        self.send(index);
    }

    /// Reserves in the machine's own ledger. What would have to wait comes again later.
    fn reserve_own(&mut self, index: usize) -> Option<ReservationId> {
        let own_now = self.clocks().own;
        let mut own = self.machines[index].own.clone();
        own.bound_times(own_now);
        let Admission::Admitted(id) = own.try_acquire(own_now, None, &COST, &Self::own_base())
        else {
            return None;
        };
        self.machines[index].own = own;
        id
    }

    /// Adds the machine's own usage to the shared ledger. Returns whether what its own ledger has
    /// admitted may be sent.
    fn report(
        &mut self,
        index: usize,
        place: LedgerPlace,
        admitted: Option<ReservationId>,
    ) -> bool {
        if self.is_out {
            self.fail(index);
            return true;
        }
        let clocks = self.clocks();
        let own = self.machines[index].own.clone();
        let mut ledger = self.read(index);
        if place == LedgerPlace::Probe {
            note_return(&mut ledger, clocks.to_server(own.outage_at), self.now);
            self.machines[index].own.probed_at = 0;
        }
        let mut without = own.clone();
        without.slots.retain(|slot| Some(slot.id) != admitted);
        add_own_usage(&mut ledger, &without, number(index), clocks);
        let refused = admitted.and_then(|_| ledger.refuse_now(self.now, &COST, &Self::base()));
        if let (Some(id), Some(_)) = (admitted, refused) {
            let own = &mut self.machines[index].own;
            own.release(clocks.own, id, &Self::own_base());
            // Nobody has seen the id, and the state is what it was.
            own.next_id = id.0;
        } else {
            add_own_usage(&mut ledger, &own, number(index), clocks);
        }
        if ledger != self.read(index) {
            self.write(index, ledger);
        }
        refused.is_none()
    }

    /// Returns what can follow this state.
    fn successors(&self, first: FirstMachine) -> Vec<Self> {
        let mut next = Vec::new();
        for index in 0..2 {
            // The other one tries at least every 7 s, which is less than from one moment to the
            // next: it does so first, unless the outage was over only after it had tried.
            let is_its_turn = self.machines[1].has_looked || self.returned_at == self.now;
            let may_begin = !self.is_out && self.outages_left == 0 && is_its_turn;
            if index == 0 && first == FirstMachine::Idle && !may_begin {
                continue;
            }
            let machine = &self.machines[index];
            for is_request in [false, true] {
                let may_act = if is_request {
                    machine.left > 0
                } else {
                    !machine.has_looked
                };
                if may_act {
                    let mut acted = self.clone();
                    acted.act(index, is_request);
                    next.push(acted);
                }
            }
        }
        let may_turn = if self.is_out {
            self.now <= LATEST_RETURN
        } else {
            self.outages_left > 0 && self.now <= LATEST_OUTAGE
        };
        if may_turn {
            let mut turned = self.clone();
            turned.is_out = !self.is_out;
            turned.outages_left -= u8::from(turned.is_out);
            turned.returned_at = turned.now;
            next.push(turned);
        }
        next.extend(self.later(first));
        next
    }

    /// Returns the state in the next moment, when all at work have looked in this one.
    fn later(&self, first: FirstMachine) -> Option<Self> {
        let at_work = match first {
            FirstMachine::AtWork => &self.machines[..],
            FirstMachine::Idle => &self.machines[1..],
        };
        let mut next = self.clone();
        next.now += BEAT;
        next.server.retain(|at| next.now < at + WINDOW);
        for machine in &mut next.machines {
            machine.has_looked = false;
        }
        let has_time = next.now <= END && !(self.is_out && self.now >= LATEST_RETURN);
        (has_time && at_work.iter().all(|machine| machine.has_looked)).then_some(next)
    }

    /// Returns a hash of what makes a difference from here on.
    fn fingerprint(&self) -> u64 {
        let mut state = self.clone();
        let has_seen_the_last = !self.is_out && self.outages_left == 0;
        if self.returned_at < self.now {
            state.returned_at = 0;
        }
        let own_now = self.clocks().own;
        for machine in &mut state.machines {
            machine.own.drop_expired(own_now);
            if has_seen_the_last {
                machine.mirror = None;
            }
        }
        let mut hasher = DefaultHasher::new();
        state.hash(&mut hasher);
        hasher.finish()
    }

    fn is_done(&self) -> bool {
        self.machines.iter().all(|machine| machine.left == 0)
    }
}

/// Returns the number of a machine, which is not 0.
fn number(index: usize) -> u64 {
    index as u64 + 1
}

/// Visits every state. Returns how many there are, and whether all requests were sent in one.
fn explore(first: FirstMachine) -> (usize, bool) {
    let slot = |index| WindowSlot {
        id: ReservationId(number(index)),
        holder: ReservationHolder {
            machine: number(index),
            process: 1,
        },
        at: START - 30 * SECOND,
        tokens: 1,
        most: 1,
        has_ended: true,
    };
    let shared = RateLimitLedger {
        last: START - 30 * SECOND,
        slots: vec![slot(0), slot(1)],
        ..RateLimitLedger::starting_at(START)
    };
    let machine = |left| Machine {
        own: RateLimitLedger::default(),
        mirror: Some((START - 30 * SECOND, shared.clone())),
        left,
        has_looked: false,
    };
    let mut open = vec![OutageState {
        now: START,
        is_out: false,
        outages_left: 1,
        returned_at: 0,
        machines: [machine(2), machine(1)],
        server: vec![START - 30 * SECOND; 2],
        shared,
    }];
    let (mut seen, mut is_done) = (HashSet::new(), false);
    while let Some(state) = open.pop() {
        if !seen.insert(state.fingerprint()) {
            continue;
        }
        if state.is_done() {
            is_done = true;
        } else {
            open.extend(state.successors(first));
        }
    }
    (seen.len(), is_done)
}

#[test]
fn no_order_of_two_machines_at_work_and_an_outage_exceeds_a_limit() {
    let (states, is_done) = explore(FirstMachine::AtWork);
    assert!(states > 1_000 && is_done, "{states}");
}

#[test]
fn a_machine_that_was_idle_in_an_outage_leaves_room_for_what_others_used_in_it() {
    let (states, is_done) = explore(FirstMachine::Idle);
    assert!(states > 1_000 && is_done, "{states}");
}
