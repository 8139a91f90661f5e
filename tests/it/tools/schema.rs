//! `--schema`: an answer that matches, or none.

use serde_json::{Value, json};

use super::{calling, done, playing};
use crate::batch::batch;
use crate::support::{events::Stream, home::Home, outcome::Outcome, sending::send, server::Server};
use crate::tokens::log_of;

const SCHEMA: &str =
    r#"{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}"#;

fn answering_with(inputs: &[Value]) -> Server {
    playing(
        &inputs
            .iter()
            .map(|input| calling(&[("answer", input.clone())]))
            .collect::<Vec<_>>(),
    )
}

#[track_caller]
fn ask(server: &Server, args: &[&str]) -> Outcome {
    send(server)
        .args(["--schema", SCHEMA, "Hi"])
        .args(args)
        .run()
}

#[test]
fn the_answer_is_forced_through_one_tool_and_stdout_has_its_json_alone() {
    let server = answering_with(&[json!({"n": 1, "b": "\u{e9}"})]);
    ask(&server, &[])
        .code(0)
        .stdout("{\"n\":1,\"b\":\"é\"}\n")
        .stderr_empty();
    let body = server.only_request().json();
    assert_eq!(
        body["tool_choice"],
        json!({"type": "tool", "name": "answer"})
    );
    assert_eq!(body["tools"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        body["tools"][0]["input_schema"],
        serde_json::from_str::<Value>(SCHEMA).unwrap()
    );
}

#[test]
fn on_a_terminal_it_is_indented() {
    let server = answering_with(&[json!({"n": 1})]);
    let outcome = send(&server)
        .args(["--schema", SCHEMA, "Hi"])
        .on_terminal(80, 24)
        .finish();
    outcome.code(0).stdout("{\r\n  \"n\": 1\r\n}\r\n");
}

#[test]
fn a_wrong_answer_is_sent_back_with_the_validators_words() {
    let server = answering_with(&[json!({"n": "x"}), json!({}), json!({"n": 3})]);
    let outcome = ask(&server, &[]);
    outcome
        .code(0)
        .stdout("{\"n\":3}\n")
        .stderr_contains("does not fit the schema: at `/n`: \"x\" is not of type");
    assert_eq!(server.connections(), 1);
    let bodies: Vec<Value> = server
        .requests()
        .iter()
        .map(crate::support::request::Request::json)
        .collect();
    assert_eq!(bodies.len(), 3);
    let turns = bodies[1]["messages"].as_array().unwrap();
    assert_eq!(turns[1]["content"][0]["input"], json!({"n": "x"}));
    let said = &turns[2]["content"][0];
    assert_eq!(
        (&said["type"], &said["tool_use_id"], &said["is_error"]),
        (&json!("tool_result"), &json!("t1"), &json!(true))
    );
    assert!(
        said["content"]
            .as_str()
            .is_some_and(|said| said.contains("\"x\" is not of type \"integer\"")),
        "{said}"
    );
    assert!(
        bodies[2]["messages"]
            .to_string()
            .contains("\\\"n\\\" is a required property")
    );
}

#[test]
fn an_answer_that_never_fits_leaves_stdout_empty() {
    let home = Home::new();
    let server = playing(&[done("No.")]);
    let outcome = ask(&server, &["-q"]);
    let failure = outcome.failure(12);
    assert_eq!(failure.notices, ["No."], "the answer is not lost");
    failure.says(
        "the answer does not fit the schema: the model did not call the tool",
        "--repair",
    );
    assert_eq!(server.requests().len(), 3);
    let server = answering_with(&[json!({})]);
    send(&server)
        .home(&home)
        .args(["--schema", SCHEMA, "--repair", "0", "-o", "out.json", "Hi"])
        .run()
        .code(12)
        .stdout("");
    assert!(!home.work().join("out.json").exists());
}

#[test]
fn what_is_not_whole_is_no_answer() {
    let cut = Stream::new()
        .start()
        .tool_use_block("t1", "answer", ["{\"n\": 1"])
        .stop("max_tokens");
    ask(&playing(&[cut]), &[]).failed(9, "the answer was cut off", "--max-tokens");
    let refused = Stream::new().start().text_block(["No."]).stop("refusal");
    let outcome = ask(&playing(&[refused]), &[]);
    outcome
        .code(10)
        .stdout("")
        .stderr_contains("No.\nlangdock: error: the model refused to answer\nhint: rephrase");
    let broken = Stream::new()
        .start()
        .tool_use_block("t1", "answer", ["{\"n\": 1}"]);
    ask(&playing(&[broken]), &[]).code(8).stdout("");
}

/// Schemas whose answer is wrapped in the property `value` of the tool's input.
const WRAPPED: [&str; 4] = [
    "{}",
    r#"{"minLength": 1}"#,
    r#"{"type": ["object", "null"]}"#,
    r#"{"anyOf": [{"type": "null"}, {"type": "object"}]}"#,
];

#[test]
fn an_answer_without_the_wrapper_is_sent_back() {
    for schema in WRAPPED {
        let server = answering_with(&[json!({"n": 1}), json!({}), json!({"value": {"n": 1}})]);
        let run = |args: &[&str]| {
            send(&server)
                .args(["--schema", schema, "Hi"])
                .args(args)
                .run()
        };
        run(&[]).code(0).stdout("{\"n\":1}\n").stderr_contains(
            "the input has no field `value`, which must hold the answer; asking for a correction",
        );
        let requests = server.requests();
        assert_eq!(requests.len(), 3, "{schema}");
        let turns = requests[1].json()["messages"].clone();
        assert_eq!(turns[1]["content"][0]["input"], json!({"n": 1}));
        assert_eq!(turns[2]["content"][0]["is_error"], true);
        let server = answering_with(&[json!({"n": 1})]);
        send(&server)
            .args(["--schema", schema, "--repair", "0", "Hi"])
            .run()
            .stdout("")
            .failure(12)
            .says("no field `value`", "--repair");
    }
}

#[test]
fn null_inside_the_wrapper_is_an_answer() {
    let server = answering_with(&[json!({"value": null})]);
    send(&server)
        .args(["--schema", WRAPPED[2], "Hi"])
        .run()
        .code(0)
        .stdout("null\n")
        .stderr_empty();
}

#[test]
fn batch_sends_an_answer_without_the_wrapper_back() {
    let server = answering_with(&[json!({"n": 1}), json!({"value": {"n": 1}})]);
    let outcome = batch(&server)
        .args(["--schema", "{}", "{text}"])
        .stdin_bytes("Hi\n")
        .run();
    let records = outcome.code(0).stdout_json_lines();
    assert_eq!(records[0]["text"], "{\"n\":1}");
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn an_input_that_is_not_an_object_is_sent_back_empty_and_quoted() {
    for (schema, broken) in [(SCHEMA, "{\"n\": 1"), (SCHEMA, "7"), (WRAPPED[0], "[1, 2]")] {
        let stream = Stream::new()
            .start()
            .tool_use_block("t1", "answer", [broken])
            .stop("tool_use");
        let fits = calling(&[("answer", json!({"n": 1, "value": {"n": 1}}))]);
        let server = playing(&[stream.clone(), fits]);
        send(&server)
            .args(["--schema", schema, "Hi"])
            .run()
            .code(0)
            .stderr_contains(&format!(
                "the input is not a JSON object: {broken}; asking for a correction"
            ));
        let turns = server.requests()[1].json()["messages"].clone();
        assert_eq!(
            turns[1]["content"],
            json!([{"type": "tool_use", "id": "t1", "name": "answer", "input": {}}])
        );
        let said = turns[2]["content"][0]["content"].as_str().unwrap();
        assert!(said.contains(broken), "{said}");
        let home = Home::new();
        send(&playing(std::slice::from_ref(&stream)))
            .home(&home)
            .args(["--schema", schema, "--repair", "0", "Hi"])
            .run()
            .stdout("")
            .failed(12, "is not a JSON object", "--repair");
        assert_eq!(log_of(&home)[0]["out"], 15);
        let records = batch(&playing(&[stream]))
            .args(["--schema", schema, "--repair", "0", "{text}"])
            .stdin_bytes("Hi\n")
            .run()
            .code(11)
            .stdout_json_lines();
        let error = &records[0]["error"];
        assert_eq!(error["kind"], "schema");
        assert_eq!(error["answer"]["content"][0]["partial_json"], broken);
    }
}

#[test]
fn what_is_refused_at_last_is_not_said_again() {
    let unfit = Stream::new()
        .start()
        .tool_use_block("t1", "answer", [r#"{"n": "x"}"#])
        .stop("tool_use");
    let server = playing(&[unfit, Stream::new().start().stop("refusal"), done("ok")]);
    let home = Home::new();
    let run = |args: &[&str]| {
        send(&server)
            .home(&home)
            .args(["--session", "s"])
            .args(args)
            .run()
    };
    run(&["--schema", SCHEMA, "Hi"]).code(10).stdout("");
    run(&["then"]).code(0).stdout("ok\n");
    assert_eq!(
        server.requests()[2].json()["messages"],
        json!([{"role": "user", "content": "then"}])
    );
}

#[test]
fn a_schema_that_is_none_is_told_with_its_place_and_sends_nothing() {
    let (server, home) = (answering_with(&[json!({})]), Home::new());
    home.write("work/s.json", r#"{"type": "objct"}"#);
    let run = |schema: &str| {
        send(&server)
            .home(&home)
            .args(["Hi", "--schema", schema])
            .run()
    };
    run("s.json").failed(
        2,
        "`s.json`: not a valid JSON schema: at `/type`",
        "langdock help send",
    );
    run("{").failed(2, "--schema: not valid JSON", "langdock help send");
    run("none.json").code(1).stdout("");
    for flags in [
        &["--jsonl"][..],
        &["-T", "./t.json"],
        &["--extract"],
        &["--prefill", "{"],
    ] {
        send(&server)
            .args(["Hi", "--schema", SCHEMA])
            .args(flags)
            .run()
            .code(2)
            .stderr_contains("cannot be used with");
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn the_scripted_endpoint_answers_with_what_fits() {
    let run = crate::support::command::Langdock::new().args([
        "--demo",
        "send",
        "--schema",
        SCHEMA,
        "Give me 7.",
    ]);
    run.run().code(0).stdout("{\"n\":7}\n");
}
