//! Where a request is marked for the prompt cache: pure.
//!
//! A mark at the end of a prefix has it stored, or read where it is stored already. Marks are put
//! into the request while its body is written and taken out again, so that nothing else has to know
//! of them. They are no part of the prefix: the same conversation is the same bytes to the cache,
//! whether its earlier turns were marked or not.

use crate::protocol::{
    CACHE_CONTROL, CACHE_LOOK_BACK, CacheTtl, ContentBlock, CreateMessage, InputMessage,
    MAX_CACHE_MARKS, Role, UnknownFields,
};

/// How many blocks a turn may add before the end of the one before it is marked too. A stored
/// prefix is found only so many blocks back from a mark; what is kept in hand is for blocks that
/// are counted differently at the other end.
const MAX_ADDED_BLOCKS: usize = CACHE_LOOK_BACK - 5;

/// What a later request is expected to have in common with this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PromptReuse {
    /// All of it: it is continued.
    Conversation,
    /// What is attached to the prompt, with what stands before it.
    Attachments,
    /// A part that ends inside of a message.
    Shared(SharedPrefix),
}

/// The part that the requests of a batch have in common, beside tools and system prompt: all
/// messages before one, and the first blocks of that one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SharedPrefix {
    /// The index of the message in which it ends.
    pub(crate) message: usize,
    /// How many blocks of that message belong to it.
    pub(crate) blocks: usize,
}

impl SharedPrefix {
    /// Returns the messages of the prefix, as far as they belong to it.
    pub(crate) fn messages(self, request: &CreateMessage) -> Vec<InputMessage> {
        let mut messages: Vec<_> = request
            .messages
            .iter()
            .take(self.message + 1)
            .cloned()
            .collect();
        if let Some(last) = messages.get_mut(self.message) {
            last.content.truncate(self.blocks);
        }
        messages.retain(|message| !message.content.is_empty());
        messages
    }
}

/// The end of a prefix that is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MarkPlace {
    /// The last tool.
    Tools,
    /// The last block of the system prompt.
    System,
    /// This block of this message.
    Block { message: usize, block: usize },
}

/// The marks of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CacheMarks {
    /// In the order of the prompt; at most [`MAX_CACHE_MARKS`].
    places: Vec<MarkPlace>,
    ttl: CacheTtl,
}

impl CacheMarks {
    /// Returns no marks.
    pub(crate) fn none() -> Self {
        Self {
            places: Vec::new(),
            ttl: CacheTtl::FiveMinutes,
        }
    }

    /// Chooses the marks of a request: the end of the tools, of the system prompt, and of what a
    /// later request has in common with this one. Where a conversation has grown by many blocks,
    /// the end of the prefix that was marked before is marked again, so that it is found.
    pub(crate) fn for_request(request: &CreateMessage, reuse: PromptReuse, ttl: CacheTtl) -> Self {
        let mut places = Vec::new();
        if !request.tools.is_empty() {
            places.push(MarkPlace::Tools);
        }
        let has_system = |text: &str| !text.trim().is_empty();
        if request
            .system
            .as_ref()
            .is_some_and(|system| has_system(&system.text()))
        {
            places.push(MarkPlace::System);
        }
        let messages = &request.messages;
        let last_user = |messages: &[InputMessage]| {
            let is_user = |message: &InputMessage| message.role == Role::User;
            messages.iter().rposition(is_user)
        };
        if let Some(last) = last_user(messages) {
            let blocks = messages[last].content.len();
            match reuse {
                PromptReuse::Conversation => {
                    let end = last_block(messages, last, blocks);
                    let before = last_user(&messages[..last])
                        .and_then(|place| last_block(messages, place, usize::MAX));
                    if let (Some(before), Some(end)) = (before, end)
                        && blocks_between(messages, before, end) > MAX_ADDED_BLOCKS
                    {
                        places.push(before);
                    }
                    places.extend(end);
                }
                // With nothing attached, the prompt itself is all there is to read again.
                PromptReuse::Attachments => {
                    let attached = blocks.saturating_sub(1).max(1);
                    places.extend(last_block(messages, last, attached));
                }
                PromptReuse::Shared(SharedPrefix { message, blocks }) => {
                    let own = last_block(messages, message, blocks);
                    let place = own.or_else(|| {
                        let before = message.checked_sub(1)?;
                        last_block(messages, before, usize::MAX)
                    });
                    places.extend(place);
                }
            }
        }
        debug_assert!(places.len() <= MAX_CACHE_MARKS);
        Self { places, ttl }
    }

