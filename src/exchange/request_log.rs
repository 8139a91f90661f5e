//! What a request leaves behind: its line in the log, and what its answer teaches about estimates.

use jiff::Timestamp;

use super::driver::Timing;
use crate::app::App;
use crate::cli;
use crate::compose::cache_policy::PromptTokens;
use crate::config::{KeySource, Settings, State};
use crate::error::{Error, Kind};
use crate::input::Estimate;
use crate::protocol::Usage;
use crate::ui::FinalAnswer;
use crate::usage::{COMPLETE, CalibrationFactors, UsageLog, UsageRecord};

/// Where the requests of a command are logged.
pub(crate) struct RequestLog<'a> {
    app: &'a App,
    command: &'static str,
    tag: Option<String>,
    region: String,
    /// None where nothing is to be kept: of scripted answers, or because somebody said so.
    state: Option<State>,
}

/// A request that has ended.
pub(crate) struct RequestRecord<'a> {
    /// The model that was asked.
    pub(crate) model: &'a str,
    /// What was thought that it would read.
    pub(crate) estimate: &'a Estimate,
    /// What the answer says that it took.
    pub(crate) taken: TokenUsage,
    /// How long it took.
    pub(crate) timing: Timing,
    /// How it failed, where it did.
    pub(crate) failure: Option<RequestFailure>,
}

/// What the log has of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestFailure {
    kind: &'static str,
    is_rate_limited: bool,
}

impl RequestFailure {
    /// Returns what the log has of an error. That standard output was closed has no name elsewhere:
    /// the user is not told.
    pub(crate) fn of_error(error: &Error) -> Self {
        let kind = match error.kind() {
            Kind::Closed => "closed",
            kind => kind.name(),
        };
        let status = match error {
            Error::Call { source, .. } => source.status(),
            _ => None,
        };
        Self {
            kind,
            is_rate_limited: status == Some(429),
        }
    }
}

/// The tokens that an answer took; none of any where it never began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct TokenUsage {
    prompt: PromptTokens,
    written: u64,
}

impl TokenUsage {
    /// What an answer says.
    pub(crate) fn of_answer(answer: Option<&FinalAnswer>) -> Self {
        Self::of_usage(answer.map(|answer| &answer.message.usage))
    }

    /// The same where the answer itself is gone.
    pub(crate) fn of_usage(usage: Option<&Usage>) -> Self {
        usage.map_or_else(Self::default, |usage| Self {
            prompt: PromptTokens::from_usage(usage),
            written: usage.output_tokens(),
        })
    }
}

impl<'a> RequestLog<'a> {
    /// A ledger for the requests of a command.
    pub(crate) fn new(
        app: &'a App,
        settings: &Settings,
        command: &'static str,
        ask: &cli::AskArgs,
    ) -> Self {
        let tag = ask.output.tag.clone();
        let is_sent = !matches!(settings.key, KeySource::Demo | KeySource::Replay);
        let is_kept = is_sent && !(app.env.no_log || ask.conversation.no_log);
        let state = if is_kept { State::for_user() } else { None };
        Self {
            app,
            command,
            tag,
            region: settings.endpoint.region().as_str().to_owned(),
            state,
        }
    }

    /// Records further requests as those of another region.
    pub(crate) fn set_region(&mut self, region: &str) {
        region.clone_into(&mut self.region);
    }

    /// What was learned of the estimates for a model.
    pub(crate) fn factor(&self, model: &str, estimate: &Estimate) -> Option<f64> {
        let state = self.state.as_ref()?;
        CalibrationFactors::in_directory(state.directory()).for_model(model, estimate.total().high)
    }

    /// Notes a request. That it cannot be noted is told to those who want to know each step, and
    /// harms nothing else.
    pub(crate) fn record(&self, request: &RequestRecord<'_>) {
        let Some(state) = &self.state else { return };
        if request.timing.is_replayed {
            return;
        }
        if let Err(error) = UsageLog::in_directory(state.directory())
            .append_record(&self.line(request), &self.app.secrets)
        {
            self.app
                .notices
                .log_step(&format!("cannot write the log: {error}"));
        }
        // What a PDF takes says nothing about text.
        if !request.estimate.has_pdf
            && let Err(error) = CalibrationFactors::in_directory(state.directory()).learn_from(
                request.model,
                request.estimate.total().high,
                request.taken.prompt.total,
            )
        {
            self.app.notices.log_step(&format!(
                "cannot save the calibration of token estimates: {error}"
            ));
        }
    }

    fn line(&self, request: &RequestRecord<'_>) -> UsageRecord {
        let TokenUsage { prompt, written } = request.taken;
        UsageRecord {
            ended_at: now(),
            model: request.model.to_owned(),
            region: self.region.clone(),
            command: self.command.to_owned(),
            tag: self.tag.clone(),
            tokens_in: prompt.total.saturating_sub(prompt.read),
            cache: prompt.read,
            cache_write: prompt.short_writes,
            cache_write_1h: prompt.long_writes,
            tokens_out: written,
            waited_s: request.timing.waited.as_secs_f64(),
            refused: request.timing.refused
                + u32::from(
                    request
                        .failure
                        .is_some_and(|failure| failure.is_rate_limited),
                ),
            outcome: request
                .failure
                .map_or(COMPLETE, |failure| failure.kind)
                .to_owned(),
        }
    }
}

/// The time, to the millisecond.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}
