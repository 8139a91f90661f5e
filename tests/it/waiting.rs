//! Retries: what is retried, after which wait, how often, and what is reported on stderr.

use std::{collections::BTreeSet, thread};

use serde_json::json;

use crate::{
    endings::send,
    support::{
        command::Langdock,
        events::{self, MODEL, Stream},
        failure::check_error_object,
        reply::Reply,
        request::Request,
        server::Server,
    },
};

/// Returns a server that refuses once with this reply and then answers.
fn once(reply: impl Fn() -> Reply + Send + Sync + 'static) -> Server {
    Server::start(move |_, nth| {
        if nth == 0 {
            reply()
        } else {
            Reply::sse(events::answer(&["whole"]))
        }
    })
}

/// Returns a refusal with this status.
fn no(status: u16) -> Reply {
    Reply::json(status, &events::error("some_error", "not now"))
}

#[test]
fn what_may_pass_is_tried_again_with_the_same_body() {
    for status in [408, 409, 429, 500, 502, 503, 504, 529] {
        let server = once(move || no(status).header("retry-after-ms", 1));
        let outcome = send(&server).run();
        outcome.code(0).stdout("whole\n");
        let lines = outcome.stderr.lines().collect::<Vec<_>>();
        assert_eq!(lines.len(), 1, "{outcome}");
        assert!(
            lines[0].starts_with(&format!("langdock: HTTP {status}")),
            "{outcome}"
        );
        assert!(
            lines[0].ends_with("not now; retrying in 0.0 s (attempt 2)"),
            "{outcome}"
        );
        let requests = server.requests();
        assert_eq!(requests.len(), 2);
        assert_eq!(
            (&requests[0].body, &requests[0].headers),
            (&requests[1].body, &requests[1].headers)
        );
        send(&once(move || no(status).header("retry-after-ms", 1)))
            .args(["-q"])
            .run()
            .code(0)
            .stderr_empty();
    }
}

#[test]
fn x_should_retry_decides_where_it_is_sent() {
    let server = once(|| {
        no(400)
            .header("x-should-retry", "true")
            .header("retry-after-ms", 1)
    });
    send(&server).run().code(0).stdout("whole\n");
    assert_eq!(server.requests().len(), 2);

    for status in [429, 500] {
        let server = once(move || {
            no(status)
                .header("x-should-retry", "false")
                .header("retry-after-ms", 1)
        });
        let outcome = send(&server).args(["--json"]).run();
        let (code, kind) = if status == 429 {
            (7, "rate_limit")
        } else {
            (5, "server")
        };
        outcome.stdout("").failure(code).object(
            code,
            kind,
            &json!({"status": status, "retryable": false}),
        );
        server.only_request();
    }
}

#[test]
fn every_form_of_retry_after_is_honoured() {
    for (name, value) in [("retry-after-ms", "1.5"), ("retry-after", "0.01")] {
        let server = once(move || no(429).header(name, value));
        send(&server)
            .run()
            .code(0)
            .stdout("whole\n")
            .stderr_contains("retrying in 0.0 s");
        assert_eq!(server.requests().len(), 2);
    }
    let server = once(|| {
        no(429)
            .header("retry-after", 100)
            .header("retry-after-ms", 2)
    });
    send(&server)
        .run()
        .code(0)
        .stderr_contains("retrying in 0.0 s");
}

#[test]
fn a_retry_after_that_is_no_wait_is_none() {
    for (name, value) in [
        ("retry-after-ms", "0"),
        ("retry-after", "0"),
        ("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT"),
    ] {
        let server = Server::start(move |_, _| no(429).header(name, value));
        // The program's own backoff would be at least 1.5 s.
        let failure = send(&server)
            .args(["--json", "--max-wait", "1s"])
            .run()
            .failure(7);
        failure.object(
            7,
            "rate_limit",
            &json!({"status": 429, "retry_after": null}),
        );
        server.only_request();
    }
}

#[test]
fn a_wait_that_does_not_fit_is_not_begun() {
    for (value, seconds) in [("121", json!(121.0)), ("3600", json!(3600.0))] {
        let server = Server::start(move |_, _| no(429).header("retry-after", value));
        let outcome = send(&server).args(["--json"]).run();
        let failure = outcome.stdout("").failure(7);
        failure.says("HTTP 429", "--max-wait");
        failure.object(
            7,
            "rate_limit",
            &json!({"status": 429, "retryable": true, "retry_after": seconds}),
        );
        assert!(failure.notices.is_empty(), "{outcome}");
        server.only_request();
    }
    let server =
        Server::start(|_, _| no(503).header("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT"));
    send(&server)
        .run()
        .stdout("")
        .failed(5, "HTTP 503", "--max-wait");
    server.only_request();
}

