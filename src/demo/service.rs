//! Handles one HTTP request: its route, key and body, and the answer or refusal.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response};
use serde_json::Value;
use tokio::sync::watch;

use super::ask::ParsedRequest;
use super::body::ScriptedBody;
use super::delivery::{self, PlannedBreak};
use super::fault::{Fault, FaultDealer};
use super::head::{check_content_type, check_key};
use super::limit::{DemoLedger, LimitStatus, RemainingLimit};
use super::models::{self, DemoRegion};
use super::prompt_cache::{CacheWrites, InputTokens, PromptCache};
use super::record::{AccessRecord, AnswerUsage};
use super::refusal::{Refusal, RefusalReason};
use super::reply::ReplyHead;
use super::server_room::{MAX_BODY_BYTES, MAX_TREE_BYTES, ServerRoom};
use super::{DemoSettings, check, reply, script};
use crate::text::JsonShape;

/// The media type of a stream.
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");

/// The media type of everything else.
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The state that all connections share.
pub(super) struct DemoService {
    settings: DemoSettings,
    limits: Arc<DemoLedger>,
    cache: PromptCache,
    dealer: FaultDealer,
    draining: watch::Receiver<bool>,
    requests: AtomicU64,
    messages: AtomicU64,
    room: ServerRoom,
}

/// A route and its region.
#[derive(Debug, PartialEq, Eq)]
enum RequestRoute {
    Messages(DemoRegion),
    Models(DemoRegion),
}

impl RequestRoute {
    /// Returns the only method that the route supports.
    fn method(&self) -> Method {
        match self {
            Self::Messages(_) => Method::POST,
            Self::Models(_) => Method::GET,
        }
    }

    /// Returns the region in the path.
    fn region(&self) -> DemoRegion {
        match self {
            Self::Messages(region) | Self::Models(region) => *region,
        }
    }
}

/// A response to send.
pub(super) struct PendingReply {
    /// The delay before its first byte.
    wait: Duration,
    /// What to write to the cache once the answer begins.
    writes: CacheWrites,
    response: Response<ScriptedBody>,
}

impl DemoService {
    /// Creates a service.
    pub(super) fn new(settings: DemoSettings, draining: watch::Receiver<bool>) -> Self {
        let limits = DemoLedger::new(settings.limits);
        let dealer = FaultDealer::new(settings.faults.clone(), settings.seed);
        Self {
            settings,
            limits,
            cache: PromptCache::default(),
            dealer,
            draining,
            requests: AtomicU64::new(0),
            messages: AtomicU64::new(0),
            room: ServerRoom::new(),
        }
    }

    /// Returns the response to a request; refusals are responses too.
    pub(super) async fn answer_request(
        &self,
        request: Request<Incoming>,
    ) -> Response<ScriptedBody> {
        let request_id = format!("req_demo_{}", next_number(&self.requests));
        let mut record =
            AccessRecord::new(self.settings.log.clone(), request_id, SystemTime::now());
        let mut response = match self.accept_request(request, &mut record).await {
            Ok(response) => response,
            Err(refusal) => refusal_response(&refusal, record.request_id()),
        };
        let headers = response.headers_mut();
        headers.insert("request-id", header_value(record.request_id()));
        if let Some(standing) = &record.standing {
            add_limit_headers(headers, standing);
        }
        record.note_status(response.status());
        response.map(|body| body.with_record(record))
    }

    async fn accept_request(
        &self,
        request: Request<Incoming>,
        record: &mut AccessRecord,
    ) -> Result<Response<ScriptedBody>, Refusal> {
        let route = parse_route(request.uri().path(), self.settings.is_open)?;
        record.region = Some(route.region());
        if request.method() != route.method() {
            return Err(Refusal::new(
                RefusalReason::MethodNotAllowed,
                format!("Method Not Allowed, only {}", route.method()),
            ));
        }
        let key = check_key(request.headers(), self.settings.key.as_deref())?.to_owned();
        match route {
            RequestRoute::Models(region) => Ok(json_response(&models::models_body(region))),
            RequestRoute::Messages(region) => {
                check_content_type(request.headers())?;
                let reply = self
                    .read_and_answer(request.into_body(), region, &key, record)
                    .await?;
                if !reply.wait.is_zero() {
                    tokio::time::sleep(reply.wait).await;
                }
                Ok(self.begin_answer(reply))
            }
        }
    }

