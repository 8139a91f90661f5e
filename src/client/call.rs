//! One call: sent, read, and tried again until the first part of an answer has arrived. From then
//! on nothing is repeated.
//!
//! It is pulled: `advance` does one step of IO, `next_update` gives what that step brought. A call
//! that is given up before its end is cancelled by `cancel`, which gives back what it has reserved;
//! what is only dropped keeps that until it lapses.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use reqwest::header::{CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Body, StatusCode};
use tokio::time::{Instant, sleep_until};

use super::ApiClient;
use super::api_request::{ApiRequest, ListFlaw};
use super::attempt_response::AttemptResponse;
use super::call_event::{CallEvent, RateLimited, ResponseHead, RetryNotice};
use super::error::{CallTimeout, Error, StatusError};
use super::exchange_recorder::OutgoingRequest;
use super::models::ListedModel;
use super::pacer::{CallPacer, QueueWait};
use super::proxy_refusal::sending_error;
use super::read_coalescer::ReadCoalescer;
use super::reservation::{Reservation, report_of};
use super::retry::{self, CallFailure, RetryState};
use super::upload::UploadBody;
use super::watchdog::CallWatchdog;
use crate::pace::{RequestOutcome, WaitReason};
use crate::protocol::{ApiError, Message, MessageStream, RequestBody, StreamError, Update};
use crate::recording::{RecordedAnswer, RecordedAnswers, ReplayPace};

/// How long a connection may stay silent while an answer is streamed: pings come more often.
const IDLE_STREAMED: Duration = Duration::from_secs(120);

/// The same where the answer comes as one: nothing is sent while the model writes.
const IDLE_WHOLE: Duration = Duration::from_secs(600);

/// How much of a body is read ahead, in bytes, before it is shown: an endless stream must not
/// accumulate in memory.
const MAX_READ_AHEAD: usize = 256 * 1024;

/// A wait for admission longer than this is reported.
const TOLD: Duration = Duration::from_secs(1);

/// How long all calls back off after a 429 that does not say how long, where this call does not try
/// again.
const DEFAULT_BACK_OFF: Duration = Duration::from_secs(2);

/// How long a cancelled call tries to give back its reservation: who cancelled it waits for that.
const RELEASE_TIMEOUT: Duration = Duration::from_millis(200);

/// How long the rest of a body is read after the end of the answer.
const BODY_DRAIN_TIMEOUT: Duration = Duration::from_millis(200);

/// How long the library gets to return a connection to its pool once the answer has been read.
const POOL_RETURN_DELAY: Duration = Duration::from_millis(1);

/// The longest error body that is read, in bytes.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// A request on its way to an answer.
#[derive(Debug)]
pub(crate) struct ApiCall {
    client: ApiClient,
    request: ApiRequest,
    watchdog: CallWatchdog,
    pacer: CallPacer,
    /// The end of the wait that was last reported.
    told_until: Option<Instant>,
    retry_state: RetryState,
    state: CallState,
    machine: MessageStream,
    coalescer: ReadCoalescer,
    failure: Option<Error>,
    request_id: Option<String>,
    /// Whether another call is to follow over the same connection.
    keeps_connection: bool,
    /// The record that answers instead of the endpoint.
    answers: Option<Arc<RecordedAnswers>>,
    /// What it has for the current attempt.
    answer: Option<RecordedAnswer>,
}

#[derive(Debug)]
enum CallState {
    New,
    Waiting(Instant),
    /// For its turn.
    Queued,
    Sending,
    /// The head had a status other than 200; the body says why.
    Refused(AttemptResponse),
    Reading(AttemptResponse),
    Broken(Error),
    Ended,
}

/// Reads the end of a body, so that its connection can be used again. It comes along with the last
/// event, or a moment later; if not, there will be another connection.
async fn drain_body(mut response: AttemptResponse, client: &ApiClient) {
    let rest = async { while let Ok(Some(_)) = response.chunk(client).await {} };
    let _ = tokio::time::timeout(BODY_DRAIN_TIMEOUT, rest).await;
    drop(response);
    tokio::time::sleep(POOL_RETURN_DELAY).await;
}

