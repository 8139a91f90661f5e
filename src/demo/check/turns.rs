//! Checks how the blocks of a conversation relate to each other: who begins, what may be empty,
//! which result belongs to which call.

use std::collections::HashSet;

use super::field::refusal_at;
use crate::demo::ask::{
    BlockContent, ParsedRequest, PlacedBlock, RequestTurn, ThinkingMode, TurnRole,
};
use crate::demo::attachment::ImageInfo;
use crate::demo::refusal::Refusal;

/// With more images than this in a request, each has stricter limits on its size.
const MANY_IMAGES: usize = 20;

/// The maximum side in pixels in a request with many images.
const MANY_IMAGES_SIDE: usize = 2000;

/// The maximum number of images in a request to a model with a long context.
const MAX_IMAGES: usize = 600;

/// The maximum number of images in a request to another model.
const MAX_IMAGES_OF_SHORT_CONTEXT: usize = 100;

/// The length of a long context, in tokens.
const LONG_CONTEXT: usize = 1_000_000;

/// Checks the conversation of a request.
///
/// Source: the API reference, `api/messages`; the message that a conversation with calls needs
/// tools is the API's, as recorded in `BerriAI/litellm`.
pub(super) fn check_turns(ask: &ParsedRequest<'_>) -> Result<(), Refusal> {
    if ask
        .turns
        .first()
        .is_none_or(|turn| turn.role != TurnRole::User)
    {
        return Err(Refusal::invalid_request(
            "messages: first message must use the \"user\" role",
        ));
    }
    check_prefill(ask)?;
    for turn in &ask.turns {
        check_roles(turn)?;
    }
    check_pairing(&ask.turns)?;
    let called = |block: &PlacedBlock<'_>| {
        matches!(
            block.content,
            BlockContent::ToolUse { .. } | BlockContent::ToolResult { .. }
        )
    };
    if ask.tools.is_empty() && ask.blocks().any(called) {
        return Err(Refusal::invalid_request(
            "tools: Requests which include `tool_use` or `tool_result` blocks must define tools",
        ));
    }
    check_images(ask)
}

/// Checks the prefill, if the request has one.
///
/// Source: Anthropic's migration guide, `about-claude/models/migration-guide`, on prefill.
fn check_prefill(ask: &ParsedRequest<'_>) -> Result<(), Refusal> {
    let Some(prefill) = ask.prefill() else {
        return Ok(());
    };
    if !ask.rules.has_prefill {
        return Err(Refusal::invalid_request(
            "This model does not support assistant message prefill. The conversation must end \
             with a user message.",
        ));
    }
    if prefill.ends_with(char::is_whitespace) {
        return Err(refusal_at(
            "messages",
            "final assistant content cannot end with trailing whitespace",
        ));
    }
    if ask.thinking != ThinkingMode::Off {
        return Err(refusal_at(
            "messages",
            "the final message cannot be from the assistant when thinking is enabled",
        ));
    }
    Ok(())
}

/// Checks that each block is allowed for its role.
///
/// Source: the API reference; the wording for an attachment in an answer is the API's, as recorded
/// in several clients.
fn check_roles(turn: &RequestTurn<'_>) -> Result<(), Refusal> {
    for block in &turn.blocks {
        let (name, side, role) = match block.content {
            BlockContent::ToolUse { .. } => ("tool_use", "assistant", TurnRole::Assistant),
            BlockContent::Thinking { .. } => ("thinking", "assistant", TurnRole::Assistant),
            BlockContent::RedactedThinking(_) => {
                ("redacted_thinking", "assistant", TurnRole::Assistant)
            }
            BlockContent::ToolResult { .. } => ("tool_result", "user", TurnRole::User),
            BlockContent::Image(_) => ("image", "user", TurnRole::User),
            BlockContent::Document(_) => ("document", "user", TurnRole::User),
            BlockContent::SearchResult(_) => ("search_result", "user", TurnRole::User),
            BlockContent::Text(_) => continue,
        };
        if turn.role != role && turn.role == TurnRole::Assistant && name != "tool_result" {
            return Err(refusal_at(
                &format!("messages.{}.content", block.message),
                &format!("'{name}' blocks are not permitted within assistant turns"),
            ));
        }
        if turn.role != role {
            let path = format!("messages.{}.content.{}", block.message, block.index);
            return Err(refusal_at(
                &path,
                &format!("`{name}` blocks can only be in `{side}` messages"),
            ));
        }
    }
    Ok(())
}

