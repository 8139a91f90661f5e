//! An answer that must match a schema: asks for it in one of several ways, validates it, and sends
//! it back with a description of what is wrong.
//!
//! Pure: the caller passes in each answer and each refusal, and has its requests changed here.

mod forms;
mod reading;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};

use self::forms::{NAME, SchemaForms, WRAP};
pub(crate) use self::reading::{Candidate, Misfit};
use self::reading::{as_call, called_with, read_json, unwrapped};
use super::Schema;
use super::schema_way::{SchemaMode, SchemaWay, WayFacts, next_way};
use crate::model_text;
use crate::protocol::{
    ContentBlock, CreateMessage, ExactJson, InputMessage, Message, ModelOption, ModelRules, Role,
    StopReason, Support, ToolChoice, ToolResult, ToolUse, UnknownFields,
};
use crate::text::{JsonPlace, check_depth};

/// The field that contains the schema in [`SchemaWay::OutputFormat`].
const OUTPUT_CONFIG: &str = "output_config";

/// A request for an answer that matches a schema.
#[derive(Debug, Clone)]
pub(crate) struct Structured {
    schema: Schema,
    /// The schema as the user gave it.
    text: String,
    forms: SchemaForms,
    repairs_left: u32,
    mode: SchemaMode,
    facts: WayFacts,
    not_taken: Vec<SchemaWay>,
    way: SchemaWay,
    /// Whether an answer was already sent back in this way.
    has_repaired: bool,
    /// Whether all rejected ways failed because of the model, not the schema.
    is_about_model: bool,
    /// What [`OUTPUT_CONFIG`] contained before the schema was added.
    output_config: Option<ExactJson>,
}

/// What to do with an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// It matches; this is its value.
    Fits(ExactJson),
    /// It does not match; append these messages and ask again.
    Again {
        /// What was wrong.
        why: String,
        /// The answer and the response to it.
        messages: Vec<InputMessage>,
    },
    /// The model did not follow this way; send the request in the next one.
    NextWay,
    /// It does not match, and no attempts are left.
    Never {
        /// What was wrong.
        why: String,
    },
    /// It is truncated or a refusal, as its stop reason says.
    NotWhole,
}

impl Structured {
    /// Parses a schema. An answer that does not match is sent back at most `repairs` times.
    pub(crate) fn parse(text: &str, mode: SchemaMode, repairs: u32) -> Result<Self, String> {
        check_depth(text.as_bytes(), JsonPlace::Bare).map_err(|error| error.to_string())?;
        let schema = ExactJson::parse(text).map_err(|error| format!("not valid JSON: {error}"))?;
        if !schema.is_object() {
            return Err("a JSON schema must be an object".to_owned());
        }
        let checked = Schema::compile(&schema)?;
        let forms = SchemaForms::of_schema(&schema);
        match mode {
            SchemaMode::Native if forms.closed.is_none() => {
                return Err(
                    "`--schema-mode native` does not support recursive objects, or objects with \
                     unlisted properties; use `--schema-mode auto`"
                        .to_owned(),
                );
            }
            SchemaMode::Tool if forms.definition.is_none() => {
                return Err(
                    "`--schema-mode tool` does not support references to the root, or property \
                     names with characters other than a-z, A-Z, 0-9, _, . and -; use \
                     `--schema-mode auto`"
                        .to_owned(),
                );
            }
            _ => {}
        }
        let facts = WayFacts {
            forced_tool: Support::Unknown,
            output_format: Support::Unknown,
            has_tool: forms.definition.is_some(),
            has_format: forms.closed.is_some(),
            remembered: None,
        };
        Ok(Self {
            schema: checked,
            text: text.trim().to_owned(),
            forms,
            repairs_left: repairs,
            mode,
            facts,
            not_taken: Vec::new(),
            way: SchemaWay::Prompt,
            has_repaired: false,
            is_about_model: true,
            output_config: None,
        })
    }

