//! Answers HTTP requests from a record, as `--replay` does within the program.
//!
//! A record may hold what people said and what a model answered, and it needs no key. So only
//! programs of this machine are answered: a page in a browser sends an `Origin`, and one that a
//! name of its own led here sends another `Host`.

use std::borrow::Cow;
use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, DATE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN,
    TRANSFER_ENCODING,
};
use hyper::{Request, Response, StatusCode};
use serde_json::Value;
use tokio::sync::watch;

use super::body::{BodyEnd, BodyPiece, ScriptedBody};
use super::head::check_key;
use super::models::DemoRegion;
use super::record::{AccessLog, AccessRecord};
use super::refusal::{Refusal, RefusalReason};
use super::service::{read_body, refusal_response};
use super::wait_for_drain;
use crate::recording::{
    RecordedAnswers, RecordedExchange, RecordedFailure, RecordedResponse, ReplayPace, RequestKey,
};
use crate::text::{KnownSecrets, SecretForms};

/// Headers that belong to a connection, not to what is sent over it.
const CONNECTION_HEADERS: [HeaderName; 4] = [CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING];

/// A record that answers, and how.
#[derive(Clone)]
pub(crate) struct ReplaySettings {
    /// The record.
    pub(crate) answers: Arc<RecordedAnswers>,
    /// How fast it answers.
    pub(crate) pace: ReplayPace,
    /// The keys that this process knows, for which the record has a mask.
    pub(crate) secrets: Arc<KnownSecrets>,
    /// The one key that is accepted; without it none is needed.
    pub(crate) key: Option<String>,
    /// Receives a line of JSON for each finished request.
    pub(crate) log: Option<AccessLog>,
}

/// The record's side of all connections.
pub(super) struct RecordedService {
    settings: ReplaySettings,
    draining: watch::Receiver<bool>,
    requests: AtomicU64,
}

/// Why a request gets no recorded response.
enum Unanswered {
    /// It is refused.
    Refused(Refusal),
    /// The recorded request got none either: the connection is closed.
    Closed,
}

impl From<Refusal> for Unanswered {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl RecordedService {
    /// Returns a service that has seen no request yet.
    pub(super) fn new(settings: ReplaySettings, draining: watch::Receiver<bool>) -> Self {
        Self {
            settings,
            draining,
            requests: AtomicU64::new(0),
        }
    }

    /// Answers a request; the error closes its connection.
    pub(super) async fn answer_request(
        &self,
        request: Request<Incoming>,
    ) -> io::Result<Response<ScriptedBody>> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        let request_id = format!("req_replay_{number}");
        let mut record =
            AccessRecord::new(self.settings.log.clone(), request_id, SystemTime::now());
        let response = match self.find_answer(request, &mut record).await {
            Ok(response) => response,
            Err(Unanswered::Refused(refusal)) => {
                let mut response = refusal_response(&refusal, record.request_id());
                if let Ok(id) = HeaderValue::from_str(record.request_id()) {
                    response.headers_mut().insert("request-id", id);
                }
                response
            }
            Err(Unanswered::Closed) => return Err(ErrorKind::ConnectionAborted.into()),
        };
        record.note_status(response.status());
        Ok(response.map(|body| body.with_record(record)))
    }

    async fn find_answer(
        &self,
        request: Request<Incoming>,
        record: &mut AccessRecord,
    ) -> Result<Response<ScriptedBody>, Unanswered> {
        check_is_local(request.headers())?;
        if let Some(key) = &self.settings.key {
            check_key(request.headers(), Some(key))?;
        }
        let (method, url) = (request.method().clone(), request.uri().to_string());
        let headers = request.headers().clone();
        record.region = url.split('/').find_map(DemoRegion::from_slug);
        let body = read_body(request.into_body(), &mut record.bytes_in).await?;
        if let Ok(body) = serde_json::from_slice::<Value>(&body) {
            record.model = body["model"].as_str().map(str::to_owned);
            record.stream = Some(body["stream"] == true);
        }
        let text = String::from_utf8_lossy(&body);
        let text = self.settings.secrets.scrub(&text);
        // A record has a mask for the key that a request was sent with.
        let text = match check_key(&headers, None) {
            Ok(key) => Cow::Owned(SecretForms::for_secret(key).scrub(&text).into_owned()),
            Err(_) => text,
        };
        let key = RequestKey::from_request(method.as_str(), &url, Some(text.as_bytes()))
            .ok_or_else(|| Refusal::new(RefusalReason::NotFound, "Not found"))?;
        let answer = self
            .settings
            .answers
            .next_answer(&key)
            .map_err(|missing| Refusal::invalid_request(missing.to_string()))?;
        self.play(&answer.exchange).await
    }

