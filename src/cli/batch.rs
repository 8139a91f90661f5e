//! The command that asks the same question about many items.

use std::path::PathBuf;

use clap::Args;

use super::help_text;
use super::value::{at_least_one, count, dollars, not_blank, shard, small_number};
use super::{
    AskArgs, CacheArgs, ConnectionArgs, ConversationArgs, InputArgs, OutputArgs, PrefillArgs,
    PreviewArgs, RequestArgs, SchemaModeArg, StructuredArgs, ToolArgs,
};
use crate::batch::ShardChoice;
use crate::text::Money;

#[derive(Debug, Args)]
#[command(about = help_text::BATCH.about, long_about = help_text::BATCH.long_about)]
pub(crate) struct BatchArgs {
    /// What to ask about each item, with {text} or {KEY} as placeholders
    #[arg(value_name = "TEMPLATE")]
    pub(crate) pattern: Option<String>,
    /// File with the items: lines of text, or one JSON object per line; `-` means standard input,
    /// which is the default
    #[arg(short, long, value_name = "FILE", conflicts_with = "paths")]
    pub(crate) input: Option<PathBuf>,
    /// Ask about each of these files: text, images or PDFs, detected by content; a directory or a
    /// quoted glob stands for its files
    ///
    /// A file is sent just as `langdock send --file` would send it, unless the template includes
    /// its text with {text}. {path} stands for its path.
    #[arg(long = "files", value_name = "PATH", num_args = 1..)]
    pub(crate) paths: Vec<PathBuf>,
    /// Append the answers to this file as they arrive, and continue where an earlier run stopped
    ///
    /// At the end of a run the lines are sorted into the order of the items. A file is refused
    /// if it contains records of another shard, answers to another prompt, or lines that are not
    /// records.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Maximum number of concurrent requests [default: what the limits allow]
    ///
    /// If the rate limits are known, as many requests run as the limits allow, up to 64; otherwise
    /// 8.
    #[arg(short = 'J', long, value_name = "N", value_parser = count, allow_negative_numbers = true)]
    pub(crate) jobs: Option<u32>,
    /// Print answers as they arrive instead of in the order of the items
    #[arg(long)]
    pub(crate) unordered: bool,
    /// With --output: retry the items that failed, replacing their errors
    ///
    /// Without this flag, an item that failed in an earlier run stays failed, and the exit code is
    /// 11. Items that never became a request, such as an unreadable file, are retried by every run.
    #[arg(long, requires = "output")]
    pub(crate) retry_failed: bool,
    /// Ask only about the items of shard I of N; with `auto`, Slurm or GitLab provides I and N
    ///
    /// The SHA-256 of an item's line or path determines its shard: adding items does not move
    /// existing ones to another shard. With `auto/N`, only the shard number is read from the
    /// environment, which also works on Kubernetes. To rerun a single shard, name it, as in
    /// `--shard 3/10`. Do not use `auto` with `sbatch --array=3`: that is an array of one task,
    /// which would take every item. Each record names its shard, and `langdock merge` merges the
    /// outputs of all shards.
    #[arg(long, value_name = "I/N|auto", value_parser = shard)]
    pub(crate) shard: Option<ShardChoice>,
    /// Stop with exit code 13 if this run needs more than N requests; retries do not count
    #[arg(long, value_name = "N", value_parser = at_least_one, allow_negative_numbers = true)]
    pub(crate) max_requests: Option<u64>,
    /// Stop with exit code 13 if the next request might bring this run's total over N tokens, input
    /// plus output
    ///
    /// How many tokens a request uses is not known in advance; it is estimated from earlier
    /// requests.
    #[arg(long, value_name = "N", value_parser = at_least_one, allow_negative_numbers = true)]
    pub(crate) max_total_tokens: Option<u64>,
    /// Stop with exit code 13 if the next request might take the cost above this many US dollars
    ///
    /// What a request costs is not known in advance; it is estimated from earlier requests. Each
    /// run has the full budget, and answers from --demo and --replay cost nothing. Costs are at
    /// Anthropic's list prices, without regional surcharges, and Langdock may bill differently. A
    /// model without a list price needs a price in the config's `prices` table.
    #[arg(long, value_name = "AMOUNT", value_parser = dollars, allow_negative_numbers = true)]
    pub(crate) max_cost: Option<Money>,
    /// Tag to record in the usage log; `langdock usage --by tag` groups by it
    #[arg(long, value_name = "NAME", value_parser = not_blank)]
    pub(crate) tag: Option<String>,
    /// Ask for answers that fit this JSON schema; `text` in each output line is then JSON
    #[arg(
        long, value_name = "FILE|JSON", value_parser = not_blank,
        conflicts_with = "prefill"
    )]
    pub(crate) schema: Option<String>,
    /// With --schema: how to ask the model for JSON: `auto`, `native`, `tool` or `prompt` [default:
    /// auto]
    ///
    /// `langdock help send` explains the modes.
    #[arg(
        long,
        value_name = "MODE",
        requires = "schema",
        hide_possible_values = true
    )]
    pub(crate) schema_mode: Option<SchemaModeArg>,
    /// With --schema: maximum number of times to send back an invalid answer [default: 2]
    #[arg(
        long, value_name = "N", requires = "schema", value_parser = small_number,
        allow_negative_numbers = true
    )]
    pub(crate) repair: Option<u32>,
    /// What to ask for
    #[command(flatten)]
    pub(crate) request: RequestArgs,
    /// What the answer begins with
    #[command(flatten)]
    pub(super) beginning: PrefillArgs,
    /// Whether the prompt is cached
    #[command(flatten)]
    pub(super) caching: CacheArgs,
    /// What to answer from
    #[command(flatten)]
    pub(crate) given: InputArgs,
    /// How to reach the endpoint
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

