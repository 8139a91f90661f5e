//! The command line as data. No other module uses clap.
//!
//! Rules: a flag shared by several commands is declared in one group; a value's range is checked
//! here, and its meaning where it is used; the first line of a description is the short help. A
//! group of flags comes after the arguments that belong to no group, because its heading applies to
//! all that follow.

// Descriptions are shown in terminals, where angle brackets, and backticks around every name, would
// be noise: backticks are for commands, and for values that would read as words. Many flags are
// switches.
#![allow(
    rustdoc::bare_urls,
    clippy::doc_markdown,
    clippy::struct_excessive_bools
)]

mod batch;
mod chat;
mod connection;
mod count;
mod definition;
mod dynamic_completion;
mod examples;
mod help;
mod help_text;
mod input;
mod mcp;
mod merge;
mod other_programs;
mod parse;
mod request_flags;
mod serve;
mod session;
mod setting_flags;
mod settings;
mod sparse_definition;
mod sparse_send;
mod suggested_command;
mod tools;
mod unparsed;
mod value;

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use serde_json::Value;

pub(crate) use batch::{BatchArgs, BatchItemArgs};
pub(crate) use chat::ChatArgs;
pub(crate) use connection::ConnectionArgs;
pub(crate) use count::{CountArgs, UsageArgs};
pub(crate) use definition::{command_line, completion_script};
pub(crate) use dynamic_completion::{
    COMPLETION_VARIABLE, LookUp, Suggestion, UnfinishedLine, ValueSource, complete_line,
};
pub(crate) use examples::examples;
pub(crate) use help::{HELP_TOPICS, HelpArgs, command_help, commands, subcommands};
pub(crate) use input::{InputArgs, TemplateAction, TemplateArgs};
pub(crate) use mcp::{McpAction, McpArgs};
pub(crate) use merge::MergeArgs;
pub(crate) use parse::{SHORT_FLAGS_WITH_VALUE, parse};
use request_flags::RequestFlags;
pub(crate) use serve::ServeArgs;
pub(crate) use session::{ConversationArgs, SessionAction, SessionArgs};
use setting_flags::setting_parser;
pub(crate) use settings::{AuthArgs, AuthCommand, ConfigArgs, ConfigCommand};
pub(crate) use suggested_command::with_connection_flags;
pub(crate) use tools::{SchemaModeArg, StructuredArgs, ToolArgs, ToolPolicyArgs, ToolRunArgs};
pub(crate) use unparsed::Unparsed;
use value::not_blank;

use crate::config::SettingValue;
use crate::protocol::{ExactJson, key_and_json};
use crate::ui::{ColorChoice, Verbosity};

/// Talks to Claude models through Langdock's Anthropic Messages endpoint
#[derive(Debug, Parser)]
#[command(
    name = "langdock",
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    args_override_self = true,
    max_term_width = 100
)]
#[command(
    after_help = "`langdock help COMMAND` shows more about a command, with examples. Topics of \
        `langdock help`: exit-codes, environment, config, regions, secrets.\n\nAn independent \
        client: not made or endorsed by Langdock or Anthropic."
)]
struct Cli {
    /// What to do
    #[command(subcommand)]
    command: Command,
}

