//! What a call shows on the terminal: the answer as it comes, a line while it is waited for, and
//! why it has to wait.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use serde_json::json;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::driver::{CallInterrupted, CallObserver};
use crate::app::App;
use crate::client::{ApiCall, RateLimited, ResponseHead, RetryNotice};
use crate::pace::{RateLimits, WaitReason};
use crate::protocol::Update;
use crate::session::PendingTurn;
use crate::text::{counted, format_seconds, grouped, round_up_to_seconds, without_os_codes};
use crate::ui::{AnswerRenderer, CountdownLine, OutputError, Verbosity, WaitIndicator};

/// Why no request may be sent after a 429.
const HELD_BACK: &str = "a rate limit (HTTP 429) blocks all requests";

/// From this wait on, a user is told how to send in spite of a 429. A ledger blocks for ten minutes
/// at most.
const LONG_HOLD: Duration = Duration::from_secs(5 * 60);

/// Returns why no request may be sent after a 429, and how to send one all the same where that
/// takes long.
pub(crate) fn held_back(expected: Duration) -> String {
    if expected >= LONG_HOLD {
        format!("{HELD_BACK}; to send at once, press Ctrl-C and add --no-pace")
    } else {
        HELD_BACK.to_owned()
    }
}

/// What is waited for where no answer is to be shown.
const LISTING: &str = "waiting for the list of models";

/// What is waited for once the endpoint has begun to answer.
const ANSWERING: &str = "waiting for the first token";

/// The same while the model thinks.
const THINKING: &str = "thinking";

/// The same while parts of an answer come that is shown at its end.
const RECEIVING: &str = "receiving the answer";

/// A request of more bytes than this takes a while to send.
const LARGE_REQUEST_BYTES: usize = 1_000_000;

/// How often a spinner turns.
const SPINNER_TICK: Duration = Duration::from_millis(200);

/// How often a countdown counts.
const COUNTDOWN_TICK: Duration = Duration::from_secs(1);

/// Whether lines that come and go may be drawn.
pub(crate) fn shows_progress(app: &App) -> bool {
    app.facts.stderr_is_terminal
        && !app.env.dumb_terminal
        && app.notices.verbosity() == Verbosity::Normal
}

/// Waits for one turn of a spinner.
pub(crate) async fn spinner_tick() {
    tokio::time::sleep(SPINNER_TICK).await;
}

/// Shows a call to the user. With a renderer it is one for an answer, whose parts are written down
/// in the journal before they are shown; without one, it is for the list of models.
pub(crate) struct TerminalObserver<'a> {
    app: &'a App,
    renderer: Option<&'a mut AnswerRenderer>,
    journal: Option<&'a mut PendingTurn>,
    signal: Pin<Box<dyn Future<Output = i32> + Send + 'a>>,
    closed: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    shown: Option<Shown>,
}

/// The line that comes and goes, and what moves it.
enum Shown {
    Waiting(WaitIndicator, Interval),
    Countdown(CountdownLine, Interval),
}

impl<'a> TerminalObserver<'a> {
    /// Shows an answer.
    pub(crate) fn for_answer(
        app: &'a App,
        renderer: &'a mut AnswerRenderer,
        journal: Option<&'a mut PendingTurn>,
    ) -> Self {
        let closed = renderer.wait_until_closed();
        Self {
            renderer: Some(renderer),
            journal,
            closed: Some(Box::pin(closed)),
            ..Self::for_model_list(app)
        }
    }

    /// Shows that the list of models is waited for.
    pub(crate) fn for_model_list(app: &'a App) -> Self {
        Self {
            app,
            renderer: None,
            journal: None,
            signal: Box::pin(app.interrupt.wait_for_signal()),
            closed: None,
            shown: None,
        }
    }

    fn wait_for(&mut self, what: &'static str) {
        if let Some(Shown::Waiting(waiting, _)) = &mut self.shown {
            waiting.set_subject(what);
        }
    }

    fn count_down(&mut self, reason: &str, then: &'static str, wait: Duration) {
        let countdown = CountdownLine::new(reason, then, wait);
        self.shown = Some(Shown::Countdown(countdown, ticker(COUNTDOWN_TICK)));
    }
}

