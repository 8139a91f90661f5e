//! Every way a run can fail: its kind, its exit code and what to do next, all in one place.

mod bug;
mod call_hint;
mod controls;
mod file_hint;
mod hint;
mod kind;
mod left;
mod option_advice;
#[cfg(test)]
mod tests;

use std::error::Error as _;

use serde_json::json;

pub(crate) use bug::unless_panicked;
pub(crate) use call_hint::nearest_model;
pub(crate) use controls::{COMMAND_LINE, HintControls, PIPED_CHAT, STRUCTURED};
pub(crate) use kind::{EXIT_CODES, ErrorForm, Kind};
pub(crate) use left::{EndedRun, Left};
pub(crate) use option_advice::OptionAdvice;

use crate::client;
use crate::media::{ImageError, PdfError};
use crate::protocol::{MissingPart, StopReason, StreamError};
use crate::recording::RecordError;
use crate::text::{Money, counted, grouped, without_os_codes};
use crate::ui::{CopyError, OutputError};
use crate::{batch, config, input, session, tool};

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// An invalid command line.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to type instead.
        hint: Option<String>,
    },
    /// The user asked for options that the model does not accept.
    #[error("{message}")]
    OptionRefused {
        /// Which, and what they conflict with.
        message: String,
        /// What to do instead.
        advice: OptionAdvice,
    },
    /// No command was given.
    #[error("no command")]
    NoCommand {
        /// The help to print, already formatted.
        help: String,
    },
    /// Invalid settings.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// Invalid input.
    #[error(transparent)]
    Input(#[from] input::Error),
    /// A saved conversation could not be used.
    #[error(transparent)]
    Session(#[from] session::Error),
    /// An invalid tools file.
    #[error(transparent)]
    Tool(#[from] tool::Error),
    /// An invalid schema of `--schema`.
    #[error("{file}: {reason}")]
    Schema {
        /// The name of the file or of the flag, for messages.
        file: String,
        /// What is wrong, and where.
        reason: String,
    },
    /// A batch failed as a whole.
    #[error(transparent)]
    Batch(#[from] batch::Error),
    /// Some items of a batch failed.
    #[error("{} of {} failed", grouped(*failed), counted(*of, "item"))]
    ItemsFailed {
        /// Number of failed items.
        failed: u64,
        /// Number of finished items.
        of: u64,
        /// Whether another run can continue the output.
        can_go_on: bool,
    },
    /// A merged output is incomplete.
    #[error("{0}")]
    Merge(batch::MergeFlaws),
    /// A budget of a batch is used up.
    #[error("{refused}; {} done", counted(*done, "item"))]
    Budget {
        /// The limit that was reached.
        refused: batch::BudgetRefusal,
        /// Number of items that are done.
        done: u64,
        /// Whether another run can continue the output.
        can_go_on: bool,
    },
    /// `--max-cost` of `tool-run` is used up.
    #[error("another request might exceed the budget of {most} at list price; {spent} used so far")]
    CostLimit {
        /// The budget.
        most: Money,
        /// What the requests so far have cost.
        spent: Money,
        /// What became of the conversation.
        run: EndedRun,
    },
    /// `--max-cost` with a model without a price; contains its id.
    #[error("no list price is known for {0}, so --max-cost cannot be enforced")]
    NoListPrice(String),
    /// The model would continue, but `--max-turns` is reached; contains that limit.
    #[error("the model did not finish within {}", counted(*.0, "turn"))]
    MaxTurns(u32),
    /// An MCP server did not start; nothing was sent.
    #[error(
        "the MCP server `{server}` did not start: {reason}{}",
        if last_lines.is_empty() { String::new() } else { format!("; it printed: {}", last_lines.join(" | ")) }
    )]
    McpServer {
        /// The name of the server.
        server: String,
        /// What was given to name it: that name, or the path of the file that has it.
        given: String,
        /// Why it did not start.
        reason: String,
        /// The last lines of its standard error.
        last_lines: Vec<String>,
    },
    /// `mcp doctor` found servers that do not start.
    #[error("{failed} of {} did not start", counted(*of, "MCP server"))]
    McpServersFailed {
        /// Number of those.
        failed: usize,
        /// Number of servers that were checked.
        of: usize,
    },
    /// A call with `tool-run --call` or `mcp call` failed.
    #[error("the call failed: {how}")]
    CallByHand {
        /// The first line of its result.
        how: String,
        /// Whether the tool ran; if not, its input was refused.
        ran: bool,
        /// The command that shows what input the tool takes.
        lister: &'static str,
    },
    /// The answer does not fit the schema.
    #[error("the answer does not fit the schema: {0}")]
    Unfit(String),
    /// The body exceeds the limit of the endpoint.
    #[error(
        "the request is {}, which exceeds the limit of {} (20 MiB); the largest part is {largest}",
        counted(*bytes, "byte"),
        counted(*limit, "byte")
    )]
    RequestTooLarge {
        /// Size of the body.
        bytes: usize,
        /// Limit of the strictest platform behind the endpoint.
        limit: usize,
        /// The name of the largest part.
        largest: String,
        /// What to exclude from the directories so that the rest fits.
        exclude: Vec<String>,
    },
    /// The request exceeds a token limit even by the low estimate.
    #[error(
        "the request has at least {}, which exceeds {limit}; the largest part is {largest}",
        counted(*tokens, "token")
    )]
    TooManyTokens {
        /// The low estimate.
        tokens: u64,
        /// The number of the limit that is exceeded.
        most: u64,
        /// The limit in words, with its number.
        limit: String,
        /// The part with the most tokens.
        largest: String,
        /// What to exclude from the directories so that the rest fits.
        exclude: Vec<String>,
    },
    /// The HTTP client could not be set up.
    #[error(transparent)]
    Build(#[from] client::BuildError),
    /// The file of `--record` or `--replay`.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The call failed: there is no answer, or only a partial one.
    #[error("{source}")]
    Call {
        /// The cause.
        source: client::Error,
        /// Whether part of the answer had arrived.
        after_content: bool,
        /// Where that part is.
        left: Left,
        /// Number of attempts.
        attempts: u32,
        /// The requested model; empty if the request was for the list of models.
        model: Box<str>,
        /// What the conversation sends no more as it was, because the API refused it.
        left_out: Option<Box<session::RefusedParts>>,
    },
    /// No model was chosen.
    #[error("no model is chosen")]
    NoModel,
    /// No model was chosen, and the region offers none that can be picked.
    #[error("no model is chosen, and region `{region}` offers {}", if others.is_empty() { "none \
        for this key" } else { "no Claude models" })]
    NothingToPick {
        /// The region.
        region: String,
        /// The models that it does offer.
        others: Vec<String>,
    },
    /// An alias was given, and the region has no model of its family.
    #[error("region `{region}` offers no `{family}` model")]
    NoneOfFamily {
        /// The alias.
        family: String,
        /// The region.
        region: String,
        /// The models that it offers.
        others: Vec<String>,
    },
    /// The region does not have the model, but others do.
    #[error("`{model}` is not available in region `{region}`")]
    Elsewhere {
        /// The model.
        model: String,
        /// The region.
        region: String,
        /// The regions that have it, for the hint.
        regions: String,
    },
    /// The list of models that this process has fetched does not have the model.
    #[error("region `{region}` offers no model `{model}`")]
    Unlisted {
        /// The model.
        model: String,
        /// The region.
        region: String,
        /// The models that it offers.
        others: Vec<String>,
    },
    /// The answer was cut off by a token limit.
    #[error("the answer was cut off: {}", match .0 { StopReason::MaxTokens => "it reached \
        max_tokens", _ => "the context window is full" })]
    Truncated(StopReason),
    /// The model paused its turn and expects to be asked to continue.
    #[error("the model paused its turn, so the answer is incomplete")]
    Paused {
        /// Whether the conversation is saved.
        is_saved: bool,
    },
    /// The answer ended without what it promised.
    #[error("{}", match .0 { MissingPart::Content => "the answer is empty", MissingPart::Call => "the \
        model stopped for a tool call, but made none" })]
    EmptyAnswer(MissingPart),
    /// The model refused; contains its explanation, if it gave one.
    #[error("the model refused to answer{}", .0.as_ref().map_or(String::new(), |why| format!(": {why}")))]
    Refusal(Option<String>),
    /// The answer has no code block in the language, or none at all.
    #[error("the answer has no code block{}", .0.as_ref().map_or(String::new(), |lang| format!(" in `{lang}`")))]
    NoCodeBlock(Option<String>),
    /// The answer could not be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The answer could not be copied to the clipboard.
    #[error(transparent)]
    Copy(CopyError),
    /// The file of `--output` could not be opened.
    #[error("cannot write `{}`", path.display())]
    Unwritable {
        /// The file.
        path: std::path::PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// One of the program's own files could not be read.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// The file.
        path: std::path::PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// `doctor` found problems.
    #[error("{wrong} {}", if *.wrong == 1 { "problem found" } else { "problems found" })]
    Unwell {
        /// Number of problems.
        wrong: usize,
        /// The kind of the first of them.
        kind: Kind,
    },
    /// SIGINT or SIGTERM.
    #[error("interrupted")]
    Interrupted(i32),
    /// SIGINT or SIGTERM stopped the scripted endpoint, which is its normal end.
    #[error("terminated by a signal")]
    Served(i32),
    /// The port of the scripted endpoint is not available.
    #[error("cannot listen on port {port} of 127.0.0.1")]
    Listen {
        /// The port; 0 for any.
        port: u16,
        /// The cause.
        source: std::io::Error,
    },
    /// The operating system refused something basic.
    #[error("cannot {what}")]
    System {
        /// The action that failed.
        what: &'static str,
        /// The cause.
        source: std::io::Error,
    },
    /// A panic, with its message and location.
    #[error("internal error: {0}")]
    Bug(String),
}

impl Error {
    /// Returns the kind of the failure.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Usage { .. }
            | Self::OptionRefused { .. }
            | Self::NoCommand { .. }
            | Self::NoModel
            | Self::NoListPrice(_)
            | Self::NothingToPick { .. }
            | Self::NoneOfFamily { .. }
            | Self::Unlisted { .. }
            | Self::Elsewhere { .. } => Kind::Usage,
            Self::Config(error) => config_kind(error),
            Self::Build(_) => Kind::Usage,
            Self::Record(RecordError::Unreadable { .. } | RecordError::Unwritable { .. }) => {
                Kind::Internal
            }
            Self::Record(_) => Kind::Usage,
            Self::Input(error) => input_kind(error),
            Self::Session(error) => session_kind(error),
            Self::Tool(_) | Self::Schema { .. } => Kind::Usage,
            Self::Batch(_) => Kind::Usage,
            Self::MaxTurns(_)
            | Self::McpServer { .. }
            | Self::McpServersFailed { .. }
            | Self::CallByHand { .. }
            | Self::ItemsFailed { .. }
            | Self::Merge(_) => Kind::Tool,
            Self::RequestTooLarge { .. }
            | Self::TooManyTokens { .. }
            | Self::Budget { .. }
            | Self::CostLimit { .. } => Kind::TooLarge,
            Self::Call {
                after_content: true,
                ..
            }
            | Self::Paused { .. }
            | Self::EmptyAnswer(_) => Kind::Incomplete,
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
            | Self::Copy(_)
            | Self::Unreadable { .. }
            | Self::Unwritable { .. }
            | Self::Listen { .. }
            | Self::Bug(_)
            | Self::System { .. } => Kind::Internal,
        }
    }

    /// Returns whether the only problem is that the arguments of a tool call are not a JSON object.
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

    /// Returns whether the model cannot be used, and another one could.
    pub(crate) fn is_about_model(&self) -> bool {
        match self {
            Self::Call { source, .. } => names_models(source),
            Self::Unlisted { .. } | Self::Elsewhere { .. } | Self::NoneOfFamily { .. } => true,
            _ => false,
        }
    }

    /// Returns the failure and all its causes in one line.
    pub(crate) fn message(&self) -> String {
        let mut message = match self {
            // The endpoint lists the models that there are, and not the one that was asked for.
            Self::Call { source, model, .. } if !model.is_empty() && names_models(source) => {
                format!("cannot use model `{model}`: {self}")
            }
            _ => self.to_string(),
        };
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
            // Some errors already contain the message of their source.
            if !message.ends_with(&reason) {
                message.push_str(&format!(": {reason}"));
            }
            cause = source.source();
        }
        without_os_codes(&message).into_owned()
    }

    /// Returns the JSON error object.
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