impl ApiCall {
    pub(super) fn new(
        client: ApiClient,
        request: ApiRequest,
        reservation: Option<Reservation>,
    ) -> Self {
        let silence = if let ApiRequest::Answer { stream: false, .. } = request {
            IDLE_WHOLE
        } else {
            IDLE_STREAMED
        };
        let watchdog = CallWatchdog::new(
            client.options.idle_timeout.unwrap_or(silence),
            client.options.timeout,
        );
        // Where new answers are recorded, what the record has not is sent.
        let is_recorded = |answers: &&Arc<RecordedAnswers>| {
            client.recorder.is_none() || answers.has(&request.record_key(&client))
        };
        let answers = client.answers.as_ref().filter(is_recorded).cloned();
        let pacer = CallPacer::new(&client, reservation.filter(|_| answers.is_none()));
        let machine = MessageStream::without_secret(client.secret_of_answers());
        Self {
            client,
            request,
            watchdog,
            pacer,
            told_until: None,
            retry_state: RetryState::default(),
            state: CallState::New,
            machine,
            coalescer: ReadCoalescer::default(),
            failure: None,
            request_id: None,
            keeps_connection: false,
            answers,
            answer: None,
        }
    }

    /// Reads to the end of the body, so that the connection can be used for another call. Otherwise
    /// the connection is closed.
    pub(crate) fn keeping_connection(self) -> Self {
        Self {
            keeps_connection: true,
            ..self
        }
    }

    /// Returns the next update of what has already arrived, or none if another step is needed.
    pub(crate) fn next_update(&mut self) -> Option<Update> {
        if self.failure.is_some() {
            return None;
        }
        match self.machine.next() {
            Ok(update) => update,
            Err(source) => {
                self.failure = Some(self.answer_error(source));
                None
            }
        }
    }

    /// Returns the data of the event of the last update, as received but for the key.
    pub(crate) fn event_data(&self) -> &[u8] {
        self.machine.data()
    }

    /// Returns the data of the error event that ended the answer, as received but for the key,
    /// until the next step.
    pub(crate) fn error_event(&self) -> Option<String> {
        let error = self.failure.as_ref()?;
        let data = self.machine.data();
        (error.api().is_some() && !data.is_empty())
            .then(|| String::from_utf8_lossy(data).into_owned())
    }

    /// Does the next step.
    pub(crate) async fn advance(&mut self) -> Result<CallEvent, Error> {
        let event = self.settled_step().await;
        let recorder = self.client.recorder.as_ref();
        match recorder.and_then(|recorder| recorder.take_failure()) {
            None => event,
            Some(unrecorded) => {
                self.state = CallState::Ended;
                Err(unrecorded)
            }
        }
    }

    /// Does the next step, and notes in the ledger what it means for the rate limits.
    async fn settled_step(&mut self) -> Result<CallEvent, Error> {
        match self.next_step().await {
            Ok(CallEvent::Finished) => {
                let usage = self.machine.usage();
                let (input, output) = usage.map_or((0, 0), |usage| {
                    (usage.total_input_tokens(), usage.output_tokens())
                });
                // Where the answer does not say what it used, the reservation is left as it is.
                if input > 0 {
                    self.pacer
                        .settle(RequestOutcome::Answered { input, output })
                        .await;
                }
                Ok(CallEvent::Finished)
            }
            Ok(event) => Ok(event),
            Err(error) => {
                let failure = error.failure_kind();
                self.settle_failure(&error).await;
                let event = self.retry_or_fail(error);
                self.back_off_all(&failure, &event).await;
                event
            }
        }
    }

    /// Releases the call's place in the queue, or the reservation of a request that has not been
    /// sent yet. What was sent stays reserved: nobody knows what it uses.
    pub(crate) async fn cancel(&mut self) {
        if matches!(self.state, CallState::Queued | CallState::Sending) {
            // What cannot be given back in time lapses.
            let _ = tokio::time::timeout(RELEASE_TIMEOUT, self.pacer.release()).await;
        }
    }

    /// Returns the number of attempts so far, including the current one.
    pub(crate) fn attempt_count(&self) -> u32 {
        self.retry_state.retries + 1
    }

    /// Time spent waiting between attempts and for this call's turn.
    pub(crate) fn total_wait(&self) -> Duration {
        self.retry_state.waited + self.pacer.waited()
    }

    /// Returns whether a record answers instead of the endpoint.
    pub(crate) fn is_replayed(&self) -> bool {
        self.answers.is_some()
    }

    /// Returns where the answer to the current attempt is in a record, for those who watch.
    pub(crate) fn place_in_record(&self) -> Option<String> {
        let (answers, answer) = self.answers.as_ref().zip(self.answer.as_ref())?;
        Some(format!(
            "line {} of `{}`",
            answer.line,
            answers.path().display()
        ))
    }

