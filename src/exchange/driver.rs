//! The one loop over the events of a call: it pulls the call, hands what happens to an observer,
//! and ends when the call does or when the observer wants it to.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::client::{
    self, ApiCall, CallEvent, ListedModel, RateLimited, ResponseHead, RetryNotice,
};
use crate::error::{Error, Left};
use crate::protocol::Update;
use crate::ui::{FinalAnswer, OutputError};

/// Follows a call: the terminal, a batch, the list of models and `doctor` each do so in their way.
pub(crate) trait CallObserver: Send {
    /// Handles a part of the answer, and the data of the event behind it as it came.
    fn update(&mut self, _update: &Update, _data: &[u8]) {}

    /// Writes what has been taken, before more is read.
    fn flush(&mut self) -> Result<(), CallInterrupted> {
        Ok(())
    }

    /// An attempt is about to be sent.
    fn sending(&mut self, _call: &ApiCall) {}

    /// The head of a response has arrived, so long after the call began.
    fn response(&mut self, _call: &ApiCall, _head: &ResponseHead, _after: Duration) {}

    /// An attempt failed, and another one follows after a wait.
    fn retrying(&mut self, _retrying: &RetryNotice) {}

    /// The request waits for its turn within the rate limits.
    fn rate_limited(&mut self, _held: &RateLimited) {}

    /// Something that the user should know.
    fn notice(&mut self, _notice: String) {}

    /// Is ready once the call has to end early. Between events it is polled, and may keep a wait
    /// that is shown moving.
    fn poll_interrupted(&mut self, _context: &mut Context<'_>) -> Poll<CallInterrupted> {
        Poll::Pending
    }
}

/// What ended a call early.
#[derive(Debug)]
pub(crate) enum CallInterrupted {
    /// It failed.
    Failed(client::Error),
    /// The answer could not be written.
    Output(OutputError),
    /// A signal came; 0: nobody wants the answer any more.
    Signal(i32),
}

/// How a request ended.
#[derive(Debug)]
pub(crate) struct SendOutcome {
    /// The answer, as far as it came; none if it never began.
    pub(crate) answer: Option<FinalAnswer>,
    /// What went wrong.
    pub(crate) error: Option<Error>,
    /// How long it took.
    pub(crate) timing: Timing,
    /// Whether anything was sent: a request may end while it waits for its turn.
    pub(crate) was_sent: bool,
    /// Whether the tokens and the timing of the answer were shown.
    pub(super) is_usage_shown: bool,
    /// Whether the answer, which is not what was asked for, was shown on standard error.
    pub(super) is_shown_aside: bool,
}

impl SendOutcome {
    /// The outcome of a request that was not sent.
    pub(crate) fn unsent(error: Error) -> Self {
        Self {
            answer: None,
            error: Some(error),
            timing: Timing::start(),
            was_sent: false,
            is_usage_shown: false,
            is_shown_aside: false,
        }
    }

    /// The answer, where it is whole and nothing went wrong.
    pub(crate) fn whole_answer(&self) -> Option<&FinalAnswer> {
        self.answer
            .as_ref()
            .filter(|answer| answer.complete && self.error.is_none())
    }

    /// Adds what a request took whose answer this one takes the place of.
    pub(super) fn count_in(&mut self, earlier: &Self) {
        let (is_free, was_free) = (self.timing.is_replayed, earlier.timing.is_replayed);
        self.timing.begin_with(earlier.timing);
        if let (Some(answer), Some(earlier)) = (&mut self.answer, &earlier.answer) {
            let context_tokens = answer.message.usage.context_tokens();
            answer.context_tokens.get_or_insert(context_tokens);
            answer.count_in(earlier, is_free, was_free);
        }
    }

    /// Returns the message of a response that refuses the request itself.
    pub(crate) fn refusal(&self) -> Option<&str> {
        let Some(Error::Call {
            source,
            after_content: false,
            ..
        }) = &self.error
        else {
            return None;
        };
        let is_refused = matches!(source.status(), Some(400 | 422));
        Some(source.api().filter(|_| is_refused)?.message.as_str())
    }

    /// Returns the answer if the model finished it, even with arguments that are not a JSON object.
    pub(super) fn finished_answer(&self) -> Option<&FinalAnswer> {
        let is_finished = self.error.as_ref().is_none_or(Error::is_broken_call);
        self.answer.as_ref().filter(|_| is_finished)
    }
}

/// The outcome of a request that went well, where what follows from it failed.
pub(crate) fn failed_with(outcome: SendOutcome, error: Error) -> SendOutcome {
    SendOutcome {
        error: Some(error),
        ..outcome
    }
}

/// How long an answer took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    started: Instant,
    first_token: Option<Instant>,
    ended: Instant,
    /// Time spent waiting between attempts.
    pub(crate) waited: Duration,
    /// Attempts that were refused by a rate limit and followed by another one.
    pub(crate) refused: u32,
    was_sent: bool,
    /// Whether a record answered instead of the endpoint.
    pub(crate) is_replayed: bool,
}

