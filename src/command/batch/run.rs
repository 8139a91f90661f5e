//! A run: begins jobs as long as there are items and room, writes what comes of them, and decides how it ends.

use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::super::ledger::{Ledger, Noted, Taken};
use super::job::{Ended, Job, Shared, Tried, Waiting, error_of};
use super::output::Output;
use super::plan::{Made, Plan};
use super::source::News;
use crate::app::App;
use crate::batch::{Before, Item, Line, Refused, Result as Came, Tally};
use crate::error::Error;
use crate::ui::{Meter, Verbosity};

/// How often the state is shown on a terminal, and elsewhere.
const ON_TERMINAL: Duration = Duration::from_millis(500);
const ELSEWHERE: Duration = Duration::from_secs(30);

/// How many jobs there may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// In all.
    pub(super) jobs: usize,
    /// Of these, waiting for their turn.
    pub(super) queued: usize,
}

/// Why nothing new is begun, though there may be more.
enum Halt {
    Signal(i32),
    /// The rest would fail in the same way, or cannot be read.
    Failed(Error),
    Budget(Refused),
}

/// A run.
pub(super) struct Run<'a> {
    app: &'a App,
    plan: Plan<'a>,
    ledger: Ledger<'a>,
    output: Output,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    room: Room,
    jobs: JoinSet<Ended>,
    /// A request that waits for its budget.
    held: Option<(Item, Made)>,
    has_all: bool,
    halt: Option<Halt>,
    tally: Tally,
    tokens: u64,
    meter: Option<Meter>,
    started: Instant,
}

impl<'a> Run<'a> {
    /// A run that has not begun.
    pub(super) fn new(
        app: &'a App,
        plan: Plan<'a>,
        ledger: Ledger<'a>,
        output: Output,
        (shared, stop): (Arc<Shared>, watch::Sender<bool>),
        room: Room,
    ) -> Self {
        let is_shown = app.facts.stderr_is_terminal && !app.env.dumb_terminal;
        Self {
            app,
            plan,
            ledger,
            output,
            shared,
            stop,
            room,
            jobs: JoinSet::new(),
            held: None,
            has_all: false,
            halt: None,
            tally: Tally::default(),
            tokens: 0,
            meter: (is_shown && app.notices.verbosity() == Verbosity::Normal).then(Meter::start),
            started: Instant::now(),
        }
    }