impl CallObserver for TerminalObserver<'_> {
    fn update(&mut self, update: &Update, data: &[u8]) {
        if let Some(journal) = self.journal.as_deref_mut() {
            journal.record_update(update, data);
        }
        let Some(renderer) = self.renderer.as_deref_mut() else {
            return;
        };
        match update {
            Update::ThinkingStarted | Update::Thinking(_) if !renderer.has_thinking() => {
                if let Some(Shown::Waiting(waiting, _)) = &mut self.shown {
                    waiting.set_subject(THINKING);
                }
            }
            update if update.is_content() && renderer.is_holding() => {
                if let Some(Shown::Waiting(waiting, _)) = &mut self.shown {
                    waiting.set_subject(RECEIVING);
                }
            }
            update if update.is_content() => self.shown = None,
            _ => {} // Not what the user waits for.
        }
        renderer.handle_update(update, data);
    }

    fn flush(&mut self) -> Result<(), CallInterrupted> {
        if let Some(journal) = self.journal.as_deref_mut() {
            journal.flush_journal();
        }
        match self.renderer.as_deref_mut() {
            Some(renderer) => renderer.flush_output().map_err(CallInterrupted::Output),
            None => Ok(()),
        }
    }

    fn sending(&mut self, call: &ApiCall) {
        let what = match &self.renderer {
            None => LISTING,
            Some(_) if call.body_bytes() > LARGE_REQUEST_BYTES => "uploading",
            Some(_) => "waiting for an answer",
        };
        self.shown = None;
        if shows_progress(self.app) {
            self.shown = Some(Shown::Waiting(
                WaitIndicator::new(what),
                ticker(SPINNER_TICK),
            ));
        }
        if self.app.notices.verbosity() < Verbosity::Steps {
            return;
        }
        self.app.notices.log_step(&format!(
            "sending, attempt {}",
            grouped(call.attempt_count())
        ));
        for line in call.request_head() {
            self.app.notices.log_header('>', &line);
        }
        if let Some(place) = call.place_in_record() {
            self.app
                .notices
                .log_header('<', &format!("the answer is {place}"));
        }
    }

    fn response(&mut self, call: &ApiCall, head: &ResponseHead, after: Duration) {
        if self.renderer.is_some() {
            self.wait_for(ANSWERING);
        }
        if self.app.notices.verbosity() < Verbosity::Steps {
            return;
        }
        let id = call
            .request_id()
            .map_or(String::new(), |id| format!(", request id {id}"));
        let (status, after) = (head.status, after.as_secs_f64());
        self.app
            .notices
            .log_step(&format!("HTTP {status} after {after:.3} s{id}"));
        for line in call.shown_headers(&head.headers) {
            self.app.notices.log_header('<', &line);
        }
    }

    fn retrying(&mut self, retrying: &RetryNotice) {
        self.shown = None;
        if let Some(renderer) = self.renderer.as_deref_mut() {
            renderer.write_event(&retry_object(retrying).into());
        }
        if shows_progress(self.app) {
            let (error, next) = (&retrying.error, grouped(retrying.next_attempt));
            let reason = format!("{error} (next attempt: {next})");
            self.count_down(&reason, "retrying", retrying.wait);
        } else {
            self.app.notices.notice(&retry_line(retrying));
        }
    }

    fn rate_limited(&mut self, held: &RateLimited) {
        self.shown = None;
        let reason = match held.why {
            WaitReason::BackOff(_) => held_back(held.expected),
            WaitReason::Limits(limits) => format!("queued to stay within {}", a_minute(limits)),
        };
        if shows_progress(self.app) {
            if held.expected > LONG_HOLD && !held.is_known {
                // The line of the countdown may be too short for it.
                self.app.notices.notice(&reason);
            }
            self.count_down(&reason, "sending", held.expected);
        } else if !held.is_known {
            // A line is not repeated when the wait becomes longer.
            let expected = format_seconds(round_up_to_seconds(held.expected));
            self.app
                .notices
                .notice(&format!("{reason}; sending in about {expected}"));
        }
    }

    fn notice(&mut self, notice: String) {
        self.app.notices.notice(&notice);
    }

    fn poll_interrupted(&mut self, context: &mut Context<'_>) -> Poll<CallInterrupted> {
        if let Poll::Ready(signal) = self.signal.as_mut().poll(context) {
            return Poll::Ready(CallInterrupted::Signal(signal));
        }
        if let Some(closed) = &mut self.closed
            && closed.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(CallInterrupted::Output(OutputError::Closed));
        }
        loop {
            match &mut self.shown {
                None => return Poll::Pending,
                Some(Shown::Waiting(waiting, ticker)) => {
                    ready!(ticker.poll_tick(context));
                    waiting.redraw();
                }
                Some(Shown::Countdown(countdown, ticker)) => {
                    ready!(ticker.poll_tick(context));
                    countdown.redraw();
                }
            }
        }
    }
}

fn ticker(every: Duration) -> Interval {
    let mut ticker = interval(every);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticker.reset();
    ticker
}

/// The wait for the next attempt in one line.
pub(crate) fn retry_line(retrying: &RetryNotice) -> String {
    format!(
        "{}; retrying in {:.1} s (attempt {})",
        retrying.error,
        retrying.wait.as_secs_f64(),
        grouped(retrying.next_attempt)
    )
}

/// Limits in words.
pub(crate) fn a_minute(limits: RateLimits) -> String {
    let requests = limits.requests.map(|limit| counted(limit, "request"));
    let tokens = limits.tokens.map(|limit| counted(limit, "token"));
    let both: Vec<String> = requests.into_iter().chain(tokens).collect();
    format!("{} per minute", both.join(" and "))
}

fn retry_object(retrying: &RetryNotice) -> serde_json::Value {
    json!({
        "type": "retry",
        "attempt": retrying.next_attempt,
        "wait_s": retrying.wait.as_secs_f64(),
        "status": retrying.error.status(),
        "message": without_os_codes(&retrying.error.to_string()),
    })
}
