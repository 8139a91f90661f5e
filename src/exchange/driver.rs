//! The one driver: pulls a call, feeds the renderer where there is an answer to show, tells what
//! happens, and ends at once on a signal or a closed output.

use std::pin::pin;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::app::App;
use crate::client::{self, Advance, Call, Held, Model, ResponseHead, Retrying};
use crate::error::{Error, Left};
use crate::exchange::session_recorder::Kept;
use crate::pace::{Limits, Why};
use crate::protocol::Update;
use crate::session::Exchange;
use crate::text::{counted, rounded_up, seconds};
use crate::ui::{Answer, Countdown, OutputError, Renderer, Verbosity, Waiting};

/// How a call ended.
pub(crate) struct Outcome {
    /// The answer, as far as it came; none if it never began.
    pub(crate) answer: Option<Answer>,
    /// What went wrong.
    pub(crate) error: Option<Error>,
    /// How long it took.
    pub(crate) timing: Timing,
}

/// How long an answer took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    started: Instant,
    first_word: Option<Instant>,
    ended: Instant,
    /// Time spent waiting between tries.
    pub(crate) waited: Duration,
    /// Tries that were one too many for a limit, and were followed by another.
    pub(crate) refused: u32,
}

impl Timing {
    /// Begins now.
    pub(crate) fn start() -> Self {
        let now = Instant::now();
        Self {
            started: now,
            first_word: None,
            ended: now,
            waited: Duration::ZERO,
            refused: 0,
        }
    }

    /// From the beginning to the first part of the answer.
    pub(crate) fn first_word(self) -> Option<Duration> {
        self.first_word.map(|at| at - self.started)
    }

    /// From the first part of the answer to its end.
    pub(crate) fn writing(self) -> Duration {
        self.first_word.map_or(Duration::ZERO, |at| self.ended - at)
    }
}

/// Drives `call` to its end. Where the conversation is kept, what comes is written down before it
/// is shown.
pub(crate) async fn drive(
    app: &App,
    model: &str,
    region: &str,
    mut call: Call,
    renderer: &mut Renderer,
    mut kept: Option<&mut Kept>,
) -> Outcome {
    let mut timing = Timing::start();
    let journal = kept.as_deref_mut().and_then(Kept::exchange);
    let ended = pull(app, &mut call, Some(renderer), journal, &mut timing).await;
    let mut outcome = conclude(call, ended, timing, model, region);
    if outcome.error.is_none() {
        app.drop_draft();
    }
    if let (Some(answer), Some(kept)) = (&mut outcome.answer, kept) {
        answer.session_id = kept.id().map(str::to_owned);
    }
    outcome
}

/// What came of a call that has ended in this way.
pub(crate) fn conclude(
    call: Call,
    ended: Result<(), Stop>,
    mut timing: Timing,
    model: &str,
    region: &str,
) -> Outcome {
    timing.ended = Instant::now();
    timing.waited = call.waited();
    let (attempts, waited_s) = (call.attempts(), call.waited().as_secs_f64());
    let region = region.to_owned();
    let as_answer = |message, complete| Answer {
        message,
        region,
        complete,
        attempts,
        waited_s,
        session_id: None,
    };
    let after_content = call.has_content();
    let request_id = call.request_id().map(str::to_owned);
    let left = Left::default();
    let call_error = |source| Error::Call {
        source,
        after_content,
        left,
        attempts,
        model: model.to_owned(),
    };
    let (message, error) = match ended {
        Ok(()) => match call.finish() {
            Ok(message) => (Some(as_answer(message, true)), None),
            Err(source) => (
                None,
                Some(call_error(client::Error::Answer { source, request_id })),
            ),
        },
        Err(Stop::Call(source)) => (
            call.partial().map(|message| as_answer(message, false)),
            Some(call_error(source)),
        ),
        Err(Stop::Output(error)) => (
            call.partial().map(|message| as_answer(message, false)),
            Some(error.into()),
        ),
        Err(Stop::Signal(signal)) => (
            call.partial().map(|message| as_answer(message, false)),
            Some(Error::Interrupted(signal)),
        ),
    };
    Outcome {
        answer: message,
        error,
        timing,
    }
}