    /// Returns whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Puts the marks into the request that they were chosen for.
    pub(super) fn apply(&self, request: &mut CreateMessage) {
        for place in &self.places {
            if *place == MarkPlace::Tools {
                if let Some(tool) = request.tools.last_mut() {
                    tool.set_field(CACHE_CONTROL, self.ttl.to_json());
                }
            } else if let Some(fields) = fields_at(request, *place) {
                fields.insert(CACHE_CONTROL, &self.ttl.to_json());
            }
        }
    }

    /// Removes the marks again.
    pub(super) fn remove(&self, request: &mut CreateMessage) {
        for place in &self.places {
            if *place == MarkPlace::Tools {
                if let Some(tool) = request.tools.last_mut() {
                    tool.remove_field(CACHE_CONTROL);
                }
            } else if let Some(fields) = fields_at(request, *place) {
                fields.shift_remove(CACHE_CONTROL);
            }
        }
    }
}

/// Returns the fields of a marked block that are not its content.
fn fields_at(request: &mut CreateMessage, place: MarkPlace) -> Option<&mut UnknownFields> {
    match place {
        MarkPlace::Tools => None,
        MarkPlace::System => request.system.as_mut()?.last_extra_mut(),
        MarkPlace::Block { message, block } => request
            .messages
            .get_mut(message)?
            .content
            .get_mut(block)?
            .extra_mut(),
    }
}

/// Returns the place of the last block that may be marked among the first `count` blocks of a
/// message.
fn last_block(messages: &[InputMessage], message: usize, count: usize) -> Option<MarkPlace> {
    let content = &messages.get(message)?.content;
    let block = content[..count.min(content.len())]
        .iter()
        .rposition(may_be_marked)?;
    Some(MarkPlace::Block { message, block })
}

/// Whether the API accepts a mark on a block: not on thinking, nor on empty text. Of blocks of
/// another type nobody knows.
fn may_be_marked(block: &ContentBlock) -> bool {
    match block {
        ContentBlock::Text(text) => !text.text.trim().is_empty(),
        ContentBlock::Image(_)
        | ContentBlock::Document(_)
        | ContentBlock::ToolUse(_)
        | ContentBlock::ToolResult(_) => true,
        ContentBlock::Thinking(_)
        | ContentBlock::RedactedThinking(_)
        | ContentBlock::Unknown(_) => false,
    }
}

