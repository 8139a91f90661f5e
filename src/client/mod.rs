//! The shared HTTP core: endpoint, authentication, transport and retries.

mod api_request;
mod attempt_response;
mod auth;
mod call;
mod call_event;
mod certificate;
mod dns_resolver;
mod endpoint;
mod error;
mod exchange_recorder;
mod http_builder;
mod ledger_url;
mod models;
mod no_proxy;
mod pacer;
mod proxy;
mod proxy_refusal;
mod read_coalescer;
mod recorded_failure;
mod redis_server;
mod reservation;
mod retry;
mod tls;
mod upload;
mod watchdog;
mod web_client;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;

#[cfg(test)]
pub(crate) use api_request::ModelListLimit;
use api_request::{ApiRequest, ModelListing};
pub(crate) use auth::{ApiKey, FingerprintWriter, KeyError, auth_header, fingerprint};
pub(crate) use call::ApiCall;
pub(crate) use call_event::{CallEvent, RateLimited, ResponseHead, RetryNotice};
pub(crate) use certificate::CertificateFlaw;
pub(crate) use endpoint::{
    DEFAULT_BASE_URL, DEFAULT_REGION, Endpoint, EndpointError, KNOWN_REGIONS, Region,
    is_loopback_host, key_scope_of, with_region,
};
pub(crate) use error::{BuildError, CallTimeout, Error, StatusError};
pub(crate) use ledger_url::{LedgerPassword, LedgerUrl};
pub(crate) use models::{
    BATCH_MAX_TOKENS, DEFAULT_MAX_TOKENS, ListedModel, OutputLimits, default_max_tokens, models_of,
    newest_model, pick_default, regions_instead, seed_max_tokens, seed_window,
};
pub(crate) use pacer::PacingOptions;
pub(crate) use proxy::ProxyChoice;
pub(crate) use redis_server::{LedgerAccess, LedgerServerInfo};
pub(crate) use reservation::Reservation;
pub(crate) use retry::{RetryPolicy, is_transient_status};
pub(crate) use web_client::{WebClient, web_client};

use crate::pace::{LimitStoreError, LimitsView, SharedLedger, StoreReply};
use crate::protocol::{ApiError, RequestBody, StreamError};
use crate::recording::{RecordWriter, RecordedAnswers, ReplayPace};
use crate::text::{KnownSecrets, SecretForms};
use exchange_recorder::ExchangeRecorder;
use http_builder::http_builder;

/// The version of the API that is spoken. The next one, 2026-10-21, takes the sampling parameters
/// away.
pub(crate) const ANTHROPIC_VERSION: &str = "2023-06-01";

/// What every request calls itself.
pub(crate) const AGENT: &str = concat!("langdock/", env!("CARGO_PKG_VERSION"));

/// How to connect and how long to wait.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ClientOptions {
    /// Connection timeout.
    pub(crate) connect_timeout: Duration,
    /// Idle timeout; none: depends on the kind of answer.
    pub(crate) idle_timeout: Option<Duration>,
    /// Total time limit, including waits; none: no limit.
    pub(crate) timeout: Option<Duration>,
    /// When to try again.
    pub(crate) retry: RetryPolicy,
    /// The proxy.
    pub(crate) proxy: ProxyChoice,
    /// A PEM file that replaces the bundled and the system's roots.
    pub(crate) cacert: Option<PathBuf>,
    /// How requests share the limits; none: each is sent at once.
    pub(crate) pace: Option<PacingOptions>,
}

/// The records that requests are written to and answered from, once they are open.
#[derive(Debug, Clone, Default)]
pub(crate) struct OpenRecords {
    /// Where requests are recorded.
    pub(crate) writer: Option<Arc<RecordWriter>>,
    /// What answers them. With a writer, what is missing there is sent.
    pub(crate) answers: Option<Arc<RecordedAnswers>>,
    /// How fast it answers.
    pub(crate) pace: ReplayPace,
    /// The keys that this process knows, for which records have a mask.
    pub(crate) secrets: Arc<KnownSecrets>,
}

/// Sends requests to one endpoint with one key.
#[derive(Debug, Clone)]
pub(crate) struct ApiClient {
    http: reqwest::Client,
    endpoint: Endpoint,
    key: ApiKey,
    options: ClientOptions,
    /// What records the requests that are sent.
    recorder: Option<Arc<ExchangeRecorder>>,
    /// What answers instead of the endpoint.
    answers: Option<Arc<RecordedAnswers>>,
    replay_pace: ReplayPace,
    secrets: Arc<KnownSecrets>,
    /// The host and port of the proxy on the way, if there may be one.
    proxy: Option<String>,
    /// The shared ledger, if there is one.
    ledger: Option<Arc<SharedLedger>>,
}