#[test]
fn the_hint_says_what_the_server_asks_for() {
    let max_wait = "the server asks you to wait 300 s; allow it with --max-wait 300s";
    let then = "the server asks you to wait 300 s; run the command again after that";
    let not_again = "the server says not to retry automatically";
    for (status, code) in [(429, 7), (503, 5)] {
        for (flags, headers, hint) in [
            (&[][..], &[("retry-after", "300")][..], max_wait),
            (&["--max-retries", "0"], &[("retry-after", "300")], then),
            (
                &["--timeout", "1m", "--max-wait", "1h"],
                &[("retry-after", "300")],
                then,
            ),
            (&[], &[("x-should-retry", "false")], not_again),
            (
                &[],
                &[("x-should-retry", "false"), ("retry-after", "300")],
                "run the command again in 300 s",
            ),
        ] {
            let server = Server::start(move |_, _| {
                headers
                    .iter()
                    .fold(no(status), |reply, (name, value)| reply.header(name, value))
            });
            let outcome = send(&server).args(flags).run();
            outcome
                .stdout("")
                .failed(code, &format!("HTTP {status}"), hint);
            assert_eq!(
                outcome.stderr.contains("--max-wait"),
                hint == max_wait,
                "{outcome}"
            );
            server.only_request();
        }
    }
}

#[test]
fn waits_add_up_to_the_most_that_is_allowed() {
    let server = Server::start(|_, _| no(429).header("retry-after-ms", 20));
    let outcome = send(&server).args(["--json", "--max-wait", "50ms"]).run();
    let failure = outcome.stdout("").failure(7);
    assert!(failure.message.ends_with("(after 3 attempts)"), "{outcome}");
    assert_eq!((failure.notices.len(), server.requests().len()), (2, 3));
}

#[test]
fn the_most_to_wait_is_that_of_the_flag_or_of_the_environment() {
    let server = Server::start(|_, _| no(429).header("retry-after-ms", 20));
    send(&server)
        .env("LANGDOCK_MAX_WAIT", "10ms")
        .run()
        .failed(7, "HTTP 429", "--max-wait");
    send(&server)
        .env("LANGDOCK_MAX_WAIT", "1h")
        .args(["--max-wait", "10ms"])
        .run()
        .failed(7, "HTTP 429", "--max-wait");
    assert_eq!(server.requests().len(), 2);
    send(&server)
        .env("LANGDOCK_MAX_WAIT", "45ms")
        .run()
        .failure(7);
    assert_eq!(server.requests().len(), 5);
}

#[test]
fn the_tries_are_as_many_as_was_said() {
    for retries in [0, 1, 3] {
        let server = Server::start(|_, _| no(500).header("retry-after-ms", 1));
        let failure = send(&server)
            .args(["--max-retries", &retries.to_string()])
            .run()
            .failure(5);
        assert_eq!(
            (failure.notices.len(), server.requests().len()),
            (retries, retries + 1)
        );
    }
    let server = Server::start(|_, _| no(500).header("retry-after-ms", 1));
    let failure = send(&server).run().failure(5);
    assert!(
        failure.message.ends_with("(after 9 attempts)"),
        "{failure:?}"
    );
    assert_eq!(server.requests().len(), 9);
}

#[test]
fn programs_get_each_retry_as_a_line_and_the_sum_in_the_end() {
    let server = Server::start(|_, nth| match nth {
        0 => no(429).header("retry-after-ms", 3),
        1 => no(529).header("retry-after-ms", 4),
        _ => Reply::sse(events::answer(&["whole"])),
    });
    let outcome = send(&server).args(["--jsonl"]).run();
    let lines = outcome.code(0).stdout_json_lines();
    let message = "HTTP 429 Too Many Requests: not now";
    assert_eq!(
        lines[0],
        json!({"type": "retry", "attempt": 2, "wait_s": 0.003, "status": 429, "message": message})
    );
    assert_eq!(
        (&lines[1]["attempt"], &lines[1]["status"]),
        (&json!(3), &json!(529))
    );
    assert_eq!(lines[2]["type"], "message_start");
    let result = lines.last().unwrap();
    assert_eq!(
        (&result["type"], &result["langdock"]["attempts"]),
        (&json!("result"), &json!(3))
    );
    assert_eq!(
        (
            &result["langdock"]["waited_s"],
            &result["langdock"]["complete"]
        ),
        (&json!(0.007), &json!(true))
    );
    assert_eq!(outcome.stderr.lines().count(), 2, "{outcome}");

    let server = once(|| no(429).header("retry-after-ms", 3));
    let about = send(&server).args(["--json"]).run().stdout_json()["langdock"].clone();
    assert_eq!(
        (&about["attempts"], &about["waited_s"]),
        (&json!(2), &json!(0.003))
    );
}

#[test]
fn a_retry_line_is_followed_by_the_error_where_it_did_not_help() {
    let server = Server::start(|_, _| no(429).header("retry-after-ms", 3));
    let outcome = send(&server).args(["--jsonl", "--max-retries", "2"]).run();
    let lines = outcome.code(7).stdout_json_lines();
    assert_eq!(
        (lines.len(), &lines[0]["type"], &lines[1]["type"]),
        (3, &json!("retry"), &json!("retry"))
    );
    check_error_object(
        &lines[2],
        7,
        "rate_limit",
        &json!({"status": 429, "retry_after": 0.003}),
    );
}

