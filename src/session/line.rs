//! The turns of a line of conversation as messages: what was said, without what an interruption
//! left half, and without what the API refused. Whether they can be sent as they are is decided
//! where requests are made.

use std::path::Path;

use serde_json::Value;

use super::blob::BlobStore;
use super::record::SavedTurn;
use crate::model_text::RESULT_LEFT_OUT;
use crate::protocol::{ContentBlock, InputMessage, Role, StopReason};

/// A turn in a history, as received.
#[derive(Debug)]
pub(crate) struct HistoryTurn {
    /// The role.
    pub(crate) role: Role,
    /// The content.
    pub(crate) content: Vec<ContentBlock>,
    /// Why the model stopped; `None` for a turn of the user or an interrupted one.
    pub(crate) stop_reason: Option<StopReason>,
    /// Whether the API refused a request with the results in it, and no other had them.
    pub(crate) is_refused: bool,
}

/// A conversation that takes more memory than there is for it.
#[derive(Debug)]
pub(crate) struct TooLong {
    /// About how many bytes it has.
    pub(crate) bytes: usize,
}

/// What was said, as it can be sent.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// The messages.
    pub(crate) messages: Vec<InputMessage>,
    /// A sentence for each attachment that is lost.
    pub(crate) lost: Vec<String>,
}

/// Returns saved turns as messages, unless these take more than `most` bytes: a server may have
/// sent megabytes for each of many turns. `path` is that of the conversation's file.
pub(super) fn to_messages(
    line: &[&SavedTurn],
    path: &Path,
    blobs: &BlobStore,
    most: usize,
) -> Result<History, TooLong> {
    let mut history = History::default();
    let mut bytes = 0;
    for (place, turn) in line.iter().enumerate() {
        if let Some(message) = to_message(turn.in_history(path, blobs, &mut history.lost)) {
            bytes += message.held_bytes();
            push_message(&mut history.messages, message);
        }
        if bytes > most {
            let rest = line[place + 1..].iter().map(|turn| turn.stored_bytes());
            bytes += rest.sum::<usize>();
            return Err(TooLong { bytes });
        }
    }
    Ok(history)
}

/// Returns turns as messages, one for each that has anything left to say; the first is the user's.
pub(crate) fn history_messages(turns: impl IntoIterator<Item = HistoryTurn>) -> Vec<InputMessage> {
    let mut messages = Vec::new();
    for message in turns.into_iter().filter_map(to_message) {
        push_message(&mut messages, message);
    }
    messages
}

/// Appends a message, unless it is an answer before all of the user's.
fn push_message(messages: &mut Vec<InputMessage>, message: InputMessage) {
    if !(messages.is_empty() && message.role == Role::Assistant) {
        messages.push(message);
    }
}

/// Returns what a turn has left to say; `None` if that is nothing.
pub(super) fn to_message(turn: HistoryTurn) -> Option<InputMessage> {
    let mut content = turn.content;
    if turn.role == Role::Assistant {
        let is_finished = is_finished(turn.stop_reason.as_ref());
        content.retain(|block| can_be_sent_back(block, is_finished));
    } else if turn.is_refused {
        content.iter_mut().for_each(leave_out_result);
    }
    let message = InputMessage {
        role: turn.role,
        content,
    };
    Some(message).filter(|message| !message.content.is_empty())
}

impl SavedTurn {
    /// Returns the turn with its content and its files, of which `lost` gets those that are lost.
    pub(super) fn in_history(
        &self,
        path: &Path,
        blobs: &BlobStore,
        lost: &mut Vec<String>,
    ) -> HistoryTurn {
        let mut content = self.content.blocks(path);
        blobs.load_content(&mut content, lost);
        HistoryTurn {
            role: self.role,
            content,
            stop_reason: self.stop_reason.clone(),
            is_refused: self.is_refused,
        }
    }
}

