//! An answer that has to fit a schema: forced through one tool, checked, and sent back with what is
//! wrong with it.
//!
//! Pure: who asks takes the definition and the choice from here, and tells each answer.

use serde_json::{Map, Value, json};

use super::Schema;
use super::schema::short;
use crate::model_text;
use crate::protocol::{
    ContentBlock, ExactJson, InputMessage, Message, Role, StopReason, ToolChoice, ToolDefinition,
    ToolResult, ToolUse,
};

/// What the tool is called.
const NAME: &str = "answer";

/// Where an answer that is no object stands in the tool's input, which has to be one.
const WRAP: &str = "value";

/// The wish for an answer that fits a schema.
#[derive(Debug, Clone)]
pub(crate) struct Structured {
    schema: Schema,
    definition: ToolDefinition,
    is_wrapped: bool,
    repairs_left: u32,
}

/// What is to be done with an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// It fits, and this is it.
    Fits(ExactJson),
    /// It does not; these messages are to be sent behind the others.
    Again {
        /// What was wrong.
        why: String,
        /// The answer, and what is said to it.
        messages: Vec<InputMessage>,
    },
    /// It does not, and nothing more is tried.
    Never {
        /// What was wrong.
        why: String,
    },
    /// It is not whole, or it was refused: its stop reason says all.
    NotWhole,
}

impl Structured {
    /// Parses a schema. A wrong answer is sent back `repairs` times at most.
    pub(crate) fn parse(text: &str, repairs: u32) -> Result<Self, String> {
        let schema: Value =
            serde_json::from_str(text).map_err(|error| format!("not valid JSON: {error}"))?;
        if !schema.is_object() {
            return Err("a JSON schema must be an object".to_owned());
        }
        let is_wrapped = schema["type"] != "object";
        let checked = Schema::compile(&schema)?;
        let input_schema = if is_wrapped { wrapped(schema) } else { schema };
        let definition = ToolDefinition::new(Map::from_iter([
            ("name".to_owned(), json!(NAME)),
            ("description".to_owned(), json!(model_text::ANSWER_TOOL)),
            ("input_schema".to_owned(), input_schema),
        ]));
        Ok(Self {
            schema: checked,
            definition,
            is_wrapped,
            repairs_left: repairs,
        })
    }

    /// The definition of the tool.
    pub(crate) fn definition(&self) -> ToolDefinition {
        self.definition.clone()
    }

    /// The field `tool_choice`.
    pub(crate) fn choice() -> ToolChoice {
        ToolChoice::for_tool(NAME)
    }

    /// Judges an answer.
    pub(crate) fn judge(&mut self, message: &Message) -> Verdict {
        if let Some(
            StopReason::MaxTokens | StopReason::ModelContextWindowExceeded | StopReason::Refusal,
        ) = message.stop_reason
        {
            return Verdict::NotWhole;
        }
        let calls: Vec<&ToolUse> = message.content.iter().filter_map(as_call).collect();
        match self.fitting(&calls) {
            Ok(value) => Verdict::Fits(value),
            Err(why) => self.again(message, &calls, why),
        }
    }

    /// Returns the value if it fits the schema, else what is wrong with the calls of the answer.
    fn fitting(&self, calls: &[&ToolUse]) -> Result<ExactJson, String> {
        let broken = calls.iter().find_map(|call| call.partial_json.as_deref());
        if let Some(json) = broken {
            return Err(model_text::answer_is_not_an_object(&short(json)));
        }
        let Some(call) = calls.iter().find(|call| call.name == NAME) else {
            return Err(model_text::answer_is_not_a_call(NAME));
        };
        let value = if self.is_wrapped {
            call.input
                .field(WRAP)
                .ok_or_else(|| model_text::answer_is_not_wrapped(WRAP))?
        } else {
            call.input.clone()
        };
        self.schema.check(&value).map(|()| value)
    }

    /// The content of an answer as what was said: the one that fits, else every whole call as the
    /// text of its input.
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
        let said = model_text::repair_request(&why, NAME);
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
            content: message.content.iter().map(to_send_back).collect(),
        };
        // An answer without anything in it cannot be sent back.
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

