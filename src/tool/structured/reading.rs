//! Reads the JSON out of an answer, in the form that was asked for.

use super::forms::{NAME, WRAP};
use crate::model_text;
use crate::protocol::{ContentBlock, ExactJson, ToolUse};
use crate::tool::schema::{Schema, short};

/// The value of an answer, and the schema that it has to match. Checking it may take a tenth of a
/// second.
#[derive(Debug)]
pub(crate) struct Candidate {
    /// The schema.
    pub(super) schema: Schema,
    /// The value.
    pub(super) value: ExactJson,
}

impl Candidate {
    /// Returns the value if it matches the schema, otherwise what is wrong with it.
    pub(crate) fn check(self) -> Result<ExactJson, Misfit> {
        let Self { schema, value } = self;
        schema
            .check(&value)
            .map(|()| value)
            .map_err(Misfit::in_form)
    }
}

/// Why an answer does not match.
#[derive(Debug)]
pub(crate) struct Misfit {
    /// What is wrong.
    pub(super) why: String,
    /// Whether it has the requested form.
    pub(super) has_form: bool,
}

impl Misfit {
    /// Creates the flaw of an answer in the requested form.
    pub(super) fn in_form(why: String) -> Self {
        Self {
            why,
            has_form: true,
        }
    }

    fn without_form(why: String) -> Self {
        Self {
            why,
            has_form: false,
        }
    }
}

/// Returns a block as a call, if it is a call.
pub(super) fn as_call(block: &ContentBlock) -> Option<&ToolUse> {
    if let ContentBlock::ToolUse(call) = block {
        Some(call)
    } else {
        None
    }
}

/// Returns the input with which the tool for the answer was called.
pub(super) fn called_with(calls: &[&ToolUse]) -> Result<ExactJson, Misfit> {
    let broken = calls.iter().find_map(|call| call.partial_json.as_deref());
    if let Some(json) = broken {
        let why = model_text::answer_is_not_an_object(&short(json));
        return Err(Misfit::in_form(why));
    }
    let Some(call) = calls.iter().find(|call| call.name == NAME) else {
        return Err(Misfit::in_form(model_text::answer_is_not_a_call(NAME)));
    };
    Ok(call.input.clone())
}

/// Returns the answer in a wrapper.
pub(super) fn unwrapped(json: &ExactJson) -> Result<ExactJson, Misfit> {
    json.field(WRAP)
        .ok_or_else(|| Misfit::in_form(model_text::answer_is_not_wrapped(WRAP)))
}

/// Parses an answer that is JSON, alone or in a fenced code block.
pub(super) fn read_json(text: &str) -> Result<ExactJson, Misfit> {
    let alone = ExactJson::parse(text.trim());
    let fenced = || {
        let (_, behind) = text.split_once("```")?;
        let (_, code) = behind.split_once('\n')?;
        let (code, _) = code.split_once("```")?;
        ExactJson::parse(code.trim()).ok()
    };
    match alone {
        Ok(json) => Ok(json),
        Err(error) => fenced().ok_or_else(|| {
            let why = model_text::answer_is_not_json(&error);
            Misfit::without_form(why)
        }),
    }
}