/// The flags that only `batch` has.
#[derive(Debug)]
pub(crate) struct BatchItemArgs {
    /// The prompt template.
    pub(crate) pattern: Option<String>,
    /// The file with the items.
    pub(crate) input: Option<PathBuf>,
    /// The files that are the items.
    pub(crate) paths: Vec<PathBuf>,
    /// The file for the records.
    pub(crate) output: Option<PathBuf>,
    /// The maximum number of concurrent requests.
    pub(crate) jobs: Option<u32>,
    /// Whether records are printed as they arrive.
    pub(crate) unordered: bool,
    /// Whether failed items are retried.
    pub(crate) retry_failed: bool,
    /// The shard of the items to ask about.
    pub(crate) shard: Option<ShardChoice>,
    /// The maximum number of requests in this run.
    pub(crate) max_requests: Option<u64>,
    /// The maximum number of input and output tokens in this run.
    pub(crate) max_total_tokens: Option<u64>,
    /// The maximum cost of this run at list price.
    pub(crate) max_cost: Option<Money>,
}

impl BatchArgs {
    /// Separates the flags that `send` also has from those that only `batch` has.
    pub(crate) fn split(self) -> (AskArgs, StructuredArgs, BatchItemArgs) {
        let ask = AskArgs {
            prompt: Vec::new(),
            literal_words: 0,
            request: self.request,
            beginning: self.beginning,
            caching: self.caching,
            input: self.given,
            tools: ToolArgs::default(),
            conversation: ConversationArgs::default(),
            output: OutputArgs {
                tag: self.tag,
                ..OutputArgs::default()
            },
            looking: PreviewArgs::default(),
            connection: self.connection,
        };
        let many = BatchItemArgs {
            pattern: self.pattern,
            input: self.input,
            paths: self.paths,
            output: self.output,
            jobs: self.jobs,
            unordered: self.unordered,
            retry_failed: self.retry_failed,
            shard: self.shard,
            max_requests: self.max_requests,
            max_total_tokens: self.max_total_tokens,
            max_cost: self.max_cost,
        };
        (
            ask,
            StructuredArgs {
                schema: self.schema,
                schema_mode: self.schema_mode,
                repair: self.repair,
            },
            many,
        )
    }
}
