//! Checks the cache breakpoints of a request: their number and their order.
//!
//! Source: Anthropic's page `build-with-claude/prompt-caching`; the wording is the API's, as
//! recorded in `github/copilot-cli#4185` and `BerriAI/litellm`.

use serde_json::Value;

use super::field::refusal_at;
use crate::demo::prompt_cache::CacheLifetime;
use crate::demo::refusal::Refusal;

/// The maximum number of breakpoints in a request.
const MAX_MARKS: usize = 4;

/// A breakpoint and the path of its block.
struct CacheMark {
    path: String,
    lifetime: CacheLifetime,
}

/// Checks the breakpoints of a body whose shape has been checked.
pub(super) fn check_marks(body: &Value) -> Result<(), Refusal> {
    let mut marks = Vec::new();
    // In the order in which the cache processes them.
    collect_marks("tools", &body["tools"], &mut marks);
    collect_marks("system", &body["system"], &mut marks);
    let messages = body["messages"].as_array().into_iter().flatten();
    for (index, message) in messages.enumerate() {
        let path = format!("messages.{index}.content");
        collect_marks(&path, &message["content"], &mut marks);
    }
    if marks.len() > MAX_MARKS {
        return Err(Refusal::invalid_request(format!(
            "A maximum of {MAX_MARKS} blocks with cache_control may be provided. Found {}.",
            marks.len()
        )));
    }
    let late = marks.windows(2).find(|pair| {
        pair[0].lifetime == CacheLifetime::FiveMinutes && pair[1].lifetime == CacheLifetime::OneHour
    });
    match late {
        Some(pair) => Err(refusal_at(
            &format!("{}.cache_control.ttl", pair[1].path),
            "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block. \
             Note that blocks are processed in the following order: `tools`, `system`, `messages`.",
        )),
        None => Ok(()),
    }
}

/// Collects the breakpoints of blocks and of the blocks inside them.
fn collect_marks(path: &str, blocks: &Value, marks: &mut Vec<CacheMark>) {
    for (index, block) in blocks.as_array().into_iter().flatten().enumerate() {
        let path = format!("{path}.{index}");
        collect_marks(&format!("{path}.content"), &block["content"], marks);
        if let Some(lifetime) = CacheLifetime::of_block(block) {
            marks.push(CacheMark { path, lifetime });
        }
    }
}