/// Makes a block of an answer acceptable in a request: arguments that are not an object are `{}`.
fn to_send_back(block: &ContentBlock) -> ContentBlock {
    let mut block = block.clone();
    if let ContentBlock::ToolUse(call) = &mut block {
        call.partial_json = None;
    }
    block
}

fn as_call(block: &ContentBlock) -> Option<&ToolUse> {
    if let ContentBlock::ToolUse(call) = block {
        Some(call)
    } else {
        None
    }
}

/// The schema of an object that has the answer in it. What the schema refers to by its root stays
/// where it was.
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

    #[allow(clippy::needless_pass_by_value, reason = "it is written in place")]
    fn message(stop_reason: &str, content: Value) -> Message {
        serde_json::from_value(json!({"content": content, "stop_reason": stop_reason}))
            .expect("a message")
    }

    fn call(input: &Value) -> Value {
        json!([{"type": "tool_use", "id": "1", "name": "answer", "input": input}])
    }

    const OBJECT: &str =
        r#"{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}"#;

    #[test]
    fn an_answer_that_fits_is_the_value() {
        let mut wish = Structured::parse(OBJECT, 0).expect("a schema");
        let schema = wish.definition.field("input_schema").expect("a schema");
        assert_eq!(schema["required"], json!(["n"]));
        let verdict = wish.judge(&message("tool_use", call(&json!({"n": 1}))));
        assert_eq!(verdict, Verdict::Fits(json!({"n": 1}).into()));
    }

    #[test]
    fn an_answer_that_is_no_object_is_wrapped_for_the_api_and_unwrapped_again() {
        let schema = r##"{"type": "array", "items": {"$ref": "#/$defs/n"}, "$defs": {"n": {"type": "integer"}}}"##;
        let mut wish = Structured::parse(schema, 0).expect("a schema");
        let definition = wish.definition();
        let sent = definition.field("input_schema").expect("a schema");
        assert_eq!(
            (&sent["type"], &sent["$defs"]["n"]["type"]),
            (&json!("object"), &json!("integer"))
        );
        assert!(Schema::compile(sent).is_ok_and(|sent| sent.check(&json!({"value": [1]})).is_ok()));
        let verdict = wish.judge(&message("tool_use", call(&json!({"value": [1, 2]}))));
        assert_eq!(verdict, Verdict::Fits(json!([1, 2]).into()));
    }

    #[test]
    fn a_wrong_answer_is_sent_back_with_the_validators_words_as_often_as_was_said() {
        let mut wish = Structured::parse(OBJECT, 1).expect("a schema");
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
            let mut wish = Structured::parse(schema, 1).expect("a schema");
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
    fn an_input_that_is_not_an_object_goes_back_empty() {
        let mut wish = Structured::parse(OBJECT, 1).expect("a schema");
        let block = json!({"type": "tool_use", "id": "1", "name": "answer", "input": {}, "partial_json": "{\"n"});
        let verdict = wish.judge(&message("tool_use", json!([block])));
        let Verdict::Again { why, messages } = verdict else {
            panic!("{verdict:?}")
        };
        assert!(why.ends_with(": {\"n"), "{why}");
        let sent = serde_json::to_value(messages).expect("messages are JSON");
        assert_eq!(sent[0]["content"], call(&json!({})));
    }

    #[test]
    fn text_is_no_answer_and_half_of_one_is_not_judged() {
        let mut wish = Structured::parse(OBJECT, 1).expect("a schema");
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
            let wish = Structured::parse(schema, 0).expect("a schema");
            let content = message("tool_use", call(&input)).content;
            assert_eq!(wish.as_text(content, None), [ContentBlock::text(expected)]);
        }
        let wish = Structured::parse(OBJECT, 0).expect("a schema");
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
                Structured::parse(text, 0).is_err_and(|error| error.contains(expected)),
                "{text}"
            );
        }
    }
}