/// What to do
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Command {
    #[command(about = help_text::SEND.about, long_about = help_text::SEND.long_about)]
    Send(Box<SendArgs>),
    #[command(about = help_text::CHAT.about, long_about = help_text::CHAT.long_about)]
    Chat(Box<ChatArgs>),
    #[command(about = help_text::TOOL_RUN.about, long_about = help_text::TOOL_RUN.long_about)]
    ToolRun(Box<ToolRunArgs>),
    #[command(about = help_text::MCP.about, long_about = help_text::MCP.long_about)]
    Mcp(McpArgs),
    #[command(about = help_text::BATCH.about, long_about = help_text::BATCH.long_about)]
    Batch(Box<BatchArgs>),
    #[command(about = help_text::MERGE.about, long_about = help_text::MERGE.long_about)]
    Merge(MergeArgs),
    #[command(about = help_text::SESSION.about, long_about = help_text::SESSION.long_about)]
    Session(SessionArgs),
    #[command(about = help_text::TEMPLATE.about, long_about = help_text::TEMPLATE.long_about)]
    Template(TemplateArgs),
    #[command(about = help_text::MODELS.about, long_about = help_text::MODELS.long_about)]
    Models(ModelsArgs),
    #[command(about = help_text::COUNT.about, long_about = help_text::COUNT.long_about)]
    Count(Box<CountArgs>),
    #[command(about = help_text::USAGE.about, long_about = help_text::USAGE.long_about)]
    Usage(UsageArgs),
    #[command(about = help_text::AUTH.about, long_about = help_text::AUTH.long_about)]
    Auth(AuthArgs),
    #[command(about = help_text::CONFIG.about, long_about = help_text::CONFIG.long_about)]
    Config(ConfigArgs),
    #[command(about = help_text::DOCTOR.about, long_about = help_text::DOCTOR.long_about)]
    Doctor(DoctorArgs),
    #[command(about = help_text::SERVE.about, long_about = help_text::SERVE.long_about)]
    Serve(ServeArgs),
    #[command(about = help_text::COMPLETIONS.about)]
    Completions(CompletionsArgs),
    #[command(about = help_text::HELP.about, long_about = help_text::HELP.long_about)]
    Help(HelpArgs),
}

#[derive(Debug, Args)]
#[command(about = help_text::SEND.about, long_about = help_text::SEND.long_about)]
pub(crate) struct SendArgs {
    /// The request
    #[command(flatten)]
    pub(crate) ask: AskArgs,
    /// What form the answer has to have
    #[command(flatten)]
    pub(crate) structured: StructuredArgs,
}

