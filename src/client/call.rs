//! One call: sent, read, and tried again until the first part of an answer has arrived. From then on nothing is repeated.
//!
//! It is pulled: `advance` does one step of IO, `next_update` gives what that step brought. Dropping a call cancels it.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Body, Response, StatusCode};
use tokio::time::{Instant, sleep_until};

use super::Client;
use super::ask::Ask;
use super::error::{Error, StatusError};
use super::models::Model;
use super::retry::{self, Failure, Spent};
use super::upload::Upload;
use super::watchdog::Watchdog;
use crate::protocol::{ApiError, Machine, Message, StreamError, Update};

/// How long a connection may stay silent while an answer is streamed: pings come more often.
const IDLE_STREAMED: Duration = Duration::from_secs(120);

/// The same where the answer comes as one: nothing is sent while the model writes.
const IDLE_WHOLE: Duration = Duration::from_secs(600);

/// How much of a body is taken, in bytes, before it is shown: an endless stream must not gather in memory.
const MAX_TAKEN: usize = 256 * 1024;

/// The longest error body that is read, in bytes.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// What a step brought.
#[derive(Debug)]
pub(crate) enum Advance {
    /// A request is about to be sent.
    Sending,
    /// The head of an answer.
    Head(ResponseHead),
    /// A piece of the answer's body: see `next_update`.
    Received,
    /// A try failed, and the next step waits for another one.
    Retrying(Retrying),
    /// The answer is whole.
    Finished,
}

/// The head of an answer, for those who watch.
#[derive(Debug)]
pub(crate) struct ResponseHead {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The headers.
    pub(crate) headers: HeaderMap,
}

/// A try that failed and will be repeated.
#[derive(Debug)]
pub(crate) struct Retrying {
    /// Why.
    pub(crate) error: Error,
    /// How long the wait is.
    pub(crate) wait: Duration,
    /// Which try comes next, counted from 1.
    pub(crate) next_attempt: u32,
}

/// A request on its way to an answer.
#[derive(Debug)]
pub(crate) struct Call {
    client: Client,
    ask: Ask,
    watchdog: Watchdog,
    spent: Spent,
    state: State,
    machine: Machine,
    failure: Option<Error>,
    request_id: Option<String>,
}

#[derive(Debug)]
enum State {
    New,
    Waiting(Instant),
    Sending,
    /// The head had another status than 200; the body says why.
    Refused(Response),
    Reading(Response),
    Broken(Error),
    Ended,
}

impl Call {
    pub(super) fn new(client: Client, ask: Ask) -> Self {
        let silence = if let Ask::Answer { stream: false, .. } = ask { IDLE_WHOLE } else { IDLE_STREAMED };
        let watchdog = Watchdog::new(client.options.idle_timeout.unwrap_or(silence), client.options.timeout);
        Self {
            client,
            ask,
            watchdog,
            spent: Spent::default(),
            state: State::New,
            machine: Machine::default(),
            failure: None,
            request_id: None,
        }
    }

    /// Gives the next update of what has already arrived, none where a further step is needed.
    pub(crate) fn next_update(&mut self) -> Option<Update> {
        if self.failure.is_some() {
            return None;
        }
        match self.machine.next() {
            Ok(update) => update,
            Err(source) => {
                self.failure = Some(self.broken(source));
                None
            }
        }
    }

    /// The data of the event behind the last update, as it came.
    pub(crate) fn event_data(&self) -> &[u8] {
        self.machine.data()
    }

    /// Does the next step.
    pub(crate) async fn advance(&mut self) -> Result<Advance, Error> {
        match self.step().await {
            Ok(advance) => Ok(advance),
            Err(error) => self.retry_or_fail(error),
        }
    }

    /// Tries so far, the present one included.
    pub(crate) fn attempts(&self) -> u32 {
        self.spent.retries + 1
    }

    /// Time spent waiting between tries.
    pub(crate) fn waited(&self) -> Duration {
        self.spent.waited
    }

    /// Whether a part of the answer has come.
    pub(crate) fn has_content(&self) -> bool {
        self.machine.has_content()
    }