    /// Returns whether a part of the answer has come.
    pub(crate) fn has_content(&self) -> bool {
        self.machine.has_content()
    }

    /// Returns the request's id, once the server has said it.
    pub(crate) fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// Returns the request's line and headers as they are sent, the key masked, for those who
    /// watch.
    pub(crate) fn request_head(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "{} {}",
            self.request.method(),
            self.request.url(&self.client)
        )];
        lines.extend(
            self.request
                .body()
                .map(|body| format!("content-length: {}", body.len())),
        );
        lines.extend(self.shown_headers(&self.request.headers(&self.client)));
        lines
    }

    /// Returns how much there is to send, in bytes.
    pub(crate) fn body_bytes(&self) -> usize {
        self.request.body().map_or(0, RequestBody::len)
    }

    /// Returns headers as lines, with the key masked wherever it occurs.
    pub(crate) fn shown_headers(&self, headers: &HeaderMap) -> Vec<String> {
        let line = |(name, value): (&HeaderName, &HeaderValue)| {
            let value = if value.is_sensitive() {
                "[API key]".into()
            } else {
                String::from_utf8_lossy(value.as_bytes())
            };
            self.client.scrub_key(&format!("{name}: {value}"))
        };
        headers.iter().map(line).collect()
    }

    /// Returns the message of a finished call, and what is wrong with it: both if the arguments of
    /// a tool call are not a JSON object.
    pub(crate) fn into_message(self) -> (Option<Message>, Option<StreamError>) {
        let (message, error) = match self.machine.finish() {
            Ok(message) => {
                let tool = message.broken_call();
                let exceeded = message.exceeded_limit().map(StreamError::TooLarge);
                let broken = tool.map(|tool| StreamError::ToolInput { tool });
                (Some(message), exceeded.or(broken))
            }
            Err(error) => (None, Some(error)),
        };
        (message, error.map(|error| self.client.scrub_answer(error)))
    }

    /// Returns the message as far as it was received, or none if it never began.
    pub(crate) fn into_partial(self) -> Option<Message> {
        self.machine.partial()
    }

    /// Returns the models of a completed list.
    pub(crate) fn into_models(self) -> Vec<ListedModel> {
        match self.request {
            ApiRequest::Models(listing) => {
                let models = listing.into_models().into_iter();
                let scrub = |text: &str| self.client.scrub_key(text);
                models.filter_map(|model| model.scrubbed(scrub)).collect()
            }
            ApiRequest::Answer { .. } => Vec::new(),
        }
    }

    async fn next_step(&mut self) -> Result<CallEvent, Error> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        if let Some(notice) = self.pacer.take_notice() {
            return Ok(CallEvent::Noticed(notice));
        }
        match std::mem::replace(&mut self.state, CallState::Ended) {
            CallState::New | CallState::Queued => self.wait_for_admission().await,
            CallState::Waiting(until) => {
                // The state stays what it is until the wait is over, so that a step that was
                // dropped can be taken again.
                self.state = CallState::Waiting(until);
                sleep_until(until).await;
                self.wait_for_admission().await
            }
            CallState::Sending => self.send_request().await,
            CallState::Refused(response) => Err(self.status_error(response).await),
            CallState::Reading(response) => self.read_body(response).await,
            // What follows a whole answer cannot harm it.
            CallState::Broken(_) if self.machine.is_finished() => Ok(CallEvent::Finished),
            CallState::Broken(error) => Err(error),
            CallState::Ended => Ok(CallEvent::Finished),
        }
    }

    /// Waits for this call's turn.
    async fn wait_for_admission(&mut self) -> Result<CallEvent, Error> {
        self.state = CallState::Queued;
        loop {
            let Some(waiting) = self.pacer.reserve().await? else {
                self.told_until = None;
                if let Some(answers) = &self.answers {
                    let answer = answers.next_answer(&self.request.record_key(&self.client));
                    self.answer = Some(answer.map_err(|missing| {
                        self.state = CallState::Ended;
                        Error::NotRecorded(Box::new(missing))
                    })?);
                }
                self.state = CallState::Sending;
                return Ok(CallEvent::Sending);
            };
            self.count_held_back(&waiting)?;
            let now = Instant::now();
            if waiting.expected > TOLD && self.told_until.is_none_or(|until| until < now) {
                let is_known = self.told_until.replace(now + waiting.expected).is_some();
                return Ok(CallEvent::RateLimited(RateLimited {
                    why: waiting.reason,
                    expected: waiting.expected,
                    is_known,
                }));
            }
            self.wait_in_queue(&waiting).await?;
        }
    }

    /// Counts the wait for the end of a 429 that another call had, as this call's own would be.
    fn count_held_back(&mut self, waiting: &QueueWait) -> Result<(), Error> {
        if waiting.uncounted
            > self
                .client
                .options
                .retry
                .max_wait
                .saturating_sub(self.retry_state.waited)
        {
            self.state = CallState::Ended;
            return Err(Error::HeldBack {
                wait: waiting.expected,
            });
        }
        self.retry_state.waited += waiting.uncounted;
        Ok(())
    }

    async fn wait_in_queue(&mut self, waiting: &QueueWait) -> Result<(), Error> {
        let now = Instant::now();
        let until = now + waiting.retry_in;
        if let Some((deadline, limit)) = self.watchdog.ends_by(until) {
            sleep_until(deadline).await;
            let timeout = if self.retry_state.retries == 0 {
                CallTimeout::Turn(limit)
            } else {
                CallTimeout::Total(limit)
            };
            return Err(Error::TimedOut(timeout));
        }
        sleep_until(until).await;
        if let WaitReason::Limits(_) = waiting.reason {
            self.pacer.add_wait(now.elapsed());
        }
        Ok(())
    }

    /// Notes in the ledger what became of an attempt that failed.
    async fn settle_failure(&mut self, error: &Error) {
        if self.pacer.is_queued() {
            return self.pacer.release().await;
        }
        let outcome = match error.failure_kind() {
            // Nobody knows what it has used, or whether it arrived: it stays reserved.
            _ if self.machine.has_content() => return,
            CallFailure::Lost | CallFailure::TimedOut => return,
            CallFailure::Fatal if matches!(error, Error::TimedOut(_)) => return,
            // Something answered, so something was let in.
            CallFailure::Fatal if matches!(error, Error::Answer { .. }) => RequestOutcome::Failed,
            // Nothing was sent.
            CallFailure::UnknownHost | CallFailure::Connect | CallFailure::Fatal => {
                return self.pacer.release().await;
            }
            CallFailure::Status { status: 429, .. } => RequestOutcome::NotCounted,
            CallFailure::Status { .. } => RequestOutcome::Failed,
        };
        self.pacer.settle(outcome).await;
    }

    /// Stops all calls that share the limit for as long as a 429 says, or as this call waits.
    async fn back_off_all(&mut self, failure: &CallFailure, event: &Result<CallEvent, Error>) {
        let CallFailure::Status {
            status: 429,
            should_retry,
            retry_after,
        } = *failure
        else {
            return;
        };
        let own_wait = if let Ok(CallEvent::Retrying(retrying)) = event {
            Some(retrying.wait)
        } else {
            None
        };
        // Not to be tried again, and without a time: this request cannot be let in, but others may.
        if should_retry == Some(false) && retry_after.is_none() || self.machine.has_content() {
            return;
        }
        self.pacer
            .back_off_all(retry_after.or(own_wait).unwrap_or(DEFAULT_BACK_OFF))
            .await;
    }

    async fn send_request(&mut self) -> Result<CallEvent, Error> {
        let response = match &self.answer {
            Some(answer) => {
                let pace = self.client.replay_pace;
                let response = AttemptResponse::from_record(Arc::clone(&answer.exchange), pace);
                let response = self.watchdog.run_guarded(Box::pin(response)).await;
                response.map_err(Error::TimedOut)??
            }
            None => self.send_over_http().await?,
        };
        self.request_id = request_id(response.headers()).map(|id| self.client.scrub_key(&id));
        self.pacer.on_headers(report_of(response.headers())).await;
        let head = ResponseHead {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
        };
        let accepted = response.status() == StatusCode::OK;
        if accepted && let Some(encoding) = content_encoding(response.headers()) {
            return Err(self.answer_error(StreamError::Compressed { encoding }));
        }
        self.state = if accepted {
            CallState::Reading(response)
        } else {
            CallState::Refused(response)
        };
        Ok(CallEvent::Head(head))
    }

    async fn send_over_http(&mut self) -> Result<AttemptResponse, Error> {
        let (method, url) = (self.request.method(), self.request.url(&self.client));
        let headers = self.request.headers(&self.client);
        let mut tape = self.client.recorder.as_ref().map(|recorder| {
            Box::new(recorder.start(&OutgoingRequest {
                method: method.as_str(),
                url: url.as_str(),
                headers: &headers,
                body: self.request.body().map(RequestBody::to_json).as_deref(),
                attempt: self.attempt_count(),
            }))
        });
        let mut request = self.client.http.request(method, url).headers(headers);
        if let Some(body) = self.request.body() {
            request = request.body(Body::wrap(UploadBody::new(
                body.clone(),
                self.watchdog.activity(),
            )));
        }
        let sent = match self.watchdog.run_guarded(request.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(Box::pin(sending_error(&error, &self.client)).await),
            Err(timeout) => Err(Error::TimedOut(timeout)),
        };
        match sent {
            Ok(response) => Ok(AttemptResponse::from_http(response, tape)),
            Err(error) => {
                if let Some(tape) = &mut tape {
                    tape.note_failure(&error);
                }
                Err(error)
            }
        }
    }

    async fn read_body(&mut self, mut response: AttemptResponse) -> Result<CallEvent, Error> {
        if self.machine.is_finished() {
            if self.keeps_connection {
                drain_body(response, &self.client).await;
            }
            return Ok(CallEvent::Finished);
        }
        if let Some(pause) = self.coalescer.pause() {
            // Shorter than the resolution of the runtime's timer.
            std::thread::sleep(pause);
        }
        let began = Instant::now();
        let arrived = self.watchdog.run_guarded(response.chunk(&self.client));
        let arrived = match arrived.await {
            Ok(arrived) => arrived,
            Err(timeout) => {
                let error = Error::TimedOut(timeout);
                response.note_failure(&error);
                if self.machine.end_if_whole() {
                    return Ok(CallEvent::Received);
                }
                return Err(error);
            }
        };
        self.coalescer.came_after(began.elapsed());
        if let ApiRequest::Models(listing) = &mut self.request {
            let taken = match arrived {
                Ok(Some(bytes)) => listing
                    .push_bytes(&bytes)
                    .map(|()| Some(CallState::Reading(response))),
                Ok(None) => listing
                    .turn_page()
                    .map(|is_another| is_another.then_some(CallState::New)),
                Err(error) => return Err(error),
            };
            return match taken {
                Ok(Some(state)) => {
                    self.state = state;
                    Ok(CallEvent::Received)
                }
                Ok(None) => Ok(CallEvent::Finished),
                Err(ListFlaw::TooLong(limit)) => Err(Error::ModelListTooLong { limit }),
                Err(ListFlaw::NotAList(excerpt)) => {
                    let is_json = listing.is_json();
                    Err(Error::NoModelList {
                        excerpt: self.client.scrub_key(&excerpt),
                        is_json,
                    })
                }
            };
        }
        match arrived {
            Ok(Some(bytes)) => {
                self.machine.push(&bytes);
                self.state = self.take_what_has_arrived(response).await;
                Ok(CallEvent::Received)
            }
            Ok(None) if self.machine.has_ended() => Err(self.answer_error(StreamError::Cut)),
            Ok(None) => {
                self.machine.end();
                self.state = CallState::Reading(response);
                Ok(CallEvent::Received)
            }
            Err(_) if self.machine.end_if_whole() => Ok(CallEvent::Received),
            Err(error) => Err(error),
        }
    }

    /// Reads what else has arrived, so that it is shown at once rather than piece by piece. An
    /// error here is reported after what came before it.
    async fn take_what_has_arrived(&mut self, mut response: AttemptResponse) -> CallState {
        let mut taken = 0;
        while taken < MAX_READ_AHEAD {
            match ready_now(response.chunk(&self.client)).await {
                None => break,
                Some(Ok(Some(bytes))) => {
                    taken += bytes.len();
                    self.machine.push(&bytes);
                }
                Some(Ok(None)) => {
                    self.machine.end();
                    break;
                }
                Some(Err(_)) if self.machine.end_if_whole() => return CallState::Ended,
                Some(Err(error)) => return CallState::Broken(error),
            }
        }
        CallState::Reading(response)
    }

    fn retry_or_fail(&mut self, error: Error) -> Result<CallEvent, Error> {
        self.state = CallState::Ended;
        if self.machine.has_content() {
            return Err(error);
        }
        let failure = error.failure_kind();
        let now = Instant::now();
        let fits = |wait: &Duration| {
            self.watchdog
                .deadline()
                .is_none_or(|deadline| now + *wait < deadline)
        };
        let Some(wait) = self
            .client
            .options
            .retry
            .next_wait(&self.retry_state, &failure, fastrand::f64())
            .filter(fits)
        else {
            return Err(error);
        };
        self.retry_state.retries += 1;
        self.retry_state.timeouts += u32::from(failure == CallFailure::TimedOut);
        self.retry_state.unknown_hosts += u32::from(failure == CallFailure::UnknownHost);
        self.retry_state.waited += wait;
        self.machine = MessageStream::without_secret(self.client.secret_of_answers());
        if let ApiRequest::Models(listing) = &mut self.request {
            listing.forget_page();
        }
        let skips_waits = self.is_replayed() && self.client.replay_pace == ReplayPace::Fast;
        self.state = CallState::Waiting(if skips_waits { now } else { now + wait });
        if skips_waits {
            self.watchdog.count_skipped(wait);
        }
        Ok(CallEvent::Retrying(RetryNotice {
            error,
            wait,
            next_attempt: self.attempt_count(),
        }))
    }

    fn answer_error(&self, source: StreamError) -> Error {
        let source = self.client.scrub_answer(source);
        let of_event = || match &source {
            StreamError::Api(api) => api.request_id.clone(),
            _ => None,
        };
        Error::Answer {
            request_id: self.request_id.clone().or_else(of_event),
            source,
        }
    }

    /// Returns what `--max-wait` would have to be for a wait that the server asks for; none where
    /// something else rules out another attempt.
    fn needed_max_wait(&self, wait: Duration) -> Option<Duration> {
        let policy = &self.client.options.retry;
        let needed = self.retry_state.waited.saturating_add(wait);
        let has_tries = self.retry_state.retries < policy.max_retries;
        let is_in_time = self.watchdog.deadline().is_none_or(|deadline| {
            deadline
                .checked_duration_since(Instant::now())
                .is_some_and(|left| wait < left)
        });
        (has_tries && is_in_time && needed > policy.max_wait).then_some(needed)
    }

    async fn status_error(&mut self, mut response: AttemptResponse) -> Error {
        let status = response.status();
        let retry_after = retry::retry_after(response.headers(), SystemTime::now());
        let should_retry = retry::should_retry(response.headers());
        let needed_max_wait = retry_after.and_then(|wait| self.needed_max_wait(wait));
        let text = |value: &HeaderValue| {
            self.client
                .scrub_key(&String::from_utf8_lossy(value.as_bytes()))
        };
        let location = response
            .headers()
            .get(LOCATION)
            .filter(|_| status.is_redirection())
            .map(text);
        let mut body = Vec::new();
        // What cannot be read of an error's body does not hide the error.
        while let Ok(Ok(Some(bytes))) = self
            .watchdog
            .run_guarded(response.chunk(&self.client))
            .await
        {
            body.extend_from_slice(&bytes);
            if body.len() > MAX_ERROR_BYTES {
                break;
            }
        }
        let reason = status.canonical_reason();
        let api = match content_encoding(response.headers()) {
            // Where it can be read, the header is wrong.
            Some(encoding) if std::str::from_utf8(&body).is_err() => {
                ApiError::compressed(&encoding)
            }
            None if body.starts_with(GZIP_MAGIC) => ApiError::compressed("gzip"),
            _ => ApiError::from_body(reason, &body),
        };
        let api = self.client.scrub_api(api);
        let request_id = self.request_id.clone().or_else(|| api.request_id.clone());
        Error::Status(Box::new(StatusError {
            status: status.as_u16(),
            api,
            request_id,
            location,
            retry_after,
            needed_max_wait,
            should_retry,
        }))
    }
}

/// Returns the output of `future` if it is ready now, or as soon as the other tasks have had a
/// turn: the connection is one, and hands over what it has read piece by piece.
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

/// The first bytes of a gzip file.
const GZIP_MAGIC: &[u8] = b"\x1f\x8b";

/// Returns how the body is compressed, if it is. Nothing that is sent asks for that.
fn content_encoding(headers: &HeaderMap) -> Option<String> {
    let encoding = String::from_utf8_lossy(headers.get(CONTENT_ENCODING)?.as_bytes());
    let encoding = encoding.trim().to_ascii_lowercase();
    (!encoding.is_empty() && encoding != "identity").then_some(encoding)
}

/// Returns the request's id: Anthropic's header, or that of a gateway or of AWS.
fn request_id(headers: &HeaderMap) -> Option<String> {
    ["request-id", "x-request-id", "x-amzn-requestid"]
        .iter()
        .find_map(|name| headers.get(*name)?.to_str().ok().map(str::to_owned))
}