    /// Begins an answer: what its request wrote to the cache can be read from now on.
    pub(super) fn begin_answer(&self, reply: PendingReply) -> Response<ScriptedBody> {
        self.cache.store(reply.writes, tokio::time::Instant::now());
        reply.response
    }

    /// Reads the body and makes the answer. Neither is begun before there is room for it, and the
    /// body is gone before the answer leaves.
    async fn read_and_answer(
        &self,
        body: Incoming,
        region: DemoRegion,
        key: &str,
        record: &mut AccessRecord,
    ) -> Result<PendingReply, Refusal> {
        let deadline = tokio::time::Instant::now() + self.settings.patience;
        let late = |_| Refusal::invalid_request("The request body did not arrive in time");
        let entered = tokio::time::timeout_at(deadline, self.room.enter_body(&body));
        let _room = entered.await.map_err(late)?;
        let read = tokio::time::timeout_at(deadline, read_body(body, &mut record.bytes_in));
        let body = read.await.map_err(late)??;
        let size = |reply: &Result<PendingReply, Refusal>| {
            reply
                .as_ref()
                .map_or(0, |reply| reply.response.body().memory_size())
        };
        let make = || self.answer_message(body, region, key, record);
        let (reply, room) = self.room.make_reply(make, size).await;
        reply.map(|reply| PendingReply {
            response: reply.response.map(|body| body.with_room(room)),
            ..reply
        })
    }

    /// Checks a request, and prepares its answer.
    pub(super) fn answer_message(
        &self,
        bytes: Vec<u8>,
        region: DemoRegion,
        key: &str,
        record: &mut AccessRecord,
    ) -> Result<PendingReply, Refusal> {
        if bytes.is_empty() {
            return Err(Refusal::invalid_request("No body"));
        }
        if JsonShape::of_text(&bytes).tree_bytes > MAX_TREE_BYTES {
            return Err(Refusal::new(
                RefusalReason::TooLarge,
                "Request has too many JSON values",
            ));
        }
        let body: Value = serde_json::from_slice(&bytes).map_err(|error| {
            Refusal::invalid_request(format!("The request body is not valid JSON: {error}"))
        })?;
        drop(bytes);
        let ask = check::check_request(&body, region, key)?;
        record.model = Some(ask.model.to_owned());
        record.stream = Some(ask.stream);
        let answer = script::script_answer(&ask);
        let (input, writes) = self.cache.look_up(
            ask.cache_owner(),
            &ask.prompt_blocks(),
            ask.rules.cache_minimum,
            tokio::time::Instant::now(),
        );
        // Tokens read from the cache count toward the limit as well. Source: the proxy
        // `de.bestblu.tools.tpmproxy`, whose author saw Langdock refuse such requests.
        self.reserve_tokens(&ask, input.total(), key, record)?;
        record.fault = self.dealer.next_fault();
        match record.fault {
            Some(Fault::Status(status)) => return Err(Refusal::for_fault(status)),
            // Without a stream there is no event that could report it.
            Some(Fault::ErrorEvent) if !ask.stream => return Err(Refusal::for_fault(529)),
            _ => {}
        }
        record.usage = Some(AnswerUsage {
            input: input.total() as u64,
            output: 0,
        });
        let (wait, response) = self.build_reply(&ask, &answer, input, record.fault);
        Ok(PendingReply {
            wait,
            writes,
            response,
        })
    }

    /// Reserves the maximum cost of a request in the ledger.
    fn reserve_tokens(
        &self,
        ask: &ParsedRequest<'_>,
        input_tokens: usize,
        key: &str,
        record: &mut AccessRecord,
    ) -> Result<(), Refusal> {
        let most = (input_tokens as u64).saturating_add(ask.max_tokens as u64);
        let (reserved, standing) = self.limits.reserve((key, ask.model), most, Instant::now());
        record.standing = Some(standing);
        record.reservation =
            Some(reserved.map_err(|exceeded| Refusal::for_rate_limit(exceeded.wait))?);
        Ok(())
    }

