//! One conversation, as far as its file has been read.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::blob::BlobStore;
use super::file::{self, LockedFile};
use super::line;
use super::paths::{conversation_file, last_link};
use super::pending_turn::PendingTurn;
use super::record::{
    HEADER, NAME, REFUSED, RefusedParts, SavedTurn, SessionRecord, TIP, TURN, TurnContext,
    TurnPosition, TurnTarget, VERSION,
};
use super::{Error, name, read_error, write_error};
use crate::fs::{read_regular, replace_link};
use crate::protocol::{ContentBlock, InputMessage, Role};
use crate::text::{JsonPlace, check_depth};

/// A conversation. Its file is created with its first turn, or at once if it has a name.
#[derive(Debug)]
pub(crate) struct SavedConversation {
    directory: PathBuf,
    path: PathBuf,
    header: SessionRecord,
    name: Option<String>,
    turns: Vec<SavedTurn>,
    /// The indices of the turns by their ids.
    places: HashMap<String, usize>,
    tip: Option<usize>,
    /// How much of the file has been read, in bytes.
    read: u64,
    /// Whether the last line lacks its line feed.
    is_open_ended: bool,
    damaged_lines: usize,
    notices: Vec<String>,
}

impl SavedConversation {
    /// Creates a conversation that has no file yet, or whose file is not yet read.
    pub(super) fn new(directory: &Path, header: SessionRecord) -> Self {
        let id = header.id.clone().unwrap_or_default();
        Self {
            directory: directory.to_owned(),
            path: conversation_file(directory, &id),
            name: header.name.clone(),
            header,
            turns: Vec::new(),
            places: HashMap::new(),
            tip: None,
            read: 0,
            is_open_ended: false,
            damaged_lines: 0,
            notices: Vec::new(),
        }
    }

    /// Reads the conversation with this id.
    pub(super) fn open_by_id(directory: &Path, id: &str) -> Result<Self, Error> {
        let bytes = file::read_shared(&conversation_file(directory, id), 0)?;
        let mut conversation = Self::from_bytes(directory, id, &bytes)?;
        if conversation.read < bytes.len() as u64 {
            let path = conversation.path.display();
            conversation.notices.push(format!(
                "the last line of `{path}` is incomplete; skipping it"
            ));
        }
        Ok(conversation)
    }

    /// Reads the conversation without locking its file, for a caller that has the lock or accepts a
    /// torn line.
    pub(super) fn read_unlocked(directory: &Path, id: &str) -> Result<Self, Error> {
        let path = conversation_file(directory, id);
        Self::from_bytes(
            directory,
            id,
            &read_regular(&path).map_err(read_error(&path))?,
        )
    }

    /// Parses the bytes of the file of the conversation with this id.
    pub(crate) fn from_bytes(directory: &Path, id: &str, bytes: &[u8]) -> Result<Self, Error> {
        let mut conversation = Self::new(
            directory,
            SessionRecord {
                id: Some(id.to_owned()),
                ..SessionRecord::default()
            },
        );
        conversation.parse_lines(bytes)?;
        Ok(conversation)
    }

    /// Returns the id.
    pub(crate) fn id(&self) -> &str {
        self.header.id.as_deref().unwrap_or_default()
    }

    /// Returns the name, if it has one.
    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Returns the path of its file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns when it was created, in UTC.
    pub(crate) fn begun_at(&self) -> &str {
        &self.header.at
    }

    /// Returns the time since its last turn.
    pub(crate) fn age(&self, now: SystemTime) -> Duration {
        let changed = self
            .path
            .metadata()
            .and_then(|metadata| metadata.modified());
        changed
            .ok()
            .and_then(|changed| now.duration_since(changed).ok())
            .unwrap_or_default()
    }

    /// Returns notices about its file, each only once.
    pub(crate) fn take_notices(&mut self) -> Vec<String> {
        let mut notices = std::mem::take(&mut self.notices);
        let damaged = std::mem::take(&mut self.damaged_lines);
        if damaged > 0 {
            notices.push(format!(
                "skipping {damaged} damaged lines of `{}`",
                self.path.display()
            ));
        }
        notices
    }

