//! Checks a request as the endpoint's `OpenAPI` file and the API's own rules have it.
//!
//! It reads plain JSON on purpose: whatever the client's own types get wrong shows here.

mod block;
mod field;
mod option;
#[cfg(test)]
mod tests;
mod turns;

use serde_json::Value;

use self::field::{ObjectReader, refusal_at};
use super::ask::ParsedRequest;
use super::models::{self, DemoRegion};
use super::refusal::Refusal;

/// The most tokens that the models take in.
const CONTEXT_TOKENS: usize = 200_000;

/// The fields of a request.
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
    "cache_control",
    "service_tier",
    "output_config",
];

/// Checks the body of a message request and reads it; with `any_model`, whatever Claude model it
/// asks.
pub(super) fn check_request(
    body: &Value,
    region: DemoRegion,
    any_model: bool,
) -> Result<ParsedRequest<'_>, Refusal> {
    let object = ObjectReader::new("", body)?;
    object.allow_only(FIELDS)?;
    let name = object.required_string("model")?;
    let model = models::find_model(name, region, any_model)?;
    option::check_max_tokens(&object, name, model)?;
    option::check_sampling(&object)?;
    option::check_stop_sequences(&object)?;
    option::check_tools(&object)?;
    option::check_tool_choice(&object)?;
    option::check_thinking(&object)?;
    option::check_other_options(&object)?;
    check_system(&object)?;
    check_messages(&object)?;
    let ask = ParsedRequest::from_body(body);
    turns::check_turns(&ask)?;
    let tokens = ask.input_tokens();
    if tokens > CONTEXT_TOKENS {
        return Err(Refusal::invalid_request(format!(
            "prompt is too long: {tokens} tokens > {CONTEXT_TOKENS} maximum"
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
        block::check_text(&text)?;
        if text.required_string("text")?.is_empty() {
            return Err(refusal_at(
                "system",
                "text content blocks must be non-empty",
            ));
        }
    }
    Ok(())
}

fn check_messages(body: &ObjectReader<'_>) -> Result<(), Refusal> {
    let messages = body.required_list("messages")?;
    if messages.is_empty() {
        return Err(refusal_at("messages", "at least one message is required"));
    }
    for (index, value) in messages.iter().enumerate() {
        let message = ObjectReader::new(format!("messages.{index}"), value)?;
        message.allow_only(&["role", "content"])?;
        let role = message.required_choice("role", &["user", "assistant", "agent"])?;
        let empty = if let Value::String(text) = message.required_field("content")? {
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
