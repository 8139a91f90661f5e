//! `--json`: the API's message object with one more key.

use serde_json::{Value, json};

use crate::support::{
    events::{MODEL, Stream, error, message},
    gate::Gate,
    reply::Reply,
    sending::{answering, send},
    server::Server,
};

/// Adds the fields that the program adds for a complete answer at the first attempt.
fn with_langdock(mut message: Value, region: &str, list_price: f64) -> Value {
    message["langdock"] = json!({
        "region": region, "model": MODEL, "session_id": null, "complete": true, "attempts": 1, "waited_s": 0.0,
        "cost": {"list_price": list_price, "currency": "USD", "prices": "2026-11"},
    });
    message
}

#[test]
fn a_streamed_answer_is_put_together_to_the_message() {
    let stream = Stream::new()
        .field(
            "usage",
            json!({"input_tokens": 25, "output_tokens": 1, "cache_read_input_tokens": 7, "service_tier": "standard"}),
        )
        .start()
        .thinking_block("Hmm.", "c2ln")
        .text_block(["Hello, ", "world"])
        .tool_use_block("toolu_1", "look", ["{\"at\": ", "[1, 2]}"])
        .block(&json!({"type": "a_new_block", "with": {"anything": [1]}}))
        .stop("end_turn");
    let text = stream.to_string();
    let server = Server::start(move |_, _| Reply::sse(&text));
    let outcome = send(&server).args(["--json", "--region", "us", "Hi"]).run();
    outcome.code(0).stderr_empty();
    let expected = with_langdock(stream.message(), "us", 0.000_302_1);
    assert_eq!(outcome.stdout_json(), expected);
    assert_eq!(outcome.stdout_text().lines().count(), 1, "{outcome}");
    assert!(outcome.stdout.ends_with(b"}\n"));
}

#[test]
fn an_answer_in_one_piece_is_printed_as_it_came() {
    let mut whole = message("Hello");
    whole["container"] = json!({"id": "c", "new": true});
    let expected = with_langdock(whole.clone(), "eu", 0.000_3);
    let server = Server::start(move |_, _| Reply::json(200, &whole));
    let outcome = send(&server).args(["--set=stream=false", "-j", "Hi"]).run();
    outcome.code(0).stderr_empty();
    assert_eq!(outcome.stdout_json(), expected);
}

#[test]
fn nothing_is_printed_before_the_message_is_whole() {
    let partial = Stream::new()
        .start()
        .text_block(["one "])
        .thinking_block("Hmm.", "c2ln");
    let begin = partial.to_string();
    let whole = partial.text_block(["two"]).stop("end_turn").to_string();
    let rest = whole.strip_prefix(&begin).unwrap().to_owned();
    let gate = Gate::new();
    let theirs = gate.clone();
    let server =
        Server::start(move |_, _| Reply::sse_start().body(&begin).wait(&theirs).body(&rest));
    let running = send(&server)
        .args(["--json", "--show-thinking", "Hi"])
        .spawn();
    // By now the events after the first text have been read.
    running.wait_for_stderr("Hmm.");
    assert!(running.stdout_so_far().is_empty());
    gate.open();
    let outcome = running.finish();
    let content = outcome.code(0).stdout_json()["content"].clone();
    assert_eq!(
        (&content[0]["text"], &content[2]["text"]),
        (&json!("one "), &json!("two"))
    );
}

#[test]
fn the_tries_and_the_waiting_are_told() {
    let server = Server::start(|_, nth| match nth {
        0 => Reply::json(529, &error("overloaded_error", "Later.")).header("retry-after-ms", 20),
        _ => Reply::sse(crate::support::events::answer(&["ok"])),
    });
    let outcome = send(&server).args(["--json", "Hi"]).run();
    outcome.code(0).stderr_contains("retrying");
    let about = outcome.stdout_json()["langdock"].clone();
    assert_eq!(
        (&about["attempts"], &about["waited_s"]),
        (&json!(2), &json!(0.02))
    );
}

#[test]
fn of_a_cut_answer_what_came_is_printed_with_complete_false() {
    let begun = Stream::new().start().open_text_block(["half "]);
    let text = begun.to_string();
    let server = Server::start(move |_, _| Reply::sse_start().body(&text).close());
    let outcome = send(&server).args(["--json", "Hi"]).run();
    outcome.code(8).stderr_contains("langdock: error: ");
    let printed = outcome.stdout_json();
    assert_eq!(
        printed["content"],
        json!([{"type": "text", "text": "half "}])
    );
    assert_eq!(printed["langdock"]["complete"], false);
    let last = outcome.stderr.lines().last().unwrap();
    let object: Value = serde_json::from_str(last).unwrap();
    assert_eq!(
        (&object["error"]["kind"], &object["error"]["exit_code"]),
        (&json!("incomplete"), &json!(8))
    );
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn an_error_is_an_object_on_stderr_behind_its_line_and_stdout_stays_empty() {
    let mut body = error("invalid_request_error", "Bad \u{9b}thing.");
    body["request_id"] = json!("req_1");
    let server = Server::start(move |_, _| Reply::json(400, &body));
    let outcome = send(&server).args(["--json", "Hi"]).run();
    outcome
        .code(3)
        .stdout("")
        .stderr_contains("langdock: error: HTTP 400")
        .stderr_lacks("\u{9b}");
    let last = outcome.stderr.lines().last().unwrap();
    let mut object: Value = serde_json::from_str(last).unwrap();
    assert!(
        object["error"]["message"]
            .take()
            .as_str()
            .unwrap()
            .contains("Bad \u{9b}thing."),
        "{outcome}"
    );
    let expected = json!({"type": "error", "error": {
        "kind": "invalid_request", "status": 400, "type": "invalid_request_error", "message": null,
        "request_id": "req_1", "retryable": false, "retry_after": null, "exit_code": 3,
    }});
    assert_eq!(object, expected);
}

#[test]
fn a_usage_error_is_told_as_json_too() {
    let server = answering("ok");
    for args in [
        &["--json", "--temperature", "5", "Hi"][..],
        &["-j"],
        &["--json", "--no-such-flag"],
        &["-Sj", "--bogus"],
    ] {
        let outcome = send(&server).args(args).run();
        outcome
            .code(2)
            .stdout("")
            .stderr_contains("langdock: error: ");
        let object: Value = serde_json::from_str(outcome.stderr.lines().last().unwrap()).unwrap();
        assert_eq!(
            (&object["type"], &object["error"]["kind"]),
            (&json!("error"), &json!("usage"))
        );
    }
    assert_eq!(server.connections(), 0);
}
