//! An answer with a status other than 200 is reported by its status, whatever its body looks like,
//! and never with the key.

use std::thread;

use serde_json::{Value, json};

use crate::{
    endings::send,
    support::{
        command::KEY,
        events::{self, Stream},
        failure::check_error_object,
        outcome::Outcome,
        reply::Reply,
        server::Server,
    },
};

/// A status, the API's error type, and the outcome: exit code, kind, whether it is retried, hint.
type Row = (u16, &'static str, i32, &'static str, bool, &'static str);

const STATUSES: [Row; 18] = [
    (
        400,
        "invalid_request_error",
        3,
        "invalid_request",
        false,
        "--dry-run",
    ),
    (
        401,
        "authentication_error",
        4,
        "auth",
        false,
        "support@langdock.com",
    ),
    (402, "billing_error", 4, "auth", false, "budget"),
    (
        403,
        "permission_error",
        4,
        "auth",
        false,
        "support@langdock.com",
    ),
    (
        404,
        "not_found_error",
        3,
        "invalid_request",
        false,
        "--base-url",
    ),
    (
        405,
        "invalid_request_error",
        3,
        "invalid_request",
        false,
        "--dry-run",
    ),
    (408, "timeout_error", 5, "server", true, "again"),
    (409, "conflict_error", 5, "server", true, "again"),
    (
        413,
        "request_too_large",
        3,
        "invalid_request",
        false,
        "send less",
    ),
    (418, "api_error", 3, "invalid_request", false, "--dry-run"),
    (
        422,
        "invalid_request_error",
        3,
        "invalid_request",
        false,
        "--dry-run",
    ),
    (429, "rate_limit_error", 7, "rate_limit", true, "--max-wait"),
    (500, "api_error", 5, "server", true, "again later"),
    (502, "api_error", 5, "server", true, "again later"),
    (503, "api_error", 5, "server", true, "again later"),
    (504, "timeout_error", 5, "server", true, "again later"),
    (529, "overloaded_error", 5, "server", true, "again later"),
    (599, "api_error", 5, "server", true, "again later"),
];

/// Runs a request that is retried at most once, against a server that always responds in the same
/// way.
fn refused(row: Row, flags: &[&str]) -> Outcome {
    let (status, kind, _, _, retried, _) = row;
    let body = events::error(kind, "it went wrong");
    let server = Server::start(move |_, _| {
        Reply::json(status, &body)
            .header("retry-after-ms", 1)
            .header("request-id", "req_011C")
    });
    let outcome = send(&server).args(["--max-retries", "1"]).args(flags).run();
    let bodies = server
        .requests()
        .iter()
        .map(|request| request.text().to_owned())
        .collect::<Vec<_>>();
    assert_eq!(
        bodies.len(),
        if retried { 2 } else { 1 },
        "requests on {status}"
    );
    assert!(
        bodies.windows(2).all(|pair| pair[0] == pair[1]),
        "each try sends the same body"
    );
    outcome
}

#[test]
fn every_status_has_its_exit_code_one_error_line_and_a_hint() {
    for row in STATUSES {
        let (status, _, code, _, retried, hint) = row;
        let outcome = refused(row, &[]);
        let failure = outcome.stdout("").failure(code);
        failure
            .says(&format!("HTTP {status}"), hint)
            .says("it went wrong", hint);
        assert_eq!(
            failure.message.ends_with("(after 2 attempts)"),
            retried,
            "{outcome}"
        );
        assert_eq!(failure.notices.len(), usize::from(retried), "{outcome}");
        assert_eq!(failure.object, Value::Null);
    }
}

#[test]
fn every_status_has_an_error_object_for_programs() {
    for row in STATUSES {
        let (status, kind, code, name, retried, _) = row;
        let retry_after = json!(0.001);
        let expected = json!({"status": status, "type": kind, "request_id": "req_011C", "retryable": retried, "retry_after": retry_after});
        refused(row, &["--json"])
            .stdout("")
            .failure(code)
            .object(code, name, &expected);

        let outcome = refused(row, &["--jsonl", "--set=stream=false"]);
        assert_eq!(outcome.failure(code).object, Value::Null, "{outcome}");
        let lines = outcome.stdout_json_lines();
        let (error, before) = lines.split_last().unwrap();
        check_error_object(error, code, name, &expected);
        let types = before.iter().map(|line| &line["type"]).collect::<Vec<_>>();
        assert_eq!(
            types,
            if retried { vec!["retry"] } else { vec![] },
            "{outcome}"
        );
    }
}

#[test]
fn a_success_that_is_no_answer_is_an_error_of_the_server() {
    let server = Server::start(|_, _| Reply::raw("HTTP/1.1 204 No Content\r\n\r\n"));
    let outcome = send(&server).args(["--json"]).run();
    outcome
        .stdout("")
        .failure(5)
        .object(5, "server", &json!({"status": 204, "retryable": false}));
    server.only_request();

    let server = Server::start(|_, _| Reply::json(202, &events::message("later")));
    send(&server).run().stdout("").failed(
        5,
        "HTTP 202 Accepted",
        "that server may not support the Messages API",
    );
    server.only_request();
}

#[test]
fn the_head_of_a_refusal_is_shown_to_those_who_watch() {
    let server = Server::start(|_, _| Reply::status(401).header("x-team", "a\tb").body("no"));
    let outcome = send(&server).args(["-vv"]).run();
    outcome
        .code(4)
        .stderr_contains("* HTTP 401 after ")
        .stderr_contains("\n< x-team: a b\n")
        .stderr_lacks(KEY);
}

#[test]
fn a_redirect_is_named_and_never_followed() {
    let elsewhere = Server::start(|_, _| panic!("nobody may come here"));
    let target = format!("{}/anthropic/us/v1/messages", elsewhere.url());
    for status in [301, 302, 303, 307, 308] {
        let location = target.clone();
        let server = Server::start(move |_, _| Reply::status(status).header("location", &location));
        let outcome = send(&server).args(["--json"]).run();
        let failure = outcome.stdout("").failure(3);
        failure
            .says(&target, "--base-url")
            .says("not followed", "--base-url");
        failure.object(
            3,
            "invalid_request",
            &json!({"status": status, "retryable": false}),
        );
        assert_eq!(server.only_request().path, "/anthropic/eu/v1/messages");
    }
    let server = Server::start(|_, _| Reply::status(302));
    send(&server)
        .run()
        .stdout("")
        .failed(3, "HTTP 302", "--base-url");
    assert_eq!(elsewhere.connections(), 0);
}

#[test]
fn every_shape_of_an_error_body_gives_its_message_and_its_type() {
    let invalid = Some("invalid_request_error");
    let table: [(&[u8], &str, Option<&str>); 13] = [
        (
            br#"{"type":"error","error":{"type":"invalid_request_error","message":"no"},"request_id":"r"}"#,
            "Bad Request: no",
            invalid,
        ),
        (
            br#"{"error":{"message":"no","type":"invalid_request_error","param":null,"code":null}}"#,
            "Bad Request: no",
            invalid,
        ),
        (br#"{"message":"No body"}"#, "Bad Request: No body", None),
        (br#"{"error":"Bad Request","message":"why"}"#, "Bad Request: why", None),
        (br#"{"error":"not like this"}"#, "Bad Request: not like this", None),
        (br#"{"something":"else"}"#, r#"Bad Request: {"something":"else"}"#, None),
        (b"upstream connect error\nor disconnect\r\n", "Bad Request: upstream connect error or disconnect", None),
        (
            b"<html><head><title>400 Bad Request</title></head><body>cloud</body></html>",
            "an HTML page titled \"400 Bad Request\"",
            None,
        ),
        (b"<!DOCTYPE html><p>oh", "an HTML page", None),
        (b"", "HTTP 400: Bad Request", None),
        (b"bad \xff gateway", "bad \u{fffd} gateway", None),
        (b"\x1b[31mred\x07", "\u{241b}[31mred\u{2407}", None),
        (b"{\"error\":{\"type\":\"invalid_request_error\",\"message\":\"cut of", "cut of", None),
    ];
    for (body, message, kind) in table {
        let server = Server::start(move |_, _| Reply::status(400).body(body));
        send(&server)
            .run()
            .stdout("")
            .failed(3, message, "--dry-run");
        let outcome = send(&server).args(["--json"]).run();
        let failure = outcome.stdout("").failure(3);
        assert_eq!(failure.object["error"]["type"], json!(kind), "{outcome}");
        assert_eq!(server.requests().len(), 2);
    }
}

#[test]
fn a_400_about_the_length_says_what_to_change() {
    for (message, hint) in [
        (
            "prompt is too long: 200247 tokens > 200000 maximum",
            "`langdock count`",
        ),
        (
            "max_tokens: 8192 > 4096, which is the maximum allowed number of output tokens for claude-3-opus-20240229",
            "--max-tokens",
        ),
        (
            "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease input length or \
             `max_tokens` and try again",
            "--max-tokens",
        ),
    ] {
        let body = events::error("invalid_request_error", message);
        let server = Server::start(move |_, _| Reply::json(400, &body));
        send(&server)
            .run()
            .stdout("")
            .failed(3, &message[..20], hint);
    }
}

#[test]
fn a_large_error_body_is_cut_to_a_line() {
    for stall in [false, true] {
        let server = Server::start(move |_, _| {
            let reply = Reply::status(400)
                .header("content-type", "text/plain")
                .chunked()
                .body("wrong ".repeat(175_000));
            if stall {
                reply.wait_for_hang_up()
            } else {
                reply
            }
        });
        let outcome = send(&server).run();
        outcome.stdout("").failed(3, "wrong wrong", "--dry-run");
        assert!(outcome.stderr.len() < 2000, "{outcome}");
    }
}

#[test]
fn an_error_body_that_breaks_off_does_not_hide_the_error() {
    for reset in [false, true] {
        let server = Server::start(move |_, _| {
            let reply = Reply::status(401)
                .header("content-length", 1000)
                .body("key exp");
            if reset { reply.reset() } else { reply.close() }
        });
        send(&server)
            .run()
            .stdout("")
            .failed(4, "HTTP 401", "support@langdock.com");
        server.only_request();
    }
}

#[test]
fn the_request_id_is_that_of_the_header_or_of_the_body() {
    let body = json!({"type": "error", "error": {"type": "invalid_request_error", "message": "no"}, "request_id": "req_body"});
    for (header, expected) in [
        (None, "req_body"),
        (Some("request-id"), "req_header"),
        (Some("x-request-id"), "req_header"),
        (Some("x-amzn-requestid"), "req_header"),
    ] {
        let body = body.clone();
        let server = Server::start(move |_, _| match header {
            Some(name) => Reply::json(400, &body).header(name, "req_header"),
            None => Reply::json(400, &body),
        });
        let failure = send(&server).args(["--json"]).run().failure(3);
        failure.object(3, "invalid_request", &json!({"request_id": expected}));
    }
}

#[test]
fn an_unknown_model_is_named_with_the_nearest_that_there_is() {
    let message = "Invalid model, available models are: gpt-5-mini, claude-haiku-4-5-20251001, claude-sonnet-4-5-20250930";
    for body in [
        json!({"error": {"message": message, "type": "invalid_request_error"}}),
        json!({"message": message}),
    ] {
        let server = Server::start(move |_, _| Reply::json(400, &body));
        let expected = format!(
            "cannot use model `{}`: HTTP 400 Bad Request: {message}\nhint: did you mean -m \
             claude-sonnet-4-5-20250930?\n",
            events::MODEL
        );
        send(&server)
            .run()
            .code(3)
            .stdout("")
            .stderr_contains(&expected);
        server.only_request();
    }
}

#[test]
fn the_key_is_in_no_output_wherever_the_server_echoes_it() {
    let said = format!("bad key {KEY}!");
    let late = format!("{} {KEY}", "x".repeat(990));
    let error = |text: &str| json!({"error": {"type": KEY, "message": text}, "request_id": KEY});
    let (text, long, location) = (
        error(&said),
        error(&late),
        format!("https://elsewhere.example/{KEY}"),
    );
    let replies: [Box<dyn Fn() -> Reply + Send + Sync>; 13] = [
        Box::new(move || {
            Reply::json(401, &text)
                .header("x-echo", KEY)
                .header("request-id", KEY)
        }),
        Box::new(move || Reply::json(400, &long)),
        Box::new(move || {
            Reply::status(500)
                .body(format!("<html><title>{KEY}</title>"))
                .header("x-should-retry", "false")
        }),
        Box::new(move || {
            Reply::status(400).body(format!("{{\"error\":\"sk\\u002dld{}\"}}", &KEY[5..]))
        }),
        Box::new(move || {
            Reply::status(403)
                .body(KEY)
                .header("x-echo", format!("Bearer {KEY}"))
        }),
        Box::new(move || Reply::status(403).body(format!("{}{KEY}", "y".repeat(65_530)))),
        Box::new(move || Reply::status(301).header("location", &location)),
        Box::new(move || {
            Reply::status(429)
                .header("retry-after-ms", 1)
                .body(KEY)
                .header("x-echo", KEY)
        }),
        Box::new(move || {
            Reply::sse(
                Stream::new()
                    .start()
                    .error("invalid_request_error", KEY)
                    .to_string(),
            )
        }),
        Box::new(move || {
            Reply::sse(
                Stream::new()
                    .start()
                    .open_text_block(["x"])
                    .error(KEY, KEY)
                    .to_string(),
            )
        }),
        Box::new(move || {
            Reply::sse(
                Stream::new()
                    .start()
                    .error(
                        "invalid_request_error",
                        &format!("{} {KEY}", "x".repeat(990)),
                    )
                    .to_string(),
            )
        }),
        Box::new(move || Reply::sse(format!("event: message_{KEY}\ndata: {{{KEY}\n\n"))),
        Box::new(move || {
            Reply::sse(format!("<p>{} {KEY}", "x".repeat(980))).header("request-id", KEY)
        }),
    ];
    thread::scope(|scope| {
        for reply in replies {
            scope.spawn(move || {
                let server = Server::start(move |_, _| reply());
                for flags in [
                    &["-vv"][..],
                    &["-vv", "--json"],
                    &["-vv", "--jsonl"],
                    &["--json", "--set=stream=false"],
                ] {
                    let outcome = send(&server).args(flags).args(["--max-retries", "1"]).run();
                    assert_ne!(outcome.code, Some(0), "{outcome}");
                    let all = outcome.stdout_text() + &outcome.stderr;
                    // Any prefix counts too: a message must not be truncated in the middle of a
                    // key.
                    assert!(
                        !all.contains("sk-ld") && !all.contains("0123456789"),
                        "{outcome}"
                    );
                }
            });
        }
    });
}