    /// The request's id, once the server has said it.
    pub(crate) fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// The request's line and headers as they are sent, the key masked, for those who watch.
    pub(crate) fn request_head(&self) -> Vec<String> {
        let mut lines = vec![format!("{} {}", self.ask.method(), self.ask.url(&self.client))];
        lines.extend(self.ask.body().map(|body| format!("content-length: {}", body.len())));
        lines.extend(self.shown_headers(&self.ask.headers(&self.client)));
        lines
    }

    /// Headers as lines, without the key wherever it stands.
    pub(crate) fn shown_headers(&self, headers: &HeaderMap) -> Vec<String> {
        let line = |(name, value): (&HeaderName, &HeaderValue)| {
            let value =
                if value.is_sensitive() { "[API key]".into() } else { String::from_utf8_lossy(value.as_bytes()) };
            self.client.scrub(&format!("{name}: {value}"))
        };
        headers.iter().map(line).collect()
    }

    /// Gives the whole message, or says why there is none.
    pub(crate) fn finish(self) -> Result<Message, StreamError> {
        self.machine.finish().map_err(|error| self.client.scrub_answer(error))
    }

    /// Gives the message as far as it came; none if it never began.
    pub(crate) fn partial(self) -> Option<Message> {
        self.machine.partial()
    }

    /// Gives the models of a list that has ended.
    pub(crate) fn into_models(self) -> Vec<Model> {
        match self.ask {
            Ask::Models(listing) => listing.into_models(),
            Ask::Answer { .. } => Vec::new(),
        }
    }

