//! Turns in progress: the user's turn, the answer as it arrives, tool results, and the answers to
//! these.
//!
//! All of it is appended to the conversation at once when it ends, so that exchanges of parallel
//! processes follow one another and do not mix. Until then it is in the journal.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::value::{RawValue, to_raw_value};

use super::blob::BlobStore;
use super::id::{new_id, turn_id};
use super::journal::Journal;
use super::paths::journals_dir;
use super::record::{LeftOut, REFUSED, RefusedParts, SessionRecord, TURN, TurnContext};
use super::turn_content::parse_blocks;
use super::{Error, write_error};
use crate::protocol::{ContentBlock, InputMessage, Message, Role, StopReason, Update};
use crate::text::KnownSecrets;

/// An exchange in progress. If it is dropped, its journal stays, and is recovered at the next
/// start.
#[derive(Debug)]
pub(crate) struct PendingTurn {
    id: String,
    blobs: BlobStore,
    /// What is blanked out of the turns.
    secrets: Option<Arc<KnownSecrets>>,
    /// The turns, preceded by a record of their position if they do not follow the tip.
    records: Vec<SessionRecord>,
    journal: Option<Journal>,
    failure: Option<Error>,
    has_failed: bool,
}

impl PendingTurn {
    pub(super) fn begin(
        directory: &Path,
        header: &SessionRecord,
        tip: Option<SessionRecord>,
        said: &[InputMessage],
        sent_with: TurnContext<'_>,
    ) -> Self {
        let blobs =
            BlobStore::for_conversation(directory, header.id.as_deref().unwrap_or_default());
        let records = tip.into_iter().collect();
        let mut exchange = Self {
            id: new_id(),
            blobs,
            secrets: sent_with.secrets.cloned(),
            records,
            journal: None,
            failure: None,
            has_failed: false,
        };
        for message in said {
            let (id, content) = (
                turn_id(&exchange.id, exchange.records.len()),
                exchange.stored_content(&message.content),
            );
            let record = match message.role {
                Role::User => SessionRecord::user_turn(id, content, sent_with),
                Role::Assistant => SessionRecord::prefill_turn(id, content),
            };
            exchange.records.push(record);
        }
        match Journal::create(directory, &exchange.id, header, &exchange.records) {
            Ok(journal) => exchange.journal = Some(journal),
            Err(source) => exchange.record_failure(write_error(&journals_dir(directory))(source)),
        }
        exchange
    }

    /// Records a part of the answer, and the data of its event as received.
    pub(crate) fn record_update(&mut self, update: &Update, data: &[u8]) {
        if let Some(journal) = self.active_journal() {
            journal.queue_update(update, data);
        }
    }

    /// Writes what was queued with a single write. To be called before it is shown.
    pub(crate) fn flush_journal(&mut self) {
        if let Some(journal) = self.active_journal()
            && let Err(source) = journal.write_pending()
        {
            let path: PathBuf = journal.path().to_owned();
            self.record_failure(write_error(&path)(source));
        }
    }

    /// Records an answer, complete or as far as it was received.
    #[cfg(test)]
    pub(crate) fn record_answer(&mut self, message: &Message, complete: bool) {
        self.record_joined_answer(message, complete, None);
    }

    /// Records an answer, complete or as far as it was received. If several requests gave it,
    /// `context_tokens` are the tokens of the last one's prompt and answer.
    pub(crate) fn record_joined_answer(
        &mut self,
        message: &Message,
        complete: bool,
        context_tokens: Option<u64>,
    ) {
        if !complete && message.content.is_empty() {
            return;
        }
        let content = self.stored_content(&message.content);
        let id = turn_id(&self.id, self.records.len());
        self.push_record(SessionRecord {
            context_tokens,
            ..SessionRecord::assistant_turn(id, content, message, complete)
        });
    }

    /// Records another turn of the user: tool results.
    pub(crate) fn record_user_turn(&mut self, content: &[ContentBlock]) {
        let content = self.stored_content(content);
        let id = turn_id(&self.id, self.records.len());
        self.push_record(SessionRecord::user_turn(
            id,
            content,
            TurnContext::default(),
        ));
    }

