//! Servers that imitate the API omit fields of an answer or send null for them: no part of the
//! answer is lost.

use serde_json::{Value, json};

use crate::batch::batch;
use crate::support::{
    events::{MODEL, Stream},
    outcome::Outcome,
    reply::Reply,
    sending::send,
    server::Server,
};
use crate::tools::{done, playing, results, shell_tool, tool_run};

/// Returns a tool call whose start has these fields in addition to its type and name, and whose
/// input follows in deltas.
fn called(fields: &Value, name: &str, input: &str) -> Stream {
    let mut start = json!({"type": "tool_use", "id": "t1", "name": name});
    let more = fields.as_object().unwrap().clone();
    start.as_object_mut().unwrap().extend(more);
    let delta = json!({"type": "input_json_delta", "partial_json": input});
    Stream::new()
        .start()
        .grown_block(&start, &[delta])
        .stop("tool_use")
}

/// Returns what servers send as the input in the start of a call.
fn inputs_in_start() -> [Value; 3] {
    [json!({}), json!({"input": null}), json!({"input": ""})]
}

#[track_caller]
fn send_to(stream: &Stream, args: &[&str]) -> Outcome {
    let server = playing(std::slice::from_ref(stream));
    let outcome = send(&server).args(args).run();
    assert!(!server.requests().is_empty());
    outcome
}

/// Returns text in blocks whose starts have no text.
fn sparse_text() -> Stream {
    let delta = |text: &str| json!({"type": "text_delta", "text": text});
    Stream::new()
        .start()
        .grown_block(&json!({"type": "text"}), &[delta("Grüße"), delta(" an")])
        .grown_block(&json!({"type": "text", "text": null}), &[delta(" alle.")])
        .stop("end_turn")
}

#[test]
fn text_is_shown_if_its_block_starts_without_a_text_field() {
    send_to(&sparse_text(), &["Hi"])
        .code(0)
        .stdout("Grüße an alle.\n")
        .stderr_empty();
    let server = playing(&[sparse_text()]);
    let outcome = batch(&server).args(["{text}"]).stdin_bytes("Hi\n").run();
    let records = outcome.code(0).stderr_empty().stdout_json_lines();
    assert_eq!(records[0]["text"], "Grüße an alle.");
}

#[test]
fn thinking_is_shown_if_its_block_starts_without_its_fields() {
    let delta = |thinking: &str| json!({"type": "thinking_delta", "thinking": thinking});
    let stream = Stream::new()
        .start()
        .grown_block(&json!({"type": "thinking"}), &[delta("Hm, "), delta("so.")])
        .grown_block(&json!({"type": "redacted_thinking"}), &[])
        .text_block(["Yes."])
        .stop("end_turn");
    send_to(&stream, &["Hi", "--show-thinking"])
        .code(0)
        .stdout("Yes.\n")
        .stderr_contains("Hm, so.");
    let message = send_to(&stream, &["Hi", "--json"]).code(0).stdout_json();
    assert_eq!(
        message["content"],
        json!([
            {"type": "thinking", "thinking": "Hm, so.", "signature": ""},
            {"type": "redacted_thinking", "data": ""},
            {"type": "text", "text": "Yes."},
        ])
    );
}

