//! A server that speaks streamable HTTP: each message is a POST, whose response is JSON or a stream
//! of events.

use std::sync::{Arc, Mutex, PoisonError};

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Response, StatusCode, Url};
use tokio::sync::oneshot;

use super::board::{Answer, MessageBoard, ProgressSender};
use super::line_splitter::MAX_LINE;
use super::message::{OutgoingMessage, RpcError};
use super::revision::Revision;
use crate::protocol::ExactJson;
use crate::text::SecretForms;

/// The header with the session that the server has begun.
const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");

/// The header with the revision of the protocol.
const REVISION: HeaderName = HeaderName::from_static("mcp-protocol-version");

/// The header with the method, which the revision without sessions asks for.
const METHOD: HeaderName = HeaderName::from_static("mcp-method");

/// The header with the name of the tool that is called, likewise.
const NAME: HeaderName = HeaderName::from_static("mcp-name");

/// How many characters of a refusal are repeated.
const MAX_REFUSAL: usize = 200;

/// A connection to a server over HTTP.
#[derive(Debug)]
pub(super) struct WebLink {
    pub(super) client: Client,
    pub(super) url: Url,
    headers: HeaderMap,
    pub(super) board: Arc<MessageBoard>,
    state: Mutex<WebState>,
}

#[derive(Debug, Default, Clone)]
struct WebState {
    session: Option<HeaderValue>,
    revision: Option<HeaderValue>,
    is_stateless: bool,
    /// Whether the server no longer knows the session.
    has_lost_session: bool,
}

impl WebLink {
    /// Creates a connection; nothing is sent yet.
    pub(super) fn new(client: Client, url: Url, headers: HeaderMap) -> Self {
        Self {
            client,
            url,
            headers,
            board: Arc::default(),
            state: Mutex::default(),
        }
    }

    /// Sets the revision that further messages name; none before there is one.
    pub(super) fn set_revision(&self, revision: Option<&Revision>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let name = revision.map(Revision::name);
        state.revision = name.and_then(|name| HeaderValue::from_str(name).ok());
        state.is_stateless = revision == Some(&Revision::Stateless);
    }

    /// Sends a message, and waits for the answer if it is a request. The reason is written for the
    /// user.
    pub(super) async fn exchange(
        &self,
        message: OutgoingMessage,
        progress: Option<ProgressSender>,
    ) -> Answer {
        let Some(id) = message.id else {
            self.post(&message).await?;
            return Ok(Ok(ExactJson::default()));
        };
        let mut answer = self.board.expect(id, progress);
        let read = self.read_answer(&message, &mut answer).await;
        self.board.forget(id);
        match read {
            Ok(Err(error)) => Ok(Err(RpcError {
                message: self.without_tokens(error.message),
                ..error
            })),
            read => read.map_err(|reason| self.without_tokens(reason)),
        }
    }

    /// Blanks out of a text what the headers have: a server may repeat a token.
    fn without_tokens(&self, text: String) -> String {
        let values = self
            .headers
            .values()
            .filter_map(|value| value.to_str().ok());
        values.fold(text, |text, value| {
            let token = value.split_once(' ').map_or(value, |(_, token)| token);
            SecretForms::for_secret(token).scrub(&text).into_owned()
        })
    }

    async fn read_answer(
        &self,
        message: &OutgoingMessage,
        answer: &mut oneshot::Receiver<Answer>,
    ) -> Answer {
        let response = self.post(message).await?;
        if is_event_stream(&response) {
            self.follow_stream(response, answer).await
        } else {
            self.read_body(response, answer).await
        }
    }

