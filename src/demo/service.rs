//! What becomes of one HTTP request: its route, its key, its body, and the answer or the refusal.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response};
use serde_json::Value;

use super::body::{Piece, Pieces};
use super::models::{self, Region};
use super::refusal::{Reason, Refusal};
use super::{Settings, check, reply, script};

/// The longest body: the limit of Bedrock, the tightest of the platforms behind the real endpoint.
const MAX_BODY_BYTES: usize = 20 * 1024 * 1024;

/// The media type of a stream.
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");

/// The media type of everything else.
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The endpoint's side of all its connections.
pub(super) struct Service {
    settings: Settings,
    requests: AtomicU64,
    messages: AtomicU64,
}

/// What a path stands for.
#[derive(Debug, PartialEq, Eq)]
enum Route {
    Messages(Region),
    Models(Region),
}

impl Route {
    /// Returns the one method that the route takes.
    fn method(&self) -> Method {
        match self {
            Self::Messages(_) => Method::POST,
            Self::Models(_) => Method::GET,
        }
    }
}

impl Service {
    /// Returns a service that has seen no request yet.
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, requests: AtomicU64::new(0), messages: AtomicU64::new(0) }
    }

    /// Answers a request, in any case.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Pieces> {
        let request_id = format!("req_demo_{}", next(&self.requests));
        let mut response = match self.accept(request).await {
            Ok(response) => response,
            Err(refusal) => {
                let mut response = json(&refusal.body(&request_id));
                *response.status_mut() = refusal.status();
                response
            }
        };
        let request_id = HeaderValue::from_str(&request_id).expect("letters, digits and _ make a header value");
        response.headers_mut().insert("request-id", request_id);
        response
    }

    async fn accept(&self, request: Request<Incoming>) -> Result<Response<Pieces>, Refusal> {
        let route = route(request.uri().path())?;
        if request.method() != route.method() {
            return Err(Refusal::new(Reason::MethodNotAllowed, format!("Method Not Allowed, only {}", route.method())));
        }
        check_key(request.headers(), self.settings.key.as_deref())?;
        match route {
            Route::Models(region) => Ok(json(&models::list(region))),
            Route::Messages(region) => {
                check_content_type(request.headers())?;
                let body = read(request.into_body()).await?;
                self.message(&body, region)
            }
        }
    }

    fn message(&self, body: &[u8], region: Region) -> Result<Response<Pieces>, Refusal> {
        if body.is_empty() {
            return Err(Refusal::invalid("No body"));
        }
        let body: Value = serde_json::from_slice(body)
            .map_err(|error| Refusal::invalid(format!("The request body is not valid JSON: {error}")))?;
        let ask = check::request(&body, region)?;
        let answer = script::answer(&ask);
        let id = format!("msg_demo_{}", next(&self.messages));
        if !ask.stream {
            return Ok(json(&reply::message(&id, ask.model, &answer)));
        }
        let pause = |delta| if delta { self.settings.token_delay } else { Duration::ZERO };
        let pieces = reply::events(&id, ask.model, &answer)
            .iter()
            .map(|event| Piece { bytes: event.bytes(), pause: pause(event.is_delta()) })
            .collect();
        let mut response = Response::new(Pieces::new(pieces));
        response.headers_mut().insert(CONTENT_TYPE, EVENT_STREAM);
        Ok(response)
    }
}

/// Counts one more, from 1.
fn next(counter: &AtomicU64) -> u64 {
    counter.fetch_add(1, Ordering::Relaxed) + 1
}

fn route(path: &str) -> Result<Route, Refusal> {
    let route = || {
        let (region, rest) = path.strip_prefix("/anthropic/")?.split_once('/')?;
        let region = Region::from_slug(region)?;
        match rest {
            "v1/messages" => Some(Route::Messages(region)),
            "v1/models" => Some(Route::Models(region)),
            _ => None,
        }
    };
    route().ok_or_else(|| Refusal::new(Reason::NotFound, "Not found"))
}

fn check_key(headers: &HeaderMap, expected: Option<&str>) -> Result<(), Refusal> {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| {
        let (scheme, key) = value.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
    });
    let plain = headers.get("x-api-key").and_then(|value| value.to_str().ok());
    match (bearer.or(plain).filter(|key| !key.is_empty()), expected) {
        (None, _) => Err(Refusal::new(Reason::Authentication, "Missing API key")),
        (Some(key), Some(expected)) if key != expected => Err(Refusal::new(Reason::Authentication, "Invalid API key")),
        (Some(_), _) => Ok(()),
    }
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let media_type = match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim(),
        // A doubled header breaks the real endpoint's parser, too.
        _ => "",
    };
    if media_type.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Refusal::invalid("content-type must be sent once, as application/json"))
}

/// Reads a body to its end, even one that is too large, so that the client is there to hear of it.
async fn read(mut body: Incoming) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Refusal::invalid(format!("The request body broke off: {error}")))?;
        let data = frame.into_data().unwrap_or_default();
        length += data.len();
        if length <= MAX_BODY_BYTES {
            bytes.extend_from_slice(&data);
        }
    }
    if length > MAX_BODY_BYTES {
        return Err(Refusal::new(Reason::TooLarge, "Request exceeds the maximum size"));
    }
    Ok(bytes)
}

fn json(body: &Value) -> Response<Pieces> {
    let mut response = Response::new(Pieces::whole(Bytes::from(body.to_string())));
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_two_routes_of_the_two_regions_are_found() {
        assert_eq!(route("/anthropic/eu/v1/messages"), Ok(Route::Messages(Region::Eu)));
        assert_eq!(route("/anthropic/us/v1/models"), Ok(Route::Models(Region::Us)));
        for path in ["/", "/v1/messages", "/anthropic/ch/v1/messages", "/anthropic/eu/v1/messages/count_tokens"] {
            assert!(route(path).is_err(), "{path}");
        }
    }

    #[test]
    fn a_key_is_taken_from_either_header() {
        let headers = |name: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            headers
        };
        for (name, value, expected, passes) in [
            ("authorization", "Bearer a", Some("a"), true),
            ("authorization", "bearer a", None, true),
            ("x-api-key", "a", Some("a"), true),
            ("x-api-key", "b", Some("a"), false),
            ("x-api-key", "", None, false),
            ("authorization", "Bearer ", None, false),
            ("authorization", "Basic a", None, false),
        ] {
            assert_eq!(check_key(&headers(name, value), expected).is_ok(), passes, "{name}: {value}");
        }
    }

    #[test]
    fn the_content_type_must_be_json_and_come_once() {
        let check = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CONTENT_TYPE, HeaderValue::from_static(value));
            }
            check_content_type(&headers).is_ok()
        };
        assert!(check(&["application/json"]) && check(&["application/json; charset=utf-8"]));
        assert!(!check(&[]) && !check(&["text/plain"]) && !check(&["application/json", "application/json"]));
    }

    #[test]
    fn a_body_that_is_no_request_is_refused() {
        let service = Service::new(Settings::default());
        for (body, expected) in [
            ("", "No body"),
            ("{", "The request body is not valid JSON: "),
            ("[]", "Input should be a valid dictionary"),
            ("{}", "model: Field required"),
        ] {
            let refusal = service.message(body.as_bytes(), Region::Eu).err().expect("no request");
            assert!(refusal.message().starts_with(expected), "{body}: {}", refusal.message());
        }
    }
}