    /// Changes a request to ask for the answer in the first way that its model may accept.
    /// `remembered` is the way that worked with the model before.
    ///
    /// # Errors
    ///
    /// If the request already has fields that are set here.
    pub(crate) fn begin(
        &mut self,
        request: &mut CreateMessage,
        rules: &ModelRules,
        remembered: Option<SchemaWay>,
    ) -> Result<(), String> {
        let output_config = request.fields.exact(OUTPUT_CONFIG);
        for (field, is_set) in [
            ("tools", !request.tools.is_empty()),
            ("tool_choice", request.tool_choice.is_some()),
            (
                "output_config.format",
                output_config
                    .as_ref()
                    .is_some_and(|config| config.get("format").is_some()),
            ),
        ] {
            if is_set {
                return Err(format!("`{field}` is set twice, by --schema and --set"));
            }
        }
        self.output_config = output_config;
        self.facts = WayFacts {
            forced_tool: rules.forced_tool_choice(&request.fields),
            output_format: rules.support(ModelOption::StructuredOutput),
            remembered,
            ..self.facts.clone()
        };
        // A mode that is impossible for the schema has been refused before.
        self.way = self.next_way().unwrap_or(SchemaWay::Prompt);
        self.add_to(request);
        Ok(())
    }

    /// Returns the request in a way that does not depend on the model, which identifies an item of
    /// a batch.
    pub(crate) fn in_fixed_way(&self, request: &CreateMessage) -> CreateMessage {
        let mut request = request.clone();
        let way = if self.facts.has_tool {
            SchemaWay::ForcedTool
        } else {
            SchemaWay::Prompt
        };
        Self {
            way,
            ..self.clone()
        }
        .add_to(&mut request);
        request
    }

    fn next_way(&self) -> Option<SchemaWay> {
        next_way(self.mode, &self.facts, &self.not_taken)
    }

    /// Adds what this way needs to a request.
    fn add_to(&self, request: &mut CreateMessage) {
        match self.way {
            SchemaWay::ForcedTool | SchemaWay::FreeTool => {
                request.tools.extend(self.forms.definition.clone());
                request.tool_choice = Some(if self.way == SchemaWay::ForcedTool {
                    ToolChoice::for_tool(NAME)
                } else {
                    ToolChoice::new("auto")
                });
            }
            SchemaWay::OutputFormat => {
                let mut config = self.output_config.clone().unwrap_or_default();
                let mut format = ExactJson::from(json!({"type": "json_schema"}));
                format.set_field("schema", self.forms.closed.clone().unwrap_or_default());
                config.set_field("format", format);
                request.fields.insert(OUTPUT_CONFIG, config);
            }
            SchemaWay::Prompt => {
                let words = ContentBlock::text(model_text::schema_request(&self.text));
                if let Some(last) = request.messages.last_mut() {
                    last.content.push(words);
                }
            }
        }
    }

    /// Removes what [`Self::add_to`] added, and switches to the next way.
    fn go_on(&mut self, request: &mut CreateMessage, next: SchemaWay) {
        request.tools.clear();
        request.tool_choice = None;
        match self.output_config.clone() {
            Some(config) => {
                request.fields.insert(OUTPUT_CONFIG, config);
            }
            None => {
                request.fields.shift_remove(OUTPUT_CONFIG);
            }
        }
        if self.way == SchemaWay::Prompt
            && let Some(last) = request.messages.last_mut()
        {
            last.content.pop();
        }
        self.way = next;
        self.add_to(request);
    }

    /// Switches a request to the next way if a 400 with this message is about the current one.
    /// Returns whether it did.
    pub(crate) fn take_refusal(&mut self, message: &str, request: &mut CreateMessage) -> bool {
        if self.has_repaired || !self.way.is_refused_by(message) {
            return false;
        }
        // The model accepts this way, but not with this schema.
        self.is_about_model &= !message.contains(".schema");
        self.take_next_way(request)
    }

    /// Gives up the current way, and switches a request to the next one. Returns whether there is
    /// one.
    pub(crate) fn take_next_way(&mut self, request: &mut CreateMessage) -> bool {
        self.not_taken.push(self.way);
        let Some(next) = self.next_way() else {
            return false;
        };
        self.go_on(request, next);
        true
    }

    /// Returns the way that worked, if it is worth remembering because others were rejected.
    pub(crate) fn learned_way(&self) -> Option<SchemaWay> {
        let is_learned = self.is_about_model && !self.not_taken.is_empty();
        is_learned.then_some(self.way)
    }

