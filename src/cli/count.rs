//! The commands about tokens: those that a request would take, and those that requests took.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::help_text;
use super::{
    AskArgs, ConnectionArgs, ConversationArgs, InputArgs, OutputArgs, PrefillArgs, PreviewArgs,
    RequestArgs, ToolArgs,
};
use crate::text::parse_duration;

#[derive(Debug, Args)]
#[command(about = help_text::COUNT.about, long_about = help_text::COUNT.long_about)]
pub(crate) struct CountArgs {
    /// The prompt; several words are joined by a space, and `--` ends the flags
    #[arg(value_name = "PROMPT")]
    pub(crate) prompt: Vec<String>,
    /// How many words of the prompt stand behind `--`
    #[arg(skip)]
    pub(crate) literal_words: usize,
    /// What to ask for
    #[command(flatten)]
    pub(crate) request: RequestArgs,
    /// What the answer begins with
    #[command(flatten)]
    pub(crate) beginning: PrefillArgs,
    /// What to answer from
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Print an object
    #[arg(short, long)]
    pub(crate) json: bool,
}

impl CountArgs {
    /// The request that `send` would make of it.
    pub(crate) fn into_ask(self) -> AskArgs {
        AskArgs {
            prompt: self.prompt,
            literal_words: self.literal_words,
            request: self.request,
            beginning: self.beginning,
            input: self.input,
            tools: ToolArgs::default(),
            output: OutputArgs::default(),
            conversation: ConversationArgs::default(),
            looking: PreviewArgs::default(),
            connection: ConnectionArgs::default(),
        }
    }
}

#[derive(Debug, Args)]
#[command(about = help_text::USAGE.about, long_about = help_text::USAGE.long_about)]
pub(crate) struct UsageArgs {
    /// What to sum up by: model, day, tag, command
    #[arg(
        long,
        value_name = "WHAT",
        default_value = "model",
        hide_possible_values = true,
        hide_default_value = true
    )]
    pub(crate) by: By,
    /// Only the requests of this last while, such as 7d [default: all]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, allow_hyphen_values = true)]
    pub(crate) since: Option<Duration>,
    /// Print an object
    #[arg(short, long)]
    pub(crate) json: bool,
}

/// What to sum up by
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum By {
    /// The model
    Model,
    /// The day, in local time
    Day,
    /// What --tag said
    Tag,
    /// The command that asked
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
