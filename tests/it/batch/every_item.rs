//! In the end, every item has a record, or the run reports that it stopped early.

use serde_json::{Value, json};

use super::{batch, records, texts};
use crate::pacing::limit;
use crate::support::{
    events::{Stream, answer, error},
    gate::Gate,
    home::Home,
    reply::Reply,
    request::Request,
    sending::{answering, send},
    server::Server,
};
use crate::tools::{calling, playing};

/// The schema of an object with a number.
const SCHEMA: &str =
    r#"{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}"#;

/// Returns the error messages of records.
fn errors(records: &[Value]) -> Vec<(&str, &str)> {
    let errors = records.iter().map(|record| &record["error"]);
    errors
        .filter_map(|error| error["kind"].as_str().zip(error["message"].as_str()))
        .collect()
}

#[test]
fn a_429_that_holds_back_for_too_long_ends_the_run_which_goes_on_from_there() {
    let home = Home::new();
    let server = Server::start(|_, nth| match nth {
        0 => Reply::json(429, &error("rate_limit_error", "later")).header("retry-after", 300),
        _ => Reply::sse(answer(&["ok"])),
    });
    let run = |args: &[&str]| {
        let run = batch(&server).home(&home).args([
            "{text}",
            "-o",
            "out.jsonl",
            "-J",
            "1",
            "--max-wait",
            "2s",
        ]);
        run.args(args).stdin_bytes("a\nb\nc\n").run()
    };
    for flags in [&[][..], &[], &["--retry-failed"]] {
        run(flags).failed(
            7,
            "a rate limit (HTTP 429) blocks all requests for ",
            "--max-wait",
        );
        let records = records(&home, "out.jsonl");
        assert!(
            errors(&records)
                .iter()
                .all(|(kind, _)| *kind == "rate_limit"),
            "{records:?}"
        );
        assert!(records.len() <= 1, "{records:?}");
    }
    server.only_request();
    run(&["--retry-failed", "--no-pace"]).code(0).stderr_empty();
    assert_eq!(texts(&records(&home, "out.jsonl")), ["ok", "ok", "ok"]);
}

#[test]
fn an_item_whose_turn_does_not_come_in_time_has_failed() {
    let (home, server) = (Home::new(), answering("ok"));
    limit(&home, "rpm = 1");
    send(&server).home(&home).args(["Hi"]).run().code(0);
    // An item that is not sent does not use up the budget.
    let run = batch(&server).home(&home).args([
        "{text}",
        "-J",
        "2",
        "--timeout",
        "200ms",
        "--max-requests",
        "2",
    ]);
    let outcome = run.stdin_bytes("a\nb\nc\n").run();
    let records = outcome
        .code(11)
        .stderr_contains("3 of 3 items failed")
        .stdout_json_lines();
    let expected = (
        "network",
        "the request was still queued after 0.2 s; nothing was sent",
    );
    assert_eq!(errors(&records), [expected; 3]);
    server.only_request();
}

#[test]
fn without_a_budget_for_another_answer_that_fits_the_run_says_so() {
    let home = Home::new();
    let server = playing(&[
        calling(&[("answer", json!({}))]),
        calling(&[("answer", json!({"n": 1}))]),
    ]);
    let run = |args: &[&str]| {
        let run =
            batch(&server)
                .home(&home)
                .args(["{text}", "--schema", SCHEMA, "-o", "out.jsonl"]);
        run.args(args).stdin_bytes("a\n").run()
    };
    let outcome = run(&["--max-requests", "1"]);
    outcome
        .code(13)
        .stderr_contains("the budget of 1 request is used up; 0 items done");
    outcome.stderr_contains("run the same command again to continue");
    assert_eq!(records(&home, "out.jsonl"), [] as [Value; 0]);
    run(&[]).code(0).stderr_empty();
    assert_eq!(texts(&records(&home, "out.jsonl")), ["{\"n\":1}"]);
    let server = playing(&[calling(&[("answer", json!({}))])]);
    let run = batch(&server).args(["{text}", "--schema", SCHEMA, "--max-total-tokens", "50"]);
    run.stdin_bytes("a\n")
        .run()
        .code(13)
        .stdout("")
        .stderr_contains("the budget of 50 tokens");
}

