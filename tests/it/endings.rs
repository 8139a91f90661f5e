//! Every outcome of `send` has its exit code, and partial answers are where they belong.

use serde_json::{Value, json};

use crate::support::{
    command::Langdock,
    events::{self, MODEL, Stream},
    failure::check_error_object,
    home::Home,
    picture::png,
    reply::Reply,
    server::Server,
};

/// Begins a request to `server`.
pub(crate) fn send(server: &Server) -> Langdock {
    Langdock::new()
        .args(["send", "-m", MODEL, "hello"])
        .key()
        .against(server)
}

/// Returns a server that answers with this text and then stops with this `message_delta`.
fn stopping(delta: &Value) -> Server {
    let stream = Stream::new()
        .start()
        .text_block(["Hello", " world"])
        .stop_with(delta);
    let (events, message) = (stream.to_string(), stream.message());
    Server::start(move |request, _| match &request.json()["stream"] {
        Value::Bool(true) => Reply::sse(&events),
        _ => Reply::json(200, &message),
    })
}

#[test]
fn an_answer_that_came_to_its_end_is_exit_0() {
    for reason in ["end_turn", "stop_sequence", "a_reason_of_tomorrow"] {
        let server = stopping(&json!({"stop_reason": reason, "stop_sequence": null}));
        send(&server)
            .run()
            .code(0)
            .stdout("Hello world\n")
            .stderr_empty();
        send(&server)
            .args(["--set=stream=false"])
            .run()
            .code(0)
            .stdout("Hello world\n")
            .stderr_empty();
        let outcome = send(&server).args(["--json"]).run();
        outcome.code(0).stderr_empty();
        assert_eq!(outcome.stdout_json()["stop_reason"], reason);
        assert_eq!(outcome.stdout_json()["langdock"]["complete"], true);
        assert_eq!(server.requests().len(), 3);
    }
}

#[test]
fn an_answer_at_its_limit_is_exit_9_with_its_text() {
    for (reason, message, hint) in [
        ("max_tokens", "it reached max_tokens", "--max-tokens"),
        (
            "model_context_window_exceeded",
            "the context window is full",
            "--allow-truncated",
        ),
    ] {
        let server = stopping(&json!({"stop_reason": reason}));
        for mode in [&[][..], &["-S"], &["--set=stream=false"]] {
            let outcome = send(&server).args(mode).run();
            outcome.stdout("Hello world\n").failed(9, message, hint);
            let outcome = send(&server).args(mode).args(["--allow-truncated"]).run();
            outcome.code(0).stdout("Hello world\n").stderr_empty();
        }
        let outcome = send(&server).args(["--json"]).run();
        outcome.failure(9).object(
            9,
            "truncated",
            &json!({"status": null, "type": null, "retryable": false}),
        );
        assert_eq!(outcome.stdout_json()["stop_reason"], reason);
        let outcome = send(&server).args(["--json", "--allow-truncated"]).run();
        outcome.code(0).stderr_empty();
        assert_eq!(server.requests().len(), 8);
    }
}

#[test]
fn a_truncated_answer_leaves_no_file_but_its_part() {
    let server = stopping(&json!({"stop_reason": "max_tokens"}));
    let home = Home::new();
    let outcome = send(&server).home(&home).args(["-o", "answer"]).run();
    let failure = outcome.stdout("").failure(9);
    assert!(
        failure.notices.len() == 1 && failure.notices[0].contains("`answer.part`"),
        "{outcome}"
    );
    assert!(!home.work().join("answer").exists());
    assert_eq!(
        std::fs::read(home.work().join("answer.part")).unwrap(),
        b"Hello world\n"
    );
    let outcome = send(&server)
        .home(&home)
        .args(["-o", "answer", "--allow-truncated"])
        .run();
    outcome.code(0).stdout("").stderr_empty();
    assert_eq!(
        std::fs::read(home.work().join("answer")).unwrap(),
        b"Hello world\n"
    );
    assert!(!home.work().join("answer.part").exists());
}

