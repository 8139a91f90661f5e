//! Every rule that depends on the model or on the whole conversation, as a table: what changes in a
//! valid request, and how the refusal begins. Rows with `accepted` are the counterparts.

use serde_json::{Value, json};

use super::tests::{refusal_of, request_with};
use crate::demo::ask::ParsedRequest;
use crate::demo::models::DemoRegion;
use crate::demo::script::{AnswerBlock, script_answer};

const ACCEPTED: &str = "accepted";

/// Checks rows of changes and expected responses.
#[track_caller]
fn check_rows(rows: &[(&str, &str)]) {
    for (changes, expected) in rows {
        let changes: Value = serde_json::from_str(changes)
            .unwrap_or_else(|error| panic!("{changes} is not JSON: {error}"));
        let body = request_with(&changes);
        let message = refusal_of(&body);
        let changes = changes.to_string();
        assert!(
            message.starts_with(expected),
            "{changes:.500}\n  said     {message}\n  expected {expected}"
        );
        if let Err(refusal) = super::check_request(&body, DemoRegion::Eu, "key") {
            assert_eq!(refusal.status(), 400, "{changes}");
        }
    }
}

/// Checks the same changes for several models.
#[track_caller]
fn check_models(models: &[&str], changes: &str, expected: &str) {
    for model in models {
        let mut changes: Value = serde_json::from_str(changes)
            .unwrap_or_else(|error| panic!("{changes} is not JSON: {error}"));
        changes["model"] = json!(model);
        check_rows(&[(&changes.to_string(), expected)]);
    }
}

const ALWAYS_THINKING: &[&str] = &[
    "claude-opus-5-5-default",
    "claude-fable-5-1-default",
    "claude-fable-5-2-default",
    "claude-fable-5-default",
];
const SONNET_5_5: &[&str] = &["claude-sonnet-5-5-default"];
const THINKING_UP_TO_HIGH: &[&str] = &["claude-haiku-5-5-default", "claude-opus-5-default"];
const SONNET_5: &[&str] = &["claude-sonnet-5-default"];
const ON_REQUEST: &[&str] = &["claude-opus-4-7-default", "claude-opus-4-8-default"];
const VERSION_4_6: &[&str] = &["claude-opus-4-6-default", "claude-sonnet-4-6-default"];
const VERSION_4_5: &[&str] = &[
    "claude-haiku-4-5@20251001",
    "claude-sonnet-4-5-20250929",
    "claude-opus-4-5-default",
];
const VERSION_4: &[&str] = &[
    "claude-opus-4-1-20250805",
    "claude-opus-4-20250514",
    "claude-sonnet-4-20250514",
];
const SONNET_3_7: &[&str] = &["claude-3-7-sonnet-20250219"];
const VERSION_3: &[&str] = &[
    "claude-3-5-haiku-20241022",
    "claude-3-5-sonnet-20240620",
    "claude-3-haiku-20240307",
];
const UNKNOWN: &[&str] = &["claude-opus-9-default", "claude-mythos-5-1"];

#[test]
fn each_family_takes_its_own_forms_of_thinking() {
    let enabled = r#"{"thinking":{"type":"enabled","budget_tokens":2048}}"#;
    let adaptive = r#"{"thinking":{"type":"adaptive","display":"summarized"}}"#;
    let disabled = r#"{"thinking":{"type":"disabled"}}"#;
    let between = r#"{"thinking":{"type":"between_tools"}}"#;
    let no_enabled = "\"thinking.type.enabled\" is not supported for this model. Use \
                      \"thinking.type.adaptive\" and \"output_config.effort\" to control thinking \
                      behavior.";
    let no_disabled = "\"thinking.type.disabled\" is not supported for this model.";
    let no_between = "\"thinking.type.between_tools\" is not supported for this model.";
    let no_adaptive = "adaptive thinking is not supported on this model";
    for (models, of_enabled, of_adaptive, of_disabled, of_between) in [
        (
            ALWAYS_THINKING,
            no_enabled,
            ACCEPTED,
            no_disabled,
            no_between,
        ),
        (SONNET_5_5, no_enabled, ACCEPTED, no_disabled, ACCEPTED),
        (
            THINKING_UP_TO_HIGH,
            no_enabled,
            ACCEPTED,
            ACCEPTED,
            no_between,
        ),
        (SONNET_5, no_enabled, ACCEPTED, ACCEPTED, no_between),
        (ON_REQUEST, no_enabled, ACCEPTED, ACCEPTED, no_between),
        (VERSION_4_6, no_enabled, ACCEPTED, ACCEPTED, no_between),
        (VERSION_4_5, ACCEPTED, no_adaptive, ACCEPTED, no_between),
        (VERSION_4, ACCEPTED, no_adaptive, ACCEPTED, no_between),
        (SONNET_3_7, ACCEPTED, no_adaptive, ACCEPTED, no_between),
        (VERSION_3, "'claude-3-", "'claude-3-", ACCEPTED, no_between),
        (UNKNOWN, ACCEPTED, ACCEPTED, ACCEPTED, ACCEPTED),
    ] {
        check_models(models, enabled, of_enabled);
        check_models(models, adaptive, of_adaptive);
        check_models(models, disabled, of_disabled);
        check_models(models, between, of_between);
    }
    check_rows(&[
        (
            r#"{"model":"claude-3-haiku-20240307","thinking":{"type":"enabled","budget_tokens":1024}}"#,
            "'claude-3-haiku-20240307' does not support thinking.",
        ),
        (
            r#"{"model":"claude-sonnet-5-5-default","thinking":{"type":"disabled"}}"#,
            "\"thinking.type.disabled\" is not supported for this model. Use \
             \"thinking.type.between_tools\" for the lowest thinking setting, or",
        ),
    ]);
}

