//! Checks the options of a request: sampling, tools, tool choice, thinking, and the less common
//! ones.

use std::collections::HashSet;

use serde_json::Value;

use super::field::{ObjectReader, refusal_at};
use super::schema;
use crate::demo::model_rules::{ModelRules, SamplingSupport, ThinkingSupport};
use crate::demo::refusal::Refusal;

/// Checks `max_tokens` against the model's own limit.
///
/// Source: Anthropic's page `about-claude/models/overview`.
pub(super) fn check_max_tokens(
    body: &ObjectReader<'_>,
    name: &str,
    rules: &ModelRules,
) -> Result<(), Refusal> {
    let wanted = body.required_integer("max_tokens", 1)?;
    if wanted <= rules.max_output {
        return Ok(());
    }
    Err(body.field_refusal(
        "max_tokens",
        &format!(
            "{wanted} > {}, which is the maximum allowed number of output tokens for {name}",
            rules.max_output
        ),
    ))
}

/// Checks the sampling parameters.
///
/// Source: Anthropic's migration guide, `about-claude/models/migration-guide`: models from 4.7 on
/// accept only values without effect, and models from 4 on only one of `temperature` and `top_p`.
/// The wording is the API's, as recorded in `BerriAI/litellm` and others.
pub(super) fn check_sampling(body: &ObjectReader<'_>, rules: &ModelRules) -> Result<(), Refusal> {
    let temperature = body.optional_share("temperature")?;
    let top_p = body.optional_share("top_p")?;
    let top_k = body
        .optional_field("top_k")
        .map(|_| body.required_integer("top_k", 0))
        .transpose()?;
    if rules.sampling == SamplingSupport::Fixed {
        let changed = [
            ("temperature", temperature.is_some_and(|value| value < 1.0)),
            ("top_p", top_p.is_some_and(|value| value < 0.99)),
            ("top_k", top_k.is_some()),
        ];
        if let Some((name, _)) = changed.iter().find(|(_, is_changed)| *is_changed) {
            return Err(Refusal::invalid_request(format!(
                "`{name}` is deprecated for this model."
            )));
        }
    }
    if rules.sampling == SamplingSupport::Exclusive && temperature.is_some() && top_p.is_some() {
        return Err(Refusal::invalid_request(
            "`temperature` and `top_p` cannot both be specified for this model. Please use only \
             one.",
        ));
    }
    // Source: `build-with-claude/extended-thinking`, on what is incompatible with thinking.
    if is_thinking_requested(body) {
        if temperature.is_some_and(|value| value < 1.0) {
            return Err(Refusal::invalid_request(
                "`temperature` may only be set to 1 when thinking is enabled. Please consult our \
                 documentation at \
                 https://docs.claude.com/en/docs/build-with-claude/extended-thinking",
            ));
        }
        if top_k.is_some() {
            return Err(Refusal::invalid_request(
                "`top_k` must be unset when thinking is enabled.",
            ));
        }
    }
    Ok(())
}

/// Returns whether the body itself asks for thinking before the answer.
fn is_thinking_requested(body: &ObjectReader<'_>) -> bool {
    body.optional_field("thinking")
        .is_some_and(|thinking| thinking["type"] == "enabled" || thinking["type"] == "adaptive")
}

