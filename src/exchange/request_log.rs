//! What a request leaves behind: its line in the log, and what its answer teaches about estimates.

use jiff::Timestamp;

use crate::app::App;
use crate::cli;
use crate::client;
use crate::config::{KeySource, Settings, State};
use crate::error::{Error, Kind};
use crate::exchange::driver::Timing;
use crate::input::Estimate;
use crate::ui::Answer;
use crate::usage::{COMPLETE, Factors, Log, Record};

/// Where the requests of a command are noted.
pub(crate) struct Ledger<'a> {
    app: &'a App,
    command: &'static str,
    tag: Option<&'a str>,
    region: &'a str,
    /// None where nothing is to be kept: of scripted answers, or because somebody said so.
    state: Option<State>,
}

/// A request that has ended.
pub(crate) struct Noted<'a> {
    /// The model that was asked.
    pub(crate) model: &'a str,
    /// What was thought that it would read.
    pub(crate) estimate: &'a Estimate,
    /// What the answer says that it took.
    pub(crate) taken: Taken,
    /// How long it took.
    pub(crate) timing: Timing,
    /// How it failed, where it did.
    pub(crate) error: Option<&'a Error>,
}

/// The tokens that an answer took; none of any where it never began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    read: u64,
    from_cache: u64,
    written: u64,
}

impl Taken {
    /// What an answer says.
    pub(crate) fn of(answer: Option<&Answer>) -> Self {
        answer.map_or_else(Self::default, |answer| {
            let usage = &answer.message.usage;
            let (read, from_cache) = (usage.total_input_tokens(), usage.cache_read_tokens());
            Self {
                read,
                from_cache,
                written: usage.output_tokens(),
            }
        })
    }
}

impl<'a> Ledger<'a> {
    /// A ledger for the requests of a command.
    pub(crate) fn new(
        app: &'a App,
        settings: &'a Settings,
        command: &'static str,
        ask: &'a cli::Ask,
    ) -> Self {
        let tag = ask.output.tag.as_deref();
        let is_kept =
            !(app.env.no_log || ask.conversation.no_log) && settings.key != KeySource::Demo;
        let state = if is_kept { State::for_user() } else { None };
        Self {
            app,
            command,
            tag,
            region: settings.endpoint.region().as_str(),
            state,
        }
    }

    /// What was learned of the estimates for a model.
    pub(crate) fn factor(&self, model: &str, estimate: &Estimate) -> Option<f64> {
        let state = self.state.as_ref()?;
        Factors::of(state.folder()).of_model(model, estimate.total().high)
    }

    /// Notes a request. That it cannot be noted is told to those who want to know each step, and
    /// harms nothing else.
    pub(crate) fn note(&self, noted: &Noted<'_>) {
        let Some(state) = &self.state else { return };
        if let Err(error) = Log::of(state.folder()).append(&self.record(noted)) {
            self.app
                .notices
                .step(&format!("cannot write the log: {error}"));
        }
        // What a PDF takes says nothing about text.
        if !noted.estimate.has_pdf
            && let Err(error) = Factors::of(state.folder()).learn(
                noted.model,
                noted.estimate.total().high,
                noted.taken.read,
            )
        {
            self.app.notices.step(&format!(
                "cannot keep what was learned about estimates: {error}"
            ));
        }
    }

    fn record(&self, noted: &Noted<'_>) -> Record {
        let Taken {
            read,
            from_cache,
            written,
        } = noted.taken;
        Record {
            ended_at: now(),
            model: noted.model.to_owned(),
            region: self.region.to_owned(),
            command: self.command.to_owned(),
            tag: self.tag.map(str::to_owned),
            tokens_in: read.saturating_sub(from_cache),
            cache: from_cache,
            tokens_out: written,
            waited_s: noted.timing.waited.as_secs_f64(),
            refused: noted.timing.refused + u32::from(noted.error.is_some_and(is_too_many)),
            outcome: noted.error.map_or(COMPLETE, outcome).to_owned(),
        }
    }
}

/// The time, to the millisecond.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

fn is_too_many(error: &Error) -> bool {
    matches!(error, Error::Call { source, .. } if client::Error::status(source) == Some(429))
}

/// The kind of an error. That standard output was closed has no name elsewhere: nobody is told.
fn outcome(error: &Error) -> &'static str {
    match error.kind() {
        Kind::Closed => "closed",
        kind => kind.name(),
    }
}
