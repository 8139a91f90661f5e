//! The flags for tools and for answers that match a schema, and the command that runs tools.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::AskArgs;
use super::help_text;
use super::value::{count, dollars, not_blank, small_number};
use crate::text::Money;
use crate::tool::SchemaMode;

/// What the model may call
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Tools")]
pub(crate) struct ToolArgs {
    /// Tools that the model may call: a JSON or TOML file, or a program; may be repeated
    ///
    /// A file contains Anthropic's JSON definition of a tool, an array of such definitions, or
    /// `[[tool]]` tables in TOML. Each definition has `name`, `description` and `input_schema`, and
    /// also `command` if langdock is to run the tool; `langdock help tool-run` ends with a list of
    /// all keys. A bare name is looked up only in langdock/tools under the platform's config
    /// directory; write ./FILE for a file in the current directory. `-T ./PROGRAM` runs `./PROGRAM
    /// --schema`, which must print the definition of the tool. A program found by a bare name is
    /// started only if `allow` in the config's `tools` table names it, if --yes or --allow-tool
    /// NAME (tool-run and chat) is given, or if you confirm. `send` does not run tools: it prints
    /// the calls as JSON.
    #[arg(short = 'T', long = "tool", value_name = "FILE")]
    pub(crate) tools: Vec<PathBuf>,
    /// Whether the model must call a tool: `auto`, `any`, `none`, or the name of a tool
    ///
    /// With `auto`, the model decides. With `any`, the model must call a tool; with `none`, it must
    /// not; with NAME, it must call that tool. When langdock runs the tools, the choice applies
    /// only until the first call has a result.
    #[arg(long, value_name = "auto|any|none|NAME")]
    pub(crate) tool_choice: Option<String>,
}

/// How tools are run
#[derive(Debug, Args)]
#[command(next_help_heading = "Tools")]
pub(crate) struct ToolPolicyArgs {
    /// Run every call without confirmation, unless the tool requires it
    ///
    /// A tool requires confirmation if its definition sets `confirm`, if its MCP server marks it as
    /// destructive, if others could change its program, or, in `chat`, if its MCP server has changed
    /// its definition since the chat began.
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Run calls to this tool without confirmation; may be repeated
    ///
    /// In the name, * stands for any characters: 'files__*' means all tools of the MCP server
    /// `files`. If a server changes the definition of a tool, calls to that tool need confirmation
    /// again.
    #[arg(long, value_name = "NAME|GLOB", value_parser = not_blank)]
    pub(crate) allow_tool: Vec<String>,
    /// Never run calls to this tool; may be repeated
    ///
    /// In the name, * stands for any characters.
    #[arg(long, value_name = "NAME|GLOB", value_parser = not_blank)]
    pub(crate) deny_tool: Vec<String>,
    /// MCP servers whose tools the model may call: a JSON file, or a name from the config file; may
    /// be repeated
    ///
    /// A file, recognised by a slash or a .json ending, lists servers under mcpServers, in the
    /// format of other MCP clients; all of its servers are started. A bare name means [mcp.NAME] in
    /// the config file. Nothing is sent until every server has listed its tools; the model knows
    /// the tools as SERVER__TOOL. If a server does not start, the run ends with exit code 11,
    /// unless the server is `optional`. `langdock help mcp` has more.
    #[arg(long, value_name = "FILE|NAME", value_parser = not_blank)]
    pub(crate) mcp: Vec<String>,
    /// Maximum number of model turns in reply to one prompt
    #[arg(long, value_name = "N", default_value = "10", value_parser = count, allow_negative_numbers = true)]
    pub(crate) max_turns: u32,
    /// Maximum number of tool calls to run at the same time
    #[arg(long, value_name = "N", default_value = "4", value_parser = count, allow_negative_numbers = true)]
    pub(crate) tool_jobs: u32,
}

#[derive(Debug, Args)]
#[command(about = help_text::TOOL_RUN.about, long_about = help_text::TOOL_RUN.long_about)]
pub(crate) struct ToolRunArgs {
    /// The request
    #[command(flatten)]
    pub(crate) ask: AskArgs,
    /// How tools are run
    #[command(flatten)]
    pub(crate) running: ToolPolicyArgs,
    /// Stop with exit code 13 if the next request might take the cost above this many US dollars
    ///
    /// Each request is expected to cost as much as the one before it. Each run has the full budget,
    /// and answers from --demo and --replay cost nothing. Costs are at Anthropic's list prices,
    /// without regional surcharges, and Langdock may bill differently. A model without a list price
    /// needs a price in the config's `prices` table.
    #[arg(
        long, value_name = "AMOUNT", help_heading = "Tools", value_parser = dollars,
        allow_negative_numbers = true
    )]
    pub(crate) max_cost: Option<Money>,
    /// List the tools without sending anything
    #[arg(long, help_heading = "Inspection", conflicts_with_all = ["call", "dry_run", "curl"])]
    pub(crate) list: bool,
    /// Run one call as if the model had made it and print the result, without sending anything;
    /// `-` reads the JSON from standard input
    ///
    /// The result goes where an answer would go, for example to the file given with -o. With --json
    /// or --jsonl, the tool_result block that the model would get is printed.
    #[arg(
        long, help_heading = "Inspection", num_args = 2, value_names = ["NAME", "JSON"],
        conflicts_with_all = ["dry_run", "curl"]
    )]
    pub(crate) call: Option<Vec<String>>,
}

/// What form the answer must have
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct StructuredArgs {
    /// Print JSON that fits this JSON schema, and nothing else
    ///
    /// The answer is validated locally, and an invalid answer is sent back with the errors. A valid
    /// answer is printed on one line, or indented on a terminal; with --json, the message object
    /// that contains it is printed.
    #[arg(
        long, value_name = "FILE|JSON", value_parser = not_blank,
        conflicts_with_all = ["jsonl", "extract", "tools", "tool_choice", "prefill"]
    )]
    pub(crate) schema: Option<String>,
    /// With --schema: how to ask the model for JSON: `auto`, `native`, `tool` or `prompt` [default:
    /// auto]
    ///
    /// `native` uses the field output_config.format, `tool` makes the model call a tool with the
    /// answer, and `prompt` asks for the JSON in the prompt itself. If the model is known to accept
    /// a forced tool call, `auto` uses `tool`; otherwise `auto` tries `native`, `tool` and `prompt`
    /// in turn, and remembers for seven days which mode worked.
    #[arg(
        long,
        value_name = "MODE",
        requires = "schema",
        hide_possible_values = true
    )]
    pub(crate) schema_mode: Option<SchemaModeArg>,
    /// With --schema: maximum number of times to send back an invalid answer [default: 2]
    #[arg(long, value_name = "N", requires = "schema", value_parser = small_number, allow_negative_numbers = true)]
    pub(crate) repair: Option<u32>,
}

/// How a model is asked for an answer that fits a schema
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum SchemaModeArg {
    /// One way after the other
    #[default]
    Auto,
    /// By the field output_config.format
    Native,
    /// By a tool
    Tool,
    /// In words
    Prompt,
}

impl From<SchemaModeArg> for SchemaMode {
    fn from(mode: SchemaModeArg) -> Self {
        match mode {
            SchemaModeArg::Auto => Self::Auto,
            SchemaModeArg::Native => Self::Native,
            SchemaModeArg::Tool => Self::Tool,
            SchemaModeArg::Prompt => Self::Prompt,
        }
    }
}