    /// Returns the response, and the delay before its first byte.
    fn build_reply(
        &self,
        ask: &ParsedRequest<'_>,
        answer: &script::ScriptedAnswer,
        input: InputTokens,
        fault: Option<Fault>,
    ) -> (Duration, Response<ScriptedBody>) {
        let id = format!("msg_demo_{}", next_number(&self.messages));
        let pace = self.settings.pace;
        let tokens = answer.output_tokens as u64;
        let broken = fault.map(|fault| PlannedBreak {
            fault,
            draining: self.draining.clone(),
        });
        let head = ReplyHead {
            id: &id,
            model: ask.model,
            input,
        };
        let (wait, body, media_type) = if ask.stream {
            let events = reply::stream_events(head, answer);
            (
                pace.latency,
                delivery::stream_body(&events, tokens, pace, broken),
                EVENT_STREAM,
            )
        } else {
            let message = reply::message_body(head, answer).to_string();
            (
                pace.before_whole(tokens),
                delivery::whole_body(message.into(), tokens, broken),
                JSON,
            )
        };
        let mut response = Response::new(body);
        response.headers_mut().insert(CONTENT_TYPE, media_type);
        (wait, response)
    }
}

/// Returns the response to a refused request.
pub(super) fn refusal_response(refusal: &Refusal, request_id: &str) -> Response<ScriptedBody> {
    let mut response = json_response(&refusal.body(request_id));
    *response.status_mut() = refusal.status();
    if let Some((name, value)) = refusal.retry_header() {
        response.headers_mut().insert(name, header_value(&value));
    }
    response
}

/// Adds the headers that report the limits and what remains of them, as Langdock does.
fn add_limit_headers(headers: &mut HeaderMap, standing: &LimitStatus) {
    let mut tell = |limit, remaining, left: Option<RemainingLimit>| {
        if let Some(left) = left {
            headers.insert(limit, left.limit.into());
            headers.insert(remaining, left.remaining.into());
        }
    };
    tell(
        "x-ratelimit-limit-requests",
        "x-ratelimit-remaining-requests",
        standing.requests,
    );
    tell(
        "x-ratelimit-limit-tokens",
        "x-ratelimit-remaining-tokens",
        standing.tokens,
    );
}

fn header_value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("letters, digits and _ make a header value")
}

/// Increments a counter and returns the new value, starting from 1.
fn next_number(counter: &AtomicU64) -> u64 {
    counter.fetch_add(1, Ordering::Relaxed) + 1
}

/// Parses a path; an open endpoint accepts any region.
fn parse_route(path: &str, is_open: bool) -> Result<RequestRoute, Refusal> {
    let route = || {
        let (region, rest) = path.strip_prefix("/anthropic/")?.split_once('/')?;
        let region = DemoRegion::from_slug(region).or(is_open.then_some(DemoRegion::Other))?;
        match rest {
            "v1/messages" => Some(RequestRoute::Messages(region)),
            "v1/models" => Some(RequestRoute::Models(region)),
            _ => None,
        }
    };
    route().ok_or_else(|| Refusal::new(RefusalReason::NotFound, "Not found"))
}

/// Reads a body to the end and counts its bytes, even if it is too large, so that the client still
/// receives the refusal.
pub(super) async fn read_body(mut body: Incoming, length: &mut usize) -> Result<Vec<u8>, Refusal> {
    let announced = body
        .size_hint()
        .exact()
        .and_then(|size| usize::try_from(size).ok());
    let mut bytes = Vec::with_capacity(
        announced
            .filter(|size| *size <= MAX_BODY_BYTES)
            .unwrap_or(0),
    );
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            Refusal::invalid_request(format!("The request body ended early: {error}"))
        })?;
        let data = frame.into_data().unwrap_or_default();
        *length += data.len();
        if *length <= MAX_BODY_BYTES {
            bytes.extend_from_slice(&data);
        }
    }
    if *length > MAX_BODY_BYTES {
        return Err(Refusal::new(
            RefusalReason::TooLarge,
            "Request exceeds the maximum size",
        ));
    }
    Ok(bytes)
}

