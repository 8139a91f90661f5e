//! The turns of a line of conversation as messages: what was said, without what an interruption
//! left half, and without what the API refused. Whether they can be sent as they are is decided
//! where requests are made.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::blob::BlobStore;
use super::record::SavedTurn;
use crate::model_text::{RESULT_LEFT_OUT, unreadable_content};
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

/// Returns saved turns as messages.
pub(super) fn to_messages(line: &[&SavedTurn], blobs: &BlobStore) -> Vec<InputMessage> {
    history_messages(line.iter().map(|turn| {
        let mut content = parse_blocks(&turn.content);
        blobs.load_content(&mut content);
        HistoryTurn {
            role: turn.role,
            content,
            stop_reason: turn.stop_reason.clone(),
            is_refused: turn.is_refused,
        }
    }))
}

/// Returns turns as messages, one for each that has anything left to say; the first is the user's.
pub(crate) fn history_messages(turns: impl IntoIterator<Item = HistoryTurn>) -> Vec<InputMessage> {
    let message = |turn: HistoryTurn| {
        let mut content = turn.content;
        if turn.role == Role::Assistant {
            let is_finished = is_finished(turn.stop_reason.as_ref());
            content.retain(|block| can_be_sent_back(block, is_finished));
        } else if turn.is_refused {
            content.iter_mut().for_each(leave_out_result);
        }
        InputMessage {
            role: turn.role,
            content,
        }
    };
    turns
        .into_iter()
        .map(message)
        .filter(|message| !message.content.is_empty())
        .skip_while(|message| message.role == Role::Assistant)
        .collect()
}

/// Puts a sentence in the place of a result.
fn leave_out_result(block: &mut ContentBlock) {
    if let ContentBlock::ToolResult(result) = block {
        result.content = Some(Value::from(RESULT_LEFT_OUT));
    }
}

/// Whether the model finished its answer, so that a malformed call is the model's fault.
fn is_finished(stop_reason: Option<&StopReason>) -> bool {
    matches!(
        stop_reason,
        Some(StopReason::ToolUse | StopReason::EndTurn | StopReason::StopSequence)
    )
}

/// Returns the blocks of a turn. A single text block is by far the most common, so it is parsed
/// directly.
pub(super) fn parse_blocks(content: &RawValue) -> Vec<ContentBlock> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct PlainText<'a> {
        #[serde(borrow)]
        r#type: Cow<'a, str>,
        #[serde(borrow)]
        text: Cow<'a, str>,
    }
    if let Ok([text]) = serde_json::from_str::<[PlainText<'_>; 1]>(content.get())
        && text.r#type == "text"
    {
        return vec![ContentBlock::text(text.text)];
    }
    // As with a missing file, a text says what is lost.
    serde_json::from_str(content.get())
        .unwrap_or_else(|error| vec![ContentBlock::text(unreadable_content(&error))])
}

/// Returns whether a block of an answer is sent back: not half a call, nor unsealed reasoning.
fn can_be_sent_back(block: &ContentBlock, is_finished: bool) -> bool {
    match block {
        ContentBlock::ToolUse(call) => is_finished || call.partial_json.is_none(),
        ContentBlock::Thinking(thinking) => !thinking.signature.is_empty(),
        ContentBlock::Unknown(fields) => fields.get("partial_json").is_none(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;

    fn messages(turns: &[SavedTurn]) -> Value {
        let line: Vec<&SavedTurn> = turns.iter().collect();
        serde_json::to_value(to_messages(
            &line,
            &BlobStore::for_conversation(Path::new("/nowhere"), "x"),
        ))
        .expect("messages are JSON")
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
