//! One item on its way to its record: asked, and with a schema asked again until the answer fits.
//!
//! Once nothing new is to be begun, a try that is under way goes on to its end, and one that still
//! waits is not begun. Any other way that an item may go ends with its record, or says why the run
//! cannot go on.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::{Notify, watch};

use super::plan::Made;
use super::told::Told;
use crate::batch::{Budget, Item, Refused, Result};
use crate::client::{self, Advance, Call, Client, Reservation};
use crate::compose::build;
use crate::error::{Error, Kind};
use crate::exchange::driver::{Outcome, Stop, Timing, conclude};
use crate::exchange::finish::{judge, paused};
use crate::exchange::prepare::estimate_of;
use crate::input::Estimate;
use crate::pace::Priority;
use crate::tool::{Structured, StructuredVerdict};

/// What all jobs share.
pub(super) struct Shared {
    pub(super) client: Client,
    pub(super) region: String,
    pub(super) allow_truncated: bool,
    /// Whether a request of any size is fine.
    pub(super) any_size: bool,
    pub(super) budget: Mutex<Budget>,
    /// Told when the budget has changed.
    pub(super) freed: Notify,
    /// Becomes true when nothing new is to be begun.
    pub(super) stopping: watch::Receiver<bool>,
    /// Told when a job has left the queue.
    pub(super) moved: Notify,
    /// Jobs that wait for their turn.
    pub(super) queued: AtomicUsize,
    /// Jobs that wait to try again.
    pub(super) retrying: AtomicUsize,
    /// Jobs that have an answer to send back, and wait for the budget.
    pub(super) repairing: AtomicUsize,
    /// Whether the state of the run is on the terminal, with those that wait.
    pub(super) shows_progress: bool,
    /// What a person should know.
    pub(super) notices: Mutex<Vec<String>>,
    /// What was told.
    pub(super) told: Mutex<Told>,
}

/// An item that is to be asked.
pub(super) struct Job {
    pub(super) shared: Arc<Shared>,
    pub(super) item: Item,
    pub(super) made: Made,
    pub(super) wish: Option<Structured>,
    /// What was learned of the estimates for the model.
    pub(super) factor: Option<f64>,
    /// Its place in the queue.
    pub(super) waiting: Waiting,
}

/// A request that has been sent, and what came of it.
pub(super) struct Tried {
    pub(super) estimate: Estimate,
    pub(super) outcome: Outcome,
}

/// An item that was asked.
pub(super) struct Ended {
    pub(super) item: Item,
    pub(super) hash: String,
    /// The model that was asked.
    pub(super) model: String,
    pub(super) tries: Vec<Tried>,
    pub(super) came: Came,
}

/// What came of an item that was asked.
pub(super) enum Came {
    /// What its record is to have.
    Result(Result),
    /// It failed as every other item is expected to.
    Fatal,
    /// It was not sent, since a 429 holds back all items for longer than may be waited.
    HeldBack(Error),
    /// The run was stopped before: it is as if it had not been begun.
    Stopped,
    /// The budget does not let it be asked to its end: another run asks from the beginning.
    NoBudget(Refused),
}

/// One more that waits, for as long as this is there.
pub(super) struct Waiting(Arc<Shared>, fn(&Shared) -> &AtomicUsize);

impl Waiting {
    /// For its turn to be sent.
    pub(super) fn in_queue(shared: &Arc<Shared>) -> Self {
        Self::new(shared, |shared| &shared.queued)
    }

    fn new(shared: &Arc<Shared>, counter: fn(&Shared) -> &AtomicUsize) -> Self {
        counter(shared).fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(shared), counter)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        (self.1)(&self.0).fetch_sub(1, Ordering::Relaxed);
        self.0.moved.notify_one();
    }
}

impl Shared {
    /// Begins a request within the budget.
    pub(super) fn begin(&self) -> std::result::Result<(), Refused> {
        self.budget
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .begin()
    }