    /// Decides what to do with an answer; `fitting` is what came of its [`Self::candidate`].
    pub(crate) fn judge(
        &mut self,
        message: &Message,
        fitting: Result<ExactJson, Misfit>,
    ) -> Verdict {
        if let Some(
            StopReason::MaxTokens | StopReason::ModelContextWindowExceeded | StopReason::Refusal,
        ) = message.stop_reason
        {
            return Verdict::NotWhole;
        }
        let calls: Vec<&ToolUse> = message.content.iter().filter_map(as_call).collect();
        match fitting {
            Ok(value) => Verdict::Fits(value),
            Err(misfit) if !misfit.has_form && self.may_go_on() => Verdict::NextWay,
            Err(misfit) => self.again(message, &calls, misfit.why),
        }
    }

    /// Whether another way is left, and no answer was sent back in the current one.
    fn may_go_on(&self) -> bool {
        let tried = [self.not_taken.as_slice(), &[self.way]].concat();
        !self.has_repaired && next_way(self.mode, &self.facts, &tried).is_some()
    }

    /// Returns the value of an answer, or why it has none.
    pub(crate) fn candidate(&self, message: &Message) -> Result<Candidate, Misfit> {
        let calls: Vec<&ToolUse> = message.content.iter().filter_map(as_call).collect();
        let value = match self.way {
            SchemaWay::ForcedTool => self.unwrap(called_with(&calls)?)?,
            SchemaWay::FreeTool if !calls.is_empty() => self.unwrap(called_with(&calls)?)?,
            SchemaWay::OutputFormat => self.unwrap(read_json(&message.text())?)?,
            SchemaWay::FreeTool | SchemaWay::Prompt => read_json(&message.text())?,
        };
        let schema = self.schema.clone();
        Ok(Candidate { schema, value })
    }

    fn unwrap(&self, json: ExactJson) -> Result<ExactJson, Misfit> {
        if self.forms.is_wrapped {
            unwrapped(&json)
        } else {
            Ok(json)
        }
    }

    /// Returns the content of an answer as plain text: the matching value, or else the input of
    /// every complete call.
    pub(crate) fn as_text(
        &self,
        content: Vec<ContentBlock>,
        fitting: Option<&ExactJson>,
    ) -> Vec<ContentBlock> {
        match fitting {
            Some(value) => vec![ContentBlock::text(value.to_string())],
            None => content.into_iter().map(|block| self.said(block)).collect(),
        }
    }

    fn said(&self, block: ContentBlock) -> ContentBlock {
        match block {
            ContentBlock::ToolUse(call) if call.name == NAME && call.partial_json.is_none() => {
                let value = call.input.field(WRAP).filter(|_| self.forms.is_wrapped);
                ContentBlock::text(value.unwrap_or(call.input).to_string())
            }
            other => other,
        }
    }

    fn again(&mut self, message: &Message, calls: &[&ToolUse], why: String) -> Verdict {
        let Some(left) = self.repairs_left.checked_sub(1) else {
            return Verdict::Never { why };
        };
        self.repairs_left = left;
        self.has_repaired = true;
        let said = match self.way {
            SchemaWay::ForcedTool | SchemaWay::FreeTool => model_text::repair_request(&why, NAME),
            SchemaWay::OutputFormat | SchemaWay::Prompt => model_text::repair_text_request(&why),
        };
        let result = |call: &&ToolUse| {
            ContentBlock::ToolResult(ToolResult {
                tool_use_id: call.id.clone(),
                content: Some(Value::from(said.as_str()).into()),
                is_error: Some(true),
                extra: UnknownFields::default(),
            })
        };
        let mut content: Vec<_> = calls.iter().map(result).collect();
        if content.is_empty() {
            content.push(ContentBlock::text(said));
        }
        let answer = InputMessage {
            role: Role::Assistant,
            content: message.content.clone(),
        };
        // An empty answer cannot be sent back.
        let answer = Some(answer).filter(|answer| !answer.content.is_empty());
        let messages = answer
            .into_iter()
            .chain([InputMessage {
                role: Role::User,
                content,
            }])
            .collect();
        Verdict::Again { why, messages }
    }
}