/// Puts a sentence in the place of a result.
fn leave_out_result(block: &mut ContentBlock) {
    if let ContentBlock::ToolResult(result) = block {
        result.content = Some(Value::from(RESULT_LEFT_OUT).into());
    }
}

/// Whether the model finished its answer, so that a malformed call is the model's fault.
fn is_finished(stop_reason: Option<&StopReason>) -> bool {
    matches!(
        stop_reason,
        Some(StopReason::ToolUse | StopReason::EndTurn | StopReason::StopSequence)
    )
}

/// Returns whether a block of an answer is sent back: not half a call, nor unsealed reasoning.
fn can_be_sent_back(block: &ContentBlock, is_finished: bool) -> bool {
    match block {
        ContentBlock::ToolUse(call) => is_finished || call.partial_json.is_none(),
        ContentBlock::Thinking(thinking) => !thinking.signature.is_empty(),
        ContentBlock::Unknown(block) => block.get("partial_json").is_none(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn messages(turns: &[SavedTurn]) -> Value {
        let line: Vec<&SavedTurn> = turns.iter().collect();
        serde_json::to_value(up_to(&line, usize::MAX).expect("there is no limit"))
            .expect("messages are JSON")
    }

    fn up_to(line: &[&SavedTurn], most: usize) -> Result<Vec<InputMessage>, TooLong> {
        let nowhere = Path::new("/nowhere");
        let blobs = BlobStore::for_conversation(nowhere, "x");
        to_messages(line, nowhere, &blobs, most).map(|history| history.messages)
    }

    #[test]
    fn a_line_that_takes_too_much_is_not_read_to_its_end() {
        let turns = [user("hello"), user("my"), user("world")];
        let line: Vec<&SavedTurn> = turns.iter().collect();
        assert_eq!(up_to(&line, 12).expect("it has 12 bytes").len(), 3);
        let too_long = up_to(&line, 4).expect_err("it has more");
        let stored = |turn: &SavedTurn| turn.stored_bytes();
        assert_eq!(
            too_long.bytes,
            "hello".len() + stored(&turns[1]) + stored(&turns[2])
        );
    }

    fn user(text: &str) -> SavedTurn {
        SavedTurn::sample(Role::User, &json!([{"type": "text", "text": text}]))
    }

    #[test]
    fn an_interrupted_answer_has_neither_half_a_call_nor_unsealed_thinking() {
        let answer = json!([
            {"type": "thinking", "thinking": "hm", "signature": ""},
            {"type": "text", "text": "said"},
            {"type": "tool_use", "id": "t1", "name": "f", "input": {}, "partial_json": "{\"a"},
        ]);
        let mut answer = SavedTurn::sample(Role::Assistant, &answer);
        let expected =
            json!([{"role": "user", "content": "a"}, {"role": "assistant", "content": "said"}]);
        assert_eq!(messages(&[user("a"), answer.clone()]), expected);
        answer.stop_reason = Some(StopReason::ToolUse);
        let finished = messages(&[user("a"), answer]);
        assert_eq!(finished[1]["content"][1]["partial_json"], "{\"a");
    }

    #[test]
    fn the_user_begins() {
        let answer = SavedTurn::sample(Role::Assistant, &json!([{"type": "text", "text": "x"}]));
        let expected = json!([{"role": "user", "content": "a"}]);
        assert_eq!(messages(&[answer, user("a")]), expected);
    }

    #[test]
    fn a_sentence_stands_for_each_result_that_the_api_refused() {
        let result = |content: &str| {
            json!([
                {"type": "tool_result", "tool_use_id": "t1", "content": content},
                {"type": "text", "text": "and this"},
            ])
        };
        let mut results = SavedTurn::sample(Role::User, &result("ok"));
        assert_eq!(messages(&[results.clone()])[0]["content"], result("ok"));
        results.is_refused = true;
        assert_eq!(messages(&[results])[0]["content"], result(RESULT_LEFT_OUT));
    }
}