/// Drives a call for the list of models to its end.
pub(crate) async fn list_models(app: &App, mut call: Call) -> Result<Vec<Model>, Error> {
    match pull(app, &mut call, None, None, &mut Timing::start()).await {
        Ok(()) => Ok(call.into_models()),
        Err(Stop::Call(source)) => {
            let (attempts, model) = (call.attempts(), String::new());
            Err(Error::Call {
                source,
                after_content: false,
                left: Left::default(),
                attempts,
                model,
            })
        }
        Err(Stop::Output(error)) => Err(error.into()),
        Err(Stop::Signal(signal)) => Err(Error::Interrupted(signal)),
    }
}

/// The same without a word, and with one try only; none where that fails.
pub(crate) async fn list_models_at_once(mut call: Call) -> Option<Vec<Model>> {
    loop {
        match call.advance().await {
            Ok(Advance::Finished) => return Some(call.into_models()),
            Ok(Advance::Retrying(_)) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}

/// What ended a call early.
pub(crate) enum Stop {
    /// It failed.
    Call(client::Error),
    /// The answer could not be written.
    Output(OutputError),
    /// A signal came.
    Signal(i32),
}

async fn pull(
    app: &App,
    call: &mut Call,
    mut renderer: Option<&mut Renderer>,
    mut journal: Option<&mut Exchange>,
    timing: &mut Timing,
) -> Result<(), Stop> {
    let mut signal = pin!(app.interrupt.wait());
    let closed = renderer.as_ref().map(|renderer| renderer.closed());
    let is_shown = closed.is_some();
    let mut closed = pin!(async {
        if let Some(closed) = closed {
            closed.await;
        }
    });
    let mut countdown: Option<Countdown> = None;
    let mut waiting: Option<Waiting> = None;
    loop {
        if let Some(renderer) = renderer.as_deref_mut() {
            show(call, renderer, journal.as_deref_mut(), timing, &mut waiting)?;
        }
        let step = {
            let mut advance = pin!(call.advance());
            loop {
                tokio::select! {
                    biased;
                    signal = &mut signal => break Err(Stop::Signal(signal)),
                    () = &mut closed, if is_shown => break Err(Stop::Output(OutputError::Closed)),
                    step = &mut advance => break step.map_err(Stop::Call),
                    () = a_second(), if countdown.is_some() => countdown.iter().for_each(Countdown::tick),
                    () = a_moment(), if waiting.is_some() => waiting.iter_mut().for_each(Waiting::tick),
                }
            }
        };
        match step? {
            Advance::Received => {}
            Advance::Finished => return Ok(()),
            Advance::Sending => {
                countdown = None;
                let what = if is_shown { sending(call) } else { LISTING };
                waiting = shows_progress(app).then(|| Waiting::start(what));
                app.notices
                    .step(&format!("sending, try {}", call.attempts()));
                for line in call.request_head() {
                    app.notices.header('>', &line);
                }
            }
            Advance::Head(head) => {
                if let Some(waiting) = waiting.as_mut().filter(|_| is_shown) {
                    waiting.change(ANSWERING);
                }
                tell_head(app, call, &head, timing);
            }
            Advance::Retrying(retrying) => {
                waiting = None;
                timing.refused += u32::from(retrying.error.status() == Some(429));
                if let Some(renderer) = renderer.as_deref_mut() {
                    renderer.aside(&retry_object(&retrying));
                }
                countdown = tell_wait(app, &retrying);
            }
            Advance::Held(held) => {
                waiting = None;
                countdown = tell_held(app, &held);
            }
            Advance::Noticed(notice) => app.notices.notice(&notice),
        }
    }
}

/// Shows all that has arrived, before more is read.
fn show(
    call: &mut Call,
    renderer: &mut Renderer,
    mut journal: Option<&mut Exchange>,
    timing: &mut Timing,
    waiting: &mut Option<Waiting>,
) -> Result<(), Stop> {
    while let Some(update) = call.next_update() {
        if timing.first_word.is_none() && update.is_content() {
            timing.first_word = Some(Instant::now());
        }
        if let Some(journal) = journal.as_deref_mut() {
            journal.update(&update, call.event_data());
        }
        match &update {
            Update::Thinking(_) if !renderer.shows_thinking() => {
                if let Some(waiting) = waiting {
                    waiting.change(THINKING);
                }
            }
            update if update.is_content() => *waiting = None,
            _ => {} // No news for who waits.
        }
        renderer.update(&update, call.event_data());
    }
    if let Some(journal) = journal {
        journal.flush();
    }
    renderer.flush().map_err(Stop::Output)
}

/// What is waited for where no answer is to be shown.
const LISTING: &str = "waiting for the list of models";

/// What is waited for once the endpoint has begun to answer.
const ANSWERING: &str = "waiting for the first word";

/// The same while the model reasons.
const THINKING: &str = "thinking";

/// A request of more bytes than this takes a while to send.
const LARGE: usize = 1_000_000;

/// What is waited for while a request is on its way.
fn sending(call: &Call) -> &'static str {
    if call.body_bytes() > LARGE {
        "uploading"
    } else {
        "waiting for an answer"
    }
}

/// Whether lines that come and go may be drawn.
pub(crate) fn shows_progress(app: &App) -> bool {
    app.facts.stderr_is_terminal
        && !app.env.dumb_terminal
        && app.notices.verbosity() == Verbosity::Normal
}

/// Between two looks of a line that comes and goes.
pub(crate) async fn a_moment() {
    tokio::time::sleep(Duration::from_millis(200)).await;
}

async fn a_second() {
    tokio::time::sleep(Duration::from_secs(1)).await;
}

fn tell_head(app: &App, call: &Call, head: &ResponseHead, timing: &Timing) {
    if app.notices.verbosity() < Verbosity::Steps {
        return;
    }
    let id = call
        .request_id()
        .map_or(String::new(), |id| format!(", request id {id}"));
    let after = timing.started.elapsed().as_secs_f64();
    app.notices
        .step(&format!("HTTP {} after {after:.3} s{id}", head.status));
    for line in call.shown_headers(&head.headers) {
        app.notices.header('<', &line);
    }
}

/// Says that there is a wait: a countdown on a terminal, a line elsewhere.
fn tell_wait(app: &App, retrying: &Retrying) -> Option<Countdown> {
    if shows_progress(app) {
        return Some(Countdown::start(
            &reason(retrying),
            "trying again",
            retrying.wait,
        ));
    }
    app.notices.notice(&wait_line(retrying));
    None
}

/// Why a request is to be tried again.
fn reason(retrying: &Retrying) -> String {
    format!("{} (try {} next)", retrying.error, retrying.next_attempt)
}

/// The wait for the next try in one line.
pub(crate) fn wait_line(retrying: &Retrying) -> String {
    format!(
        "{}; trying again in {:.1} s",
        reason(retrying),
        retrying.wait.as_secs_f64()
    )
}

/// Says that there is a wait for the turn to send, in the same way; a line is not repeated when it
/// becomes longer.
fn tell_held(app: &App, held: &Held) -> Option<Countdown> {
    let reason = match held.why {
        Why::HeldBack(_) => HELD_BACK.to_owned(),
        Why::Limits(limits) => format!(
            "within {} it is not yet this request's turn",
            a_minute(limits)
        ),
    };
    if shows_progress(app) {
        return Some(Countdown::start(&reason, "sending", held.expected));
    }
    if !held.is_known {
        app.notices.notice(&format!(
            "{reason}; sending in about {}",
            seconds(rounded_up(held.expected))
        ));
    }
    None
}

/// Why nobody may begin after a 429.
pub(crate) const HELD_BACK: &str = "a rate limit (HTTP 429) holds all requests back";

/// Limits in words.
pub(crate) fn a_minute(limits: Limits) -> String {
    let requests = limits.requests.map(|limit| counted(limit, "request"));
    let tokens = limits.tokens.map(|limit| counted(limit, "token"));
    let both: Vec<String> = requests.into_iter().chain(tokens).collect();
    format!("{} a minute", both.join(" and "))
}

fn retry_object(retrying: &Retrying) -> serde_json::Value {
    json!({
        "type": "retry",
        "attempt": retrying.next_attempt,
        "wait_s": retrying.wait.as_secs_f64(),
        "status": retrying.error.status(),
        "message": retrying.error.to_string(),
    })
}
