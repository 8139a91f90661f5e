//! Checks the request's options: the tools, the choice among them, thinking, and the smaller ones.

use std::collections::HashSet;

use serde_json::Value;

use super::field::{ObjectReader, refusal_at};
use crate::demo::{models::DemoModel, refusal::Refusal};

/// Checks `max_tokens` against the model's own limit.
pub(super) fn check_max_tokens(
    body: &ObjectReader<'_>,
    name: &str,
    model: &DemoModel,
) -> Result<(), Refusal> {
    let wanted = body.required_integer("max_tokens", 1)?;
    if wanted <= model.max_output {
        return Ok(());
    }
    Err(body.field_refusal(
        "max_tokens",
        &format!(
            "{wanted} > {}, which is the maximum allowed number of output tokens for {name}",
            model.max_output
        ),
    ))
}

/// Checks the numbers that steer sampling.
pub(super) fn check_sampling(body: &ObjectReader<'_>) -> Result<(), Refusal> {
    body.check_share("temperature")?;
    body.check_share("top_p")?;
    body.optional_field("top_k")
        .map_or(Ok(()), |_| body.required_integer("top_k", 0).map(drop))
}

/// Checks the texts that end the answer.
pub(super) fn check_stop_sequences(body: &ObjectReader<'_>) -> Result<(), Refusal> {
    if body.optional_field("stop_sequences").is_none() {
        return Ok(());
    }
    for (index, value) in body.required_list("stop_sequences")?.iter().enumerate() {
        match value.as_str() {
            None => {
                return Err(refusal_at(
                    &format!("stop_sequences.{index}"),
                    "Input should be a valid string",
                ));
            }
            Some(text) if text.trim().is_empty() => {
                return Err(refusal_at(
                    "stop_sequences",
                    "each stop sequence must contain non-whitespace",
                ));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Checks the definitions of the tools.
pub(super) fn check_tools(body: &ObjectReader<'_>) -> Result<(), Refusal> {
    if body.optional_field("tools").is_none() {
        return Ok(());
    }
    let mut names = HashSet::new();
    for (index, value) in body.required_list("tools")?.iter().enumerate() {
        let tool = ObjectReader::new(format!("tools.{index}"), value)?;
        if tool.optional_field("type").is_some() {
            // Tools that Anthropic's servers run are not in Langdock's description of the endpoint.
            tool.required_tag(&["custom"])?;
        }
        let tool = tool.with_tag("custom");
        tool.allow_only(&[
            "type",
            "name",
            "description",
            "input_schema",
            "cache_control",
            "strict",
            "input_examples",
            "eager_input_streaming",
        ])?;
        tool.check_cache_control()?;
        let name = tool.required_identifier("name", Some(64))?;
        if !names.insert(name) {
            return Err(refusal_at("tools", "Tool names must be unique."));
        }
        if tool.optional_field("description").is_some() {
            tool.required_string("description")?;
        }
        let schema = tool.required_object("input_schema")?;
        schema.required_choice("type", &["object"])?;
        if schema.optional_field("properties").is_some() {
            schema.required_object("properties")?;
        }
    }
    Ok(())
}

/// Checks the choice among the tools.
pub(super) fn check_tool_choice(body: &ObjectReader<'_>) -> Result<(), Refusal> {
    if body.optional_field("tool_choice").is_none() {
        return Ok(());
    }
    let choice = body.required_object("tool_choice")?;
    let tag = choice.required_tag(&["any", "auto", "none", "tool"])?;
    let allowed: &[&str] = match tag {
        "tool" => &["type", "name", "disable_parallel_tool_use"],
        "none" => &["type"],
        _ => &["type", "disable_parallel_tool_use"],
    };
    let choice = choice.with_tag(tag);
    choice.allow_only(allowed)?;
    choice.check_boolean("disable_parallel_tool_use")?;
    let tools = body
        .optional_field("tools")
        .and_then(Value::as_array)
        .filter(|tools| !tools.is_empty());
    match tools {
        None => Err(body.field_refusal(
            "tool_choice",
            "tool_choice may only be specified while providing tools",
        )),
        Some(tools) if tag == "tool" => {
            let name = choice.required_string("name")?;
            if tools.iter().any(|tool| tool["name"] == name) {
                return Ok(());
            }
            Err(body.field_refusal(
                "tool_choice",
                &format!("Tool '{name}' not found in provided tools"),
            ))
        }
        Some(_) => Ok(()),
    }
}

/// Checks thinking, and what does not go together with it.
pub(super) fn check_thinking(body: &ObjectReader<'_>) -> Result<(), Refusal> {
    if body.optional_field("thinking").is_none() {
        return Ok(());
    }
    let thinking = body.required_object("thinking")?;
    let tag = thinking.required_tag(&["adaptive", "between_tools", "disabled", "enabled"])?;
    let thinking = thinking.with_tag(tag);
    let allowed: &[&str] = match tag {
        "enabled" => &["type", "budget_tokens", "display"],
        "adaptive" => &["type", "display"],
        _ => &["type"],
    };
    thinking.allow_only(allowed)?;
    if thinking.optional_field("display").is_some() {
        thinking.required_choice("display", &["summarized", "omitted"])?;
    }
    if tag != "enabled" {
        return Ok(());
    }
    let budget = thinking.required_integer("budget_tokens", 1024)?;
    if budget >= body.required_integer("max_tokens", 1)? {
        return Err(Refusal::invalid_request(
            "`max_tokens` must be greater than `thinking.budget_tokens`.",
        ));
    }
    if body
        .optional_field("temperature")
        .and_then(Value::as_f64)
        .is_some_and(|temperature| temperature < 1.0)
    {
        return Err(Refusal::invalid_request(
            "`temperature` may only be set to 1 when thinking is enabled.",
        ));
    }
    let choice = body
        .optional_field("tool_choice")
        .map_or("auto", |choice| choice["type"].as_str().unwrap_or("auto"));
    if choice == "any" || choice == "tool" {
        return Err(Refusal::invalid_request(
            "Thinking may not be enabled when tool_choice forces tool use.",
        ));
    }
    Ok(())
}

/// Checks what few requests have: metadata, the service tier, the shape of the output.
pub(super) fn check_other_options(body: &ObjectReader<'_>) -> Result<(), Refusal> {
    body.check_boolean("stream")?;
    body.check_cache_control()?;
    if body.optional_field("metadata").is_some() {
        let metadata = body.required_object("metadata")?;
        metadata.allow_only(&["user_id"])?;
        if metadata
            .optional_string("user_id")?
            .is_some_and(|id| id.chars().count() > 256)
        {
            return Err(
                metadata.field_refusal("user_id", "String should have at most 256 characters")
            );
        }
    }
    if body.optional_field("service_tier").is_some() {
        body.required_choice("service_tier", &["auto", "standard_only"])?;
    }
    if body.optional_field("output_config").is_some() {
        let output = body.required_object("output_config")?;
        output.allow_only(&["effort", "format"])?;
        if output.optional_field("effort").is_some() {
            output.required_choice("effort", &["low", "medium", "high", "xhigh", "max"])?;
        }
        if output.optional_field("format").is_some() {
            let format = output.required_object("format")?;
            format.required_tag(&["json_schema"])?;
            format.allow_only(&["type", "schema"])?;
            format.required_object("schema")?;
        }
    }
    Ok(())
}
