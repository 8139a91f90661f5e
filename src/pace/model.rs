//! Three processes, a strict server and the ledger, in every order of their steps, with a kill at
//! each of them and a cancellation at each before the request has left.
//!
//! A process tries until it is admitted, its request arrives, is answered, and is settled. Time
//! passes in ticks; in each of them those who wait try once. States that differ in nothing but the
//! time of day are one, so that all of them can be visited.

use std::collections::HashSet;

use super::SECOND;
use super::known_limits::BaseLimits;
use super::ledger::{Admission, Ledger, Priority, RequestCost, RequestOutcome};
use super::window::{IN_FLIGHT_GRACE, Limits, ReservationId, Slot, WINDOW};

const TICK: u64 = 2 * SECOND;

const START: u64 = 10_000 * SECOND;

const COST: RequestCost = RequestCost {
    input: 10,
    max_tokens: 50,
    priority: Priority::Person,
};

/// What a request uses in the end.
const USED: u64 = 40;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Stage {
    New,
    Waiting { id: ReservationId, has_tried: bool },
    Sent { id: ReservationId, at: u64 },
    Arrived { id: ReservationId, at: u64 },
    Answered { id: ReservationId, at: u64 },
    Over,
    Dead,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    now: u64,
    ledger: Ledger,
    processes: [Stage; 3],
    /// What the server counts: when it came, for which reservation, and how much.
    server: Vec<(u64, ReservationId, u64)>,
    /// When anybody last began, ended or died.
    last_news: u64,
}

struct Model {
    limits: Limits,
    seen: HashSet<State>,
    states: usize,
}

impl Model {
    fn base(&self) -> BaseLimits {
        BaseLimits {
            configured: self.limits,
            assumed: Limits::default(),
        }
    }

    /// Visits every state that can follow this one.
    fn explore(&mut self, first: State) {
        let mut open = vec![first];
        while let Some(state) = open.pop() {
            if !self.seen.insert(normal(&state)) {
                continue;
            }
            self.states += 1;
            for process in 0..3 {
                open.extend(self.step(&state, process));
                open.extend(self.cancelled(&state, process));
                if !matches!(state.processes[process], Stage::Over | Stage::Dead) {
                    let mut killed = state.clone();
                    killed.processes[process] = Stage::Dead;
                    killed.last_news = killed.now;
                    open.push(killed);
                }
            }
            open.extend(later(&state).into_iter().map(|now| at(&state, now)));
        }
    }

    /// The next step of a process.
    fn step(&self, state: &State, process: usize) -> Option<State> {
        let mut next = state.clone();
        let now = next.now;
        let reached = match next.processes[process].clone() {
            Stage::New => self.reserve(&mut next, None),
            Stage::Waiting {
                id,
                has_tried: false,
            } => self.reserve(&mut next, Some(id)),
            Stage::Sent { id, .. } => {
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
                Stage::Arrived { id, at: now }
            }
            Stage::Arrived { id, at } => {
                if let Some((.., tokens)) = next.server.iter_mut().find(|(_, of, _)| *of == id) {
                    *tokens = USED;
                }
                Stage::Answered { id, at }
            }
            Stage::Answered { id, at } => {
                let outcome = RequestOutcome::Answered {
                    input: COST.input,
                    output: USED - COST.input,
                };
                next.ledger.settle(id, &COST, Some(at), outcome);
                let once = next.ledger.clone();
                next.ledger.settle(id, &COST, Some(at), outcome);
                assert_eq!(next.ledger, once, "settling twice is settling once");
                next.last_news = now;
                Stage::Over
            }
            Stage::Waiting {
                has_tried: true, ..
            }
            | Stage::Over
            | Stage::Dead => return None,
        };
        next.processes[process] = reached;
        Some(next)
    }

    fn reserve(&self, state: &mut State, queued: Option<ReservationId>) -> Stage {
        let now = state.now;
        match state.ledger.try_acquire(now, queued, &COST, &self.base()) {
            Admission::Admitted(id) => {
                state.last_news = now;
                Stage::Sent {
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
                Stage::Waiting {
                    id: id.expect("there are limits"),
                    has_tried: true,
                }
            }
        }
    }

    /// The state in which a process has given up before it sent anything, and released what it had.
    fn cancelled(&self, state: &State, process: usize) -> Option<State> {
        let (Stage::Waiting { id, .. } | Stage::Sent { id, .. }) = state.processes[process] else {
            return None;
        };
        let mut next = state.clone();
        next.ledger.release(state.now, id, &self.base());
        next.last_news = next.now;
        next.processes[process] = Stage::Over;
        Some(next)
    }
}

/// The moments to which time may go on, unless somebody still has to do something in this one: a
/// tick later, and where nobody is at it, right before and when something counts no more. To those
/// who have not come yet nothing else makes a difference.
fn later(state: &State) -> Vec<u64> {
    let has_time = |stage: &Stage| match stage {
        Stage::Waiting { has_tried, .. } => *has_tried,
        // A request is on its way for no longer than that.
        Stage::Sent { at, .. } => state.now + TICK <= at + IN_FLIGHT_GRACE,
        // An answer may take its time, but two ticks show as much as twenty.
        Stage::Arrived { at, .. } | Stage::Answered { at, .. } => state.now < at + 2 * TICK,
        Stage::New | Stage::Dead | Stage::Over => true,
    };
    let is_over = |stage: &Stage| matches!(stage, Stage::Over | Stage::Dead);
    let is_new = |stage: &Stage| matches!(stage, Stage::New);
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
    let slots = state.ledger.slots.iter().map(Slot::expiry);
    let expiries = slots.chain(state.server.iter().map(|(at, ..)| at + WINDOW));
    let Some(next) = expiries.filter(|expiry| *expiry > state.now).min() else {
        return Vec::new();
    };
    [next - TICK, next]
        .into_iter()
        .filter(|moment| *moment > state.now)
        .collect()
}

/// The state at another moment, when all who wait try again.
fn at(state: &State, now: u64) -> State {
    let mut next = State {
        now,
        ..state.clone()
    };
    for stage in &mut next.processes {
        if let Stage::Waiting { has_tried, .. } = stage {
            *has_tried = false;
        }
    }
    next
}

/// The state as it would be at the start, without what has lapsed.
fn normal(state: &State) -> State {
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
        .for_each(|ticket| shift(&mut ticket.seen));
    shift(&mut state.ledger.due);
    shift(&mut state.last_news);
    for stage in &mut state.processes {
        if let Stage::Sent { at, .. } | Stage::Arrived { at, .. } | Stage::Answered { at, .. } =
            stage
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
    let mut model = Model {
        limits: Limits { requests, tokens },
        seen: HashSet::new(),
        states: 0,
    };
    let ledger = Ledger {
        counts_maximum: true,
        ..Ledger::default()
    };
    let processes = [Stage::New, Stage::New, Stage::New];
    model.explore(State {
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
