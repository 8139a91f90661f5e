//! The journal of an exchange: what was said and what comes is in it before it is sent or shown, so
//! that a process that is killed loses nothing. It is locked as long as its process lives; one that
//! is free is put into its conversation.

use std::error::Error as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::json;
use serde_json::value::to_raw_value;

use super::Error;
use super::conversation::{Conversation, last_marked_at, path_of};
use super::exchange::{settle, turn_id};
use super::record::{HEADER, Record, TIP, TURN};
use crate::fs::{create_private_dir, open_existing};
use crate::protocol::{ContentBlock, Machine, Message, Role, Update};

/// An empty journal that is older than this has no process that is about to fill it.
const STALE: Duration = Duration::from_secs(60);

/// The journal of this process for one exchange.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    path: PathBuf,
    pending: Vec<u8>,
}

impl Journal {
    /// Begins one with what is said.
    pub(super) fn create(
        folder: &Path,
        exchange: &str,
        header: &Record,
        records: &[Record],
    ) -> io::Result<Self> {
        let folder = folder_of(folder);
        create_private_dir(&folder)?;
        let path = folder.join(format!("{exchange}.jsonl"));
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        file.lock()?;
        let mut journal = Self {
            file,
            path,
            pending: Vec::new(),
        };
        for line in std::iter::once(header).chain(records) {
            journal.pending.extend_from_slice(&line.to_line());
        }
        journal
            .flush()
            .and_then(|()| journal.file.sync_data())
            .inspect_err(|_| {
                let _ = fs::remove_file(&journal.path); // It is the first error that is told.
            })?;
        Ok(journal)
    }

    /// Takes a turn.
    pub(super) fn turn(&mut self, record: &Record) {
        self.pending.extend_from_slice(&record.to_line());
    }

    /// Takes a part of the answer: the event as it came, or the text where there is no event.
    pub(super) fn update(&mut self, update: &Update, data: &[u8]) {
        match update {
            _ if !data.is_empty() => {
                let start = self.pending.len();
                self.pending.extend_from_slice(data);
                // Data of several lines is one JSON text, in which a line feed is white space.
                self.pending[start..]
                    .iter_mut()
                    .filter(|byte| **byte == b'\n')
                    .for_each(|byte| *byte = b' ');
            }
            Update::Text(text) => {
                self.pending
                    .extend_from_slice(json!({"type": TEXT, "text": text}).to_string().as_bytes());
            }
            _ => return,
        }
        self.pending.push(b'\n');
    }

    /// Writes what was taken, with one write.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let written = self.file.write_all(&self.pending);
        self.pending.clear();
        written
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes it away: all of it is in the conversation.
    pub(super) fn remove(self) {
        let _ = fs::remove_file(&self.path); // One that stays is found to be in the conversation already.
    }
}

/// The `type` of a piece of text that came without an event.
const TEXT: &str = "text";

fn folder_of(folder: &Path) -> PathBuf {
    folder.join("journals")
}

/// Puts what killed processes left into its conversations, and says which these were. The one that
/// was used after the one that is marked as the last used is so marked in its place.
pub(super) fn recover(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder_of(folder)) else {
        return Vec::new();
    };
    let (mut notices, mut last) = (Vec::new(), None);
    for entry in entries.flatten() {
        match recover_one(folder, &entry.path()) {
            Ok(None) => {}
            Ok(Some(recovered)) => {
                let name = recovered
                    .conversation
                    .name()
                    .unwrap_or(recovered.conversation.id());
                notices.push(format!(
                    "what a process that was killed had of an answer is kept in the conversation `{name}`"
                ));
                let is_later = last.as_ref().is_none_or(|before: &Recovered| {
                    before.used_at.is_none_or(|at| Some(at) < recovered.used_at)
                });
                if recovered.is_in_line && is_later {
                    last = Some(recovered);
                }
            }
            Err(error) => {
                let cause = error
                    .source()
                    .map_or(String::new(), |cause| format!(": {cause}"));
                let path = entry.path();
                notices.push(format!(
                    "what is in `{}` could not be put into its conversation: {error}{cause}",
                    path.display()
                ));
            }
        }
    }
    if let Some(last) = last.filter(|last| last.used_at >= last_marked_at(folder)) {
        // Where no mark can be set, that is told with the next answer.
        let _ = last.conversation.mark_as_last();
    }
    notices
}

