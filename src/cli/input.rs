//! The input flags, and the command for saved prompts.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::help_text;
use super::setting_parser;
use super::value::{key_and_value, path_or_nothing};
use crate::config::SettingValue;

/// What to send besides the prompt
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Input")]
pub(crate) struct InputArgs {
    /// Text file, image or PDF (detected by content), directory or quoted glob; `-` means standard
    /// input; may be repeated
    ///
    /// For a directory, all text files in it and its subdirectories are sent, sorted by name,
    /// except hidden files and those that .gitignore excludes. Hidden files are skipped even if
    /// .gitignore re-includes them; to send one, name it with -f. A glob such as 'src/**/*.rs'
    /// sends the text files, images and PDFs that match it, with the same exceptions; a path that
    /// exists is not taken as a glob. HEIC and AVIF images are refused; the error shows a command
    /// that converts them. PDFs may have up to 100 pages in all, or 600 if the model's context
    /// window has a million tokens or is not known.
    #[arg(short, long = "file", value_name = "PATH")]
    pub(crate) files: Vec<PathBuf>,
    /// List of files to add as with -f, one path per line or separated by NUL bytes; `-` means
    /// standard input
    ///
    /// The paths are taken as they are, without globs. `git ls-files -z` and `find -print0` write
    /// such lists.
    #[arg(long, value_name = "FILE")]
    pub(crate) files_from: Option<PathBuf>,
    /// In directories and globs, skip what matches GLOB; may be repeated
    ///
    /// The syntax is that of .gitignore, relative to the directory: '*.snap' and 'target/' apply at
    /// any depth, '/docs' only at the top. A glob may also begin with the directory, as in
    /// -f src --exclude 'src/tests/*'.
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,
    /// Image or PDF; text files are refused; `-` means standard input, and `clipboard:` means the
    /// image on the clipboard; may be repeated
    ///
    /// The clipboard is read with wl-paste, xclip or pngpaste, whichever is installed.
    #[arg(short, long = "attach", value_name = "PATH")]
    pub(crate) attached: Vec<PathBuf>,
    /// How images are changed before they are sent
    #[arg(long, value_name = "fit|keep|PIXELS", value_parser = setting_parser("image_size"))]
    pub(crate) image_size: Option<SettingValue>,
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
    /// Saved prompt
    #[arg(short, long, value_name = "NAME|FILE", value_parser = path_or_nothing())]
    pub(crate) template: Option<PathBuf>,
    /// The value of {{KEY}} in the saved prompt; may be repeated
    #[arg(
        short, long = "param", value_name = "KEY=VALUE", value_parser = key_and_value,
        allow_hyphen_values = true
    )]
    pub(crate) params: Vec<(String, String)>,
    /// What is done about secrets in what is sent
    #[arg(long, value_name = "refuse|mask|send", value_parser = setting_parser("secrets_mode"))]
    pub(crate) secrets: Option<SettingValue>,
    /// Send even if the request appears to exceed a known limit, or uses an option that the model
    /// is known to reject
    ///
    /// Without this flag, a request is refused if its body exceeds 20 MiB, or if even a low
    /// estimate of its tokens exceeds the model's context window or a known limit on tokens per
    /// minute. An option that the model is known to reject is an error on the command line, and is
    /// dropped if it comes from the config file or a template. With --no-check, such an option is
    /// sent; if the model accepts it, langdock remembers that.
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
