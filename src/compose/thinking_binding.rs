//! Thinking is bound to what it was made for: the model, the system prompt, the tools and all
//! messages before it. The API refuses a request that brings it back with anything else ("The block
//! is bound to a different conversation"); source: threads about such errors, and Anthropic's page
//! on extended thinking.
//!
//! So an answer's thinking is kept with a hash of what was sent before it, in a field that is never
//! sent. What no longer matches, or has no hash, is left out: the model loses what it thought about
//! an earlier question, but the request is accepted. Inside an open tool turn thinking has to come
//! back unchanged, and does.

use serde::Serialize;
use serde_json::Value;

use crate::client::FingerprintWriter;
use crate::protocol::{ContentBlock, CreateMessage, InputMessage, Message, Role};

/// The field of a thinking block that has the hash.
const SENT_AFTER: &str = "sent_after";

/// Notes in the thinking of an answer which request it answers. The marks of a body for the prompt
/// cache do not count: thinking is not bound to these.
pub(crate) fn bind_thinking(message: &mut Message, request: &CreateMessage) {
    note_hash(message, &prefix_hash(request, &request.messages));
}

fn note_hash(message: &mut Message, hash: &Value) {
    for block in message
        .content
        .iter_mut()
        .filter(|block| block.is_thinking())
    {
        if let Some(fields) = block.extra_mut() {
            fields.insert(SENT_AFTER, hash);
        }
    }
}

/// Removes the hashes from messages that are for other programs: the API would refuse them.
pub(crate) fn remove_hashes(messages: &mut [InputMessage]) {
    for message in messages {
        unbind_thinking(&mut message.content);
    }
}

/// Removes the hashes from an answer.
pub(crate) fn unbind_thinking(content: &mut [ContentBlock]) {
    for block in content.iter_mut().filter(|block| block.is_thinking()) {
        if let Some(fields) = block.extra_mut() {
            fields.shift_remove(SENT_AFTER);
        }
    }
}

/// Leaves out the thinking that belongs to a request other than this one, outside the open tool
/// turn, and takes the hashes out of the rest. Returns whether thinking in the open turn belongs to
/// another one too.
pub(crate) fn leave_out_foreign_thinking(request: &mut CreateMessage) -> bool {
    let open = open_turn(&request.messages);
    let mut is_open_foreign = false;
    let messages = std::mem::take(&mut request.messages);
    for (place, mut message) in messages.into_iter().enumerate() {
        if message.content.iter().any(ContentBlock::is_thinking) {
            let mut foreign = Foreign {
                is_open: place >= open,
                has_bound: false,
            };
            message.content = fitting_blocks(request, message.content, &mut foreign);
            is_open_foreign |= foreign.has_bound;
        }
        push_message(&mut request.messages, message);
    }
    is_open_foreign
}

/// What is known of thinking that was made for something else.
struct Foreign {
    /// Whether it is in the open tool turn, where it is kept.
    is_open: bool,
    /// Whether some of it is kept, although its hash says that it belongs to another request.
    has_bound: bool,
}

/// Appends a message. If nothing is left of the answer before it, it continues the turn of its
/// side.
fn push_message(messages: &mut Vec<InputMessage>, mut message: InputMessage) {
    match messages.last_mut() {
        _ if message.content.is_empty() => {}
        Some(last) if last.role == message.role => last.content.append(&mut message.content),
        _ => messages.push(message),
    }
}

/// Leaves out all thinking outside the open tool turn, and returns whether there was any.
pub(crate) fn leave_out_thinking(request: &mut CreateMessage) -> bool {
    let open = open_turn(&request.messages);
    let mut is_left_out = false;
    for message in &mut request.messages[..open] {
        let before = message.content.len();
        message.content.retain(|block| !block.is_thinking());
        is_left_out |= message.content.len() < before;
    }
    for message in std::mem::take(&mut request.messages) {
        push_message(&mut request.messages, message);
    }
    is_left_out
}

/// Returns the index of the first message of the open tool turn: all that follows the user's last
/// message without results of tools. If no such results await an answer, nothing is open.
pub(crate) fn open_turn(messages: &[InputMessage]) -> usize {
    let is_result = |block: &ContentBlock| matches!(block, ContentBlock::ToolResult(_));
    let has_no_result = |message: &InputMessage| {
        message.role == Role::User && !message.content.iter().any(is_result)
    };
    messages
        .iter()
        .rposition(has_no_result)
        .map_or(0, |place| place + 1)
}

/// Returns the blocks of a message that follows the messages of `request`, without the thinking
/// that was made for something else.
fn fitting_blocks(
    request: &CreateMessage,
    blocks: Vec<ContentBlock>,
    foreign: &mut Foreign,
) -> Vec<ContentBlock> {
    let mut kept: Vec<ContentBlock> = Vec::with_capacity(blocks.len());
    // The hash of the answer that the blocks are of, and whether it fits: an answer that the model
    // paused and another one that continues it are one message.
    let mut answer: Option<(Value, bool)> = None;
    for mut block in blocks {
        if !block.is_thinking() {
            kept.push(block);
            continue;
        }
        let fields = block.extra_mut();
        let hash = fields
            .and_then(|fields| fields.shift_remove(SENT_AFTER))
            .unwrap_or_default();
        let is_bound = !hash.is_null();
        let is_known = answer.as_ref().filter(|(of_answer, _)| *of_answer == hash);
        let fits = if let Some((_, fits)) = is_known {
            *fits
        } else {
            let fits = hash == prefix_hash(request, &with_beginning(request, &kept));
            answer = Some((hash, fits));
            fits
        };
        if fits || foreign.is_open {
            foreign.has_bound |= is_bound && !fits;
            kept.push(block);
        }
    }
    kept
}

