//! Checks a request against the endpoint's `OpenAPI` file and the API's own rules.
//!
//! It reads plain JSON on purpose, so that mistakes in the client's own types show up here.

mod block;
mod cache;
mod field;
mod option;
mod pdf;
mod picture;
#[cfg(test)]
mod rule_tests;
mod schema;
#[cfg(test)]
mod tests;
mod thinking;
mod turns;

use serde_json::Value;

use self::field::{ObjectReader, refusal_at};
use super::ask::ParsedRequest;
use super::models::{self, DemoRegion};
use super::refusal::Refusal;

/// The fields of a request.
///
/// `cache_control` is not one of them: Bedrock and Vertex, which Langdock uses, accept breakpoints
/// only on blocks. Source: AWS, `bedrock/latest/userguide/prompt-caching`.
const FIELDS: &[&str] = &[
    "model",
    "messages",
    "max_tokens",
    "metadata",
    "stop_sequences",
    "stream",
    "system",
    "temperature",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
    "thinking",
    "service_tier",
    "output_config",
];

/// Checks the body of a message request and reads it; `account` is the key it was sent with.
pub(super) fn check_request<'a>(
    body: &'a Value,
    region: DemoRegion,
    account: &'a str,
) -> Result<ParsedRequest<'a>, Refusal> {
    let object = ObjectReader::new("", body)?;
    object.allow_only(FIELDS)?;
    let name = object.required_string("model")?;
    let rules = models::find_model(name, region)?;
    option::check_max_tokens(&object, name, rules)?;
    option::check_thinking(&object, name, rules)?;
    option::check_sampling(&object, rules)?;
    option::check_stop_sequences(&object)?;
    option::check_tools(&object, rules)?;
    option::check_tool_choice(&object, rules)?;
    option::check_output_config(&object, rules)?;
    option::check_other_options(&object)?;
    check_system(&object)?;
    check_messages(&object)?;
    cache::check_marks(body)?;
    let ask = ParsedRequest::from_body(body, account);
    turns::check_turns(&ask)?;
    pdf::check_page_total(&ask)?;
    thinking::check_thinking_blocks(&ask)?;
    // Source: Anthropic's page `build-with-claude/context-windows`.
    let (tokens, most) = (ask.input_tokens(), rules.context_tokens);
    if tokens > most {
        return Err(Refusal::invalid_request(format!(
            "prompt is too long: {tokens} tokens > {most} maximum"
        )));
    }
    Ok(ask)
}

fn check_system(body: &ObjectReader<'_>) -> Result<(), Refusal> {
    if matches!(body.optional_field("system"), None | Some(Value::String(_))) {
        return Ok(());
    }
    for (index, value) in body.required_list("system")?.iter().enumerate() {
        let text = ObjectReader::new(format!("system.{index}"), value)?;
        text.required_choice("type", &["text"])?;
        text.check_cache_control()?;
        text.allow_only(&["type", "text", "cache_control", "citations"])?;
        let is_marked = text.optional_field("cache_control").is_some();
        if text.required_string("text")?.is_empty() {
            return Err(if is_marked {
                let message = "cache_control cannot be set for empty text blocks";
                refusal_at(text.path(), message)
            } else {
                refusal_at("system", "text content blocks must be non-empty")
            });
        }
    }
    Ok(())
}

fn check_messages(body: &ObjectReader<'_>) -> Result<(), Refusal> {
    let messages = body.required_list("messages")?;
    if messages.is_empty() {
        return Err(refusal_at("messages", "at least one message is required"));
    }
    let mut last_role = "";
    for (index, value) in messages.iter().enumerate() {
        let message = ObjectReader::new(format!("messages.{index}"), value)?;
        message.allow_only(&["role", "content"])?;
        let role = message.required_choice("role", &["user", "assistant", "agent"])?;
        let role = if role == "agent" { "assistant" } else { role };
        // Bedrock refuses consecutive turns of a role, which the newer API merges. Source: AWS,
        // `bedrock/latest/userguide/model-parameters-anthropic-claude-messages`.
        if role == last_role {
            return Err(refusal_at(
                "messages",
                &format!(
                    "roles must alternate between \"user\" and \"assistant\", but found multiple \
                     \"{role}\" roles in a row"
                ),
            ));
        }
        last_role = role;
        let empty = if let Value::String(text) = message.required_field("content")? {
            if !text.is_empty() {
                block::check_words(text)?;
            }
            text.is_empty()
        } else {
            let blocks = message.required_list("content")?;
            for (place, value) in blocks.iter().enumerate() {
                block::check_block(format!("messages.{index}.content.{place}"), value)?;
            }
            blocks.is_empty()
        };
        if empty && (role == "user" || index + 1 < messages.len()) {
            return Err(refusal_at(
                &format!("messages.{index}"),
                "all messages must have non-empty content except for the optional final assistant \
                 message",
            ));
        }
    }
    Ok(())
}
