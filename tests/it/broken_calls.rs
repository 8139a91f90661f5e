//! A call whose arguments are not a JSON object, in an otherwise complete answer: everything else
//! in the answer is kept, and the exit code is not 0.

use std::fs;

use serde_json::{Value, json};

use crate::batch::batch;
use crate::session::{said, saying};
use crate::support::{
    command::Langdock,
    events::Stream,
    home::Home,
    reply::Reply,
    sending::{answering, send},
    server::Server,
};
use crate::tokens::log_of;
use crate::tools::{done, failure, playing, results, shell_tool, tool_run};

/// The error message.
const MESSAGE: &str = "the model called `t` with arguments that are not a JSON object";

/// Arguments that are not a JSON object: truncated JSON, words, and other values.
const BROKEN: [&str; 4] = ["{\"city\": \"Kö", "look it up", "[1, 2]", "7"];

/// Returns an answer with text, a valid call, and a call with these arguments.
fn answer(arguments: &str) -> Stream {
    Stream::new()
        .start()
        .text_block(["I look", " twice."])
        .tool_use_block("t1", "t", ["{\"n\": 1}"])
        .tool_use_block("t2", "t", [arguments])
        .stop("tool_use")
}

/// Returns the content of that answer.
fn content(arguments: &str) -> Value {
    json!([
        {"type": "text", "text": "I look twice."},
        {"type": "tool_use", "id": "t1", "name": "t", "input": {"n": 1}},
        {"type": "tool_use", "id": "t2", "name": "t", "input": {}, "partial_json": arguments},
    ])
}

#[test]
fn the_text_is_on_stdout_and_the_exit_code_is_8() {
    for arguments in BROKEN {
        let server = playing(&[answer(arguments)]);
        send(&server)
            .args(["Hi"])
            .run()
            .stdout("I look twice.\n")
            .failed(8, MESSAGE, "the partial answer is on standard output");
        server.only_request();
    }
}

#[test]
fn a_message_that_is_not_streamed_keeps_the_same() {
    // An unstreamed answer has no JSON text that could be truncated: the input is another value, or
    // text.
    for (input, partial_json) in [
        (json!([1, 2]), "[1,2]"),
        (json!("{\"city\": \"Kö"), "{\"city\": \"Kö"),
    ] {
        let mut message = answer("").message();
        message["content"][2]["input"] = input;
        let server = Server::start(move |_, _| Reply::json(200, &message));
        let run = |args: &[&str]| {
            send(&server)
                .args(["Hi", "--set=stream=false"])
                .args(args)
                .run()
        };
        run(&[]).stdout("I look twice.\n").failed(
            8,
            MESSAGE,
            "the partial answer is on standard output",
        );
        let outcome = run(&["--json"]);
        assert_eq!(
            outcome.code(8).stdout_json()["content"],
            content(partial_json)
        );
    }
}

#[test]
fn json_and_jsonl_have_the_whole_message_marked_incomplete() {
    for arguments in BROKEN {
        let server = playing(&[answer(arguments)]);
        let outcome = send(&server).args(["Hi", "--json"]).run();
        outcome.failure(8).says(MESSAGE, "partial answer").object(
            8,
            "incomplete",
            &json!({"retryable": false}),
        );
        let message = outcome.stdout_json();
        assert_eq!(message["content"], content(arguments));
        assert_eq!(message["langdock"]["complete"], false);
        assert_eq!(
            message["usage"],
            json!({"input_tokens": 25, "output_tokens": 15})
        );
        let outcome = send(&server).args(["Hi", "--jsonl"]).run();
        let lines = outcome.code(8).stdout_json_lines();
        let [.., stop, result, error] = lines.as_slice() else {
            panic!("{outcome}")
        };
        assert_eq!(stop, &json!({"type": "message_stop"}));
        assert_eq!(
            (&result["type"], &result["content"]),
            (&json!("result"), &content(arguments))
        );
        assert_eq!(result["langdock"]["complete"], false);
        assert_eq!(error["error"]["kind"], "incomplete");
    }
}

#[test]
fn printed_calls_include_the_raw_arguments_of_the_broken_one() {
    let home = shell_tool("true", "");
    let server = playing(&[answer(BROKEN[0])]);
    let outcome = send(&server)
        .home(&home)
        .args(["Hi", "-T", "./t.toml"])
        .run();
    outcome
        .code(8)
        .stderr_contains("I look twice.\n")
        .stderr_contains(MESSAGE);
    let calls = content(BROKEN[0]).as_array().unwrap()[1..].to_vec();
    assert_eq!(outcome.stdout_json_lines(), calls);
}

#[test]
fn tool_run_tells_the_model_what_it_wrote_and_continues() {
    for arguments in BROKEN {
        let home = shell_tool("echo ran", "");
        let server = playing(&[answer(arguments), done("Done.")]);
        let outcome = tool_run(&server)
            .home(&home)
            .args(["-T", "./t.toml", "-y", "Hi"])
            .run();
        outcome.code(0).stdout("I look twice.\nDone.\n");
        let body = server.requests()[1].json();
        let mut sent = content(arguments);
        sent[2]
            .as_object_mut()
            .unwrap()
            .shift_remove("partial_json");
        assert_eq!(body["messages"][1]["content"], sent);
        let why = format!(
            "the call was not run, because its arguments are not a JSON object: {arguments}"
        );
        assert_eq!(
            results(&body),
            [
                json!({"type": "tool_result", "tool_use_id": "t1", "content": "ran\n"}),
                failure("t2", &why),
            ]
        );
    }
}

