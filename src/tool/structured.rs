//! An answer that must match a schema: asks for it in one of several ways, validates it, and sends
//! it back with a description of what is wrong.
//!
//! Pure: the caller passes in each answer and each refusal, and has its requests changed here.

use serde_json::{Map, Value, json};

use super::Schema;
use super::input_schema::sendable_input_schema;
use super::output_schema::{closed_schema, is_definition};
use super::schema::short;
use super::schema_way::{SchemaMode, SchemaWay, WayFacts, next_way};
use super::subschemas::any_schema;
use crate::model_text;
use crate::protocol::{
    ContentBlock, CreateMessage, ExactJson, InputMessage, Message, ModelOption, ModelRules, Role,
    StopReason, Support, ToolChoice, ToolDefinition, ToolResult, ToolUse,
};
use crate::text::{JsonPlace, check_depth};

/// The name of the tool.
const NAME: &str = "answer";

/// The property that holds an answer that is not an object, since the API requires an object.
const WRAP: &str = "value";

/// The field that contains the schema in [`SchemaWay::OutputFormat`].
const OUTPUT_CONFIG: &str = "output_config";

/// A request for an answer that matches a schema.
#[derive(Debug, Clone)]
pub(crate) struct Structured {
    schema: Schema,
    /// The schema as the user gave it.
    text: String,
    /// The tool that takes the answer, if the API accepts this schema for a tool.
    definition: Option<ToolDefinition>,
    /// The closed form of the schema, if it has one.
    closed: Option<Value>,
    is_wrapped: bool,
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

/// Why an answer does not match.
struct Misfit {
    why: String,
    /// Whether it has the requested form.
    has_form: bool,
}

impl Misfit {
    fn in_form(why: String) -> Self {
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

impl Structured {
    /// Parses a schema. An answer that does not match is sent back at most `repairs` times.
    pub(crate) fn parse(text: &str, mode: SchemaMode, repairs: u32) -> Result<Self, String> {
        check_depth(text.as_bytes(), JsonPlace::Bare).map_err(|error| error.to_string())?;
        let schema: Value =
            serde_json::from_str(text).map_err(|error| format!("not valid JSON: {error}"))?;
        let Value::Object(fields) = &schema else {
            return Err("a JSON schema must be an object".to_owned());
        };
        let checked = Schema::compile(&schema)?;
        let as_it_is = if schema["type"] == "object" {
            sendable_input_schema(fields).ok()
        } else {
            None
        };
        let is_wrapped = as_it_is.is_none();
        let whole = if is_wrapped {
            wrapped(schema.clone())
        } else {
            schema.clone()
        };
        let input_schema = as_it_is.or_else(|| {
            let fields = whole
                .as_object()
                .filter(|_| !refers_to_its_place(&schema))?;
            sendable_input_schema(fields).ok()
        });
        let definition = input_schema.map(|input_schema| {
            ToolDefinition::new(Map::from_iter([
                ("name".to_owned(), json!(NAME)),
                ("description".to_owned(), json!(model_text::ANSWER_TOOL)),
                ("input_schema".to_owned(), input_schema),
            ]))
        });
        let closed = closed_schema(&whole);
        match mode {
            SchemaMode::Native if closed.is_none() => {
                return Err(
                    "--schema-mode native does not support recursive objects, or objects with \
                     unlisted properties; use --schema-mode auto"
                        .to_owned(),
                );
            }
            SchemaMode::Tool if definition.is_none() => {
                return Err(
                    "--schema-mode tool does not support references to the root, or property names \
                     with other characters than a-z, A-Z, 0-9, _, . and -; use --schema-mode auto"
                        .to_owned(),
                );
            }
            _ => {}
        }
        let facts = WayFacts {
            forced_tool: Support::Unknown,
            output_format: Support::Unknown,
            has_tool: definition.is_some(),
            has_format: closed.is_some(),
            remembered: None,
        };
        Ok(Self {
            schema: checked,
            text: text.trim().to_owned(),
            definition,
            closed,
            is_wrapped,
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
                request.tools.extend(self.definition.clone());
                request.tool_choice = Some(if self.way == SchemaWay::ForcedTool {
                    ToolChoice::for_tool(NAME)
                } else {
                    ToolChoice::new("auto")
                });
            }
            SchemaWay::OutputFormat => {
                let mut config = self.output_config.clone().unwrap_or_default();
                let format = json!({"type": "json_schema", "schema": self.closed});
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

    /// Decides what to do with an answer.
    pub(crate) fn judge(&mut self, message: &Message) -> Verdict {
        if let Some(
            StopReason::MaxTokens | StopReason::ModelContextWindowExceeded | StopReason::Refusal,
        ) = message.stop_reason
        {
            return Verdict::NotWhole;
        }
        let calls: Vec<&ToolUse> = message.content.iter().filter_map(as_call).collect();
        match self.fitting(message, &calls) {
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

    /// Returns the value if it matches the schema, otherwise what is wrong with the answer.
    fn fitting(&self, message: &Message, calls: &[&ToolUse]) -> Result<ExactJson, Misfit> {
        let value = match self.way {
            SchemaWay::ForcedTool => self.called_with(calls)?,
            SchemaWay::FreeTool if !calls.is_empty() => self.called_with(calls)?,
            SchemaWay::OutputFormat => self.unwrap(read_json(&message.text())?)?,
            SchemaWay::FreeTool | SchemaWay::Prompt => read_json(&message.text())?,
        };
        self.schema
            .check(&value)
            .map(|()| value)
            .map_err(Misfit::in_form)
    }

    fn called_with(&self, calls: &[&ToolUse]) -> Result<ExactJson, Misfit> {
        let broken = calls.iter().find_map(|call| call.partial_json.as_deref());
        if let Some(json) = broken {
            let why = model_text::answer_is_not_an_object(&short(json));
            return Err(Misfit::in_form(why));
        }
        let Some(call) = calls.iter().find(|call| call.name == NAME) else {
            return Err(Misfit::in_form(model_text::answer_is_not_a_call(NAME)));
        };
        self.unwrap(call.input.clone())
    }

    fn unwrap(&self, json: ExactJson) -> Result<ExactJson, Misfit> {
        if !self.is_wrapped {
            return Ok(json);
        }
        json.field(WRAP)
            .ok_or_else(|| Misfit::in_form(model_text::answer_is_not_wrapped(WRAP)))
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
                let value = call.input.field(WRAP).filter(|_| self.is_wrapped);
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
                content: Some(Value::from(said.as_str())),
                is_error: Some(true),
                extra: Map::new(),
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

fn as_call(block: &ContentBlock) -> Option<&ToolUse> {
    if let ContentBlock::ToolUse(call) = block {
        Some(call)
    } else {
        None
    }
}

/// Parses an answer that is JSON, alone or in a fenced code block.
fn read_json(text: &str) -> Result<ExactJson, Misfit> {
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

/// Whether a schema refers to a location in itself that would change if it were wrapped.
fn refers_to_its_place(schema: &Value) -> bool {
    any_schema(schema, &|fields| {
        let target = fields.get("$ref").and_then(Value::as_str);
        target.is_some_and(|target| !is_definition(target))
    })
}

/// Wraps the schema of an answer in that of an object. Definitions that it refers to stay at the
/// root.
fn wrapped(mut schema: Value) -> Value {
    let mut wrap = json!({"type": "object", "properties": {}, "required": [WRAP]});
    if let Some(fields) = schema.as_object_mut() {
        for key in ["$schema", "$defs", "definitions"] {
            if let Some(value) = fields.shift_remove(key) {
                wrap[key] = value;
            }
        }
    }
    wrap["properties"][WRAP] = schema;
    wrap
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ExactFields;

    #[allow(clippy::needless_pass_by_value, reason = "it is written in place")]
    fn message(stop_reason: &str, content: Value) -> Message {
        serde_json::from_value(json!({"content": content, "stop_reason": stop_reason}))
            .expect("a message")
    }

    fn call(input: &Value) -> Value {
        json!([{"type": "tool_use", "id": "1", "name": "answer", "input": input}])
    }

    fn request(fields: Value) -> CreateMessage {
        let fields = ExactFields::from_object(fields.into()).expect("an object");
        CreateMessage {
            model: "m".into(),
            max_tokens: 5,
            system: None,
            messages: vec![InputMessage {
                role: Role::User,
                content: vec![ContentBlock::text("q")],
            }],
            fields,
            tools: Vec::new(),
            tool_choice: None,
            stream: true,
        }
    }

    /// Begins with a model, and also returns the request.
    fn begun(schema: &str, mode: SchemaMode, model: &str) -> (Structured, CreateMessage) {
        let mut wish = Structured::parse(schema, mode, 1).expect("a schema");
        let mut request = request(json!({}));
        let rules = ModelRules::for_model(model);
        wish.begin(&mut request, &rules, None).expect("a way");
        (wish, request)
    }

    /// Returns a request for an answer by a forced tool.
    fn asked(schema: &str, repairs: u32) -> Structured {
        let wish = Structured::parse(schema, SchemaMode::Auto, repairs).expect("a schema");
        Structured {
            way: SchemaWay::ForcedTool,
            ..wish
        }
    }

    fn sent_schema(wish: &Structured) -> Value {
        let definition = wish.definition.as_ref().expect("a tool");
        definition.field("input_schema").expect("a schema").clone()
    }

    /// Models that accept a forced tool, do not accept it, and are unknown.
    const FORCED: &str = "claude-sonnet-4-20250514";
    const UNFORCED: &str = "claude-opus-5-5";
    const UNKNOWN: &str = "m";

    const OBJECT: &str =
        r#"{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}"#;

    #[test]
    fn an_answer_that_fits_is_the_value() {
        let mut wish = asked(OBJECT, 0);
        let sent = sent_schema(&wish);
        assert_eq!(sent["required"], json!(["n"]));
        let verdict = wish.judge(&message("tool_use", call(&json!({"n": 1}))));
        assert_eq!(verdict, Verdict::Fits(json!({"n": 1}).into()));
    }

    #[test]
    fn an_answer_that_is_no_object_is_wrapped_for_the_api_and_unwrapped_again() {
        let schema = r##"{"type": "array", "items": {"$ref": "#/$defs/n"}, "$defs": {"n": {"type": "integer"}}}"##;
        let mut wish = asked(schema, 0);
        let sent = sent_schema(&wish);
        assert_eq!(
            (&sent["type"], &sent["$defs"]["n"]["type"]),
            (&json!("object"), &json!("integer"))
        );
        assert!(
            Schema::compile(&sent).is_ok_and(|sent| sent.check(&json!({"value": [1]})).is_ok())
        );
        let verdict = wish.judge(&message("tool_use", call(&json!({"value": [1, 2]}))));
        assert_eq!(verdict, Verdict::Fits(json!([1, 2]).into()));
    }

    #[test]
    fn a_wrong_answer_is_sent_back_with_the_validators_words_as_often_as_was_said() {
        let mut wish = asked(OBJECT, 1);
        let wrong = message("tool_use", call(&json!({"n": "x"})));
        let Verdict::Again { messages, .. } = wish.judge(&wrong) else {
            panic!("it is sent back")
        };
        let sent = serde_json::to_value(messages).expect("messages are JSON");
        assert_eq!(sent[0]["content"], call(&json!({"n": "x"})));
        let said = &sent[1]["content"][0];
        assert_eq!(
            (&said["tool_use_id"], &said["is_error"]),
            (&json!("1"), &json!(true))
        );
        assert!(
            said["content"]
                .as_str()
                .is_some_and(|said| said.contains("at `/n`: \"x\" is not of type")),
            "{said}"
        );
        assert!(matches!(wish.judge(&wrong), Verdict::Never { why } if why.contains("/n")));
    }

    #[test]
    fn an_answer_without_its_wrapper_is_wrong() {
        for schema in ["{}", r#"{"type": ["object", "null"]}"#] {
            let mut wish = asked(schema, 1);
            let verdict = wish.judge(&message("tool_use", call(&json!({"n": 1}))));
            let Verdict::Again { why, .. } = verdict else {
                panic!("{verdict:?}")
            };
            assert!(why.contains("no field `value`"), "{why}");
            let verdict = wish.judge(&message("tool_use", call(&json!({"value": null}))));
            assert_eq!(verdict, Verdict::Fits(Value::Null.into()));
        }
    }

    #[test]
    fn an_input_that_is_not_an_object_is_quoted_to_the_model() {
        let mut wish = asked(OBJECT, 1);
        let block = json!({"type": "tool_use", "id": "1", "name": "answer", "input": {}, "partial_json": "{\"n"});
        let verdict = wish.judge(&message("tool_use", json!([block])));
        let Verdict::Again { why, messages } = verdict else {
            panic!("{verdict:?}")
        };
        assert!(why.ends_with(": {\"n"), "{why}");
        assert_eq!(messages.len(), 2);
    }

    #[test]
    fn text_is_no_answer_and_half_of_one_is_not_judged() {
        let mut wish = asked(OBJECT, 1);
        let text = message("end_turn", json!([{"type": "text", "text": "No."}]));
        assert!(
            matches!(wish.judge(&text), Verdict::Again { messages, .. } if messages.len() == 2)
        );
        for reason in ["max_tokens", "refusal"] {
            assert_eq!(
                wish.judge(&message(reason, call(&json!({})))),
                Verdict::NotWhole,
                "{reason}"
            );
        }
    }

    #[test]
    fn what_is_kept_of_an_answer_is_text() {
        let array = r#"{"type": "array"}"#;
        for (schema, input, expected) in [
            (OBJECT, json!({"n": "x"}), r#"{"n":"x"}"#),
            (array, json!({"value": 1}), "1"),
            (array, json!([1]), "[1]"),
        ] {
            let wish = asked(schema, 0);
            let content = message("tool_use", call(&input)).content;
            assert_eq!(wish.as_text(content, None), [ContentBlock::text(expected)]);
        }
        let wish = asked(OBJECT, 0);
        let other = json!([
            {"type": "text", "text": "No."},
            {"type": "tool_use", "id": "1", "name": "answer", "input": {}, "partial_json": "{\"n"},
            {"type": "tool_use", "id": "2", "name": "other", "input": {}},
        ]);
        let content = message("max_tokens", other).content;
        assert_eq!(wish.as_text(content.clone(), None), content);
        assert_eq!(
            wish.as_text(content, Some(&json!({"n": 1}).into())),
            [ContentBlock::text(r#"{"n":1}"#)]
        );
    }

    #[test]
    fn what_is_no_schema_is_refused() {
        for (text, expected) in [
            ("{", "not valid JSON"),
            ("[]", "an object"),
            (r#"{"type": 1}"#, "not a valid JSON schema"),
        ] {
            assert!(
                Structured::parse(text, SchemaMode::Auto, 0)
                    .is_err_and(|error| error.contains(expected)),
                "{text}"
            );
        }
    }

    #[test]
    fn each_way_adds_its_own_to_a_request_and_takes_it_away_again() {
        let (mut wish, mut request) = begun(OBJECT, SchemaMode::Auto, FORCED);
        let body = |request: &CreateMessage| json!(request);
        let first = body(&request);
        assert_eq!(
            first["tool_choice"],
            json!({"type": "tool", "name": "answer"})
        );
        assert_eq!(first["tools"][0]["name"], "answer");
        assert!(wish.take_next_way(&mut request));
        let second = body(&request);
        assert_eq!(second["tool_choice"], json!({"type": "auto"}));
        assert!(wish.take_next_way(&mut request));
        let third = body(&request);
        assert_eq!((third.get("tools"), third.get("tool_choice")), (None, None));
        let words = third["messages"][0]["content"][1]["text"].as_str();
        assert!(
            words.is_some_and(|words| words.ends_with(OBJECT)),
            "{third}"
        );
        assert!(!wish.take_next_way(&mut request), "it is the last one");
    }

    #[test]
    fn the_format_is_added_to_what_the_request_configures_itself() {
        let mut wish = Structured::parse(OBJECT, SchemaMode::Auto, 1).expect("a schema");
        let mut request = request(json!({"output_config": {"effort": "low"}}));
        let rules = ModelRules::for_model(UNFORCED);
        wish.begin(&mut request, &rules, None).expect("a way");
        let config = &json!(request)["output_config"];
        assert_eq!(config["effort"], "low");
        assert_eq!(config["format"]["type"], "json_schema");
        assert_eq!(config["format"]["schema"]["additionalProperties"], false);
        assert!(wish.take_refusal(
            "output_config: Extra inputs are not permitted",
            &mut request
        ));
        assert_eq!(json!(request)["output_config"], json!({"effort": "low"}));
        assert_eq!(wish.learned_way(), Some(SchemaWay::FreeTool));
    }

    #[test]
    fn thinking_forbids_a_forced_tool() {
        let mut wish = Structured::parse(OBJECT, SchemaMode::Tool, 1).expect("a schema");
        let mut request = request(json!({"thinking": {"type": "enabled", "budget_tokens": 1024}}));
        let rules = ModelRules::for_model(FORCED);
        wish.begin(&mut request, &rules, None).expect("a way");
        assert_eq!(json!(request)["tool_choice"], json!({"type": "auto"}));
    }

    #[test]
    fn an_answer_without_the_form_that_was_asked_for_leads_to_the_next_way() {
        let (mut wish, mut request) = begun(OBJECT, SchemaMode::Auto, UNKNOWN);
        let text = |text: &str| message("end_turn", json!([{"type": "text", "text": text}]));
        for way in [SchemaWay::OutputFormat, SchemaWay::FreeTool] {
            assert_eq!(wish.way, way);
            assert_eq!(wish.judge(&text("Sure!")), Verdict::NextWay, "{way:?}");
            assert!(wish.take_next_way(&mut request));
        }
        let said = wish.judge(&text("Here: {\"n\": 1}"));
        assert!(matches!(said, Verdict::Again { why, .. } if why.contains("not JSON")));
        let fenced = text("Here:\n```json\n{\"n\": 1.0}\n```\n");
        let Verdict::Fits(value) = wish.judge(&fenced) else {
            panic!("it fits")
        };
        assert_eq!(value.to_string(), "{\"n\":1.0}");
    }

    #[test]
    fn json_that_does_not_fit_is_sent_back_in_the_same_way() {
        let (mut wish, mut request) = begun(OBJECT, SchemaMode::Auto, UNKNOWN);
        let answer = message(
            "end_turn",
            json!([{"type": "text", "text": "{\"n\": \"x\"}"}]),
        );
        let Verdict::Again { messages, .. } = wish.judge(&answer) else {
            panic!("it is sent back")
        };
        let sent = json!(messages);
        assert!(
            sent[1]["content"]
                .as_str()
                .is_some_and(|said| said.contains("the whole JSON"))
        );
        assert!(
            !wish.take_refusal("output_config: no", &mut request),
            "it was taken"
        );
    }

    #[test]
    fn an_answer_in_a_wrapper_is_unwrapped_in_every_form() {
        let (mut wish, _) = begun(
            r#"{"type": "array", "items": {"type": "integer"}}"#,
            SchemaMode::Native,
            UNKNOWN,
        );
        let answer = message(
            "end_turn",
            json!([{"type": "text", "text": "{\"value\": [1]}"}]),
        );
        assert_eq!(wish.judge(&answer), Verdict::Fits(json!([1]).into()));
    }

    #[test]
    fn a_map_is_never_closed_and_a_schema_that_no_tool_takes_is_put_into_words() {
        let map = r#"{"type": "object", "additionalProperties": {"type": "integer"}}"#;
        let (mut wish, request) = begun(map, SchemaMode::Auto, UNFORCED);
        let body = json!(request);
        assert_eq!(
            body["tools"][0]["input_schema"]["additionalProperties"],
            json!({"type": "integer"})
        );
        assert_eq!(body["tools"][0].get("strict"), None);
        let verdict = wish.judge(&message("tool_use", call(&json!({"a": 1, "b": 2}))));
        assert_eq!(verdict, Verdict::Fits(json!({"a": 1, "b": 2}).into()));
        let tree = r##"{"anyOf": [{"type": "null"}, {"type": "object", "properties": {"l": {"$ref": "#"}}}]}"##;
        let (wish, _) = begun(tree, SchemaMode::Auto, FORCED);
        assert_eq!(wish.way, SchemaWay::Prompt);
        for (schema, mode) in [(map, SchemaMode::Native), (tree, SchemaMode::Tool)] {
            assert!(Structured::parse(schema, mode, 0).is_err(), "{schema}");
        }
    }

    #[test]
    fn a_field_that_the_user_sets_too_is_refused() {
        let mut wish = Structured::parse(OBJECT, SchemaMode::Auto, 1).expect("a schema");
        let mut request = request(json!({"output_config": {"format": {}}}));
        let refused = wish.begin(&mut request, &ModelRules::default(), None);
        assert!(refused.is_err_and(|why| why.contains("output_config.format")));
    }
}