#[test]
fn an_answer_that_the_model_paused_is_exit_8() {
    let server = stopping(&json!({"stop_reason": "pause_turn", "stop_sequence": null}));
    for mode in [&[][..], &["-S"], &["--set=stream=false"]] {
        send(&server)
            .args(mode)
            .run()
            .stdout("Hello world\n")
            .failed(8, "paused its turn", "tool-run");
    }
    let outcome = send(&server).args(["--session", "s"]).run();
    outcome.failure(8).says("paused its turn", "send -c");
    let outcome = send(&server).args(["--json"]).run();
    outcome.failure(8).object(
        8,
        "incomplete",
        &json!({"status": null, "retryable": false}),
    );
    assert_eq!(outcome.stdout_json()["stop_reason"], "pause_turn");
}

/// Ends an answer without content, so often, and then answers.
fn empty(stop_reason: &'static str, times: usize) -> Server {
    Server::start(move |_, number| {
        let stream = Stream::new().start();
        let stream = if number < times {
            stream.stop(stop_reason)
        } else {
            stream.text_block(["Here."]).stop("end_turn")
        };
        Reply::sse(stream.to_string())
    })
}

#[test]
fn an_answer_without_content_is_asked_for_once_more_and_then_exit_8() {
    let notice = "langdock: the answer is empty; asking again\n";
    let server = empty("end_turn", 1);
    let outcome = send(&server).run();
    outcome.code(0).stdout("Here.\n").stderr(notice);
    assert_eq!(server.requests().len(), 2);
    for mode in [&[][..], &["-S"], &["--jsonl"], &["--json"], &["-x"]] {
        let server = empty("end_turn", 9);
        let outcome = send(&server).args(mode).run();
        outcome
            .code(8)
            .stderr_contains("the answer is empty; asking again");
        let requests = server.requests();
        assert_eq!(requests.len(), 2, "{outcome}");
        assert_eq!(requests[0].json(), requests[1].json());
    }
    let server = empty("end_turn", 9);
    let outcome = send(&server).args(["--max-retries", "0"]).run();
    outcome
        .stdout("")
        .failed(8, "the answer is empty", "--allow-empty");
    assert_eq!(server.requests().len(), 1);
    let outcome = send(&server).args(["--json", "--max-retries=0"]).run();
    outcome.failure(8).object(
        8,
        "incomplete",
        &json!({"status": null, "retryable": false}),
    );
    assert_eq!(outcome.stdout_json()["langdock"]["complete"], false);
}

#[test]
fn a_stop_for_a_call_that_is_missing_is_exit_8_and_text_is_not_shown_twice() {
    let server = stopping(&json!({"stop_reason": "tool_use"}));
    let outcome = send(&server).run();
    outcome.stdout("Hello world\n").failed(
        8,
        "the model stopped for a tool call, but made none",
        "--allow-empty",
    );
    assert_eq!(server.requests().len(), 1, "its text was shown");
    let outcome = send(&server).args(["-S"]).run();
    outcome.code(8).stdout("Hello world\n");
    assert_eq!(server.requests().len(), 3, "its text was held");
    let server = empty("tool_use", 1);
    send(&server)
        .run()
        .code(0)
        .stdout("Here.\n")
        .stderr("langdock: the model stopped for a tool call, but made none; asking again\n");
}

#[test]
fn an_empty_stop_sequence_is_exit_0_and_an_empty_max_tokens_exit_9() {
    for (reason, code) in [("stop_sequence", 0), ("max_tokens", 9)] {
        let server = empty(reason, 9);
        send(&server).run().code(code).stdout("");
        assert_eq!(server.requests().len(), 1, "{reason}");
    }
}

