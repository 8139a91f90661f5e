//! Why a call gave no answer.

use std::error::Error as _;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::ApiClient;
use super::api_request::ModelListLimit;
use super::certificate::{CertificateFlaw, flaw_of};
use super::retry::{CallFailure, is_transient_status};
use crate::pace::LedgerObstruction;
use crate::protocol::{ApiError, StreamError};
use crate::recording::MissingRequest;
use crate::text::{format_seconds, round_up_to_seconds};

/// Why no client could be built.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    /// The file of `--cacert` or `SSL_CERT_FILE` cannot be read.
    #[error("cannot read the certificates in `{}`", path.display())]
    UnreadableCaFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file of `--cacert` or `SSL_CERT_FILE` has no usable certificates.
    #[error("cannot use `{}` as a certificate file: {reason}", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The URL of `--proxy` or `HTTPS_PROXY`; it is not repeated, since it may hold a password.
    #[error("the proxy URL is not valid")]
    Proxy,
    /// It has a scheme that is not spoken.
    #[error("`{0}://` proxies are not supported")]
    ProxyScheme(String),
    /// The parts do not fit together.
    #[error("cannot set up the HTTP client")]
    Client(#[source] reqwest::Error),
}

/// Why a call gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The server answered with a status other than 200.
    #[error("{}", .0)]
    Status(Box<StatusError>),
    /// The answer's body is not a complete message.
    #[error("{source}")]
    Answer {
        /// What is wrong with it.
        source: StreamError,
        /// The request's id, for support.
        request_id: Option<String>,
    },
    /// The answer to the question for models is something else.
    #[error("the response is not a list of models: {excerpt}")]
    NoModelList {
        /// What it says, in short.
        excerpt: String,
        /// Whether it is JSON, as an API answers, and not the page of a proxy or a wrong host.
        is_json: bool,
    },
    /// The list of models is longer than any.
    #[error("the list of models is too long: {limit}")]
    ModelListTooLong {
        /// What it exceeds.
        limit: ModelListLimit,
    },
    /// The connection could not be made.
    #[error("cannot connect to {host}: {reason}")]
    Connect {
        /// The host.
        host: String,
        /// The cause.
        reason: String,
        /// Whether another attempt may help.
        transient: bool,
    },
    /// The connection to the proxy could not be made.
    #[error("cannot connect to the proxy {proxy}: {reason}")]
    Proxy {
        /// Its host and port.
        proxy: String,
        /// The cause.
        reason: String,
    },
    /// The server does not speak TLS.
    #[error("cannot connect to {host}: the server does not speak TLS")]
    NoTls {
        /// The host.
        host: String,
    },
    /// The proxy wants a login, or another one.
    #[error("the proxy {proxy} {}", login_problem(*.is_refused, .host))]
    ProxyLogin {
        /// Its host and port.
        proxy: String,
        /// The host.
        host: String,
        /// Whether it was given one.
        is_refused: bool,
    },
    /// The name look-up failed.
    #[error("cannot find {host}: {reason}")]
    Dns {
        /// The host.
        host: String,
        /// The cause.
        reason: String,
    },
    /// The server's certificate is not accepted.
    #[error("cannot trust {host}: {reason}")]
    Certificate {
        /// The host.
        host: String,
        /// The cause.
        reason: String,
        /// Of what kind that is.
        flaw: CertificateFlaw,
    },
    /// The connection was lost before the answer was complete.
    #[error("the connection to {host} was lost: {reason}")]
    Lost {
        /// The host.
        host: String,
        /// The cause.
        reason: String,
    },
    /// A 429 that another call had holds this one back for longer than it may wait.
    #[error(
        "a rate limit (HTTP 429) blocks all requests for another {}",
        format_seconds(round_up_to_seconds(*wait))
    )]
    HeldBack {
        /// How long.
        wait: Duration,
    },
    /// The rate-limit ledger is damaged and cannot be set aside; nothing was sent.
    #[error(transparent)]
    LedgerObstructed(#[from] LedgerObstruction),
    /// Nothing happened for too long.
    #[error("{0}")]
    TimedOut(CallTimeout),
    /// `--replay`: the record has no such request; nothing was sent.
    #[error("{0}")]
    NotRecorded(Box<MissingRequest>),
    /// `--record`: what was exchanged could not be written down.
    #[error("cannot write the recording `{}`: {source}", path.display())]
    Unrecorded {
        /// The record.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// An answer with a status other than 200.
#[derive(Debug)]
pub(crate) struct StatusError {
    /// The HTTP status.
    pub(crate) status: u16,
    /// What the body says.
    pub(crate) api: ApiError,
    /// The request's id, for support.
    pub(crate) request_id: Option<String>,
    /// Where a redirect points to.
    pub(crate) location: Option<String>,
    /// How long the server asks to wait.
    pub(crate) retry_after: Option<Duration>,
    /// What `--max-wait` would have to be for that, where it is too short.
    pub(crate) needed_max_wait: Option<Duration>,
    /// The header `x-should-retry`.
    pub(crate) should_retry: Option<bool>,
}

impl fmt::Display for StatusError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = reqwest::StatusCode::from_u16(self.status)
            .ok()
            .and_then(|status| status.canonical_reason());
        write!(formatter, "HTTP {}", self.status)?;
        match (&self.location, reason) {
            (Some(location), _) => {
                write!(formatter, ": redirect to {location}, which is not followed")
            }
            (None, Some(reason)) if reason != self.api.message => {
                write!(formatter, " {reason}: {}", self.api.message)
            }
            (None, _) => write!(formatter, ": {}", self.api.message),
        }
    }
}