/// Answers `a`; answers `b` after the gate, with this many output tokens; and answers `c` with a
/// value that does not match at first.
fn one_to_be_corrected(gate: &Gate, tokens: u64) -> Server {
    let gate = gate.clone();
    let fitting = |n| {
        Stream::new()
            .start()
            .tool_use_block("t", "answer", [json!({"n": n}).to_string()])
    };
    let words = |request: &Request| {
        request.json()["messages"][0]["content"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    Server::start(move |request, _| match words(request).as_str() {
        "a" => Reply::sse(fitting(1).stop("tool_use").to_string()),
        "b" => {
            let usage = json!({"input_tokens": 0, "output_tokens": tokens});
            Reply::sse(fitting(2).final_usage(usage).stop("tool_use").to_string()).hold_head(&gate)
        }
        _ if request.json()["messages"]
            .as_array()
            .is_some_and(|messages| messages.len() > 1) =>
        {
            Reply::sse(fitting(3).stop("tool_use").to_string())
        }
        _ => Reply::sse(calling(&[("answer", json!({}))]).to_string()),
    })
}

#[test]
fn an_answer_is_sent_back_once_those_under_way_leave_enough_of_the_budget() {
    for (tokens, code, lines) in [(5, 0, 3), (40, 13, 2)] {
        let gate = Gate::new();
        let server = one_to_be_corrected(&gate, tokens);
        let run = batch(&server).args([
            "{text}",
            "--schema",
            SCHEMA,
            "-J",
            "3",
            "--max-total-tokens",
            "125",
        ]);
        let running = run.stdin_bytes("a\nb\nc\n").spawn();
        server.wait_for_requests(3);
        gate.open();
        let outcome = running.finish();
        assert_eq!(
            outcome.code(code).stdout_json_lines().len(),
            lines,
            "{outcome}"
        );
    }
}

#[test]
fn a_budget_that_is_used_up_ends_the_run_without_another_wait() {
    // If it waited, it would report its progress after half a minute.
    let server = answering("ok");
    let run = batch(&server)
        .args(["{text}", "-J", "1", "--max-requests", "1"])
        .stdin_bytes("a\nb\n")
        .run();
    run.code(13)
        .stderr_contains("langdock: error: the budget of 1 request")
        .stderr_lacks(" failed, ");
    server.only_request();
}

#[test]
fn an_empty_answer_is_asked_for_once_more_and_then_it_says_so() {
    let empty = Stream::new().start().stop("end_turn").to_string();
    for (is_always, retries, sent) in [(false, "1", 2), (true, "1", 2), (true, "0", 1)] {
        let (home, empty) = (Home::new(), empty.clone());
        let server = Server::start(move |_, nth| {
            if is_always || nth == 0 {
                Reply::sse(&empty)
            } else {
                Reply::sse(answer(&["ok"]))
            }
        });
        let outcome = batch(&server)
            .home(&home)
            .args(["About {text}", "-o", "out.jsonl", "--max-retries", retries])
            .stdin_bytes("a\n")
            .run();
        outcome.code(if is_always { 11 } else { 0 });
        let requests = server.requests();
        assert_eq!(requests.len(), sent, "{outcome}");
        assert_eq!(requests[0].json(), requests[sent - 1].json());
        let records = records(&home, "out.jsonl");
        let kind = is_always.then_some("incomplete");
        assert_eq!(records[0]["error"]["kind"].as_str(), kind, "{records:?}");
        assert_eq!(texts(&records), [if is_always { "-" } else { "ok" }]);
        assert_eq!(
            records[0]["usage"]["input_tokens"],
            25 * sent,
            "{records:?}"
        );
    }
}