    async fn step(&mut self) -> Result<Advance, Error> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        match std::mem::replace(&mut self.state, State::Ended) {
            State::New => {
                self.state = State::Sending;
                Ok(Advance::Sending)
            }
            State::Waiting(until) => {
                // The state stays what it is until the wait is over, so that a step that was dropped can be taken again.
                self.state = State::Waiting(until);
                sleep_until(until).await;
                self.state = State::Sending;
                Ok(Advance::Sending)
            }
            State::Sending => self.send().await,
            State::Refused(response) => Err(self.status_error(response).await),
            State::Reading(response) => self.read(response).await,
            // What follows a whole answer cannot harm it.
            State::Broken(_) if self.machine.is_finished() => Ok(Advance::Finished),
            State::Broken(error) => Err(error),
            State::Ended => Ok(Advance::Finished),
        }
    }

    async fn send(&mut self) -> Result<Advance, Error> {
        let mut request = self.client.http.request(self.ask.method(), self.ask.url(&self.client));
        request = request.headers(self.ask.headers(&self.client));
        if let Some(body) = self.ask.body() {
            request = request.body(Body::wrap(Upload::new(body.clone(), self.watchdog.activity())));
        }
        let response = self.watchdog.watch(request.send()).await.map_err(Error::TimedOut)?;
        let response = response.map_err(|error| self.transport(&error))?;
        self.request_id = request_id(response.headers()).map(|id| self.client.scrub(&id));
        let head = ResponseHead { status: response.status().as_u16(), headers: response.headers().clone() };
        let accepted = response.status() == StatusCode::OK;
        self.state = if accepted { State::Reading(response) } else { State::Refused(response) };
        Ok(Advance::Head(head))
    }

    async fn read(&mut self, mut response: Response) -> Result<Advance, Error> {
        if self.machine.is_finished() {
            return Ok(Advance::Finished);
        }
        let arrived = self.watchdog.watch(response.chunk()).await.map_err(Error::TimedOut)?;
        if let Ask::Models(listing) = &mut self.ask {
            let no_list = |excerpt: String| Error::NoModelList { excerpt: self.client.scrub(&excerpt) };
            self.state = match arrived {
                Ok(Some(bytes)) => listing.push(&bytes).map(|()| State::Reading(response)).map_err(no_list)?,
                Ok(None) if listing.turn_page().map_err(no_list)? => State::New,
                Ok(None) => return Ok(Advance::Finished),
                Err(error) => return Err(self.transport(&error)),
            };
            return Ok(Advance::Received);
        }
        match arrived {
            Ok(Some(bytes)) => {
                self.machine.push(&bytes);
                self.state = self.take_what_has_arrived(response).await;
                Ok(Advance::Received)
            }
            Ok(None) if self.machine.has_ended() => Err(self.broken(StreamError::Cut)),
            Ok(None) => {
                self.machine.end();
                self.state = State::Reading(response);
                Ok(Advance::Received)
            }
            Err(error) => Err(self.transport(&error)),
        }
    }

    /// Takes what else has arrived, so that it is shown at once and not piece by piece. What goes wrong here is told after
    /// what came before it.
    async fn take_what_has_arrived(&mut self, mut response: Response) -> State {
        let mut taken = 0;
        while taken < MAX_TAKEN {
            match ready_now(response.chunk()).await {
                None => break,
                Some(Ok(Some(bytes))) => {
                    taken += bytes.len();
                    self.machine.push(&bytes);
                }
                Some(Ok(None)) => {
                    self.machine.end();
                    break;
                }
                Some(Err(error)) => return State::Broken(self.transport(&error)),
            }
        }
        State::Reading(response)
    }

    fn retry_or_fail(&mut self, error: Error) -> Result<Advance, Error> {
        self.state = State::Ended;
        if self.machine.has_content() {
            return Err(error);
        }
        let failure = error.failure();
        let now = Instant::now();
        let fits = |wait: &Duration| self.watchdog.deadline().is_none_or(|deadline| now + *wait < deadline);
        let Some(wait) = self.client.options.retry.decide(&self.spent, &failure, fastrand::f64()).filter(fits) else {
            return Err(error);
        };
        self.spent.retries += 1;
        self.spent.timeouts += u32::from(failure == Failure::TimedOut);
        self.spent.waited += wait;
        self.machine = Machine::default();
        if let Ask::Models(listing) = &mut self.ask {
            listing.forget_page();
        }
        self.state = State::Waiting(now + wait);
        Ok(Advance::Retrying(Retrying { error, wait, next_attempt: self.attempts() }))
    }

    fn broken(&self, source: StreamError) -> Error {
        Error::Answer { source: self.client.scrub_answer(source), request_id: self.request_id.clone() }
    }

    fn transport(&self, error: &reqwest::Error) -> Error {
        Error::from_transport(error, self.client.endpoint.host(), self.client.options.connect_timeout)
    }

    async fn status_error(&mut self, mut response: Response) -> Error {
        let status = response.status();
        let retry_after = retry::retry_after(response.headers(), SystemTime::now());
        let should_retry = retry::should_retry(response.headers());
        let text = |value: &HeaderValue| self.client.scrub(&String::from_utf8_lossy(value.as_bytes()));
        let location = response.headers().get(LOCATION).filter(|_| status.is_redirection()).map(text);
        let mut body = Vec::new();
        // What cannot be read of an error's body does not hide the error.
        while let Ok(Ok(Some(bytes))) = self.watchdog.watch(response.chunk()).await {
            body.extend_from_slice(&bytes);
            if body.len() > MAX_ERROR_BYTES {
                break;
            }
        }
        let api = self.client.scrub_api(ApiError::from_body(status.canonical_reason(), &body));
        let request_id = self.request_id.clone().or_else(|| api.request_id.clone());
        Error::Status(Box::new(StatusError {
            status: status.as_u16(),
            api,
            request_id,
            location,
            retry_after,
            should_retry,
        }))
    }
}

/// The output of `future` if it is ready now, or as soon as the other tasks have had a turn: the connection is one, and hands
/// over what it has read piece by piece.
async fn ready_now<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut others_had_a_turn = false;
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if std::mem::replace(&mut others_had_a_turn, true) => Poll::Ready(None),
        Poll::Pending => {
            context.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await
}

/// The request's id: Anthropic's header, or that of a gateway or of AWS.
fn request_id(headers: &HeaderMap) -> Option<String> {
    ["request-id", "x-request-id", "x-amzn-requestid"]
        .iter()
        .find_map(|name| headers.get(*name)?.to_str().ok().map(str::to_owned))
}
