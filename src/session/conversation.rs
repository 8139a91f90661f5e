//! One conversation, as far as its file has been read.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::blob::BlobStore;
use super::file::{self, LockedFile};
use super::journal::Journal;
use super::line::{self, History, TooLong};
use super::paths::{conversation_file, last_link};
use super::pending_turn::PendingTurn;
use super::record::{
    HEADER, NAME, REFUSED, RefusedParts, SavedTurn, SessionRecord, TIP, TURN, TurnContext,
    TurnPosition, TurnTarget, VERSION,
};
use super::terminal::mark_in_terminal;
use super::{Error, name, read_error, write_error};
use crate::fs::{open_regular, replace_link};
use crate::protocol::{ContentBlock, InputMessage, Role};
use crate::secret_scan::highest_number;
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
    /// The end of the conversation, as long as it cannot be written to the file.
    unwritten: Unwritten,
    /// How much of the file has been read, in bytes.
    read: u64,
    /// Whether the last line lacks its line feed.
    is_open_ended: bool,
    damaged_lines: usize,
    /// The highest number of a secret that was masked in it.
    last_secret: usize,
    /// Whether long turns may be left in the file.
    is_in_file: bool,
    notices: Vec<String>,
}

/// What was said and could not be written. It is sent with what is said next, and written before
/// anything else.
#[derive(Debug, Default)]
struct Unwritten {
    records: Vec<SessionRecord>,
    /// The journals that have it meanwhile. They are locked, so that no other process recovers
    /// them.
    journals: Vec<Journal>,
    /// The number of turns in the file, and its tip, if the records were applied behind these.
    applied_behind: Option<(usize, Option<usize>)>,
}

