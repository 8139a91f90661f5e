//! `--jsonl`: each event's data on a line, unchanged, then the result.

use serde_json::{Value, json};

use crate::support::{
    events::{Stream, answer, error, message},
    gate::Gate,
    reply::Reply,
    sending::{answering, send},
    server::Server,
};

/// Returns the data of all events of a stream, one per line.
fn data(stream: &str) -> String {
    stream
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .flat_map(|data| [data, "\n"])
        .collect()
}

#[test]
fn each_events_data_is_a_line_as_it_came_and_the_result_is_the_last() {
    // White space, escapes and the order of keys are kept as the server sent them.
    let odd = "event: novelty\ndata: {\"type\": \"novelty\",  \"z\":1.50, \"a\":\"\\u00e9\"}\n\n";
    let stream = Stream::new()
        .start()
        .raw(odd)
        .ping()
        .text_block(["Hello, ", "world é"])
        .stop("end_turn");
    let text = stream.to_string();
    let expected = data(&text);
    let server = Server::start(move |_, _| Reply::sse(&text));
    let outcome = send(&server).args(["--jsonl", "Hi"]).run();
    outcome.code(0).stderr_empty();
    let (events, result) = outcome
        .stdout_text()
        .trim_end()
        .rsplit_once('\n')
        .map(|(a, b)| (format!("{a}\n"), b.to_owned()))
        .unwrap();
    assert_eq!(events, expected);
    let mut result: Value = serde_json::from_str(&result).unwrap();
    let about = result.as_object_mut().unwrap().remove("langdock").unwrap();
    let mut message = stream.message();
    message["type"] = json!("result");
    assert_eq!(result, message);
    assert_eq!(about["complete"], true);
}

#[test]
fn a_line_is_printed_before_the_next_event_is_sent() {
    let begin = Stream::new().start().open_text_block(["one "]).to_string();
    let whole = Stream::new()
        .start()
        .text_block(["one ", "two"])
        .stop("end_turn")
        .to_string();
    let rest = whole.strip_prefix(&begin).unwrap().to_owned();
    let (gate, expected) = (Gate::new(), data(&begin));
    let theirs = gate.clone();
    let server =
        Server::start(move |_, _| Reply::sse_start().body(&begin).wait(&theirs).body(&rest));
    let running = send(&server).args(["--jsonl", "Hi"]).spawn();
    running.wait_for_stdout_bytes(expected.len());
    assert_eq!(
        String::from_utf8(running.stdout_so_far()).unwrap(),
        expected
    );
    gate.open();
    running.finish().code(0).stderr_empty();
}

#[test]
fn data_of_several_lines_is_one_line() {
    let start = Stream::new()
        .start()
        .to_string()
        .replace("data: {", "data: {\ndata: ");
    let rest = answer(&["ok"])
        .strip_prefix(&Stream::new().start().to_string())
        .unwrap()
        .to_owned();
    let stream = start + &rest;
    let server = Server::start(move |_, _| Reply::sse(&stream));
    let outcome = send(&server).args(["--jsonl", "Hi"]).run();
    outcome.code(0).stderr_empty();
    assert_eq!(outcome.stdout_json_lines()[0]["type"], "message_start");
}

#[test]
fn an_answer_in_one_piece_is_the_result_alone() {
    let server = Server::start(|_, _| Reply::json(200, &message("ok")));
    let outcome = send(&server)
        .args(["--set=stream=false", "--jsonl", "Hi"])
        .run();
    outcome.code(0).stderr_empty();
    let lines = outcome.stdout_json_lines();
    assert_eq!(lines.len(), 1);
    assert_eq!(
        (&lines[0]["type"], &lines[0]["content"][0]["text"]),
        (&json!("result"), &json!("ok"))
    );
}