impl ApiClient {
    /// Returns what is blanked out of answers: the key, or if that is a word of the demo, a key
    /// that this process knows without using it.
    fn secret_of_answers(&self) -> Option<Arc<SecretForms>> {
        self.key.forms().or_else(|| self.secrets.first_secret())
    }

    /// Builds a client; nothing is sent, and for plain http nothing of TLS is set up.
    pub(crate) fn new(
        endpoint: Endpoint,
        key: ApiKey,
        options: ClientOptions,
        records: OpenRecords,
    ) -> Result<Self, BuildError> {
        let (builder, proxy) = http_builder(endpoint.base(), &options)?;
        let builder = builder.redirect(Policy::none());
        let http = builder.build().map_err(BuildError::Client)?;
        let pace = options.pace.as_ref();
        let ledger = pace.and_then(PacingOptions::shared_ledger).map(Arc::new);
        let recorder = records.writer.map(|writer| {
            let recorder = ExchangeRecorder::new(writer, &key, &options.proxy);
            Arc::new(recorder)
        });
        Ok(Self {
            http,
            endpoint,
            key,
            options,
            recorder,
            answers: records.answers,
            replay_pace: records.pace,
            secrets: records.secrets,
            proxy,
            ledger,
        })
    }

    /// Reads what is to be seen of the ledger of a model's limits; none where nothing is paced, or
    /// there is no ledger yet.
    pub(crate) async fn limits_view(
        &self,
        model: &str,
    ) -> Result<Option<StoreReply<Option<LimitsView>>>, LimitStoreError> {
        let Some(pace) = &self.options.pace else {
            return Ok(None);
        };
        let store = pace.limit_store(&self.endpoint, &self.key, model, self.ledger.as_ref());
        store.view().await.map(Some)
    }

    /// Returns the number by which a shared ledger knows this machine; none without one.
    pub(crate) fn machine_number(&self) -> Option<u64> {
        self.ledger.as_ref().map(|ledger| ledger.machine())
    }

    /// Blanks the key out of a text from outside.
    fn scrub_key(&self, text: &str) -> String {
        self.key.scrub_key(text)
    }

    /// Blanks all keys that are known out of a body, as a record has it.
    fn scrub_known(&self, body: &str) -> String {
        self.secrets.scrub(&self.scrub_key(body)).into_owned()
    }

    /// Blanks the key out of what the API says went wrong.
    fn scrub_api(&self, error: ApiError) -> ApiError {
        ApiError {
            kind: error.kind.map(|kind| self.scrub_key(&kind)),
            message: self.scrub_key(&error.message),
            request_id: error.request_id.map(|id| self.scrub_key(&id)),
        }
    }

    /// Blanks the key out of what is wrong with an answer.
    fn scrub_answer(&self, error: StreamError) -> StreamError {
        match error {
            StreamError::Api(api) => StreamError::Api(self.scrub_api(api)),
            StreamError::Malformed { event, source } => StreamError::Malformed {
                event: self.scrub_key(&event),
                source,
            },
            StreamError::ToolInput { tool } => StreamError::ToolInput {
                tool: self.scrub_key(&tool),
            },
            StreamError::NotAMessage { excerpt, is_page } => StreamError::NotAMessage {
                excerpt: self.scrub_key(&excerpt),
                is_page,
            },
            StreamError::Compressed { encoding } => StreamError::Compressed {
                encoding: self.scrub_key(&encoding),
            },
            error @ (StreamError::Cut | StreamError::OutOfOrder(_) | StreamError::TooLarge(_)) => {
                error
            }
        }
    }

    /// Begins a call; nothing is sent before it is advanced, and not before it is its turn.
    pub(crate) fn new_call(
        &self,
        body: RequestBody,
        stream: bool,
        reservation: Reservation,
    ) -> ApiCall {
        ApiCall::new(
            self.clone(),
            ApiRequest::Answer { body, stream },
            Some(reservation),
        )
    }

    /// Begins a call for the list of models.
    pub(crate) fn list_models(&self) -> ApiCall {
        ApiCall::new(
            self.clone(),
            ApiRequest::Models(ModelListing::default()),
            None,
        )
    }

    /// Returns the headers of a request for an answer; the key's is marked sensitive.
    pub(crate) fn request_headers(&self, stream: bool) -> HeaderMap {
        let mut headers: HeaderMap = public_headers(stream)
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .into_iter()
            .collect();
        headers.extend(self.key.auth_header());
        headers
    }
}

/// Returns the headers of a request but for the one that authenticates it, see `auth_header`.
pub(crate) fn public_headers(stream: bool) -> [(&'static str, &'static str); 4] {
    [
        (
            "accept",
            if stream {
                "text/event-stream"
            } else {
                "application/json"
            },
        ),
        ("anthropic-version", ANTHROPIC_VERSION),
        ("content-type", "application/json"),
        ("user-agent", AGENT),
    ]
}
