//! A server that speaks streamable HTTP: each message is a POST, whose response is JSON or a stream
//! of events.

use std::sync::{Arc, Mutex, PoisonError};

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Response, StatusCode, Url};

use super::board::{Answer, MessageBoard, ProgressSender};
use super::line_splitter::MAX_LINE;
use super::message::RpcError;
use crate::protocol::Decoder;
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

/// What is sent as one POST.
#[derive(Debug, Clone)]
pub(super) struct WebMessage {
    /// The number of a request; `None` for a notification or an answer.
    pub(super) id: Option<u64>,
    /// The method.
    pub(super) method: &'static str,
    /// The tool that is called, if it is a call.
    pub(super) tool: Option<String>,
    /// The message.
    pub(super) text: String,
}

/// A connection to a server over HTTP.
#[derive(Debug)]
pub(super) struct WebLink {
    client: Client,
    url: Url,
    headers: HeaderMap,
    board: Arc<MessageBoard>,
    state: Mutex<WebState>,
}

#[derive(Debug, Default, Clone)]
struct WebState {
    session: Option<HeaderValue>,
    revision: Option<HeaderValue>,
    is_stateless: bool,
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

    /// What the server has said.
    pub(super) fn board(&self) -> &Arc<MessageBoard> {
        &self.board
    }

    /// Sets the revision that further messages name.
    pub(super) fn set_revision(&self, revision: &str, is_stateless: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.revision = HeaderValue::from_str(revision).ok();
        state.is_stateless = is_stateless;
    }

    /// Sends a message, and waits for the answer if it is a request. The reason is written for the
    /// user.
    pub(super) async fn exchange(
        &self,
        message: WebMessage,
        progress: Option<ProgressSender>,
    ) -> Answer {
        let Some(id) = message.id else {
            self.post(&message).await?;
            return Ok(Ok(serde_json::Value::Null));
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
        message: &WebMessage,
        answer: &mut tokio::sync::oneshot::Receiver<Answer>,
    ) -> Answer {
        let mut response = self.post(message).await?;
        let status = response.status();
        let is_stream = is_event_stream(&response);
        let (mut events, mut body) = (Decoder::default(), Vec::new());
        while let Some(bytes) = response.chunk().await.map_err(|error| failure(&error))? {
            if !is_stream {
                if body.len() + bytes.len() > MAX_LINE {
                    return Err("it sent a message of more than 16 MB".to_owned());
                }
                body.extend_from_slice(&bytes);
                continue;
            }
            events.push(&bytes);
            let mut replies = Vec::new();
            loop {
                match events.next_frame() {
                    Ok(Some(frame)) => replies.extend(self.board.take(frame.data)),
                    Ok(None) => break,
                    Err(_) => return Err("it sent an event that is too large".to_owned()),
                }
            }
            self.reply(replies).await;
            if let Ok(answer) = answer.try_recv() {
                return answer;
            }
        }
        // Other things than messages are an error page, which the refusal below quotes.
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
    async fn reply(&self, replies: Vec<String>) {
        for text in replies {
            let message = WebMessage {
                id: None,
                method: "",
                tool: None,
                text,
            };
            let _ = self.post(&message).await;
        }
    }

    /// Sends a message and returns the response: to a request, of any status, and otherwise only
    /// one that accepts it.
    async fn post(&self, message: &WebMessage) -> Result<Response, String> {
        let state = self.state();
        let mut headers = self.headers.clone();
        headers.insert(
            ACCEPT,
            HeaderValue::from_static("application/json, text/event-stream"),
        );
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.extend(state.session.map(|session| (SESSION, session)));
        headers.extend(state.revision.map(|revision| (REVISION, revision)));
        if state.is_stateless {
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
        if message.id.is_none() && !response.status().is_success() {
            return Err(refusal(response.status(), &[]));
        }
        Ok(response)
    }

    /// Ends the session. A server need not allow that.
    pub(super) async fn close(self) {
        let state = self.state();
        let Some(session) = state.session else { return };
        let mut headers = self.headers.clone();
        headers.insert(SESSION, session);
        headers.extend(state.revision.map(|revision| (REVISION, revision)));
        let request = self.client.request(Method::DELETE, self.url.clone());
        let _ = request.headers(headers).send().await;
    }

    fn state(&self) -> WebState {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn is_event_stream(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE);
    kind.and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/event-stream"))
}

/// Returns why a request has no response: the innermost cause, which names neither URL nor headers.
fn failure(error: &reqwest::Error) -> String {
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