#[test]
fn a_retry_is_a_line_where_it_happens() {
    let server = Server::start(|_, nth| match nth {
        0 => Reply::json(529, &error("overloaded_error", "Busy.")).header("retry-after-ms", 10),
        _ => Reply::sse(answer(&["ok"])),
    });
    let outcome = send(&server).args(["--jsonl", "Hi"]).run();
    outcome.code(0).stderr_contains("retrying");
    let lines = outcome.stdout_json_lines();
    assert_eq!(
        (&lines[0]["type"], &lines[0]["attempt"]),
        (&json!("retry"), &json!(2)),
        "{outcome}"
    );
    assert_eq!(
        (&lines[0]["wait_s"], &lines[0]["status"]),
        (&json!(0.01), &json!(529))
    );
    assert!(
        lines[0]["message"].as_str().unwrap().contains("Busy."),
        "{outcome}"
    );
    assert_eq!(lines[1]["type"], "message_start");
    assert_eq!(lines.last().unwrap()["langdock"]["attempts"], 2);
}

#[test]
fn an_error_is_the_last_line_of_stdout_and_a_line_on_stderr() {
    let server =
        Server::start(|_, _| Reply::json(401, &error("authentication_error", "Invalid API key")));
    let outcome = send(&server).args(["--jsonl", "Hi"]).run();
    outcome
        .code(4)
        .stderr_contains("langdock: error: HTTP 401")
        .stderr_lacks("{\"type\":\"error\"");
    let lines = outcome.stdout_json_lines();
    assert_eq!(lines.len(), 1, "{outcome}");
    assert_eq!(
        (&lines[0]["type"], &lines[0]["error"]["kind"]),
        (&json!("error"), &json!("auth"))
    );
    assert_eq!(
        (
            &lines[0]["error"]["status"],
            &lines[0]["error"]["exit_code"]
        ),
        (&json!(401), &json!(4))
    );
}

#[test]
fn an_error_event_is_a_line_as_it_came_and_its_request_id_is_reported() {
    let event = r#"{"type":"error","error":{"type":"overloaded_error","message":"Busy."},"request_id":"req_7","extra":1.50}"#;
    let begun = Stream::new().start().open_text_block(["half"]).to_string();
    let server =
        Server::start(move |_, _| Reply::sse(format!("{begun}event: error\ndata: {event}\n\n")));
    let outcome = send(&server).args(["--jsonl", "Hi"]).run();
    outcome
        .code(8)
        .stderr_contains("langdock: error: the server reported an error: Busy.");
    let text = outcome.stdout_text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[3], event, "{outcome}");
    let last = outcome.stdout_json_lines().pop().unwrap();
    assert_eq!(last["error"]["request_id"], "req_7", "{outcome}");
    assert_eq!(last["error"]["exit_code"], 8, "{outcome}");
}

#[test]
fn a_truncated_answer_is_not_complete() {
    let truncated = Stream::new()
        .start()
        .text_block(["half"])
        .stop("max_tokens")
        .to_string();
    let server = Server::start(move |_, _| Reply::sse(truncated.clone()));
    for (flag, code) in [("--json", 9), ("--jsonl", 9)] {
        let outcome = send(&server).args([flag, "Hi"]).run();
        outcome.code(code);
        let lines = outcome.stdout_json_lines();
        let result = lines
            .iter()
            .find(|line| line.get("langdock").is_some())
            .unwrap();
        assert_eq!(result["langdock"]["complete"], false, "{outcome}");
    }
}

#[test]
fn a_cut_answer_ends_in_its_result_and_the_error() {
    let begun = Stream::new().start().open_text_block(["half"]).to_string();
    let server = Server::start(move |_, _| Reply::sse_start().body(&begun).close());
    let outcome = send(&server).args(["--jsonl", "Hi"]).run();
    outcome.code(8).stderr_contains("langdock: error: ");
    let lines = outcome.stdout_json_lines();
    let kinds: Vec<_> = lines
        .iter()
        .map(|line| line["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "message_start",
            "content_block_start",
            "content_block_delta",
            "result",
            "error"
        ]
    );
    assert_eq!(lines[3]["langdock"]["complete"], false);
    assert_eq!(lines[4]["error"]["kind"], "incomplete");
}

#[test]
fn json_and_jsonl_and_extract_exclude_each_other() {
    let server = answering("ok");
    for args in [
        ["--json", "--jsonl"],
        ["--json", "-x"],
        ["--jsonl", "-x"],
        ["-q", "-v"],
        ["--curl", "--dry-run"],
    ] {
        let outcome = send(&server).args(["Hi"]).args(args).run();
        outcome.code(2).stderr_contains("cannot be used with");
    }
    assert_eq!(server.connections(), 0);
}
