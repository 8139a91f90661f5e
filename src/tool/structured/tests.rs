//! Answers that must match a schema, from the first request to the last correction.

use super::*;
use crate::protocol::ExactFields;

impl Structured {
    /// Decides what to do with an answer.
    fn judge_now(&mut self, message: &Message) -> Verdict {
        let fitting = self.candidate(message).and_then(Candidate::check);
        self.judge(message, fitting)
    }
}

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
    let definition = wish.forms.definition.as_ref().expect("a tool");
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
    let verdict = wish.judge_now(&message("tool_use", call(&json!({"n": 1}))));
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
    assert!(Schema::compile(&sent).is_ok_and(|sent| sent.check(&json!({"value": [1]})).is_ok()));
    let verdict = wish.judge_now(&message("tool_use", call(&json!({"value": [1, 2]}))));
    assert_eq!(verdict, Verdict::Fits(json!([1, 2]).into()));
}

#[test]
fn a_wrong_answer_is_sent_back_with_the_validators_words_as_often_as_was_said() {
    let mut wish = asked(OBJECT, 1);
    let wrong = message("tool_use", call(&json!({"n": "x"})));
    let Verdict::Again { messages, .. } = wish.judge_now(&wrong) else {
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
    assert!(matches!(wish.judge_now(&wrong), Verdict::Never { why } if why.contains("/n")));
}

#[test]
fn an_answer_without_its_wrapper_is_wrong() {
    for schema in ["{}", r#"{"type": ["object", "null"]}"#] {
        let mut wish = asked(schema, 1);
        let verdict = wish.judge_now(&message("tool_use", call(&json!({"n": 1}))));
        let Verdict::Again { why, .. } = verdict else {
            panic!("{verdict:?}")
        };
        assert!(why.contains("no field `value`"), "{why}");
        let verdict = wish.judge_now(&message("tool_use", call(&json!({"value": null}))));
        assert_eq!(verdict, Verdict::Fits(Value::Null.into()));
    }
}

#[test]
fn an_input_that_is_not_an_object_is_quoted_to_the_model() {
    let mut wish = asked(OBJECT, 1);
    let block = json!({"type": "tool_use", "id": "1", "name": "answer", "input": {}, "partial_json": "{\"n"});
    let verdict = wish.judge_now(&message("tool_use", json!([block])));
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
        matches!(wish.judge_now(&text), Verdict::Again { messages, .. } if messages.len() == 2)
    );
    for reason in ["max_tokens", "refusal"] {
        assert_eq!(
            wish.judge_now(&message(reason, call(&json!({})))),
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
        assert_eq!(wish.judge_now(&text("Sure!")), Verdict::NextWay, "{way:?}");
        assert!(wish.take_next_way(&mut request));
    }
    let said = wish.judge_now(&text("Here: {\"n\": 1}"));
    assert!(matches!(said, Verdict::Again { why, .. } if why.contains("not JSON")));
    let fenced = text("Here:\n```json\n{\"n\": 1.0}\n```\n");
    let Verdict::Fits(value) = wish.judge_now(&fenced) else {
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
    let Verdict::Again { messages, .. } = wish.judge_now(&answer) else {
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
    assert_eq!(wish.judge_now(&answer), Verdict::Fits(json!([1]).into()));
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
    let verdict = wish.judge_now(&message("tool_use", call(&json!({"a": 1, "b": 2}))));
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
