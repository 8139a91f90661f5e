//! Fields and content become a request: pure.

use super::cache_marks::CacheMarks;
use super::history_fit::{HistoryStage, fit_history};
use super::request_spec::{RequestSpec, set_twice};
use crate::error::Error;
use crate::protocol::{
    ContentBlock, CreateMessage, ExactFields, ExactJson, InputMessage, RequestBody, RequestField,
    Role, SystemPrompt, ToolChoice, ToolDefinition,
};
use crate::session::TooLong;

/// The largest body, in bytes: Bedrock's limit, the tightest of the platforms behind the endpoint.
/// Unverified against Langdock.
pub(crate) const MAX_BODY_BYTES: usize = 20 * 1024 * 1024;

/// Returns the most bytes of earlier turns that are put into a request; `any_size` is as for
/// [`encode_body`].
pub(crate) fn most_history_bytes(any_size: bool) -> usize {
    if any_size { usize::MAX } else { MAX_BODY_BYTES }
}

/// Returns the error for a conversation that has more.
pub(crate) fn conversation_too_large(conversation: &TooLong) -> Error {
    Error::RequestTooLarge {
        bytes: conversation.bytes,
        limit: MAX_BODY_BYTES,
        largest: "the conversation so far".to_owned(),
        exclude: Vec::new(),
    }
}

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
}

/// Builds the request.
///
/// # Errors
///
/// If a field is out of range, if tools were given in two ways, or if the conversation cannot be
/// sent.
pub(crate) fn build(spec: &RequestSpec, parts: RequestParts) -> Result<CreateMessage, Error> {
    let mut fields = spec.fields.clone();
    for (key, flag, is_given) in [
        ("tools", "--tool", !parts.tools.is_empty()),
        ("tool_choice", "--tool-choice", parts.tool_choice.is_some()),
    ] {
        if is_given && fields.contains_key(key) {
            return Err(set_twice(key, &format!("{flag} and --set {key}")));
        }
    }
    // Without events a gateway cuts a long answer off: only a field says so.
    let stream = take_typed(&mut fields, "stream", |stream| stream.as_bool()).unwrap_or(true);
    let tools = take_typed(&mut fields, "tools", |tools| {
        ToolDefinition::list_from(tools.clone())
    });
    let tools = tools.unwrap_or(parts.tools);
    let tool_choice = take_typed(&mut fields, "tool_choice", |choice| {
        ToolChoice::from_value(choice)
    });
    let tool_choice = tool_choice.or(parts.tool_choice);
    for (key, value) in fields.iter() {
        let Some(field) = RequestField::find(key) else {
            continue;
        };
        field.check(value).map_err(|needed| Error::Usage {
            message: format!("`{key}={value}`: {needed}"),
            hint: Some(format!("use {} N", field.flag)),
        })?;
    }
    // A field of that name takes the place of the default.
    let max_tokens = fields.shift_remove("max_tokens");
    let max_tokens = max_tokens.as_ref().and_then(|tokens| tokens.as_u64());
    let system = parts.system.map(SystemPrompt::from_text).or_else(|| {
        take_typed(&mut fields, "system", |system| {
            system.as_str().map(SystemPrompt::from_text)
        })
    });
    if system.is_some() {
        fields.shift_remove("system");
    }
    let mut messages = parts.earlier;
    messages.push(InputMessage {
        role: Role::User,
        content: parts.content,
    });
    if let Some(prefill) = &spec.prefill {
        messages.push(InputMessage {
            role: Role::Assistant,
            content: vec![ContentBlock::text(prefill.as_str())],
        });
    }
    let mut request = CreateMessage {
        max_tokens: max_tokens.unwrap_or(parts.max_tokens),
        model: parts.model,
        system,
        messages,
        fields,
        tools,
        tool_choice,
        stream,
    };
    fit_history(&mut request, HistoryStage::TurnStart)?;
    Ok(request)
}

/// Removes a field from the others if `read` knows its shape. Any other value stays and goes
/// out as it was given.
fn take_typed<T>(
    fields: &mut ExactFields,
    key: &str,
    read: impl FnOnce(&ExactJson) -> Option<T>,
) -> Option<T> {
    let typed = read(&fields.exact(key)?)?;
    fields.shift_remove(key);
    Some(typed)
}

/// Writes the body with marks for the prompt cache; otherwise like [`encode_body`].
pub(crate) fn encode_marked_body(
    request: &mut CreateMessage,
    marks: &CacheMarks,
    parts: &[(String, usize)],
    any_size: bool,
) -> Result<RequestBody, Error> {
    marks.apply(request);
    let body = encode_body(request, parts, any_size);
    marks.remove(request);
    body
}

/// Writes the body, and refuses one that is larger than the endpoint takes, unless `any_size` is
/// fine. `parts` are the parts of the user's turn.
pub(crate) fn encode_body(
    request: &mut CreateMessage,
    parts: &[(String, usize)],
    any_size: bool,
) -> Result<RequestBody, Error> {
    let input: usize = parts.iter().map(|(_, bytes)| bytes).sum();
    // Line feeds and quotes take two bytes in JSON: a sixteenth more is enough for most text.
    let body = request.serialize_body(input + input / 16 + 1024);
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
        exclude: Vec::new(),
    })
}