    /// Begins a further request of a job, as soon as the budget lets it; none where the run is
    /// stopped before.
    async fn begin_again(self: &Arc<Self>) -> Option<std::result::Result<(), Refused>> {
        let mut stopping = self.stopping.clone();
        let mut waiting = None;
        loop {
            // What changes from here on is heard.
            let freed = self.freed.notified();
            match self.begin() {
                Err(Refused::NotYet) => {
                    waiting.get_or_insert_with(|| Waiting::new(self, |shared| &shared.repairing));
                }
                begun => return Some(begun),
            }
            tokio::select! {
                biased;
                _ = stopping.wait_for(|stopping| *stopping) => return None,
                () = freed => {}
            }
        }
    }

    /// Notes that a request has ended, and what it has taken, or that it was not sent.
    fn end(&self, outcome: &Outcome, was_sent: bool) {
        let usage = outcome.answer.as_ref().map(|answer| &answer.message.usage);
        let tokens = usage.map_or(0, |usage| {
            usage.total_input_tokens() + usage.output_tokens()
        });
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        if was_sent {
            budget.end(tokens);
        } else {
            budget.give_back();
        }
        drop(budget);
        self.freed.notify_waiters();
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has this told, where it is news.
    fn tell(&self, news: Option<String>) {
        if let Some(news) = news {
            self.notices
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(news);
            self.moved.notify_one();
        }
    }
}

impl Job {
    /// Asks. The budget has let the first request in.
    pub(super) async fn run(self) -> Ended {
        let Self {
            shared,
            item,
            made,
            mut wish,
            factor,
            waiting,
        } = self;
        let Made {
            mut body,
            hash,
            mut estimate,
            request: mut asked,
        } = made;
        let model = asked.model.clone();
        let mut ended = Ended {
            item,
            hash,
            model,
            tries: Vec::new(),
            came: Came::Stopped,
        };
        let mut waiting = Some(waiting);
        loop {
            let reservation = Reservation::new(
                &asked.model,
                estimate.paced(factor),
                asked.max_tokens,
                Priority::Batch,
            );
            let call = shared
                .client
                .call(body, true, reservation)
                .keeping_connection();
            let waiting = waiting.take().unwrap_or_else(|| Waiting::in_queue(&shared));
            let (outcome, was_sent) = ask(&shared, call, &asked.model, &ended.item, waiting).await;
            shared.end(&outcome, was_sent);
            let is_stopped = matches!(outcome.error, Some(Error::Interrupted(_)));
            if !was_sent {
                return match outcome.error {
                    Some(error) if !is_stopped => ended.unsent(error),
                    _ => ended,
                };
            }
            ended.tries.push(Tried { estimate, outcome });
            let Some(tried) = ended.tries.last_mut().filter(|_| !is_stopped) else {
                return ended;
            };
            let error = match (&tried.outcome.error, &tried.outcome.answer) {
                (None, Some(answer)) => judge(answer, shared.allow_truncated && wish.is_none())
                    .or_else(|| paused(answer)),
                _ => tried.outcome.error.take(),
            };
            let again = match (&error, &tried.outcome.answer, &mut wish) {
                (None, Some(answer), Some(wish)) => wish.judge(&answer.message),
                (None, Some(answer), None) => {
                    ended.came = Came::Result(Result::of(&answer.message));
                    return ended;
                }
                _ => StructuredVerdict::NotWhole,
            };
            match again {
                StructuredVerdict::Fits(value) => {
                    ended.came = Came::Result(Result::Text(value.to_string()));
                    return ended;
                }
                StructuredVerdict::Again { messages, .. } => {
                    asked.messages.extend(messages);
                    match build::body(
                        &asked,
                        &[("the answers before".to_owned(), 0)],
                        shared.any_size,
                    ) {
                        Ok(next) => body = Bytes::from(next),
                        Err(error) => return ended.failed(error),
                    }
                    match shared.begin_again().await {
                        Some(Ok(())) => {}
                        Some(Err(refused)) => {
                            return Ended {
                                came: Came::NoBudget(refused),
                                ..ended
                            };
                        }
                        None => return ended,
                    }
                    estimate = estimate_of(&asked);
                }
                StructuredVerdict::Never { why } => return ended.failed(Error::Unfit(why)),
                StructuredVerdict::NotWhole => {
                    let error = error.unwrap_or_else(|| Error::Unfit("it is not whole".to_owned()));
                    return ended.failed(error);
                }
            }
        }
    }
}

impl Ended {
    fn failed(mut self, error: Error) -> Self {
        let result = Result::Error(error_of(&error, self.partial().as_deref()));
        self.came = if is_fatal(&error) {
            Came::Fatal
        } else {
            Came::Result(result)
        };
        if let Some(last) = self.tries.last_mut() {
            last.outcome.error = Some(error);
        }
        self
    }