/// Returns the messages of a request, followed by the beginning of an answer.
fn with_beginning(request: &CreateMessage, beginning: &[ContentBlock]) -> Vec<InputMessage> {
    let mut messages = request.messages.clone();
    if !beginning.is_empty() {
        messages.push(InputMessage {
            role: Role::Assistant,
            content: beginning.to_vec(),
        });
    }
    messages
}

/// Returns the hash of what thinking behind these messages is bound to.
fn prefix_hash(request: &CreateMessage, messages: &[InputMessage]) -> Value {
    let mut writer = FingerprintWriter::new();
    write_json(&request.model, &mut writer);
    writer.separate();
    write_json(&request.system, &mut writer);
    writer.separate();
    write_json(&request.tools, &mut writer);
    writer.separate();
    // They may have megabytes, and are not written to memory.
    write_json(messages, &mut writer);
    Value::from(writer.finish())
}

fn write_json<T: Serialize + ?Sized>(part: &T, writer: &mut FingerprintWriter) {
    serde_json::to_writer(writer, part).expect("maps with string keys are always JSON");
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::protocol::{ExactFields, SystemPrompt};

    fn request(messages: &[InputMessage]) -> CreateMessage {
        CreateMessage {
            model: "m".to_owned(),
            max_tokens: 5,
            system: None,
            messages: messages.to_vec(),
            fields: ExactFields::default(),
            tools: Vec::new(),
            tool_choice: None,
            stream: true,
        }
    }

    fn said(role: Role, content: &Value) -> InputMessage {
        InputMessage {
            role,
            content: serde_json::from_value(content.clone()).expect("blocks"),
        }
    }

    fn user(text: &str) -> InputMessage {
        said(Role::User, &json!([{"type": "text", "text": text}]))
    }

    /// The answer to a request, with thinking that is bound to it.
    fn answer_to(request: &CreateMessage, rest: &Value) -> InputMessage {
        let thinking = json!({"type": "thinking", "thinking": "hm", "signature": "s"});
        let mut message: Message =
            serde_json::from_value(json!({"content": [thinking, rest]})).expect("a message");
        bind_thinking(&mut message, request);
        InputMessage {
            role: Role::Assistant,
            content: message.content,
        }
    }

    /// How many thinking blocks are sent, after it was checked that no hash is.
    fn sent(mut request: CreateMessage) -> usize {
        leave_out_foreign_thinking(&mut request);
        let json = serde_json::to_string(&request.messages).expect("JSON");
        assert!(!json.contains(SENT_AFTER), "{json}");
        json.matches(r#""type":"thinking""#).count()
    }

    fn text(text: &str) -> Value {
        json!({"type": "text", "text": text})
    }

    fn call() -> Value {
        json!({"type": "tool_use", "id": "1", "name": "t", "input": {}})
    }

    fn result() -> InputMessage {
        let result = json!({"type": "tool_result", "tool_use_id": "1", "content": "42"});
        said(Role::User, &json!([result]))
    }

    #[test]
    fn thinking_stays_behind_what_it_was_made_for_and_nothing_else() {
        let first = request(&[user("a")]);
        let answer = answer_to(&first, &text("b"));
        let history = [user("a"), answer.clone(), user("c")];
        assert_eq!(sent(request(&history)), 1);
        assert_eq!(sent(request(&[user("A"), answer, user("c")])), 0);
        let mut other_model = request(&history);
        other_model.model = "n".to_owned();
        assert_eq!(sent(other_model), 0);
        let mut other_system = request(&history);
        other_system.system = Some(SystemPrompt::from_text("s"));
        assert_eq!(sent(other_system), 0);
    }

    #[test]
    fn thinking_without_a_hash_is_left_out_and_what_follows_it_too() {
        let bare = json!([{"type": "thinking", "thinking": "t", "signature": "s"}, text("b")]);
        let history = [user("a"), said(Role::Assistant, &bare), user("c")];
        assert_eq!(sent(request(&history)), 0);
        let second = answer_to(&request(&history), &text("d"));
        let longer = [&history[..], &[second, user("e")]].concat();
        assert_eq!(sent(request(&longer)), 0);
    }

    #[test]
    fn an_open_tool_turn_keeps_its_thinking() {
        let bare = json!([{"type": "thinking", "thinking": "t", "signature": "s"}, call()]);
        let open = [user("a"), said(Role::Assistant, &bare), result()];
        assert_eq!(sent(request(&open)), 1);
        let mut all = request(&open);
        assert!(!leave_out_thinking(&mut all));
        let closed = [&open[..], &[user("c")]].concat();
        assert_eq!(sent(request(&closed)), 0);
        let mut all = request(&closed);
        assert!(leave_out_thinking(&mut all));
    }

    #[test]
    fn the_answers_of_one_tool_turn_keep_their_thinking_in_later_turns() {
        let one = answer_to(&request(&[user("a")]), &call());
        let unmarked = {
            let mut copy = request(&[user("a"), one.clone(), result()]);
            leave_out_foreign_thinking(&mut copy);
            copy
        };
        let two = answer_to(&unmarked, &text("b"));
        assert_eq!(
            sent(request(&[user("a"), one, result(), two, user("c")])),
            2
        );
    }

    #[test]
    fn an_answer_that_continues_a_paused_one_keeps_its_thinking() {
        let first = answer_to(&request(&[user("a")]), &text("b"));
        let mut paused = request(&[user("a"), first.clone()]);
        // What was sent had no hashes.
        leave_out_foreign_thinking(&mut paused);
        let second = answer_to(&paused, &text("c"));
        let mut both = first;
        both.content.extend(second.content);
        assert_eq!(sent(request(&[user("a"), both, user("d")])), 2);
    }
}
