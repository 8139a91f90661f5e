//! One item on its way to its record: asked, and with a schema asked again until the answer fits.
//!
//! Once nothing new is to be begun, a try that is under way goes on to its end, and one that still
//! waits is not begun. Any other way that an item may go ends with its record, or says why the run
//! cannot go on.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::{Notify, watch};

use super::plan::Made;
use super::told::Told;
use crate::batch::{BatchBudget, BatchItem, BudgetRefusal, ItemResult};
use crate::client::{self, ApiCall, RateLimited, RetryNotice};
use crate::compose::build::encode_body;
use crate::compose::history_fit::{HistoryStage, fit_history};
use crate::error::{Error, Kind};
use crate::exchange::driver::{CallInterrupted, CallObserver, SendOutcome, Timing};
use crate::exchange::engine::{RequestHead, RequestSender};
use crate::exchange::finish::stop_reason_error;
use crate::exchange::option_learner::OptionLearner;
use crate::exchange::request_log::RequestFailure;
use crate::exchange::structured::{Repair, RepairSender, SchemaOutcome, retry_until_valid};
use crate::input::Estimate;
use crate::pace::RequestPriority;
use crate::protocol::{
    CreateMessage, ExactFields, ExactJson, Message, OptionUse, RequestOptions, Usage,
};
use crate::tool::{SchemaWay, Structured};
use crate::ui::FinalAnswer;

/// What all jobs share.
pub(super) struct Shared {
    pub(super) sender: RequestSender,
    /// Learns from the answers which options the model accepts.
    pub(super) learner: OptionLearner,
    pub(super) allow_truncated: bool,
    /// Whether a request of any size is fine.
    pub(super) any_size: bool,
    pub(super) budget: Mutex<BatchBudget>,
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
    /// What a user should know.
    pub(super) notices: Mutex<Vec<String>>,
    /// What was told.
    pub(super) told: Mutex<Told>,
}

/// An item that is to be asked.
pub(super) struct Job {
    pub(super) shared: Arc<Shared>,
    pub(super) item: BatchItem,
    pub(super) made: Made,
    /// What was learned of the estimates for the model.
    pub(super) factor: Option<f64>,
    /// Its place in the queue.
    pub(super) waiting: Waiting,
}

/// A request that has been sent, and what it took.
pub(super) struct Tried {
    pub(super) estimate: Estimate,
    /// What the answer says that it took.
    pub(super) usage: Option<Usage>,
    pub(super) timing: Timing,
    pub(super) failure: Option<RequestFailure>,
}

/// An item that was asked.
pub(super) struct Ended {
    pub(super) item: BatchItem,
    pub(super) hash: String,
    /// The model that was asked.
    pub(super) model: String,
    pub(super) tries: Vec<Tried>,
    /// The way in which the model answered, where it did not take to another one.
    pub(super) learned_way: Option<SchemaWay>,
    pub(super) came: Came,
}

/// What came of an item that was asked.
pub(super) enum Came {
    /// What its record is to have.
    Result(ItemResult),
    /// It failed as every other item is expected to.
    Fatal(Error),
    /// It was not sent, since a 429 holds back all items for longer than may be waited.
    HeldBack(Error),
    /// The run was stopped before: it is as if it had not been begun.
    Stopped,
    /// The budget does not let it be asked to its end: another run asks from the beginning.
    NoBudget(BudgetRefusal),
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
    pub(super) fn begin(&self) -> Result<(), BudgetRefusal> {
        self.budget
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .begin_request()
    }