#[test]
fn an_answer_that_is_not_whole_the_first_time_is_shown_once() {
    let cut = Stream::new()
        .field("id", json!("msg_01First"))
        .start()
        .to_string();
    let server = once(move || Reply::sse_start().body(&cut).close());
    let outcome = send(&server).args(["--json"]).run();
    assert_eq!(outcome.code(0).stdout_json()["id"], "msg_01Test");
}

#[test]
fn a_silence_after_the_request_is_tried_again_once_only() {
    let server = Server::start(|_, _| Reply::never());
    let outcome = send(&server)
        .args(["--json", "--idle-timeout", "100ms"])
        .run();
    let failure = outcome.stdout("").failure(6);
    failure.says("no data received for 0.1 s", "--idle-timeout");
    failure.object(6, "network", &json!({"status": null, "retryable": true}));
    // An attempt that timed out before its request was sent counts, too.
    assert!(
        failure.message.ends_with("(after 2 attempts)") && failure.notices.len() == 1,
        "{outcome}"
    );
}

#[test]
fn a_silence_in_mid_answer_is_exit_8() {
    let events = Stream::new().start().open_text_block(["Hello"]).to_string();
    let server = Server::start(move |_, _| Reply::sse_start().body(&events).wait_for_hang_up());
    let outcome = send(&server).args(["--idle-timeout", "3s"]).run();
    outcome
        .stdout("Hello\n")
        .failed(8, "no data received for 3 s", "send the request again");
    server.only_request();
}

#[test]
fn the_time_for_the_whole_call_ends_it_before_the_answer_and_in_its_middle() {
    let server = Server::start(|_, _| Reply::never());
    let outcome = send(&server).args(["--timeout", "200ms"]).run();
    outcome
        .stdout("")
        .failed(6, "the answer was not complete within 0.2 s", "--timeout");
    assert!(server.requests().len() <= 1);

    let server = Server::start(|_, _| no(429).header("retry-after", 60));
    let outcome = send(&server).args(["--timeout", "30s"]).run();
    outcome
        .stdout("")
        .failed(7, "HTTP 429", "the server asks you to wait 60 s");
    server.only_request();

    let events = Stream::new().start().open_text_block(["Hello"]).to_string();
    let server = Server::start(move |_, _| Reply::sse_start().body(&events).wait_for_hang_up());
    let outcome = send(&server).args(["--timeout", "3s"]).run();
    outcome.stdout("Hello\n").failed(
        8,
        "the answer was not complete within 3 s",
        "send the request again",
    );
    server.only_request();
}

/// Returns the text of the prompt.
fn prompt(request: &Request) -> String {
    let content = request.json()["messages"][0]["content"].clone();
    content
        .as_str()
        .or_else(|| content[0]["text"].as_str())
        .unwrap()
        .to_owned()
}

#[test]
fn two_hundred_sends_side_by_side_all_get_their_answer() {
    let server = Server::start(|request, nth| match nth % 3 {
        2 => no(429).header("retry-after-ms", 5),
        _ => Reply::sse(events::answer(&[&format!(
            "answer to {}\n",
            prompt(request)
        )])),
    });
    // More retries than the default, since with few of them the same process may be the third
    // request nine times in a row.
    let script = format!(
        "seq 200 | xargs -P 8 -I {{}} langdock send --max-retries 60 -m {MODEL} 'number {{}}'"
    );
    let outcome = Langdock::shell(&script).key().against(&server).run();
    outcome.code(0);
    let text = outcome.stdout_text();
    let (answers, count) = (text.lines().collect::<BTreeSet<_>>(), text.lines().count());
    let expected = (1..=200)
        .map(|n| format!("answer to number {n}"))
        .collect::<Vec<_>>();
    assert_eq!(
        (answers, count),
        (expected.iter().map(String::as_str).collect(), 200)
    );
    let requests = server.requests();
    let refused = requests.len() / 3;
    assert_eq!(
        requests.len() - refused,
        200,
        "every prompt is answered once"
    );
    let notices = outcome
        .stderr
        .lines()
        .filter(|line| line.starts_with("langdock: HTTP 429 Too Many Requests"))
        .count();
    assert_eq!(
        (notices, outcome.stderr.lines().count()),
        (refused, refused),
        "{outcome}"
    );
}

#[test]
fn backoff_without_a_word_from_the_server_is_that_of_the_sdks() {
    thread::scope(|scope| {
        for (status, least, most) in [(500, 0.375, 0.5), (429, 1.5, 2.0)] {
            scope.spawn(move || {
                let server = once(move || no(status));
                let outcome = send(&server).args(["--jsonl"]).run();
                let wait = outcome.code(0).stdout_json_lines()[0]["wait_s"]
                    .as_f64()
                    .unwrap();
                assert!((least..=most).contains(&wait), "{outcome}");
            });
        }
    });
}
