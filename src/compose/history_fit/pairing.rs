//! Tool calls and their results: every call has one result at the beginning of the next message,
//! every result has a call before it, and no two calls have the same id.

use std::collections::BTreeSet;

use serde_json::Value;

use super::block_fit::acceptable_id;
use crate::model_text::{CONVERSATION_INTERRUPTED, arguments_are_no_object};
use crate::protocol::{ContentBlock, InputMessage, Role, ToolResult, ToolUse, UnknownFields};

/// The tool through which an answer is forced into a form. No other request has it, so what it was
/// called with is text.
const FORM: &str = "answer";

/// A call of the message before.
struct OpenCall {
    /// The id that its result names.
    given_id: String,
    /// The id that is sent.
    sent_id: String,
    /// Arguments that are not a JSON object.
    broken: Option<String>,
}

/// Pairs the calls of messages whose roles alternate with their results.
pub(super) fn pair_calls(messages: &mut Vec<InputMessage>) {
    structured_answers_to_text(messages);
    let mut used = BTreeSet::new();
    let mut open: Vec<OpenCall> = Vec::new();
    for message in messages.iter_mut() {
        if message.role == Role::Assistant {
            let calls = message.content.iter_mut().filter_map(as_call);
            open = calls.map(|call| open_call(call, &mut used)).collect();
        } else {
            answer_calls(&mut message.content, std::mem::take(&mut open));
        }
    }
    let results: Vec<ContentBlock> = open.iter().map(not_run).collect();
    if !results.is_empty() {
        messages.push(InputMessage {
            role: Role::User,
            content: results,
        });
    }
    messages.retain(|message| !message.content.is_empty());
}

fn as_call(block: &mut ContentBlock) -> Option<&mut ToolUse> {
    if let ContentBlock::ToolUse(call) = block {
        Some(call)
    } else {
        None
    }
}

/// Sets the arguments and the id with which a call is sent. Servers that imitate the API may
/// use an id again in every answer.
fn open_call(call: &mut ToolUse, used: &mut BTreeSet<String>) -> OpenCall {
    let given_id = call.id.clone();
    let base = match acceptable_id(&given_id) {
        id if id.is_empty() => "toolu".to_owned(),
        id => id,
    };
    let mut sent_id = base.clone();
    let mut number = 2;
    while !used.insert(sent_id.clone()) {
        sent_id = format!("{base}_{number}");
        number += 1;
    }
    call.id.clone_from(&sent_id);
    OpenCall {
        given_id,
        sent_id,
        broken: call.partial_json.take(),
    }
}

/// Puts the results of these calls first, one for each; results of other calls are left out.
fn answer_calls(content: &mut Vec<ContentBlock>, open: Vec<OpenCall>) {
    let mut open: Vec<Option<OpenCall>> = open.into_iter().map(Some).collect();
    let (mut results, mut others) = (Vec::new(), Vec::with_capacity(content.len()));
    for block in std::mem::take(content) {
        let ContentBlock::ToolResult(mut result) = block else {
            others.push(block);
            continue;
        };
        let is_of_call = |call: &&mut Option<OpenCall>| {
            call.as_ref()
                .is_some_and(|call| is_result_of(&result, call))
        };
        if let Some(call) = open.iter_mut().find(is_of_call).and_then(Option::take) {
            result.tool_use_id = call.sent_id;
            results.push(ContentBlock::ToolResult(result));
        }
    }
    content.extend(open.iter().flatten().map(not_run));
    content.append(&mut results);
    content.append(&mut others);
}

fn is_result_of(result: &ToolResult, call: &OpenCall) -> bool {
    result.tool_use_id == call.given_id
}

/// Returns the result of a call that has none.
fn not_run(call: &OpenCall) -> ContentBlock {
    let why = call.broken.as_deref().map_or_else(
        || CONVERSATION_INTERRUPTED.to_owned(),
        arguments_are_no_object,
    );
    ContentBlock::ToolResult(ToolResult {
        tool_use_id: call.sent_id.clone(),
        content: Some(Value::from(why).into()),
        is_error: Some(true),
        extra: UnknownFields::default(),
    })
}

/// Converts structured answers that are stored as tool calls into text: a killed process left them
/// so, or an earlier version wrote them.
fn structured_answers_to_text(messages: &mut [InputMessage]) {
    for place in 0..messages.len() {
        let (until, behind) = messages.split_at_mut(place + 1);
        let [ContentBlock::ToolUse(call)] = until[place].content.as_slice() else {
            continue;
        };
        let is_answered = behind.first().is_some_and(|next| {
            next.content.iter().any(
                |block| matches!(block, ContentBlock::ToolResult(result) if result.tool_use_id == call.id),
            )
        });
        if call.name == FORM && call.partial_json.is_none() && !is_answered {
            until[place].content = vec![ContentBlock::text(call.input.to_string())];
        }
    }
}

/// Returns the first call or result of messages from a file that has no counterpart, as the indexes
/// of its message and block, and what is wrong. Messages of one role in a row count as one.
pub(super) fn find_unpaired(messages: &[InputMessage]) -> Option<(usize, usize, String)> {
    let mut open: Vec<(&str, usize, usize)> = Vec::new();
    let mut answered: Vec<&str> = Vec::new();
    let mut role = Role::User;
    for (index, message) in messages.iter().enumerate() {
        if message.role == Role::Assistant && role == Role::User {
            if let Some(unanswered) = open.first() {
                return Some(without_result(unanswered));
            }
            answered.clear();
        }
        role = message.role;
        for (place, block) in message.content.iter().enumerate() {
            match block {
                ContentBlock::ToolUse(call) if role == Role::Assistant => {
                    open.push((&call.id, index, place));
                }
                ContentBlock::ToolResult(result) if role == Role::User => {
                    let id = result.tool_use_id.as_str();
                    if let Some(found) = open.iter().position(|(call, ..)| *call == id) {
                        open.remove(found);
                        answered.push(id);
                    } else if answered.contains(&id) {
                        let why = format!("it is the second tool_result for the call `{id}`");
                        return Some((index, place, why));
                    } else {
                        let why = format!(
                            "the tool_result is for the call `{id}`, which is not in the \
                             previous message"
                        );
                        return Some((index, place, why));
                    }
                }
                _ => {} // No part of a call.
            }
        }
    }
    open.first().map(without_result)
}

fn without_result((id, index, place): &(&str, usize, usize)) -> (usize, usize, String) {
    let why = format!("the tool_use `{id}` has no tool_result in the next message");
    (*index, *place, why)
}
