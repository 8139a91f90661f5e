//! Which conversation a request belongs to, and the command about conversations.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::help_text;
use super::value::not_blank;
use crate::text::parse_duration;

/// Which conversation it belongs to
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Conversation")]
pub(crate) struct ConversationArgs {
    /// Go on with the conversation that was last used, or with LANGDOCK_SESSION's
    #[arg(short = 'c', long = "continue")]
    pub(crate) go_on: bool,
    /// Go on with this conversation, or begin it
    ///
    /// An exact name, or the beginning of an id where only one has it; else a conversation of that
    /// name is begun.
    #[arg(long, value_name = "NAME|ID", value_parser = not_blank)]
    pub(crate) session: Option<String>,
    /// With --continue or --session: go on in a copy, and leave the conversation as it is
    #[arg(long)]
    pub(crate) fork: bool,
    /// Save nothing of this, neither in a conversation nor in the log of requests
    #[arg(short, long)]
    pub(crate) no_log: bool,
}

#[derive(Debug, Args)]
#[command(about = help_text::SESSION.about, long_about = help_text::SESSION.long_about)]
pub(crate) struct SessionArgs {
    /// Look at the conversations of --demo, which are kept apart from the others
    #[arg(long, global = true)]
    pub(crate) demo: bool,
    /// What to do with them
    #[command(subcommand)]
    pub(crate) action: SessionAction,
}

impl SessionArgs {
    /// Whether JSON was asked for.
    pub(crate) fn is_for_programs(&self) -> bool {
        match &self.action {
            SessionAction::List { json }
            | SessionAction::Show { json, .. }
            | SessionAction::Search { json, .. }
            | SessionAction::Export { json, .. } => *json,
            SessionAction::Rename { .. }
            | SessionAction::Rm { .. }
            | SessionAction::Path { .. } => false,
        }
    }
}

/// What to do with saved conversations
#[derive(Debug, Subcommand)]
pub(crate) enum SessionAction {
    /// Print a line about each, the one last used first
    List {
        /// Print an array of objects
        #[arg(short, long)]
        json: bool,
    },
    /// Print a conversation: rendered on a terminal, as Markdown elsewhere
    Show {
        /// Name or id
        #[arg(value_name = "NAME|ID")]
        session: Option<String>,
        /// Print an object with every turn as it is on disk
        #[arg(short, long)]
        json: bool,
    },
    /// Find the conversations that have all of these words in one turn
    Search {
        /// What to look for, whatever its case
        #[arg(value_name = "WORD", required = true)]
        words: Vec<String>,
        /// Print an array of objects
        #[arg(short, long)]
        json: bool,
    },
    /// Print a conversation for other programs: Markdown, or the messages as --messages takes them
    Export {
        /// Name or id
        #[arg(value_name = "NAME|ID")]
        session: Option<String>,
        /// Print the messages as an array, images and PDFs in it
        #[arg(short, long)]
        json: bool,
    },
    /// Give a conversation another name
    Rename {
        /// Name or id
        #[arg(value_name = "NAME|ID")]
        session: String,
        /// What to call it
        name: String,
    },
    /// Delete conversations; on a terminal it asks first
    Rm {
        /// Names or ids
        #[arg(value_name = "NAME|ID", required_unless_present = "older_than")]
        sessions: Vec<String>,
        /// All in which nothing was said for so long, such as 30d
        #[arg(
            long, value_name = "DURATION", value_parser = parse_age, allow_hyphen_values = true,
            conflicts_with = "sessions"
        )]
        older_than: Option<Duration>,
    },
    /// Print where a conversation is, or the directory of all
    Path {
        /// Name or id
        #[arg(value_name = "NAME|ID")]
        session: Option<String>,
    },
}

/// Reads a duration whose unit was said: what a bare number means must not be guessed where
/// something is deleted.
fn parse_age(text: &str) -> Result<Duration, String> {
    if text.ends_with(|letter: char| letter.is_ascii_digit()) {
        return Err(format!(
            "`{text}` has no unit: write s, m, h or d behind it, such as 30d"
        ));
    }
    parse_duration(text)
}
