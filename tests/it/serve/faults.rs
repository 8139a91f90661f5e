//! Deliberate faults, as a client sees them.

use serde_json::json;

use crate::support::serving::{Answered, Serving};

#[test]
fn every_status_comes_in_the_shape_of_the_api() {
    for (status, kind) in [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (408, "timeout_error"),
        (409, "conflict_error"),
        (413, "request_too_large"),
        (422, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (502, "api_error"),
        (503, "api_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
    ] {
        let serving = Serving::start(&["--fail", &format!("{status}:1")]);
        let answer = serving.ask(&json!({"stream": true}));
        assert_eq!(
            (answer.status, &answer.json()["error"]["type"]),
            (status, &json!(kind))
        );
        assert_eq!(
            answer.json()["request_id"].as_str(),
            answer.header("request-id")
        );
        serving.end();
    }
}

#[test]
fn an_answer_is_cut_in_its_middle() {
    let serving = Serving::start(&["--fail", "cut:1"]);
    let streamed = serving.ask(&json!({"stream": true}));
    assert!(
        streamed.status == 200 && !streamed.is_whole(),
        "{streamed:?}"
    );
    assert!(
        streamed.body.contains("content_block_delta") && !streamed.body.contains("message_stop"),
        "{streamed:?}"
    );
    let whole = serving.ask(&json!({}));
    assert!(
        whole.status == 200
            && !whole.is_whole()
            && whole.body.starts_with("{\"id\":\"msg_demo_2\""),
        "{whole:?}"
    );
    let outcome = serving.send().args(["Hi"]).run();
    outcome.code(8).stdout_contains("This is a scripted");
    serving.end();
}

#[test]
fn a_stream_says_in_its_middle_that_the_server_is_overloaded() {
    let serving = Serving::start(&["--fail", "error-event:1"]);
    let streamed = serving.ask(&json!({"stream": true}));
    assert!(
        streamed.is_whole() && streamed.body.contains("content_block_delta"),
        "{streamed:?}"
    );
    assert!(
        streamed.body.contains("event: error\n") && !streamed.body.contains("message_stop"),
        "{streamed:?}"
    );
    let whole = serving.ask(&json!({}));
    assert_eq!(
        (whole.status, &whole.json()["error"]["type"]),
        (529, &json!("overloaded_error"))
    );
    serving
        .send()
        .args(["Hi"])
        .run()
        .code(8)
        .stdout_contains("This is a scripted")
        .stderr_contains("Overloaded");
    serving.end();
}

#[test]
fn a_stalled_answer_ends_with_the_patience_of_the_client() {
    let serving = Serving::start(&["--fail", "stall:1"]);
    let outcome = serving.send().args(["Hi", "--idle-timeout", "200ms"]).run();
    outcome
        .code(8)
        .stdout_contains("This is a scripted")
        .stderr_contains("no data received for 0.2 s");
    let outcome = serving
        .send()
        .args([
            "Hi",
            "--set=stream=false",
            "--idle-timeout",
            "200ms",
            "--max-retries",
            "0",
        ])
        .run();
    outcome.code(6).stdout("");
    serving.end();
}

/// Returns the statuses of 16 consecutive requests.
fn fates(serving: &Serving) -> Vec<u16> {
    (0..16).map(|_| serving.ask(&json!({})).status).collect()
}

#[test]
fn a_seed_makes_the_same_faults_again() {
    let flags = |seed| ["--fail", "429:0.3,529:0.3", "--seed", seed];
    let [one, same, other] = ["1", "1", "2"].map(|seed| {
        let serving = Serving::start(&flags(seed));
        let fates = fates(&serving);
        serving.ended().stderr_lacks("--seed");
        fates
    });
    assert_eq!(one, same);
    assert_ne!(one, other);
    for status in [200, 429, 529] {
        assert!(one.contains(&status), "{one:?}");
    }
}

#[test]
fn a_seed_that_was_not_given_is_told() {
    let serving = Serving::start(&["--fail", "503:0.5"]);
    let fates_of_chance = fates(&serving);
    let outcome = serving.ended();
    let seed = outcome
        .stderr
        .split_once("--seed ")
        .and_then(|(_, rest)| rest.split(' ').next())
        .unwrap();
    let serving = Serving::start(&["--fail", "503:0.5", "--seed", seed]);
    assert_eq!(fates(&serving), fates_of_chance);
    serving.end();
}

#[test]
fn what_is_refused_anyway_draws_no_fault() {
    let serving = Serving::start(&["--fail", "529:1"]);
    assert_eq!(serving.ask(&json!({"max_tokens": 0})).status, 400);
    let models = serving.raw("GET /anthropic/eu/v1/models", "x-api-key: k\r\n", "");
    assert_eq!(Answered::read(models).status, 200);
    serving.end();
}

#[test]
fn send_tries_again_until_it_is_let_through() {
    let start = || Serving::start(&["--fail", "529:0.3", "--seed", "1"]);
    let serving = start();
    let first = fates(&serving)
        .iter()
        .position(|status| *status == 529)
        .unwrap();
    serving.end();
    let serving = start();
    for _ in 0..first {
        assert_eq!(serving.ask(&json!({})).status, 200);
    }
    let outcome = serving.send().args(["Hi"]).run();
    outcome
        .code(0)
        .stdout_contains("You asked: “Hi”")
        .stderr_contains("retrying");
    serving.end();
}
