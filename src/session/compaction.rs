//! A conversation whose older turns are replaced with a summary: a new branch, which begins with
//! the request for the summary and the summary, followed by copies of the turns that are kept. The
//! old branch stays in the file, and the new one refers to it.

use std::collections::HashSet;
use std::path::Path;

use serde_json::value::to_raw_value;

use super::Error;
use super::conversation::{AppendCondition, SavedConversation};
use super::id::{new_id, turn_id};
use super::record::{SavedTurn, SessionRecord, TurnContext, TurnPosition};
use crate::protocol::{ContentBlock, Message, Role};

/// A summary of the older turns of a conversation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SummaryExchange<'s> {
    /// What the user asks for.
    pub(crate) request: &'s [ContentBlock],
    /// The answer.
    pub(crate) answer: &'s Message,
    /// What the request was sent with.
    pub(crate) context: TurnContext<'s>,
}

impl SavedConversation {
    /// Begins a branch in which the turns before `place` are replaced with a summary. Returns
    /// whether it did: if another process has continued the conversation meanwhile, nothing is
    /// written.
    ///
    /// # Errors
    ///
    /// If the file cannot be written, although the turns before the summary were.
    pub(crate) fn replace_with_summary(
        &mut self,
        place: &TurnPosition,
        summary: SummaryExchange<'_>,
    ) -> Result<bool, Error> {
        self.check_file()?;
        let records = self.summary_branch(place, summary);
        match self.append_records_if(AppendCondition::Unchanged, records) {
            Ok(true) => self.mark_as_last().map(|()| true),
            // What it stands for could not be written either.
            Err(_) if self.is_unwritten() => Ok(true),
            replaced => replaced,
        }
    }

    /// Returns the lines of such a branch.
    fn summary_branch(
        &self,
        place: &TurnPosition,
        summary: SummaryExchange<'_>,
    ) -> Vec<SessionRecord> {
        let exchange = new_id();
        let content = |blocks: &[ContentBlock]| {
            let written = to_raw_value(blocks).expect("content blocks are maps with string keys");
            summary.context.stored_content(written)
        };
        let mut records = vec![SessionRecord::new_tip(&TurnPosition(None))];
        let id = turn_id(&exchange, records.len());
        records.push(SessionRecord {
            summarises: Some(place.0.clone().unwrap_or_default()),
            ..SessionRecord::user_turn(id, content(summary.request), summary.context)
        });
        let (id, answer) = (turn_id(&exchange, records.len()), summary.answer);
        let text = content(&answer.content);
        records.push(SessionRecord::assistant_turn(id, text, answer, true));
        let branch = self.current_branch();
        let kept = branch.iter().position(|turn| turn.parent == place.0);
        for turn in &branch[kept.unwrap_or(branch.len())..] {
            let id = turn_id(&exchange, records.len());
            let refused = turn.is_refused.then(|| SessionRecord::new_refused(&id));
            records.push(SessionRecord::copy_of(turn, id, self.path()));
            records.extend(refused);
        }
        records
    }

    /// Returns the position before the last compaction, if nothing was said since: the turns that a
    /// summary has replaced are then the current ones again. `None` if there is no such compaction,
    /// or if the file lacks these turns.
    pub(crate) fn position_before_summary(&self) -> Option<TurnPosition> {
        let tip = self.tip_place()?;
        let turn = &self.turns()[tip];
        if let Some(original) = &turn.copied_from {
            self.earlier_place(tip, original)?;
            return Some(TurnPosition(Some(original.clone())));
        }
        let request = self.place_before(tip)?;
        let last = self.turns()[request].summarises.as_ref()?;
        if last.is_empty() {
            return Some(TurnPosition(None));
        }
        self.earlier_place(request, last)?;
        Some(TurnPosition(Some(last.clone())))
    }

    /// Whether the answer that was written last belongs to the current branch, and its prompt too:
    /// it was neither taken back, nor is it a summary.
    pub(crate) fn ends_with_last_answer(&self) -> bool {
        let Some(last) = self.turns().iter().rposition(|turn| turn.usage.is_some()) else {
            return true;
        };
        let mut next = self.tip_place();
        while let Some(place) = next.filter(|place| *place > last) {
            next = self.place_before(place);
        }
        let before = self.place_before(last);
        let is_summary = before.is_some_and(|before| self.turns()[before].is_summary_request());
        next == Some(last) && !is_summary
    }

    /// Returns the index of the last turn that the turn at `place` asks to summarise.
    pub(super) fn place_summarised(&self, place: usize) -> Option<usize> {
        let last = self.turns()[place].summarises.as_ref()?;
        self.earlier_place(place, last)
    }

    /// Returns the ids of the turns that a summary stands for in the current branch.
    pub(crate) fn summarised_turns(&self) -> HashSet<&str> {
        let mut ids = HashSet::new();
        let mut is_summarised = false;
        let mut next = self.tip_place();
        while let Some(place) = next {
            let turn = &self.turns()[place];
            if is_summarised {
                ids.insert(turn.id.as_str());
            }
            let last = self.place_summarised(place);
            is_summarised |= last.is_some();
            next = last.or_else(|| self.place_before(place));
        }
        ids
    }

