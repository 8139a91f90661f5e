//! The streams of events of a server that speaks streamable HTTP: those that answer a request,
//! which are resumed if they end before the answer, and the one on which a server says what belongs
//! to no request.

use reqwest::Response;
use reqwest::header::{ACCEPT, HeaderName, HeaderValue};
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::board::Answer;
use super::line_splitter::MAX_LINE;
use super::stream_place::StreamPlace;
use super::web_link::{WebLink, failure, is_event_stream};
use crate::protocol::Decoder;

/// The header with the id of the last event that arrived of a stream.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// How a stream ended.
enum StreamEnd {
    /// With the answer.
    Answered(Answer),
    /// Before it; the reason. What is missing may be asked for.
    Cut(String),
    /// With something that cannot be read; the reason.
    Unreadable(String),
}

/// Why there is no stream.
enum NoStream {
    /// The server was not reached, which may pass; the reason.
    Unreachable(String),
    /// It refuses, with this status.
    Refused(u16),
}

impl WebLink {
    /// Reads a stream until the answer. A server with sessions may end the stream before, and so
    /// may the network: what is missing is then asked for, if the events have ids.
    pub(super) async fn follow_stream(
        &self,
        response: Response,
        answer: &mut oneshot::Receiver<Answer>,
    ) -> Answer {
        let mut place = StreamPlace::default();
        let mut stream = Ok(response);
        loop {
            let reason = match stream {
                Ok(response) => match self.read_events(response, &mut place, answer).await {
                    StreamEnd::Answered(answer) => return answer,
                    StreamEnd::Unreadable(reason) => return Err(reason),
                    StreamEnd::Cut(reason) => reason,
                },
                Err(reason) => reason,
            };
            let last_event = place.last_event().and_then(header_value);
            if last_event.is_none() || self.is_stateless() || !place.may_resume() {
                return Err(reason);
            }
            sleep(place.delay()).await;
            stream = match self.get_stream(last_event).await {
                Ok(response) => Ok(response),
                Err(NoStream::Unreachable(reason)) => Err(reason),
                Err(NoStream::Refused(status)) => {
                    return Err(format!("{reason}, and it cannot be resumed: HTTP {status}"));
                }
            };
        }
    }

    /// Answers the requests that a server sends outside of the responses to ours, until it ends the
    /// stream for good, or never. Most servers have no such stream.
    pub(super) async fn listen(&self) {
        // Nothing on this stream is the answer to a request.
        let (_open, mut answer) = oneshot::channel();
        let mut place = StreamPlace::default();
        loop {
            let last_event = place.last_event().and_then(header_value);
            match self.get_stream(last_event).await {
                Ok(response) => {
                    let end = self.read_events(response, &mut place, &mut answer).await;
                    if matches!(end, StreamEnd::Unreadable(_)) {
                        return;
                    }
                }
                Err(NoStream::Unreachable(_)) => {}
                Err(NoStream::Refused(_)) => return,
            }
            if !place.may_resume() {
                return;
            }
            sleep(place.delay()).await;
        }
    }

    async fn read_events(
        &self,
        mut response: Response,
        place: &mut StreamPlace,
        answer: &mut oneshot::Receiver<Answer>,
    ) -> StreamEnd {
        let mut events = Decoder::with_limit(MAX_LINE);
        loop {
            let chunk = tokio::select! {
                biased;
                // On another stream.
                Ok(answer) = &mut *answer => return StreamEnd::Answered(answer),
                chunk = response.chunk() => chunk,
            };
            let bytes = match chunk {
                Ok(Some(bytes)) => bytes,
                Ok(None) => return StreamEnd::Cut("its response has no answer".to_owned()),
                Err(error) => return StreamEnd::Cut(failure(&error)),
            };
            events.push(&bytes);
            let mut replies = Vec::new();
            loop {
                match events.next_frame() {
                    Ok(Some(frame)) => {
                        place.record_event();
                        replies.extend(self.board.take(frame.data));
                    }
                    Ok(None) => break,
                    Err(_) => {
                        let reason = "it sent an event of more than 16 MB";
                        return StreamEnd::Unreadable(reason.to_owned());
                    }
                }
            }
            place.advance(events.last_event_id(), events.retry());
            self.reply(replies).await;
            if let Ok(answer) = answer.try_recv() {
                return StreamEnd::Answered(answer);
            }
        }
    }

    /// Asks for a stream, from after an event if there was one.
    async fn get_stream(&self, last_event: Option<HeaderValue>) -> Result<Response, NoStream> {
        let mut headers = self.session_headers();
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        headers.extend(last_event.map(|last_event| (LAST_EVENT_ID, last_event)));
        let sent = self.client.get(self.url.clone()).headers(headers).send();
        let response = sent
            .await
            .map_err(|error| NoStream::Unreachable(failure(&error)))?;
        if response.status().is_success() && is_event_stream(&response) {
            Ok(response)
        } else {
            Err(NoStream::Refused(response.status().as_u16()))
        }
    }
}

/// Returns the id of an event as a header has it; `None` if it has characters that no header may.
fn header_value(last_event: &[u8]) -> Option<HeaderValue> {
    HeaderValue::from_bytes(last_event).ok()
}
