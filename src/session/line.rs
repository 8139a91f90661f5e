//! The turns of a branch, in the form in which they are sent.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::blob::BlobStore;
use super::record::SavedTurn;
use crate::model_text::{CONVERSATION_INTERRUPTED, arguments_are_no_object};
use crate::protocol::{ContentBlock, InputMessage, Role, StopReason, ToolResult};

/// The tool that forces a structured answer. No other request has a tool of this name, so the input
/// of its calls is text.
const FORM: &str = "answer";

/// A turn in a history, as received.
#[derive(Debug)]
pub(crate) struct HistoryTurn {
    /// The role.
    pub(crate) role: Role,
    /// The content.
    pub(crate) content: Vec<ContentBlock>,
    /// Why the model stopped; `None` for a turn of the user or an interrupted one.
    pub(crate) stop_reason: Option<StopReason>,
}

/// Returns saved turns as messages that the API accepts.
pub(super) fn to_messages(line: &[&SavedTurn], blobs: &BlobStore) -> Vec<InputMessage> {
    fit_turns(line.iter().map(|turn| {
        let mut content = parse_blocks(&turn.content);
        blobs.load_content(&mut content);
        HistoryTurn {
            role: turn.role,
            content,
            stop_reason: turn.stop_reason.clone(),
        }
    }))
}

/// Returns turns as messages that the API accepts: alternating roles, the user first, and a result
/// for every call.
pub(crate) fn fit_turns(turns: impl IntoIterator<Item = HistoryTurn>) -> Vec<InputMessage> {
    let mut messages: Vec<InputMessage> = Vec::new();
    let mut broken = Vec::new();
    for turn in turns {
        let is_finished = is_finished(turn.stop_reason.as_ref());
        let mut content = turn.content;
        if turn.role == Role::Assistant {
            content.retain(|block| can_be_sent_back(block, is_finished));
            broken.extend(content.iter_mut().filter_map(take_broken_arguments));
        }
        content.retain(
            |block| !matches!(block, ContentBlock::Text(text) if text.text.trim().is_empty()),
        );
        match messages.last_mut() {
            _ if content.is_empty() => {}
            None if turn.role == Role::Assistant => {}
            Some(last) if last.role == turn.role => last.content.append(&mut content),
            _ => messages.push(InputMessage {
                role: turn.role,
                content,
            }),
        }
    }
    structured_answers_to_text(&mut messages);
    answer_calls(&mut messages, &broken);
    messages
}

/// The arguments of a call that are not a JSON object, and the call's id.
struct BrokenArguments {
    call: String,
    text: String,
}

fn take_broken_arguments(block: &mut ContentBlock) -> Option<BrokenArguments> {
    let ContentBlock::ToolUse(call) = block else {
        return None;
    };
    let text = call.partial_json.take()?;
    Some(BrokenArguments {
        call: call.id.clone(),
        text,
    })
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
    serde_json::from_str(content.get()).unwrap_or_default()
}

/// Returns whether a block of an answer is sent back. Incomplete calls and thinking without a
/// signature are not. A call of a finished answer whose arguments are not an object is sent back
/// with `{}`.
fn can_be_sent_back(block: &ContentBlock, is_finished: bool) -> bool {
    match block {
        ContentBlock::ToolUse(call) => {
            call.input.is_object() && (is_finished || call.partial_json.is_none())
        }
        ContentBlock::Thinking(thinking) => !thinking.signature.is_empty(),
        ContentBlock::Unknown(Value::Object(fields)) => !fields.contains_key("partial_json"),
        _ => true,
    }
}

/// Converts structured answers that are stored as tool calls into text. A killed process or an
/// earlier version may have left them in that form.
fn structured_answers_to_text(messages: &mut [InputMessage]) {
    for place in 0..messages.len() {
        let (until, behind) = messages.split_at_mut(place + 1);
        let [ContentBlock::ToolUse(call)] = until[place].content.as_slice() else {
            continue;
        };
        if call.name == FORM
            && !behind
                .first()
                .is_some_and(|next| has_result_for(&next.content, &call.id))
        {
            until[place].content = vec![ContentBlock::text(call.input.to_string())];
        }
    }
}

/// Ensures that every call has a result at the beginning of the next message, and removes results
/// that have no call before them.
fn answer_calls(messages: &mut Vec<InputMessage>, broken: &[BrokenArguments]) {
    let not_run = |call: &str| not_run(call, broken);
    let mut calls: Vec<String> = Vec::new();
    for message in messages.iter_mut() {
        if message.role == Role::Assistant {
            calls = calls_of(&message.content);
            continue;
        }
        let of_call = |block: &ContentBlock| match block {
            ContentBlock::ToolResult(result) => Some(calls.contains(&result.tool_use_id)),
            _ => None,
        };
        message
            .content
            .retain(|block| of_call(block) != Some(false));
        let has_result = |call: &String| has_result_for(&message.content, call);
        let missing: Vec<ContentBlock> = calls
            .iter()
            .filter(|call| !has_result(call))
            .map(|call| not_run(call))
            .collect();
        message.content.splice(0..0, missing);
        // Results come first.
        message
            .content
            .sort_by_key(|block| !matches!(block, ContentBlock::ToolResult(_)));
        calls.clear();
    }
    messages.retain(|message| !message.content.is_empty());
    if let Some(InputMessage {
        role: Role::Assistant,
        content,
    }) = messages.last()
    {
        let results: Vec<ContentBlock> =
            calls_of(content).iter().map(|call| not_run(call)).collect();
        if !results.is_empty() {
            messages.push(InputMessage {
                role: Role::User,
                content: results,
            });
        }
    }
}

