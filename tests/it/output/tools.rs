//! An answer to a request with tools: the output is the calls, and the text goes to stderr.

use serde_json::json;

use crate::batch::batch;
use crate::support::{
    events::Stream,
    home::Home,
    outcome::Outcome,
    reply::Reply,
    sending::{answering, send},
    server::Server,
};

/// Tools in the syntax of `--set`.
const TOOLS: &str = r#"tools=[{"name":"look","input_schema":{"type":"object"}}]"#;

#[track_caller]
fn run(stream: &Stream) -> Outcome {
    let text = stream.to_string();
    let server = Server::start(move |_, _| Reply::sse(&text));
    let outcome = send(&server).args(["Hi", "--set", TOOLS]).run();
    let tools = json!([{"name": "look", "input_schema": {"type": "object"}}]);
    assert_eq!(server.only_request().json()["tools"], tools);
    outcome
}

#[test]
fn calls_are_json_lines_on_stdout_and_the_text_is_on_stderr() {
    let stream = Stream::new()
        .start()
        .text_block(["I look", " twice."])
        .tool_use_block("toolu_1", "look", ["{\"at\": \"a", "\\nb é\"}"])
        .tool_use_block("toolu_2", "look", [""])
        .stop("tool_use");
    let outcome = run(&stream);
    outcome.code(0).stderr("I look twice.\n");
    let expected = [
        json!({"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": "a\nb é"}}),
        json!({"type": "tool_use", "id": "toolu_2", "name": "look", "input": {}}),
    ];
    assert_eq!(outcome.stdout_json_lines(), expected);
}

#[test]
fn calls_without_a_text_leave_stderr_empty() {
    let outcome = run(&Stream::new()
        .start()
        .tool_use_block("toolu_1", "look", ["{}"])
        .stop("tool_use"));
    outcome.code(0).stderr_empty();
    assert_eq!(outcome.stdout_json_lines().len(), 1);
}

#[test]
fn without_calls_the_text_is_on_stdout() {
    run(&Stream::new()
        .start()
        .text_block(["No need."])
        .stop("end_turn"))
    .code(0)
    .stdout("No need.\n")
    .stderr_empty();
    send(&answering("ok"))
        .args(["Hi", "--set", TOOLS])
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
}

#[test]
fn an_answer_in_a_form_that_is_cut_is_none_whatever_is_allowed() {
    let cut = Stream::new()
        .start()
        .tool_use_block("toolu_1", "answer", ["{\"n\""])
        .stop("max_tokens")
        .to_string();
    let home = Home::new();
    let file = home.write("work/out", "before");
    for args in [
        &[][..],
        &["--allow-truncated"],
        &["--allow-truncated", "-o", "out"],
    ] {
        let text = cut.clone();
        let server = Server::start(move |_, _| Reply::sse(&text));
        let outcome = send(&server)
            .home(&home)
            .args(["Hi", "--schema", r#"{"type": "object"}"#])
            .args(args)
            .run();
        outcome.code(9).stdout("").stderr_lacks("empty");
    }
    assert_eq!(std::fs::read_to_string(file).unwrap(), "before");
    home.write(
        home.config().join("config.toml"),
        "allow_truncated = true\n",
    );
    let server = Server::start(move |_, _| Reply::sse(&cut));
    let batch =
        batch(&server)
            .home(&home)
            .args(["Say {text}", "--schema", r#"{"type": "object"}"#]);
    let outcome = batch.stdin_bytes("Hi\n").run();
    assert_eq!(
        outcome.code(11).stdout_json_lines()[0]["error"]["kind"],
        "truncated",
        "{outcome}"
    );
}
