//! Token estimates: four characters are a token, which is close enough for a script to count by.

use super::ask::{Ask, Content};

/// Characters that make one token.
pub(super) const CHARS_PER_TOKEN: usize = 4;

/// Tokens that each message costs besides its words.
const PER_MESSAGE: usize = 4;

/// Estimates the tokens of a text.
pub(super) fn of_text(text: &str) -> usize {
    text.chars().count().div_ceil(CHARS_PER_TOKEN)
}

/// Estimates the input tokens of a request.
pub(super) fn of_input(ask: &Ask<'_>) -> usize {
    let tools: usize = ask
        .tools
        .iter()
        .map(|tool| of_text(&tool.definition.to_string()))
        .sum();
    let blocks: usize = ask.blocks().map(|block| of_content(&block.content)).sum();
    // A joined turn counts once: whoever splits a message in two does not pay more for it.
    of_text(&ask.system) + tools + blocks + PER_MESSAGE * ask.turns.len()
}

fn of_content(content: &Content<'_>) -> usize {
    match content {
        Content::Text(text) | Content::Thinking(text) => of_text(text),
        Content::Image(image) => image.tokens(),
        Content::Document(document) => document.tokens,
        Content::ToolUse { name, input, .. } => of_text(name) + of_text(&input.to_string()),
        Content::ToolResult { content, .. } => content.iter().map(of_content).sum(),
    }
}
