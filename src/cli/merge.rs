//! The command that merges what the shards of a batch have written.

use std::path::PathBuf;

use clap::Args;

use super::help_text;

#[derive(Debug, Args)]
#[command(about = help_text::MERGE.about, long_about = help_text::MERGE.long_about)]
pub(crate) struct MergeArgs {
    /// Outputs of batch; `-` means standard input
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// The file given to batch as --input: it says which records are expected, and their order
    #[arg(short, long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// Write the records to this file, whole or not at all [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}
