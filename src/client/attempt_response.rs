//! The response to an attempt: off the wire, followed by a tape where it is recorded, or out of a
//! record.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Response, StatusCode};
use tokio::time::{Instant, sleep_until};

use super::ApiClient;
use super::error::Error;
use super::exchange_recorder::ExchangeTape;
use super::recorded_failure::error_of;
use crate::recording::{BodyPiece, RecordedExchange, ReplayPace};

/// A response whose body is still to be read.
#[derive(Debug)]
pub(super) enum AttemptResponse {
    /// From the network.
    Http(Response, Option<Box<ExchangeTape>>),
    /// From a record.
    Recorded(RecordedBody),
}

/// A recorded response as far as it was read.
#[derive(Debug)]
pub(super) struct RecordedBody {
    exchange: Arc<RecordedExchange>,
    status: StatusCode,
    headers: HeaderMap,
    pace: ReplayPace,
    started: Instant,
    /// Pieces of the body that were read.
    read: usize,
}

impl AttemptResponse {
    /// Creates the response that came over the network.
    pub(super) fn from_http(response: Response, mut tape: Option<Box<ExchangeTape>>) -> Self {
        if let Some(tape) = &mut tape {
            tape.note_head(response.status().as_u16(), response.headers());
        }
        Self::Http(response, tape)
    }

    /// Creates the response of a record, once its head is due; the error is what was recorded
    /// instead of one.
    pub(super) async fn from_record(
        exchange: Arc<RecordedExchange>,
        pace: ReplayPace,
    ) -> Result<Self, Error> {
        let started = Instant::now();
        let due = exchange
            .response
            .as_ref()
            .map_or(exchange.took_ms, |response| response.after_ms);
        wait_until(started, due, pace).await;
        match (&exchange.response, &exchange.failure) {
            (None, Some(failure)) => Err(error_of(failure.clone())),
            (response, _) => {
                let response = response.clone().unwrap_or_default();
                Ok(Self::Recorded(RecordedBody {
                    status: StatusCode::from_u16(response.status)
                        .unwrap_or(StatusCode::BAD_GATEWAY),
                    headers: recorded_headers(&exchange),
                    exchange,
                    pace,
                    started,
                    read: 0,
                }))
            }
        }
    }

    /// Returns the status.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Http(response, _) => response.status(),
            Self::Recorded(recorded) => recorded.status,
        }
    }

    /// Returns the headers.
    pub(super) fn headers(&self) -> &HeaderMap {
        match self {
            Self::Http(response, _) => response.headers(),
            Self::Recorded(recorded) => &recorded.headers,
        }
    }

    /// Reads the next piece of the body; none at its end. A read that was dropped can be repeated.
    pub(super) async fn chunk(&mut self, client: &ApiClient) -> Result<Option<Bytes>, Error> {
        let (response, tape) = match self {
            Self::Http(response, tape) => (response, tape),
            Self::Recorded(recorded) => return Box::pin(recorded.next_piece()).await,
        };
        match response.chunk().await {
            Ok(bytes) => {
                if let (Some(tape), Some(bytes)) = (tape, &bytes) {
                    tape.note_chunk(bytes);
                }
                Ok(bytes)
            }
            Err(error) => {
                let error = Error::from_transport(&error, client);
                if let Some(tape) = tape {
                    tape.note_failure(&error);
                }
                Err(error)
            }
        }
    }

    /// Notes that the rest of the body was not waited for, and why.
    pub(super) fn note_failure(&mut self, error: &Error) {
        if let Self::Http(_, Some(tape)) = self {
            tape.note_failure(error);
        }
    }
}

impl RecordedBody {
    async fn next_piece(&mut self) -> Result<Option<Bytes>, Error> {
        let body = self.exchange.response.as_ref();
        let piece = body.and_then(|response| response.body.get(self.read));
        let due = piece.map_or(self.exchange.took_ms, BodyPiece::after_ms);
        wait_until(self.started, due, self.pace).await;
        let Some(piece) = piece else {
            let failure = self.exchange.failure.clone();
            return failure.map_or(Ok(None), |failure| Err(error_of(failure)));
        };
        self.read += 1;
        Ok(Some(piece.to_bytes().into()))
    }
}

async fn wait_until(started: Instant, after_ms: u64, pace: ReplayPace) {
    if pace == ReplayPace::Real {
        sleep_until(started + Duration::from_millis(after_ms)).await;
    }
}

/// Returns the headers of a recorded response, with its dates moved.
fn recorded_headers(exchange: &RecordedExchange) -> HeaderMap {
    let headers = exchange.headers_at(SystemTime::now());
    let headers = headers.filter_map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let value = HeaderValue::from_str(&value).ok()?;
        Some((name, value))
    });
    headers.collect()
}
