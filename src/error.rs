//! Every way a run can fail: its kind, its exit code and what to do next, all in one place.

use std::error::Error as _;

use serde_json::json;

use crate::client::{self, EndpointError, Timeout};
use crate::media::ImageError;
use crate::protocol::{StopReason, StreamError};
use crate::ui::OutputError;
use crate::{config, input};

/// How an error is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorForm {
    /// For people.
    Text,
    /// And as an object on stderr: `--json`.
    Json,
    /// And as an object on standard output, the last line there: `--jsonl`.
    JsonLines,
}

/// What kind of failure it was: the first column of the table of exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An unreadable or unwritable file, or a bug.
    Internal,
    /// A bad flag, value or setting.
    Usage,
    /// The API refused the request.
    InvalidRequest,
    /// No key, or one that may not.
    Auth,
    /// The server failed, or its answer is no message.
    Server,
    /// No connection, or none that lasted.
    Network,
    /// Too many requests.
    RateLimit,
    /// The answer broke off.
    Incomplete,
    /// The answer reached the limit of tokens.
    Truncated,
    /// The model refused.
    Refusal,
    /// The answer has not the form that was asked for.
    Schema,
    /// It cannot fit; nothing was sent.
    TooLarge,
    /// A signal.
    Interrupted(i32),
    /// Nobody reads standard output any more.
    Closed,
}

/// The exit codes, their kinds and their meanings, for the man page and the README.
pub(crate) const EXIT_CODES: [(u8, &str, &str); 15] = [
    (0, "", "The answer is complete."),
    (1, "internal", "A file cannot be read or written, a port cannot be had, or a bug."),
    (2, "usage", "A bad flag, value or setting, or no prompt."),
    (3, "invalid_request", "The API refused the request: 400, 404, 413, 422, or a redirect."),
    (4, "auth", "No key, or 401, 402, 403."),
    (5, "server", "5xx or 529 after retries, or an answer that is no message or no list of models."),
    (
        6,
        "network",
        "DNS, connection, TLS, proxy, a timeout, or a stream that broke before the first part of the answer.",
    ),
    (7, "rate_limit", "429 after --max-wait; retry_after says how long to wait."),
    (8, "incomplete", "The answer broke off after its first part; what came is on standard output."),
    (9, "truncated", "The answer reached max_tokens or the context window; --allow-truncated makes it 0."),
    (10, "refusal", "The model refused."),
    (12, "schema", "The answer has not the form that was asked for: no code block for --extract."),
    (13, "too_large", "An image or the request is over a limit; nothing was sent."),
    (130, "interrupted", "SIGINT; 143 for SIGTERM. What came is saved, and the process dies of the signal."),
    (141, "", "Standard output was closed early; the process dies of SIGPIPE without a word."),
];

