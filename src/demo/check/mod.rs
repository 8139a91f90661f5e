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

use self::field::{ObjectReader, wrong};
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
pub(super) fn request(
    body: &Value,
    region: DemoRegion,
    any_model: bool,
) -> Result<ParsedRequest<'_>, Refusal> {
    let object = ObjectReader::new("", body)?;
    object.only(FIELDS)?;
    let name = object.string("model")?;
    let model = models::find(name, region, any_model)?;
    option::max_tokens(&object, name, model)?;
    option::sampling(&object)?;
    option::stop_sequences(&object)?;
    option::tools(&object)?;
    option::tool_choice(&object)?;
    option::thinking(&object)?;
    option::rest(&object)?;
    system(&object)?;
    messages(&object)?;
    let ask = ParsedRequest::read(body);
    turns::check(&ask)?;
    let tokens = ask.tokens();
    if tokens > CONTEXT_TOKENS {
        return Err(Refusal::invalid(format!(
            "prompt is too long: {tokens} tokens > {CONTEXT_TOKENS} maximum"
        )));
    }
    Ok(ask)
}

fn system(body: &ObjectReader<'_>) -> Result<(), Refusal> {
    if matches!(body.optional("system"), None | Some(Value::String(_))) {
        return Ok(());
    }
    for (index, value) in body.list("system")?.iter().enumerate() {
        let text = ObjectReader::new(format!("system.{index}"), value)?;
        text.choice("type", &["text"])?;
        text.cache_control()?;
        block::text(&text)?;
        if text.string("text")?.is_empty() {
            return Err(wrong("system", "text content blocks must be non-empty"));
        }
    }
    Ok(())
}

fn messages(body: &ObjectReader<'_>) -> Result<(), Refusal> {
    let messages = body.list("messages")?;
    if messages.is_empty() {
        return Err(wrong("messages", "at least one message is required"));
    }
    for (index, value) in messages.iter().enumerate() {
        let message = ObjectReader::new(format!("messages.{index}"), value)?;
        message.only(&["role", "content"])?;
        let role = message.choice("role", &["user", "assistant", "agent"])?;
        let empty = if let Value::String(text) = message.required("content")? {
            text.is_empty()
        } else {
            let blocks = message.list("content")?;
            for (place, value) in blocks.iter().enumerate() {
                block::check(format!("messages.{index}.content.{place}"), value)?;
            }
            blocks.is_empty()
        };
        if empty && (role == "user" || index + 1 < messages.len()) {
            return Err(wrong(
                &format!("messages.{index}"),
                "all messages must have non-empty content except for the optional final assistant message",
            ));
        }
    }
    Ok(())
}
