//! Exporting a conversation: Markdown for reading, and an object for programs.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Value, json};

use super::conversation::SavedConversation;
use super::record::{LeftOut, SavedTurn};
use crate::model_text::is_continue_request;
use crate::protocol::{ContentBlock, ExactJson, Role, Source, StopReason, Usage};

/// What is shown of a message that the user has not written.
const CONTINUED: &str = "*[continue the answer]*";

/// Returns the conversation as Markdown, with a heading for each change of roles. Turns that are
/// not sent again and interrupted ones are marked as such.
pub(crate) fn conversation_markdown(conversation: &SavedConversation) -> String {
    markdown_pieces(conversation).collect()
}

/// Returns the same in pieces: the title, then a turn at a time. Each turn may have megabytes.
pub(crate) fn markdown_pieces(
    conversation: &SavedConversation,
) -> impl Iterator<Item = String> + '_ {
    let title = format!("# {}\n", conversation.title());
    let summarised = conversation.summarised_turns();
    let mut last = String::new();
    let turns = conversation.branch_with_left_out().into_iter();
    let turns = turns.map(move |turn| {
        let heading = turn_heading(turn, summarised.contains(turn.id.as_str()));
        let mut text = String::new();
        if last != heading {
            text.push_str(&heading);
        }
        for block in turn.content.blocks(conversation.path()) {
            let shown = match &block {
                ContentBlock::Text(text) if is_continue_request(&text.text) => {
                    Cow::Borrowed(CONTINUED)
                }
                block => block_markdown(block),
            };
            if !shown.is_empty() {
                text.push('\n');
                text.push_str(shown.trim_end_matches('\n'));
                text.push('\n');
            }
        }
        if turn.partial {
            text.push_str("\n*[the answer was interrupted here]*\n");
        }
        last = heading;
        text
    });
    std::iter::once(title).chain(turns)
}

fn turn_heading(turn: &SavedTurn, is_summarised: bool) -> String {
    let who = match turn.role {
        Role::User => "You",
        Role::Assistant => turn.model.as_deref().unwrap_or("Assistant"),
    };
    let mark = match turn.left_out {
        None if is_summarised => " (summarised; not sent again)",
        None => "",
        Some(LeftOut::Refused) => " (refused; not sent again)",
        Some(LeftOut::Unanswered) => " (not answered; not sent again)",
        Some(LeftOut::Unknown) => " (not sent again)",
    };
    format!("\n## {who}{mark}\n")
}

fn block_markdown(block: &ContentBlock) -> Cow<'_, str> {
    let written = match block {
        ContentBlock::Text(text) => return Cow::Borrowed(&text.text),
        ContentBlock::Image(media) => file_label(&media.source, "image"),
        ContentBlock::Document(media) => file_label(&media.source, "document"),
        ContentBlock::ToolUse(call) => {
            fenced_block(&format!("call {}", call.name), &call.arguments())
        }
        ContentBlock::ToolResult(result) => {
            fenced_block("result", &text_of(result.content.as_ref()))
        }
        ContentBlock::Thinking(_) | ContentBlock::RedactedThinking(_) => String::new(),
        ContentBlock::Unknown(block) => fenced_block("json", block.text()),
    };
    Cow::Owned(written)
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

fn text_of(content: Option<&ExactJson>) -> String {
    let Some(content) = content else {
        return String::new();
    };
    match &**content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) if blocks.iter().all(|block| block["text"].is_string()) => blocks
            .iter()
            .filter_map(|block| block["text"].as_str())
            .collect::<Vec<_>>()
            .join("\n"),
        _ => content.to_string(),
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

/// The fields of a conversation before its turns.
#[derive(Serialize)]
struct ConversationFields<'c> {
    id: &'c str,
    name: Option<&'c str>,
    title: String,
    begun_at: &'c str,
    path: Cow<'c, str>,
}

/// The fields of a turn before its content.
#[derive(Serialize)]
struct TurnFields<'t> {
    id: &'t str,
    parent: Option<&'t str>,
    role: Role,
    at: &'t str,
    system: Option<&'t str>,
    model: Option<&'t str>,
    stop_reason: Option<&'t StopReason>,
    usage: Option<&'t Usage>,
    partial: bool,
    left_out: Value,
}

/// Returns the conversation as an object, with the turns as they are stored: the pieces of its
/// JSON, a turn at a time, each of which may have megabytes.
pub(crate) fn conversation_json(
    conversation: &SavedConversation,
) -> impl Iterator<Item = String> + '_ {
    let mut begun = fields_json(&ConversationFields {
        id: conversation.id(),
        name: conversation.name(),
        title: conversation.title(),
        begun_at: conversation.begun_at(),
        path: conversation.path().to_string_lossy(),
    });
    begun.push_str(",\"turns\":[");
    let summarised = conversation.summarised_turns();
    let turns = conversation.branch_with_left_out().into_iter().enumerate();
    let turns = turns.map(move |(place, turn)| {
        let is_summarised = summarised.contains(turn.id.as_str());
        let separator = if place > 0 { "," } else { "" };
        let mut json = separator.to_owned() + &turn_fields(turn, is_summarised);
        json.push_str(",\"content\":");
        turn.content.write_json(conversation.path(), &mut json);
        json.push('}');
        json
    });
    std::iter::once(begun)
        .chain(turns)
        .chain(std::iter::once("]}".to_owned()))
}

fn turn_fields(turn: &SavedTurn, is_summarised: bool) -> String {
    fields_json(&TurnFields {
        id: &turn.id,
        parent: turn.parent.as_deref(),
        role: turn.role,
        at: &turn.at,
        system: turn.system.as_deref(),
        model: turn.model.as_deref(),
        stop_reason: turn.stop_reason.as_ref(),
        usage: turn.usage.as_ref(),
        partial: turn.partial,
        left_out: match turn.left_out {
            None if is_summarised => json!("summarised"),
            left_out => json!(left_out),
        },
    })
}

/// Returns the JSON of an object that more fields follow.
fn fields_json<T: Serialize>(fields: &T) -> String {
    let mut json = serde_json::to_string(fields).expect("maps with string keys are always JSON");
    json.pop();
    json
}
