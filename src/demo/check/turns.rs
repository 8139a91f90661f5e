//! Checks what the blocks of a conversation must be to each other.
//!
//! Who begins, what may be empty, which result answers which call.

use std::collections::HashSet;

use super::field::refusal_at;
use crate::demo::ask::{
    BlockContent, ParsedRequest, PlacedBlock, RequestTurn, ThinkingMode, TurnRole,
};
use crate::demo::refusal::Refusal;

/// More pictures than this in a request, and the sides of each are limited further.
const MANY_IMAGES: usize = 20;

/// The longest side of each of many pictures.
const MANY_IMAGES_SIDE: usize = 2000;

/// The most pictures of a request.
const MAX_IMAGES: usize = 100;

/// Checks the conversation of a request.
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
    check_text_present(ask)?;
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
    check_thinking_returned(ask)?;
    check_images(ask)
}

fn check_text_present(ask: &ParsedRequest<'_>) -> Result<(), Refusal> {
    for text in ask.blocks().filter_map(|block| block.content.text()) {
        if text.is_empty() {
            return Err(refusal_at(
                "messages",
                "text content blocks must be non-empty",
            ));
        }
        if text.trim().is_empty() {
            return Err(refusal_at(
                "messages",
                "text content blocks must contain non-whitespace text",
            ));
        }
    }
    Ok(())
}

/// Checks the beginning of the answer, if the request prescribes one.
fn check_prefill(ask: &ParsedRequest<'_>) -> Result<(), Refusal> {
    let Some(prefill) = ask.prefill() else {
        return Ok(());
    };
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

/// Checks that each block belongs to a role that may send it.
fn check_roles(turn: &RequestTurn<'_>) -> Result<(), Refusal> {
    for block in &turn.blocks {
        let (name, side, role) = match block.content {
            BlockContent::ToolUse { .. } => ("tool_use", "assistant", TurnRole::Assistant),
            BlockContent::Thinking(_) => ("thinking", "assistant", TurnRole::Assistant),
            BlockContent::ToolResult { .. } => ("tool_result", "user", TurnRole::User),
            BlockContent::Text(_) | BlockContent::Image(_) | BlockContent::Document(_) => continue,
        };
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

/// Checks that every call has its result at the head of the next turn, and every result its call in
/// the turn before.
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

/// Checks that a tool turn which continues with thinking still has the thinking that led to its
/// calls.
fn check_thinking_returned(ask: &ParsedRequest<'_>) -> Result<(), Refusal> {
    let [.., turn, last] = ask.turns.as_slice() else {
        return Ok(());
    };
    let goes_on = last
        .blocks
        .iter()
        .any(|block| result_id(&block.content).is_some());
    if ask.thinking == ThinkingMode::Off || !goes_on {
        return Ok(());
    }
    match turn.blocks.first() {
        Some(PlacedBlock {
            content: BlockContent::Thinking(_),
            ..
        })
        | None => Ok(()),
        Some(PlacedBlock {
            message,
            index,
            content,
        }) => Err(refusal_at(
            &format!("messages.{message}.content.{index}.type"),
            &format!(
                "Expected `thinking` or `redacted_thinking`, but found `{}`. When `thinking` is \
                 enabled, a final \
                 `assistant` message must start with a thinking block.",
                if content.text().is_some() {
                    "text"
                } else {
                    "tool_use"
                }
            ),
        )),
    }
}

fn check_images(ask: &ParsedRequest<'_>) -> Result<(), Refusal> {
    let mut images = Vec::new();
    for block in ask.blocks() {
        let inner = match &block.content {
            BlockContent::ToolResult { content, .. } => content.as_slice(),
            content => std::slice::from_ref(content),
        };
        images.extend(inner.iter().filter_map(|content| match content {
            BlockContent::Image(image) => Some((block, image)),
            _ => None,
        }));
    }
    if images.len() > MAX_IMAGES {
        return Err(refusal_at(
            "messages",
            &format!("too many images: {} > {MAX_IMAGES}", images.len()),
        ));
    }
    let large = images
        .iter()
        .find(|(_, image)| image.width.max(image.height) > MANY_IMAGES_SIDE);
    match large {
        Some((block, _)) if images.len() > MANY_IMAGES => Err(refusal_at(
            &format!(
                "messages.{}.content.{}.image.source.base64.data",
                block.message, block.index
            ),
            "At least one of the image dimensions exceed max allowed size for many-image \
             requests: 2000 pixels",
        )),
        _ => Ok(()),
    }
}
