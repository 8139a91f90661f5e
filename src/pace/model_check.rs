//! Three processes, a strict server and the ledger, in every order of their steps, with a kill at
//! each of them and a cancellation at each before the request has left.
//!
//! A process tries until it is admitted, its request arrives, is answered, and is settled. Time
//! passes in ticks; in each of them those who wait try once. States that differ in nothing but the
//! time of day are one, so that all of them can be visited.

use std::collections::HashSet;

use super::SECOND;
use super::admission::{Admission, RequestCost, RequestOutcome, RequestPriority};
use super::known_limits::BaseLimits;
use super::ledger::RateLimitLedger;
use super::window::{IN_FLIGHT_GRACE, RateLimits, ReservationId, WINDOW, WindowSlot};

/// The time between two moments of the model, in microseconds.
pub(super) const TICK: u64 = 2 * SECOND;

/// When the model begins: late enough for a window before it.
pub(super) const START: u64 = 10_000 * SECOND;

/// What every request reserves.
pub(super) const COST: RequestCost = RequestCost {
    input: 10,
    max_tokens: 50,
    priority: RequestPriority::Person,
};

/// What a request uses in the end.
pub(super) const USED: u64 = 40;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum ProcessStage {
    New,
    Waiting { id: ReservationId, has_tried: bool },
    Sent { id: ReservationId, at: u64 },
    Arrived { id: ReservationId, at: u64 },
    Answered { id: ReservationId, at: u64 },
    Over,
    Dead,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct ModelState {
    now: u64,
    ledger: RateLimitLedger,
    processes: [ProcessStage; 3],
    /// What the server counts: when it came, for which reservation, and how much.
    server: Vec<(u64, ReservationId, u64)>,
    /// When anybody last began, ended or died.
    last_news: u64,
}

struct LedgerModel {
    limits: RateLimits,
    seen: HashSet<ModelState>,
    states: usize,
}

impl LedgerModel {
    fn base(&self) -> BaseLimits {
        BaseLimits {
            configured: self.limits,
            ..BaseLimits::default()
        }
    }

    /// Visits every state that can follow this one.
    fn explore(&mut self, first: ModelState) {
        let mut open = vec![first];
        while let Some(state) = open.pop() {
            if !self.seen.insert(normal(&state)) {
                continue;
            }
            self.states += 1;
            for process in 0..3 {
                open.extend(self.step(&state, process));
                open.extend(self.cancelled(&state, process));
                if !matches!(
                    state.processes[process],
                    ProcessStage::Over | ProcessStage::Dead
                ) {
                    let mut killed = state.clone();
                    killed.processes[process] = ProcessStage::Dead;
                    killed.last_news = killed.now;
                    open.push(killed);
                }
            }
            open.extend(later(&state).into_iter().map(|now| at(&state, now)));
        }
    }

    /// Returns the next step of a process.
    fn step(&self, state: &ModelState, process: usize) -> Option<ModelState> {
        let mut next = state.clone();
        let now = next.now;
        let reached = match next.processes[process].clone() {
            ProcessStage::New => self.reserve(&mut next, None),
            ProcessStage::Waiting {
                id,
                has_tried: false,
            } => self.reserve(&mut next, Some(id)),
            ProcessStage::Sent { id, .. } => {
                next.server.retain(|(at, ..)| now < at + WINDOW);
                next.server.push((now, id, COST.input + COST.max_tokens));
                let tokens: u64 = next.server.iter().map(|(.., tokens)| tokens).sum();
                let limits = self.limits;
                assert!(
                    limits
                        .requests
                        .is_none_or(|limit| next.server.len() as u64 <= limit),
                    "{next:#?}"
                );
                assert!(
                    limits.tokens.is_none_or(|limit| tokens <= limit),
                    "{next:#?}"
                );
                ProcessStage::Arrived { id, at: now }
            }
            ProcessStage::Arrived { id, at } => {
                if let Some((.., tokens)) = next.server.iter_mut().find(|(_, of, _)| *of == id) {
                    *tokens = USED;
                }
                ProcessStage::Answered { id, at }
            }
            ProcessStage::Answered { id, at } => {
                let outcome = RequestOutcome::Answered {
                    input: COST.input,
                    output: USED - COST.input,
                };
                next.ledger.settle(id, &COST, Some(at), outcome);
                let once = next.ledger.clone();
                next.ledger.settle(id, &COST, Some(at), outcome);
                assert_eq!(next.ledger, once, "settling twice is settling once");
                next.last_news = now;
                ProcessStage::Over
            }
            ProcessStage::Waiting {
                has_tried: true, ..
            }
            | ProcessStage::Over
            | ProcessStage::Dead => return None,
        };
        next.processes[process] = reached;
        Some(next)
    }

    fn reserve(&self, state: &mut ModelState, queued: Option<ReservationId>) -> ProcessStage {
        let now = state.now;
        match state.ledger.try_acquire(now, queued, &COST, &self.base()) {
            Admission::Admitted(id) => {
                state.last_news = now;
                ProcessStage::Sent {
                    id: id.expect("there are limits"),
                    at: now,
                }
            }
            Admission::Queued { id, start, .. } => {
                // While anybody waits, somebody begins, ends or dies within a window: no slot is
                // lost for longer.
                assert!(
                    now < state.last_news + WINDOW + IN_FLIGHT_GRACE + TICK,
                    "{state:#?}"
                );
                assert!(start > now);
                ProcessStage::Waiting {
                    id: id.expect("there are limits"),
                    has_tried: true,
                }
            }
        }
    }

    /// Returns the state in which a process has given up before it sent anything, and released what
    /// it had.
    fn cancelled(&self, state: &ModelState, process: usize) -> Option<ModelState> {
        let (ProcessStage::Waiting { id, .. } | ProcessStage::Sent { id, .. }) =
            state.processes[process]
        else {
            return None;
        };
        let mut next = state.clone();
        next.ledger.release(state.now, id, &self.base());
        next.last_news = next.now;
        next.processes[process] = ProcessStage::Over;
        Some(next)
    }
}

/// Returns the moments to which time may go on, unless somebody still has to do something in this
/// one: a tick later, and where nobody is at it, right before and when something counts no more. To
/// those who have not come yet nothing else makes a difference.
fn later(state: &ModelState) -> Vec<u64> {
    let has_time = |stage: &ProcessStage| match stage {
        ProcessStage::Waiting { has_tried, .. } => *has_tried,
        // A request is on its way for no longer than that.
        ProcessStage::Sent { at, .. } => state.now + TICK <= at + IN_FLIGHT_GRACE,
        // An answer may take its time, but two ticks show as much as twenty.
        ProcessStage::Arrived { at, .. } | ProcessStage::Answered { at, .. } => {
            state.now < at + 2 * TICK
        }
        ProcessStage::New | ProcessStage::Dead | ProcessStage::Over => true,
    };
    let is_over = |stage: &ProcessStage| matches!(stage, ProcessStage::Over | ProcessStage::Dead);
    let is_new = |stage: &ProcessStage| matches!(stage, ProcessStage::New);
    if !state.processes.iter().all(has_time) || state.processes.iter().all(is_over) {
        return Vec::new();
    }
    if !state
        .processes
        .iter()
        .all(|stage| is_over(stage) || is_new(stage))
    {
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
fn at(state: &ModelState, now: u64) -> ModelState {
    let mut next = ModelState {
        now,
        ..state.clone()
    };
    for stage in &mut next.processes {
        if let ProcessStage::Waiting { has_tried, .. } = stage {
            *has_tried = false;
        }
    }
    next
}

/// Returns the state as it would be at the start, without what has lapsed.
fn normal(state: &ModelState) -> ModelState {
    let mut state = state.clone();
    let shift = |moment: &mut u64| *moment = moment.saturating_sub(state.now - START);
    let now = state.now;
    state.server.retain(|(at, ..)| now < at + WINDOW);
    state.ledger.slots.retain(|slot| now < slot.expiry());
    state.server.iter_mut().for_each(|(at, ..)| shift(at));
    state
        .ledger
        .slots
        .iter_mut()
        .for_each(|slot| shift(&mut slot.at));
    state
        .ledger
        .queue
        .iter_mut()
        .for_each(|ticket| shift(&mut ticket.expiry));
    shift(&mut state.ledger.due);
    shift(&mut state.last_news);
    for stage in &mut state.processes {
        if let ProcessStage::Sent { at, .. }
        | ProcessStage::Arrived { at, .. }
        | ProcessStage::Answered { at, .. } = stage
        {
            shift(at);
        }
    }
    // Nobody is anybody in particular.
    state.processes.sort();
    state.now = START;
    state
}

fn states_of(requests: Option<u64>, tokens: Option<u64>) -> usize {
    let mut model = LedgerModel {
        limits: RateLimits { requests, tokens },
        seen: HashSet::new(),
        states: 0,
    };
    let ledger = RateLimitLedger {
        counts_maximum: true,
        ..RateLimitLedger::default()
    };
    let processes = [ProcessStage::New, ProcessStage::New, ProcessStage::New];
    model.explore(ModelState {
        now: START,
        ledger,
        processes,
        server: Vec::new(),
        last_news: START,
    });
    model.states
}

#[test]
fn no_order_of_three_processes_their_deaths_and_cancellations_exceeds_a_limit_or_loses_a_slot() {
    for (requests, tokens) in [(Some(1), None), (Some(2), None), (None, Some(100))] {
        let states = states_of(requests, tokens);
        assert!(states > 1_000, "{requests:?} {tokens:?}: {states}");
    }
}
