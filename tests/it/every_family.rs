//! Every command with every family of models, known or not: no request is refused by the scripted
//! endpoint, which has the rules of each family.

use std::fs;

use serde_json::Value;

use crate::support::{command::Langdock, home::Home, outcome::Outcome, serving::Serving};
use crate::tools::toml;

/// A model of each family, and whether it can think.
const FAMILIES: [(&str, bool); 13] = [
    ("claude-opus-5-5-default", true),
    ("claude-fable-5-2-default", true),
    ("claude-sonnet-5-5-default", true),
    ("claude-haiku-5-5-default", true),
    ("claude-opus-5-default", true),
    ("claude-sonnet-5-default", true),
    ("claude-fable-5-default", true),
    ("claude-opus-4-8-default", true),
    ("claude-opus-4-6-default", true),
    ("claude-haiku-4-5-20251001", true),
    ("claude-3-7-sonnet-20250219", true),
    ("claude-3-5-haiku-20241022", false),
    ("claude-3-haiku-20240307", false),
];

/// Models without a row in any table, which may accept anything.
const UNKNOWN: [(&str, bool); 2] = [("claude-opus-9-default", true), ("claude-mythos-5-1", true)];

/// A schema that no output format can have as it is.
const SCHEMA: &str = r#"{"type": "object", "properties": {"n": {"type": "integer", "minimum": 1},
    "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 3}}, "required": ["n"]}"#;

/// What was sent in one run, and what came of it.
struct Sent {
    outcome: Outcome,
    /// The bodies of its requests for messages.
    bodies: Vec<Value>,
}

/// Runs a command for each model, with a tools file `t.toml` and this config file, and checks that
/// it ends well and that each of its requests is accepted.
#[track_caller]
fn with_every_model(config: &str, args: &[&str], stdin: &str, check: impl Fn(&str, bool, &Sent)) {
    let serving = Serving::start(&[]);
    for (model, thinks) in FAMILIES.iter().chain(&UNKNOWN) {
        let home = Home::new();
        home.write("work/t.toml", toml("look_up", "echo found", ""));
        home.write(home.config().join("config.toml"), config);
        let outcome = Langdock::new()
            .key()
            .env("LANGDOCK_BASE_URL", &serving.base_url)
            .home(&home)
            .args(args)
            .args(["-m", model, "--record", "r"])
            .stdin_bytes(stdin)
            .run();
        outcome.code(0);
        let record = fs::read_to_string(home.work().join("r")).unwrap();
        let exchanges = record.lines().skip(1).map(|line| {
            let exchange: Value = serde_json::from_str(line).unwrap();
            assert_eq!(exchange["response"]["status"], 200, "{model}: {exchange}");
            exchange["request"].clone()
        });
        let bodies = exchanges
            .filter(|request| request["method"] == "POST")
            .map(|mut request| request["body"].take())
            .collect();
        let sent = Sent { outcome, bodies };
        assert!(
            sent.bodies.iter().all(|body| body["model"] == *model),
            "{}",
            sent.outcome
        );
        check(model, *thinks, &sent);
    }
    serving.end();
}

#[test]
fn send_is_answered() {
    let args = ["send", "What is the capital of France?"];
    with_every_model("", &args, "", |model, _, sent| {
        sent.outcome.stdout_contains("capital of").stderr_empty();
        assert_eq!(sent.bodies.len(), 1, "{model}");
    });
}

#[test]
fn send_with_a_schema_has_an_answer_that_fits() {
    for config in ["", "thinking = 'auto'\n"] {
        let args = ["send", "--schema", SCHEMA, "Count"];
        with_every_model(config, &args, "", |model, thinks, sent| {
            let answer = sent.outcome.stdout_json();
            assert!(answer["n"].as_u64() >= Some(1), "{model}: {answer}");
            let has_thinking = sent.bodies[0].get("thinking").is_some();
            assert_eq!(has_thinking, thinks && !config.is_empty(), "{model}");
        });
    }
}

#[test]
fn tool_run_runs_a_tool_and_has_an_answer() {
    let args = ["tool-run", "-T", "./t.toml", "-y", "Look it up"];
    with_every_model("", &args, "", |model, _, sent| {
        sent.outcome.stdout_contains("found");
        assert_eq!(sent.bodies.len(), 2, "{model}");
    });
}

#[test]
fn chat_with_thinking_has_all_that_was_said_in_each_request() {
    let args = ["chat", "-T", "./t.toml", "-y"];
    let lines = "Look it up\nAnd then?\nThanks\n";
    with_every_model(
        "thinking = 'auto'\n",
        &args,
        lines,
        |model, thinks, sent| {
            if !thinks {
                sent.outcome.stderr_contains("is left out");
            }
            let has_thinking = |body: &Value| body.get("thinking").is_some();
            assert!(
                sent.bodies.iter().all(|body| has_thinking(body) == thinks),
                "{model}"
            );
            let last = sent.bodies.last().unwrap()["messages"].to_string();
            assert_eq!(last.contains(r#""type":"thinking""#), thinks, "{last}");
            assert!(last.contains(r#""type":"tool_result""#), "{last}");
            assert!(
                last.contains("Look it up") && last.contains("Thanks"),
                "{last}"
            );
        },
    );
}

#[test]
fn batch_with_a_schema_has_records_that_fit() {
    let args = ["batch", "--schema", SCHEMA, "Count {text}"];
    with_every_model("", &args, "one\ntwo\n", |model, _, sent| {
        let records = sent.outcome.stdout_text();
        assert_eq!(records.lines().count(), 2, "{model}");
        for line in records.lines() {
            let record: Value = serde_json::from_str(line).unwrap();
            let answer: Value = serde_json::from_str(record["text"].as_str().unwrap()).unwrap();
            assert!(answer["n"].as_u64() >= Some(1), "{model}: {record}");
        }
    });
}
