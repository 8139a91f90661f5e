//! The directory of all conversations: `ID.jsonl` is one, `ID/` has its files, `names/` has links
//! to those with a name, `last` is a link to the one last used, and `journals/` has the exchanges
//! in progress.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::conversation::SavedConversation;
use super::file::{self, LockedFile};
use super::id::{may_begin_id, new_id};
use super::paths::{blobs_dir, conversation_file, last_link, linked_id};
use super::record::{REFUSED, SessionRecord, TURN};
use super::{Error, blob, name, read_error, recover, write_error};

/// The directory that conversations are stored in.
#[derive(Debug, Clone)]
pub(crate) struct SessionStore(PathBuf);

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
        Self(directory)
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

    /// Opens the conversation with this exact name or unique prefix of an id; if there is none,
    /// creates one with this name.
    pub(crate) fn open_or_create(&self, given: &str) -> Result<OpenedConversation, Error> {
        if let Some(id) = self.find_id(given)? {
            return Ok(OpenedConversation {
                conversation: SavedConversation::open_by_id(&self.0, &id)?,
                is_new: false,
            });
        }
        name::check_name(given)?;
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

    /// Opens the conversation with this name or prefix of an id; creates nothing.
    pub(crate) fn open_existing(&self, given: &str) -> Result<SavedConversation, Error> {
        let id = self
            .find_id(given)?
            .ok_or_else(|| Error::Unknown(given.to_owned()))?;
        SavedConversation::open_by_id(&self.0, &id)
    }

    /// Opens the conversation last used.
    pub(crate) fn open_latest(&self) -> Result<SavedConversation, Error> {
        let linked = linked_id(&last_link(&self.0));
        let id = match linked.filter(|id| conversation_file(&self.0, id).exists()) {
            Some(id) => Some(id),
            None => self
                .conversation_ids()?
                .into_iter()
                .max_by_key(|id| changed_at(&conversation_file(&self.0, id))),
        };
        SavedConversation::open_by_id(&self.0, &id.ok_or(Error::None)?)
    }

    /// Creates a conversation that begins as a copy of another one's current branch.
    pub(crate) fn fork_conversation(
        &self,
        from: &SavedConversation,
    ) -> Result<SavedConversation, Error> {
        let (to, has_file) = (
            self.new_conversation(),
            from.tip().is_some() || from.path().exists(),
        );
        let bytes = if has_file {
            file::read_shared(from.path(), 0)?
        } else {
            Vec::new()
        };
        blob::share_blobs(&from.blob_store(), &to.blob_store())?;
        let ids: HashSet<&str> = from
            .current_branch()
            .into_iter()
            .map(|turn| turn.id.as_str())
            .collect();
        let mut lines = SessionRecord::new_header(to.id(), None, Some(from.id())).to_line();
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let Ok(record) = serde_json::from_slice::<SessionRecord>(line) else {
                continue;
            };
            let turn = match record.kind.as_str() {
                TURN => record.id,
                REFUSED => record.turn,
                _ => None,
            };
            if turn.is_some_and(|turn| ids.contains(turn.as_str())) {
                lines.extend_from_slice(line);
            }
        }
        LockedFile::open(to.path())?.append_lines(0, &lines)?;
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
        name::check_name(new)?;
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
        let path = conversation_file(&self.0, id);
        let _lock = LockedFile::open(&path)?;
        if let Some(name) = SavedConversation::read_unlocked(&self.0, id)
            .ok()
            .and_then(|it| it.name().map(str::to_owned))
        {
            name::release_name(&self.0, &name, id);
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

    /// Returns the id and the name of each conversation with a name.
    pub(super) fn conversation_names(&self) -> impl Iterator<Item = (String, String)> {
        name::all_names(&self.0)
    }

    fn find_id(&self, given: &str) -> Result<Option<String>, Error> {
        let named =
            name::id_for_name(&self.0, given).filter(|id| conversation_file(&self.0, id).exists());
        if named.is_some() || !may_begin_id(given) {
            return Ok(named);
        }
        if conversation_file(&self.0, given).exists() {
            return Ok(Some(given.to_owned()));
        }
        let mut ids: Vec<String> = self
            .conversation_ids()?
            .into_iter()
            .filter(|id| id.starts_with(given))
            .collect();
        if ids.len() > 1 {
            ids.sort();
            return Err(Error::Ambiguous {
                given: given.to_owned(),
                ids,
            });
        }
        Ok(ids.pop())
    }
}

/// Returns when a file was last written to.
pub(super) fn changed_at(path: &Path) -> Option<std::time::SystemTime> {
    path.metadata()
        .and_then(|metadata| metadata.modified())
        .ok()
}