#[test]
fn a_budget_is_at_least_1024_and_below_max_tokens() {
    let models = &["claude-haiku-4-5@20251001"];
    for (budget, expected) in [
        (
            1023,
            "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
        ),
        (1024, ACCEPTED),
        (4095, ACCEPTED),
        (
            4096,
            "`max_tokens` must be greater than `thinking.budget_tokens`.",
        ),
    ] {
        let changes = format!(r#"{{"thinking":{{"type":"enabled","budget_tokens":{budget}}}}}"#);
        check_models(models, &changes, expected);
    }
}

#[test]
fn each_family_takes_its_own_levels_of_effort() {
    let none = "This model does not support the effort parameter.";
    let no_xhigh = "This model does not support effort level 'xhigh'. Supported levels: high, low, \
                    max, medium.";
    for (models, high, xhigh, max) in [
        (ALWAYS_THINKING, ACCEPTED, ACCEPTED, ACCEPTED),
        (SONNET_5_5, ACCEPTED, ACCEPTED, ACCEPTED),
        (THINKING_UP_TO_HIGH, ACCEPTED, ACCEPTED, ACCEPTED),
        (SONNET_5, ACCEPTED, ACCEPTED, ACCEPTED),
        (ON_REQUEST, ACCEPTED, ACCEPTED, ACCEPTED),
        (VERSION_4_6, ACCEPTED, no_xhigh, ACCEPTED),
        (
            &["claude-opus-4-5-default"],
            ACCEPTED,
            "This model does not support effort level 'xhigh'",
            "This model does not support effort level 'max'. Supported levels: high, low, medium.",
        ),
        (&["claude-haiku-4-5@20251001"], none, none, none),
        (VERSION_4, none, none, none),
        (SONNET_3_7, none, none, none),
        (VERSION_3, none, none, none),
        (UNKNOWN, ACCEPTED, ACCEPTED, ACCEPTED),
    ] {
        check_models(models, r#"{"output_config":{"effort":"high"}}"#, high);
        check_models(models, r#"{"output_config":{"effort":"xhigh"}}"#, xhigh);
        check_models(models, r#"{"output_config":{"effort":"max"}}"#, max);
    }
    check_rows(&[(
        r#"{"model":"claude-opus-5","output_config":{"effort":"extreme"}}"#,
        "output_config.effort: Input should be 'low' or 'medium' or 'high' or 'xhigh' or 'max'",
    )]);
}

#[test]
fn less_thinking_goes_with_an_effort_up_to_high() {
    let limited = "output_config.effort 'xhigh' is not supported when thinking is disabled on this \
                   model. Use effort 'high' or below, or enable thinking.";
    let request = |form: &str, effort: &str| {
        format!(r#"{{"thinking":{{"type":"{form}"}},"output_config":{{"effort":"{effort}"}}}}"#)
    };
    for (models, form, above_high) in [
        (THINKING_UP_TO_HIGH, "disabled", limited),
        (THINKING_UP_TO_HIGH, "adaptive", ACCEPTED),
        (SONNET_5, "disabled", ACCEPTED),
        (SONNET_5_5, "between_tools", limited),
        (SONNET_5_5, "adaptive", ACCEPTED),
    ] {
        check_models(models, &request(form, "xhigh"), above_high);
        check_models(models, &request(form, "high"), ACCEPTED);
    }
}

#[test]
fn sampling_is_free_exclusive_or_fixed() {
    let both = "`temperature` and `top_p` cannot both be specified for this model. Please use only \
                one.";
    for (models, is_fixed, is_exclusive) in [
        (ALWAYS_THINKING, true, false),
        (SONNET_5_5, true, false),
        (THINKING_UP_TO_HIGH, true, false),
        (SONNET_5, true, false),
        (ON_REQUEST, true, false),
        (VERSION_4_6, false, true),
        (VERSION_4_5, false, true),
        (VERSION_4, false, true),
        (SONNET_3_7, false, false),
        (VERSION_3, false, false),
        (UNKNOWN, false, false),
    ] {
        for (changes, refusal) in [
            (
                r#"{"temperature":0.5}"#,
                "`temperature` is deprecated for this model.",
            ),
            (r#"{"top_p":0.98}"#, "`top_p` is deprecated for this model."),
            (r#"{"top_k":40}"#, "`top_k` is deprecated for this model."),
        ] {
            check_models(models, changes, if is_fixed { refusal } else { ACCEPTED });
        }
        check_models(models, r#"{"temperature":1}"#, ACCEPTED);
        check_models(models, r#"{"top_p":0.99}"#, ACCEPTED);
        let expected = if is_exclusive { both } else { ACCEPTED };
        check_models(models, r#"{"temperature":1,"top_p":0.99}"#, expected);
    }
}

#[test]
fn thinking_leaves_sampling_as_it_is() {
    for form in [
        r#"{"type":"enabled","budget_tokens":1024}"#,
        r#"{"type":"adaptive"}"#,
    ] {
        let model = if form.contains("enabled") {
            "claude-sonnet-4-5-20250929"
        } else {
            "claude-sonnet-4-6-default"
        };
        let with = |more: &str| format!(r#"{{"model":"{model}","thinking":{form},{more}}}"#);
        check_rows(&[
            (
                &with(r#""temperature":0.9"#),
                "`temperature` may only be set to 1 when thinking is enabled.",
            ),
            (
                &with(r#""top_k":5"#),
                "`top_k` must be unset when thinking is enabled.",
            ),
            (&with(r#""temperature":1"#), ACCEPTED),
        ]);
    }
}

#[test]
fn some_families_refuse_a_forced_call_and_all_do_with_thinking() {
    let tools = r#""tools":[{"name":"a","input_schema":{"type":"object"}}]"#;
    let any = format!(r#"{{{tools},"tool_choice":{{"type":"any"}}}}"#);
    let named = format!(r#"{{{tools},"tool_choice":{{"type":"tool","name":"a"}}}}"#);
    let auto = format!(r#"{{{tools},"tool_choice":{{"type":"auto"}}}}"#);
    let refused = "tool_choice: type \"tool\" and \"any\" are not supported for this model.";
    for (models, expected) in [
        (
            &["claude-opus-5-5-default", "claude-fable-5-2-default"][..],
            refused,
        ),
        (&["claude-fable-5-1-default"], refused),
        (SONNET_5_5, refused),
        (&["claude-fable-5-default"], ACCEPTED),
        (THINKING_UP_TO_HIGH, ACCEPTED),
        (SONNET_5, ACCEPTED),
        (ON_REQUEST, ACCEPTED),
        (VERSION_4_6, ACCEPTED),
        (VERSION_4_5, ACCEPTED),
        (VERSION_4, ACCEPTED),
        (SONNET_3_7, ACCEPTED),
        (VERSION_3, ACCEPTED),
        (UNKNOWN, ACCEPTED),
    ] {
        check_models(models, &any, expected);
        check_models(models, &named, expected);
        check_models(models, &auto, ACCEPTED);
    }
    for (model, form) in [
        (
            "claude-sonnet-4-5-20250929",
            r#"{"type":"enabled","budget_tokens":1024}"#,
        ),
        ("claude-opus-4-6-default", r#"{"type":"adaptive"}"#),
        ("claude-opus-5-default", r#"{"type":"adaptive"}"#),
        ("claude-opus-9", r#"{"type":"adaptive"}"#),
    ] {
        let with = |choice: &str| {
            format!(
                r#"{{"model":"{model}","thinking":{form},{tools},"tool_choice":{{"type":"{choice}"}}}}"#
            )
        };
        let refused = "Thinking may not be enabled when tool_choice forces tool use.";
        check_rows(&[(&with("any"), refused), (&with("auto"), ACCEPTED)]);
    }
}

#[test]
fn a_prefilled_answer_is_refused_from_4_6_on() {
    let prefilled = |text: &str| {
        format!(
            r#"{{"messages":[{{"role":"user","content":"q"}},{{"role":"assistant","content":"{text}"}}]}}"#
        )
    };
    let refused = "This model does not support assistant message prefill. The conversation must \
                   end with a user message.";
    for (models, expected) in [
        (ALWAYS_THINKING, refused),
        (SONNET_5_5, refused),
        (THINKING_UP_TO_HIGH, refused),
        (SONNET_5, refused),
        (ON_REQUEST, refused),
        (VERSION_4_6, refused),
        (VERSION_4_5, ACCEPTED),
        (VERSION_4, ACCEPTED),
        (SONNET_3_7, ACCEPTED),
        (VERSION_3, ACCEPTED),
        (UNKNOWN, ACCEPTED),
    ] {
        check_models(models, &prefilled("A:"), expected);
    }
    check_models(
        VERSION_4_5,
        &prefilled("A: "),
        "messages: final assistant content cannot end with trailing whitespace",
    );
    check_rows(&[(
        r#"{"model":"claude-haiku-4-5","thinking":{"type":"enabled","budget_tokens":1024},
            "messages":[{"role":"user","content":"q"},{"role":"assistant","content":"A:"}]}"#,
        "messages: the final message cannot be from the assistant when thinking is enabled",
    )]);
}

#[test]
fn each_family_has_its_longest_answer_and_prompt() {
    for (model, most) in [
        ("claude-opus-5-5-default", 128_000),
        ("claude-haiku-5-5-default", 128_000),
        ("claude-opus-4-8-default", 128_000),
        ("claude-opus-4-6-default", 128_000),
        ("claude-sonnet-4-6-default", 64_000),
        ("claude-haiku-4-5@20251001", 64_000),
        ("claude-opus-4-1-20250805", 32_000),
        ("claude-3-7-sonnet-20250219", 64_000),
        ("claude-3-5-sonnet-20240620", 8192),
        ("claude-3-haiku-20240307", 4096),
        ("claude-opus-9", 128_000),
    ] {
        check_rows(&[
            (
                &format!(r#"{{"model":"{model}","max_tokens":{most}}}"#),
                ACCEPTED,
            ),
            (
                &format!(r#"{{"model":"{model}","max_tokens":{}}}"#, most + 1),
                &format!("max_tokens: {} > {most}, which is the maximum", most + 1),
            ),
        ]);
    }
    let long = |characters: usize| {
        json!({ "messages": [{ "role": "user", "content": "x".repeat(characters) }] }).to_string()
    };
    let refused = "prompt is too long: 200004 tokens > 200000 maximum";
    check_models(VERSION_3, &long(800_000), refused);
    check_models(SONNET_5, &long(800_000), ACCEPTED);
}

#[test]
fn a_tool_definition_is_refused_with_its_number() {
    let tool = |definition: &str| format!(r#"{{"tools":[{definition}]}}"#);
    let schema = |schema: &str| tool(&format!(r#"{{"name":"a","input_schema":{schema}}}"#));
    let name = |name: &str| {
        tool(&format!(
            r#"{{"name":"{name}","input_schema":{{"type":"object"}}}}"#
        ))
    };
    let property = |name: &str| {
        schema(&format!(
            r#"{{"type":"object","properties":{{"{name}":{{}}}}}}"#
        ))
    };
    let root = "tools.0.custom.input_schema: input_schema does not support oneOf, allOf, or anyOf \
                at the top level";
    let names = "tools.0.custom.input_schema.properties: Property keys should match pattern \
                 '^[a-zA-Z0-9_.-]{1,64}$'";
    let tool_name = "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,64}$'";
    check_rows(&[
        (
            &schema(r#"{"type":"array"}"#),
            "tools.0.custom.input_schema.type: Input should be 'object'",
        ),
        (
            &schema(r#"{"properties":{}}"#),
            "tools.0.custom.input_schema.type: Field required",
        ),
        (
            &schema(r#"{"type":"object","anyOf":[{"required":["a"]}]}"#),
            root,
        ),
        (&schema(r#"{"type":"object","oneOf":[]}"#), root),
        (&schema(r#"{"type":"object","allOf":[]}"#), root),
        (
            &schema(r#"{"type":"object","properties":{"a":{"anyOf":[{"type":"string"}]}}}"#),
            ACCEPTED,
        ),
        (&property("größe"), names),
        (&property("a b"), names),
        (&property(""), names),
        (&property(&"x".repeat(65)), names),
        (&property(&"x".repeat(64)), ACCEPTED),
        (&property("a.b-c_D9"), ACCEPTED),
        (
            &schema(
                r#"{"type":"object","properties":{"a":{"type":"array","items":{"properties":{"$x":{}}}}}}"#,
            ),
            "tools.0.custom.input_schema.properties.a.items.properties: Property keys should match",
        ),
        (&name("a b"), tool_name),
        (&name(""), tool_name),
        (&name(&"x".repeat(65)), tool_name),
        (&name(&"x".repeat(64)), ACCEPTED),
        (
            r#"{"tools":[{"name":"a","input_schema":{"type":"object"}},{"name":"a","input_schema":{"type":"object"}}]}"#,
            "tools: Tool names must be unique.",
        ),
    ]);
}

/// Keywords and forms of a schema, with the expected refusal after the path.
const SCHEMA_ROWS: &[(&str, &str)] = &[
    (
        r#"{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}"#,
        "For 'object' type, 'additionalProperties' must be explicitly set to false",
    ),
    (
        r#"{"type":"object","additionalProperties":false,"properties":{"a":{"type":"object"}}}"#,
        "For 'object' type, 'additionalProperties' must be explicitly set to false",
    ),
    (
        r#"{"type":"object","additionalProperties":true}"#,
        "For 'object' type, 'additionalProperties: true' is not supported. Please set \
         'additionalProperties' to false",
    ),
    (
        r#"{"type":"object","additionalProperties":{"type":"string"}}"#,
        "For 'object' type, 'additionalProperties: object' is not supported.",
    ),
    (
        r#"{"oneOf":[{"type":"string"},{"type":"null"}]}"#,
        "Schema type 'oneOf' is not supported",
    ),
    (
        r#"{"type":"integer","minimum":1,"maximum":5}"#,
        "For 'integer' type, properties minimum, maximum are not supported",
    ),
    (
        r#"{"type":"string","maxLength":5}"#,
        "For 'string' type, property 'maxLength' is not supported",
    ),
    (
        r#"{"type":"array","items":{"type":"string"},"maxItems":5}"#,
        "For 'array' type, property 'maxItems' is not supported",
    ),
    (
        r#"{"type":"array","items":{"type":"string"},"minItems":2}"#,
        "For 'array' type, 'minItems' values other than 0 or 1 are not supported",
    ),
    (
        r#"{"type":"string","format":"regex"}"#,
        "For 'string' type, 'format' value 'regex' is not supported",
    ),
    (
        r##"{"$ref":"#/$defs/node","$defs":{"node":{"type":"object","additionalProperties":false,
            "properties":{"next":{"$ref":"#/$defs/node"}}}}}"##,
        "Circular reference detected in schema definitions: node -> node",
    ),
    (
        r##"{"type":"object","additionalProperties":false,"properties":{"a":{"$ref":"#"}}}"##,
        "Circular reference detected in schema definitions: # -> #",
    ),
    (
        r#"{"$ref":"https://example.com/schema"}"#,
        "Reference 'https://example.com/schema' cannot be resolved",
    ),
    (
        r##"{"type":"object","additionalProperties":false,"required":["a","b","c","d","e"],"properties":{
            "a":{"type":"array","minItems":1,"items":{"$ref":"#/$defs/part"}},
            "b":{"$ref":"#/$defs/part"},
            "c":{"anyOf":[{"type":"integer"},{"type":"null"}]},
            "d":{"type":"string","format":"date-time","description":"when"},
            "e":{"enum":["x","y"]},
            "f":{"const":3},
            "g":{"allOf":[{"type":"string"}]}},
            "$defs":{"part":{"type":"object","additionalProperties":false,"properties":{"n":{"type":"number"}}}}}"##,
        ACCEPTED,
    ),
];

#[test]
fn an_output_format_must_be_a_closed_and_finite_schema() {
    let model = "claude-sonnet-4-5-20250929";
    for (schema, expected) in SCHEMA_ROWS {
        let format = format!(
            r#"{{"model":"{model}","output_config":{{"format":{{"type":"json_schema","schema":{schema}}}}}}}"#
        );
        let refusal = if *expected == ACCEPTED {
            ACCEPTED.to_owned()
        } else {
            format!("output_config.format.schema: {expected}")
        };
        check_rows(&[(&format, &refusal)]);
    }
}

#[test]
fn a_strict_tool_must_have_such_a_schema_too() {
    let model = "claude-opus-5-default";
    let tool = |strict: bool, schema: &str| {
        format!(
            r#"{{"model":"{model}","tools":[{{"name":"a","strict":{strict},"input_schema":{schema}}}]}}"#
        )
    };
    let of_objects = SCHEMA_ROWS.iter().filter(|(schema, expected)| {
        schema.starts_with(r#"{"type":"object""#) && !expected.starts_with("Circular")
    });
    for (schema, expected) in of_objects {
        let refusal = if *expected == ACCEPTED {
            ACCEPTED.to_owned()
        } else {
            format!("tools.0.custom: {expected}")
        };
        check_rows(&[
            (&tool(true, schema), &refusal),
            (&tool(false, schema), ACCEPTED),
        ]);
    }
}

#[test]
fn an_output_format_is_for_4_5_and_later_and_excludes_citations() {
    let format = r#""output_config":{"format":{"type":"json_schema","schema":{"type":"object","additionalProperties":false}}}"#;
    let request = format!("{{{format}}}");
    let refused = "output_config.format: Extra inputs are not permitted";
    for (models, expected) in [
        (ALWAYS_THINKING, ACCEPTED),
        (SONNET_5_5, ACCEPTED),
        (THINKING_UP_TO_HIGH, ACCEPTED),
        (VERSION_4_6, ACCEPTED),
        (VERSION_4_5, ACCEPTED),
        (VERSION_4, refused),
        (SONNET_3_7, refused),
        (VERSION_3, refused),
        (UNKNOWN, ACCEPTED),
    ] {
        check_models(models, &request, expected);
    }
    let document = |citations: bool| {
        format!(
            r#"{{{format},"messages":[{{"role":"user","content":[{{"type":"document","citations":{{"enabled":{citations}}},
                "source":{{"type":"text","media_type":"text/plain","data":"words"}}}}]}}]}}"#
        )
    };
    let cited = "output_config.format: Structured outputs cannot be used together with citations.";
    check_models(SONNET_5, &document(true), cited);
    check_models(SONNET_5, &document(false), ACCEPTED);
}

#[test]
fn roles_alternate_and_the_user_begins() {
    check_rows(&[
        (
            r#"{"messages":[{"role":"assistant","content":"a"}]}"#,
            "messages: first message must use the \"user\" role",
        ),
        (
            r#"{"messages":[{"role":"user","content":"a"},{"role":"user","content":"b"}]}"#,
            "messages: roles must alternate between \"user\" and \"assistant\", but found multiple \
             \"user\" roles in a row",
        ),
        (
            r#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"agent","content":"c"}]}"#,
            "messages: roles must alternate between \"user\" and \"assistant\", but found multiple \
             \"assistant\" roles in a row",
        ),
        (
            r#"{"messages":[{"role":"user","content":"a"},{"role":"agent","content":"b"},{"role":"user","content":"c"}]}"#,
            ACCEPTED,
        ),
    ]);
}

#[test]
fn no_text_may_be_blank() {
    let empty = "messages: text content blocks must be non-empty";
    let blank = "messages: text content blocks must contain non-whitespace text";
    let user = |content: &str| format!(r#"{{"messages":[{{"role":"user","content":{content}}}]}}"#);
    let result = |content: &str| conversation_with_result("{}", content);
    check_rows(&[
        (&user(r#"[{"type":"text","text":""}]"#), empty),
        (&user(r#"[{"type":"text","text":"\n"}]"#), blank),
        (&user(r#"" ""#), blank),
        (
            &user(r#""""#),
            "messages.0: all messages must have non-empty content except for the optional final \
             assistant message",
        ),
        (
            r#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":" "},{"role":"user","content":"b"}]}"#,
            blank,
        ),
        (
            r#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[]},{"role":"user","content":"b"}]}"#,
            "messages.1: all messages must have non-empty content",
        ),
        (&result(r#"[{"type":"text","text":""}]"#), empty),
        (&result(r#"[{"type":"text","text":" "}]"#), blank),
        (&result(r#""\n""#), blank),
        (&result(r#""(no output)""#), ACCEPTED),
        (&result("[]"), ACCEPTED),
        (
            r#"{"system":[{"type":"text","text":""}]}"#,
            "system: text content blocks must be non-empty",
        ),
    ]);
}

/// Returns a conversation with a call with this input and a result with this content.
fn conversation_with_result(input: &str, content: &str) -> String {
    conversation_with_blocks(
        &format!(r#"{{"type":"tool_use","id":"toolu_1","name":"a","input":{input}}}"#),
        &format!(r#"{{"type":"tool_result","tool_use_id":"toolu_1","content":{content}}}"#),
    )
}

/// Returns a conversation with these blocks in its answer and in the message after it.
fn conversation_with_blocks(answer: &str, after: &str) -> String {
    format!(
        r#"{{"tools":[{{"name":"a","input_schema":{{"type":"object"}}}}],"messages":[
            {{"role":"user","content":"go"}},
            {{"role":"assistant","content":[{answer}]}},
            {{"role":"user","content":[{after}]}}]}}"#
    )
}

#[test]
fn calls_and_results_come_in_pairs_and_results_come_first() {
    let call = |id: &str| format!(r#"{{"type":"tool_use","id":"{id}","name":"a","input":{{}}}}"#);
    let result =
        |id: &str| format!(r#"{{"type":"tool_result","tool_use_id":"{id}","content":"x"}}"#);
    let text = r#"{"type":"text","text":"and"}"#;
    let unanswered = "messages.1: `tool_use` ids were found without `tool_result` blocks \
                      immediately after: t2. Each `tool_use` block must have a corresponding \
                      `tool_result` block in the next message.";
    let two = format!("{},{}", call("t1"), call("t2"));
    check_rows(&[
        (&conversation_with_blocks(&two, &result("t1")), unanswered),
        (
            &conversation_with_blocks(&two, &format!("{},{text},{}", result("t1"), result("t2"))),
            unanswered,
        ),
        (
            &conversation_with_blocks(&call("t1"), &format!("{},{}", result("t1"), result("t9"))),
            "messages.2.content.1: unexpected `tool_use_id` found in `tool_result` blocks: t9.",
        ),
        (
            &conversation_with_blocks(&two, &format!("{},{},{text}", result("t2"), result("t1"))),
            ACCEPTED,
        ),
        (
            r#"{"messages":[{"role":"user","content":"go"},
                {"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"a","input":{}}]},
                {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","is_error":true,"content":"no"}]}]}"#,
            "tools: Requests which include `tool_use` or `tool_result` blocks must define tools",
        ),
    ]);
}

#[test]
fn an_input_that_comes_back_must_be_an_object() {
    let refused = "messages.1.content.0.tool_use.input: Input should be a valid dictionary";
    for input in [r#""{\"a\":""#, "[1]", "null", "7"] {
        check_rows(&[(&conversation_with_result(input, r#""x""#), refused)]);
    }
    check_rows(&[(
        &conversation_with_result(r#"{"a":[1]}"#, r#""x""#),
        ACCEPTED,
    )]);
}

/// A PNG of one pixel.
const DOT: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNgAAAAAgAB5Sfe/AAAAABJRU5ErkJggg==";

/// A PNG 2001 pixels wide and 1 high.
const WIDE: &str = "iVBORw0KGgoAAAANSUhEUgAAB9EAAAABCAAAAABMVAGfAAAAF0lEQVR42mNgGAWjYBSMglEwCkbB0AcAB9IAAahUjrQAAAAASUVORK5CYII=";

/// A PNG without any pixels.
const EMPTY: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAAAAAAACAAAAAAe4CPOAAAACElEQVR42gMAAAAAAW/dyZEAAAAASUVORK5CYII=";

/// The beginning of `DOT`, including everything that gives its size.
const CUT: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptV";

/// A PNG 8001 pixels wide and 1 high.
const TOO_WIDE: &str = "iVBORw0KGgoAAAANSUhEUgAAH0EAAAABCAAAAACZyqz4AAAAHUlEQVR42u3BAQEAAACAkP6v7ggKAAAAAAAAAKgBH0IAAQ02lNUAAAAASUVORK5CYII=";

fn image(data: &str) -> String {
    format!(
        r#"{{"type":"image","source":{{"type":"base64","media_type":"image/png","data":"{data}"}}}}"#
    )
}

#[test]
fn a_picture_in_a_tool_result_is_held_to_the_rules_of_all_pictures() {
    let result =
        |images: &[String]| conversation_with_result("{}", &format!("[{}]", images.join(",")));
    let path = "messages.2.content.0.tool_result.content.";
    let unreadable = format!("{path}0.image.source.base64.data: Could not process image");
    check_rows(&[
        (&result(&[image("aGVsbG8=")]), &unreadable),
        (&result(&[image("")]), &unreadable),
        (&result(&[image(EMPTY)]), &unreadable),
        (&result(&[image(CUT)]), &unreadable),
        (
            &result(&[image(TOO_WIDE)]),
            &format!(
                "{path}0.image.source.base64.data: At least one of the image dimensions exceed \
                 max allowed size: 8000 pixels"
            ),
        ),
        (&result(&[image(DOT)]), ACCEPTED),
        (&result(&vec![image(WIDE); 20]), ACCEPTED),
        (&result(&vec![image(DOT); 21]), ACCEPTED),
        (
            &result(&[vec![image(DOT); 20], vec![image(WIDE)]].concat()),
            &format!(
                "{path}20.image.source.base64.data: At least one of the image dimensions exceed \
                 max allowed size for many-image requests: 2000 pixels"
            ),
        ),
        (
            &result(&vec![image(DOT); 101]),
            "messages: too many images: 101 > 100",
        ),
    ]);
    let images = |count: usize| result(&vec![image(DOT); count]);
    check_models(SONNET_5, &images(600), ACCEPTED);
    check_models(
        SONNET_5,
        &images(601),
        "messages: too many images: 601 > 600",
    );
    let large = format!("{CUT}{}", "A".repeat(5 * 1024 * 1024));
    check_rows(&[(
        &result(&[image(&large)]),
        &format!("{path}0.image.source.base64: image exceeds 5 MB maximum: "),
    )]);
}

#[test]
fn an_answer_holds_no_attachments() {
    let answer = |block: &str| {
        format!(
            r#"{{"messages":[{{"role":"user","content":"a"}},{{"role":"assistant","content":[{block}]}},
                {{"role":"user","content":"b"}}]}}"#
        )
    };
    let document =
        r#"{"type":"document","source":{"type":"text","media_type":"text/plain","data":"x"}}"#;
    check_rows(&[
        (
            &answer(&image(DOT)),
            "messages.1.content: 'image' blocks are not permitted within assistant turns",
        ),
        (
            &answer(document),
            "messages.1.content: 'document' blocks are not permitted within assistant turns",
        ),
    ]);
}

#[test]
fn documents_of_blocks_and_search_results_are_accepted() {
    let user = |block: &str| format!(r#"{{"messages":[{{"role":"user","content":[{block}]}}]}}"#);
    let found = r#"{"type":"search_result","source":"https://example.com/","title":"T","content":[{"type":"text","text":"x"}]}"#;
    let document = |source: &str| user(&format!(r#"{{"type":"document","source":{source}}}"#));
    check_rows(&[
        (
            &document(r#"{"type":"content","content":"words"}"#),
            ACCEPTED,
        ),
        (
            &document(r#"{"type":"content","content":[{"type":"text","text":"words"}]}"#),
            ACCEPTED,
        ),
        (
            &document(&format!(
                r#"{{"type":"content","content":[{}]}}"#,
                image(DOT)
            )),
            ACCEPTED,
        ),
        (
            &document(r#"{"type":"url","url":"https://example.com/a.pdf"}"#),
            "messages.0.content.0.document.source: Input tag 'url' found",
        ),
        (&user(found), ACCEPTED),
        (
            &conversation_with_result("{}", &format!("[{found}]")),
            ACCEPTED,
        ),
        (
            &user(r#"{"type":"search_result","source":"s","content":[]}"#),
            "messages.0.content.0.search_result.title: Field required",
        ),
    ]);
}

#[test]
fn the_fields_of_a_block_have_their_types() {
    let user = |block: &str| format!(r#"{{"messages":[{{"role":"user","content":[{block}]}}]}}"#);
    let text = |more: &str| user(&format!(r#"{{"type":"text","text":"x",{more}}}"#));
    let document = |more: &str| {
        let source = r#"{"type":"text","media_type":"text/plain","data":"x"}"#;
        user(&format!(
            r#"{{"type":"document","source":{source},{more}}}"#
        ))
    };
    let found = |more: &str| {
        let content = r#"[{"type":"text","text":"x"}]"#;
        user(&format!(
            r#"{{"type":"search_result","source":"s","title":"t","content":{content},{more}}}"#
        ))
    };
    let block = "messages.0.content.0";
    check_rows(&[
        (&document(r#""title":"t","context":"c""#), ACCEPTED),
        (
            &document(r#""title":null,"context":null,"citations":null"#),
            ACCEPTED,
        ),
        (&document(r#""citations":{"enabled":true}"#), ACCEPTED),
        (
            &document(r#""title":7"#),
            &format!("{block}.document.title: Input should be"),
        ),
        (
            &document(r#""context":[]"#),
            &format!("{block}.document.context: Input should be"),
        ),
        (
            &document(r#""citations":[]"#),
            &format!("{block}.document.citations: Input should be"),
        ),
        (
            &document(r#""citations":{"enabled":1}"#),
            &format!("{block}.document.citations.enabled: Input should be"),
        ),
        (
            &found(r#""citations":true"#),
            &format!("{block}.search_result.citations: Input"),
        ),
        (
            &text(r#""citations":"x""#),
            &format!("{block}.text.citations: Input should be"),
        ),
        (
            &text(r#""cache_control":{"type":"x"}"#),
            &format!("{block}.text.cache_control: Input"),
        ),
        (
            &text(r#""cache_control":{"type":"ephemeral","ttl":5}"#),
            &format!("{block}.text.cache_control.ttl: Input should be"),
        ),
    ]);
}

#[test]
fn the_id_of_a_user_is_at_most_256_characters() {
    let metadata = |length: usize| json!({"metadata": {"user_id": "é".repeat(length)}}).to_string();
    check_rows(&[
        (&metadata(256), ACCEPTED),
        (
            &metadata(257),
            "metadata.user_id: String should have at most 256 characters",
        ),
    ]);
}

/// Returns a conversation whose first answer thought and called a tool, and which continues with
/// the result.
fn open_tool_turn(model: &str) -> Value {
    let mut body = request_with(&json!({
        "model": model,
        "system": "Be brief.",
        "tools": [{ "name": "a", "input_schema": { "type": "object" } }],
    }));
    if model.contains("haiku-4-5") {
        body["thinking"] = json!({ "type": "enabled", "budget_tokens": 1024 });
    }
    let answer = answer_to(&body);
    append(&mut body, "assistant", &answer);
    let call = &answer[answer.as_array().map_or(0, Vec::len) - 1];
    let result = json!([{ "type": "tool_result", "tool_use_id": call["id"], "content": "x" }]);
    append(&mut body, "user", &result);
    body
}

/// Returns the same conversation one answer and one question later.
fn next_turn(model: &str) -> Value {
    let mut body = open_tool_turn(model);
    let answer = answer_to(&body);
    append(&mut body, "assistant", &answer);
    append(&mut body, "user", &json!("And then?"));
    body
}

fn append(body: &mut Value, role: &str, content: &Value) {
    body["messages"]
        .as_array_mut()
        .expect("messages are a list")
        .push(json!({ "role": role, "content": content }));
}

/// Returns the content of the scripted answer.
fn answer_to(body: &Value) -> Value {
    let ask = super::check_request(body, DemoRegion::Eu, "key")
        .unwrap_or_else(|refusal| panic!("{body}\n{}", refusal.message()));
    let blocks = script_answer(&ask).content.into_iter();
    blocks
        .map(|block| match block {
            AnswerBlock::Thinking {
                thinking,
                signature,
            } => json!({ "type": "thinking", "thinking": thinking, "signature": signature }),
            AnswerBlock::Text(text) => json!({ "type": "text", "text": text }),
            AnswerBlock::ToolUse { id, name, .. } => {
                json!({ "type": "tool_use", "id": id, "name": name, "input": {} })
            }
        })
        .collect()
}

/// Every model that signs what it thinks.
const THINKERS: &[&str] = &[
    "claude-opus-5-5-default",
    "claude-haiku-5-5-default",
    "claude-opus-5-default",
    "claude-haiku-4-5@20251001",
];

const BOUND: &str = "messages.1.content.0: Invalid `signature` in `thinking` block. The block is \
                     bound to a different conversation.";

#[test]
fn thinking_that_comes_back_unchanged_is_accepted() {
    for model in THINKERS {
        for body in [open_tool_turn(model), next_turn(model)] {
            assert_eq!(body["messages"][1]["content"][0]["type"], "thinking");
            assert_eq!(refusal_of(&body), ACCEPTED, "{body}");
        }
    }
}

#[test]
fn thinking_may_not_change_or_be_left_out_while_a_tool_turn_is_open() {
    let modified = "`thinking` or `redacted_thinking` blocks in the latest assistant message \
                    cannot be modified. These blocks must remain as they were in the original \
                    response.";
    for model in THINKERS {
        let mut altered = open_tool_turn(model);
        altered["messages"][1]["content"][0]["thinking"] = json!("something else");
        assert_eq!(
            refusal_of(&altered),
            format!("messages.1.content.0: {modified}")
        );

        let mut missing = open_tool_turn(model);
        let answer = missing["messages"][1]["content"].as_array_mut();
        answer.expect("blocks").remove(0);
        assert_eq!(
            refusal_of(&missing),
            format!("messages.1.content.1: {modified}")
        );
    }
}

#[test]
fn thinking_of_a_turn_that_has_ended_may_be_left_out_from_the_oldest_on() {
    let without_thinking = |index: usize| {
        let mut body = next_turn("claude-opus-5-5-default");
        let answer = body["messages"][index]["content"].as_array_mut();
        assert_eq!(answer.expect("blocks").remove(0)["type"], "thinking");
        body
    };
    assert_eq!(refusal_of(&without_thinking(1)), ACCEPTED);
    assert_eq!(refusal_of(&without_thinking(3)), ACCEPTED);

    let mut third = next_turn("claude-opus-5-5-default");
    third["tool_choice"] = json!({ "type": "none" });
    let answer = answer_to(&third);
    append(&mut third, "assistant", &answer);
    append(&mut third, "user", &json!("Go on"));
    let answer = third["messages"][3]["content"].as_array_mut();
    answer.expect("blocks").remove(0);
    let message = refusal_of(&third);
    assert!(
        message.ends_with(
            "The `thinking` block that preceded this one when it was created is missing from this \
             request."
        ),
        "{message}"
    );
}

#[test]
fn thinking_is_bound_to_its_conversation_or_to_its_account() {
    let tool = json!({ "name": "b", "input_schema": { "type": "object" } });
    let changes: &[(&str, Value, &str)] = &[
        ("/system", json!("Be long."), "The `system` prompt differs"),
        (
            "/tools",
            json!([{ "name": "a", "input_schema": { "type": "object" } }, tool]),
            "The `tools` differ",
        ),
        (
            "/messages/0/content",
            json!("Something else"),
            "The `messages` before",
        ),
    ];
    for (path, value, sentence) in changes {
        for model in ["claude-opus-5-5-default", "claude-haiku-4-5@20251001"] {
            let mut body = next_turn(model);
            *body.pointer_mut(path).expect("it is there") = value.clone();
            let message = refusal_of(&body);
            assert!(
                message.starts_with(BOUND) && message.contains(sentence),
                "{path}: {message}"
            );
        }
        let mut body = next_turn("claude-haiku-5-5-default");
        *body.pointer_mut(path).expect("it is there") = value.clone();
        assert_eq!(refusal_of(&body), ACCEPTED, "{path}");
    }
    for model in ["claude-opus-5-5-default", "claude-haiku-5-5-default"] {
        let mut body = next_turn(model);
        body["model"] = json!("claude-sonnet-5-default");
        let message = refusal_of(&body);
        assert!(
            message.starts_with(BOUND) && message.contains("The model differs"),
            "{message}"
        );
    }
    for (model, is_accepted) in [
        ("claude-opus-5-5-default", true),
        ("claude-haiku-5-5-default", false),
    ] {
        let body = next_turn(model);
        let checked = super::check_request(&body, DemoRegion::Eu, "another key");
        assert_eq!(checked.is_ok(), is_accepted, "{model}");
    }
}

#[test]
fn cache_marks_and_effort_may_change_between_turns() {
    let mut body = next_turn("claude-opus-5-5-default");
    let mark = json!({ "type": "ephemeral" });
    body["system"] = json!([{ "type": "text", "text": "Be brief.", "cache_control": mark }]);
    body["messages"][0]["content"] =
        json!([{ "type": "text", "text": "Hello", "cache_control": mark }]);
    body["tools"][0]["cache_control"] = mark;
    body["output_config"] = json!({ "effort": "low" });
    assert_eq!(refusal_of(&body), ACCEPTED);
}

#[test]
fn the_effort_of_thinking_between_tools_is_fixed_for_a_conversation() {
    let mut body = request_with(&json!({
        "model": "claude-sonnet-5-5-default",
        "thinking": { "type": "between_tools" },
        "output_config": { "effort": "low" },
        "tools": [{ "name": "a", "input_schema": { "type": "object" } }],
    }));
    let call = answer_to(&body);
    assert_eq!(call[0]["type"], "text", "it does not think up front");
    append(&mut body, "assistant", &call);
    let result = json!([{ "type": "tool_result", "tool_use_id": call[1]["id"], "content": "x" }]);
    append(&mut body, "user", &result);
    let answer = answer_to(&body);
    assert_eq!(answer[0]["type"], "thinking", "it does between tools");
    append(&mut body, "assistant", &answer);
    append(&mut body, "user", &json!("And then?"));
    assert_eq!(refusal_of(&body), ACCEPTED);
    body["output_config"]["effort"] = json!("high");
    assert!(refusal_of(&body).contains("The effort differs"));
}

#[test]
fn thinking_that_the_endpoint_did_not_sign_is_refused() {
    let answer = |block: &str| {
        format!(
            r#"{{"model":"claude-opus-5","messages":[{{"role":"user","content":"a"}},
                {{"role":"assistant","content":[{block},{{"type":"text","text":"b"}}]}},
                {{"role":"user","content":"c"}}]}}"#
        )
    };
    let invalid = "messages.1.content.0: Invalid `signature` in `thinking` block";
    check_rows(&[
        (
            &answer(r#"{"type":"thinking","thinking":"hm","signature":"EqQBCgIYAhIM"}"#),
            invalid,
        ),
        (
            &answer(r#"{"type":"thinking","thinking":"hm","signature":""}"#),
            invalid,
        ),
        (
            &answer(r#"{"type":"thinking","thinking":"hm"}"#),
            "messages.1.content.0.thinking.signature: Field required",
        ),
        (
            &answer(r#"{"type":"redacted_thinking","data":"b2xk"}"#),
            "messages.1.content.0: Invalid `data` in `redacted_thinking` block",
        ),
    ]);
}

#[test]
fn with_a_budget_an_answer_with_calls_begins_with_thinking() {
    let with = |thinking: &str, model: &str| {
        let mut body: Value =
            serde_json::from_str(&conversation_with_result("{}", r#""x""#)).expect("made as JSON");
        body["thinking"] = serde_json::from_str(thinking).expect("given as JSON");
        body["model"] = json!(model);
        body.to_string()
    };
    check_rows(&[
        (
            &with(
                r#"{"type":"enabled","budget_tokens":1024}"#,
                "claude-sonnet-4-5-20250929",
            ),
            "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found \
             `tool_use`.",
        ),
        (
            &with(r#"{"type":"adaptive"}"#, "claude-opus-4-8-default"),
            ACCEPTED,
        ),
    ]);
}

#[test]
fn an_answer_thinks_where_its_model_does_and_shows_it_where_asked() {
    for (changes, thinks, is_shown) in [
        (r#"{"model":"claude-3-haiku-20240307"}"#, false, false),
        (r#"{"model":"claude-opus-4-8-default"}"#, false, false),
        (r#"{"model":"claude-opus-5-5-default"}"#, true, false),
        (
            r#"{"model":"claude-opus-5-default","thinking":{"type":"disabled"}}"#,
            false,
            false,
        ),
        (
            r#"{"model":"claude-opus-4-8-default","thinking":{"type":"adaptive"}}"#,
            true,
            false,
        ),
        (
            r#"{"model":"claude-opus-4-8-default","thinking":{"type":"adaptive","display":"summarized"}}"#,
            true,
            true,
        ),
        (
            r#"{"model":"claude-opus-4-6-default","thinking":{"type":"adaptive"}}"#,
            true,
            true,
        ),
        (
            r#"{"model":"claude-haiku-4-5","thinking":{"type":"enabled","budget_tokens":1024}}"#,
            true,
            true,
        ),
        (
            r#"{"model":"claude-haiku-4-5","thinking":{"type":"enabled","budget_tokens":1024,"display":"omitted"}}"#,
            true,
            false,
        ),
        (
            r#"{"model":"claude-opus-5-default","tools":[{"name":"a","input_schema":{"type":"object"}}],
                "tool_choice":{"type":"any"}}"#,
            false,
            false,
        ),
    ] {
        let changes: Value = serde_json::from_str(changes).expect("given as JSON");
        let body = request_with(&changes);
        let ask = ParsedRequest::from_body(&body, "key");
        match &script_answer(&ask).content[0] {
            AnswerBlock::Thinking {
                thinking,
                signature,
            } => {
                assert!(thinks && !signature.is_empty(), "{changes}");
                assert_eq!(!thinking.is_empty(), is_shown, "{changes}");
            }
            other => assert!(!thinks, "{changes}: {other:?}"),
        }
    }
}

#[test]
fn a_request_has_at_most_four_cache_marks_in_order_and_on_blocks_that_may_have_one() {
    let short = r#""cache_control":{"type":"ephemeral"}"#;
    let long = r#""cache_control":{"type":"ephemeral","ttl":"1h"}"#;
    let text = |mark: &str| format!(r#"{{"type":"text","text":"x",{mark}}}"#);
    let user = |blocks: &[String]| {
        format!(
            r#"{{"messages":[{{"role":"user","content":[{}]}}]}}"#,
            blocks.join(",")
        )
    };
    let order = "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control \
                 block. Note that blocks are processed in the following order: `tools`, `system`, \
                 `messages`.";
    let tool = |mark: &str| format!(r#"{{"name":"a","input_schema":{{"type":"object"}},{mark}}}"#);
    let everywhere = |of_tool: &str, of_system: &str, of_text: &str| {
        format!(
            r#"{{"tools":[{}],"system":[{}],"messages":[{{"role":"user","content":[{}]}}]}}"#,
            tool(of_tool),
            text(of_system),
            text(of_text)
        )
    };
    let in_result = |marks: usize| {
        let texts = vec![text(short); marks].join(",");
        conversation_with_result("{}", &format!("[{texts}]"))
    };
    let five = "A maximum of 4 blocks with cache_control may be provided. Found 5.";
    check_rows(&[
        (&user(&vec![text(short); 4]), ACCEPTED),
        (&user(&vec![text(short); 5]), five),
        (&in_result(4), ACCEPTED),
        (&in_result(5), five),
        (&user(&[text(long), text(short)]), ACCEPTED),
        (
            &user(&[text(short), text(long)]),
            &format!("messages.0.content.1.cache_control.ttl: {order}"),
        ),
        (&everywhere(long, long, short), ACCEPTED),
        (
            &everywhere(short, long, short),
            &format!("system.0.cache_control.ttl: {order}"),
        ),
        (
            &everywhere(short, short, long),
            &format!("messages.0.content.0.cache_control.ttl: {order}"),
        ),
        (
            &user(&[text(r#""cache_control":{"type":"ephemeral","ttl":"2h"}"#)]),
            "messages.0.content.0.text.cache_control.ttl: Input should be '5m' or '1h'",
        ),
        (
            &user(&[format!(r#"{{"type":"text","text":"",{short}}}"#)]),
            "messages.0.content.0.text.text: cache_control cannot be set for empty text blocks",
        ),
        (
            &format!(r#"{{"system":[{{"type":"text","text":"",{short}}}]}}"#),
            "system.0: cache_control cannot be set for empty text blocks",
        ),
        (
            &format!("{{{short}}}"),
            "cache_control: Extra inputs are not permitted",
        ),
        (
            &format!(
                r#"{{"model":"claude-opus-5","messages":[{{"role":"user","content":"a"}},{{"role":"assistant",
                    "content":[{{"type":"thinking","thinking":"","signature":"s",{short}}},{{"type":"text","text":"b"}}]}},
                    {{"role":"user","content":"c"}}]}}"#
            ),
            "messages.1.content.0.thinking.cache_control: Extra inputs are not permitted",
        ),
    ]);
}