    /// Returns the turns of the current branch, oldest first.
    pub(crate) fn current_branch(&self) -> Vec<&SavedTurn> {
        self.branch_to(self.tip)
    }

    /// Returns the branch up to the turn at this index.
    fn branch_to(&self, last: Option<usize>) -> Vec<&SavedTurn> {
        let mut line = Vec::new();
        let mut next = last;
        while let Some(place) = next {
            let turn = &self.turns[place];
            if turn.left_out.is_none() {
                line.push(turn);
            }
            next = self.place_before(place);
        }
        line.reverse();
        line
    }

    /// Returns the current branch, including the turns that are not sent: refused and unanswered
    /// ones.
    pub(crate) fn branch_with_left_out(&self) -> Vec<&SavedTurn> {
        let mut is_in_line = vec![false; self.turns.len()];
        let mut next = self.tip;
        while let Some(place) = next {
            is_in_line[place] = true;
            next = self.place_before(place);
        }
        for (place, turn) in self.turns.iter().enumerate() {
            if turn.left_out.is_some() {
                is_in_line[place] = self
                    .place_before(place)
                    .is_none_or(|before| is_in_line[before]);
            }
        }
        self.turns
            .iter()
            .zip(is_in_line)
            .filter(|(_, is_in_line)| *is_in_line)
            .map(|(turn, _)| turn)
            .collect()
    }

    /// Returns all turns in the order in which they were written.
    pub(crate) fn turns(&self) -> &[SavedTurn] {
        &self.turns
    }

    /// Returns the last turn of the current branch, which the next one follows.
    pub(crate) fn tip(&self) -> Option<&SavedTurn> {
        self.tip.map(|place| &self.turns[place])
    }

    /// Returns the current branch as messages that can be sent: roles alternate, refused turns are
    /// left out, and interrupted answers are included as far as they were received.
    pub(crate) fn messages(&self) -> Vec<InputMessage> {
        line::to_messages(&self.current_branch(), &self.blob_store())
    }

    /// Returns the messages before a position.
    pub(crate) fn messages_before(&self, place: &TurnPosition) -> Vec<InputMessage> {
        let last = place
            .0
            .as_ref()
            .and_then(|turn| self.places.get(turn).copied());
        line::to_messages(&self.branch_to(last), &self.blob_store())
    }

    /// Returns how much of the file has been read, in bytes.
    pub(crate) fn bytes_read(&self) -> usize {
        usize::try_from(self.read).unwrap_or(usize::MAX)
    }

    /// Returns the system prompt last sent in the current branch; `None` if there is none, or if it
    /// was removed since.
    pub(crate) fn system_prompt(&self) -> Option<&str> {
        self.current_branch()
            .into_iter()
            .rev()
            .find_map(|turn| turn.system.as_deref())
            .filter(|system| !system.is_empty())
    }

    /// Returns where the current branch was last sent; `None` in a conversation of an earlier
    /// version.
    pub(crate) fn last_target(&self) -> Option<&TurnTarget> {
        self.current_branch()
            .into_iter()
            .rev()
            .find_map(|turn| turn.sent_to.as_ref())
    }

    /// Returns the model named by the last answer.
    pub(crate) fn last_answering_model(&self) -> Option<&str> {
        self.current_branch()
            .into_iter()
            .rev()
            .find_map(|turn| turn.model.as_deref())
    }

    /// Returns the content of a turn, including its files.
    pub(crate) fn turn_content(&self, turn: &SavedTurn) -> Vec<ContentBlock> {
        let mut content = line::parse_blocks(&turn.content);
        self.blob_store().load_content(&mut content);
        content
    }

    /// Returns the turns at the end that have results of tools and no answer, each with what it
    /// would lose: nobody knows yet whether the API accepts them.
    pub(crate) fn unanswered_results(&self) -> Vec<(String, RefusedParts)> {
        let branch = self.current_branch();
        let is_answer = |turn: &&SavedTurn| turn.role == Role::Assistant;
        let Some(answered) = branch.iter().rposition(is_answer) else {
            return Vec::new();
        };
        let calls = line::parse_blocks(&branch[answered].content);
        let behind = branch[answered + 1..].iter();
        behind
            .filter(|turn| !turn.is_refused)
            .map(|turn| {
                let mut parts = RefusedParts::default();
                parts.add_results(&line::parse_blocks(&turn.content), &calls.iter());
                (turn.id.clone(), parts)
            })
            .filter(|(_, parts)| !parts.is_empty())
            .collect()
    }

