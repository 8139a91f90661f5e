//! Writes what goes over the wire into a record, without what is secret in it.
//!
//! One tape follows one request. It writes its line when it is dropped: however the request ends,
//! what had come by then is in the record.

use std::borrow::Cow;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use reqwest::header::{HeaderMap, SET_COOKIE};
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::auth::ApiKey;
use super::error::Error;
use super::proxy::ProxyChoice;
use super::recorded_failure::record_failure;
use crate::protocol::BodyScrub;
use crate::recording::{
    BodyPiece, RecordWriter, RecordedExchange, RecordedRequest, RecordedResponse,
};
use crate::text::SecretForms;

/// What replaces a secret other than the key.
const OTHER_MASK: &str = "[secret]";

/// A cookie shorter than this is a setting and no secret: blanking it out would only garble texts.
const MIN_COOKIE: usize = 8;

/// A record that is written, and what must not get into it.
#[derive(Debug)]
pub(super) struct ExchangeRecorder {
    writer: Arc<RecordWriter>,
    key: ApiKey,
    /// The password of the proxy, and what it is sent as.
    proxy_forms: Vec<Arc<SecretForms>>,
    /// Why a line could not be written.
    failure: Mutex<Option<io::Error>>,
}

/// One request while it is sent and answered.
#[derive(Debug)]
pub(super) struct ExchangeTape {
    recorder: Arc<ExchangeRecorder>,
    started: Instant,
    exchange: RecordedExchange,
    /// What came of the body, with the milliseconds after the request.
    chunks: Vec<(u64, Bytes)>,
    /// The values of the cookies that the response sets.
    cookies: Vec<Arc<SecretForms>>,
}

/// A request that is about to be sent.
pub(super) struct OutgoingRequest<'r> {
    /// The method.
    pub(super) method: &'r str,
    /// The URL.
    pub(super) url: &'r str,
    /// The headers; those marked sensitive are left out.
    pub(super) headers: &'r HeaderMap,
    /// The body, if there is one.
    pub(super) body: Option<&'r [u8]>,
    /// Which attempt it is, from 1.
    pub(super) attempt: u32,
}

impl ExchangeRecorder {
    /// Creates a recorder for requests with this key through this proxy.
    pub(super) fn new(writer: Arc<RecordWriter>, key: &ApiKey, proxy: &ProxyChoice) -> Self {
        let secrets = proxy.secrets();
        Self {
            writer,
            key: key.clone(),
            proxy_forms: secrets
                .iter()
                .map(|secret| Arc::new(SecretForms::with_mask(secret, OTHER_MASK)))
                .collect(),
            failure: Mutex::new(None),
        }
    }

    /// Begins to follow a request.
    pub(super) fn start(self: &Arc<Self>, request: &OutgoingRequest<'_>) -> ExchangeTape {
        let body = request.body.and_then(|body| {
            let text = String::from_utf8_lossy(body).into_owned();
            RawValue::from_string(text).ok()
        });
        ExchangeTape {
            recorder: Arc::clone(self),
            started: Instant::now(),
            exchange: RecordedExchange {
                at: RecordedExchange::format_time(SystemTime::now()),
                attempt: request.attempt,
                request: RecordedRequest {
                    method: request.method.to_owned(),
                    url: request.url.to_owned(),
                    headers: header_pairs(request.headers),
                    body,
                },
                response: None,
                failure: None,
                took_ms: 0,
            },
            chunks: Vec::new(),
            cookies: Vec::new(),
        }
    }

    /// Returns why a line could not be written, once.
    pub(super) fn take_failure(&self) -> Option<Error> {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.take().map(|source| Error::Unrecorded {
            path: self.writer.path().to_owned(),
            source,
        })
    }

    /// Blanks everything that is secret out of a text.
    fn scrub(&self, text: &str, cookies: &[Arc<SecretForms>]) -> String {
        let mut text = self.key.scrub_key(text);
        for forms in self.proxy_forms.iter().chain(cookies) {
            if let Cow::Owned(without) = forms.replace_in(&text) {
                text = without;
            }
        }
        text
    }
}

