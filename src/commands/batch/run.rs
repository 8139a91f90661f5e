//! A run: starts jobs as long as there are items and room for them, writes their records, and
//! decides how to end.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

use super::job::{Came, Ended, Job, Shared, Waiting, error_of};
use super::output::Output;
use super::plan::{Made, Plan};
use super::source::News;
use crate::app::App;
use crate::batch::{
    self, BatchItem, BatchProgress, BudgetRefusal, CostForecast, EarlierOutcome,
    MIN_FORECAST_ITEMS, RecordLine, RequestSample, SAMPLE_REQUESTS,
};
use crate::compose::cache_policy::PromptTokens;
use crate::compose::shared_prefix::PrefixGate;
use crate::compose::user_turn::SILENCE;
use crate::error::Error;
use crate::exchange::request_log::{RequestLog, RequestRecord, TokenUsage};
use crate::protocol::{BilledTokens, Usage};
use crate::text::{Money, counted};
use crate::ui::{InterruptSignal, ProgressLine};

/// How often progress is shown on a terminal, and elsewhere.
const ON_TERMINAL: Duration = Duration::from_millis(500);
const ELSEWHERE: Duration = Duration::from_secs(30);

/// How long the first request waits for a second one before it is sent without marks for the prompt
/// cache.
const MAX_LOOK_AHEAD: Duration = Duration::from_secs(1);

/// How many jobs may run at a time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// All jobs.
    pub(super) jobs: usize,
    /// Those that wait for their turn.
    pub(super) queued: usize,
}

/// Why no further item is started, although there may be more.
enum Halt {
    Signal(i32),
    /// The other items would fail in the same way, or cannot be read.
    Failed(Error),
    Budget(BudgetRefusal),
}

/// What is known for a forecast of the cost, which is made once.
#[derive(Default)]
struct Forecasting {
    is_done: bool,
    /// The mean size of an item in bytes.
    mean_bytes: Option<u64>,
    /// The first request.
    sample: Option<RequestSample>,
}

/// A run in progress.
pub(super) struct Run<'a> {
    app: &'a App,
    plan: Plan<'a>,
    log: RequestLog<'a>,
    output: Output,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    room: Room,
    jobs: JoinSet<Ended>,
    /// Requests that wait for the budget, or for another one to write what they have in common to
    /// the prompt cache: one, or two where the first one is written to it only if another follows.
    held: VecDeque<(BatchItem, Made)>,
    /// Since when the first request waits for another one that may not come.
    alone_since: Option<Instant>,
    /// Items to be sent again, to another model or without marks for the prompt cache.
    again: VecDeque<BatchItem>,
    /// Whether the picked model was replaced by another one.
    has_switched: bool,
    /// Whether the limits have been looked up, and if so, whether that was after the first answer.
    limits_known: Option<bool>,
    has_all: bool,
    /// Number of items read so far.
    seen: u64,
    halt: Option<Halt>,
    tally: BatchProgress,
    tokens: u64,
    /// What the requests have cost at list price; none if there is no price for one of them.
    cost: Option<Money>,
    forecast: Forecasting,
    meter: Option<ProgressLine>,
    started: Instant,
}

/// Completes when a signal that has arrived arrives once more; never before the first one.
async fn repeated_signal(interrupt: &InterruptSignal) {
    let signal = interrupt.wait_for_signal().await;
    if interrupt.wait_for_repeat(signal).await.is_err() {
        // Without a descriptor to wait on, requests in flight are completed.
        std::future::pending::<()>().await;
    }
}

impl<'a> Run<'a> {
    /// Creates a run that has not started.
    pub(super) fn new(
        app: &'a App,
        plan: Plan<'a>,
        log: RequestLog<'a>,
        output: Output,
        (shared, stop): (Arc<Shared>, watch::Sender<bool>),
        room: Room,
    ) -> Self {
        let meter = shared.shows_progress.then(ProgressLine::new);
        Self {
            app,
            plan,
            log,
            output,
            shared,
            stop,
            room,
            jobs: JoinSet::new(),
            held: VecDeque::new(),
            alone_since: None,
            again: VecDeque::new(),
            has_switched: false,
            limits_known: None,
            has_all: false,
            seen: 0,
            halt: None,
            tally: BatchProgress::default(),
            tokens: 0,
            cost: Some(Money::ZERO),
            forecast: Forecasting::default(),
            meter,
            started: Instant::now(),
        }
    }

