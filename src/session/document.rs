//! Exporting a conversation: Markdown for reading, and an object for programs.

use serde_json::{Value, json};

use super::conversation::SavedConversation;
use super::line;
use super::record::{LeftOut, SavedTurn};
use crate::protocol::{ContentBlock, ExactFields, ExactJson, Role, Source};

/// Returns the conversation as Markdown, with a heading for each change of roles. Turns that are
/// not sent again and interrupted ones are marked as such.
pub(crate) fn conversation_markdown(conversation: &SavedConversation) -> String {
    let mut text = format!("# {}\n", conversation.title());
    let mut last: Option<&SavedTurn> = None;
    for turn in conversation.branch_with_left_out() {
        if last.is_none_or(|last| {
            last.role != turn.role || last.model != turn.model || last.left_out != turn.left_out
        }) {
            text.push_str(&turn_heading(turn));
        }
        for block in line::parse_blocks(&turn.content) {
            let shown = block_markdown(&block);
            if !shown.is_empty() {
                text.push_str(&format!("\n{}\n", shown.trim_end_matches('\n')));
            }
        }
        if turn.partial {
            text.push_str("\n*[the answer was interrupted here]*\n");
        }
        last = Some(turn);
    }
    text
}

fn turn_heading(turn: &SavedTurn) -> String {
    let who = match turn.role {
        Role::User => "You",
        Role::Assistant => turn.model.as_deref().unwrap_or("Assistant"),
    };
    let mark = match turn.left_out {
        None => "",
        Some(LeftOut::Refused) => " (refused; not sent again)",
        Some(LeftOut::Unanswered) => " (not answered; not sent again)",
        Some(LeftOut::Unknown) => " (not sent again)",
    };
    format!("\n## {who}{mark}\n")
}

fn block_markdown(block: &ContentBlock) -> String {
    match block {
        ContentBlock::Text(text) => text.text.clone(),
        ContentBlock::Image(media) => file_label(&media.source, "image"),
        ContentBlock::Document(media) => file_label(&media.source, "document"),
        ContentBlock::ToolUse(call) => {
            fenced_block(&format!("call {}", call.name), &call.arguments())
        }
        ContentBlock::ToolResult(result) => {
            fenced_block("result", &text_of(result.content.as_ref()))
        }
        ContentBlock::Thinking(_) | ContentBlock::RedactedThinking(_) => String::new(),
        ContentBlock::Unknown(value) => fenced_block("json", &value.to_string()),
    }
}

fn file_label(source: &Source, what: &str) -> String {
    let name = match source {
        Source::Json(source) => source["file"]
            .as_str()
            .or(source["url"].as_str())
            .unwrap_or(what)
            .to_owned(),
        Source::Bytes(_) => what.to_owned(),
    };
    format!("*[{what}: {name}]*")
}

fn text_of(content: Option<&Value>) -> String {
    match content {
        None => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(blocks)) if blocks.iter().all(|block| block["text"].is_string()) => {
            blocks
                .iter()
                .filter_map(|block| block["text"].as_str())
                .collect::<Vec<_>>()
                .join("\n")
        }
        Some(other) => other.to_string(),
    }
}

/// Returns a code block whose fence is longer than any in its text.
fn fenced_block(label: &str, text: &str) -> String {
    let mut fence = "```".to_owned();
    while text.contains(&fence) {
        fence.push('`');
    }
    format!("{fence}{label}\n{}\n{fence}", text.trim_end_matches('\n'))
}

/// Returns the conversation as an object, with the turns as they are stored.
pub(crate) fn conversation_json(conversation: &SavedConversation) -> ExactJson {
    let turn = |turn: &SavedTurn| {
        let mut fields = ExactFields::default();
        fields.insert("id", json!(turn.id));
        fields.insert("parent", json!(turn.parent));
        fields.insert("role", json!(turn.role));
        fields.insert("at", json!(turn.at));
        fields.insert("system", json!(turn.system));
        fields.insert("model", json!(turn.model));
        fields.insert("stop_reason", json!(turn.stop_reason));
        fields.insert("usage", json!(turn.usage));
        fields.insert("partial", json!(turn.partial));
        fields.insert("left_out", json!(turn.left_out));
        fields.insert("content", ExactJson::from_value(&turn.content));
        fields
    };
    let turns: Vec<ExactFields> = conversation
        .branch_with_left_out()
        .into_iter()
        .map(turn)
        .collect();
    let mut fields = ExactFields::default();
    fields.insert("id", json!(conversation.id()));
    fields.insert("name", json!(conversation.name()));
    fields.insert("title", json!(conversation.title()));
    fields.insert("begun_at", json!(conversation.begun_at()));
    fields.insert("path", json!(conversation.path()));
    fields.insert("turns", ExactJson::from_value(&turns));
    ExactJson::from_value(&fields)
}