impl Kind {
    /// The exit code.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Internal => 1,
            Self::Usage => 2,
            Self::InvalidRequest => 3,
            Self::Auth => 4,
            Self::Server => 5,
            Self::Network => 6,
            Self::RateLimit => 7,
            Self::Incomplete => 8,
            Self::Truncated => 9,
            Self::Refusal => 10,
            Self::Schema => 12,
            Self::TooLarge => 13,
            Self::Interrupted(signal) => 128_u8.saturating_add(u8::try_from(signal).unwrap_or(0)),
            Self::Closed => 141,
        }
    }

    /// The name in the JSON error object.
    pub(crate) fn name(self) -> &'static str {
        let code = if let Self::Interrupted(_) = self { 130 } else { self.code() };
        EXIT_CODES.iter().find(|(listed, ..)| *listed == code).map_or("", |(_, name, _)| name)
    }
}

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The command line.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to type instead.
        hint: Option<String>,
    },
    /// No command was given.
    #[error("no command")]
    NoCommand {
        /// What there is, to be shown as it is.
        help: String,
    },
    /// The settings.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// The input.
    #[error(transparent)]
    Input(#[from] input::Error),
    /// The body is larger than the endpoint takes.
    #[error("the request has {bytes} bytes, over the limit of {limit} bytes (20 MB); the largest part is {largest}")]
    RequestTooLarge {
        /// Of the body.
        bytes: usize,
        /// Of the tightest platform behind the endpoint.
        limit: usize,
        /// The part that takes most of it.
        largest: String,
    },
    /// The HTTP client could not be set up.
    #[error(transparent)]
    Build(#[from] client::BuildError),
    /// The call gave no answer, or only a part of one.
    #[error("{source}")]
    Call {
        /// Why.
        source: client::Error,
        /// Whether a part of the answer had arrived.
        after_content: bool,
        /// Tries it took.
        attempts: u32,
        /// The model that was asked for; empty where the list of models was.
        model: String,
    },
    /// No model was chosen.
    #[error("no model was chosen")]
    NoModel,
    /// The answer reached a limit of tokens.
    #[error("the answer was cut off: {}", match .0 { StopReason::MaxTokens => "it reached max_tokens", _ => "the context window is full" })]
    Truncated(StopReason),
    /// The model refused.
    #[error("the model refused to answer{}", .0.as_ref().map_or(String::new(), |why| format!(": {why}")))]
    Refusal(Option<String>),
    /// The answer has no code block.
    #[error("the answer has no code block{}", .0.as_ref().map_or(String::new(), |lang| format!(" in `{lang}`")))]
    NoCodeBlock(Option<String>),
    /// The answer could not be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The file of `--output` could not be opened.
    #[error("cannot write `{}`", path.display())]
    Unwritable {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// SIGINT or SIGTERM.
    #[error("interrupted")]
    Interrupted(i32),
    /// SIGINT or SIGTERM, which is how the scripted endpoint ends.
    #[error("ended by a signal")]
    Served(i32),
    /// The port of the scripted endpoint cannot be had.
    #[error("cannot listen on port {port} of 127.0.0.1")]
    Listen {
        /// The port; 0 for any.
        port: u16,
        /// Why.
        source: std::io::Error,
    },
    /// The operating system refused something basic.
    #[error("cannot {what}")]
    System {
        /// What was tried.
        what: &'static str,
        /// Why.
        source: std::io::Error,
    },
}

impl Error {
    /// What kind of failure it was.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Usage { .. } | Self::NoCommand { .. } | Self::NoModel => Kind::Usage,
            Self::Config(error) => config_kind(error),
            Self::Build(_) => Kind::Usage,
            Self::Input(error) => input_kind(error),
            Self::RequestTooLarge { .. } => Kind::TooLarge,
            Self::Call { after_content: true, .. } => Kind::Incomplete,
            Self::Call { source, .. } => call_kind(source),
            Self::Truncated(_) => Kind::Truncated,
            Self::Refusal(_) => Kind::Refusal,
            Self::NoCodeBlock(_) => Kind::Schema,
            Self::Output(OutputError::Closed) => Kind::Closed,
            Self::Output(OutputError::Interrupted(signal)) | Self::Interrupted(signal) | Self::Served(signal) => {
                Kind::Interrupted(*signal)
            }
            Self::Output(OutputError::Failed(_) | OutputError::File { .. })
            | Self::Unwritable { .. }
            | Self::Listen { .. }
            | Self::System { .. } => Kind::Internal,
        }
    }

    /// What to do next.
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Usage { hint, .. } => return hint.clone(),
            Self::Config(error) => return config_hint(error),
            Self::Input(error) => return input_hint(error),
            Self::Call { after_content: true, .. } => "what came is kept; send the request again for a whole answer",
            Self::Call { source, model, .. } => return Some(call_hint(source, model)),
            Self::NoModel => {
                "choose one with -m ID or LANGDOCK_MODEL; with a key, one is picked from the region's list"
            }
            Self::Build(client::BuildError::CaFile { .. }) => {
                "give --cacert or SSL_CERT_FILE a file of PEM certificates"
            }
            Self::Build(_) => "a proxy is written as http://host:port",
            Self::RequestTooLarge { .. } => "leave the largest part out, send it in pieces, or try it with --no-check",
            Self::Truncated(StopReason::MaxTokens) => "raise --max-tokens, or accept it with --allow-truncated",
            Self::Truncated(_) => "send less, or accept it with --allow-truncated",
            Self::Refusal(_) => "ask in another way; the same prompt will be refused again",
            Self::NoCodeBlock(_) => "the whole answer stands above; ask for a fenced code block in the prompt",
            Self::Listen { .. } => "choose another one with --port; without it a free one is taken",
            Self::NoCommand { .. }
            | Self::Output(_)
            | Self::Unwritable { .. }
            | Self::Interrupted(_)
            | Self::Served(_)
            | Self::System { .. } => return None,
        };
        Some(hint.to_owned())
    }

    /// What failed, with every cause, in one line.
    pub(crate) fn message(&self) -> String {
        let mut message = self.to_string();
        if let Self::Call { attempts: attempts @ 2.., .. } = self {
            message.push_str(&format!(" (after {attempts} tries)"));
        }
        let mut cause = self.source().filter(|_| !matches!(self, Self::Call { .. }));
        while let Some(source) = cause {
            message.push_str(&format!(": {source}"));
            cause = source.source();
        }
        message
    }

    /// The same for programs.
    pub(crate) fn object(&self) -> serde_json::Value {
        let call = if let Self::Call { source, .. } = self { Some(source) } else { None };
        let retry_after = match call {
            Some(client::Error::Status(error)) => error.retry_after.map(|wait| wait.as_secs_f64()),
            _ => None,
        };
        json!({"type": "error", "error": {
            "kind": self.kind().name(),
            "status": call.and_then(client::Error::status),
            "type": call.and_then(client::Error::api).and_then(|api| api.kind.as_deref()),
            "message": self.message(),
            "request_id": call.and_then(client::Error::request_id),
            "retryable": call.is_some_and(client::Error::is_transient),
            "retry_after": retry_after,
            "exit_code": self.kind().code(),
        }})
    }
}

