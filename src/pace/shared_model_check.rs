//! Processes, a strict server and a ledger that is read and replaced in two steps, in every order
//! of their steps: one is faster than another, a replacement arrives late or after its sender was
//! killed, and what has been settled is settled again. Two processes meet any number of such
//! faults, and three one of them, or else there would be too many orders to try.
//!
//! It is `model_check` once more with the races of a shared store. Whether a replacement counts is
//! decided as the server does, by what real ledgers begin with and by the time.

use std::collections::HashSet;

use super::admission::{Admission, RequestOutcome};
use super::known_limits::BaseLimits;
use super::ledger::RateLimitLedger;
use super::ledger_server::REPLACEMENT_LIFETIME;
use super::model_check::{COST, START, TICK, USED};
use super::record::{fence_of, to_bytes};
use super::window::{IN_FLIGHT_GRACE, RateLimits, ReservationId, WINDOW, WindowSlot};

/// What a process does with the ledger.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum LedgerStep {
    Reserve(Option<ReservationId>),
    Settle {
        id: ReservationId,
        at: u64,
        is_repeated: bool,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum ProcessStage {
    New,
    Waiting {
        id: ReservationId,
        has_tried: bool,
    },
    /// It has read the ledger, and its replacement is on the way.
    Replacing {
        step: LedgerStep,
        seen: SeenLedger,
        was_late: bool,
    },
    /// It was killed with a replacement on the way.
    Ghost {
        step: LedgerStep,
        seen: SeenLedger,
    },
    Sent {
        id: ReservationId,
        at: u64,
    },
    Arrived {
        id: ReservationId,
        at: u64,
    },
    Answered {
        id: ReservationId,
        at: u64,
    },
    Over,
    Dead,
}

/// What a process has read: the beginning of the ledger's bytes, and when; no bytes once others are
/// known to be there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct SeenLedger {
    fence: Vec<u8>,
    read_at: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct ModelState<const N: usize> {
    now: u64,
    ledger: RateLimitLedger,
    processes: [ProcessStage; N],
    /// What the server counts: when it came, for which reservation, and how much.
    server: Vec<(u64, ReservationId, u64)>,
    /// When anybody last began, ended or died.
    last_news: u64,
    /// How many more processes may be killed or replacements be late; none: any number.
    faults_left: Option<u8>,
}

impl<const N: usize> ModelState<N> {
    /// Counts a fault.
    fn fail(&mut self) {
        self.faults_left = self.faults_left.map(|left| left - 1);
    }

    fn may_fail(&self) -> bool {
        self.faults_left != Some(0)
    }

    fn seen(&self) -> SeenLedger {
        SeenLedger {
            fence: fence_of(&to_bytes(&self.ledger)).to_vec(),
            read_at: self.now,
        }
    }

    /// Returns whether the server accepts a replacement of what was seen.
    fn accepts(&self, seen: &SeenLedger) -> bool {
        let is_same = seen.fence == fence_of(&to_bytes(&self.ledger));
        is_same && self.now - seen.read_at <= REPLACEMENT_LIFETIME
    }
}

struct SharedModel<const N: usize> {
    limits: RateLimits,
    seen: HashSet<ModelState<N>>,
    conflicts: usize,
    ghosts: usize,
}

impl<const N: usize> SharedModel<N> {
    fn base(&self) -> BaseLimits {
        BaseLimits {
            configured: self.limits,
            ..BaseLimits::default()
        }
    }

    /// Visits every state that can follow this one.
    fn explore(&mut self, first: ModelState<N>) {
        let mut open = vec![first];
        while let Some(state) = open.pop() {
            if !self.seen.insert(normal(&state)) {
                continue;
            }
            for process in 0..N {
                open.extend(self.step(&state, process));
                open.extend(killed(&state, process));
            }
            open.extend(later(&state).into_iter().map(|now| at(&state, now)));
        }
    }

    /// Returns the next step of a process.
    fn step(&mut self, state: &ModelState<N>, process: usize) -> Option<ModelState<N>> {
        let mut next = state.clone();
        let now = next.now;
        let replacing = |step, state: &ModelState<N>| ProcessStage::Replacing {
            step,
            seen: state.seen(),
            was_late: false,
        };
        next.processes[process] = match next.processes[process].clone() {
            ProcessStage::New => replacing(LedgerStep::Reserve(None), state),
            ProcessStage::Waiting {
                id,
                has_tried: false,
            } => replacing(LedgerStep::Reserve(Some(id)), state),
            ProcessStage::Replacing {
                step,
                seen,
                was_late,
            } => {
                if state.accepts(&seen) {
                    self.replace(&mut next, &step)
                } else {
                    // The answer has the newer ledger.
                    self.conflicts += 1;
                    ProcessStage::Replacing {
                        step,
                        seen: state.seen(),
                        was_late: was_late || seen.read_at < now,
                    }
                }
            }
            ProcessStage::Ghost { step, seen } => {
                if state.accepts(&seen) {
                    self.ghosts += 1;
                    self.replace(&mut next, &step);
                }
                ProcessStage::Dead
            }
            ProcessStage::Sent { id, .. } => {
                self.arrive(&mut next, id);
                ProcessStage::Arrived { id, at: now }
            }
            ProcessStage::Arrived { id, at } => {
                if let Some((.., tokens)) = next.server.iter_mut().find(|(_, of, _)| *of == id) {
                    *tokens = USED;
                }
                ProcessStage::Answered { id, at }
            }
            ProcessStage::Answered { id, at } => replacing(
                LedgerStep::Settle {
                    id,
                    at,
                    is_repeated: false,
                },
                state,
            ),
            ProcessStage::Waiting {
                has_tried: true, ..
            }
            | ProcessStage::Over
            | ProcessStage::Dead => return None,
        };
        Some(next)
    }

    /// Counts a request that arrives at the server, which is strict.
    fn arrive(&self, state: &mut ModelState<N>, id: ReservationId) {
        let now = state.now;
        state.server.retain(|(at, ..)| now < at + WINDOW);
        state.server.push((now, id, COST.input + COST.max_tokens));
        let requests = state.server.len() as u64;
        let tokens: u64 = state.server.iter().map(|(.., tokens)| tokens).sum();
        let is_within = |limit: Option<u64>, used| limit.is_none_or(|limit| used <= limit);
        assert!(
            is_within(self.limits.requests, requests) && is_within(self.limits.tokens, tokens),
            "{state:#?}"
        );
    }

    /// Replaces the ledger, and returns what becomes of the process.
    fn replace(&self, state: &mut ModelState<N>, step: &LedgerStep) -> ProcessStage {
        let now = state.now;
        state.ledger.bound_times(now);
        state.ledger.drop_expired(now);
        let before = state.ledger.clone();
        let reached = match *step {
            LedgerStep::Reserve(queued) => {
                match state.ledger.acquire_ahead(now, queued, &COST, &self.base()) {
                    Admission::Admitted(id) => {
                        state.last_news = now;
                        ProcessStage::Sent {
                            id: id.expect("there are limits"),
                            at: now,
                        }
                    }
                    Admission::Queued { id, .. } => {
                        // While anybody waits, somebody begins, ends or dies within a window.
                        assert!(
                            now < state.last_news + WINDOW + IN_FLIGHT_GRACE + 2 * TICK,
                            "{state:#?}"
                        );
                        ProcessStage::Waiting {
                            id: id.expect("there are limits"),
                            has_tried: true,
                        }
                    }
                }
            }
            LedgerStep::Settle {
                id,
                at,
                is_repeated,
            } => {
                let outcome = RequestOutcome::Answered {
                    input: COST.input,
                    output: USED - COST.input,
                };
                state.ledger.settle(id, &COST, Some(at), outcome);
                if is_repeated {
                    assert_eq!(state.ledger, before, "settling twice is settling once");
                    ProcessStage::Over
                } else {
                    state.last_news = now;
                    // Its answer is lost, and it settles again.
                    let step = LedgerStep::Settle {
                        id,
                        at,
                        is_repeated: true,
                    };
                    let seen = SeenLedger {
                        fence: Vec::new(),
                        read_at: now,
                    };
                    ProcessStage::Replacing {
                        step,
                        seen,
                        was_late: false,
                    }
                }
            }
        };
        if state.ledger != before {
            state.ledger.revision += 1;
        }
        reached
    }
}

/// Returns the states after a process was killed: what it had on the way arrives, or does not.
fn killed<const N: usize>(state: &ModelState<N>, process: usize) -> Vec<ModelState<N>> {
    if !state.may_fail() {
        return Vec::new();
    }
    let stages = match &state.processes[process] {
        ProcessStage::Over | ProcessStage::Dead | ProcessStage::Ghost { .. } => return Vec::new(),
        ProcessStage::Replacing { step, seen, .. } => {
            let (step, seen) = (step.clone(), seen.clone());
            vec![ProcessStage::Dead, ProcessStage::Ghost { step, seen }]
        }
        _ => vec![ProcessStage::Dead],
    };
    let with = |stage| {
        let mut next = state.clone();
        next.processes[process] = stage;
        next.last_news = next.now;
        next.fail();
        next
    };
    stages.into_iter().map(with).collect()
}

/// Returns the moments to which time may go on, unless somebody still has to do something in this
/// one: a tick later, and where nobody is at it, right before and when something counts no more.
fn later<const N: usize>(state: &ModelState<N>) -> Vec<u64> {
    let has_time = |stage: &ProcessStage| match stage {
        ProcessStage::Waiting { has_tried, .. } => *has_tried,
        // One replacement of a process may be late.
        ProcessStage::Replacing { seen, was_late, .. } => {
            !was_late && seen.read_at == state.now && state.may_fail()
        }
        ProcessStage::Ghost { seen, .. } => seen.read_at == state.now,
        // A request is on its way for no longer than that.
        ProcessStage::Sent { at, .. } => state.now + TICK <= at + IN_FLIGHT_GRACE,
        ProcessStage::Arrived { at, .. } | ProcessStage::Answered { at, .. } => {
            state.now < at + TICK
        }
        ProcessStage::New | ProcessStage::Dead | ProcessStage::Over => true,
    };
    let is_over = |stage: &ProcessStage| matches!(stage, ProcessStage::Over | ProcessStage::Dead);
    let is_idle = |stage: &ProcessStage| is_over(stage) || matches!(stage, ProcessStage::New);
    if !state.processes.iter().all(has_time) || state.processes.iter().all(is_over) {
        return Vec::new();
    }
    if !state.processes.iter().all(is_idle) {
        return vec![state.now + TICK];
    }
    let slots = state.ledger.slots.iter().map(WindowSlot::expiry);
    let expiries = slots.chain(state.server.iter().map(|(at, ..)| at + WINDOW));
    let Some(next) = expiries.filter(|expiry| *expiry > state.now).min() else {
        return Vec::new();
    };
    [next - TICK, next]
        .into_iter()
        .filter(|moment| *moment > state.now)
        .collect()
}

/// Returns the state at another moment, when all who wait try again.
fn at<const N: usize>(state: &ModelState<N>, now: u64) -> ModelState<N> {
    let mut next = ModelState {
        now,
        ..state.clone()
    };
    let is_on_its_way = |stage: &ProcessStage| matches!(stage, ProcessStage::Replacing { .. });
    if next.processes.iter().any(is_on_its_way) {
        next.fail();
    }
    for stage in &mut next.processes {
        if let ProcessStage::Waiting { has_tried, .. } = stage {
            *has_tried = false;
        }
    }
    next
}

/// Returns the state as it would be at the start, without what has lapsed and with a revision and
/// fences that only say whether a replacement would be accepted.
fn normal<const N: usize>(state: &ModelState<N>) -> ModelState<N> {
    let mut state = state.clone();
    let (now, refused, current) = (state.now, Vec::new(), vec![1]);
    let accepted: Vec<bool> = state
        .processes
        .iter()
        .map(|stage| match stage {
            ProcessStage::Replacing { seen, .. } | ProcessStage::Ghost { seen, .. } => {
                state.accepts(seen)
            }
            _ => false,
        })
        .collect();
    let shift = |moment: &mut u64| *moment = moment.saturating_sub(now - START);
    state.server.retain(|(at, ..)| now < at + WINDOW);
    state.ledger.drop_expired(now);
    state.ledger.revision = 0;
    state.server.iter_mut().for_each(|(at, ..)| shift(at));
    for slot in &mut state.ledger.slots {
        shift(&mut slot.at);
    }
    for ticket in &mut state.ledger.queue {
        shift(&mut ticket.expiry);
    }
    shift(&mut state.ledger.due);
    shift(&mut state.last_news);
    for (stage, is_accepted) in state.processes.iter_mut().zip(accepted) {
        match stage {
            ProcessStage::Sent { at, .. }
            | ProcessStage::Arrived { at, .. }
            | ProcessStage::Answered { at, .. } => shift(at),
            ProcessStage::Replacing { seen, step, .. } | ProcessStage::Ghost { seen, step } => {
                seen.fence = if is_accepted { &current } else { &refused }.clone();
                shift(&mut seen.read_at);
                if let LedgerStep::Settle { at, .. } = step {
                    shift(at);
                }
            }
            _ => {}
        }
    }
    // Nobody is anybody in particular.
    state.processes.sort();
    state.now = START;
    state
}

/// Tries every order of the steps of so many processes with two limits, and so many faults at most.
#[track_caller]
fn try_all_orders<const N: usize>(faults_left: Option<u8>) {
    for (requests, tokens) in [(Some(1), None), (None, Some(100))] {
        let mut model = SharedModel::<N> {
            limits: RateLimits { requests, tokens },
            seen: HashSet::new(),
            conflicts: 0,
            ghosts: 0,
        };
        model.explore(ModelState {
            now: START,
            ledger: RateLimitLedger {
                counts_maximum: true,
                ..RateLimitLedger::default()
            },
            processes: [const { ProcessStage::New }; N],
            server: Vec::new(),
            last_news: START,
            faults_left,
        });
        let SharedModel {
            seen,
            conflicts,
            ghosts,
            ..
        } = model;
        assert!(
            seen.len() > 1_000 && conflicts > 100 && ghosts > 100,
            "{requests:?} {tokens:?}: {} states, {conflicts} conflicts, {ghosts} ghosts",
            seen.len()
        );
    }
}

#[test]
fn no_race_of_two_processes_for_a_shared_ledger_exceeds_a_limit_or_loses_a_slot() {
    try_all_orders::<2>(None);
}

#[test]
fn no_race_of_three_processes_with_one_fault_exceeds_a_limit_or_loses_a_slot() {
    try_all_orders::<3>(Some(1));
}