#[test]
fn send_prints_a_call_that_starts_without_input() {
    for fields in inputs_in_start() {
        let home = shell_tool("true", "");
        let server = playing(&[called(&fields, "t", r#"{"city": "Köln"}"#)]);
        let outcome = send(&server)
            .home(&home)
            .args(["Hi", "-T", "./t.toml"])
            .run();
        outcome.code(0).stderr_empty();
        assert_eq!(
            outcome.stdout_json_lines(),
            [json!({"type": "tool_use", "id": "t1", "name": "t", "input": {"city": "Köln"}})]
        );
    }
}

#[test]
fn tool_run_runs_a_call_that_starts_without_input() {
    for fields in inputs_in_start() {
        for (input, given) in [(r#"{"n": 1}"#, json!({"n": 1})), ("", json!({}))] {
            let home = shell_tool("cat", "");
            let server = playing(&[called(&fields, "t", input), done("Done.")]);
            let outcome = tool_run(&server)
                .home(&home)
                .args(["-T", "./t.toml", "-y", "Hi"])
                .run();
            outcome.code(0).stdout("Done.\n");
            let body = server.requests()[1].json();
            assert_eq!(
                body["messages"][1]["content"],
                json!([{"type": "tool_use", "id": "t1", "name": "t", "input": given}])
            );
            assert_eq!(
                results(&body),
                [json!({"type": "tool_result", "tool_use_id": "t1", "content": given.to_string()})]
            );
        }
    }
}

#[test]
fn schema_accepts_a_call_that_starts_without_input() {
    let schema = r#"{"type": "object", "required": ["n"]}"#;
    for fields in inputs_in_start() {
        send_to(
            &called(&fields, "answer", r#"{"n": 1}"#),
            &["Hi", "--schema", schema],
        )
        .code(0)
        .stdout("{\"n\":1}\n")
        .stderr_empty();
    }
}

#[test]
fn json_has_the_defaults_and_jsonl_the_events_as_they_came() {
    let stream = called(&json!({"input": null}), "t", r#"{"n": 1}"#);
    let call = json!({"type": "tool_use", "id": "t1", "name": "t", "input": {"n": 1}});
    let message = send_to(&stream, &["Hi", "--json"])
        .code(0)
        .stderr_empty()
        .stdout_json();
    assert_eq!(message["content"], json!([call]));
    assert_eq!(message["langdock"]["complete"], true);
    let outcome = send_to(&stream, &["Hi", "--jsonl"]);
    let lines = outcome.code(0).stderr_empty().stdout_json_lines();
    assert_eq!(
        lines[1]["content_block"],
        json!({"type": "tool_use", "id": "t1", "name": "t", "input": null})
    );
    let result = lines.last().unwrap();
    assert_eq!(
        (&result["type"], &result["content"]),
        (&json!("result"), &json!([call]))
    );
}

#[test]
fn events_may_omit_everything_but_the_answer_itself() {
    let events = [
        json!({"type": "message_start", "message": {}}),
        json!({"type": "content_block_start", "content_block": {"type": "text"}}),
        json!({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Hi", "citation": null}}),
        json!({"type": "content_block_stop"}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}),
        json!({"type": "message_delta", "delta": null, "usage": null}),
        json!({"type": "message_stop"}),
    ];
    let stream = events.iter().fold(Stream::new(), |stream, event| {
        stream.event(event["type"].as_str().unwrap(), event)
    });
    send_to(&stream, &["Hi"])
        .code(0)
        .stdout("Hi\n")
        .stderr_empty();
    let message = send_to(&stream, &["Hi", "--json"]).code(0).stdout_json();
    assert_eq!(
        (&message["role"], &message["type"], &message["usage"]),
        (&json!("assistant"), &json!("message"), &json!({}))
    );
}

#[test]
fn a_message_that_is_not_streamed_may_omit_the_same() {
    let message = json!({
        "type": "message", "role": null, "model": null, "stop_reason": "tool_use", "usage": null,
        "content": [{"type": "text", "text": null}, {"type": "text", "text": "Hi"}, {"type": "tool_use", "id": "t1", "name": "t"}],
    });
    let server = Server::start(move |_, _| Reply::json(200, &message));
    send(&server)
        .args(["Hi", "--set=stream=false"])
        .run()
        .code(0)
        .stdout("Hi\n")
        .stderr_empty();
    let content = send(&server)
        .args(["Hi", "--set=stream=false", "--json"])
        .run();
    assert_eq!(
        content.code(0).stdout_json()["content"][2],
        json!({"type": "tool_use", "id": "t1", "name": "t", "input": {}})
    );
}

#[test]
fn a_malformed_block_is_an_error_and_never_dropped_silently() {
    for block in [
        json!({"text": "Hi"}),
        json!({"type": "text", "text": ["Hi"]}),
    ] {
        let stream = Stream::new().start().block(&block).stop("end_turn");
        send_to(&stream, &["Hi"])
            .stdout("")
            .failed(5, "`content_block_start`", "--base-url");
        let behind = Stream::new()
            .start()
            .text_block(["Hello."])
            .block(&block)
            .stop("end_turn");
        send_to(&behind, &["Hi"]).stdout("Hello.\n").failed(
            8,
            "`content_block_start`",
            "the partial answer is on standard output",
        );
        let whole = json!({"type": "message", "model": MODEL, "content": [block]});
        let server = Server::start(move |_, _| Reply::json(200, &whole));
        send(&server)
            .args(["Hi", "--set=stream=false"])
            .run()
            .stdout("")
            .failed(5, "expected a message", "--base-url");
    }
}

#[test]
fn counts_of_tokens_that_are_written_as_fractions_are_counted() {
    let stream = Stream::new()
        .start()
        .text_block(["Yes."])
        .stop("end_turn")
        .to_string()
        .replace("\"input_tokens\":", "\"input_tokens\":4000000.0,\"was\":")
        .replace(
            "\"output_tokens\":",
            "\"output_tokens\":10.0,\"was_output\":",
        );
    let server = Server::start(move |_, _| Reply::sse(stream.clone()));
    send(&server)
        .args(["-u", "Hi"])
        .run()
        .code(0)
        .stdout("Yes.\n")
        .stderr_contains("4,000,000 tokens in, 10 out");
}

#[test]
fn a_compressed_answer_that_was_not_asked_for_is_named() {
    for encoding in ["gzip", "br"] {
        let server = Server::start(move |request, _| {
            assert_eq!(request.header("accept-encoding"), None);
            Reply::sse(b"\x1f\x8b\x08\x00not shown").header("content-encoding", encoding)
        });
        send(&server)
            .args(["Hi"])
            .run()
            .code(5)
            .stdout("")
            .stderr_contains(&format!(
                "langdock: error: the response is compressed with {encoding}, which was not asked for"
            ))
            .stderr_contains("hint: turn off compression of responses at the proxy or gateway");
        server.only_request();
    }
    let plain = Stream::new()
        .start()
        .text_block(["Yes."])
        .stop("end_turn")
        .to_string();
    let server =
        Server::start(move |_, _| Reply::sse(plain.clone()).header("content-encoding", "identity"));
    send(&server).args(["Hi"]).run().code(0).stdout("Yes.\n");
}

#[test]
fn a_compressed_error_that_was_not_asked_for_is_named() {
    let gzip = b"\x1f\x8b\x08\x00not shown";
    let json = br#"{"error":{"message":"Too bad."}}"#;
    for (body, encoding, expected) in [
        (
            &gzip[..],
            Some("gzip"),
            "its message is compressed with gzip, which was not asked for",
        ),
        (
            gzip,
            None,
            "its message is compressed with gzip, which was not asked for",
        ),
        (
            b"\x8b\xff",
            Some("br"),
            "its message is compressed with br, which was not asked for",
        ),
        (json, Some("gzip"), "Too bad."),
    ] {
        let server = Server::start(move |_, _| {
            let reply = Reply::status(400).body(body);
            match encoding {
                Some(encoding) => reply.header("content-encoding", encoding).close(),
                None => reply.close(),
            }
        });
        send(&server)
            .args(["Hi"])
            .run()
            .code(3)
            .stdout("")
            .stderr_contains(&format!(
                "langdock: error: HTTP 400 Bad Request: {expected}\n"
            ))
            .stderr_lacks("not shown");
    }
}