/// Which limit of time was passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallTimeout {
    /// `--connect-timeout`
    Connect(Duration),
    /// `--idle-timeout`
    Idle(Duration),
    /// `--timeout`
    Total(Duration),
    /// `--timeout`, before anything was sent: it was not this request's turn.
    Turn(Duration),
}

impl fmt::Display for CallTimeout {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(limit) => {
                write!(formatter, "no connection within {}", format_seconds(*limit))
            }
            Self::Idle(limit) => {
                write!(formatter, "no data received for {}", format_seconds(*limit))
            }
            Self::Total(limit) => write!(
                formatter,
                "the answer was not complete within {}",
                format_seconds(*limit)
            ),
            Self::Turn(limit) => {
                write!(
                    formatter,
                    "the request was still queued after {}; nothing was sent",
                    format_seconds(*limit)
                )
            }
        }
    }
}

/// How hyper begins what it says about a proxy's answer to `CONNECT`; its error type is private.
const TUNNEL_ERROR: &str = "tunnel error: ";

/// How reqwest reports a SOCKS proxy that does not connect; its error type is private.
const SOCKS_ERROR: &str = "error connecting to socks proxy";

/// What it says when a proxy wants a login: trying again would not help.
const PROXY_AUTH_REQUIRED: &str = "proxy authorization required";

impl Error {
    /// Returns the error of a proxy that opens no tunnel; `why` is its status and reason, if they
    /// are known.
    pub(super) fn refused_by_proxy(
        proxy: &str,
        host: String,
        why: Option<&str>,
        transient: bool,
    ) -> Self {
        let why = why.map_or(String::new(), |why| format!(": {why}"));
        Self::Connect {
            host,
            reason: format!("the proxy {proxy} refused the connection{why}"),
            transient,
        }
    }

