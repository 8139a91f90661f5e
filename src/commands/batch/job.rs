//! One item on its way to its record: its request is sent, and with a schema, invalid answers are
//! sent back until one is valid.
//!
//! When the run stops, requests in flight are completed, and those still waiting are not sent.
//! Every other item ends with a record, or with the reason why the run cannot continue.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use serde_json::Value;
use tokio::sync::{Notify, watch};

use super::plan::Made;
use super::told::Told;
use crate::batch::{BatchBudget, BatchItem, BudgetRefusal, ItemResult};
use crate::client::{self, ApiCall, RateLimited, RetryNotice};
use crate::compose::build::encode_marked_body;
use crate::compose::cache_marks::CacheMarks;
use crate::compose::history_fit::{HistoryStage, fit_history};
use crate::error::{Error, Kind};
use crate::exchange::driver::{CallInterrupted, CallObserver, SendOutcome, Timing};
use crate::exchange::engine::{RequestHead, RequestSender};
use crate::exchange::finish::{AcceptedEndings, stop_reason_error};
use crate::exchange::option_learner::OptionLearner;
use crate::exchange::request_log::RequestFailure;
use crate::exchange::structured::{Repair, RepairSender, SchemaOutcome, retry_until_valid};
use crate::input::Estimate;
use crate::pace::RequestPriority;
use crate::protocol::{
    BilledTokens, CreateMessage, ExactFields, ExactJson, Message, OptionUse, PriceOverride,
    RequestBody, RequestOptions, Update, Usage, model_price, names_cache_marks,
};
use crate::text::Money;
use crate::tool::{SchemaWay, Structured};
use crate::ui::FinalAnswer;

/// The state shared by all jobs.
pub(super) struct Shared {
    pub(super) sender: RequestSender,
    /// Learns which options the models accept from their answers.
    pub(super) learner: OptionLearner,
    pub(super) allow_truncated: bool,
    /// Maximum number of retries: with none, an empty answer is not asked for once more either.
    pub(super) max_retries: u32,
    /// Whether requests of any size are sent.
    pub(super) any_size: bool,
    pub(super) budget: Mutex<BatchBudget>,
    /// The prices that the user sets; none if answers cost nothing.
    pub(super) prices: Option<Vec<PriceOverride>>,
    /// Notified when the budget has changed.
    pub(super) freed: Notify,
    /// Becomes true when no further request is to be started.
    pub(super) stopping: watch::Receiver<bool>,
    /// Notified when a job no longer waits.
    pub(super) moved: Notify,
    /// Number of jobs waiting for their turn.
    pub(super) queued: AtomicUsize,
    /// Number of jobs waiting to retry.
    pub(super) retrying: AtomicUsize,
    /// Number of jobs that wait for the budget to send an answer back.
    pub(super) repairing: AtomicUsize,
    /// Whether progress is shown on the terminal, including the jobs that wait.
    pub(super) shows_progress: bool,
    /// Notices for the user that are not printed yet.
    pub(super) notices: Mutex<Vec<String>>,
    /// What was already reported.
    pub(super) told: Mutex<Told>,
    /// Whether an answer to a request with cache marks has begun.
    pub(super) has_begun_marked: AtomicBool,
}

/// An item to be sent.
pub(super) struct Job {
    pub(super) shared: Arc<Shared>,
    pub(super) item: BatchItem,
    pub(super) made: Made,
    /// The learned ratio of actual tokens to the high estimate, for the model.
    pub(super) factor: Option<f64>,
    /// Counts the job as waiting for its turn.
    pub(super) waiting: Waiting,
}

/// A request that was sent, and what it used.
pub(super) struct Tried {
    pub(super) estimate: Estimate,
    /// The usage that the answer reports.
    pub(super) usage: Option<Usage>,
    pub(super) timing: Timing,
    pub(super) failure: Option<RequestFailure>,
}

/// An item whose job has ended.
pub(super) struct Ended {
    pub(super) item: BatchItem,
    pub(super) hash: String,
    /// The model that was requested.
    pub(super) model: String,
    pub(super) tries: Vec<Tried>,
    /// Whether its requests had marks for the prompt cache.
    pub(super) is_marked: bool,
    /// The way of asking for structured output that worked, if others were tried before.
    pub(super) learned_way: Option<SchemaWay>,
    pub(super) came: Came,
}

