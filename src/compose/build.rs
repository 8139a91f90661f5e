//! Flags and content become a request: pure.

use serde_json::{Map, Value};

use crate::cli;
use crate::error::Error;
use crate::input::in_turn;
use crate::protocol::{
    ContentBlock, CreateMessage, InputMessage, Metadata, Role, SystemPrompt, ToolChoice,
    ToolDefinition,
};
use crate::text::MAX_COUNT;

/// The largest body, in bytes: Bedrock's limit, the tightest of the platforms behind the endpoint.
/// Unverified against Langdock.
pub(crate) const MAX_BODY_BYTES: usize = 20 * 1024 * 1024;

/// What a request is made of, apart from its fields.
pub(crate) struct RequestParts {
    /// The model's id.
    pub(crate) model: String,
    /// The most tokens to generate, unless a field says so.
    pub(crate) max_tokens: u64,
    /// The system prompt.
    pub(crate) system: Option<String>,
    /// Earlier turns.
    pub(crate) earlier: Vec<InputMessage>,
    /// The user's turn, which may have nothing behind earlier ones.
    pub(crate) content: Vec<ContentBlock>,
    /// Definitions of tools.
    pub(crate) tools: Vec<ToolDefinition>,
    /// How the model may choose among them.
    pub(crate) tool_choice: Option<ToolChoice>,
    /// Whether the answer comes as events.
    pub(crate) stream: bool,
}

/// Builds the request. The fields of `flags` are those of the flags, and what files said where no
/// flag did. A field that was set twice, by its flag and by `--set`, is refused.
pub(crate) fn build(flags: &cli::Request, parts: RequestParts) -> Result<CreateMessage, Error> {
    let mut extra = Map::new();
    for (key, value) in &flags.fields {
        if let Some(flag) = flag_of(flags, key) {
            return Err(twice(key, &format!("{flag} and --set {key}")));
        }
        if extra.insert(key.clone(), value.clone()).is_some() {
            return Err(twice(key, "--set twice"));
        }
    }
    for (key, flag, is_given) in [
        ("tools", "--tool", !parts.tools.is_empty()),
        ("tool_choice", "--tool-choice", parts.tool_choice.is_some()),
    ] {
        if is_given && extra.contains_key(key) {
            return Err(twice(key, &format!("{flag} and --set {key}")));
        }
    }
    let tools = take_typed(&mut extra, "tools", ToolDefinition::list_from).unwrap_or(parts.tools);
    let tool_choice =
        take_typed(&mut extra, "tool_choice", ToolChoice::from_value).or(parts.tool_choice);
    // `--set max_tokens=N` takes the place of the default.
    let max_tokens = match extra.shift_remove("max_tokens") {
        Some(value) => value
            .as_u64()
            .filter(|tokens| (1..=MAX_COUNT).contains(tokens))
            .ok_or_else(|| Error::Usage {
                message: format!(
                    "`max_tokens={value}`: a whole number from 1 to {MAX_COUNT} is needed"
                ),
                hint: Some("write --max-tokens N".to_owned()),
            })?,
        None => parts.max_tokens,
    };
    let mut messages = parts.earlier;
    messages.push(InputMessage {
        role: Role::User,
        content: parts.content,
    });
    if let Some(prefill) = &flags.prefill {
        messages.push(InputMessage {
            role: Role::Assistant,
            content: vec![ContentBlock::text(prefill.as_str())],
        });
    }
    Ok(CreateMessage {
        max_tokens,
        model: parts.model,
        system: parts.system.map(SystemPrompt::from_text),
        messages: in_turn(messages)?,
        stop_sequences: flags.stop.clone(),
        temperature: flags.temperature,
        top_p: flags.top_p,
        top_k: flags.top_k,
        metadata: flags.user_id.clone().map(|user_id| Metadata { user_id }),
        extra,
        tools,
        tool_choice,
        stream: parts.stream,
    })
}

/// Takes a field out of the untyped ones if `read` knows its shape. Any other value stays and goes
/// out as it was given.
fn take_typed<T>(
    extra: &mut Map<String, Value>,
    key: &str,
    read: impl FnOnce(&Value) -> Option<T>,
) -> Option<T> {
    let typed = read(extra.get(key)?)?;
    extra.shift_remove(key);
    Some(typed)
}

/// Writes the body, and refuses one that is larger than the endpoint takes, unless `any_size` is
/// fine. `parts` are the parts of the user's turn.
pub(crate) fn encode_body(
    request: &CreateMessage,
    parts: &[(String, usize)],
    any_size: bool,
) -> Result<Vec<u8>, Error> {
    let input: usize = parts.iter().map(|(_, bytes)| bytes).sum();
    // Line feeds and quotes take two bytes in JSON: a sixteenth more is enough for most text.
    let body = request.to_json(input + input / 16 + 1024);
    if any_size || body.len() <= MAX_BODY_BYTES {
        return Ok(body);
    }
    let largest = parts
        .iter()
        .max_by_key(|(_, bytes)| *bytes)
        .map_or("the system prompt", |(name, _)| name);
    Err(Error::RequestTooLarge {
        bytes: body.len(),
        limit: MAX_BODY_BYTES,
        largest: largest.to_owned(),
    })
}

/// The flag that has already set a field.
pub(crate) fn flag_of(flags: &cli::Request, key: &str) -> Option<&'static str> {
    let (flag, is_set) = match key {
        "max_tokens" => ("--max-tokens", flags.max_tokens.is_some()),
        "system" => ("--system", flags.system.is_some()),
        "temperature" => ("--temperature", flags.temperature.is_some()),
        "top_p" => ("--top-p", flags.top_p.is_some()),
        "top_k" => ("--top-k", flags.top_k.is_some()),
        "stop_sequences" => ("--stop", !flags.stop.is_empty()),
        "metadata" => ("--user-id", flags.user_id.is_some()),
        _ => return None,
    };
    is_set.then_some(flag)
}

fn twice(key: &str, by: &str) -> Error {
    Error::Usage {
        message: format!("`{key}` is set twice, by {by}"),
        hint: Some("leave one of them out".to_owned()),
    }
}
