//! The text of the answers: short Markdown that describes itself and quotes its input.

use super::AnswerBlock;
use super::prompt::{self, quote_line};
use crate::demo::ask::{BlockContent, ParsedRequest, TurnRole};
use crate::text::counted;

/// Sample code by the language that a prompt names; the first is for a prompt that names none.
const CODE: &[(&str, &str)] = &[
    ("sh", "echo 'a scripted answer'"),
    ("bash", "echo 'a scripted answer'"),
    ("python", "print('a scripted answer')"),
    (
        "rust",
        "fn main() {\n    println!(\"a scripted answer\");\n}",
    ),
    ("javascript", "console.log('a scripted answer');"),
    ("json", "{ \"answer\": \"scripted\" }"),
];

/// The answer to a prompt that mentions Markdown: a sample of every element, to look at on a
/// terminal.
const TOUR: &str = include_str!("tour.md");

/// Returns the complete text for a request.
pub(super) fn full_text(ask: &ParsedRequest<'_>) -> String {
    let results = quote_results(ask);
    if !results.is_empty() {
        let calls = counted(results.len(), "tool call");
        return format!(
            "This is a scripted answer, made from {calls}:\n\n- {}",
            results.join("\n- ")
        );
    }
    let words = prompt::words_asked(ask);
    let mut parts = vec![format!(
        "This is a scripted answer instead of one from `{}`; no model was asked.",
        ask.model
    )];
    if !words.trim().is_empty() {
        parts.push(format!("You asked: “{}”", quote_line(&words)));
    }
    let items = describe_input(ask);
    if !items.is_empty() {
        parts.push(format!("With it came:\n\n- {}", items.join("\n- ")));
    }
    if words.contains("```") || has_word(&words, "code") {
        let (language, code) = CODE
            .iter()
            .find(|(language, _)| has_word(&words, language))
            .unwrap_or(&CODE[0]);
        parts.push(format!("Here is some code:\n\n```{language}\n{code}\n```"));
    }
    if has_word(&words, "Markdown") {
        parts.push(TOUR.trim_end().to_owned());
    }
    parts.join("\n\n")
}

/// Returns the rest of `text` after `prefill`.
pub(super) fn continue_prefill(text: &str, prefill: &str, ask: &ParsedRequest<'_>) -> String {
    if let Some(rest) = text.strip_prefix(prefill) {
        return rest.to_owned();
    }
    if prefill.trim() == "{" {
        // The most common prefill asks for JSON, and a script that reads the answer needs it to be
        // complete.
        let asked = serde_json::Value::from(quote_line(&prompt::words_asked(ask)));
        return format!("\"scripted\": true, \"prompt\": {asked}}}");
    }
    format!(" … and the scripted answer continues.\n\n{text}")
}

/// Returns the thinking for a request.
pub(super) fn thinking_text(ask: &ParsedRequest<'_>) -> String {
    let words = counted(prompt::words_asked(ask).split_whitespace().count(), "word");
    let attachments = counted(prompt::describe_attachments(ask).len(), "attachment");
    format!(
        "The prompt has {words} and {attachments}. There is no model here to think about it, so a \
         script answers."
    )
}

/// Returns the text before a voluntary call.
pub(super) fn announce_calls(calls: &[AnswerBlock]) -> String {
    let names: Vec<String> = calls
        .iter()
        .filter_map(|call| match call {
            AnswerBlock::ToolUse { name, .. } => Some(format!("`{name}`")),
            AnswerBlock::Text(_) | AnswerBlock::Thinking { .. } => None,
        })
        .collect();
    format!("The script calls {}.", names.join(" and "))
}

/// Returns whether `text` contains `word` as a whole word, ignoring case.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    let inside = |char: char| char.is_alphanumeric() || char == '_' || char == '-';
    text.split(|char| !inside(char))
        .any(|part| part.eq_ignore_ascii_case(word))
}

/// Describes the rest of the input: attachments, system prompt, earlier turns.
fn describe_input(ask: &ParsedRequest<'_>) -> Vec<String> {
    let mut items = prompt::describe_attachments(ask);
    let system = ask.system_text();
    if !system.trim().is_empty() {
        items.push(format!("a system prompt: “{}”", quote_line(&system)));
    }
    let turns = ask
        .turns
        .iter()
        .filter(|turn| turn.role == TurnRole::User)
        .count();
    if turns > 1 {
        items.push(format!(
            "the conversation so far: this is turn {turns} of it"
        ));
    }
    items
}

/// Quotes the tool results of the last user turn, each with the name of its tool.
fn quote_results(ask: &ParsedRequest<'_>) -> Vec<String> {
    let name_of = |wanted: &str| {
        ask.blocks().find_map(|block| match block.content {
            BlockContent::ToolUse { id, name, .. } if id == wanted => Some(name),
            _ => None,
        })
    };
    let line = |content: &BlockContent<'_>| {
        let BlockContent::ToolResult {
            id,
            is_error,
            content,
        } = content
        else {
            return None;
        };
        let texts: Vec<&str> = content
            .iter()
            .flat_map(BlockContent::texts)
            .copied()
            .collect();
        let quote = if texts.is_empty() {
            "nothing as text".to_owned()
        } else {
            quote_line(&texts.join("\n"))
        };
        let failed = if *is_error { " failed" } else { "" };
        Some(format!("`{}`{failed}: {quote}", name_of(id).unwrap_or(id)))
    };
    ask.last_user_turn()
        .iter()
        .filter_map(|block| line(&block.content))
        .collect()
}