/// A request for an answer on standard output, with all that surrounds it
#[derive(Debug, Args)]
pub(crate) struct AskArgs {
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
    beginning: PrefillArgs,
    /// Whether the prompt is cached
    #[command(flatten)]
    pub(crate) caching: CacheArgs,
    /// What to answer from
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// What the model may call
    #[command(flatten)]
    pub(crate) tools: ToolArgs,
    /// Where the answer goes
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// Which conversation it belongs to
    #[command(flatten)]
    pub(crate) conversation: ConversationArgs,
    /// What would be sent
    #[command(flatten)]
    pub(crate) looking: PreviewArgs,
    /// How to reach the endpoint
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

#[derive(Debug, Args)]
#[command(about = help_text::MODELS.about, long_about = help_text::MODELS.long_about)]
pub(crate) struct ModelsArgs {
    /// Ignore the cached list and fetch it again
    #[arg(long)]
    pub(crate) refresh: bool,
    /// Also show the limits of each model, the options it accepts, and when it is retired
    ///
    /// Shows the details that the endpoint lists for each model, and which options the model
    /// accepted or rejected in the last seven days. --refresh forgets the latter.
    #[arg(short, long)]
    pub(crate) long: bool,
    /// Print the list as JSON, with everything the endpoint reports about each model
    #[arg(short, long)]
    pub(crate) json: bool,
    /// How to reach the endpoint
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

#[derive(Debug, Args)]
#[command(about = help_text::DOCTOR.about, long_about = help_text::DOCTOR.long_about)]
pub(crate) struct DoctorArgs {
    /// Print a JSON object
    #[arg(short, long)]
    pub(crate) json: bool,
    /// How to reach the endpoint
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

#[derive(Debug, Args)]
#[command(about = help_text::COMPLETIONS.about)]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: CompletionShell,
}

impl Command {
    /// Returns the connection flags after the command's name; `None` if it has no use for them.
    fn connection_mut(&mut self) -> Option<&mut ConnectionArgs> {
        match self {
            Self::Send(args) => Some(&mut args.ask.connection),
            Self::Chat(args) => Some(&mut args.connection),
            Self::ToolRun(args) => Some(&mut args.ask.connection),
            Self::Batch(args) => Some(&mut args.connection),
            Self::Models(args) => Some(&mut args.connection),
            Self::Doctor(args) => Some(&mut args.connection),
            Self::Count(args) => Some(&mut args.connection),
            Self::Usage(args) if args.limits => Some(&mut args.connection),
            Self::Auth(args) => Some(args.command.connection_mut()),
            Self::Config(args) => args.command.connection_mut(),
            Self::Merge(_)
            | Self::Mcp(_)
            | Self::Usage(_)
            | Self::Help(_)
            | Self::Session(_)
            | Self::Serve(_)
            | Self::Completions(_)
            | Self::Template(_) => None,
        }
    }
}

/// What to ask for
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Request")]
pub(crate) struct RequestArgs {
    /// Model to ask: an id, or the name of a family
    #[arg(short, long, value_name = "ID", value_parser = not_blank)]
    pub(crate) model: Option<String>,
    /// The fields with a flag of their own
    #[command(flatten)]
    pub(crate) flags: RequestFlags,
    /// Any other field of the request body
    #[arg(long = "set", value_name = "KEY=JSON", value_parser = key_and_json)]
    pub(crate) fields: Vec<(String, ExactJson)>,
    /// What the answer begins with, for the commands that have the flag
    #[arg(skip)]
    pub(crate) prefill: Option<String>,
}

/// What the answer begins with
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Request")]
pub(crate) struct PrefillArgs {
    /// What the answer begins with
    #[arg(long, value_name = "TEXT", value_parser = not_blank, allow_hyphen_values = true)]
    prefill: Option<String>,
}

/// Whether the prompt is cached
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Request")]
pub(crate) struct CacheArgs {
    /// When the prompt is marked for the model's cache
    #[arg(long, value_name = "auto|off|5m|1h", value_parser = setting_parser("cache"))]
    pub(crate) cache: Option<SettingValue>,
}

impl RequestArgs {
    /// Returns the value of the system prompt's flag: a text, or `@` and a file.
    pub(crate) fn system(&self) -> Option<&str> {
        self.flags.get("system").and_then(Value::as_str)
    }

    /// Returns the maximum number of tokens, if the flag is set.
    pub(crate) fn max_tokens(&self) -> Option<u64> {
        self.flags.get("max_tokens").and_then(Value::as_u64)
    }
}

/// How answers are shown, and how much is reported about them
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct DisplayArgs {
    /// Print the answer as the model wrote it, even on a terminal
    ///
    /// Escape sequences never reach a terminal. In a pipe or a file, the text is what the model
    /// wrote, even without --raw: if it needs sanitising, the program that reads it has to do that.
    #[arg(long, conflicts_with = "markdown")]
    pub(crate) raw: bool,
    /// Render the answer's Markdown, even in a pipe [default: on a terminal]
    #[arg(long)]
    pub(crate) markdown: bool,
    /// Colour of messages and of rendered Markdown: `auto`, `always` or `never`
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true
    )]
    pub(crate) color: ColorWhen,
    /// Print no notices, only errors and what was asked for
    ///
    /// You are still told if your input was altered, for example because it contained bytes that
    /// are not UTF-8.
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Verbose output; -vv adds requests and headers, never bodies or the key
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Report tokens, timing and list price
    ///
    /// The price is Anthropic's, without regional surcharges; Langdock may bill differently.
    #[arg(short, long)]
    pub(crate) usage: bool,
    /// Show the model's reasoning, on stderr
    #[arg(long)]
    pub(crate) show_thinking: bool,
    /// Print the answer only when it is complete
    ///
    /// The request is still streamed, because gateways cut off requests that stay silent for too
    /// long; --set stream=false turns streaming off.
    #[arg(short = 'S', long)]
    pub(crate) no_stream: bool,
}