impl Timing {
    fn start() -> Self {
        let now = Instant::now();
        Self {
            started: now,
            first_token: None,
            ended: now,
            waited: Duration::ZERO,
            refused: 0,
            was_sent: false,
            is_replayed: false,
        }
    }

    /// Adds an earlier request whose answer this one's takes the place of.
    fn begin_with(&mut self, earlier: Self) {
        self.started = earlier.started;
        self.first_token = earlier.first_token.or(self.first_token);
        self.waited += earlier.waited;
        self.refused += earlier.refused;
        self.is_replayed &= earlier.is_replayed;
    }

    /// Adds a further request for the same answer.
    pub(super) fn add_part(&mut self, part: Self) {
        self.ended = part.ended;
        self.waited += part.waited;
        self.refused += part.refused;
        self.is_replayed &= part.is_replayed;
    }

    /// From the beginning to the first part of the answer.
    pub(crate) fn time_to_first_token(self) -> Option<Duration> {
        self.first_token.map(|at| at - self.started)
    }

    /// From the first part of the answer to its end.
    pub(crate) fn generation_time(self) -> Duration {
        self.first_token
            .map_or(Duration::ZERO, |at| self.ended - at)
    }
}

/// Drives a call for an answer to its end.
pub(super) async fn drive_answer(
    mut call: ApiCall,
    model: &str,
    region: &str,
    observer: &mut dyn CallObserver,
) -> SendOutcome {
    let mut timing = Timing {
        is_replayed: call.is_replayed(),
        ..Timing::start()
    };
    let ended = drive(&mut call, observer, &mut timing).await;
    timing.ended = Instant::now();
    timing.waited = call.total_wait();
    call.cancel().await;
    let (attempts, waited_s) = (call.attempt_count(), call.total_wait().as_secs_f64());
    let after_content = call.has_content();
    let request_id = call.request_id().map(str::to_owned);
    let as_answer = |message, complete| FinalAnswer {
        message,
        region: region.to_owned(),
        complete,
        attempts,
        waited_s,
        parts: None,
        context_tokens: None,
        cost: None,
        session_id: None,
    };
    let call_error = |source| Error::Call {
        source,
        after_content,
        left: Left::default(),
        attempts,
        model: model.into(),
        left_out: None,
    };
    let (answer, error) = match ended {
        Ok(()) => {
            let (message, wrong) = call.into_message();
            let is_whole = wrong.is_none();
            (
                message.map(|message| as_answer(message, is_whole)),
                wrong.map(|source| call_error(client::Error::Answer { source, request_id })),
            )
        }
        Err(interrupted) => {
            let answer = call.into_partial().map(|message| as_answer(message, false));
            let error = match interrupted {
                CallInterrupted::Failed(source) => call_error(source),
                CallInterrupted::Output(error) => error.into(),
                CallInterrupted::Signal(signal) => Error::Interrupted(signal),
            };
            (answer, Some(error))
        }
    };
    SendOutcome {
        answer,
        error,
        timing,
        was_sent: timing.was_sent,
        is_usage_shown: false,
        is_shown_aside: false,
    }
}

/// Drives a call for the list of models to its end.
pub(crate) async fn drive_model_list(
    mut call: ApiCall,
    observer: &mut dyn CallObserver,
) -> Result<Vec<ListedModel>, Error> {
    match drive(&mut call, observer, &mut Timing::start()).await {
        Ok(()) => Ok(call.into_models()),
        Err(CallInterrupted::Failed(source)) => Err(Error::Call {
            source,
            after_content: false,
            left: Left::default(),
            attempts: call.attempt_count(),
            model: "".into(),
            left_out: None,
        }),
        Err(CallInterrupted::Output(error)) => Err(error.into()),
        Err(CallInterrupted::Signal(signal)) => Err(Error::Interrupted(signal)),
    }
}

async fn drive(
    call: &mut ApiCall,
    observer: &mut dyn CallObserver,
    timing: &mut Timing,
) -> Result<(), CallInterrupted> {
    loop {
        while let Some(update) = call.next_update() {
            if timing.first_token.is_none() && update.is_content() {
                timing.first_token = Some(Instant::now());
            }
            observer.update(&update, call.event_data());
        }
        if let Some(data) = call.error_event() {
            observer.update(&Update::Nothing, data.as_bytes());
        }
        observer.flush()?;
        let event = tokio::select! {
            biased;
            interrupted = poll_fn(|context| observer.poll_interrupted(context)) => {
                return Err(interrupted);
            }
            event = call.advance() => event.map_err(CallInterrupted::Failed)?,
        };
        match event {
            CallEvent::Received => {}
            CallEvent::Finished => return Ok(()),
            CallEvent::Sending => {
                timing.was_sent = true;
                observer.sending(call);
            }
            CallEvent::Head(head) => observer.response(call, &head, timing.started.elapsed()),
            CallEvent::Retrying(retrying) => {
                timing.refused += u32::from(retrying.error.status() == Some(429));
                observer.retrying(&retrying);
            }
            CallEvent::RateLimited(held) => observer.rate_limited(&held),
            CallEvent::Noticed(notice) => observer.notice(notice),
        }
    }
}
