//! The directory of all conversations: `ID.jsonl` is one, `ID/` has its files, `names/` has links
//! to those with a name, `last` is a link to the one last used, and `journals/` has the exchanges
//! in progress.

use std::collections::HashSet;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::conversation::SavedConversation;
use super::file::{self, LockedFile, each_line};
use super::id::{may_begin_id, new_id};
use super::paths::{blobs_dir, changed_at, conversation_file, last_link, linked_id};
use super::record::{REFUSED, SessionRecord, TURN};
use super::terminal::terminal_link;
use super::{Error, blob, name, read_error, recover, write_error};
use crate::text::KnownSecrets;

/// A longer file is large, in bytes.
const LARGE_FILE: u64 = 1_000_000;

/// The directory that conversations are stored in.
#[derive(Debug, Clone)]
pub(crate) struct SessionStore(PathBuf, Arc<KnownSecrets>);

/// How a text has to match a title.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TitleMatch {
    /// It is the title.
    Whole,
    /// It is the title, or, if it is that of no conversation, the beginning of one.
    Beginning,
}

/// A conversation, and whether it is new.
#[derive(Debug)]
pub(crate) struct OpenedConversation {
    /// The conversation.
    pub(crate) conversation: SavedConversation,
    /// Whether it was just created.
    pub(crate) is_new: bool,
}

impl SessionStore {
    /// Creates the store for this directory, which need not exist yet. Nothing is read or written.
    pub(crate) fn in_directory(directory: PathBuf) -> Self {
        Self(directory, Arc::default())
    }

    /// Refuses names with one of these secrets in them.
    pub(crate) fn refusing(self, secrets: &Arc<KnownSecrets>) -> Self {
        Self(self.0, Arc::clone(secrets))
    }

    /// Returns the directory.
    pub(crate) fn directory(&self) -> &Path {
        &self.0
    }

    /// Recovers the journals of killed processes, and returns notices for the user. To be called
    /// once, before anything else.
    pub(crate) fn recover_journals(&self) -> Vec<String> {
        recover::recover_journals(&self.0)
    }

    /// Creates a conversation without a name. Its file is created with its first turn.
    pub(crate) fn new_conversation(&self) -> SavedConversation {
        let mut id = new_id();
        while conversation_file(&self.0, &id).exists() {
            id = new_id();
        }
        SavedConversation::new(&self.0, SessionRecord::new_header(&id, None, None))
    }

    /// Opens the conversation with this exact name, unique prefix of an id or exact title; if there
    /// is none, creates one with this name.
    pub(crate) fn open_or_create(&self, given: &str) -> Result<OpenedConversation, Error> {
        if let Some(id) = self.find_id(given, TitleMatch::Whole)? {
            return Ok(OpenedConversation {
                conversation: SavedConversation::open_by_id(&self.0, &id)?,
                is_new: false,
            });
        }
        name::check_name(given, &self.1)?;
        let mut conversation = SavedConversation::new(
            &self.0,
            SessionRecord::new_header(&new_id(), Some(given), None),
        );
        conversation.make_file()?;
        if name::claim_name(&self.0, given, conversation.id())? {
            return Ok(OpenedConversation {
                conversation,
                is_new: true,
            });
        }
        // Another process was faster, so the name belongs to its conversation.
        let _ = fs::remove_file(conversation.path());
        let id =
            name::id_for_name(&self.0, given).ok_or_else(|| Error::Unknown(given.to_owned()))?;
        Ok(OpenedConversation {
            conversation: SavedConversation::open_by_id(&self.0, &id)?,
            is_new: false,
        })
    }

    /// Opens the conversation with this name, prefix of an id or beginning of a title; creates
    /// nothing.
    pub(crate) fn open_existing(&self, given: &str) -> Result<SavedConversation, Error> {
        let id = self
            .find_id(given, TitleMatch::Beginning)?
            .ok_or_else(|| Error::Unknown(given.to_owned()))?;
        SavedConversation::open_by_id(&self.0, &id)
    }