/// Checks the stop sequences.
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
pub(super) fn check_tools(body: &ObjectReader<'_>, rules: &ModelRules) -> Result<(), Refusal> {
    if body.optional_field("tools").is_none() {
        return Ok(());
    }
    let mut names = HashSet::new();
    for (index, value) in body.required_list("tools")?.iter().enumerate() {
        let tool = ObjectReader::new(format!("tools.{index}"), value)?;
        if tool.optional_field("type").is_some() {
            // Langdock's description of the endpoint does not include Anthropic's server-side
            // tools.
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
        check_input_schema(&tool)?;
        tool.check_boolean("strict")?;
        if tool.optional_field("strict") == Some(&Value::Bool(true)) {
            if !rules.has_output_format {
                return Err(tool.field_refusal("strict", "Extra inputs are not permitted"));
            }
            schema::check_strict_schema(tool.path(), tool.required_field("input_schema")?)?;
        }
    }
    Ok(())
}

/// Checks the schema of a tool's input.
///
/// The rules for its root and for property names are not in Anthropic's documentation; they and
/// their wording are in `anthropics/claude-code#27337`, `langchain-ai/langchain#39271` and
/// `modelcontextprotocol/go-sdk#169`.
fn check_input_schema(tool: &ObjectReader<'_>) -> Result<(), Refusal> {
    let schema = tool.required_object("input_schema")?;
    schema.required_choice("type", &["object"])?;
    if schema.optional_field("properties").is_some() {
        schema.required_object("properties")?;
    }
    let combined = ["oneOf", "allOf", "anyOf"];
    if combined
        .iter()
        .any(|key| schema.optional_field(key).is_some())
    {
        return Err(tool.field_refusal(
            "input_schema",
            "input_schema does not support oneOf, allOf, or anyOf at the top level",
        ));
    }
    schema::check_property_names(schema.path(), tool.required_field("input_schema")?)
}

/// Checks the tool choice.
///
/// Source: the API reference; for the models that refuse a forced call, Anthropic's `whats-new`
/// pages of Opus 5.5, Sonnet 5.5 and Fable 5.1.
pub(super) fn check_tool_choice(
    body: &ObjectReader<'_>,
    rules: &ModelRules,
) -> Result<(), Refusal> {
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
    let is_forced = tag == "any" || tag == "tool";
    if is_forced && !rules.has_forced_tools {
        return Err(body.field_refusal(
            "tool_choice",
            "type \"tool\" and \"any\" are not supported for this model.",
        ));
    }
    // Source: `build-with-claude/extended-thinking`, on thinking with tools.
    if is_forced && is_thinking_requested(body) {
        return Err(Refusal::invalid_request(
            "Thinking may not be enabled when tool_choice forces tool use.",
        ));
    }
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

/// Checks the type of thinking.
///
/// Source: `build-with-claude/thinking-troubleshooting`, which has the table of the types that each
/// model refuses, and the wording.
pub(super) fn check_thinking(
    body: &ObjectReader<'_>,
    name: &str,
    rules: &ModelRules,
) -> Result<(), Refusal> {
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
    if !rules.thinking.accepts(tag) {
        return Err(unsupported_thinking(tag, name, rules.thinking));
    }
    if tag != "enabled" {
        return Ok(());
    }
    let budget = thinking.required_integer("budget_tokens", 1024)?;
    if budget >= body.required_integer("max_tokens", 1)? {
        return Err(Refusal::invalid_request(
            "`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our \
             documentation at \
             https://docs.claude.com/en/docs/build-with-claude/extended-thinking#max-tokens-and-context-window-size",
        ));
    }
    Ok(())
}

fn unsupported_thinking(form: &str, name: &str, support: ThinkingSupport) -> Refusal {
    const INSTEAD: &str =
        "\"thinking.type.adaptive\" and \"output_config.effort\" to control thinking behavior.";
    let refused = format!("\"thinking.type.{form}\" is not supported for this model.");
    Refusal::invalid_request(match (form, support) {
        ("adaptive", ThinkingSupport::Budget) => {
            "adaptive thinking is not supported on this model".to_owned()
        }
        ("adaptive" | "enabled", ThinkingSupport::None) => {
            format!("'{name}' does not support thinking.")
        }
        ("disabled", ThinkingSupport::DefaultOrBetweenTools) => format!(
            "{refused} Use \"thinking.type.between_tools\" for the lowest thinking setting, or \
             {INSTEAD}"
        ),
        ("enabled" | "disabled", _) => format!("{refused} Use {INSTEAD}"),
        _ => refused,
    })
}

/// Checks the less common fields: metadata and the service tier.
pub(super) fn check_other_options(body: &ObjectReader<'_>) -> Result<(), Refusal> {
    body.check_boolean("stream")?;
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
    Ok(())
}

/// Checks the effort and the output format.
pub(super) fn check_output_config(
    body: &ObjectReader<'_>,
    rules: &ModelRules,
) -> Result<(), Refusal> {
    if body.optional_field("output_config").is_none() {
        return Ok(());
    }
    let output = body.required_object("output_config")?;
    output.allow_only(&["effort", "format"])?;
    if output.optional_field("effort").is_some() {
        let effort =
            output.required_choice("effort", &["low", "medium", "high", "xhigh", "max"])?;
        check_effort(body, effort, rules)?;
    }
    if output.optional_field("format").is_some() {
        // Source: `build-with-claude/structured-outputs`; the wording for a model without them is
        // Bedrock's.
        if !rules.has_output_format {
            return Err(output.field_refusal("format", "Extra inputs are not permitted"));
        }
        let format = output.required_object("format")?;
        format.required_tag(&["json_schema"])?;
        format.allow_only(&["type", "schema"])?;
        let schema = format.required_object("schema")?;
        schema::check_strict_schema(schema.path(), format.required_field("schema")?)?;
        if has_citations(body) {
            return Err(output.field_refusal(
                "format",
                "Structured outputs cannot be used together with citations.",
            ));
        }
    }
    Ok(())
}

/// Checks the level of effort.
///
/// Source: `build-with-claude/effort` for the levels of each model, and
/// `code.claude.com/docs/en/errors` for the wording.
fn check_effort(body: &ObjectReader<'_>, effort: &str, rules: &ModelRules) -> Result<(), Refusal> {
    if rules.efforts.is_empty() {
        return Err(Refusal::invalid_request(
            "This model does not support the effort parameter.",
        ));
    }
    if !rules.efforts.contains(&effort) {
        let mut levels = rules.efforts.to_vec();
        levels.sort_unstable();
        return Err(Refusal::invalid_request(format!(
            "This model does not support effort level '{effort}'. Supported levels: {}.",
            levels.join(", ")
        )));
    }
    let form = body
        .optional_field("thinking")
        .and_then(|thinking| thinking["type"].as_str());
    let is_limited = match form {
        Some("disabled") => rules.thinking == ThinkingSupport::DefaultUpToHigh,
        Some("between_tools") => rules.thinking == ThinkingSupport::DefaultOrBetweenTools,
        _ => false,
    };
    if is_limited && (effort == "xhigh" || effort == "max") {
        return Err(Refusal::invalid_request(format!(
            "output_config.effort '{effort}' is not supported when thinking is disabled on this \
             model. Use effort 'high' or below, or enable thinking."
        )));
    }
    Ok(())
}

/// Returns whether the conversation asks for citations of a document.
fn has_citations(body: &ObjectReader<'_>) -> bool {
    let messages = body.optional_field("messages").and_then(Value::as_array);
    let blocks = messages
        .into_iter()
        .flatten()
        .filter_map(|message| message["content"].as_array())
        .flatten();
    let is_cited = |block: &Value| block["citations"]["enabled"] == true;
    blocks.into_iter().any(|block| {
        let inner = block["content"].as_array().into_iter().flatten();
        is_cited(block) || inner.into_iter().any(is_cited)
    })
}