    /// Classifies an error of the HTTP library.
    pub(super) fn from_transport(error: &reqwest::Error, client: &ApiClient) -> Self {
        let reason = innermost_cause(error);
        let tls = tls_problem(error);
        // Plain http is asked of the proxy itself; for https it opens a tunnel.
        let is_proxys =
            is_about_tunnel(error) || (!client.endpoint.is_https() && error.is_connect());
        let proxy = client.proxy.clone().filter(|_| is_proxys);
        let host = client.endpoint.host();
        let speaker = || {
            proxy
                .as_ref()
                .map_or_else(|| host.clone(), |proxy| format!("the proxy {proxy}"))
        };
        match tls {
            Some(problem @ rustls::Error::InvalidCertificate(_)) => {
                let (flaw, reason) = flaw_of(problem);
                return Self::Certificate {
                    host: speaker(),
                    reason,
                    flaw,
                };
            }
            Some(rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType)) => {
                let reason = "the server does not speak TLS".to_owned();
                return proxy.map_or(Self::NoTls { host }, |proxy| Self::Proxy { proxy, reason });
            }
            _ => {} // It is not TLS that has something against it, or nothing that has more to say.
        }
        match proxy {
            _ if error.is_connect() && error.is_timeout() => {
                Self::TimedOut(CallTimeout::Connect(client.options.connect_timeout))
            }
            Some(proxy) if reason.ends_with(PROXY_AUTH_REQUIRED) => Self::ProxyLogin {
                proxy,
                host,
                is_refused: client.options.proxy.has_login(),
            },
            Some(proxy) if reason.starts_with(TUNNEL_ERROR) => {
                Self::refused_by_proxy(&proxy, host, None, true)
            }
            Some(proxy) => Self::Proxy { proxy, reason },
            None if error.is_dns() => Self::Dns { host, reason },
            None if error.is_connect() => Self::Connect {
                host,
                reason,
                transient: tls.is_none(),
            },
            None => Self::Lost { host, reason },
        }
    }

    /// Returns the properties on which the decision to retry depends.
    pub(super) fn failure_kind(&self) -> CallFailure {
        match self {
            Self::Status(error) => CallFailure::Status {
                status: error.status,
                should_retry: error.should_retry,
                retry_after: error.retry_after,
            },
            Self::Answer {
                source: StreamError::Api(api),
                ..
            } => CallFailure::Status {
                status: status_of(api),
                should_retry: None,
                retry_after: None,
            },
            Self::Answer {
                source: StreamError::Cut,
                ..
            }
            | Self::Lost { .. } => CallFailure::Lost,
            Self::Connect {
                transient: true, ..
            }
            | Self::Proxy { .. }
            | Self::TimedOut(CallTimeout::Connect(_)) => CallFailure::Connect,
            Self::Dns { .. } => CallFailure::UnknownHost,
            Self::TimedOut(CallTimeout::Idle(_)) => CallFailure::TimedOut,
            Self::Answer { .. }
            | Self::NoModelList { .. }
            | Self::ModelListTooLong { .. }
            | Self::Certificate { .. }
            | Self::Connect { .. }
            | Self::ProxyLogin { .. }
            | Self::NoTls { .. }
            | Self::HeldBack { .. }
            | Self::LedgerObstructed(_)
            | Self::NotRecorded(_)
            | Self::Unrecorded { .. }
            | Self::TimedOut(CallTimeout::Total(_) | CallTimeout::Turn(_)) => CallFailure::Fatal,
        }
    }

    /// Returns the error that the API reported, if it did.
    pub(crate) fn api(&self) -> Option<&ApiError> {
        match self {
            Self::Status(error) => Some(&error.api),
            Self::Answer {
                source: StreamError::Api(api),
                ..
            } => Some(api),
            _ => None,
        }
    }

    /// Whether the API refused the request because it does not fit into the context window. The
    /// wording is Anthropic's.
    pub(crate) fn is_prompt_too_long(&self) -> bool {
        let is_said = |api: &ApiError| api.message.contains("prompt is too long");
        self.status() == Some(400) && self.api().is_some_and(is_said)
    }

    /// Returns the HTTP status, also where an error event stands for one; none where no answer
    /// came.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Status(error) => Some(error.status),
            Self::Answer {
                source: StreamError::Api(api),
                ..
            } => Some(status_of(api)),
            _ => None,
        }
    }

    /// Returns the request's id, for support.
    pub(crate) fn request_id(&self) -> Option<&str> {
        match self {
            Self::Status(error) => error.request_id.as_deref(),
            Self::Answer { request_id, .. } => request_id.as_deref(),
            _ => None,
        }
    }

    /// Returns whether trying again later may help.
    pub(crate) fn is_transient(&self) -> bool {
        match self.failure_kind() {
            CallFailure::Status {
                status,
                should_retry,
                ..
            } => should_retry.unwrap_or_else(|| is_transient_status(status)),
            CallFailure::UnknownHost
            | CallFailure::Connect
            | CallFailure::Lost
            | CallFailure::TimedOut => true,
            CallFailure::Fatal => matches!(self, Self::TimedOut(_) | Self::HeldBack { .. }),
        }
    }
}

/// Returns what the proxy has against the login that it was given, or was not given.
fn login_problem(is_refused: bool, host: &str) -> String {
    if is_refused {
        format!("rejected the user name or password (HTTP 407) when connecting to {host}")
    } else {
        format!("requires a user name and password (HTTP 407) to connect to {host}")
    }
}

/// Returns the status that an error event stands for; events come after a 200. Source: the API's
/// table of errors.
fn status_of(api: &ApiError) -> u16 {
    match api.kind.as_deref() {
        Some("invalid_request_error") => 400,
        Some("authentication_error") => 401,
        Some("billing_error") => 402,
        Some("permission_error") => 403,
        Some("not_found_error") => 404,
        Some("conflict_error") => 409,
        Some("request_too_large") => 413,
        Some("rate_limit_error") => 429,
        Some("timeout_error") => 504,
        Some("overloaded_error") => 529,
        _ => 500,
    }
}

/// Returns the last error of the chain, which names the cause; those above only say that something
/// failed.
fn innermost_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// Returns whether a proxy refused to open a tunnel, without wanting a login.
pub(super) fn is_refused_tunnel(error: &reqwest::Error) -> bool {
    let reason = innermost_cause(error);
    reason.starts_with(TUNNEL_ERROR) && !reason.ends_with(PROXY_AUTH_REQUIRED)
}

/// Returns whether the proxy opens no tunnel, or cannot be reached.
fn is_about_tunnel(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(source) = cause {
        let text = source.to_string();
        if text.starts_with(TUNNEL_ERROR) || text == SOCKS_ERROR {
            return true;
        }
        cause = source.source();
    }
    false
}

/// Returns the TLS error, if TLS failed. An IO error that wraps another one leaves it out of its
/// chain of sources, so both ways down are taken.
fn tls_problem(error: &reqwest::Error) -> Option<&rustls::Error> {
    let mut cause = error.source();
    while let Some(source) = cause {
        if let Some(tls) = source.downcast_ref() {
            return Some(tls);
        }
        let inside_io = source
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        cause = inside_io
            .map(|inner| inner as _)
            .or_else(|| source.source());
    }
    None
}