    /// Opens the conversation with this name, prefix of an id or whole title; creates nothing.
    pub(crate) fn open_exact(&self, given: &str) -> Result<SavedConversation, Error> {
        let id = self
            .find_id(given, TitleMatch::Whole)?
            .ok_or_else(|| Error::Unknown(given.to_owned()))?;
        SavedConversation::open_by_id(&self.0, &id)
    }

    /// Opens the conversation last used in this terminal, or else the one last used of all.
    pub(crate) fn open_latest(&self) -> Result<SavedConversation, Error> {
        self.open_latest_but("")
    }

    /// Opens the conversation last used, as [`Self::open_latest`] does, but for the one with this
    /// id.
    pub(crate) fn open_latest_but(&self, current: &str) -> Result<SavedConversation, Error> {
        let links = terminal_link(&self.0).into_iter();
        let mut linked = links
            .chain([last_link(&self.0)])
            .filter_map(|link| linked_id(&link));
        let id = match linked
            .find(|id| id.as_str() != current && conversation_file(&self.0, id).exists())
        {
            Some(id) => Some(id),
            None => self
                .conversation_ids()?
                .into_iter()
                .filter(|id| id.as_str() != current)
                .max_by_key(|id| changed_at(&conversation_file(&self.0, id))),
        };
        SavedConversation::open_by_id(&self.0, &id.ok_or(Error::None)?)
    }

    /// Creates a conversation that begins as a copy of another one's current branch, with what a
    /// summary in it stands for.
    pub(crate) fn fork_conversation(
        &self,
        from: &SavedConversation,
    ) -> Result<SavedConversation, Error> {
        let (to, has_file) = (
            self.new_conversation(),
            from.bytes_read() > 0 || from.path().exists(),
        );
        let file = has_file
            .then(|| file::open_shared(from.path()))
            .transpose()?;
        blob::share_blobs(&from.blob_store(), &to.blob_store())?;
        let ids = from.needed_turns();
        let mut copy = LockedFile::open(to.path())?;
        let header = SessionRecord::new_header(to.id(), None, Some(from.id()));
        copy.append(0, |writer| {
            header.write_line(&mut *writer)?;
            if let Some(file) = &file {
                let mut written = Ok(());
                let read = each_line(file, from.path(), 0, |line, _| {
                    let record = serde_json::from_slice(line);
                    if record.is_ok_and(|record| is_about(&record, &ids)) {
                        written = writer
                            .write_all(line)
                            .and_then(|()| writer.write_all(b"\n"));
                    }
                    Ok(written.is_ok())
                });
                written.and(read.map_err(io::Error::other))?;
            }
            let unwritten = from.unwritten_records().iter();
            unwritten
                .filter(|record| is_about(record, &ids))
                .try_for_each(|record| record.write_line(&mut *writer))
        })?;
        drop((file, copy)); // And with them their locks.
        SavedConversation::open_by_id(&self.0, to.id())
    }

    /// Creates such a copy with a name. If the name is taken, no copy is left behind.
    pub(crate) fn fork_as(
        &self,
        from: &SavedConversation,
        name: &str,
    ) -> Result<SavedConversation, Error> {
        let mut fork = self.fork_conversation(from)?;
        match self.rename_conversation(&mut fork, name) {
            Ok(()) => Ok(fork),
            Err(error) => {
                let _ = self.remove_conversation(fork.id()); // The first error is the one reported.
                Err(error)
            }
        }
    }

    /// Renames a conversation.
    pub(crate) fn rename_conversation(
        &self,
        conversation: &mut SavedConversation,
        new: &str,
    ) -> Result<(), Error> {
        name::check_name(new, &self.1)?;
        conversation.check_file()?;
        let old = conversation.name().map(str::to_owned);
        if old.as_deref() == Some(new) {
            return Ok(());
        }
        if !name::claim_name(&self.0, new, conversation.id())? {
            return Err(Error::Taken(new.to_owned()));
        }
        if let Err(error) = conversation.append_records(vec![SessionRecord::new_name(new)]) {
            name::release_name(&self.0, new, conversation.id());
            return Err(error);
        }
        if let Some(old) = old {
            name::release_name(&self.0, &old, conversation.id());
        }
        Ok(())
    }

