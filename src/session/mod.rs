//! Conversations on disk. Each is an append-only file of JSON lines, whose turns name their
//! parents: nothing is ever overwritten, and a branch is a path from a turn to the first one.
//!
//! `SessionStore` finds and creates conversations, `SavedConversation` is one of them as far as it
//! has been read, and `PendingTurn` is an exchange in progress: it is written to a journal before
//! it is sent or shown, and to the conversation when it ends. The next start recovers the journals
//! of killed processes.

mod blob;
mod compaction;
mod conversation;
mod document;
mod file;
mod id;
mod journal;
mod line;
mod list;
mod name;
mod parallel;
mod paths;
mod pending_turn;
mod record;
mod recover;
mod search;
mod store;
mod terminal;
#[cfg(test)]
mod tests;
mod turn_content;

pub(crate) use compaction::SummaryExchange;
pub(crate) use conversation::SavedConversation;
pub(crate) use document::{conversation_json, conversation_markdown, markdown_pieces};
pub(crate) use line::{HistoryTurn, TooLong, history_messages};
pub(crate) use list::{ConversationSummary, RecentConversation};
pub(crate) use pending_turn::PendingTurn;
pub(crate) use record::{RefusedParts, TurnContext, TurnPosition, TurnTarget, time_of};
pub(crate) use search::SearchHit;
pub(crate) use store::SessionStore;

use std::io;
use std::path::{Path, PathBuf};

use crate::text::grouped;

/// How many ids an error names.
const MAX_NAMED_IDS: usize = 5;

/// An error in a saved conversation.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A file or directory cannot be read.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A file or directory cannot be written.
    #[error("cannot write `{}`", path.display())]
    Unwritable {
        /// The path.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file is not a conversation.
    #[error("`{}` is not a saved conversation", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The conversation has a later version of the format.
    #[error(
        "`{}` has version {version} of the format, which this version of langdock cannot read",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// No conversation has this name or id.
    #[error("no conversation `{0}`")]
    Unknown(String),
    /// A prefix of an id or a title matches several conversations.
    #[error("`{given}` matches several conversations: {}", first_ids(ids))]
    Ambiguous {
        /// What was given.
        given: String,
        /// The ids.
        ids: Vec<String>,
    },
    /// There are no conversations at all.
    #[error("there are no conversations yet")]
    None,
    /// Another conversation already has this name.
    #[error("a conversation `{0}` already exists")]
    Taken(String),
    /// The text is not a valid name.
    #[error("`{name}` is not a valid name: {reason}")]
    BadName {
        /// The text.
        name: String,
        /// The reason.
        reason: &'static str,
    },
    /// There is no data directory.
    #[error("cannot find a data directory for this user")]
    NoHome,
}

/// Returns the first few of these ids, and how many there are besides.
fn first_ids(ids: &[String]) -> String {
    let (first, rest) = ids.split_at(ids.len().min(MAX_NAMED_IDS));
    let first = first.join(", ");
    if rest.is_empty() {
        first
    } else {
        format!("{first} and {} more", grouped(rest.len()))
    }
}

/// Parses the bytes of a conversation's file and exports it in each format, for the fuzz target.
#[cfg(feature = "internals")]
pub(crate) fn read_bytes(bytes: &[u8]) -> Result<(), Error> {
    let conversation = SavedConversation::from_bytes(Path::new("/"), "0000000000", bytes)?;
    let _ = (
        conversation.messages(),
        conversation_markdown(&conversation),
        conversation_json(&conversation).collect::<String>(),
    );
    Ok(())
}

/// Returns the messages of a conversation's file, for the fuzz target.
#[cfg(feature = "internals")]
pub(crate) fn messages_of(bytes: &[u8]) -> Result<Vec<crate::protocol::InputMessage>, Error> {
    let conversation = SavedConversation::from_bytes(Path::new("/"), "0000000000", bytes)?;
    Ok(conversation.messages())
}

/// Parses the bytes of a journal, for the fuzz target.
#[cfg(feature = "internals")]
pub(crate) fn read_journal(bytes: &[u8]) {
    let _ = journal::parse_journal(bytes, "0000000000");
}

fn read_error(path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Unreadable {
        path: path.to_owned(),
        source,
    }
}

fn write_error(path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Unwritable {
        path: path.to_owned(),
        source,
    }
}