/// Returns whether one of the blocks is the result of the call.
fn has_result_for(content: &[ContentBlock], call_id: &str) -> bool {
    content.iter().any(
        |block| matches!(block, ContentBlock::ToolResult(result) if result.tool_use_id == call_id),
    )
}

fn calls_of(content: &[ContentBlock]) -> Vec<String> {
    let call = |block: &ContentBlock| {
        if let ContentBlock::ToolUse(call) = block {
            Some(call.id.clone())
        } else {
            None
        }
    };
    content.iter().filter_map(call).collect()
}

fn not_run(call: &str, broken: &[BrokenArguments]) -> ContentBlock {
    let broken = broken.iter().find(|broken| broken.call == call);
    let why = broken.map_or_else(
        || CONVERSATION_INTERRUPTED.to_owned(),
        |broken| arguments_are_no_object(&broken.text),
    );
    ContentBlock::ToolResult(ToolResult {
        tool_use_id: call.to_owned(),
        content: Some(Value::from(why)),
        is_error: Some(true),
        extra: serde_json::Map::new(),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;

    fn sent(turns: &[(Role, Value)]) -> Value {
        let turn = |(role, content): &(Role, Value)| SavedTurn::sample(*role, content);
        let turns: Vec<SavedTurn> = turns.iter().map(turn).collect();
        let line: Vec<&SavedTurn> = turns.iter().collect();
        serde_json::to_value(to_messages(
            &line,
            &BlobStore::for_conversation(Path::new("/nowhere"), "x"),
        ))
        .expect("messages are JSON")
    }

    fn text(text: &str) -> Value {
        json!([{"type": "text", "text": text}])
    }

    #[test]
    fn consecutive_turns_of_one_role_are_merged_and_the_user_begins() {
        let turns = [
            (Role::Assistant, text("x")),
            (Role::User, text("a")),
            (Role::User, text("b")),
            (Role::Assistant, text(" ")),
            (Role::Assistant, text("c")),
        ];
        let both = json!([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]);
        let expected =
            json!([{"role": "user", "content": both}, {"role": "assistant", "content": "c"}]);
        assert_eq!(sent(&turns), expected);
    }

    #[test]
    fn an_interrupted_answer_is_sent_as_far_as_the_api_accepts_it() {
        let answer = json!([
            {"type": "thinking", "thinking": "hm", "signature": ""},
            {"type": "text", "text": "said"},
            {"type": "tool_use", "id": "t1", "name": "f", "input": {}, "partial_json": "{\"a"},
        ]);
        let expected =
            json!([{"role": "user", "content": "a"}, {"role": "assistant", "content": "said"}]);
        assert_eq!(
            sent(&[(Role::User, text("a")), (Role::Assistant, answer)]),
            expected
        );
    }

    #[test]
    fn a_structured_answer_is_text_unless_it_has_a_result() {
        let call = json!([{"type": "tool_use", "id": "t1", "name": FORM, "input": {"n": 1}}]);
        let result = json!([{"type": "tool_result", "tool_use_id": "t1", "content": "ok"}]);
        let asked = [(Role::User, text("a")), (Role::Assistant, call.clone())];
        let then = |said: Value| sent(&[asked.to_vec(), vec![(Role::User, said)]].concat());
        assert_eq!(
            sent(&asked)[1],
            json!({"role": "assistant", "content": "{\"n\":1}"})
        );
        assert_eq!(
            then(text("b"))[1],
            json!({"role": "assistant", "content": "{\"n\":1}"})
        );
        assert_eq!(then(result)[1]["content"], call);
    }

    #[test]
    fn every_call_has_a_result_and_every_result_a_call() {
        let call = json!([{"type": "tool_use", "id": "t1", "name": "f", "input": {}}]);
        let result = |id: &str| json!({"type": "tool_result", "tool_use_id": id, "content": "ok"});
        let not_run = json!({
            "type": "tool_result", "tool_use_id": "t1", "content": CONVERSATION_INTERRUPTED, "is_error": true
        });
        let more = json!({"type": "text", "text": "more"});
        let last = |next: &[Value]| {
            let next: Vec<_> = next
                .iter()
                .map(|blocks| (Role::User, json!([blocks])))
                .collect();
            let turns = [
                vec![(Role::User, text("a")), (Role::Assistant, call.clone())],
                next,
            ]
            .concat();
            sent(&turns)[2]["content"].clone()
        };
        assert_eq!(last(&[]), json!([not_run]));
        assert_eq!(
            last(&[result("t1"), more.clone()]),
            json!([result("t1"), more])
        );
        assert_eq!(last(std::slice::from_ref(&more)), json!([not_run, more]));
        assert_eq!(last(&[more.clone(), result("t2")]), json!([not_run, more]));
    }
}