    /// Marks what the API refused: the results that it never accepted, of which `earlier` are in
    /// the conversation already, each turn with its id. A turn without an answer is left out whole
    /// when it is settled.
    pub(crate) fn mark_refused(&mut self, earlier: &[(String, RefusedParts)]) -> RefusedParts {
        let answered = self.records.iter().rposition(SessionRecord::is_answer);
        let mut refused = RefusedParts::default();
        let mut turns: Vec<String> = Vec::new();
        if let Some(answered) = answered {
            let (before, behind) = self.records.split_at(answered + 1);
            let calls: Vec<ContentBlock> = before.iter().flat_map(blocks_of).collect();
            for record in behind.iter().filter(|record| record.kind == TURN) {
                refused.add_results(&blocks_of(record), &calls.iter());
                turns.extend(record.id.clone());
            }
        } else {
            refused.has_message = true;
            let is_replacement = self.records.first().is_some_and(|first| first.kind != TURN);
            for (turn, parts) in earlier.iter().filter(|_| !is_replacement) {
                refused.tools.extend(parts.tools.iter().cloned());
                turns.push(turn.clone());
            }
        }
        for turn in turns {
            self.push_record(SessionRecord::new_refused(&turn));
        }
        refused
    }

    /// Returns why saving failed, but only once; the exchange continues without its journal.
    pub(crate) fn take_failure(&mut self) -> Option<Error> {
        self.failure.take()
    }

    /// Returns whether saving has failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Returns the turns to append to the conversation, and the journal that holds them until then.
    pub(super) fn into_settled(mut self) -> (Vec<SessionRecord>, Option<Journal>) {
        mark_left_out(&mut self.records);
        (self.records, self.journal)
    }

    fn push_record(&mut self, record: SessionRecord) {
        if let Some(journal) = self.active_journal()
            && let Err(source) = journal.write_turn(&record)
        {
            let path = journal.path().to_owned();
            self.record_failure(write_error(&path)(source));
        }
        self.records.push(record);
    }

    /// Returns content as it is stored: without secrets. Images that cannot be written to files of
    /// their own stay in it.
    fn stored_content(&self, content: &[ContentBlock]) -> Box<RawValue> {
        let stored = BlobStore::may_move(content)
            .then(|| self.blobs.store_content(content).ok())
            .flatten();
        // An answer may have some megabytes, so that it is written only once.
        let written = match stored {
            Some(stored) => to_raw_value(&stored),
            None => to_raw_value(content),
        };
        let saved_with = TurnContext {
            secrets: self.secrets.as_ref(),
            ..TurnContext::default()
        };
        saved_with.stored_content(written.expect("content blocks are maps with string keys"))
    }

    /// Returns the journal, unless it was abandoned.
    fn active_journal(&mut self) -> Option<&mut Journal> {
        if self.has_failed {
            None
        } else {
            self.journal.as_mut()
        }
    }

    /// Records a failure. Only the first one is reported. From then on the journal is abandoned,
    /// but its file stays until everything is in the conversation.
    fn record_failure(&mut self, error: Error) {
        if !std::mem::replace(&mut self.has_failed, true) {
            self.failure = Some(error);
        }
    }
}

/// Marks the turns of a refused or unanswered exchange, so that they are not sent again and replace
/// nothing.
pub(super) fn mark_left_out(records: &mut Vec<SessionRecord>) {
    let is_refused = |turn: &SessionRecord| turn.stop_reason == Some(StopReason::Refusal);
    let left_out = if records.iter().any(is_refused) {
        LeftOut::Refused
    } else if !records.iter().any(SessionRecord::is_answer) {
        LeftOut::Unanswered
    } else {
        return;
    };
    records.retain(|record| record.kind == TURN || record.kind == REFUSED);
    for turn in records.iter_mut().filter(|record| record.kind == TURN) {
        turn.left_out = Some(left_out);
    }
}

/// Returns the blocks of a turn; none of another line.
fn blocks_of(record: &SessionRecord) -> Vec<ContentBlock> {
    record
        .content
        .as_deref()
        .map(parse_blocks)
        .unwrap_or_default()
}