/// What was put into a conversation.
struct Recovered {
    conversation: Conversation,
    /// When something of it came last.
    used_at: Option<SystemTime>,
    /// Whether any of it is sent again.
    is_in_line: bool,
}

fn recover_one(folder: &Path, path: &Path) -> Result<Option<Recovered>, Error> {
    let mut file = match open_existing(path, OpenOptions::new().read(true).write(true)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.map_err(super::unreadable(path))?,
    };
    // Its process lives; or another one is doing this.
    if file.try_lock().is_err() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)
        .map_err(super::unreadable(path))?;
    // Its process may have ended, and taken it away, in between.
    if !path.exists() {
        return Ok(None);
    }
    let used_at = file
        .metadata()
        .and_then(|metadata| metadata.modified())
        .ok();
    let exchange = path.file_stem().unwrap_or_default().to_string_lossy();
    let Some((header, mut records)) = parse(&bytes, &exchange) else {
        let age = used_at.and_then(|time| time.elapsed().ok());
        // It may be about to be filled; what has not even a header holds nothing.
        if age.is_some_and(|age| age > STALE) {
            let _ = fs::remove_file(path);
        }
        return Ok(None);
    };
    let id = header.id.clone().unwrap_or_default();
    let is_there = path_of(folder, &id).exists();
    let mut conversation = if is_there {
        Conversation::read(folder, &id)?
    } else {
        Conversation::new(folder, header)
    };
    if !is_there {
        conversation.claim_name();
    }
    settle(&mut records);
    let is_in_line = records.iter().any(|record| record.left_out.is_none());
    conversation.append(records)?;
    let _ = fs::remove_file(path); // One that stays is found to be in the conversation already.
    Ok(Some(Recovered {
        conversation,
        used_at,
        is_in_line,
    }))
}

/// The header and the records of a journal, the last turn as far as it came.
pub(super) fn parse(bytes: &[u8], exchange: &str) -> Option<(Record, Vec<Record>)> {
    let mut header = None;
    let mut records: Vec<Record> = Vec::new();
    let (mut machine, mut text) = (Machine::default(), String::new());
    for line in bytes.split(|byte| *byte == b'\n') {
        // The last line may have been torn off.
        let Ok(record) = serde_json::from_slice::<Line>(line) else {
            continue;
        };
        match record.r#type.as_ref() {
            HEADER => header = serde_json::from_slice(line).ok(),
            TURN | TIP => {
                records.extend(serde_json::from_slice::<Record>(line).ok());
                (machine, text) = (Machine::default(), String::new());
            }
            TEXT => text.push_str(record.text.as_deref().unwrap_or_default()),
            kind => {
                // A try that failed before its first word has begun a message too.
                if kind == "message_start" {
                    machine = Machine::default();
                }
                machine.push(b"data: ");
                machine.push(line);
                machine.push(b"\n\n");
                while let Ok(Some(_)) = machine.next() {}
            }
        }
    }
    let is_answered = records.last().is_some_and(Record::is_answer);
    let partial = if text.is_empty() {
        machine.partial()
    } else {
        Some(said(&text))
    };
    if let Some(message) = partial.filter(|message| !is_answered && !message.content.is_empty()) {
        let content = to_raw_value(&message.content).ok()?;
        let id = turn_id(exchange, records.len());
        records.push(Record::assistant(
            id,
            content,
            &message,
            message.stop_reason.is_some(),
        ));
    }
    Some((header?, records))
}

#[derive(serde::Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    r#type: std::borrow::Cow<'a, str>,
    #[serde(borrow, default)]
    text: Option<std::borrow::Cow<'a, str>>,
}

fn said(text: &str) -> Message {
    Message {
        id: String::new(),
        kind: crate::protocol::MessageType::Message,
        role: Role::Assistant,
        model: String::new(),
        content: vec![ContentBlock::text(text)],
        stop_reason: None,
        stop_sequence: None,
        usage: crate::protocol::Usage::default(),
        extra: serde_json::Map::new(),
    }
}