/// The outcome of an item.
pub(super) enum Came {
    /// The content of its record.
    Result(ItemResult),
    /// It failed, and every other item is expected to fail in the same way.
    Fatal(Error),
    /// It was not sent: a 429 holds back all items for longer than `--max-wait`.
    HeldBack(Error),
    /// The endpoint refused its cache marks.
    MarksRefused,
    /// The run was stopped before it was sent, so the item has no record.
    Stopped,
    /// The budget does not allow a further request, so the next run starts the item over.
    NoBudget(BudgetRefusal),
}

/// Counts a job as waiting, until it is dropped.
pub(super) struct Waiting(Arc<Shared>, fn(&Shared) -> &AtomicUsize);

impl Waiting {
    /// Counts a job as waiting for its turn.
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
    /// Starts a request that costs at least so much, if the budget allows it.
    pub(super) fn begin(&self, least_cost: Money) -> Result<(), BudgetRefusal> {
        self.budget
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .begin_request(least_cost)
    }

    /// Whether the cost of the run is limited.
    pub(super) fn has_cost_limit(&self) -> bool {
        let budget = self.budget.lock();
        let budget = budget.unwrap_or_else(PoisonError::into_inner);
        budget.max_cost.is_some()
    }

    /// Starts a further request of a job as soon as the budget allows it; `None` if the run is
    /// stopped before.
    async fn begin_again(self: &Arc<Self>) -> Option<Result<(), BudgetRefusal>> {
        let mut stopping = self.stopping.clone();
        let mut waiting = None;
        loop {
            // Created before the check, so that no change in between is missed.
            let freed = self.freed.notified();
            match self.begin(Money::ZERO) {
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

    /// Records that a request to a model has ended, with its usage, or that it was not sent.
    fn end(&self, model: &str, outcome: &SendOutcome) {
        let usage = outcome.answer.as_ref().map(|answer| &answer.message.usage);
        let tokens = usage.map_or(0, |usage| {
            usage.total_input_tokens() + usage.output_tokens()
        });
        let prices = self.prices.as_ref();
        let prices = prices.filter(|_| !outcome.timing.is_replayed);
        let price = prices.and_then(|prices| model_price(model, prices));
        let cost = usage
            .zip(price)
            .map(|(usage, price)| price.cost(BilledTokens::from_usage(usage)));
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        if outcome.was_sent {
            budget.end_request(tokens, cost);
        } else {
            budget.cancel_request();
        }
        drop(budget);
        self.freed.notify_waiters();
    }

    /// Waits until no further request is to be started.
    fn stopping(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let mut stopping = self.stopping.clone();
        Box::pin(async move {
            // If the run has ended, no request is started either.
            let _ = stopping.wait_for(|stopping| *stopping).await;
        })
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a notice, if there is one.
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
    /// Sends the item's requests; the first one is already counted in the budget.
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
            marks,
            request,
            options,
            mut schema,
        } = made;
        let mut attempt = Attempt {
            place: item.describe_place(),
            accepted: AcceptedEndings {
                truncated: shared.allow_truncated && schema.is_none(),
                // With a schema, an empty answer is one that does not match.
                empty: schema.is_some(),
            },
            shared,
            request,
            marks,
            options,
            factor,
            waiting: Some(waiting),
            tries: Vec::new(),
        };
        let mut first = attempt.send(body.clone(), estimate.clone()).await;
        // If the run is stopped before, another run asks about the item from the beginning.
        if attempt.shared.max_retries > 0
            && matches!(first.error, Some(Error::EmptyAnswer(_)))
            && attempt
                .shared
                .begin_again()
                .await
                .is_some_and(|begun| begun.is_ok())
        {
            first = attempt.send(body, estimate).await;
        }
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
            is_marked: !attempt.marks.is_empty(),
            learned_way: schema
                .as_ref()
                .filter(|_| ended.value.is_some())
                .and_then(Structured::learned_way),
            came: Came::Stopped,
        };
        asked.with(ended, schema.is_some())
    }
}

/// An item in progress; each of its requests is checked against the budget.
struct Attempt {
    shared: Arc<Shared>,
    place: String,
    request: CreateMessage,
    /// The marks of its requests for the prompt cache.
    marks: CacheMarks,
    /// The options in its requests that only some models accept.
    options: Vec<OptionUse>,
    factor: Option<f64>,
    accepted: AcceptedEndings,
    /// Counts it as waiting until its next request is sent.
    waiting: Option<Waiting>,
    tries: Vec<Tried>,
}

impl Attempt {
    /// Sends a request and records its usage. A complete answer whose stop reason makes the item
    /// fail gets that as its error.
    async fn send(&mut self, body: RequestBody, estimate: Estimate) -> SendOutcome {
        let shared = &self.shared;
        let waiting = self.waiting.take();
        let mut observer = BatchObserver {
            shared: Arc::clone(shared),
            place: self.place.clone(),
            waiting: Some(waiting.unwrap_or_else(|| Waiting::in_queue(shared))),
            stopping: shared.stopping(),
            is_marked: !self.marks.is_empty(),
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
        // A batch does not report what it learned about options.
        let _ = shared
            .learner
            .learn(&self.request.model, &self.options, &outcome);
        shared.end(&self.request.model, &outcome);
        if outcome.was_sent {
            if let Some(answer) = outcome.whole_answer() {
                outcome.error = stop_reason_error(answer, self.accepted);
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
    /// `None` if the run was stopped.
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
        if !self.marks.is_empty() {
            self.options.push(OptionUse::CACHE_MARKS);
        }
        let parts = [("the answers before".to_owned(), 0)];
        let any_size = self.shared.any_size;
        let body = encode_marked_body(&mut self.request, &self.marks, &parts, any_size);
        let body = body.map_err(Repair::Failed)?;
        match self.shared.begin_again().await {
            Some(Ok(())) => {}
            Some(Err(refused)) => return Err(Repair::Stopped(Some(refused))),
            None => return Err(Repair::Stopped(None)),
        }
        let estimate = Estimate::of_request(&self.request, &[]);
        Ok(self.send(body, estimate).await)
    }
}

/// Follows the requests of an item, and reports only what is new.
struct BatchObserver {
    shared: Arc<Shared>,
    place: String,
    /// Set until the request is sent, and again while it waits to be retried.
    waiting: Option<Waiting>,
    /// Completes when no further request is to be started.
    stopping: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// Whether the beginning of its answer is to be noted: it has marks for the prompt cache.
    is_marked: bool,
}

impl CallObserver for BatchObserver {
    fn update(&mut self, update: &Update, _data: &[u8]) {
        if self.is_marked && update.is_content() {
            self.is_marked = false;
            self.shared.has_begun_marked.store(true, Ordering::Relaxed);
            self.shared.moved.notify_one();
        }
    }

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

    /// Interrupts only a request that waits; one in flight is completed.
    fn poll_interrupted(&mut self, context: &mut Context<'_>) -> Poll<CallInterrupted> {
        if self.waiting.is_none() {
            return Poll::Pending;
        }
        ready!(self.stopping.as_mut().poll(context));
        Poll::Ready(CallInterrupted::Signal(0))
    }
}

impl Ended {
    /// Determines the outcome of an item whose last request has ended.
    fn with(mut self, ended: SchemaOutcome<Option<BudgetRefusal>>, has_schema: bool) -> Self {
        let SchemaOutcome {
            outcome,
            value,
            stopped,
            ..
        } = ended;
        let is_about_marks = self.is_marked && outcome.refusal().is_some_and(names_cache_marks);
        let SendOutcome {
            answer,
            error,
            was_sent,
            ..
        } = outcome;
        self.came = match (error, answer) {
            _ if is_about_marks => Came::MarksRefused,
            // The last answer may have invalid arguments, and was to be sent back.
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

/// Returns the outcome of an item whose last request was not sent.
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

/// Returns the error object for a record. What arrived of the answer is added: its text as `text`,
/// and, if it has more than text, the message object as `answer`.
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

/// Whether every other item would fail in the same way: the key is refused, the model does not
/// exist, or something blocks the rate-limit ledger.
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
