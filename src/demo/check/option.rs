//! Checks the request's options: the tools, the choice among them, thinking, and the smaller ones.

use std::collections::HashSet;

use serde_json::Value;

use super::field::{ObjectReader, wrong};
use crate::demo::{models::DemoModel, refusal::Refusal};

/// Checks `max_tokens` against the model's own limit.
pub(super) fn max_tokens(
    body: &ObjectReader<'_>,
    name: &str,
    model: &DemoModel,
) -> Result<(), Refusal> {
    let wanted = body.integer("max_tokens", 1)?;
    if wanted <= model.max_output {
        return Ok(());
    }
    Err(body.wrong(
        "max_tokens",
        &format!(
            "{wanted} > {}, which is the maximum allowed number of output tokens for {name}",
            model.max_output
        ),
    ))
}

/// Checks the numbers that steer sampling.
pub(super) fn sampling(body: &ObjectReader<'_>) -> Result<(), Refusal> {
    body.share("temperature")?;
    body.share("top_p")?;
    body.optional("top_k")
        .map_or(Ok(()), |_| body.integer("top_k", 0).map(drop))
}

/// Checks the texts that end the answer.
pub(super) fn stop_sequences(body: &ObjectReader<'_>) -> Result<(), Refusal> {
    if body.optional("stop_sequences").is_none() {
        return Ok(());
    }
    for (index, value) in body.list("stop_sequences")?.iter().enumerate() {
        match value.as_str() {
            None => {
                return Err(wrong(
                    &format!("stop_sequences.{index}"),
                    "Input should be a valid string",
                ));
            }
            Some(text) if text.trim().is_empty() => {
                return Err(wrong(
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
pub(super) fn tools(body: &ObjectReader<'_>) -> Result<(), Refusal> {
    if body.optional("tools").is_none() {
        return Ok(());
    }
    let mut names = HashSet::new();
    for (index, value) in body.list("tools")?.iter().enumerate() {
        let tool = ObjectReader::new(format!("tools.{index}"), value)?;
        if tool.optional("type").is_some() {
            // Tools that Anthropic's servers run are not in Langdock's description of the endpoint.
            tool.tag(&["custom"])?;
        }
        let tool = tool.tagged("custom");
        tool.only(&[
            "type",
            "name",
            "description",
            "input_schema",
            "cache_control",
            "strict",
            "input_examples",
            "eager_input_streaming",
        ])?;
        tool.cache_control()?;
        let name = tool.identifier("name", Some(64))?;
        if !names.insert(name) {
            return Err(wrong("tools", "Tool names must be unique."));
        }
        if tool.optional("description").is_some() {
            tool.string("description")?;
        }
        let schema = tool.object("input_schema")?;
        schema.choice("type", &["object"])?;
        if schema.optional("properties").is_some() {
            schema.object("properties")?;
        }
    }
    Ok(())
}

/// Checks the choice among the tools.
pub(super) fn tool_choice(body: &ObjectReader<'_>) -> Result<(), Refusal> {
    if body.optional("tool_choice").is_none() {
        return Ok(());
    }
    let choice = body.object("tool_choice")?;
    let tag = choice.tag(&["any", "auto", "none", "tool"])?;
    let allowed: &[&str] = match tag {
        "tool" => &["type", "name", "disable_parallel_tool_use"],
        "none" => &["type"],
        _ => &["type", "disable_parallel_tool_use"],
    };
    let choice = choice.tagged(tag);
    choice.only(allowed)?;
    choice.boolean("disable_parallel_tool_use")?;
    let tools = body
        .optional("tools")
        .and_then(Value::as_array)
        .filter(|tools| !tools.is_empty());
    match tools {
        None => Err(body.wrong(
            "tool_choice",
            "tool_choice may only be specified while providing tools",
        )),
        Some(tools) if tag == "tool" => {
            let name = choice.string("name")?;
            if tools.iter().any(|tool| tool["name"] == name) {
                return Ok(());
            }
            Err(body.wrong(
                "tool_choice",
                &format!("Tool '{name}' not found in provided tools"),
            ))
        }
        Some(_) => Ok(()),
    }
}

/// Checks thinking, and what does not go together with it.
pub(super) fn thinking(body: &ObjectReader<'_>) -> Result<(), Refusal> {
    if body.optional("thinking").is_none() {
        return Ok(());
    }
    let thinking = body.object("thinking")?;
    let tag = thinking.tag(&["adaptive", "between_tools", "disabled", "enabled"])?;
    let thinking = thinking.tagged(tag);
    let allowed: &[&str] = match tag {
        "enabled" => &["type", "budget_tokens", "display"],
        "adaptive" => &["type", "display"],
        _ => &["type"],
    };
    thinking.only(allowed)?;
    if thinking.optional("display").is_some() {
        thinking.choice("display", &["summarized", "omitted"])?;
    }
    if tag != "enabled" {
        return Ok(());
    }
    let budget = thinking.integer("budget_tokens", 1024)?;
    if budget >= body.integer("max_tokens", 1)? {
        return Err(Refusal::invalid(
            "`max_tokens` must be greater than `thinking.budget_tokens`.",
        ));
    }
    if body
        .optional("temperature")
        .and_then(Value::as_f64)
        .is_some_and(|temperature| temperature < 1.0)
    {
        return Err(Refusal::invalid(
            "`temperature` may only be set to 1 when thinking is enabled.",
        ));
    }
    let choice = body
        .optional("tool_choice")
        .map_or("auto", |choice| choice["type"].as_str().unwrap_or("auto"));
    if choice == "any" || choice == "tool" {
        return Err(Refusal::invalid(
            "Thinking may not be enabled when tool_choice forces tool use.",
        ));
    }
    Ok(())
}

/// Checks what few requests have: metadata, the service tier, the shape of the output.
pub(super) fn rest(body: &ObjectReader<'_>) -> Result<(), Refusal> {
    body.boolean("stream")?;
    body.cache_control()?;
    if body.optional("metadata").is_some() {
        let metadata = body.object("metadata")?;
        metadata.only(&["user_id"])?;
        if metadata
            .optional_string("user_id")?
            .is_some_and(|id| id.chars().count() > 256)
        {
            return Err(metadata.wrong("user_id", "String should have at most 256 characters"));
        }
    }
    if body.optional("service_tier").is_some() {
        body.choice("service_tier", &["auto", "standard_only"])?;
    }
    if body.optional("output_config").is_some() {
        let output = body.object("output_config")?;
        output.only(&["effort", "format"])?;
        if output.optional("effort").is_some() {
            output.choice("effort", &["low", "medium", "high", "xhigh", "max"])?;
        }
        if output.optional("format").is_some() {
            let format = output.object("format")?;
            format.tag(&["json_schema"])?;
            format.only(&["type", "schema"])?;
            format.object("schema")?;
        }
    }
    Ok(())
}