    /// Goes on until all items are done, or as long as it may.
    pub(super) async fn go(mut self, mut items: mpsc::Receiver<News>) -> Result<(), Error> {
        let app = self.app;
        let mut signal = pin!(app.interrupt.wait());
        let mut closed = pin!(self.output.closed());
        let every = if self.meter.is_some() { ON_TERMINAL } else { ELSEWHERE };
        let mut tick = interval(every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tick.reset();
        let shared = Arc::clone(&self.shared);
        while !self.is_over() {
            self.begin_held();
            tokio::select! {
                biased;
                signal = &mut signal, if !matches!(self.halt, Some(Halt::Signal(_))) => self.interrupt(signal),
                () = &mut closed => return Err(crate::ui::OutputError::Closed.into()),
                Some(ended) = self.jobs.join_next(), if !self.jobs.is_empty() => {
                    self.end(ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())))?;
                }
                news = items.recv(), if self.may_begin() => match news {
                    Some(news) => self.hear(news).await?,
                    None => self.has_all = true,
                },
                () = shared.moved.notified() => {}
                _ = tick.tick() => self.show(),
            }
            self.tell_notices();
        }
        self.close()
    }

    /// Whether a further item may be looked at.
    fn may_begin(&self) -> bool {
        let queued = self.shared.queued.load(Ordering::Relaxed);
        self.halt.is_none()
            && !self.has_all
            && self.held.is_none()
            && self.jobs.len() < self.room.jobs
            && queued < self.room.queued
            && self.output.has_room()
    }

    fn is_over(&self) -> bool {
        self.jobs.is_empty() && (self.halt.is_some() || self.has_all && self.held.is_none())
    }

    async fn hear(&mut self, news: News) -> Result<(), Error> {
        match news {
            News::Total(total) => self.tally.total = Some(total),
            News::Notice(notice) => self.tell(&notice),
            News::Failed(error) => self.halt = Some(Halt::Failed(error)),
            News::Item(item) => self.look_at(item).await?,
        }
        Ok(())
    }

    /// Takes an item at hand, unless it is done, or can be no request.
    async fn look_at(&mut self, mut item: Item) -> Result<(), Error> {
        if item.index == 1 && self.plan.asks_the_same(&item) {
            self.tell("the template has no {field}: every request is the same");
        }
        match self.plan.make(&mut item).await {
            Err(error) => self.refuse(&item, &error)?,
            Ok(made) => match self.output.before(&made.hash, item.index) {
                Some(before) => {
                    self.tally.skip(before == Before::Failed);
                    self.output.take(item.index, None)?;
                }
                None => self.held = Some((item, made)),
            },
        }
        Ok(())
    }

    /// Begins the request that is at hand, if the budget lets it.
    fn begin_held(&mut self) {
        let Some((item, made)) = self.held.take_if(|_| self.halt.is_none()) else { return };
        match self.shared.begin() {
            Ok(()) => {
                let waiting = Waiting::in_queue(&self.shared);
                let wish = self.plan.wish.clone();
                self.jobs.spawn(Job { shared: Arc::clone(&self.shared), item, made, wish, waiting }.run());
            }
            Err(Refused::NotYet) if !self.jobs.is_empty() => self.held = Some((item, made)),
            Err(refused) => self.halt = Some(Halt::Budget(refused)),
        }
    }

    /// Writes the record of an item that is no request.
    fn refuse(&mut self, item: &Item, error: &Error) -> Result<(), Error> {
        self.tally.end(self.started.elapsed(), 0, true);
        let record = Line::write(item, None, Came::Error(error_of(error, None)), None);
        self.write(item.index, Some(record))
    }

    /// Writes the record of an item that was asked, and notes its requests.
    fn end(&mut self, ended: Ended) -> Result<(), Error> {
        let mut usage = Map::new();
        let mut tokens = 0;
        for Tried { estimate, outcome } in &ended.tries {
            let taken = Taken::of(outcome.answer.as_ref());
            let (model, timing) = (&self.plan.model.id, outcome.timing);
            self.ledger.note(&Noted { model, estimate, taken, timing, error: outcome.error.as_ref() });
            if let Some(answer) = &outcome.answer {
                add(&mut usage, &answer.message.usage.0);
                tokens += answer.message.usage.total_input_tokens() + answer.message.usage.output_tokens();
            }
        }
        self.tokens += tokens;
        let index = ended.item.index;
        let Some(result) = ended.result.filter(|_| !ended.is_fatal) else {
            if let (true, None, Some(last)) = (ended.is_fatal, &self.halt, ended.tries.into_iter().next_back()) {
                self.halt = last.outcome.error.map(Halt::Failed);
                self.stop.send_replace(true);
            }
            return self.write(index, None);
        };
        self.tally.end(self.started.elapsed(), tokens, result.is_error());
        let usage = Some(&usage).filter(|usage| !usage.is_empty());
        let record = Line::write(&ended.item, Some(&ended.hash), result, usage);
        self.write(index, Some(record))
    }

    fn write(&mut self, index: u64, record: Option<String>) -> Result<(), Error> {
        let output = &mut self.output;
        match &self.meter {
            Some(meter) if self.app.facts.stdout_is_terminal && !output.can_go_on() => {
                meter.aside(|| output.take(index, record))
            }
            _ => output.take(index, record),
        }
    }

    /// Begins nothing more; what is under way goes on.
    fn interrupt(&mut self, signal: i32) {
        self.halt = Some(Halt::Signal(signal));
        self.stop.send_replace(true);
        let waiting = self.shared.queued.load(Ordering::Relaxed) + self.shared.retrying.load(Ordering::Relaxed);
        let under_way = self.jobs.len().saturating_sub(waiting);
        if under_way > 0 {
            self.tell(&format!(
                "interrupted: {under_way} answers are under way and will be kept; a second time ends at once"
            ));
        }
    }

    /// Says how far it is.
    fn show(&mut self) {
        let mut line = self.tally.line(self.started.elapsed());
        let retrying = self.shared.retrying.load(Ordering::Relaxed);
        if retrying > 0 {
            line.push_str(&format!(", {retrying} waiting to try again"));
        }
        match &self.meter {
            Some(meter) => meter.show(&line),
            None => self.app.notices.notice(&line),
        }
    }

    fn tell_notices(&mut self) {
        let notices = std::mem::take(&mut *self.shared.notices.lock().unwrap_or_else(PoisonError::into_inner));
        // Each job may say the same.
        if let Some(notice) = notices.first() {
            self.tell(notice);
        }
    }

    fn tell(&self, notice: &str) {
        match &self.meter {
            Some(meter) => meter.aside(|| self.app.notices.notice(notice)),
            None => self.app.notices.notice(notice),
        }
    }

    /// Ends the output, and says how it went.
    fn close(mut self) -> Result<(), Error> {
        let is_terminal = self.meter.take().is_some();
        let left_over = self.output.close(self.halt.is_none())?;
        if is_terminal && self.halt.is_none() {
            let line = self.tally.line(self.started.elapsed());
            self.app.notices.notice(&format!("{}; {} tokens", line.split(',').next().unwrap_or_default(), self.tokens));
        }
        if left_over > 0 {
            self.app.notices.notice(&format!("the output also has {left_over} records of other requests"));
        }
        let can_go_on = self.output.can_go_on();
        let done = self.tally.done();
        match self.halt {
            Some(Halt::Signal(signal)) => {
                let how =
                    if can_go_on { "the same command goes" } else { "with --output FILE the same command could go" };
                self.app.notices.notice(&format!("{done} items are done; {how} on from there"));
                Err(Error::Interrupted(signal))
            }
            Some(Halt::Failed(error)) => Err(error),
            Some(Halt::Budget(refused)) => Err(Error::Budget { refused, done, can_go_on }),
            None => match self.tally.failed + self.tally.failed_before {
                0 => Ok(()),
                failed => Err(Error::ItemsFailed { failed, of: done, can_go_on }),
            },
        }
    }
}

/// Adds the counts of an answer to those before it.
fn add(sum: &mut Map<String, Value>, usage: &Map<String, Value>) {
    for (key, value) in usage {
        match (sum.get(key).and_then(Value::as_u64), value.as_u64()) {
            (Some(before), Some(more)) => sum.insert(key.clone(), Value::from(before + more)),
            _ => sum.insert(key.clone(), value.clone()),
        };
    }
}