#[test]
fn the_hint_of_a_broken_answer_says_where_what_came_is() {
    let (home, text) = (
        Home::new(),
        Stream::new().start().open_text_block(["Hello"]).to_string(),
    );
    let thought = Stream::new()
        .start()
        .thinking_block("Hmm.", "c2ln")
        .to_string();
    let broken =
        |events: String| Server::start(move |_, _| Reply::sse_start().body(&events).close());
    let (text, thought) = (broken(text), broken(thought));
    let table: [(&Server, &[&str], &[&str], &str); 8] = [
        (&text, &[], &[], "the partial answer is on standard output;"),
        (
            &text,
            &["--json"],
            &[],
            "the partial answer is on standard output;",
        ),
        (
            &text,
            &["-o", "answer"],
            &["langdock: the partial answer is in `answer.part`"],
            "the partial answer is in the .part file named above;",
        ),
        (&text, &["-x"], &["Hello"], "the partial answer is above;"),
        (
            &text,
            &["-x", "-o", "code"],
            &["Hello"],
            "the partial answer is above;",
        ),
        (
            &text,
            &["-o", "/dev/null"],
            &[],
            "the partial answer is saved;",
        ),
        (&thought, &[], &[], "no part of the answer was shown;"),
        (
            &thought,
            &["-o", "thought"],
            &[],
            "no part of the answer was shown;",
        ),
    ];
    for (server, flags, notices, hint) in table {
        let outcome = send(server).home(&home).args(flags).run();
        let failure = outcome.failure(8);
        failure.says("", hint).says("", "send the request again");
        assert_eq!(failure.notices, notices, "{outcome}");
    }
}

#[test]
fn the_hint_of_an_answer_that_took_too_long_names_the_flag() {
    let events = Stream::new().start().open_text_block(["Hello"]).to_string();
    let server = Server::start(move |_, _| Reply::sse_start().body(&events).wait_for_hang_up());
    for flag in ["--idle-timeout", "--timeout"] {
        let outcome = send(&server).args([flag, "300ms"]).run();
        outcome.stdout("Hello\n").failed(
            8,
            "",
            &format!("send the request again, with a longer {flag}"),
        );
    }
}

#[test]
fn a_refusal_is_exit_10_and_says_why_where_the_model_does() {
    let details =
        json!({"type": "refusal", "category": "cyber", "explanation": "It asks for malware."});
    let server = stopping(&json!({"stop_reason": "refusal", "stop_details": details}));
    for mode in [
        &[][..],
        &["-S"],
        &["--set=stream=false"],
        &["--allow-truncated"],
    ] {
        let outcome = send(&server).args(mode).run();
        outcome.stdout("Hello world\n").failed(
            10,
            "refused to answer: It asks for malware.",
            "rephrase",
        );
    }
    let outcome = send(&server).args(["--json"]).run();
    outcome.failure(10).object(
        10,
        "refusal",
        &json!({"status": null, "retryable": false, "retry_after": null}),
    );
    assert_eq!(outcome.stdout_json()["stop_details"]["category"], "cyber");
    assert_eq!(server.requests().len(), 5, "a refusal is not tried again");

    let server = stopping(&json!({"stop_reason": "refusal"}));
    send(&server).run().stdout("Hello world\n").failed(
        10,
        "the model refused to answer",
        "rephrase",
    );
    server.only_request();
}

#[test]
fn a_refusal_without_any_text_is_exit_10_too() {
    let server =
        Server::start(|_, _| Reply::sse(Stream::new().start().stop("refusal").to_string()));
    send(&server)
        .run()
        .stdout("")
        .failed(10, "the model refused", "rephrase");
    server.only_request();
}

#[test]
fn with_jsonl_the_error_is_the_last_line_of_stdout() {
    let server = stopping(&json!({"stop_reason": "max_tokens"}));
    let outcome = send(&server).args(["--jsonl"]).run();
    outcome.failed(9, "max_tokens", "--max-tokens");
    let lines = outcome.stdout_json_lines();
    let types = lines
        .iter()
        .map(|line| line["type"].as_str().unwrap())
        .collect::<Vec<_>>();
    assert_eq!(
        types[types.len() - 3..],
        ["message_stop", "result", "error"],
        "{outcome}"
    );
    assert_eq!(lines[lines.len() - 2]["stop_reason"], "max_tokens");
    check_error_object(
        &lines[lines.len() - 1],
        9,
        "truncated",
        &json!({"status": null}),
    );
}