    /// Deletes a conversation and its files.
    pub(crate) fn remove_conversation(&self, id: &str) -> Result<(), Error> {
        self.remove_if(id, |_| true)
    }

    /// Deletes a conversation in which nothing was ever said, and which has a file only for its
    /// name. A failure leaves an empty conversation.
    pub(crate) fn discard_if_empty(conversation: &SavedConversation) {
        let path = conversation.path();
        let directory = path.parent().filter(|_| path.exists());
        if !conversation.has_written_turns()
            && let Some(directory) = directory
        {
            let store = Self::in_directory(directory.to_owned());
            let is_empty = |read: Option<&SavedConversation>| {
                read.is_some_and(|conversation| conversation.turns().is_empty())
            };
            let _ = store.remove_if(conversation.id(), is_empty);
        }
    }

    /// Deletes a conversation if it is to be, as it is read under the lock; `None` if it cannot be.
    fn remove_if(
        &self,
        id: &str,
        is_meant: impl FnOnce(Option<&SavedConversation>) -> bool,
    ) -> Result<(), Error> {
        let path = conversation_file(&self.0, id);
        let _lock = LockedFile::open(&path)?;
        let read = SavedConversation::read_unlocked(&self.0, id).ok();
        if !is_meant(read.as_ref()) {
            return Ok(());
        }
        if let Some(name) = read.as_ref().and_then(SavedConversation::name) {
            name::release_name(&self.0, name, id);
        }
        fs::remove_file(&path).map_err(write_error(&path))?;
        let files = blobs_dir(&self.0, id);
        match fs::remove_dir_all(&files) {
            Err(source) if source.kind() != ErrorKind::NotFound => Err(write_error(&files)(source)),
            _ => Ok(()),
        }
    }

    /// Returns the ids of all conversations, in no particular order.
    pub(super) fn conversation_ids(&self) -> Result<Vec<String>, Error> {
        let entries = match fs::read_dir(&self.0) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(read_error(&self.0))?,
        };
        let id = |entry: fs::DirEntry| {
            Some(
                entry
                    .file_name()
                    .to_str()?
                    .strip_suffix(".jsonl")?
                    .to_owned(),
            )
        };
        Ok(entries.flatten().filter_map(id).collect())
    }

    /// Whether the file of a conversation is so long that it takes notable memory to read.
    pub(super) fn is_large(&self, id: &str) -> bool {
        let metadata = conversation_file(&self.0, id).metadata();
        metadata.is_ok_and(|metadata| metadata.len() > LARGE_FILE)
    }

    /// Returns the id and the name of each conversation with a name.
    pub(super) fn conversation_names(&self) -> impl Iterator<Item = (String, String)> {
        name::all_names(&self.0)
    }

    fn find_id(&self, given: &str, title: TitleMatch) -> Result<Option<String>, Error> {
        let named =
            name::id_for_name(&self.0, given).filter(|id| conversation_file(&self.0, id).exists());
        if named.is_some() {
            return Ok(named);
        }
        let mut ids = if may_begin_id(given) {
            self.ids_that_begin_with(given)?
        } else {
            Vec::new()
        };
        if ids.is_empty() {
            ids = self.ids_by_title(given, title);
        }
        if ids.len() > 1 {
            return Err(Error::Ambiguous {
                given: given.to_owned(),
                ids,
            });
        }
        Ok(ids.pop())
    }

    /// Returns the ids with this prefix, in order; only one if it is a whole id.
    fn ids_that_begin_with(&self, prefix: &str) -> Result<Vec<String>, Error> {
        if conversation_file(&self.0, prefix).exists() {
            return Ok(vec![prefix.to_owned()]);
        }
        let mut ids = self.conversation_ids()?;
        ids.retain(|id| id.starts_with(prefix));
        ids.sort();
        Ok(ids)
    }
}

/// Whether a line is a turn with one of these ids, or about one.
fn is_about(record: &SessionRecord, ids: &HashSet<&str>) -> bool {
    let turn = match record.kind.as_str() {
        TURN => record.id.as_deref(),
        REFUSED => record.turn.as_deref(),
        _ => None,
    };
    turn.is_some_and(|turn| ids.contains(turn))
}