fn json_response(body: &Value) -> Response<ScriptedBody> {
    let mut response = Response::new(ScriptedBody::from_bytes(Bytes::from(body.to_string())));
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_two_routes_of_the_two_regions_are_found() {
        assert_eq!(
            parse_route("/anthropic/eu/v1/messages", false),
            Ok(RequestRoute::Messages(DemoRegion::Eu))
        );
        assert_eq!(
            parse_route("/anthropic/us/v1/models", false),
            Ok(RequestRoute::Models(DemoRegion::Us))
        );
        for path in [
            "/",
            "/v1/messages",
            "/anthropic/ch/v1/messages",
            "/anthropic/eu/v1/messages/count_tokens",
        ] {
            assert!(parse_route(path, false).is_err(), "{path}");
        }
    }

    #[test]
    fn a_body_that_is_not_a_request_is_refused() {
        let service = DemoService::new(DemoSettings::default(), watch::channel(false).1);
        for (body, expected) in [
            ("", "No body"),
            ("{", "The request body is not valid JSON: "),
            ("[]", "Input should be a valid dictionary"),
            ("{}", "model: Field required"),
        ] {
            let mut record = AccessRecord::new(None, "req".to_owned(), SystemTime::UNIX_EPOCH);
            let reply = service.answer_message(body.into(), DemoRegion::Eu, "key", &mut record);
            let refusal = reply.err().expect("no request");
            assert!(
                refusal.message().starts_with(expected),
                "{body}: {}",
                refusal.message()
            );
        }
    }

    /// Sends `body` to `service` and returns the tokens in `usage`: read, written for five minutes,
    /// written for an hour, and uncached.
    async fn usage_of(service: &DemoService, body: &Value) -> [u64; 4] {
        let mut record = AccessRecord::new(None, "req".to_owned(), SystemTime::UNIX_EPOCH);
        let body = body.to_string();
        let reply = service.answer_message(body.into(), DemoRegion::Eu, "key", &mut record);
        let reply = reply.unwrap_or_else(|refusal| panic!("{}", refusal.message()));
        service
            .cache
            .store(reply.writes, tokio::time::Instant::now());
        let answer = reply.response.into_body().collect().await.expect("whole");
        let answer: Value = serde_json::from_slice(&answer.to_bytes()).expect("JSON");
        let usage = &answer["usage"];
        let count = |at: &str| usage.pointer(at).and_then(Value::as_u64).expect("a count");
        assert_eq!(
            count("/cache_creation_input_tokens"),
            count("/cache_creation/ephemeral_5m_input_tokens")
                + count("/cache_creation/ephemeral_1h_input_tokens")
        );
        [
            count("/cache_read_input_tokens"),
            count("/cache_creation/ephemeral_5m_input_tokens"),
            count("/cache_creation/ephemeral_1h_input_tokens"),
            count("/input_tokens"),
        ]
    }

    /// Returns a request with a system prompt of this many tokens and a breakpoint of this
    /// lifetime.
    fn marked_request(model: &str, tokens: usize, ttl: &str) -> Value {
        serde_json::json!({
            "model": model,
            "max_tokens": 1000,
            "system": [{
                "type": "text",
                "text": "rule".repeat(tokens),
                "cache_control": { "type": "ephemeral", "ttl": ttl },
            }],
            "messages": [{ "role": "user", "content": "Hi" }],
        })
    }

    fn cached_service() -> DemoService {
        DemoService::new(DemoSettings::default(), watch::channel(false).1)
    }

    #[tokio::test(start_paused = true)]
    async fn a_marked_prompt_is_written_then_read_until_its_time_is_over() {
        let model = "claude-opus-5-default";
        for (ttl, seconds, written) in [("5m", 300, [0, 600, 0, 5]), ("1h", 3600, [0, 0, 600, 5])] {
            let service = cached_service();
            let request = marked_request(model, 600, ttl);
            assert_eq!(usage_of(&service, &request).await, written);
            tokio::time::advance(Duration::from_secs(seconds - 1)).await;
            assert_eq!(usage_of(&service, &request).await, [600, 0, 0, 5]);
            tokio::time::advance(Duration::from_secs(seconds)).await;
            assert_eq!(usage_of(&service, &request).await, written);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_model_has_its_own_shortest_cached_prompt() {
        for (model, minimum) in [
            ("claude-opus-5-default", 512),
            ("claude-fable-5-default", 512),
            ("claude-opus-4-8-default", 1024),
            ("claude-sonnet-5-default", 1024),
            ("claude-sonnet-4-6-default", 1024),
            ("claude-sonnet-4-5-20250929", 1024),
            ("claude-opus-4-7-default", 2048),
            ("claude-opus-4-6-default", 4096),
            ("claude-opus-4-5-default", 4096),
            ("claude-haiku-4-5@20251001", 4096),
            ("claude-opus-9", 4096),
        ] {
            let service = cached_service();
            let below = marked_request(model, minimum - 1, "5m");
            assert_eq!(usage_of(&service, &below).await[1], 0, "{model}");
            assert_eq!(usage_of(&service, &below).await[0], 0, "{model}");
            let tokens = minimum as u64;
            let request = marked_request(model, minimum, "5m");
            assert_eq!(usage_of(&service, &request).await[1], tokens, "{model}");
            assert_eq!(usage_of(&service, &request).await[0], tokens, "{model}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn tools_stay_cached_when_the_system_prompt_changes_and_both_when_a_picture_comes() {
        let service = cached_service();
        let mark = serde_json::json!({ "type": "ephemeral" });
        let mut request = marked_request("claude-opus-5-default", 600, "5m");
        request["tools"] = serde_json::json!([{
            "name": "a", "description": "word".repeat(600),
            "input_schema": { "type": "object" }, "cache_control": mark,
        }]);
        let all = usage_of(&service, &request).await[1];
        let mut other = request.clone();
        other["system"][0]["text"] = "role".repeat(600).into();
        let usage = usage_of(&service, &other).await;
        assert_eq!((usage[0], usage[1]), (all - 600, 600));
        let source = serde_json::json!({
            "type": "base64", "media_type": "image/gif",
            "data": "R0lGODlhAQABAAAAACwAAAAAAQABAAACAUwAOw==",
        });
        request["messages"][0]["content"] =
            serde_json::json!([{ "type": "image", "source": source }]);
        let usage = usage_of(&service, &request).await;
        assert_eq!((usage[0], usage[1]), (all, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn what_changes_before_a_mark_is_written_again() {
        let tool =
            |name: &str| serde_json::json!({ "name": name, "input_schema": { "type": "object" } });
        let mut request = marked_request("claude-opus-5-default", 600, "5m");
        request["tools"] = serde_json::json!([tool("a")]);
        request["messages"][0]["content"] = serde_json::json!([
            { "type": "text", "text": "word".repeat(100), "cache_control": { "type": "ephemeral" } },
        ]);
        let changed = |at: &str, value: Value| {
            let mut changed = request.clone();
            changed[at] = value;
            changed
        };
        for (other, is_read) in [
            // The system prompt and the tools have not changed.
            (
                changed("tool_choice", serde_json::json!({ "type": "none" })),
                true,
            ),
            (
                changed("thinking", serde_json::json!({ "type": "disabled" })),
                true,
            ),
            (
                changed("tools", serde_json::json!([tool("a"), tool("b")])),
                false,
            ),
            (
                changed("model", serde_json::json!("claude-fable-5-default")),
                false,
            ),
            (changed("max_tokens", serde_json::json!(999)), true),
        ] {
            let service = cached_service();
            let first = usage_of(&service, &request).await;
            assert_eq!((first[0], first[3]), (0, 0));
            let again = usage_of(&service, &other).await;
            assert_eq!(again[0] > 0, is_read, "{other}");
            let has_all = other["max_tokens"] == 999;
            assert_eq!(again[1] == 0, has_all, "{other}");
        }
    }
}
