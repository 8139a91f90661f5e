//! The commands about tokens: `count` for a request before it is sent, `usage` for past requests.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::help_text;
use super::{
    AskArgs, CacheArgs, ConnectionArgs, ConversationArgs, InputArgs, OutputArgs, PrefillArgs,
    PreviewArgs, RequestArgs, ToolArgs,
};
use crate::text::parse_duration;

#[derive(Debug, Args)]
#[command(about = help_text::COUNT.about, long_about = help_text::COUNT.long_about)]
pub(crate) struct CountArgs {
    /// The prompt; several words are joined by spaces, and `--` ends the flags
    #[arg(value_name = "PROMPT")]
    pub(crate) prompt: Vec<String>,
    /// How many words of the prompt follow `--`
    #[arg(skip)]
    pub(crate) literal_words: usize,
    /// What to ask for
    #[command(flatten)]
    pub(crate) request: RequestArgs,
    /// What the answer begins with
    #[command(flatten)]
    pub(crate) beginning: PrefillArgs,
    /// Whether the prompt is cached
    #[command(flatten)]
    pub(crate) caching: CacheArgs,
    /// What to send besides the prompt
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Print a JSON object
    #[arg(short, long)]
    pub(crate) json: bool,
    /// Which settings apply
    #[arg(skip)]
    pub(super) connection: ConnectionArgs,
}

impl CountArgs {
    /// Converts the flags to those of `send`.
    pub(crate) fn into_ask(self) -> AskArgs {
        AskArgs {
            prompt: self.prompt,
            literal_words: self.literal_words,
            request: self.request,
            beginning: self.beginning,
            caching: self.caching,
            input: self.input,
            tools: ToolArgs::default(),
            output: OutputArgs::default(),
            conversation: ConversationArgs::default(),
            looking: PreviewArgs::default(),
            connection: self.connection,
        }
    }
}

#[derive(Debug, Args)]
#[command(about = help_text::USAGE.about, long_about = help_text::USAGE.long_about)]
pub(crate) struct UsageArgs {
    /// Group by model, day, tag or command
    #[arg(
        long,
        value_name = "WHAT",
        default_value = "model",
        hide_possible_values = true,
        hide_default_value = true
    )]
    pub(crate) by: By,
    /// Only requests from the last DURATION, such as 7d [default: all]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, allow_hyphen_values = true)]
    pub(crate) since: Option<Duration>,
    /// Show the current rate-limit ledgers and which process holds what, instead of the log
    #[arg(long, conflicts_with_all = ["by", "since"])]
    pub(crate) limits: bool,
    /// Print a JSON object
    #[arg(short, long)]
    pub(crate) json: bool,
    /// Whose ledgers `--limits` shows
    #[arg(skip)]
    pub(crate) connection: ConnectionArgs,
}

/// What to group by
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum By {
    /// The model
    Model,
    /// The day, in local time
    Day,
    /// The value of --tag
    Tag,
    /// The command that sent the request
    Command,
}

impl From<By> for crate::usage::UsageGroup {
    fn from(by: By) -> Self {
        match by {
            By::Model => Self::Model,
            By::Day => Self::Day,
            By::Tag => Self::Tag,
            By::Command => Self::Command,
        }
    }
}