    async fn read_body(
        &self,
        mut response: Response,
        answer: &mut oneshot::Receiver<Answer>,
    ) -> Answer {
        let status = response.status();
        let mut body = Vec::new();
        while let Some(bytes) = response.chunk().await.map_err(|error| failure(&error))? {
            if body.len() + bytes.len() > MAX_LINE {
                return Err("it sent a message of more than 16 MB".to_owned());
            }
            body.extend_from_slice(&bytes);
        }
        // Anything other than a message is an error page, which the refusal below quotes.
        let is_message =
            body.trim_ascii_start().starts_with(b"{") || body.trim_ascii_start().starts_with(b"[");
        let replies = if is_message {
            self.board.take(&body)
        } else {
            Vec::new()
        };
        self.reply(replies).await;
        if let Ok(answer) = answer.try_recv() {
            return answer;
        }
        if status.is_success() {
            Err("its response has no answer".to_owned())
        } else {
            Err(refusal(status, &body))
        }
    }

    /// Answers requests of the server. That an answer does not arrive is the server's loss.
    pub(super) async fn reply(&self, replies: Vec<String>) {
        for text in replies {
            let _ = self.post(&OutgoingMessage::answer(text)).await;
        }
    }

    /// Sends a message and returns the response: to a request, of any status, and otherwise only
    /// one that accepts it.
    async fn post(&self, message: &OutgoingMessage) -> Result<Response, String> {
        let mut headers = self.session_headers();
        let session = headers.get(SESSION).cloned();
        headers.insert(
            ACCEPT,
            HeaderValue::from_static("application/json, text/event-stream"),
        );
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self.is_stateless() {
            let named = |text: &str| HeaderValue::from_str(text).ok();
            headers.extend(named(message.method).map(|method| (METHOD, method)));
            let tool = message.tool.as_deref().and_then(named);
            headers.extend(tool.map(|tool| (NAME, tool)));
        }
        let request = self.client.post(self.url.clone()).headers(headers);
        let sent = request.body(message.text.clone()).send().await;
        let response = sent.map_err(|error| failure(&error))?;
        if message.method == "initialize"
            && let Some(session) = response.headers().get(SESSION)
        {
            let mut session = session.clone();
            session.set_sensitive(true);
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.session = Some(session);
        }
        if response.status() == StatusCode::NOT_FOUND && session.is_some() {
            self.lose_session(session.as_ref());
        }
        if message.id.is_none() && !response.status().is_success() {
            return Err(refusal(response.status(), &[]));
        }
        Ok(response)
    }

    /// Forgets a session that the server does not know any more, unless there is a new one.
    fn lose_session(&self, session: Option<&HeaderValue>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.session.as_ref() == session {
            (state.session, state.revision) = (None, None);
        }
        state.has_lost_session = true;
    }

    /// Returns whether a message was refused since this was last asked, because the server no
    /// longer knows the session.
    pub(super) fn take_lost_session(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut state.has_lost_session)
    }

    /// Ends the session. A server need not allow that.
    pub(super) async fn close(&self) {
        if self.state().session.is_some() {
            let request = self.client.request(Method::DELETE, self.url.clone());
            let _ = request.headers(self.session_headers()).send().await;
        }
    }

    /// Returns the headers of every request: the configured ones, the session and the revision.
    pub(super) fn session_headers(&self) -> HeaderMap {
        let state = self.state();
        let mut headers = self.headers.clone();
        headers.extend(state.session.map(|session| (SESSION, session)));
        headers.extend(state.revision.map(|revision| (REVISION, revision)));
        headers
    }

    /// Returns whether the server speaks a revision without sessions, and so without streams that
    /// can be resumed.
    pub(super) fn is_stateless(&self) -> bool {
        self.state().is_stateless
    }

    fn state(&self) -> WebState {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Returns whether a response is a stream of events.
pub(super) fn is_event_stream(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE);
    kind.and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/event-stream"))
}

/// Returns why a request has no response: the innermost cause, which names neither URL nor headers.
pub(super) fn failure(error: &reqwest::Error) -> String {
    if error.is_redirect() {
        return "it redirects to another host, which is not followed".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    if error.is_connect() {
        format!("cannot connect: {cause}")
    } else {
        format!("the connection failed: {cause}")
    }
}

fn refusal(status: StatusCode, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text: String = text
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(MAX_REFUSAL)
        .collect();
    let colon = if text.is_empty() { "" } else { ": " };
    format!("it answered HTTP {}{colon}{text}", status.as_u16())
}
