//! Tool calls and their results as text, for requests without tools: the API refuses calls in their
//! history.

use crate::protocol::{ContentBlock, InputMessage, ToolResult, ToolUse};

/// Whether a history contains tool calls or results.
pub(crate) fn has_calls(messages: &[InputMessage]) -> bool {
    let is_call = |block: &ContentBlock| {
        matches!(
            block,
            ContentBlock::ToolUse(_) | ContentBlock::ToolResult(_)
        )
    };
    messages
        .iter()
        .any(|message| message.content.iter().any(is_call))
}

/// Turns every call and every result into text. Images in results stay images. Thinking is removed
/// from messages that change, because the API refuses it next to anything but the content it was
/// made for.
pub(crate) fn calls_as_text(messages: &mut [InputMessage]) {
    let mut names: Vec<(String, String)> = Vec::new();
    for message in messages {
        if !has_calls(std::slice::from_ref(message)) {
            continue;
        }
        let mut content = Vec::with_capacity(message.content.len());
        for block in std::mem::take(&mut message.content) {
            match block {
                ContentBlock::ToolUse(call) => {
                    content.push(ContentBlock::text(call_text(&call)));
                    names.push((call.id, call.name));
                }
                ContentBlock::ToolResult(result) => {
                    let name = names.iter().rfind(|(id, _)| *id == result.tool_use_id);
                    let name = name.map_or("a tool", |(_, name)| name);
                    content.extend(result_blocks(name, &result));
                }
                ContentBlock::Thinking(_) | ContentBlock::RedactedThinking(_) => {}
                other => content.push(other),
            }
        }
        message.content = content;
    }
}

fn call_text(call: &ToolUse) -> String {
    format!("[called {} with {}]", call.name, call.arguments())
}

fn result_blocks(name: &str, result: &ToolResult) -> Vec<ContentBlock> {
    let failed = if result.is_error == Some(true) {
        " failed"
    } else {
        ""
    };
    let mut text = String::new();
    let mut others = Vec::new();
    let content = result.content.clone().unwrap_or_default();
    if let Some(content) = content.as_str() {
        text.push_str(content);
    }
    for block in content.items() {
        match block.read_as() {
            Ok(ContentBlock::Text(part)) => text.push_str(&part.text),
            Ok(block @ (ContentBlock::Image(_) | ContentBlock::Document(_))) => {
                others.push(block);
            }
            // A block of any other kind is shown as JSON.
            Ok(_) | Err(_) => text.push_str(&block.to_string()),
        }
    }
    let mut blocks = vec![ContentBlock::text(format!(
        "[result of {name}{failed}: {text}]"
    ))];
    blocks.extend(others);
    blocks
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::input::Conversation;

    #[test]
    fn calls_and_results_become_text_and_pictures_stay() {
        let image = json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="}});
        let given = json!([
            {"role": "user", "content": "q"},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "t", "signature": "s"},
                {"type": "text", "text": "Look."},
                {"type": "tool_use", "id": "1", "name": "look_up", "input": {"n": 1}},
                {"type": "tool_use", "id": "2", "name": "draw", "input": {}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "1", "content": "no such thing",
                 "is_error": true},
                {"type": "tool_result", "tool_use_id": "2",
                 "content": [{"type": "text", "text": "here"}, image]},
                {"type": "tool_result", "tool_use_id": "9"},
            ]},
        ]);
        let mut conversation =
            Conversation::parse("c.json", &given.to_string()).expect("a conversation");
        assert!(has_calls(&conversation.messages));
        calls_as_text(&mut conversation.messages);
        assert!(!has_calls(&conversation.messages));
        let text = |text: &str| json!({"type": "text", "text": text});
        assert_eq!(
            serde_json::to_value(&conversation.messages).expect("JSON"),
            json!([
                {"role": "user", "content": "q"},
                {"role": "assistant", "content": [
                    text("Look."), text("[called look_up with {\"n\":1}]"),
                    text("[called draw with {}]"),
                ]},
                {"role": "user", "content": [
                    text("[result of look_up failed: no such thing]"), text("[result of draw: here]"),
                    image, text("[result of a tool: ]"),
                ]},
            ])
        );
    }
}
