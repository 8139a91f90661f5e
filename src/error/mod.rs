//! Every way a run can fail: its kind, its exit code and what to do next, all in one place.

mod bug;
mod controls;
mod hint;
mod kind;
mod left;
#[cfg(test)]
mod tests;

use std::error::Error as _;

use serde_json::json;

pub(crate) use bug::unless_panicked;
pub(crate) use controls::HintControls;
pub(crate) use kind::{EXIT_CODES, ErrorForm, Kind};
pub(crate) use left::Left;

use crate::client;
use crate::media::ImageError;
use crate::protocol::{StopReason, StreamError};
use crate::recording::RecordError;
use crate::text::{counted, grouped, without_os_codes};
use crate::ui::OutputError;
use crate::{batch, config, input, session, tool};

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
    /// The saved conversations.
    #[error(transparent)]
    Session(#[from] session::Error),
    /// A tools file or a schema.
    #[error(transparent)]
    Tool(#[from] tool::Error),
    /// A batch.
    #[error(transparent)]
    Batch(#[from] batch::Error),
    /// Some items of a batch failed.
    #[error("{} of {} failed", grouped(*failed), counted(*of, "item"))]
    ItemsFailed {
        /// So many.
        failed: u64,
        /// Of so many that are done.
        of: u64,
        /// Whether a further run can go on with the output.
        can_go_on: bool,
    },
    /// A merged output is not complete.
    #[error("{0}")]
    Merge(batch::MergeFlaws),
    /// A budget of a batch is used up.
    #[error("{refused}; {} done", counted(*done, "item"))]
    Budget {
        /// Which one.
        refused: batch::BudgetRefusal,
        /// What was done before.
        done: u64,
        /// Whether a further run can go on with the output.
        can_go_on: bool,
    },
    /// The model would go on, and may not.
    #[error("the model did not finish within {}", counted(*.0, "turn"))]
    MaxTurns(u32),
    /// A call by hand failed.
    #[error("the call failed: {0}")]
    CallByHand(String),
    /// The answer does not fit the schema.
    #[error("the answer does not fit the schema: {0}")]
    Unfit(String),
    /// The body is larger than the endpoint takes.
    #[error(
        "the request has {}, over the limit of {} (20 MB); the largest part is {largest}",
        counted(*bytes, "byte"),
        counted(*limit, "byte")
    )]
    RequestTooLarge {
        /// Of the body.
        bytes: usize,
        /// Of the tightest platform behind the endpoint.
        limit: usize,
        /// The part that takes most of it.
        largest: String,
    },
    /// It has more tokens than can be, by the low estimate.
    #[error("the request has at least {}, over {limit}; the largest part is {largest}", counted(*tokens, "token"))]
    TooManyTokens {
        /// At least so many.
        tokens: u64,
        /// What is exceeded, with its number.
        limit: String,
        /// The part that has most of them.
        largest: String,
    },
    /// The HTTP client could not be set up.
    #[error(transparent)]
    Build(#[from] client::BuildError),
    /// The file of `--record` or `--replay`.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The call gave no answer, or only a part of one.
    #[error("{source}")]
    Call {
        /// Why.
        source: client::Error,
        /// Whether a part of the answer had arrived.
        after_content: bool,
        /// Where that part is.
        left: Left,
        /// Tries it took.
        attempts: u32,
        /// The model that was asked for; empty where the list of models was.
        model: String,
    },
    /// No model was chosen.
    #[error("no model is chosen")]
    NoModel,
    /// No model was chosen, and none of the region's can be picked.
    #[error("no model is chosen, and region `{region}` offers {}", if others.is_empty() { "none \
        for this key" } else { "no Claude models" })]
    NothingToPick {
        /// The region.
        region: String,
        /// The models that it offers.
        others: Vec<String>,
    },
    /// The region has not the model, which others have.
    #[error("`{model}` is not available in region `{region}`")]
    Elsewhere {
        /// The model.
        model: String,
        /// The region.
        region: String,
        /// Those that have it, for a hint.
        regions: String,
    },
    /// The answer reached a limit of tokens.
    #[error("the answer was cut off: {}", match .0 { StopReason::MaxTokens => "it reached \
        max_tokens", _ => "the context window is full" })]
    Truncated(StopReason),
    /// The model paused, to be asked to go on.
    #[error("the model paused its turn, so the answer is incomplete")]
    Paused {
        /// Whether the conversation is saved.
        is_saved: bool,
    },
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
    /// A file of the program's own that could not be read.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What `doctor` found.
    #[error("{wrong} {}", if *.wrong == 1 { "problem found" } else { "problems found" })]
    Unwell {
        /// How many problems were found.
        wrong: usize,
        /// What kind of failure the first of them is.
        kind: Kind,
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
    /// A panic: what it said, and where.
    #[error("internal error: {0}")]
    Bug(String),
}

impl Error {
    /// What kind of failure it was.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Usage { .. }
            | Self::NoCommand { .. }
            | Self::NoModel
            | Self::NothingToPick { .. }
            | Self::Elsewhere { .. } => Kind::Usage,
            Self::Config(error) => config_kind(error),
            Self::Build(_) => Kind::Usage,
            Self::Record(RecordError::Unreadable { .. } | RecordError::Unwritable { .. }) => {
                Kind::Internal
            }
            Self::Record(_) => Kind::Usage,
            Self::Input(error) => input_kind(error),
            Self::Session(error) => session_kind(error),
            Self::Tool(_) => Kind::Usage,
            Self::Batch(_) => Kind::Usage,
            Self::MaxTurns(_) | Self::CallByHand(_) | Self::ItemsFailed { .. } | Self::Merge(_) => {
                Kind::Tool
            }
            Self::RequestTooLarge { .. } | Self::TooManyTokens { .. } | Self::Budget { .. } => {
                Kind::TooLarge
            }
            Self::Call {
                after_content: true,
                ..
            }
            | Self::Paused { .. } => Kind::Incomplete,
            Self::Call { source, .. } => call_kind(source),
            Self::Unwell { kind, .. } => *kind,
            Self::Truncated(_) => Kind::Truncated,
            Self::Refusal(_) => Kind::Refusal,
            Self::NoCodeBlock(_) | Self::Unfit(_) => Kind::Schema,
            Self::Output(OutputError::Closed) => Kind::Closed,
            Self::Output(OutputError::Interrupted(signal))
            | Self::Interrupted(signal)
            | Self::Served(signal) => Kind::Interrupted(*signal),
            Self::Output(
                OutputError::Failed(_) | OutputError::File { .. } | OutputError::InUse { .. },
            )
            | Self::Unreadable { .. }
            | Self::Unwritable { .. }
            | Self::Listen { .. }
            | Self::Bug(_)
            | Self::System { .. } => Kind::Internal,
        }
    }

    /// Returns whether all that is wrong is that the arguments of a tool call are not a JSON
    /// object.
    pub(crate) fn is_broken_call(&self) -> bool {
        matches!(
            self,
            Self::Call {
                source: client::Error::Answer {
                    source: StreamError::ToolInput { .. },
                    ..
                },
                ..
            }
        )
    }

    /// What failed, with every cause, in one line.
    pub(crate) fn message(&self) -> String {
        let mut message = self.to_string();
        if let Self::Call {
            attempts: attempts @ 2..,
            ..
        } = self
        {
            message.push_str(&format!(" (after {} attempts)", grouped(attempts)));
        }
        let mut cause = self.source().filter(|_| !matches!(self, Self::Call { .. }));
        while let Some(source) = cause {
            let reason = source.to_string();
            // Some errors repeat their source's words in their own.
            if !message.ends_with(&reason) {
                message.push_str(&format!(": {reason}"));
            }
            cause = source.source();
        }
        without_os_codes(&message).into_owned()
    }

    /// The same for programs.
    pub(crate) fn object(&self) -> serde_json::Value {
        let call = if let Self::Call { source, .. } = self {
            Some(source)
        } else {
            None
        };
        let retry_after = match call {
            Some(client::Error::Status(error)) => error.retry_after.map(|wait| wait.as_secs_f64()),
            Some(client::Error::HeldBack { wait }) => Some(wait.as_secs_f64()),
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
        config::Error::NoKey { .. }
        | config::Error::KeyCommand { .. }
        | config::Error::KeyFileMode { .. } => Kind::Auth,
        config::Error::KeyFile { .. }
        | config::Error::Unwritable { .. }
        | config::Error::NoHome => Kind::Internal,
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
        input::Error::Image {
            source: ImageError::Damaged,
            ..
        }
        | input::Error::Binary { .. }
        | input::Error::NotText { .. }
        | input::Error::NotUtf8 { .. }
        | input::Error::ImageFormat { .. }
        | input::Error::TextAttached { .. }
        | input::Error::NoTextFiles { .. }
        | input::Error::Malformed { .. }
        | input::Error::NotUserFirst
        | input::Error::NoPrompt => Kind::Usage,
        input::Error::Image { .. } | input::Error::TooLong { .. } => Kind::TooLarge,
    }
}

fn session_kind(error: &session::Error) -> Kind {
    match error {
        session::Error::Unreadable { .. }
        | session::Error::Unwritable { .. }
        | session::Error::Foreign { .. }
        | session::Error::Newer { .. }
        | session::Error::NoHome => Kind::Internal,
        session::Error::Unknown(_)
        | session::Error::Ambiguous { .. }
        | session::Error::None
        | session::Error::Taken(_)
        | session::Error::BadName { .. } => Kind::Usage,
    }
}

fn call_kind(error: &client::Error) -> Kind {
    match (error, error.status()) {
        (client::Error::HeldBack { .. }, _) => Kind::RateLimit,
        (client::Error::LedgerObstructed(_) | client::Error::Unrecorded { .. }, _) => {
            Kind::Internal
        }
        (client::Error::NotRecorded(_), _) => Kind::InvalidRequest,
        (_, Some(401..=403)) => Kind::Auth,
        (_, Some(407)) => Kind::Network,
        (_, Some(429)) => Kind::RateLimit,
        (_, Some(408 | 409 | 100..=299 | 500..)) => Kind::Server,
        (_, Some(_)) => Kind::InvalidRequest,
        (
            client::Error::Answer {
                source: StreamError::Cut,
                ..
            },
            None,
        ) => Kind::Network,
        (client::Error::Answer { .. } | client::Error::NoModelList { .. }, None) => Kind::Server,
        (_, None) => Kind::Network,
    }
}