    /// Returns the ids of the turns that the current branch consists of or refers to: those that a
    /// summary stands for, and those that were copied behind it.
    pub(super) fn needed_turns(&self) -> HashSet<&str> {
        let mut needed = HashSet::new();
        let mut places: Vec<usize> = self.tip_place().into_iter().collect();
        while let Some(place) = places.pop() {
            let turn = &self.turns()[place];
            if !needed.insert(turn.id.as_str()) {
                continue;
            }
            let original = turn.copied_from.as_ref();
            places.extend(self.place_before(place));
            places.extend(self.place_summarised(place));
            places.extend(original.and_then(|id| self.earlier_place(place, id)));
        }
        needed
    }

    /// Returns the turns of the user in the current branch and in what a summary stands for in it.
    pub(super) fn user_turns(&self) -> impl Iterator<Item = &SavedTurn> {
        let branch = self.branch_with_left_out().into_iter();
        branch.filter(|turn| {
            turn.role == Role::User && turn.left_out.is_none() && !turn.is_summary_request()
        })
    }
}

impl SessionRecord {
    /// Creates a copy of a turn. What its answer took was counted before.
    fn copy_of(turn: &SavedTurn, id: String, path: &Path) -> Self {
        let copy = Self::prefill_turn(id, turn.content.to_raw(path));
        Self {
            role: Some(turn.role),
            at: turn.at.clone(),
            system: turn.system.clone(),
            sent_to: turn.sent_to.clone(),
            model: turn.model.clone(),
            stop_reason: turn.stop_reason.clone(),
            partial: turn.partial,
            copied_from: Some(turn.id.clone()),
            ..copy
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tempfile::TempDir;

    use super::*;
    use crate::protocol::{InputMessage, StopReason};
    use crate::session::{SessionStore, conversation_json, conversation_markdown};

    fn store() -> (TempDir, SessionStore) {
        let directory = tempfile::tempdir().expect("a directory");
        let store = SessionStore::in_directory(directory.path().to_owned());
        (directory, store)
    }

    fn answer(text: &str) -> Message {
        serde_json::from_value(json!({
            "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "model": "m",
            "usage": {"input_tokens": 100, "output_tokens": 10},
        }))
        .expect("a message")
    }

    fn say(conversation: &mut SavedConversation, question: &str) {
        let said = InputMessage {
            role: Role::User,
            content: vec![ContentBlock::text(question)],
        };
        let mut turn = conversation.begin_turn(&[said], TurnContext::default());
        turn.record_answer(&answer(&format!("to {question}")), true);
        conversation.commit_turn(turn).expect("it is writable");
    }

    /// Creates a conversation of three exchanges.
    fn conversation(store: &SessionStore) -> SavedConversation {
        let mut conversation = store.new_conversation();
        for question in ["One", "Two", "Three"] {
            say(&mut conversation, question);
        }
        conversation
    }

    /// Summarises the first so many exchanges of those since the last summary.
    fn compact(conversation: &mut SavedConversation, exchanges: usize) -> bool {
        let place = conversation.current_branch()[2 * exchanges - 1].id.clone();
        let summary = SummaryExchange {
            request: &[ContentBlock::text("Sum up")],
            answer: &answer("summary"),
            context: TurnContext::default(),
        };
        conversation
            .replace_with_summary(&TurnPosition(Some(place)), summary)
            .expect("it is writable")
    }

    fn texts(conversation: &SavedConversation) -> Vec<String> {
        let messages = conversation.messages();
        let text = |message: &InputMessage| match &message.content[0] {
            ContentBlock::Text(text) => text.text.to_string(),
            other => panic!("{other:?}"),
        };
        messages.iter().map(text).collect()
    }

    const WHOLE: [&str; 6] = ["One", "to One", "Two", "to Two", "Three", "to Three"];
    const COMPACTED: [&str; 4] = ["Sum up", "summary", "Three", "to Three"];

    #[test]
    fn a_summary_replaces_the_older_turns_and_nothing_is_deleted() {
        let (_directory, store) = store();
        let mut conversation = conversation(&store);
        assert!(compact(&mut conversation, 2));
        for read in [
            &conversation,
            &store.open_existing(conversation.id()).expect("it is there"),
        ] {
            assert_eq!(texts(read), COMPACTED);
            assert_eq!((read.title().as_str(), read.turns().len()), ("One", 10));
            let shown = conversation_markdown(read);
            assert!(
                shown.contains("## You (summarised; not sent again)\n\nOne\n"),
                "{shown}"
            );
            assert_eq!(shown.matches("\nThree\n").count(), 1, "{shown}");
            let json: String = conversation_json(read).collect();
            let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
            let turns = json["turns"].as_array().expect("an array");
            let left_out: Vec<_> = turns.iter().map(|turn| &turn["left_out"]).collect();
            let mut expected = vec![json!("summarised"); 4];
            expected.resize(8, json!(null));
            assert_eq!(left_out, expected.iter().collect::<Vec<_>>());
        }
        let hits = store.search_words(&["one".to_owned()]).expect("a search");
        assert_eq!(hits.len(), 1);
        let hits = store.search_words(&["three".to_owned()]).expect("a search");
        assert_eq!(hits[0].turns, 2, "a copy is not another turn");
        let list = store.list_summaries().expect("a list");
        assert_eq!((list[0].title.as_str(), list[0].turns), ("One", 3));
    }

    #[test]
    fn a_compaction_is_taken_back_and_so_is_one_after_the_other() {
        let (_directory, store) = store();
        let mut conversation = conversation(&store);
        assert_eq!(conversation.position_before_summary(), None);
        assert!(conversation.ends_with_last_answer());
        assert!(compact(&mut conversation, 2) && compact(&mut conversation, 1));
        assert_eq!(texts(&conversation), COMPACTED);
        assert!(!conversation.ends_with_last_answer(), "it is a summary");
        say(&mut conversation, "Four");
        assert!(conversation.ends_with_last_answer());
        assert_eq!(conversation.position_before_summary(), None);
        let four = conversation.current_branch()[4].position_before();
        conversation.move_to(&four).expect("it is writable");
        assert!(!conversation.ends_with_last_answer(), "it is taken back");
        for expected in [&COMPACTED[..], &WHOLE] {
            let before = conversation.position_before_summary().expect("a summary");
            conversation.move_to(&before).expect("it is writable");
            assert_eq!(texts(&conversation), expected);
        }
        assert_eq!(conversation.position_before_summary(), None);
    }

    #[test]
    fn a_summary_alone_is_taken_back_too() {
        let (_directory, store) = store();
        let mut conversation = conversation(&store);
        assert!(compact(&mut conversation, 3));
        assert_eq!(texts(&conversation), COMPACTED[..2]);
        let before = conversation.position_before_summary().expect("a summary");
        conversation.move_to(&before).expect("it is writable");
        assert_eq!(texts(&conversation), WHOLE);
    }

    #[test]
    fn a_copy_of_the_conversation_has_what_was_summarised() {
        let (_directory, store) = store();
        let mut conversation = conversation(&store);
        assert!(compact(&mut conversation, 2));
        let mut fork = store.fork_conversation(&conversation).expect("a fork");
        assert_eq!(texts(&fork), COMPACTED);
        assert_eq!(fork.title(), "One");
        let before = fork.position_before_summary().expect("a summary");
        fork.move_to(&before).expect("it is writable");
        assert_eq!(texts(&fork), WHOLE);
    }

    #[test]
    fn what_another_process_says_meanwhile_is_not_summarised() {
        let (_directory, store) = store();
        let mut conversation = conversation(&store);
        let mut other = store.open_existing(conversation.id()).expect("it is there");
        say(&mut other, "Four");
        assert!(!compact(&mut conversation, 2));
        assert_eq!(texts(&conversation).len(), 8, "the news are read");
        assert!(compact(&mut conversation, 2));
    }

    #[test]
    fn what_was_left_half_is_copied_as_it_is() {
        let (_directory, store) = store();
        let mut conversation = conversation(&store);
        let said = InputMessage {
            role: Role::User,
            content: vec![ContentBlock::text("Four")],
        };
        let mut turn = conversation.begin_turn(&[said], TurnContext::default());
        let mut cut = answer("half");
        cut.stop_reason = Some(StopReason::MaxTokens);
        turn.record_joined_answer(&cut, false, Some(70));
        conversation.commit_turn(turn).expect("it is writable");
        let tip = conversation.tip().expect("a turn");
        assert_eq!((tip.partial, tip.context_tokens()), (true, Some(70)));
        assert!(compact(&mut conversation, 3));
        let tip = conversation.tip().expect("a turn");
        assert_eq!(
            (tip.partial, &tip.stop_reason, tip.context_tokens()),
            (true, &Some(StopReason::MaxTokens), None)
        );
    }

    #[test]
    fn turns_that_refer_to_themselves_end_no_walk() {
        let turn = |id: &str, more: &str| {
            format!(r#"{{"type":"turn","id":"{id}","role":"user","content":[]{more}}}"#)
        };
        let bytes = [
            r#"{"type":"langdock-session","version":1,"id":"x"}"#.to_owned(),
            turn("a", r#","summarises":"b","copied_from":"a""#),
            turn("b", r#","parent":"a","summarises":"b","copied_from":"c""#),
        ]
        .join("\n");
        let path = Path::new("/nowhere");
        let read = SavedConversation::from_bytes(path, "x", bytes.as_bytes()).expect("it is read");
        assert_eq!(read.position_before_summary(), None);
        assert_eq!(read.branch_with_left_out().len(), 2);
        assert_eq!(
            (read.summarised_turns().len(), read.needed_turns().len()),
            (0, 2)
        );
    }
}
