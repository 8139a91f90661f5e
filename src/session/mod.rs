//! Conversations on disk: each an append-only file of JSON lines, whose turns name their parents,
//! so that nothing that was said is ever overwritten, and a line of conversation is one path.
//!
//! `SessionStore` finds and makes them, `SavedConversation` is one of them as far as it was read,
//! and `PendingTurn` is the exchange in progress: it is in a journal before it is sent or shown,
//! and in the conversation when it has ended. The next start puts what a killed process had in its
//! journal into the conversation.

mod blob;
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
#[cfg(test)]
mod tests;

pub(crate) use conversation::SavedConversation;
pub(crate) use document::{conversation_json, conversation_markdown};
pub(crate) use line::{HistoryTurn, history_messages};
pub(crate) use list::ConversationSummary;
pub(crate) use pending_turn::PendingTurn;
pub(crate) use record::{RefusedParts, TurnContext, TurnPosition, TurnTarget};
pub(crate) use search::SearchHit;
pub(crate) use store::SessionStore;

use std::io;
use std::path::{Path, PathBuf};

/// What is wrong with a saved conversation.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A file or directory cannot be read.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file or directory cannot be written.
    #[error("cannot write `{}`", path.display())]
    Unwritable {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that is not a conversation.
    #[error("`{}` is not a saved conversation", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A conversation of a later version of the format.
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
    /// No conversation of a name or id.
    #[error("no conversation `{0}`")]
    Unknown(String),
    /// A beginning that several ids have.
    #[error("`{given}` matches several ids: {}", ids.join(", "))]
    Ambiguous {
        /// What was given.
        given: String,
        /// The ids.
        ids: Vec<String>,
    },
    /// There is no conversation at all.
    #[error("there are no conversations yet")]
    None,
    /// A name that another conversation has.
    #[error("a conversation `{0}` already exists")]
    Taken(String),
    /// A text that cannot be a name.
    #[error("`{name}` is not a valid name: {reason}")]
    BadName {
        /// The text.
        name: String,
        /// Why.
        reason: &'static str,
    },
    /// There is no directory to keep anything in.
    #[error("cannot find a data directory for this user")]
    NoHome,
}

/// Reads the bytes of a conversation's file, and writes them as others read them: what the fuzz
/// target reaches into.
#[cfg(feature = "internals")]
pub(crate) fn read_bytes(bytes: &[u8]) -> Result<(), Error> {
    let conversation = SavedConversation::from_bytes(Path::new("/"), "0000000000", bytes)?;
    let _ = (
        conversation.messages(),
        conversation_markdown(&conversation),
        conversation_json(&conversation).to_string(),
    );
    Ok(())
}

/// Reads the bytes of a journal, in the same way.
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