/// What the file must be like for records to be appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AppendCondition {
    /// Anything.
    Always,
    /// Its tip is the one that is known: no other process has continued the conversation.
    Unchanged,
    /// It is only read.
    Never,
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
            unwritten: Unwritten::default(),
            read: 0,
            is_open_ended: false,
            damaged_lines: 0,
            last_secret: 0,
            is_in_file: true,
            notices: Vec::new(),
        }
    }

    /// Reads the conversation with this id.
    pub(super) fn open_by_id(directory: &Path, id: &str) -> Result<Self, Error> {
        let file = file::open_shared(&conversation_file(directory, id))?;
        let mut conversation = Self::read_file(directory, id, &file)?;
        let length = file.metadata().map_err(read_error(&conversation.path))?;
        if conversation.read < length.len() {
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
        let file = open_regular(&path).map_err(read_error(&path))?;
        Self::read_file(directory, id, &file)
    }

    fn read_file(directory: &Path, id: &str, file: &File) -> Result<Self, Error> {
        let mut conversation = Self::new(directory, SessionRecord::only_id(id));
        let path = conversation.path.clone();
        file::each_line(file, &path, 0, |line, is_whole| {
            conversation.take_line(line, is_whole)
        })?;
        Ok(conversation)
    }

    /// Parses the bytes of the file of the conversation with this id.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn from_bytes(directory: &Path, id: &str, bytes: &[u8]) -> Result<Self, Error> {
        let mut conversation = Self::new(directory, SessionRecord::only_id(id));
        conversation.is_in_file = false;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let is_whole = line.last() == Some(&b'\n');
            let line = &line[..line.len() - usize::from(is_whole)];
            if !conversation.take_line(line, is_whole)? {
                break;
            }
        }
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
                "skipping {} of `{}`",
                crate::text::counted(damaged, "damaged line"),
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
    ///
    /// What a summary stands for is a part of it too.
    pub(crate) fn branch_with_left_out(&self) -> Vec<&SavedTurn> {
        let mut is_in_line = vec![false; self.turns.len()];
        let mut next = self.tip;
        while let Some(place) = next {
            is_in_line[place] = true;
            next = self
                .place_summarised(place)
                .or_else(|| self.place_before(place));
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

    /// Returns the position after all turns of the current branch.
    pub(crate) fn position_of_tip(&self) -> TurnPosition {
        TurnPosition(self.tip().map(|turn| turn.id.clone()))
    }

    /// Returns the current branch as messages that can be sent: roles alternate, refused turns are
    /// left out, and interrupted answers are included as far as they were received.
    pub(crate) fn messages(&self) -> Vec<InputMessage> {
        self.messages_within(None, usize::MAX)
            .expect("there is no limit")
            .messages
    }

    /// Returns the messages before a position, or all of them, unless they take more than `most`
    /// bytes of memory.
    pub(crate) fn messages_within(
        &self,
        place: Option<&TurnPosition>,
        most: usize,
    ) -> Result<History, TooLong> {
        let last = match place {
            None => self.tip,
            Some(TurnPosition(turn)) => turn
                .as_ref()
                .and_then(|turn| self.places.get(turn).copied()),
        };
        line::to_messages(&self.branch_to(last), &self.path, &self.blob_store(), most)
    }

    /// Returns the last answer of the current branch, as it can be sent.
    pub(crate) fn last_answer(&self) -> Option<InputMessage> {
        let blobs = self.blob_store();
        let branch = self.current_branch().into_iter().rev();
        let mut answers = branch.filter(|turn| turn.role == Role::Assistant);
        answers
            .find_map(|turn| line::to_message(turn.in_history(&self.path, &blobs, &mut Vec::new())))
    }

    /// Returns how much of the file has been read, in bytes.
    pub(crate) fn bytes_read(&self) -> usize {
        usize::try_from(self.read).unwrap_or(usize::MAX)
    }

    /// Returns the highest number of a secret that was masked in it; 0 if there is none.
    pub(crate) fn last_secret(&self) -> usize {
        self.last_secret
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
        let mut content = turn.content.blocks(&self.path);
        self.blob_store()
            .load_content(&mut content, &mut Vec::new());
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
        let calls = branch[answered].content.blocks(&self.path);
        let behind = branch[answered + 1..].iter();
        behind
            .filter(|turn| !turn.is_refused)
            .map(|turn| {
                let mut parts = RefusedParts::default();
                parts.add_results(&turn.content.blocks(&self.path), &calls.iter());
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
    /// If it cannot be written, it is a part of the conversation all the same, and is written with
    /// the next one.
    pub(crate) fn commit_turn(&mut self, exchange: PendingTurn) -> Result<(), Error> {
        let (records, journal) = exchange.into_settled();
        let is_in_line = records.iter().any(SessionRecord::is_in_line);
        self.unwritten.records.extend(records);
        self.unwritten.journals.extend(journal);
        self.append_records(Vec::new())?;
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

    /// Returns an error if the file has been removed. To be called before a change that would make
    /// no sense in a new file.
    pub(super) fn check_file(&self) -> Result<(), Error> {
        if self.read > 0 && !self.path.exists() {
            return Err(Error::Unknown(self.title()));
        }
        Ok(())
    }

    /// Moves the tip to another position. What follows it stays in the file. Where the end of the
    /// conversation could not be written, this need not be.
    pub(crate) fn move_to(&mut self, place: &TurnPosition) -> Result<(), Error> {
        self.check_file()?;
        let moved = self.append_records(vec![SessionRecord::new_tip(place)]);
        if self.is_unwritten() { Ok(()) } else { moved }
    }

    /// Whether the end of the conversation could not be written.
    pub(crate) fn is_unwritten(&self) -> bool {
        !self.unwritten.records.is_empty()
    }

    /// Returns the lines that could not be written.
    pub(super) fn unwritten_records(&self) -> &[SessionRecord] {
        &self.unwritten.records
    }

    /// Whether the file has any turns, as far as it was read.
    pub(super) fn has_written_turns(&self) -> bool {
        let behind = self.unwritten.applied_behind;
        behind.map_or(self.turns.len(), |(turns, _)| turns) > 0
    }

    /// Reads what other processes have written to the file since it was last read. Returns whether
    /// the current branch is another one now. A file that has been removed is no change: the next
    /// turn creates it again.
    pub(crate) fn catch_up(&mut self) -> Result<bool, Error> {
        if self.read == 0 || !self.path.exists() {
            return Ok(false);
        }
        let before = self.position_of_tip();
        self.append_records_if(AppendCondition::Never, Vec::new())?;
        Ok(self.position_of_tip() != before)
    }

    /// Appends records under the lock; turns follow the one that is the tip at that time. Turns
    /// that are already in the file stay unchanged, and so does the tip before them.
    pub(super) fn append_records(&mut self, records: Vec<SessionRecord>) -> Result<(), Error> {
        self.append_records_if(AppendCondition::Always, records)
            .map(drop)
    }

    /// Appends records as [`Self::append_records`] does, if the file, under the lock, is what they
    /// were made for. Returns whether they were appended. What could not be written earlier is
    /// written before them; while that fails, they are held with it.
    pub(super) fn append_records_if(
        &mut self,
        condition: AppendCondition,
        records: Vec<SessionRecord>,
    ) -> Result<bool, Error> {
        let mut unwritten = self.take_unwritten();
        let held = unwritten.records.len();
        unwritten.records.extend(records);
        let appended = self.write_records(condition, &mut unwritten.records);
        match &appended {
            Ok(true) => {
                unwritten.journals.into_iter().for_each(Journal::remove);
                return appended;
            }
            Err(_) if held > 0 => unwritten.records.retain(|record| record.kind != NAME),
            Ok(false) | Err(_) => unwritten.records.truncate(held),
        }
        if !unwritten.records.is_empty() {
            self.hold(unwritten)?;
        }
        appended
    }

    /// Takes back what could not be written, so that the conversation is as its file was read.
    fn take_unwritten(&mut self) -> Unwritten {
        let mut unwritten = std::mem::take(&mut self.unwritten);
        if let Some((turns, tip)) = unwritten.applied_behind.take() {
            for turn in self.turns.drain(turns..) {
                self.places.remove(&turn.id);
            }
            self.tip = tip;
        }
        unwritten
    }

    /// Continues the conversation with what cannot be written.
    fn hold(&mut self, mut unwritten: Unwritten) -> Result<(), Error> {
        unwritten.records = self.missing_records(unwritten.records);
        unwritten.applied_behind = Some((self.turns.len(), self.tip));
        for record in &unwritten.records {
            self.apply_record(record.clone(), None)?;
        }
        self.unwritten = unwritten;
        Ok(())
    }

    /// Writes records, of which none are left then. If that fails, or the condition is not met,
    /// all that are not in the file are left.
    fn write_records(
        &mut self,
        condition: AppendCondition,
        records: &mut Vec<SessionRecord>,
    ) -> Result<bool, Error> {
        let before = self.position_of_tip();
        let mut file = LockedFile::open(&self.path)?;
        if file.byte_length()? < self.read {
            self.recreate();
        }
        file.each_line(self.read, |line, is_whole| self.take_line(line, is_whole))?;
        let is_met = match condition {
            AppendCondition::Always => true,
            AppendCondition::Unchanged => self.position_of_tip() == before,
            AppendCondition::Never => false,
        };
        if !is_met {
            return Ok(false);
        }
        let is_new = self.read == 0;
        let is_open_ended = self.is_open_ended && !is_new;
        *records = self.missing_records(std::mem::take(records));
        let (places, end) = file.append(self.read, |writer| {
            if is_new {
                self.header.write_line(&mut *writer)?;
            } else if is_open_ended {
                writer.write_all(b"\n")?;
            }
            let mut places = Vec::with_capacity(records.len());
            for record in &*records {
                let start = writer.offset();
                record.write_to(&mut *writer)?;
                places.push(start..writer.offset());
                writer.write_all(b"\n")?;
            }
            Ok((places, writer.offset()))
        })?;
        self.is_open_ended = false;
        self.read = end;
        for (record, place) in std::mem::take(records).into_iter().zip(places) {
            self.apply_record(record, Some(place))?;
        }
        Ok(true)
    }

    /// Returns those of these records that the conversation does not have, each turn with the one
    /// that it follows.
    fn missing_records(&self, records: Vec<SessionRecord>) -> Vec<SessionRecord> {
        let mut parent = self.tip().map(|turn| turn.id.clone());
        let has = |id: &Option<String>| id.as_ref().is_some_and(|id| self.places.contains_key(id));
        let mut missing: Vec<SessionRecord> = Vec::with_capacity(records.len());
        let mut records = records.into_iter().peekable();
        while let Some(mut record) = records.next() {
            let is_there = match record.kind.as_str() {
                TURN => {
                    record.parent = std::mem::replace(&mut parent, record.id.clone());
                    has(&record.id)
                }
                TIP => {
                    let is_known =
                        has(&record.turn) || missing.iter().any(|before| before.id == record.turn);
                    parent = record.turn.clone().filter(|_| is_known);
                    records.peek().is_some_and(|next| has(&next.id))
                }
                _ => false,
            };
            if !is_there {
                missing.push(record);
            }
        }
        missing
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
                "the name `{name}` has been taken; this conversation is now named `{}`",
                self.id()
            ));
            (self.name, self.header.name) = (None, None);
        }
    }

    /// Creates the file of a conversation that has no turn yet.
    pub(super) fn make_file(&mut self) -> Result<(), Error> {
        self.append_records(Vec::new())
    }

    /// Applies the line of the file that follows those that were read. Returns false for one that
    /// was torn off.
    fn take_line(&mut self, line: &[u8], is_whole: bool) -> Result<bool, Error> {
        // What nests too deep was written by something else, and could not be printed or sent.
        let record = check_depth(line, JsonPlace::Envelope)
            .map_err(serde::de::Error::custom)
            .and_then(|()| serde_json::from_slice::<SessionRecord>(line));
        self.last_secret = self.last_secret.max(highest_number(line));
        let end = self.read + line.len() as u64;
        match record {
            Ok(record) if record.kind == HEADER || self.read > 0 => {
                self.apply_record(record, Some(self.read..end))?;
            }
            Err(_) if !is_whole => return Ok(false),
            _ if self.read == 0 => {
                return Err(Error::Foreign {
                    path: self.path.clone(),
                });
            }
            _ => self.damaged_lines += usize::from(!line.is_empty()),
        }
        self.is_open_ended = !is_whole;
        self.read = end + u64::from(is_whole);
        Ok(true)
    }

    /// Applies a record that is in the file at `place`, without its line feed, or that could not be
    /// written.
    fn apply_record(
        &mut self,
        record: SessionRecord,
        place: Option<Range<u64>>,
    ) -> Result<(), Error> {
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
                let Some(mut turn) = record.into_turn() else {
                    self.damaged_lines += 1;
                    return Ok(());
                };
                if let Some(place) = place.filter(|_| self.is_in_file) {
                    turn.content.leave_in_file(place);
                }
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
    pub(super) fn place_before(&self, place: usize) -> Option<usize> {
        let parent = self.turns[place].parent.as_ref()?;
        let found = self.earlier_place(place, parent);
        found.or_else(|| place.checked_sub(1))
    }

    /// Returns the index of a turn with this id that was written before the one at `place`.
    pub(super) fn earlier_place(&self, place: usize, id: &str) -> Option<usize> {
        let found = self.places.get(id).copied();
        found.filter(|before| *before < place)
    }

    /// Returns the index of the current tip.
    pub(super) fn tip_place(&self) -> Option<usize> {
        self.tip
    }

    pub(super) fn blob_store(&self) -> BlobStore {
        BlobStore::for_conversation(&self.directory, self.id())
    }

    /// Marks the conversation as the one last used, in this terminal and of all.
    pub(crate) fn mark_as_last(&self) -> Result<(), Error> {
        mark_in_terminal(&self.directory, &self.link_target());
        self.mark_as_last_of_all()
    }

    /// Marks the conversation as the one last used of all, whatever the terminal.
    pub(super) fn mark_as_last_of_all(&self) -> Result<(), Error> {
        let link = last_link(&self.directory);
        replace_link(&self.link_target(), &link).map_err(write_error(&link))
    }

    /// Returns what links to the conversation point to.
    fn link_target(&self) -> PathBuf {
        PathBuf::from(format!("{}.jsonl", self.id()))
    }
}