fn config_kind(error: &config::Error) -> Kind {
    match error {
        config::Error::NoKey { .. } | config::Error::KeyCommand { .. } | config::Error::KeyFileMode { .. } => {
            Kind::Auth
        }
        config::Error::KeyFile { .. } | config::Error::Unwritable { .. } | config::Error::NoHome => Kind::Internal,
        config::Error::Endpoint { .. }
        | config::Error::Value { .. }
        | config::Error::Syntax { .. }
        | config::Error::UnknownKey { .. }
        | config::Error::UnknownProfile { .. }
        | config::Error::Unreadable { .. }
        | config::Error::Refused { .. }
        | config::Error::Exists { .. }
        | config::Error::Key { .. } => Kind::Usage,
    }
}

fn input_kind(error: &input::Error) -> Kind {
    match error {
        input::Error::Unreadable { .. } | input::Error::Stdin(_) => Kind::Internal,
        input::Error::Image { source: ImageError::Damaged, .. }
        | input::Error::Binary { .. }
        | input::Error::ImageFormat { .. }
        | input::Error::TextAttached { .. }
        | input::Error::NoTextFiles { .. }
        | input::Error::Malformed { .. }
        | input::Error::NotUserFirst
        | input::Error::NoPrompt => Kind::Usage,
        input::Error::Image { .. } => Kind::TooLarge,
    }
}

