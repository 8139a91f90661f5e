//! The journal of a pending turn: prompts are written to it before they are sent, and answers
//! before they are shown, so that a killed process loses nothing. It is locked as long as its
//! process lives; an unlocked one is moved into its conversation.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::json;
use serde_json::value::to_raw_value;

use super::id::turn_id;
use super::paths::journals_dir;
use super::record::{HEADER, REFUSED, SessionRecord, TIP, TURN};
use crate::fs::open_or_create_private;
use crate::protocol::{ContentBlock, Message, MessageStream, Role, Update};

/// This process's journal of one exchange.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    path: PathBuf,
    pending: Vec<u8>,
}

impl Journal {
    /// Creates the journal with the turns to be sent.
    pub(super) fn create(
        directory: &Path,
        exchange: &str,
        header: &SessionRecord,
        records: &[SessionRecord],
    ) -> io::Result<Self> {
        let directory = journals_dir(directory);
        let path = directory.join(format!("{exchange}.jsonl"));
        let file = open_or_create_private(&path, OpenOptions::new().append(true).create_new(true))?;
        file.lock()?;
        let journal = Self {
            file,
            path,
            pending: Vec::new(),
        };
        journal
            .write_records(std::iter::once(header).chain(records))
            .and_then(|()| journal.file.sync_data())
            .inspect_err(|_| {
                let _ = fs::remove_file(&journal.path); // The first error is the one reported.
            })?;
        Ok(journal)
    }

    /// Writes a turn after what was queued. It may have megabytes, so that it is not queued too.
    pub(super) fn write_turn(&mut self, record: &SessionRecord) -> io::Result<()> {
        self.write_pending()?;
        self.write_records(std::iter::once(record))
    }

    /// Writes records with a single write, unless they are long.
    fn write_records<'r>(
        &self,
        mut records: impl Iterator<Item = &'r SessionRecord>,
    ) -> io::Result<()> {
        let mut writer = BufWriter::with_capacity(KEPT_BYTES, &self.file);
        records.try_for_each(|record| record.write_line(&mut writer))?;
        writer.flush()
    }

    /// Queues a part of the answer: the event as received, or the text if there is no event.
    pub(super) fn queue_update(&mut self, update: &Update, data: &[u8]) {
        match update {
            _ if !data.is_empty() => {
                let start = self.pending.len();
                self.pending.extend_from_slice(data);
                // Data of several lines is one JSON text, in which a line feed is just white space.
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

    /// Writes what was queued with a single write.
    pub(super) fn write_pending(&mut self) -> io::Result<()> {
        let written = self.file.write_all(&self.pending);
        self.pending.clear();
        self.pending.shrink_to(KEPT_BYTES);
        written
    }

    /// Returns the path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the journal, once all of it is in the conversation.
    pub(super) fn remove(self) {
        let _ = fs::remove_file(&self.path); // Recovery skips what is in the conversation already.
    }
}

/// How much room is kept for what is queued, in bytes: an event may have megabytes.
const KEPT_BYTES: usize = 64 * 1024;

/// The `type` of a piece of text that arrived without an event.
const TEXT: &str = "text";

/// Returns the header and the records of a journal, the last turn as far as it was received.
///
/// # Errors
///
/// If it cannot be read.
pub(super) fn parse_journal(
    mut journal: impl BufRead,
    exchange: &str,
) -> io::Result<Option<(SessionRecord, Vec<SessionRecord>)>> {
    let mut header = None;
    let mut records: Vec<SessionRecord> = Vec::new();
    let (mut machine, mut text) = (MessageStream::default(), String::new());
    let mut line = Vec::new();
    // All of an answer without end may be in it: one line is in memory at a time.
    while read_line(&mut journal, &mut line)? {
        let line = line.as_slice();
        // The last line may have been torn off.
        let Ok(record) = serde_json::from_slice::<JournalLine>(line) else {
            continue;
        };
        match record.r#type.as_ref() {
            HEADER => header = serde_json::from_slice(line).ok(),
            REFUSED => records.extend(serde_json::from_slice::<SessionRecord>(line).ok()),
            TURN | TIP => {
                records.extend(serde_json::from_slice::<SessionRecord>(line).ok());
                (machine, text) = (MessageStream::default(), String::new());
            }
            TEXT => text.push_str(record.text.as_deref().unwrap_or_default()),
            kind => {
                // A failed attempt, before any content, may have started a message, too.
                if kind == "message_start" {
                    machine = MessageStream::default();
                }
                machine.push(b"data: ");
                machine.push(line);
                machine.push(b"\n\n");
                while let Ok(Some(_)) = machine.next() {}
            }
        }
    }
    let is_answered = records.last().is_some_and(SessionRecord::is_answer);
    let partial = if text.is_empty() {
        machine.partial()
    } else {
        Some(text_message(&text))
    };
    if let Some(message) = partial.filter(|message| !is_answered && !message.content.is_empty()) {
        let content = to_raw_value(&message.content)?;
        let id = turn_id(exchange, records.len());
        records.push(SessionRecord::assistant_turn(
            id,
            content,
            &message,
            message.stop_reason.is_some() && message.broken_call().is_none(),
        ));
    }
    Ok(header.map(|header| (header, records)))
}

/// Reads a line without its line feed into a buffer; false at the end.
fn read_line(journal: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let read = journal.read_until(b'\n', line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    Ok(read > 0)
}

#[derive(serde::Deserialize)]
struct JournalLine<'a> {
    #[serde(borrow)]
    r#type: std::borrow::Cow<'a, str>,
    #[serde(borrow, default)]
    text: Option<std::borrow::Cow<'a, str>>,
}

fn text_message(text: &str) -> Message {
    Message {
        id: String::new(),
        kind: crate::protocol::MessageType::Message,
        role: Role::Assistant,
        model: String::new(),
        content: vec![ContentBlock::text(text)],
        stop_reason: None,
        stop_sequence: None,
        usage: crate::protocol::Usage::default(),
        extra: crate::protocol::UnknownFields::default(),
    }
}