    /// Returns the recorded response once it is due.
    async fn play(
        &self,
        exchange: &RecordedExchange,
    ) -> Result<Response<ScriptedBody>, Unanswered> {
        let Some(recorded) = &exchange.response else {
            self.wait(Duration::from_millis(exchange.took_ms)).await;
            if let Some(RecordedFailure::Timeout { .. }) = exchange.failure {
                wait_for_drain(&mut self.draining.clone()).await;
            }
            return Err(Unanswered::Closed);
        };
        self.wait(Duration::from_millis(recorded.after_ms)).await;
        let mut response = Response::new(self.body(exchange, recorded));
        *response.status_mut() =
            StatusCode::from_u16(recorded.status).unwrap_or(StatusCode::BAD_GATEWAY);
        let headers = exchange.headers_at(SystemTime::now());
        let headers = headers.filter_map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            let value = HeaderValue::from_str(&value).ok()?;
            (!CONNECTION_HEADERS.contains(&name)).then_some((name, value))
        });
        for (name, value) in headers {
            response.headers_mut().append(name, value);
        }
        Ok(response)
    }

    async fn wait(&self, time: Duration) {
        if self.settings.pace == ReplayPace::Real {
            tokio::time::sleep(time).await;
        }
    }

    fn body(&self, exchange: &RecordedExchange, recorded: &RecordedResponse) -> ScriptedBody {
        let (mut length, mut last_ms) = (0, recorded.after_ms);
        let mut pieces = Vec::new();
        for piece in &recorded.body {
            let bytes = Bytes::from(piece.to_bytes());
            length += bytes.len() as u64;
            let pause = match self.settings.pace {
                ReplayPace::Fast => Duration::ZERO,
                ReplayPace::Real => Duration::from_millis(piece.after_ms().saturating_sub(last_ms)),
            };
            last_ms = last_ms.max(piece.after_ms());
            pieces.push(BodyPiece {
                bytes,
                pause,
                written: 0,
            });
        }
        let end = match exchange.failure {
            None => BodyEnd::Whole,
            Some(RecordedFailure::Timeout { .. }) => BodyEnd::Stall(self.draining.clone()),
            Some(_) => BodyEnd::Cut,
        };
        let announced = recorded
            .headers
            .iter()
            .find(|(name, _)| CONTENT_LENGTH == name.as_str())
            .and_then(|(_, value)| value.parse::<u64>().ok());
        let body = ScriptedBody::new(pieces, end);
        match announced {
            None => body,
            // Where a secret was blanked out, the length is another one.
            Some(_) if exchange.failure.is_none() => body.with_length(length),
            Some(announced) => body.with_length(announced.max(length + 1)),
        }
    }
}

/// Refuses what may come from somewhere else than a program of this machine.
fn check_is_local(headers: &HeaderMap) -> Result<(), Refusal> {
    let forbidden = |message: &str| Err(Refusal::new(RefusalReason::Forbidden, message));
    if headers.contains_key(ORIGIN) {
        return forbidden("Requests with an Origin header are not answered");
    }
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    if !host.is_some_and(is_loopback) {
        return forbidden("Only requests to localhost or a loopback address are answered");
    }
    Ok(())
}

/// Returns whether a `Host`, perhaps with a port, is this machine.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => host.split(':').next(),
    };
    let name = name.unwrap_or_default();
    name.parse::<IpAddr>().map_or_else(
        |_| name.eq_ignore_ascii_case("localhost"),
        |address| address.is_loopback(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_programs_of_this_machine_are_answered() {
        let check = |pairs: &[(HeaderName, &'static str)]| {
            let pairs = pairs.iter().cloned();
            let headers = pairs.map(|(name, value)| (name, HeaderValue::from_static(value)));
            check_is_local(&headers.collect()).is_ok()
        };
        for host in [
            "localhost",
            "LOCALHOST:80",
            "127.0.0.1:4711",
            "127.9.9.9",
            "[::1]:80",
        ] {
            assert!(check(&[(HOST, host)]), "{host}");
            let origin = (ORIGIN, "http://localhost");
            assert!(!check(&[(HOST, host), origin]), "{host}");
        }
        for host in [
            "attacker.example",
            "localhost.attacker.example",
            "127.0.0.1.attacker.example:80",
            "10.0.0.1",
            "[::2]",
            "",
        ] {
            assert!(!check(&[(HOST, host)]), "{host}");
        }
        assert!(!check(&[]));
    }
}
