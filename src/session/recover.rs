//! Recovery of journals: those of killed processes, and those of turns that could not be written to
//! their conversation.

use std::error::Error as _;
use std::fs::{self, OpenOptions};
use std::io::{BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::conversation::SavedConversation;
use super::id::is_file_name;
use super::journal::parse_journal;
use super::paths::{changed_at, conversation_file, journals_dir, last_link};
use super::pending_turn::mark_left_out;
use super::record::SessionRecord;
use super::{Error, read_error};
use crate::fs::open_existing;

/// An empty journal older than this was abandoned before anything was written to it.
const STALE: Duration = Duration::from_secs(60);

/// Appends what earlier processes left to their conversations, in the order in which they left it,
/// and returns a notice for each. The most recent of these conversations becomes the one last used,
/// unless another was used since.
pub(super) fn recover_journals(directory: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(journals_dir(directory)) else {
        return Vec::new();
    };
    let mut journals: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    journals.sort_by_cached_key(|path| changed_at(path));
    let (mut notices, mut last) = (Vec::new(), None);
    for path in journals {
        match recover_one(directory, &path) {
            Ok(None) => {}
            Ok(Some(recovered)) => {
                let name = recovered
                    .conversation
                    .name()
                    .unwrap_or(recovered.conversation.id());
                let what = match recovered.rest {
                    RecoveredRest::Answer => "an answer that had not been saved",
                    RecoveredRest::PartialAnswer => "a partial answer that had not been saved",
                    RecoveredRest::Message => {
                        "a message that had not been saved, which got no answer and is not sent \
                         again"
                    }
                };
                notices.push(format!(
                    "recovered {what}; it is in the conversation `{name}`"
                ));
                let is_later = last.as_ref().is_none_or(|before: &RecoveredJournals| {
                    before.used_at.is_none_or(|at| Some(at) < recovered.used_at)
                });
                if recovered.rest != RecoveredRest::Message && is_later {
                    last = Some(recovered);
                }
            }
            Err(error) => {
                let cause = error
                    .source()
                    .map_or(String::new(), |cause| format!(": {cause}"));
                notices.push(format!(
                    "cannot recover `{}`: {error}{cause}",
                    path.display()
                ));
            }
        }
    }
    if let Some(last) = last.filter(|last| last.used_at >= last_marked_at(directory)) {
        // If the link cannot be written, that is reported with the next answer.
        let _ = last.conversation.mark_as_last_of_all();
    }
    notices
}

/// What was recovered into a conversation.
struct RecoveredJournals {
    conversation: SavedConversation,
    /// When the journal was last written to.
    used_at: Option<SystemTime>,
    rest: RecoveredRest,
}

/// What a journal ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RecoveredRest {
    /// An answer.
    Answer,
    /// An answer that broke off.
    PartialAnswer,
    /// A message that is not sent again.
    Message,
}

fn recover_one(directory: &Path, path: &Path) -> Result<Option<RecoveredJournals>, Error> {
    let file = match open_existing(path, OpenOptions::new().read(true).write(true)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.map_err(read_error(path))?,
    };
    // Its process is alive, or another process is recovering it.
    if file.try_lock().is_err() {
        return Ok(None);
    }
    // Its process may have ended and removed it in between.
    if !path.exists() {
        return Ok(None);
    }
    let used_at = file
        .metadata()
        .and_then(|metadata| metadata.modified())
        .ok();
    let exchange = path.file_stem().unwrap_or_default().to_string_lossy();
    let parsed = parse_journal(BufReader::new(&file), &exchange).map_err(read_error(path))?;
    let Some((header, mut records)) = parsed else {
        let age = used_at.and_then(|time| time.elapsed().ok());
        // It may be about to be written to; without a header, it contains nothing.
        if age.is_some_and(|age| age > STALE) {
            let _ = fs::remove_file(path);
        }
        return Ok(None);
    };
    let id = header.id.clone().unwrap_or_default();
    if !is_file_name(&id) {
        let path = path.to_owned();
        return Err(Error::Foreign { path });
    }
    let is_there = conversation_file(directory, &id).exists();
    let mut conversation = if is_there {
        SavedConversation::open_by_id(directory, &id)?
    } else {
        SavedConversation::new(directory, header)
    };
    if !is_there {
        conversation.claim_name();
    }
    mark_left_out(&mut records);
    let rest = if !records.iter().any(SessionRecord::is_in_line) {
        RecoveredRest::Message
    } else if records.iter().any(|record| record.partial) {
        RecoveredRest::PartialAnswer
    } else {
        RecoveredRest::Answer
    };
    conversation.append_records(records)?;
    let _ = fs::remove_file(path); // Recovery skips what is in the conversation already.
    Ok(Some(RecoveredJournals {
        conversation,
        used_at,
        rest,
    }))
}

/// Returns when a conversation was last marked as the one last used.
fn last_marked_at(directory: &Path) -> Option<SystemTime> {
    last_link(directory)
        .symlink_metadata()
        .and_then(|metadata| metadata.modified())
        .ok()
}
