//! Checks that thinking is returned unchanged, in the conversation where it was produced.

use super::field::refusal_at;
use crate::demo::ask::{BlockContent, ParsedRequest, PlacedBlock, RequestTurn};
use crate::demo::refusal::Refusal;
use crate::demo::signature::{self, SealMismatch};

/// The API's message about thinking that is altered or missing during a tool turn.
///
/// Source: `build-with-claude/thinking-troubleshooting`.
const MODIFIED: &str = "`thinking` or `redacted_thinking` blocks in the latest assistant message \
                        cannot be modified. These blocks must remain as they were in the original \
                        response.";

/// The API's message about thinking from another conversation; the difference follows.
///
/// Source: `build-with-claude/preserved-thinking`; the wording is in `anomalyco/opencode#48637`.
const BOUND: &str = "Invalid `signature` in `thinking` block. The block is bound to a different \
                     conversation. Remove the block, or set \
                     `thinking.block_binding.prefix_mismatch_behavior` to \"drop_block\". That \
                     setting requires the `thinking-binding-controls-2026-08-01` value in the \
                     `anthropic-beta` header.";

/// Checks every thinking block of a request, and that no required one is missing.
pub(super) fn check_thinking_blocks(ask: &ParsedRequest<'_>) -> Result<(), Refusal> {
    let open_turns = open_tool_turns(ask);
    for turn in &open_turns {
        check_returned(turn)?;
    }
    if let Some(turn) = open_turns.first()
        && ask.has_thinking_budget
    {
        check_first_block(turn)?;
    }
    let mut previous = None;
    for (index, turn) in ask.turns.iter().enumerate() {
        for block in &turn.blocks {
            match block.content {
                BlockContent::Thinking {
                    thinking,
                    signature,
                } => {
                    let seal = ask.seal_before(index, previous);
                    let checked = seal.check(thinking, signature, ask.rules.binding);
                    checked.map_err(|mismatch| {
                        let is_open = open_turns.iter().any(|open| std::ptr::eq(*open, turn));
                        refusal_at(&path_of(block), &mismatch_message(mismatch, is_open))
                    })?;
                    previous = Some(signature);
                }
                // The script never sends one, so it must be from elsewhere.
                BlockContent::RedactedThinking(_) => {
                    return Err(refusal_at(
                        &path_of(block),
                        "Invalid `data` in `redacted_thinking` block",
                    ));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn path_of(block: &PlacedBlock<'_>) -> String {
    format!("messages.{}.content.{}", block.message, block.index)
}

fn mismatch_message(mismatch: SealMismatch, is_open: bool) -> String {
    match mismatch {
        SealMismatch::Altered if is_open => MODIFIED.to_owned(),
        SealMismatch::Altered => "Invalid `signature` in `thinking` block".to_owned(),
        SealMismatch::Elsewhere(sentence) => format!("{BOUND} {sentence}"),
    }
}

/// Returns the answers of the tool turn in progress, latest first.
fn open_tool_turns<'a, 'b>(ask: &'b ParsedRequest<'a>) -> Vec<&'b RequestTurn<'a>> {
    let pairs = ask.turns.rchunks_exact(2);
    pairs
        .take_while(|pair| pair[1].has_results())
        .map(|pair| &pair[0])
        .collect()
}

/// Checks that an answer whose calls followed thinking still has that thinking.
fn check_returned(turn: &RequestTurn<'_>) -> Result<(), Refusal> {
    let has_thinking = |wanted: &str| {
        turn.blocks.iter().any(|block| match block.content {
            BlockContent::Thinking { signature, .. } => signature::call_suffix(signature) == wanted,
            _ => false,
        })
    };
    for block in &turn.blocks {
        if let BlockContent::ToolUse { id, .. } = block.content
            && let Some(suffix) = signature::suffix_of_call(id)
            && !has_thinking(suffix)
        {
            return Err(refusal_at(&path_of(block), MODIFIED));
        }
    }
    Ok(())
}

/// Checks that an answer begins with thinking if thinking has a budget.
///
/// Source: `build-with-claude/extended-thinking`; answers with adaptive thinking need not.
fn check_first_block(turn: &RequestTurn<'_>) -> Result<(), Refusal> {
    let Some(block) = turn.blocks.first() else {
        return Ok(());
    };
    let found = match block.content {
        BlockContent::Thinking { .. } | BlockContent::RedactedThinking(_) => return Ok(()),
        BlockContent::Text(_) => "text",
        _ => "tool_use",
    };
    Err(refusal_at(
        &format!("{}.type", path_of(block)),
        &format!(
            "Expected `thinking` or `redacted_thinking`, but found `{found}`. When `thinking` is \
             enabled, a final `assistant` message must start with a thinking block (preceeding \
             the lastmost set of `tool_use` and `tool_result` blocks)."
        ),
    ))
}