#[test]
fn a_conversation_that_ended_with_such_a_call_quotes_it_to_the_model() {
    let home = shell_tool("echo ran", "");
    let server = playing(&[answer(BROKEN[1]), done("Done.")]);
    let run = |args: &[&str]| {
        send(&server)
            .home(&home)
            .args(["-T", "./t.toml", "--session", "s"])
            .args(args)
            .run()
    };
    run(&["Hi"]).code(8);
    run(&["Again"]).code(0);
    let body = server.requests()[1].json();
    let sent = body["messages"][2]["content"].to_string();
    assert!(
        sent.contains("its arguments are not a JSON object: look it up") && sent.contains("Again"),
        "{body}"
    );
    assert_eq!(body["messages"][1]["content"][2]["input"], json!({}));
    // Without tools, they become text.
    let outcome = saying(&server, &home, &["--session", "s", "And?"]).run();
    outcome
        .code(0)
        .stderr_contains("the tool calls of the conversation are sent as text");
    let body = server.requests()[2].json().to_string();
    assert!(
        body.contains("[called t with {}]") && !body.contains("tool_use"),
        "{body}"
    );
}

#[test]
fn the_turn_is_saved_and_the_conversation_can_be_continued() {
    let home = Home::new();
    let broken = playing(&[answer(BROKEN[0])]);
    saying(&broken, &home, &["--session", "s", "look"])
        .run()
        .code(8);
    let shown = Langdock::new()
        .home(&home)
        .args(["session", "show", "s", "--json"])
        .run();
    let turn = shown.code(0).stdout_json()["turns"][1].clone();
    assert_eq!(turn["content"], content(BROKEN[0]));
    assert_eq!(
        (&turn["partial"], &turn["usage"]),
        (
            &json!(true),
            &json!({"input_tokens": 25, "output_tokens": 15})
        )
    );
    Langdock::new()
        .home(&home)
        .args(["session", "show", "s"])
        .run()
        .code(0)
        .stdout_contains(BROKEN[0]);
    Langdock::new()
        .home(&home)
        .args(["session", "search", "Kö"])
        .run()
        .code(0)
        .stdout_contains("s");
    let server = answering("ok");
    saying(&server, &home, &["--session", "s", "then"])
        .moved_to(&server)
        .run()
        .code(0)
        .stdout("ok\n");
    let said = said(&server.only_request());
    assert!(
        said[1].contains("I look twice.") && !said[1].contains("partial_json"),
        "{said:?}"
    );
}

#[test]
fn its_tokens_are_in_the_usage_log() {
    let home = Home::new();
    let server = playing(&[answer(BROKEN[0])]);
    send(&server).home(&home).args(["Hi"]).run().code(8);
    let log = log_of(&home);
    assert_eq!(log.len(), 1);
    assert_eq!(
        (&log[0]["in"], &log[0]["out"], &log[0]["outcome"]),
        (&json!(25), &json!(15), &json!("incomplete"))
    );
}

#[test]
fn the_batch_record_has_the_text_the_message_and_the_usage() {
    let server = playing(&[answer(BROKEN[0])]);
    let outcome = batch(&server).args(["{text}"]).stdin_bytes("Hi\n").run();
    let records = outcome.code(11).stdout_json_lines();
    let error = &records[0]["error"];
    assert_eq!(
        (&error["kind"], &error["message"], &error["text"]),
        (
            &json!("incomplete"),
            &json!(MESSAGE),
            &json!("I look twice.")
        )
    );
    assert_eq!(error["answer"]["content"], content(BROKEN[0]));
    assert_eq!(
        records[0]["usage"],
        json!({"input_tokens": 25, "output_tokens": 15})
    );
}

#[test]
fn an_item_whose_repair_the_budget_leaves_out_has_no_record_and_is_asked_again() {
    let schema = r#"{"type": "object", "required": ["n"]}"#;
    let call = |arguments: &str| {
        Stream::new()
            .start()
            .tool_use_block("t1", "answer", [arguments])
            .stop("tool_use")
    };
    let home = Home::new();
    let run = |server: &Server, more: &[&str]| {
        batch(server)
            .home(&home)
            .args(["{text}", "--schema", schema, "-o", "out.jsonl"])
            .args(more)
            .stdin_bytes("Hi\n")
            .run()
    };
    let server = playing(&[call("{\"n\": ")]);
    run(&server, &["--max-requests", "1"])
        .code(13)
        .stderr_contains("0 items done");
    server.only_request();
    let server = playing(&[call("{\"n\": 1}")]);
    run(&server, &[]).code(0);
    server.only_request();
    let records = fs::read_to_string(home.work().join("out.jsonl")).unwrap();
    let record: Value = serde_json::from_str(&records).unwrap();
    assert_eq!(record["text"], "{\"n\":1}");
}

#[test]
fn the_text_stays_in_the_part_file() {
    let home = Home::new();
    let server = playing(&[answer(BROKEN[0])]);
    send(&server)
        .home(&home)
        .args(["Hi", "-o", "out"])
        .run()
        .code(8)
        .stdout("")
        .stderr_contains("out.part");
    assert!(!home.work().join("out").exists());
    assert_eq!(
        fs::read_to_string(home.work().join("out.part")).unwrap(),
        "I look twice.\n"
    );
}

#[test]
fn arguments_cut_off_by_a_limit_or_a_refusal_keep_that_exit_code() {
    let cut = |reason: &str| {
        Stream::new()
            .start()
            .text_block(["I look."])
            .tool_use_block("t1", "t", [BROKEN[0]])
            .stop(reason)
    };
    for (reason, code) in [("max_tokens", 9), ("refusal", 10)] {
        send(&playing(&[cut(reason)]))
            .args(["Hi"])
            .run()
            .code(code)
            .stdout("I look.\n")
            .stderr_lacks("JSON object");
    }
}