/// Counts the blocks after one place, up to and including the other.
fn blocks_between(messages: &[InputMessage], before: MarkPlace, end: MarkPlace) -> usize {
    let position = |place: MarkPlace| match place {
        MarkPlace::Block { message, block } => {
            let earlier = messages[..message].iter();
            earlier.map(|message| message.content.len()).sum::<usize>() + block
        }
        MarkPlace::Tools | MarkPlace::System => 0,
    };
    position(end).saturating_sub(position(before))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::protocol::{ExactFields, SystemPrompt, ToolDefinition};

    fn message(role: Role, blocks: &Value) -> InputMessage {
        InputMessage {
            role,
            content: serde_json::from_value(blocks.clone()).expect("blocks"),
        }
    }

    fn text(text: &str) -> Value {
        json!({"type": "text", "text": text})
    }

    fn request(messages: Vec<InputMessage>) -> CreateMessage {
        let tools = json!([{"name": "a", "input_schema": {}}, {"name": "b", "input_schema": {}}]);
        CreateMessage {
            model: "m".to_owned(),
            max_tokens: 5,
            system: Some(SystemPrompt::from_text("Be brief.")),
            messages,
            fields: ExactFields::default(),
            tools: ToolDefinition::list_from(tools.into()).expect("a list"),
            tool_choice: None,
            stream: true,
        }
    }

    /// Returns the paths of the marks in the body.
    fn marked(request: &mut CreateMessage, reuse: PromptReuse) -> Vec<String> {
        fn collect(value: &Value, path: &str, found: &mut Vec<String>) {
            match value {
                Value::Object(fields) => {
                    for (key, value) in fields {
                        if key == CACHE_CONTROL {
                            found.push(path.trim_start_matches('.').to_owned());
                        } else {
                            collect(value, &format!("{path}.{key}"), found);
                        }
                    }
                }
                Value::Array(items) => {
                    for (index, value) in items.iter().enumerate() {
                        collect(value, &format!("{path}.{index}"), found);
                    }
                }
                _ => {}
            }
        }
        let before = request.clone();
        let marks = CacheMarks::for_request(request, reuse, CacheTtl::OneHour);
        marks.apply(request);
        let body: Value = serde_json::from_slice(&request.to_json(0)).expect("JSON");
        marks.remove(request);
        assert_eq!(*request, before, "the marks are taken out again");
        let mut found = Vec::new();
        collect(&body, "", &mut found);
        assert!(found.len() <= MAX_CACHE_MARKS, "{found:?}");
        found.sort();
        found
    }

    #[test]
    fn a_conversation_is_marked_at_the_end_of_tools_system_and_last_user_message() {
        let mut request = request(vec![
            message(Role::User, &json!([text("q")])),
            message(Role::Assistant, &json!([text("a")])),
            message(Role::User, &json!([text("r"), text("s")])),
        ]);
        let marks = marked(&mut request, PromptReuse::Conversation);
        assert_eq!(marks, ["messages.2.content.1", "system.0", "tools.1"]);
        // What an answer begins with comes after the user's message.
        request
            .messages
            .push(message(Role::Assistant, &json!([text("It")])));
        let marks = marked(&mut request, PromptReuse::Conversation);
        assert_eq!(marks, ["messages.2.content.1", "system.0", "tools.1"]);
    }

    #[test]
    fn a_turn_of_many_blocks_has_the_end_of_the_one_before_it_marked_too() {
        for (calls, expected) in [
            (7, &["messages.2.content.6", "system.0", "tools.1"][..]),
            (
                8,
                &[
                    "messages.0.content.0",
                    "messages.2.content.7",
                    "system.0",
                    "tools.1",
                ],
            ),
            (
                40,
                &[
                    "messages.0.content.0",
                    "messages.2.content.39",
                    "system.0",
                    "tools.1",
                ],
            ),
        ] {
            let call =
                |n| json!({"type": "tool_use", "id": format!("t{n}"), "name": "a", "input": {}});
            let result = |n| json!({"type": "tool_result", "tool_use_id": format!("t{n}")});
            let calls: Vec<usize> = (0..calls).collect();
            let mut request = request(vec![
                message(Role::User, &json!([text("q")])),
                message(Role::Assistant, &calls.iter().map(call).collect()),
                message(Role::User, &calls.iter().map(result).collect()),
            ]);
            let marks = marked(&mut request, PromptReuse::Conversation);
            assert_eq!(marks, expected, "{} calls", calls.len());
        }
    }

    #[test]
    fn a_prompt_sent_once_is_marked_before_the_prompt_itself() {
        let mut request = request(vec![message(
            Role::User,
            &json!([text("file"), text("stdin"), text("prompt")]),
        )]);
        let marks = marked(&mut request, PromptReuse::Attachments);
        assert_eq!(marks, ["messages.0.content.1", "system.0", "tools.1"]);
        request.messages[0].content.truncate(1);
        let marks = marked(&mut request, PromptReuse::Attachments);
        assert_eq!(marks, ["messages.0.content.0", "system.0", "tools.1"]);
    }

    #[test]
    fn a_shared_part_is_marked_at_its_end_even_where_that_is_in_an_earlier_message() {
        let mut request = request(vec![
            message(Role::User, &json!([text("example")])),
            message(Role::Assistant, &json!([text("answer")])),
            message(Role::User, &json!([text("file"), text("item")])),
        ]);
        for (blocks, expected) in [(1, "messages.2.content.0"), (0, "messages.1.content.0")] {
            let shared = SharedPrefix { message: 2, blocks };
            let marks = marked(&mut request, PromptReuse::Shared(shared));
            assert_eq!(marks, [expected, "system.0", "tools.1"]);
        }
        request.messages.drain(..2);
        let shared = SharedPrefix {
            message: 0,
            blocks: 0,
        };
        let marks = marked(&mut request, PromptReuse::Shared(shared));
        assert_eq!(marks, ["system.0", "tools.1"]);
    }

    #[test]
    fn thinking_and_empty_text_are_never_marked() {
        let thinking = json!({"type": "thinking", "thinking": "hm", "signature": "s"});
        let unknown = json!({"type": "new_block"});
        let mut request = request(vec![message(
            Role::User,
            &json!([text("q"), text(" \n"), thinking, unknown]),
        )]);
        request.system = Some(SystemPrompt::from_text(" "));
        let marks = marked(&mut request, PromptReuse::Conversation);
        assert_eq!(marks, ["messages.0.content.0", "tools.1"]);
    }
}