    /// Begins an exchange, usually with one turn of the user, which a prefill of the answer may
    /// follow. It is in the journal when this returns. If that fails, the exchange keeps the error,
    /// so that the answer is not interrupted.
    pub(crate) fn begin_turn(
        &self,
        said: &[InputMessage],
        context: TurnContext<'_>,
    ) -> PendingTurn {
        PendingTurn::begin(&self.directory, &self.file_header(), None, said, context)
    }

    /// Begins an exchange that replaces everything after `place` once it is answered.
    pub(crate) fn begin_replacement(
        &self,
        place: &TurnPosition,
        said: &[InputMessage],
        context: TurnContext<'_>,
    ) -> PendingTurn {
        PendingTurn::begin(
            &self.directory,
            &self.file_header(),
            Some(SessionRecord::new_tip(place)),
            said,
            context,
        )
    }

    /// Appends the exchange to the conversation, after the turn that is now the tip of its file.
    pub(crate) fn commit_turn(&mut self, exchange: PendingTurn) -> Result<(), Error> {
        let (records, journal) = exchange.into_settled();
        let is_in_line = records.iter().any(SessionRecord::is_in_line);
        self.append_records(records)?;
        if let Some(journal) = journal {
            journal.remove();
        }
        if is_in_line {
            self.mark_as_last()
        } else {
            Ok(())
        }
    }

    /// Returns the first line of its file.
    fn file_header(&self) -> SessionRecord {
        SessionRecord {
            name: self.name.clone(),
            ..SessionRecord::new_header(self.id(), None, None)
        }
    }

    /// Moves the tip to another position. What follows it stays in the file.
    pub(crate) fn move_to(&mut self, place: &TurnPosition) -> Result<(), Error> {
        self.append_records(vec![SessionRecord::new_tip(place)])
    }

    /// Appends records under the lock; turns follow the one that is the tip at that time. Turns
    /// that are already in the file stay unchanged, and so does the tip before them.
    pub(super) fn append_records(&mut self, records: Vec<SessionRecord>) -> Result<(), Error> {
        let mut file = LockedFile::open(&self.path)?;
        if file.byte_length()? < self.read {
            self.recreate();
        }
        let news = file.read_from(self.read)?;
        self.parse_lines(&news)?;
        let mut lines = Vec::new();
        if self.read == 0 {
            lines = self.header.to_line();
        } else if self.is_open_ended {
            lines.push(b'\n');
        }
        let mut parent = self.tip().map(|turn| turn.id.clone());
        let has = |id: &Option<String>| id.as_ref().is_some_and(|id| self.places.contains_key(id));
        let mut records = records.into_iter().peekable();
        while let Some(mut record) = records.next() {
            let is_there = match record.kind.as_str() {
                TURN => {
                    record.parent = std::mem::replace(&mut parent, record.id.clone());
                    has(&record.id)
                }
                TIP => {
                    parent = record
                        .turn
                        .clone()
                        .filter(|turn| self.places.contains_key(turn));
                    records.peek().is_some_and(|next| has(&next.id))
                }
                _ => false,
            };
            if !is_there {
                record.append_line(&mut lines);
            }
        }
        file.append_lines(self.read, &lines)?;
        self.is_open_ended = false;
        let start = usize::from(lines.first() == Some(&b'\n'));
        self.read += start as u64;
        self.parse_lines(&lines[start..]).map(drop)
    }

    /// Starts over after the file was removed.
    fn recreate(&mut self) {
        let removed = format!(
            "the conversation `{}` was deleted in the meantime; creating it again",
            self.title()
        );
        let (name, mut notices) = (self.name.take(), std::mem::take(&mut self.notices));
        notices.push(removed);
        *self = Self::new(
            &self.directory,
            SessionRecord {
                name,
                ..std::mem::take(&mut self.header)
            },
        );
        self.notices = notices;
        self.claim_name();
    }