/// Checks that every call has its result at the start of the next turn, and every result its call
/// in the turn before.
///
/// Source: Anthropic's page `agents-and-tools/tool-use/implement-tool-use`, on results.
fn check_pairing(turns: &[RequestTurn<'_>]) -> Result<(), Refusal> {
    let mut seen = HashSet::new();
    for (index, turn) in turns.iter().enumerate() {
        let next = turns.get(index + 1).map_or(&[][..], |next| &next.blocks);
        let answered: Vec<&str> = next
            .iter()
            .map_while(|block| result_id(&block.content))
            .collect();
        let mut open = Vec::new();
        for block in &turn.blocks {
            let BlockContent::ToolUse { id, .. } = block.content else {
                continue;
            };
            if !seen.insert(id) {
                let path = format!("messages.{}.content.{}", block.message, block.index);
                return Err(refusal_at(&path, "`tool_use` ids must be unique"));
            }
            if !answered.contains(&id) {
                open.push(id);
            }
        }
        if let (Some(block), false) = (turn.blocks.last(), open.is_empty()) {
            return Err(refusal_at(
                &format!("messages.{}", block.message),
                &format!(
                    "`tool_use` ids were found without `tool_result` blocks immediately after: \
                     {}. Each `tool_use` \
                     block must have a corresponding `tool_result` block in the next message.",
                    open.join(", ")
                ),
            ));
        }
        let before = index
            .checked_sub(1)
            .map_or(&[][..], |before| &turns[before].blocks);
        check_results(turn, before)?;
    }
    Ok(())
}

fn check_results(turn: &RequestTurn<'_>, before: &[PlacedBlock<'_>]) -> Result<(), Refusal> {
    let mut seen = HashSet::new();
    for block in &turn.blocks {
        let Some(id) = result_id(&block.content) else {
            continue;
        };
        let path = format!("messages.{}.content.{}", block.message, block.index);
        if !before.iter().any(
            |call| matches!(call.content, BlockContent::ToolUse { id: called, .. } if called == id),
        ) {
            return Err(refusal_at(
                &path,
                &format!(
                    "unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each \
                     `tool_result` block must have \
                     a corresponding `tool_use` block in the previous message."
                ),
            ));
        }
        if !seen.insert(id) {
            let message = "each tool_use must have a single result. Found multiple `tool_result` \
                           blocks with id";
            return Err(refusal_at(&path, &format!("{message}: {id}")));
        }
    }
    Ok(())
}

fn result_id<'a>(content: &BlockContent<'a>) -> Option<&'a str> {
    match content {
        BlockContent::ToolResult { id, .. } => Some(id),
        _ => None,
    }
}

/// Checks the number of images, including those in tool results, and the size limit that depends on
/// it.
///
/// Source: Anthropic's page `build-with-claude/vision`; that an image in a tool result counts, and
/// is refused again in every later turn, is in `anthropics/claude-code#1747` and
/// `QwenLM/qwen-code#9291`.
fn check_images(ask: &ParsedRequest<'_>) -> Result<(), Refusal> {
    let images: Vec<(String, &ImageInfo<'_>)> = ask.blocks().flat_map(placed_images).collect();
    let most = if ask.rules.context_tokens >= LONG_CONTEXT {
        MAX_IMAGES
    } else {
        MAX_IMAGES_OF_SHORT_CONTEXT
    };
    if images.len() > most {
        return Err(refusal_at(
            "messages",
            &format!("too many images: {} > {most}", images.len()),
        ));
    }
    let large = images
        .iter()
        .find(|(_, image)| image.width.max(image.height) > MANY_IMAGES_SIDE);
    match large {
        Some((path, _)) if images.len() > MANY_IMAGES => Err(refusal_at(
            &format!("{path}.image.source.base64.data"),
            "At least one of the image dimensions exceed max allowed size for many-image \
             requests: 2000 pixels",
        )),
        _ => Ok(()),
    }
}

/// Returns the images of a block, each with its path.
fn placed_images<'a>(block: &'a PlacedBlock<'_>) -> Vec<(String, &'a ImageInfo<'a>)> {
    let path = format!("messages.{}.content.{}", block.message, block.index);
    match &block.content {
        BlockContent::Image(image) => vec![(path, image)],
        BlockContent::ToolResult { content, .. } => {
            let inner = content.iter().enumerate();
            let images = inner.filter_map(|(index, content)| match content {
                BlockContent::Image(image) => {
                    Some((format!("{path}.tool_result.content.{index}"), image))
                }
                _ => None,
            });
            images.collect()
        }
        _ => Vec::new(),
    }
}
