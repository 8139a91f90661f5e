//! Tokens: what a request would use, when it is refused for that, and what requests have used.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::batch::batch;
use crate::support::{
    command::{KEY, Langdock},
    events::{MODEL, answer, error},
    home::Home,
    reply::Reply,
    sending::{answering, send},
    server::Server,
};

/// A model of the built-in table: its context window is known without a list.
const SEED: &str = "claude-3-haiku-20240307";

/// Returns the lines of the log in a home.
#[track_caller]
pub(crate) fn log_of(home: &Home) -> Vec<Value> {
    let text = fs::read_to_string(home.state().join("usage.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Returns the lower bound of the tokens for a part in `count --json`.
#[track_caller]
pub(crate) fn part(counted: &Value, name: &str) -> u64 {
    let mut parts = counted["parts"].as_array().unwrap().iter();
    let part = parts
        .find(|part| part["name"] == name)
        .unwrap_or_else(|| panic!("no part `{name}` in {counted}"));
    part["low"].as_u64().unwrap()
}

/// Returns the estimated total of tokens.
#[track_caller]
pub(crate) fn total(counted: &Value) -> u64 {
    counted["total"]["likely"].as_u64().unwrap()
}

#[test]
fn what_cannot_fit_is_refused_with_its_parts_and_nothing_is_sent() {
    let (server, home) = (
        Server::start(|_, _| panic!("nothing is to be sent")),
        Home::new(),
    );
    home.write("work/long.txt", "word ".repeat(200_000));
    let outcome = send(&server)
        .home(&home)
        .args(["-m", SEED, "-f", "long.txt", "Hi"])
        .run();
    outcome
        .code(13)
        .stdout("")
        .stderr_contains("context window of 200,000 tokens");
    outcome
        .stderr_contains("the largest part is `long.txt`")
        .stderr_contains("\n`long.txt` ");
    outcome
        .stderr_contains("total")
        .stderr_contains("\nhint: ")
        .stderr_contains("--no-check");
    assert_eq!(server.connections(), 0);
    assert!(
        !home.state().join("usage.jsonl").exists(),
        "what was not sent is in no log"
    );
}

#[test]
fn it_is_sent_all_the_same_where_nobody_is_to_check() {
    let server = answering("ok");
    let text = "word ".repeat(210_000);
    send(&server)
        .stdin_bytes(text)
        .args(["-m", SEED, "--no-check"])
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
}

#[test]
fn what_may_fit_is_sent_and_a_model_that_nobody_knows_has_no_limit() {
    let server = answering("ok");
    let text = "word ".repeat(190_000);
    send(&server)
        .stdin_bytes(text)
        .args(["-m", SEED])
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    let text = "word ".repeat(1_100_000);
    send(&server)
        .stdin_bytes(text)
        .args(["-m", "new-model"])
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
}

#[test]
fn the_window_of_a_list_counts_too() {
    let home = Home::new();
    let server = Server::start(|request, _| match request.method.as_str() {
        "GET" => Reply::json(
            200,
            &json!({"data": [{"id": "small-model", "max_input_tokens": 5_000}]}),
        ),
        _ => panic!("nothing is to be sent"),
    });
    Langdock::new()
        .home(&home)
        .key()
        .against(&server)
        .args(["models"])
        .run()
        .code(0);
    let text = "word ".repeat(6_000);
    let outcome = send(&server)
        .home(&home)
        .stdin_bytes(text)
        .args(["-m", "small-model"])
        .run();
    outcome
        .code(13)
        .stderr_contains("small-model's context window of 5,000 tokens");
}

#[test]
fn the_tokens_a_minute_that_a_server_has_named_count_too() {
    for header in [
        "x-ratelimit-limit-tokens",
        "anthropic-ratelimit-tokens-limit",
    ] {
        let home = Home::new();
        let server = Server::start(move |_, _| Reply::sse(answer(&["ok"])).header(header, 5_000));
        let (long, said) = (
            "word ".repeat(6_000),
            format!("the limit of 5,000 tokens per minute that the endpoint reported for {MODEL}"),
        );
        send(&server)
            .home(&home)
            .args(["Hi"])
            .run()
            .code(0)
            .stderr_empty();
        let outcome = send(&server).home(&home).stdin_bytes(long.as_str()).run();
        outcome
            .code(13)
            .stdout("")
            .stderr_contains(&said)
            .stderr_contains("the largest part is ");
        let counted = Langdock::new()
            .home(&home)
            .key()
            .against(&server)
            .args(["count", "-m", MODEL]);
        counted
            .stdin_bytes(long.as_str())
            .run()
            .code(13)
            .stdout_contains("total")
            .stderr_contains(&said);
        server.only_request();
    }
}

#[test]
fn the_columns_of_the_parts_are_aligned_behind_wide_characters() {
    let home = Home::new();
    for name in ["日本語.txt", "👍.txt", "a-longer-name.txt"] {
        fs::write(home.work().join(name), "some words").unwrap();
    }
    let outcome = Langdock::new()
        .home(&home)
        .args(["count", "-f", "日本語.txt", "-f", "👍.txt"])
        .args(["-f", "a-longer-name.txt", "Hi"])
        .run();
    outcome
        .code(0)
        .stderr_empty()
        .stdout_contains("\n`日本語.txt`         ≈ ")
        .stdout_contains("\n`👍.txt`             ≈ ")
        .stdout_contains("\n`a-longer-name.txt`  ≈ ");
}

#[test]
fn a_batch_learns_from_its_first_answer_what_cannot_fit() {
    let server =
        Server::start(|_, _| Reply::sse(answer(&["ok"])).header("x-ratelimit-limit-tokens", 5_000));
    let lines = format!("Hi\n{}\n", "word ".repeat(6_000));
    let outcome = batch(&server)
        .args(["{text}", "-J", "1"])
        .stdin_bytes(lines)
        .run();
    let records = outcome.code(11).stdout_json_lines();
    assert_eq!(
        (&records[0]["text"], &records[1]["error"]["kind"]),
        (&json!("ok"), &json!("too_large"))
    );
    server.only_request();
}

#[test]
fn a_refusal_is_an_object_for_programs() {
    let server = Server::start(|_, _| panic!("nothing is to be sent"));
    let outcome = send(&server)
        .stdin_bytes("word ".repeat(200_001))
        .args(["-m", SEED, "--json", "-q"])
        .run();
    let last = outcome.code(13).stdout("").stderr.lines().last().unwrap();
    let object: Value = serde_json::from_str(last).unwrap();
    assert_eq!(
        (&object["error"]["kind"], &object["error"]["exit_code"]),
        (&json!("too_large"), &json!(13))
    );
    assert!(
        !outcome.stderr.contains("≈"),
        "-q leaves the table out\n{outcome}"
    );
}

#[test]
fn count_needs_neither_key_nor_model_and_sends_nothing() {
    let server = Server::start(|_, _| panic!("nothing is to be sent"));
    let outcome = Langdock::new()
        .against(&server)
        .stdin_bytes("more words")
        .args(["count", "Hi", "there"])
        .run();
    outcome
        .code(0)
        .stderr_empty()
        .stdout_contains("the prompt")
        .stdout_contains("standard input")
        .stdout_contains("≈");
    assert_eq!(server.connections(), 0);
}

#[test]
fn every_request_leaves_a_line_without_content_or_key() {
    let home = Home::new();
    let server = Server::start(|_, nth| match nth {
        0 => Reply::json(429, &error("rate_limit_error", "Later.")).header("retry-after-ms", 2),
        1 => Reply::sse(answer(&["a secret answer"])),
        _ => Reply::json(400, &error("invalid_request_error", "No.")),
    });
    send(&server)
        .home(&home)
        .args(["a secret prompt"])
        .run()
        .code(0);
    send(&server)
        .home(&home)
        .args(["a secret prompt", "--tag", "t \"1\""])
        .run()
        .code(3);
    let log = log_of(&home);
    assert_eq!(log.len(), 2);
    for (key, value) in [
        ("region", json!("eu")),
        ("command", json!("send")),
        ("outcome", json!("complete")),
        ("429s", json!(1)),
    ] {
        assert_eq!(log[0][key], value, "{key}");
    }
    assert!(
        log[0]["in"].as_u64() > Some(0) && log[0]["out"].as_u64() > Some(0),
        "{}",
        log[0]
    );
    assert!(
        log[0]["waited_s"].as_f64() > Some(0.0)
            && log[0]["at"].as_str().is_some_and(|at| at.ends_with('Z'))
    );
    assert_eq!(
        (&log[1]["outcome"], &log[1]["tag"]),
        (&json!("invalid_request"), &json!("t \"1\""))
    );
    let path = home.state().join("usage.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    assert!(!text.contains("secret") && !text.contains(KEY), "{text}");
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[test]
fn nothing_is_noted_where_somebody_says_so_nor_of_scripted_answers() {
    let (home, server) = (Home::new(), answering("ok"));
    send(&server)
        .home(&home)
        .env("LANGDOCK_NO_LOG", "1")
        .args(["Hi"])
        .run()
        .code(0);
    Langdock::new()
        .home(&home)
        .args(["--demo", "send", "-m", SEED, "Hi"])
        .run()
        .code(0);
    send(&server)
        .home(&home)
        .args(["--dry-run", "Hi"])
        .run()
        .code(0);
    assert!(!home.state().join("usage.jsonl").exists());
}

#[test]
fn a_log_that_cannot_be_written_is_told_to_those_who_ask_and_harms_nobody() {
    let (home, server) = (Home::new(), answering("ok"));
    fs::create_dir_all(home.state().join("usage.jsonl")).unwrap();
    send(&server)
        .home(&home)
        .args(["Hi"])
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    send(&server)
        .home(&home)
        .args(["Hi", "-v"])
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_contains("cannot write the log");
}

#[test]
fn parallel_requests_have_a_line_each_and_are_summed_up() {
    let (home, server) = (Home::new(), answering("ok"));
    let running: Vec<_> = (0..12)
        .map(|_| send(&server).home(&home).args(["Hi"]).spawn())
        .collect();
    for running in running {
        running.finish().code(0);
    }
    assert_eq!(log_of(&home).len(), 12);
    let outcome = Langdock::new().home(&home).args(["usage"]).run();
    outcome
        .code(0)
        .stderr_empty()
        .stdout_contains("requests  failed")
        .stdout_contains("total");
    assert_eq!(outcome.stdout_text().lines().count(), 3);
}

#[test]
fn estimates_come_nearer_with_the_answers_of_a_model() {
    let (home, server) = (Home::new(), answering("ok"));
    let text = "word ".repeat(3_000);
    let counted = || {
        let run = Langdock::new()
            .home(&home)
            .stdin_bytes(text.clone())
            .args(["count", "--json", "-m", "m"]);
        run.run().code(0).stdout_json()
    };
    let before = counted();
    for _ in 0..4 {
        send(&server)
            .home(&home)
            .stdin_bytes(text.clone())
            .args(["-m", "m"])
            .run()
            .code(0);
    }
    // The server reported far fewer tokens than estimated.
    let after = counted();
    assert_eq!(after["total"]["low"], before["total"]["low"]);
    assert!(total(&after) < total(&before), "{before} {after}");
}