impl ExchangeTape {
    /// Notes the head of the response.
    pub(super) fn note_head(&mut self, status: u16, headers: &HeaderMap) {
        self.cookies = headers
            .get_all(SET_COOKIE)
            .iter()
            .filter_map(|cookie| cookie.to_str().ok()?.split(';').next()?.split_once('='))
            .map(|(_, value)| value.trim())
            .filter(|value| value.len() >= MIN_COOKIE)
            .map(|cookie| Arc::new(SecretForms::with_mask(cookie, OTHER_MASK)))
            .collect();
        self.exchange.response = Some(RecordedResponse {
            status,
            after_ms: self.elapsed_ms(),
            headers: header_pairs(headers),
            body: Vec::new(),
        });
    }

    /// Notes a piece of the body.
    pub(super) fn note_chunk(&mut self, bytes: &Bytes) {
        self.chunks.push((self.elapsed_ms(), bytes.clone()));
    }

    /// Notes what went wrong.
    pub(super) fn note_failure(&mut self, error: &Error) {
        self.exchange.failure = record_failure(error);
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Returns the exchange as it is written.
    fn finish(&mut self) -> RecordedExchange {
        let scrub = |text: &str| self.recorder.scrub(text, &self.cookies);
        let mut exchange = self.exchange.clone();
        exchange.took_ms = self.elapsed_ms();
        let request = &mut exchange.request;
        request.url = scrub(&request.url);
        if let Some(body) = request.body.take() {
            // Only the key can be in it, and its mask leaves JSON as it was: the password of a
            // proxy may be a word that JSON has anywhere.
            request.body = RawValue::from_string(self.recorder.key.scrub_key(body.get())).ok();
        }
        for (_, value) in &mut request.headers {
            *value = scrub(value);
        }
        if let Some(response) = &mut exchange.response {
            for (_, value) in &mut response.headers {
                *value = scrub(value);
            }
            // What is divided between events first: these are rewritten without it.
            let others = self.recorder.proxy_forms.iter().chain(&self.cookies);
            let others = others.filter(|forms| forms.is_secret()).cloned();
            let secrets = self.recorder.key.forms().into_iter().chain(others);
            let mut bodies: Vec<BodyScrub> = secrets.map(BodyScrub::new).collect();
            response.body = BodyPiece::split(&self.chunks, &mut |piece| {
                let piece = bodies
                    .iter_mut()
                    .fold(piece, |piece, body| body.push(piece));
                scrub_bytes(piece, &scrub)
            });
        }
        if let Some(failure) = &exchange.failure {
            // Its reason may be what a proxy answered.
            let text = serde_json::to_string(failure).unwrap_or_default();
            exchange.failure = serde_json::from_str(&scrub(&text)).ok();
        }
        exchange
    }
}

impl Drop for ExchangeTape {
    fn drop(&mut self) {
        // Given up before anything came back: nobody knows what would have.
        if self.exchange.response.is_none() && self.exchange.failure.is_none() {
            return;
        }
        let exchange = self.finish();
        if let Err(error) = self.recorder.writer.append(exchange) {
            let mut failure = self
                .recorder
                .failure
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            failure.get_or_insert(error);
        }
    }
}

/// Returns headers as a record has them, without those that are or set a secret.
fn header_pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .filter(|(name, value)| !value.is_sensitive() && **name != SET_COOKIE)
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect()
}

/// Scrubs bytes that may not be UTF-8; then each byte counts as the character of its number.
fn scrub_bytes(bytes: Vec<u8>, scrub: &dyn Fn(&str) -> String) -> Vec<u8> {
    match String::from_utf8(bytes) {
        Ok(text) => scrub(&text).into_bytes(),
        Err(error) => {
            let text: String = error.as_bytes().iter().copied().map(char::from).collect();
            let to_byte = |character| u8::try_from(character).unwrap_or(b'?');
            scrub(&text).chars().map(to_byte).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_among_bytes_that_are_not_text() {
        let scrub = |text: &str| text.replace("sk-ld-secret", "[API key]");
        assert_eq!(
            scrub_bytes(b"\xff sk-ld-secret \xc3\xa9".to_vec(), &scrub),
            b"\xff [API key] \xc3\xa9"
        );
        assert_eq!(
            scrub_bytes("é sk-ld-secret".as_bytes().to_vec(), &scrub),
            "é [API key]".as_bytes()
        );
    }
}
