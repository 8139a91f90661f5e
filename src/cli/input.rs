//! The flags of what goes in, and the command about saved prompts.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::help_text;
use super::value::key_and_value;

/// What to answer from
#[derive(Debug, Args)]
#[command(next_help_heading = "Input")]
pub(crate) struct InputArgs {
    /// Text file, image or PDF, told by its content; a directory; - is standard input; repeat for
    /// more
    ///
    /// A directory gives its text files, sorted. Hidden files and those that .gitignore names are
    /// left out, and no ignore file can bring hidden ones in; name one with -f.
    #[arg(short, long = "file", value_name = "PATH")]
    pub(crate) files: Vec<PathBuf>,
    /// Image or PDF, never sent as text; - is standard input; repeat for more
    #[arg(short, long = "attach", value_name = "PATH")]
    pub(crate) attached: Vec<PathBuf>,
    /// Earlier turns: JSON, an array of messages or a whole body; flags go before its fields
    ///
    /// The prompt, files and standard input become a further turn of the user. A field `stream` has
    /// no effect.
    #[arg(long, value_name = "FILE")]
    pub(crate) messages: Option<PathBuf>,
    /// Do not read standard input
    #[arg(short = 'I', long)]
    pub(crate) no_stdin: bool,
    /// Write the prompt in an editor: VISUAL, EDITOR, or vi
    #[arg(short, long)]
    pub(crate) edit: bool,
    /// Saved prompt; `langdock template list` names them, and ./FILE is a file elsewhere
    #[arg(short, long, value_name = "NAME|FILE")]
    pub(crate) template: Option<PathBuf>,
    /// With --template: what stands for {{KEY}}; repeat for more
    #[arg(
        short, long = "param", value_name = "KEY=VALUE", value_parser = key_and_value, requires = "template",
        allow_hyphen_values = true
    )]
    pub(crate) params: Vec<(String, String)>,
    /// Send even if the request appears to exceed a known limit, or has what the model refuses
    ///
    /// Without it a body of more than 20 MB is refused, and a request that has more tokens, by an
    /// estimate that is low, than the model's context window or than are allowed a minute, where
    /// the config file or the endpoint has said so. An option of the command line that the model is
    /// known not to accept is an error, and one of the config file or a template is left out. Where
    /// it is sent and accepted, that is remembered.
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
    /// Print the names of the templates
    List,
    /// Print a template as it is
    Show {
        /// Name of a template, or a file with a slash in its path
        #[arg(value_name = "NAME|FILE")]
        name: String,
    },
}