    /// The last of its requests was not sent.
    fn unsent(self, error: Error) -> Self {
        let came = match &error {
            Error::Call {
                source: client::Error::HeldBack { .. },
                ..
            } => Came::HeldBack(error),
            _ => Came::Result(Result::Error(error_of(&error, None))),
        };
        Self { came, ..self }
    }

    /// The text that came of an answer that is not whole.
    fn partial(&self) -> Option<String> {
        let answer = self.tries.last()?.outcome.answer.as_ref()?;
        Some(answer.message.text()).filter(|text| !text.is_empty())
    }
}

/// The error object of a record, with what came of the answer.
pub(super) fn error_of(error: &Error, partial: Option<&str>) -> Value {
    let mut object = error.object()["error"].take();
    if let (Some(fields), Some(text)) = (object.as_object_mut(), partial) {
        fields.insert("text".to_owned(), Value::from(text));
    }
    object
}

/// Whether every other item would fail in the same way: the key is refused, or there is no such
/// model.
fn is_fatal(error: &Error) -> bool {
    let Error::Call {
        source,
        after_content: false,
        ..
    } = error
    else {
        return false;
    };
    error.kind() == Kind::Auth
        || source
            .api()
            .is_some_and(|api| api.available_models().is_some())
}

/// Drives a call to its end; says whether anything was sent. One that is stopped before its end
/// ends as if by a signal.
async fn ask(
    shared: &Arc<Shared>,
    mut call: Call,
    model: &str,
    item: &Item,
    waiting: Waiting,
) -> (Outcome, bool) {
    let mut timing = Timing::start();
    let mut stopping = shared.stopping.clone();
    let mut waiting = Some(waiting);
    let mut was_sent = false;
    let ended = loop {
        while call.next_update().is_some() {}
        let step = tokio::select! {
            biased;
            _ = stopping.wait_for(|stopping| *stopping), if waiting.is_some() => break Err(Stop::Signal(0)),
            step = call.advance() => step,
        };
        match step {
            Err(error) => break Err(Stop::Call(error)),
            Ok(Advance::Finished) => break Ok(()),
            Ok(Advance::Sending) => (waiting, was_sent) = (None, true),
            Ok(Advance::Retrying(retrying)) => {
                timing.refused += u32::from(retrying.error.status() == Some(429));
                waiting = Some(Waiting::new(shared, |shared| &shared.retrying));
                if !shared.shows_progress {
                    shared.tell(
                        shared
                            .told()
                            .retrying(&item.place(), &retrying, Instant::now()),
                    );
                }
            }
            Ok(Advance::Noticed(notice)) => shared.tell(shared.told().once(notice)),
            Ok(Advance::RateLimited(held)) => {
                shared.tell(shared.told().held(&held, Instant::now()));
            }
            Ok(Advance::Head(_) | Advance::Received) => {}
        }
    };
    (
        conclude(call, ended, timing, model, &shared.region).await,
        was_sent,
    )
}
