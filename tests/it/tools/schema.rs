//! `--schema`: an answer that fits, or none.

use serde_json::{Value, json};

use super::{calling, done, playing};
use crate::support::{events::Stream, home::Home, outcome::Outcome, sending::send, server::Server};

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
    outcome.failed(
        12,
        "the answer does not fit the schema: the answer did not come as a call",
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
    ask(&playing(&[refused]), &[]).failed(10, "refused", "in another way");
    let broken = Stream::new()
        .start()
        .tool_use_block("t1", "answer", ["{\"n\": 1}"]);
    ask(&playing(&[broken]), &[]).code(8).stdout("");
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
        "`s.json`: it is no JSON schema: at `/type`",
        "langdock help send",
    );
    run("{").failed(2, "--schema: this is no JSON", "langdock help send");
    run("none.json").code(1).stdout("");
    for flags in [
        &["--json"][..],
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