fn call_kind(error: &client::Error) -> Kind {
    match (error, error.status()) {
        (_, Some(401..=403)) => Kind::Auth,
        (_, Some(407)) => Kind::Network,
        (_, Some(429)) => Kind::RateLimit,
        (_, Some(408 | 409 | 100..=299 | 500..)) => Kind::Server,
        (_, Some(_)) => Kind::InvalidRequest,
        (client::Error::Answer { source: StreamError::Cut, .. }, None) => Kind::Network,
        (client::Error::Answer { .. } | client::Error::NoModelList { .. }, None) => Kind::Server,
        (_, None) => Kind::Network,
    }
}

fn config_hint(error: &config::Error) -> Option<String> {
    Some(match error {
        config::Error::NoKey { .. } => "set LANGDOCK_API_KEY, give --api-key-file FILE, store one with `langdock auth \
                                        login`, or set api_key_cmd in the config file; --demo needs no key and \
                                        answers from a script"
            .to_owned(),
        config::Error::KeyFileMode { path } => {
            format!("run `chmod 600 '{}'`; if others may have read the key, have it replaced", path.display())
        }
        config::Error::KeyCommand { .. } => "run the command by hand; it has to print the key alone".to_owned(),
        config::Error::UnknownKey { nearest: Some(nearest), .. } => format!("did you mean `{nearest}`?"),
        config::Error::UnknownKey { nearest: None, .. } => "`langdock config show` lists the keys".to_owned(),
        config::Error::UnknownProfile { name, known, .. } => profile_hint(name, known),
        config::Error::Exists { .. } => "`langdock config set KEY VALUE` changes it".to_owned(),
        config::Error::NoHome => "set HOME, or name a config file with LANGDOCK_CONFIG".to_owned(),
        config::Error::Endpoint { source: EndpointError::PlainHttp(_), .. } => {
            "use https://, or allow it with --allow-http".to_owned()
        }
        config::Error::Endpoint { source: EndpointError::RegionConflict { fixed, .. }, .. } => {
            format!("drop --region, choose --region {fixed}, or write {{region}} in the base URL")
        }
        config::Error::Endpoint { source: EndpointError::BadRegion(_), .. } => {
            format!("known regions: {}", client::KNOWN_REGIONS.join(", "))
        }
        config::Error::Endpoint { .. } => {
            "a base URL looks like https://api.langdock.com/anthropic/{region}".to_owned()
        }
        config::Error::Key { .. } => "a key is one word such as sk-ld-…".to_owned(),
        config::Error::Unreadable { .. } => "check the file, and LANGDOCK_CONFIG if it is set".to_owned(),
        config::Error::Value { .. }
        | config::Error::Syntax { .. }
        | config::Error::Unwritable { .. }
        | config::Error::Refused { .. }
        | config::Error::KeyFile { .. } => return None,
    })
}

fn profile_hint(name: &str, known: &[String]) -> String {
    match (config::nearest(name, known.iter().map(String::as_str)), known) {
        (Some(nearest), _) => format!("did you mean `{nearest}`?"),
        (None, []) => "a profile is a table such as [profiles.work] there".to_owned(),
        (None, known) => format!("there are: {}", known.join(", ")),
    }
}

fn input_hint(error: &input::Error) -> Option<String> {
    let hint = match error {
        input::Error::NoPrompt => "give a prompt: `langdock send 'Why is the sky blue?'`, or pipe one in",
        input::Error::Binary { .. } => "send text, an image (JPEG, PNG, GIF, WebP) or a PDF",
        input::Error::ImageFormat { .. } => "convert it first, for example to PNG",
        input::Error::Image { source: ImageError::Damaged, .. } => "check that the file is whole",
        input::Error::Image { .. } => "make the image smaller",
        input::Error::TextAttached { .. } => "send text with -f",
        input::Error::NoTextFiles { .. } => "hidden files and those that .gitignore names are left out; -f names one",
        input::Error::NotUserFirst => "put a message with `role` user in front",
        input::Error::Malformed { .. } | input::Error::Unreadable { .. } | input::Error::Stdin(_) => return None,
    };
    Some(hint.to_owned())
}