/// Where the answer goes
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// How the answer is shown
    #[command(flatten)]
    pub(crate) looks: DisplayArgs,
    /// Print the API's message object
    ///
    /// The cost is in langdock.cost; with tool-run, usage and cost are those of the last request.
    /// The first block may be of the type `thinking`; `jq -r '.content[] | select(.type ==
    /// "text").text'` prints the text.
    #[arg(short, long, conflicts_with_all = ["jsonl", "raw", "markdown"])]
    pub(crate) json: bool,
    /// Print each event as a line of JSON as it arrives, then the message object
    #[arg(long, conflicts_with_all = ["raw", "markdown"])]
    pub(crate) jsonl: bool,
    /// Print only the first fenced code block
    #[arg(short = 'x', long, conflicts_with_all = ["json", "jsonl", "raw", "markdown"])]
    pub(crate) extract: bool,
    /// With --extract: the first code block of this language
    #[arg(long, value_name = "LANG", requires = "extract")]
    pub(crate) lang: Option<String>,
    /// Write the answer to this file, whole or not at all
    ///
    /// If an answer breaks off, the partial answer stays in FILE.part until a later run receives an
    /// answer. A link, a pipe or another user's file at FILE.part is refused before anything is
    /// sent.
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Also copy the answer to the clipboard
    ///
    /// On a desktop, this uses wl-copy, xclip or pbcopy. Without a desktop, or over SSH,
    /// langdock asks the terminal to copy the answer, which works if the terminal supports OSC 52
    /// and the answer does not exceed the terminal's limit; in tmux, tmux asks the terminal. An
    /// incomplete answer is not copied.
    #[arg(long, conflicts_with_all = ["json", "jsonl"])]
    pub(crate) copy: bool,
    /// Exit 0 even if the answer was cut off by a token limit
    #[arg(long)]
    pub(crate) allow_truncated: bool,
    /// Continue an answer that was cut off
    #[arg(
        long, value_name = "N", value_parser = setting_parser("auto_continue"),
        allow_negative_numbers = true
    )]
    pub(crate) auto_continue: Option<SettingValue>,
    /// Exit 0 even if the answer is empty
    ///
    /// Without this flag, an answer that has no content, or has the stop reason `tool_use` but no
    /// tool call, is requested once more, unless part of it was shown; if the second answer is no
    /// better, the exit code is 8.
    #[arg(long)]
    pub(crate) allow_empty: bool,
    /// Tag to record in the usage log; `langdock usage --by tag` groups by it
    #[arg(long, value_name = "NAME", value_parser = not_blank)]
    pub(crate) tag: Option<String>,
}

impl DisplayArgs {
    /// Returns how much to report.
    pub(crate) fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, 0) => Verbosity::Normal,
            (false, 1) => Verbosity::Steps,
            (false, _) => Verbosity::Headers,
        }
    }
}

/// What would be sent
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Inspection")]
pub(crate) struct PreviewArgs {
    /// Print the request body without sending it; image data is shortened
    #[arg(long, conflicts_with_all = ["file", "copy"])]
    pub(crate) dry_run: bool,
    /// Print an equivalent curl command without sending anything; the key appears as
    /// $LANGDOCK_API_KEY
    ///
    /// A user name and password for the proxy appear as $PROXY_LOGIN.
    #[arg(long, conflicts_with_all = ["dry_run", "demo", "file", "copy"])]
    pub(crate) curl: bool,
}

/// When to colour
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum ColorWhen {
    /// On a terminal
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl From<ColorWhen> for ColorChoice {
    fn from(color: ColorWhen) -> Self {
        match color {
            ColorWhen::Auto => Self::Auto,
            ColorWhen::Always => Self::Always,
            ColorWhen::Never => Self::Never,
        }
    }
}

/// A shell with completions
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CompletionShell {
    /// GNU Bash
    Bash,
    /// Elvish
    Elvish,
    /// fish
    Fish,
    /// PowerShell
    #[value(name = "powershell")]
    Pwsh,
    /// Z shell
    Zsh,
}
