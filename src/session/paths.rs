//! Paths in the directory of all conversations.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Returns the file of the conversation with this id.
pub(super) fn conversation_file(root: &Path, id: &str) -> PathBuf {
    root.join(format!("{id}.jsonl"))
}

/// Returns the directory of the images and PDFs of the conversation with this id.
pub(super) fn blobs_dir(root: &Path, id: &str) -> PathBuf {
    root.join(id)
}

/// Returns the directory of the links named after conversations.
pub(super) fn names_dir(root: &Path) -> PathBuf {
    root.join("names")
}

/// Returns the directory of the journals of pending turns.
pub(super) fn journals_dir(root: &Path) -> PathBuf {
    root.join("journals")
}

/// Returns the directory of the links to the conversations last used in each terminal.
pub(super) fn terminals_dir(root: &Path) -> PathBuf {
    root.join("terminals")
}

/// Returns the link to the conversation last used.
pub(super) fn last_link(root: &Path) -> PathBuf {
    root.join("last")
}

/// Returns the id of the conversation that a link points to, even if its file no longer exists.
pub(super) fn linked_id(link: &Path) -> Option<String> {
    let target = fs::read_link(link).ok()?;
    Some(target.file_stem()?.to_str()?.to_owned())
}

/// Returns when a file was last written to.
pub(super) fn changed_at(path: &Path) -> Option<SystemTime> {
    path.metadata()
        .and_then(|metadata| metadata.modified())
        .ok()
}
