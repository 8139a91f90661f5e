//! The log: a line for each request, without any content.

use std::fs;

use serde_json::{Value, json};

use crate::support::{
    command::{KEY, Langdock},
    home::Home,
    serving::{Answered, DEMO_MODEL, Serving},
};

/// Returns the lines of the log.
fn lines(home: &Home) -> Vec<Value> {
    let text = fs::read_to_string(home.work().join("log.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn each_request_is_a_line_in_the_end() {
    let home = Home::new();
    home.write("work/log.jsonl", "{\"older\":true}\n");
    let serving = Serving::start_in(&home, &["--key", KEY, "--log", "log.jsonl"]);
    let usage = serving.ask(&json!({})).json()["usage"].clone();
    let streamed = serving.ask(&json!({"stream": true}));
    assert_eq!(serving.ask(&json!({"max_tokens": 0})).status, 400);
    assert_eq!(
        Answered::read(serving.open("sk-other", &json!({}))).status,
        401
    );
    assert_eq!(
        Answered::read(serving.raw("GET /other", "", "")).status,
        404
    );
    serving.end();

    let lines = lines(&home);
    let [older, whole, stream, refused, wrong_key, elsewhere] = &lines[..] else {
        panic!("{lines:?}")
    };
    assert_eq!(older, &json!({"older": true}));
    let fields = |line: &Value, names: &[&str]| {
        names
            .iter()
            .map(|name| line[name].clone())
            .collect::<Vec<_>>()
    };
    let all = [
        "region",
        "model",
        "status",
        "stream",
        "input_tokens",
        "output_tokens",
        "fault",
    ];
    let tokens = [&usage["input_tokens"], &usage["output_tokens"]];
    for (line, is_stream) in [(whole, false), (stream, true)] {
        let expected = json!(["eu", DEMO_MODEL, 200, is_stream, tokens[0], tokens[1], null]);
        assert_eq!(json!(fields(line, &all)), expected);
        assert!(
            line["bytes_in"].as_u64().unwrap() > 50 && line["duration_ms"].is_u64(),
            "{line}"
        );
        let time = line["time"].as_str().unwrap();
        assert!(
            time.len() == "2026-11-22T16:30:00.000Z".len() && time.ends_with('Z'),
            "{time}"
        );
    }
    assert_eq!(stream["request_id"].as_str(), streamed.header("request-id"));
    assert_eq!(
        json!(fields(refused, &all)),
        json!(["eu", null, 400, null, null, null, null])
    );
    assert_eq!(
        json!(fields(wrong_key, &["status", "region", "bytes_in"])),
        json!([401, "eu", 0])
    );
    assert_eq!(
        json!(fields(elsewhere, &["status", "region"])),
        json!([404, null])
    );
    let text = fs::read_to_string(home.work().join("log.jsonl")).unwrap();
    assert!(
        !text.contains(KEY) && !text.contains("sk-other") && !text.contains("Hi"),
        "{text}"
    );
}

#[test]
fn a_fault_is_named_and_a_cut_answer_has_cost_what_came_of_it() {
    let home = Home::new();
    for fault in ["529", "cut", "error-event"] {
        let serving = Serving::start_in(
            &home,
            &["--fail", &format!("{fault}:1"), "--log", "log.jsonl"],
        );
        serving.ask(&json!({"stream": true}));
        serving.end();
    }
    let lines = lines(&home);
    let faults: Vec<_> = lines
        .iter()
        .map(|line| (line["fault"].clone(), line["status"].clone()))
        .collect();
    assert_eq!(
        faults,
        [("529", 529), ("cut", 200), ("error-event", 200)]
            .map(|(name, status)| (json!(name), json!(status)))
    );
    assert_eq!(lines[0]["output_tokens"], Value::Null);
    assert!(
        (1..20).contains(&lines[1]["output_tokens"].as_u64().unwrap()),
        "{}",
        lines[1]
    );
}

#[test]
fn a_log_that_cannot_be_written_is_an_error_before_anything_listens() {
    let outcome = Langdock::new()
        .args(["serve", "--log", "no/such/directory"])
        .run();
    outcome
        .code(1)
        .stdout("")
        .stderr_contains("error: cannot write `no/such/directory`");
}

#[test]
fn a_log_that_has_no_room_is_told_once_and_the_answers_go_on() {
    let serving = Serving::start(&["--log", "/dev/full"]);
    for _ in 0..2 {
        assert!(serving.ask(&json!({})).is_whole());
    }
    let outcome = serving.ended();
    let told = outcome.stderr.matches("cannot write `/dev/full`").count();
    assert_eq!(told, 1, "{outcome}");
}

#[test]
fn it_ends_where_it_cannot_say_its_address() {
    let outcome = Langdock::shell("exec langdock serve >/dev/full").run();
    outcome.failed(
        1,
        "cannot write to standard output: No space left on device",
        "free some",
    );
}
