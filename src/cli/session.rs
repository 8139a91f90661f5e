//! The flags that choose a conversation, and the command for conversations.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::help_text;
use super::value::not_blank;
use crate::text::parse_duration;

/// Which conversation it belongs to
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Conversation")]
pub(crate) struct ConversationArgs {
    /// Continue the conversation last used in this terminal or, if there is none, the most recent
    /// one; LANGDOCK_SESSION overrides this
    #[arg(short = 'c', long = "continue")]
    pub(crate) go_on: bool,
    /// Continue this conversation, or start it
    ///
    /// Give an exact name, an unambiguous prefix of an id, or the exact title of a conversation
    /// without a name. If nothing matches, a new conversation of that name is started; an ambiguous
    /// prefix is an error.
    #[arg(long, value_name = "NAME|ID", value_parser = not_blank)]
    pub(crate) session: Option<String>,
    /// With --continue or --session: continue in a copy, leaving the conversation unchanged
    #[arg(long)]
    pub(crate) fork: bool,
    /// Save nothing, neither in a conversation nor in the usage log
    #[arg(short, long)]
    pub(crate) no_log: bool,
}

#[derive(Debug, Args)]
#[command(about = help_text::SESSION.about, long_about = help_text::SESSION.long_about)]
pub(crate) struct SessionArgs {
    /// Use the conversations of runs with --demo or --replay, which are stored separately
    #[arg(long, global = true)]
    pub(crate) demo: bool,
    /// What to do
    #[command(subcommand)]
    pub(crate) action: SessionAction,
}

impl SessionArgs {
    /// Returns whether the user asked for JSON.
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
    /// List the conversations, most recently used first
    List {
        /// Print a JSON array
        #[arg(short, long)]
        json: bool,
    },
    /// Print a conversation: rendered on a terminal, otherwise as Markdown
    Show {
        /// Name, id or title
        #[arg(value_name = "NAME|ID")]
        session: Option<String>,
        /// Print only the last answer
        #[arg(long)]
        last: bool,
        /// Print the conversation as it was written, even on a terminal
        #[arg(long, conflicts_with = "json")]
        raw: bool,
        /// Print only the first fenced code block of the last answer
        #[arg(short = 'x', long, conflicts_with_all = ["json", "raw", "last"])]
        extract: bool,
        /// Print a JSON object with every turn as stored
        #[arg(short, long, conflicts_with = "last")]
        json: bool,
    },
    /// Find conversations in which a single turn contains all of the given words
    Search {
        /// Word to find, ignoring case
        #[arg(value_name = "WORD", required = true)]
        words: Vec<String>,
        /// Print a JSON array
        #[arg(short, long)]
        json: bool,
    },
    /// Print a conversation for other programs: as Markdown, or as messages for --messages
    Export {
        /// Name, id or title
        #[arg(value_name = "NAME|ID")]
        session: Option<String>,
        /// Print the messages as a JSON array, with images and PDFs included
        #[arg(short, long)]
        json: bool,
    },
    /// Rename a conversation
    Rename {
        /// Name, id or title
        #[arg(value_name = "NAME|ID")]
        session: String,
        /// The new name
        name: String,
    },
    /// Delete conversations; asks first on a terminal
    Rm {
        /// Names, ids or titles
        ///
        /// The beginning of a title is not enough.
        #[arg(value_name = "NAME|ID", required_unless_present = "older_than")]
        sessions: Vec<String>,
        /// Delete all conversations not used for this long, such as 30d
        #[arg(
            long, value_name = "DURATION", value_parser = parse_age, allow_hyphen_values = true,
            conflicts_with = "sessions"
        )]
        older_than: Option<Duration>,
    },
    /// Print the path of a conversation, or of the directory that holds all conversations
    Path {
        /// Name, id or title
        #[arg(value_name = "NAME|ID")]
        session: Option<String>,
    },
}

/// Parses a duration that must have a unit: since something is deleted, the meaning of a bare
/// number must not be guessed.
fn parse_age(text: &str) -> Result<Duration, String> {
    if text.ends_with(|letter: char| letter.is_ascii_digit()) {
        return Err(format!("`{text}` has no unit: add s, m, h or d, as in 30d"));
    }
    parse_duration(text)
}