    /// Claims the name again after the file was removed, or drops it if another conversation has
    /// claimed it meanwhile.
    pub(super) fn claim_name(&mut self) {
        let Some(name) = &self.name else { return };
        if !name::claim_name(&self.directory, name, self.id()).unwrap_or_default() {
            self.notices.push(format!(
                "the name `{name}` is now taken; this conversation is renamed `{}`",
                self.id()
            ));
            (self.name, self.header.name) = (None, None);
        }
    }

    /// Creates the file of a conversation that has no turn yet.
    pub(super) fn make_file(&mut self) -> Result<(), Error> {
        self.append_records(Vec::new())
    }

    /// Parses lines of the file that have not been read before, and returns how many bytes of
    /// complete lines there were.
    fn parse_lines(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        let mut whole = 0;
        while whole < bytes.len() {
            let end = memchr::memchr(b'\n', &bytes[whole..]).map(|length| whole + length);
            let line = &bytes[whole..end.unwrap_or(bytes.len())];
            // What nests too deep was written by something else, and could not be printed or sent.
            let read = check_depth(line, JsonPlace::Envelope)
                .map_err(serde::de::Error::custom)
                .and_then(|()| serde_json::from_slice::<SessionRecord>(line));
            match read {
                Ok(record) if record.kind == HEADER || self.read > 0 || whole > 0 => {
                    self.apply_record(record)?;
                }
                Err(_) if end.is_none() => break,
                _ if self.read == 0 && whole == 0 => {
                    return Err(Error::Foreign {
                        path: self.path.clone(),
                    });
                }
                Ok(_) => {}
                Err(_) => self.damaged_lines += usize::from(!line.is_empty()),
            }
            self.is_open_ended = end.is_none();
            whole = end.map_or(bytes.len(), |end| end + 1);
        }
        self.read += whole as u64;
        Ok(whole)
    }

    fn apply_record(&mut self, record: SessionRecord) -> Result<(), Error> {
        match record.kind.as_str() {
            HEADER => match record.version.unwrap_or_default() {
                version if version > VERSION => {
                    return Err(Error::Newer {
                        path: self.path.clone(),
                        version,
                    });
                }
                _ => {
                    self.name.clone_from(&record.name);
                    // The file's own name counts, so that a copy of a file is a separate
                    // conversation.
                    let id = self.header.id.take();
                    self.header = SessionRecord { id, ..record };
                }
            },
            NAME => self.name = record.name,
            TIP => self.tip = record.turn.and_then(|turn| self.places.get(&turn).copied()),
            TURN => {
                let Some(turn) = record.into_turn() else {
                    self.damaged_lines += 1;
                    return Ok(());
                };
                let place = self.turns.len();
                if turn.left_out.is_none() {
                    self.tip = Some(place);
                }
                self.places.insert(turn.id.clone(), place);
                self.turns.push(turn);
            }
            REFUSED => {
                let place = record.turn.and_then(|turn| self.places.get(&turn).copied());
                if let Some(place) = place {
                    self.turns[place].is_refused = true;
                }
            }
            _ => {} // A line of a later version.
        }
        Ok(())
    }

    /// Returns the index of the turn that the one at `place` follows. If that line was lost, it is
    /// the turn written before.
    fn place_before(&self, place: usize) -> Option<usize> {
        let parent = self.turns[place].parent.as_ref()?;
        let found = self
            .places
            .get(parent)
            .copied()
            .filter(|before| *before < place);
        found.or_else(|| place.checked_sub(1))
    }

    pub(super) fn blob_store(&self) -> BlobStore {
        BlobStore::for_conversation(&self.directory, self.id())
    }

    /// Marks the conversation as the one last used.
    pub(crate) fn mark_as_last(&self) -> Result<(), Error> {
        let link = last_link(&self.directory);
        let target = format!("{}.jsonl", self.id());
        replace_link(Path::new(&target), &link).map_err(write_error(&link))
    }
}