    /// Processes items until all are done or the run has to stop. `silence` is the notice if no
    /// item arrives for a while. `is_live` says whether whoever writes the items may wait for
    /// answers: then no request waits for another one for long.
    pub(super) async fn go(
        mut self,
        mut items: mpsc::Receiver<News>,
        silence: Option<String>,
        is_live: bool,
    ) -> Result<(), Error> {
        let app = self.app;
        let mut signal = pin!(app.interrupt.wait_for_signal());
        let mut repeated = pin!(repeated_signal(&app.interrupt));
        let mut closed = pin!(self.output.closed());
        let every = if self.meter.is_some() {
            ON_TERMINAL
        } else {
            ELSEWHERE
        };
        let (mut silence, mut is_silent) = (silence, pin!(sleep(SILENCE)));
        let mut tick = interval(every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tick.reset();
        let shared = Arc::clone(&self.shared);
        while !self.is_over() {
            self.begin_held().await?;
            if self.is_over() {
                break;
            }
            if let Some(item) = self
                .again
                .pop_front_if(|_| self.halt.is_none() && self.held.is_empty())
            {
                self.look_at(item).await?;
                continue;
            }
            let lone_end = self.alone_since.unwrap_or_else(Instant::now) + MAX_LOOK_AHEAD;
            tokio::select! {
                biased;
                signal = &mut signal, if !matches!(self.halt, Some(Halt::Signal(_))) => self.interrupt(signal),
                () = &mut repeated, if matches!(self.halt, Some(Halt::Signal(_))) => self.abandon(),
                () = &mut closed => return Err(crate::ui::OutputError::Closed.into()),
                Some(ended) = self.jobs.join_next(), if !self.jobs.is_empty() => {
                    self.end(ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())))?;
                }
                news = items.recv(), if self.may_begin() => {
                    silence = None;
                    match news {
                        Some(news) => self.hear(news).await?,
                        None => self.has_all = true,
                    }
                }
                () = &mut is_silent, if silence.is_some() => self.tell(&silence.take().unwrap_or_default()),
                () = shared.moved.notified() => {}
                () = sleep_until(lone_end), if self.alone_since.is_some() && is_live => {
                    self.begin_alone().await?;
                }
                _ = tick.tick() => self.show(),
            }
            self.tell_notices();
        }
        self.tell_notices();
        self.close()
    }

    /// Whether another item may be read.
    fn may_begin(&self) -> bool {
        let queued = self.shared.queued.load(Ordering::Relaxed);
        self.halt.is_none()
            && !self.has_all
            && self.has_room_to_hold()
            && self.jobs.len() < self.room.jobs
            && queued < self.room.queued
            && self.output.has_room()
    }

    fn is_over(&self) -> bool {
        self.jobs.is_empty()
            && (self.halt.is_some()
                || self.has_all && self.held.is_empty() && self.again.is_empty())
    }

    /// Whether another request may be held: one is looked at ahead of the first that would be
    /// written to the prompt cache.
    fn has_room_to_hold(&self) -> bool {
        let Some((_, made)) = self.held.front() else {
            return true;
        };
        self.held.len() < 2
            && !made.marks.is_empty()
            && self.plan.prefix.gate() == PrefixGate::IfFollowed
    }

    async fn hear(&mut self, news: News) -> Result<(), Error> {
        match news {
            News::Total(total, mean_bytes) => {
                self.tally.total = Some(total);
                self.forecast.mean_bytes = Some(mean_bytes);
            }
            News::Notice(notice) => self.tell(&notice),
            News::Failed(error) => self.halt = Some(Halt::Failed(error)),
            News::Item(mut item) => {
                item.sequence = self.seen;
                self.seen += 1;
                if item.sequence == 1 && self.plan.asks_the_same(&item) {
                    self.tell("the template has no {field}: every request is the same");
                }
                self.look_at(item).await?;
            }
        }
        Ok(())
    }

    /// Prepares an item to be sent, unless it is already done or no request can be built for it.
    async fn look_at(&mut self, mut item: BatchItem) -> Result<(), Error> {
        let has_answers = self.tally.answered > 0;
        if self
            .limits_known
            .is_none_or(|since_an_answer| has_answers && !since_an_answer)
        {
            self.plan.look_up_limits().await?;
            self.limits_known = Some(has_answers);
        }
        match self.plan.make(&mut item).await {
            Err(error) => self.refuse(&item, &error)?,
            Ok(made) => {
                if let Some(before) = self.output.before(&made.hash, item.place()) {
                    self.tally.record_skipped(before == EarlierOutcome::Failed);
                    self.output.take(item.sequence, None)?;
                } else {
                    let plan = &self.plan;
                    let sample = || plan.sample(&item, &made);
                    self.forecast.sample.get_or_insert_with(sample);
                    self.held.push_back((item, made));
                }
            }
        }
        Ok(())
    }

    /// Starts the requests that are ready, if the budget and the prompt cache allow it.
    async fn begin_held(&mut self) -> Result<(), Error> {
        if self.shared.has_begun_marked.load(Ordering::Relaxed) {
            self.plan.prefix.answer_began();
        }
        let alone_since = self.alone_since.take();
        let gate = match self.held.front() {
            Some((_, made)) if !made.marks.is_empty() => self.plan.prefix.gate(),
            _ => PrefixGate::Open,
        };
        match gate {
            PrefixGate::Closed => return Ok(()),
            PrefixGate::IfFollowed if self.held.len() < 2 && self.again.is_empty() => {
                if self.has_all {
                    return self.begin_alone().await;
                }
                self.alone_since = alone_since.or_else(|| Some(Instant::now()));
                return Ok(());
            }
            PrefixGate::Open | PrefixGate::IfFollowed => {}
        }
        self.begin_first();
        Ok(())
    }

    /// Starts a request that no other one follows, without marks: nothing would read what it wrote.
    async fn begin_alone(&mut self) -> Result<(), Error> {
        self.alone_since = None;
        let Some((item, _)) = self.held.pop_front() else {
            return Ok(());
        };
        self.plan.prefix.pause();
        self.look_at(item).await?;
        self.plan.prefix.resume();
        self.begin_first();
        Ok(())
    }

    /// Starts the first request that is held, if the budget allows it.
    fn begin_first(&mut self) {
        // Items in progress are finished first.
        let is_free = self.halt.is_none() && self.shared.repairing.load(Ordering::Relaxed) == 0;
        let Some((item, made)) = self.held.pop_front_if(|_| is_free) else {
            return;
        };
        let settings = self.plan.catalog.settings();
        let price = settings.billed_price(&self.plan.model.id);
        let low_tokens = made.estimate.total().low;
        let least_cost = price.map_or(Money::ZERO, |price| price.least_input_cost(low_tokens));
        self.tell_forecast();
        match self.shared.begin(least_cost) {
            Ok(()) => {
                let waiting = Waiting::in_queue(&self.shared);
                let factor = self.log.factor(&self.plan.model.id, &made.estimate);
                if !made.marks.is_empty() {
                    self.plan.prefix.begin();
                }
                self.jobs.spawn(
                    Job {
                        shared: Arc::clone(&self.shared),
                        item,
                        made,
                        factor,
                        waiting,
                    }
                    .run(),
                );
            }
            Err(BudgetRefusal::NotYet) if !self.jobs.is_empty() => {
                self.held.push_front((item, made));
            }
            Err(refused) => self.halt = Some(Halt::Budget(refused)),
        }
    }

    /// Prints what the run is going to cost, once it is known to have many items: before the first
    /// request, or of a pipe once so many have come.
    fn tell_forecast(&mut self) {
        let Some(sample) = self.forecast.sample.filter(|_| !self.forecast.is_done) else {
            return;
        };
        let left = match self.tally.total {
            Some(total) => total.saturating_sub(self.tally.before),
            None => self.seen,
        };
        let is_known = self.tally.total.is_some();
        if left <= MIN_FORECAST_ITEMS {
            self.forecast.is_done = is_known;
            return;
        }
        self.forecast.is_done = true;
        let settings = self.plan.catalog.settings();
        let Some(price) = settings.billed_price(&self.plan.model.id) else {
            return;
        };
        let (each, requests) = if is_known {
            ("", left)
        } else {
            ("each ", SAMPLE_REQUESTS)
        };
        let mean_bytes = self.forecast.mean_bytes;
        let forecast = CostForecast::new(&price, requests, sample, mean_bytes);
        self.tell(&format!("{each}{forecast}"));
    }

    /// Writes the record of an item for which no request could be built.
    fn refuse(&mut self, item: &BatchItem, error: &Error) -> Result<(), Error> {
        self.tally.record_item(self.started.elapsed(), 0, true);
        let record = RecordLine::format_record(
            item,
            self.plan.shard,
            &self.plan.prompt,
            None,
            batch::ItemResult::Error(error_of(error, None)),
            None,
        );
        self.write(item.sequence, Some(record))
    }

    /// Writes the record of an item whose job has ended, and logs its requests.
    fn end(&mut self, ended: Ended) -> Result<(), Error> {
        let mut usage = Usage::default();
        let mut tokens = 0_u64;
        for tried in &ended.tries {
            self.log.record(&RequestRecord {
                model: &ended.model,
                estimate: &tried.estimate,
                taken: TokenUsage::of_usage(tried.usage.as_ref()),
                timing: tried.timing,
                failure: tried.failure,
            });
            if let Some(taken) = &tried.usage {
                let price = self.plan.catalog.settings().billed_price(&ended.model);
                let tokens_billed = BilledTokens::from_usage(taken);
                // A replayed answer costs nothing, and takes no price away from the others.
                if !tried.timing.is_replayed {
                    self.cost = self
                        .cost
                        .zip(price)
                        .map(|(sum, price)| sum.plus(price.cost(tokens_billed)));
                }
                usage.add_counts(taken);
                tokens = tokens
                    .saturating_add(taken.total_input_tokens())
                    .saturating_add(taken.output_tokens());
            }
        }
        self.tokens = self.tokens.saturating_add(tokens);
        if ended.is_marked {
            let first = ended.tries.first().and_then(|tried| tried.usage.as_ref());
            self.plan.prefix.end(first.map(PromptTokens::from_usage));
        }
        if let Some(way) = ended.learned_way {
            self.plan.learn_way(&ended.model, way);
        }
        let sequence = ended.item.sequence;
        let result = match ended.came {
            Came::Result(result) => result,
            Came::Fatal(error) => {
                if self.halt.is_none() {
                    if self.has_other_model(&ended.model, Some(&error)) {
                        self.again.push_back(ended.item);
                        return Ok(());
                    }
                    self.halt = Some(Halt::Failed(error));
                    self.stop.send_replace(true);
                }
                return self.write(sequence, None);
            }
            Came::MarksRefused => {
                self.plan.prefix.turn_off();
                self.again.push_back(ended.item);
                self.again.extend(self.held.drain(..).map(|(item, _)| item));
                return Ok(());
            }
            Came::Stopped => return self.write(sequence, None),
            Came::HeldBack(error) => {
                self.halt.get_or_insert(Halt::Failed(error));
                self.stop.send_replace(true);
                return self.write(sequence, None);
            }
            Came::NoBudget(refused) => {
                self.halt.get_or_insert(Halt::Budget(refused));
                return self.write(sequence, None);
            }
        };
        self.tally
            .record_item(self.started.elapsed(), tokens, result.is_error());
        let usage = Some(&usage).filter(|usage| !usage.0.is_empty());
        let record = RecordLine::format_record(
            &ended.item,
            self.plan.shard,
            &self.plan.prompt,
            Some(&ended.hash),
            result,
            usage,
        );
        self.write(sequence, Some(record))
    }

    /// Whether a failed item is to be sent to another model because the picked one is gone. The
    /// first such item picks the new model.
    fn has_other_model(&mut self, asked: &str, error: Option<&Error>) -> bool {
        if asked != self.plan.model.id {
            return true;
        }
        if self.has_switched {
            return false;
        }
        let choose = || self.plan.catalog.choose_again(&self.plan.model, error);
        let next = if let Some(meter) = &self.meter {
            meter.suspend_while(choose)
        } else {
            choose()
        };
        let Some(next) = next else { return false };
        self.plan.model = next;
        let is_limited = self.shared.has_cost_limit();
        if is_limited && self.plan.price().is_none() {
            let model = self.plan.model.id.clone();
            self.halt = Some(Halt::Failed(Error::NoListPrice(model)));
        }
        self.has_switched = true;
        self.limits_known = None;
        self.plan.prefix.forget();
        self.shared.has_begun_marked.store(false, Ordering::Relaxed);
        self.again.extend(self.held.drain(..).map(|(item, _)| item));
        true
    }

    fn write(&mut self, sequence: u64, record: Option<String>) -> Result<(), Error> {
        let record = record.map(|record| self.app.secrets.scrub(&record).into_owned());
        let output = &mut self.output;
        match &self.meter {
            Some(meter) if self.app.facts.stdout_is_terminal && !output.can_go_on() => {
                meter.suspend_while(|| output.take(sequence, record))
            }
            _ => output.take(sequence, record),
        }
    }

    /// Starts nothing more; requests in flight are completed.
    fn interrupt(&mut self, signal: i32) {
        self.halt = Some(Halt::Signal(signal));
        self.stop.send_replace(true);
        let waiting = self.shared.queued.load(Ordering::Relaxed)
            + self.shared.retrying.load(Ordering::Relaxed);
        let under_way = self.jobs.len().saturating_sub(waiting);
        if under_way > 0 {
            self.tell(&format!(
                "interrupted: waiting for {}; press Ctrl-C again to stop at once",
                counted(under_way, "answer")
            ));
        }
    }

    /// Abandons the requests in flight; the next run sends them again.
    fn abandon(&mut self) {
        self.jobs = JoinSet::new();
    }

    /// Shows the progress.
    fn show(&mut self) {
        let mut line = self.tally.status_line(self.started.elapsed());
        let retrying = self.shared.retrying.load(Ordering::Relaxed);
        if retrying > 0 {
            line.push_str(&format!(", {retrying} waiting to retry"));
        }
        match &self.meter {
            Some(meter) => meter.set_text(&line),
            None => self.app.notices.notice(&line),
        }
    }

    fn tell_notices(&self) {
        let notices = std::mem::take(
            &mut *self
                .shared
                .notices
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        for notice in &notices {
            self.tell(notice);
        }
    }

    fn tell(&self, notice: &str) {
        match &self.meter {
            Some(meter) => meter.suspend_while(|| self.app.notices.notice(notice)),
            None => self.app.notices.notice(notice),
        }
    }

    /// Closes the output and reports the result.
    fn close(mut self) -> Result<(), Error> {
        let is_terminal = self.meter.take().is_some();
        let left_over = self.output.close(self.halt.is_none())?;
        if is_terminal && self.halt.is_none() {
            let line = self.tally.result_line();
            let cost = self.cost.filter(|cost| *cost > Money::ZERO);
            let cost = cost.map_or_else(String::new, |cost| format!("; list price {cost}"));
            let tokens = counted(self.tokens, "token");
            self.app.notices.notice(&format!("{line}; {tokens}{cost}"));
        }
        if left_over > 0 {
            self.app.notices.notice(&format!(
                "the output also has {} from other requests",
                counted(left_over, "record")
            ));
        }
        let can_go_on = self.output.can_go_on();
        let done = self.tally.done_count();
        debug_assert!(
            self.halt.is_some() || done == self.seen,
            "{done} of {} items have a record",
            self.seen
        );
        match self.halt {
            Some(Halt::Signal(signal)) => {
                let how = if can_go_on {
                    "run the same command to continue"
                } else {
                    "use --output FILE to be able to continue a run"
                };
                self.app
                    .notices
                    .notice(&format!("{} done; {how}", counted(done, "item")));
                Err(Error::Interrupted(signal))
            }
            Some(Halt::Failed(error)) => Err(error),
            Some(Halt::Budget(refused)) => Err(Error::Budget {
                refused,
                done,
                can_go_on,
            }),
            None => match self.tally.failed + self.tally.failed_before {
                0 => Ok(()),
                failed => Err(Error::ItemsFailed {
                    failed,
                    of: done,
                    can_go_on,
                }),
            },
        }
    }
}