fn call_hint(error: &client::Error, model: &str) -> String {
    if let Some(available) = error.api().and_then(crate::protocol::ApiError::available_models) {
        return suggest_model(model, &available);
    }
    let hint = match (error, error.status()) {
        (_, Some(401)) => {
            "check the key: `langdock auth status` tells where it is from; ask support@langdock.com for one"
        }
        (_, Some(402)) => "the workspace or the key has no budget left; ask your admin or support@langdock.com",
        (_, Some(403)) => {
            "the key needs the Completion API scope, and the workspace the model; ask support@langdock.com"
        }
        (_, Some(404)) if model.is_empty() => "check --base-url and --region; without a list, choose a model with -m",
        (_, Some(404)) => "check --base-url and --region",
        (_, Some(407)) | (client::Error::ProxyLogin { .. }, _) => "put the proxy's user name and password into its URL",
        (_, Some(413)) => "send less",
        (_, Some(429)) => "wait, or let it wait longer with --max-wait",
        (_, Some(300..=399)) => "give the address it points to as --base-url, if you trust it",
        (_, Some(400..=407 | 410..=499)) => "--dry-run shows what is sent",
        (_, Some(_)) => "try again later; --max-retries and --max-wait say how long to keep trying",
        (client::Error::Certificate { .. }, _) => "trust the issuer with --cacert FILE, or check the base URL",
        (client::Error::TimedOut(Timeout::Idle(_)), _) => "wait longer with --idle-timeout",
        (client::Error::TimedOut(Timeout::Total(_)), _) => "wait longer with --timeout",
        (client::Error::TimedOut(Timeout::Connect(_)), _) => "wait longer with --connect-timeout, or check the network",
        (client::Error::Answer { source: StreamError::Cut, .. } | client::Error::Lost { .. }, _) => "send it again",
        (client::Error::Answer { .. }, _) => "check --base-url: does it speak the Messages API?",
        (client::Error::NoModelList { .. }, _) => "check --base-url; without a list, choose a model with -m",
        _ => "check the network, --base-url and --proxy",
    };
    hint.to_owned()
}

/// Names the nearest of the models that the API says it has, and the others.
fn suggest_model(asked: &str, available: &[&str]) -> String {
    let likeness = |model: &str| strsim::jaro_winkler(asked, model);
    let mut models = available.to_vec();
    models.sort_by(|one, other| likeness(other).total_cmp(&likeness(one)));
    match models.split_first() {
        Some((nearest, [])) => format!("use -m {nearest}"),
        Some((nearest, others)) => format!("did you mean -m {nearest}? There are also: {}", others.join(", ")),
        None => "choose another model with -m".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exit_code_of_the_table_has_a_kind_and_every_kind_a_row() {
        let kinds = [
            Kind::Internal,
            Kind::Usage,
            Kind::InvalidRequest,
            Kind::Auth,
            Kind::Server,
            Kind::Network,
            Kind::RateLimit,
            Kind::Incomplete,
            Kind::Truncated,
            Kind::Refusal,
            Kind::Schema,
            Kind::TooLarge,
            Kind::Interrupted(2),
            Kind::Closed,
        ];
        let codes: Vec<u8> = kinds.iter().map(|kind| kind.code()).collect();
        let listed: Vec<u8> = EXIT_CODES.iter().map(|(code, ..)| *code).filter(|code| *code != 0).collect();
        assert_eq!(codes, listed);
        assert_eq!(Kind::Interrupted(15).name(), "interrupted");
        assert_eq!(Kind::RateLimit.name(), "rate_limit");
    }

    #[test]
    fn the_nearest_model_is_suggested_first() {
        let available = ["gpt-5-mini", "claude-haiku-4-5-20251001", "claude-sonnet-4-5-20250929"];
        let hint = suggest_model("claude-sonnet-4-5", &available);
        assert!(hint.starts_with("did you mean -m claude-sonnet-4-5-20250929?"), "{hint}");
    }
}