    /// Begins a further request of a job, as soon as the budget lets it; none where the run is
    /// stopped before.
    async fn begin_again(self: &Arc<Self>) -> Option<Result<(), BudgetRefusal>> {
        let mut stopping = self.stopping.clone();
        let mut waiting = None;
        loop {
            // What changes from here on is heard.
            let freed = self.freed.notified();
            match self.begin() {
                Err(BudgetRefusal::NotYet) => {
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
    fn end(&self, outcome: &SendOutcome) {
        let usage = outcome.answer.as_ref().map(|answer| &answer.message.usage);
        let tokens = usage.map_or(0, |usage| {
            usage.total_input_tokens() + usage.output_tokens()
        });
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        if outcome.was_sent {
            budget.end_request(tokens);
        } else {
            budget.cancel_request();
        }
        drop(budget);
        self.freed.notify_waiters();
    }

    /// Waits until nothing new is to be begun.
    fn stopping(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let mut stopping = self.stopping.clone();
        Box::pin(async move {
            // Where the run is gone, nothing new is begun either.
            let _ = stopping.wait_for(|stopping| *stopping).await;
        })
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
            factor,
            waiting,
        } = self;
        let Made {
            body,
            hash,
            estimate,
            request,
            options,
            mut schema,
        } = made;
        let mut attempt = Attempt {
            place: item.describe_place(),
            allow_truncated: shared.allow_truncated && schema.is_none(),
            shared,
            request,
            options,
            factor,
            waiting: Some(waiting),
            tries: Vec::new(),
        };
        let first = attempt.send(body, estimate).await;
        let ended = match &mut schema {
            Some(schema) => retry_until_valid(schema, first, &mut attempt).await,
            None => SchemaOutcome {
                outcome: first,
                value: None,
                rejected: None,
                stopped: None,
            },
        };
        let asked = Ended {
            item,
            hash,
            model: attempt.request.model,
            tries: attempt.tries,
            learned_way: schema
                .as_ref()
                .filter(|_| ended.value.is_some())
                .and_then(Structured::learned_way),
            came: Came::Stopped,
        };
        asked.with(ended, schema.is_some())
    }
}

/// An item under way: each of its requests is sent within the budget.
struct Attempt {
    shared: Arc<Shared>,
    place: String,
    request: CreateMessage,
    /// What its requests use that only some models accept.
    options: Vec<OptionUse>,
    factor: Option<f64>,
    allow_truncated: bool,
    /// Its place in the queue, until its next request is sent.
    waiting: Option<Waiting>,
    tries: Vec<Tried>,
}

impl Attempt {
    /// Sends a request, and notes what it took. A whole answer with a stop reason that fails the
    /// item has that as its error.
    async fn send(&mut self, body: Bytes, estimate: Estimate) -> SendOutcome {
        let shared = &self.shared;
        let waiting = self.waiting.take();
        let mut observer = BatchObserver {
            shared: Arc::clone(shared),
            place: self.place.clone(),
            waiting: Some(waiting.unwrap_or_else(|| Waiting::in_queue(shared))),
            stopping: shared.stopping(),
        };
        let head = RequestHead {
            model: &self.request.model,
            max_tokens: self.request.max_tokens,
            stream: self.request.stream,
            input_tokens: estimate.paced(self.factor),
            priority: RequestPriority::Batch,
        };
        let mut outcome = shared.sender.send(head, body, &mut observer).await;
        drop(observer);
        // A run says nothing of what it remembers.
        let _ = shared
            .learner
            .learn(&self.request.model, &self.options, &outcome);
        shared.end(&outcome);
        if outcome.was_sent {
            if let Some(answer) = outcome.whole_answer() {
                outcome.error = stop_reason_error(answer, self.allow_truncated);
            }
            self.tries.push(Tried {
                estimate,
                usage: outcome
                    .answer
                    .as_ref()
                    .map(|answer| answer.message.usage.clone()),
                timing: outcome.timing,
                failure: outcome.error.as_ref().map(RequestFailure::of_error),
            });
        }
        outcome
    }
}

impl RepairSender for Attempt {
    /// None: the run was stopped.
    type Stopped = Option<BudgetRefusal>;

    fn request(&mut self) -> &mut CreateMessage {
        &mut self.request
    }

    async fn send_again(
        &mut self,
        _why: Option<&str>,
    ) -> Result<SendOutcome, Repair<Option<BudgetRefusal>>> {
        let fitted = fit_history(&mut self.request, HistoryStage::WithinTurn);
        fitted.map_err(|error| Repair::Failed(error.into()))?;
        self.options = RequestOptions::of_request(&self.request).uses();
        let parts = [("the answers before".to_owned(), 0)];
        let body = encode_body(&self.request, &parts, self.shared.any_size);
        let body = body.map_err(Repair::Failed)?;
        match self.shared.begin_again().await {
            Some(Ok(())) => {}
            Some(Err(refused)) => return Err(Repair::Stopped(Some(refused))),
            None => return Err(Repair::Stopped(None)),
        }
        let estimate = Estimate::of_request(&self.request, &[]);
        Ok(self.send(body.into(), estimate).await)
    }
}

/// Follows the requests of an item, and has what is news told.
struct BatchObserver {
    shared: Arc<Shared>,
    place: String,
    /// Until the request is sent, and again while it waits to be retried.
    waiting: Option<Waiting>,
    /// Ready once nothing new is to be begun.
    stopping: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl CallObserver for BatchObserver {
    fn sending(&mut self, _call: &ApiCall) {
        self.waiting = None;
    }

    fn retrying(&mut self, retrying: &RetryNotice) {
        let shared = &self.shared;
        self.waiting = Some(Waiting::new(shared, |shared| &shared.retrying));
        if !shared.shows_progress {
            let news = shared
                .told()
                .retrying(&self.place, retrying, Instant::now());
            shared.tell(news);
        }
    }

    fn rate_limited(&mut self, held: &RateLimited) {
        let news = self.shared.told().held(held, Instant::now());
        self.shared.tell(news);
    }

    fn notice(&mut self, notice: String) {
        let news = self.shared.told().once(notice);
        self.shared.tell(news);
    }

    /// What is under way is waited for; only what waits is stopped.
    fn poll_interrupted(&mut self, context: &mut Context<'_>) -> Poll<CallInterrupted> {
        if self.waiting.is_none() {
            return Poll::Pending;
        }
        ready!(self.stopping.as_mut().poll(context));
        Poll::Ready(CallInterrupted::Signal(0))
    }
}

impl Ended {
    /// Decides what comes of an item whose last request has ended.
    fn with(mut self, ended: SchemaOutcome<Option<BudgetRefusal>>, has_schema: bool) -> Self {
        let SchemaOutcome {
            outcome,
            value,
            stopped,
            ..
        } = ended;
        let SendOutcome {
            answer,
            error,
            was_sent,
            ..
        } = outcome;
        self.came = match (error, answer) {
            // The last answer may have arguments that are no JSON, and was to be sent back.
            _ if stopped.is_some() => stopped.flatten().map_or(Came::Stopped, Came::NoBudget),
            (Some(Error::Interrupted(_)), _) => Came::Stopped,
            (Some(error), _) if !was_sent => unsent(error),
            (Some(error), answer) => self.failed(error, answer.as_ref()),
            (None, _) if value.is_some() => {
                let value = value.unwrap_or_default();
                Came::Result(ItemResult::Text(value.to_string()))
            }
            (None, Some(answer)) if !has_schema => {
                Came::Result(ItemResult::from_message(&answer.message))
            }
            (None, answer) => {
                let error = Error::Unfit("it is not whole".to_owned());
                self.failed(error, answer.as_ref())
            }
        };
        self
    }

    fn failed(&mut self, error: Error, answer: Option<&FinalAnswer>) -> Came {
        if let Some(last) = self.tries.last_mut() {
            last.failure = Some(RequestFailure::of_error(&error));
        }
        if is_fatal(&error) {
            return Came::Fatal(error);
        }
        let partial = answer.map(|answer| &answer.message);
        Came::Result(ItemResult::Error(error_of(&error, partial)))
    }
}

/// What comes of an item whose last request was not sent.
fn unsent(error: Error) -> Came {
    match &error {
        Error::Call {
            source: client::Error::HeldBack { .. },
            ..
        } => Came::HeldBack(error),
        _ if is_fatal(&error) => Came::Fatal(error),
        _ => Came::Result(ItemResult::Error(error_of(&error, None))),
    }
}

/// The error object of a record, with what arrived of the answer: its text as `text`, and the
/// message object as `answer` if it has more than text.
pub(super) fn error_of(error: &Error, partial: Option<&Message>) -> ExactJson {
    let object = ExactJson::from(error.object()["error"].take());
    let mut fields = ExactFields::from_object(object).unwrap_or_default();
    if let Some(partial) = partial {
        let text = partial.text();
        if !text.is_empty() {
            fields.insert("text", Value::from(text));
        }
        if let ItemResult::Message(message) = ItemResult::from_message(partial) {
            fields.insert("answer", message);
        }
    }
    ExactJson::from_value(&fields)
}

/// Whether every other item would fail in the same way: the key is refused, there is no such model,
/// or something is in the way of the rate-limit ledger.
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
        || matches!(source, client::Error::LedgerObstructed(_))
        || source
            .api()
            .is_some_and(|api| api.available_models().is_some())
}