/// Whether the endpoint refused the model, and named those that there are.
fn names_models(error: &client::Error) -> bool {
    let api = error.api();
    api.is_some_and(|api| api.available_models().is_some())
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
        | config::Error::LedgerPassword { .. }
        | config::Error::Syntax { .. }
        | config::Error::UnknownKey { .. }
        | config::Error::UnknownProfile { .. }
        | config::Error::Unreadable { .. }
        | config::Error::Untrusted { .. }
        | config::Error::Refused { .. }
        | config::Error::Exists { .. }
        | config::Error::Unchangeable { .. }
        | config::Error::Key { .. } => Kind::Usage,
    }
}

fn input_kind(error: &input::Error) -> Kind {
    match error {
        input::Error::Unreadable { .. }
        | input::Error::Stdin(_)
        | input::Error::NoClipboardProgram
        | input::Error::Clipboard(_) => Kind::Internal,
        input::Error::Image {
            source: ImageError::Damaged | ImageError::Format(_),
            ..
        }
        | input::Error::Pdf {
            source: PdfError::Preceded(_) | PdfError::Damaged | PdfError::Encrypted,
            ..
        }
        | input::Error::Binary { .. }
        | input::Error::NotText { .. }
        | input::Error::NotUtf8 { .. }
        | input::Error::ImageFormat { .. }
        | input::Error::TextAttached { .. }
        | input::Error::NoTextFiles { .. }
        | input::Error::NoMatch { .. }
        | input::Error::Pattern { .. }
        | input::Error::EmptyFileList { .. }
        | input::Error::Messages { .. }
        | input::Error::Template { .. }
        | input::Error::Empty { .. }
        | input::Error::NotUserFirst
        | input::Error::Secrets { .. }
        | input::Error::NoPrompt => Kind::Usage,
        input::Error::Image { .. }
        | input::Error::Pdf { .. }
        | input::Error::TooManyImages { .. }
        | input::Error::TooManyPages { .. }
        | input::Error::TooLong { .. } => Kind::TooLarge,
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
        (
            client::Error::Answer { .. }
            | client::Error::NoModelList { .. }
            | client::Error::ModelListTooLong { .. },
            None,
        ) => Kind::Server,
        (_, None) => Kind::Network,
    }
}
