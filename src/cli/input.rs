//! The input flags, and the command for saved prompts.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::help_text;
use super::value::key_and_value;

/// What to send besides the prompt
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Input")]
pub(crate) struct InputArgs {
    /// Text file, image or PDF, detected by content, or a directory; - is standard input; may be
    /// repeated
    ///
    /// For a directory, all text files in it are sent, sorted, except hidden files and those that
    /// .gitignore excludes. Hidden files are skipped even if .gitignore re-includes them; to send
    /// one, name it with -f.
    #[arg(short, long = "file", value_name = "PATH")]
    pub(crate) files: Vec<PathBuf>,
    /// Image or PDF, never sent as text; - is standard input; may be repeated
    #[arg(short, long = "attach", value_name = "PATH")]
    pub(crate) attached: Vec<PathBuf>,
    /// Earlier turns as JSON: an array of messages or a whole request body; flags override its
    /// fields
    ///
    /// They come before the prompt and its attachments. A `stream` field has no effect.
    #[arg(long, value_name = "FILE")]
    pub(crate) messages: Option<PathBuf>,
    /// Do not read standard input
    #[arg(short = 'I', long)]
    pub(crate) no_stdin: bool,
    /// Write the prompt in an editor: VISUAL, EDITOR, or vi
    #[arg(short, long)]
    pub(crate) edit: bool,
    /// Saved prompt, listed by `langdock template list`, or ./FILE for any other file
    #[arg(short, long, value_name = "NAME|FILE")]
    pub(crate) template: Option<PathBuf>,
    /// With --template: the value of {{KEY}}; may be repeated
    #[arg(
        short, long = "param", value_name = "KEY=VALUE", value_parser = key_and_value, requires = "template",
        allow_hyphen_values = true
    )]
    pub(crate) params: Vec<(String, String)>,
    /// Send even if the request appears to exceed a known limit, or uses an option that the model
    /// is known not to accept
    ///
    /// Without it, a request is refused if its body exceeds 20 MB, or if even a low estimate of its
    /// tokens exceeds the model's context window or a known limit of tokens per minute. An option
    /// that the model is known not to accept is an error on the command line, and is dropped if it
    /// comes from the config file or a template. With --no-check it is sent; if the model accepts
    /// it, that is remembered.
    #[arg(long)]
    pub(crate) no_check: bool,
}

#[derive(Debug, Args)]
#[command(about = help_text::TEMPLATE.about, long_about = help_text::TEMPLATE.long_about)]
pub(crate) struct TemplateArgs {
    /// What to do
    #[command(subcommand)]
    pub(crate) action: TemplateAction,
}

/// What to do with saved prompts
#[derive(Debug, Subcommand)]
pub(crate) enum TemplateAction {
    /// List the templates
    List,
    /// Print a template unchanged
    Show {
        /// Name of a template, or a path with a slash
        #[arg(value_name = "NAME|FILE")]
        name: String,
    },
}