#[test]
fn what_fails_before_anything_is_sent_has_its_own_exit_code() {
    let server = Server::start(|_, _| panic!("nothing is to be sent"));
    let home = Home::new();
    let mut image = png(16, 16);
    image.resize(6_000_000, 0);
    home.write("work/large.png", image);
    let table: [(i32, &str, &[&str], &str); 7] = [
        (1, "internal", &["-f", "missing.txt"], "missing.txt"),
        (1, "internal", &["-o", "missing/answer"], "missing/answer"),
        (2, "usage", &["--no-such-flag"], "--no-such-flag"),
        (2, "usage", &["--temperature", "2"], "0"),
        (2, "usage", &["--region", "EU"], "EU"),
        (
            2,
            "usage",
            &[
                "--cacert",
                "missing.pem",
                "--base-url",
                "https://localhost:1",
            ],
            "missing.pem",
        ),
        (
            13,
            "too_large",
            &["-f", "large.png", "--image-size", "keep"],
            "large.png",
        ),
    ];
    for (code, kind, flags, message) in table {
        let outcome = send(&server).home(&home).args(["--json"]).args(flags).run();
        let failure = outcome.stdout("").failure(code);
        assert!(failure.message.contains(message), "{outcome}");
        failure.object(
            code,
            kind,
            &json!({"status": null, "type": null, "request_id": null, "retryable": false}),
        );
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_missing_key_a_missing_prompt_and_a_missing_model_are_told_before_anything_is_sent() {
    let server = Server::start(|_, _| panic!("nothing is to be sent"));
    let without_key = Langdock::new()
        .args(["send", "-m", MODEL, "hello"])
        .against(&server)
        .run();
    without_key
        .stdout("")
        .failed(4, "no API key", "LANGDOCK_API_KEY");
    let without_key = Langdock::new()
        .args(["send", "--json", "-m", MODEL, "hello"])
        .against(&server)
        .run();
    without_key
        .stdout("")
        .failure(4)
        .object(4, "auth", &json!({"status": null}));
    let without_prompt = Langdock::new()
        .args(["send", "-m", MODEL])
        .key()
        .against(&server)
        .run();
    without_prompt
        .stdout("")
        .failed(2, "prompt", "add a prompt in quotes");
    let without_both = Langdock::new()
        .args(["send", "hello"])
        .against(&server)
        .run();
    without_both
        .stdout("")
        .failed(4, "no API key", "LANGDOCK_API_KEY");
    for flag in ["--dry-run", "--curl"] {
        let without_both = Langdock::new()
            .args(["send", flag, "hello"])
            .against(&server)
            .run();
        without_both.stdout("").failed(2, "no model", "-m ID");
    }
    let without_prompt = Langdock::new().args(["send"]).key().against(&server).run();
    without_prompt
        .stdout("")
        .failed(2, "prompt", "add a prompt in quotes");
    assert_eq!(server.connections(), 0);
}

#[test]
fn an_answer_without_the_code_block_that_was_asked_for_is_exit_12() {
    let server = Server::start(|_, _| Reply::sse(events::answer(&["no code here"])));
    let outcome = send(&server).args(["-x"]).run();
    let failure = outcome.stdout("").failure(12);
    failure.says("no code block", "fenced code block");
    assert_eq!(failure.notices, ["no code here"], "the text is not lost");
    let outcome = send(&server).args(["-x", "--lang", "rust"]).run();
    outcome
        .stdout("")
        .failure(12)
        .says("no code block in `rust`", "fenced code block");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_device_on_stdout_is_exit_1() {
    let server = Server::start(|_, _| Reply::sse(events::answer(&["Hello", " world"])));
    for flags in ["", "-S", "--jsonl"] {
        let script = format!("exec langdock send {flags} -m {MODEL} hello > /dev/full");
        let outcome = Langdock::shell(&script).key().against(&server).run();
        outcome.failed(
            1,
            "cannot write to standard output: No space left on device",
            "-o FILE",
        );
    }
    let script = format!("exec langdock send --json -m {MODEL} hello > /dev/full");
    let outcome = Langdock::shell(&script).key().against(&server).run();
    outcome
        .failure(1)
        .object(1, "internal", &json!({"status": null, "retryable": false}));
    assert_eq!(server.requests().len(), 4);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_device_behind_output_is_exit_1_and_named() {
    let server = Server::start(|_, _| Reply::sse(events::answer(&["Hello", " world"])));
    let outcome = send(&server).args(["-o", "/dev/full"]).run();
    outcome
        .stdout("")
        .failed(1, "`/dev/full`: No space left on device", "-o FILE");
    server.only_request();
}
