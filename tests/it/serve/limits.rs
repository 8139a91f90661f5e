//! Requests and tokens per minute, as a client sees them.

use serde_json::json;

use crate::support::serving::{Answered, Serving};

#[test]
fn requests_over_the_limit_are_told_when_to_come_again() {
    let serving = Serving::start(&["--rpm", "2"]);
    for remaining in [1, 0] {
        let answer = serving.ask(&json!({"stream": true}));
        assert_eq!(
            (answer.status, answer.number("x-ratelimit-limit-requests")),
            (200, 2)
        );
        assert_eq!(answer.number("x-ratelimit-remaining-requests"), remaining);
        assert_eq!(
            answer.header("x-ratelimit-limit-tokens"),
            None,
            "no such limit is set"
        );
    }
    let refused = serving.ask(&json!({}));
    assert_eq!(
        (
            refused.status,
            refused.number("x-ratelimit-remaining-requests")
        ),
        (429, 0)
    );
    assert!(
        (1..=60).contains(&refused.number("retry-after")),
        "{refused:?}"
    );
    let body = refused.json();
    assert_eq!(
        (&body["type"], &body["error"]["type"]),
        (&json!("error"), &json!("rate_limit_error"))
    );
    assert_eq!(body["request_id"].as_str(), refused.header("request-id"));
    // Another model and another key have their own limits.
    assert_eq!(
        serving
            .ask(&json!({"model": "claude-3-sonnet-20240229"}))
            .status,
        200
    );
    assert_eq!(
        Answered::read(serving.open("sk-other", &json!({}))).status,
        200
    );
    serving.end();
}

#[test]
fn tokens_are_reserved_and_what_was_not_used_is_given_back() {
    let serving = Serving::start(&["--tpm", "1000"]);
    let first = serving.ask(&json!({"max_tokens": 900}));
    let used = first.json()["usage"].clone();
    let (input, output) = (
        used["input_tokens"].as_u64().unwrap(),
        used["output_tokens"].as_u64().unwrap(),
    );
    assert_eq!(first.number("x-ratelimit-remaining-tokens"), 100 - input);
    assert_eq!(
        first.header("x-ratelimit-limit-requests"),
        None,
        "no such limit is set"
    );
    let second = serving.ask(&json!({"max_tokens": 500}));
    assert_eq!(
        second.number("x-ratelimit-remaining-tokens"),
        500 - 2 * input - output
    );
    let third = serving.ask(&json!({"max_tokens": 990}));
    assert_eq!(third.status, 429, "{third:?}");
    assert!((1..=60).contains(&third.number("retry-after")), "{third:?}");
    let never = serving.ask(&json!({"max_tokens": 1000}));
    assert_eq!(
        (
            never.status,
            never.header("retry-after"),
            never.header("x-should-retry")
        ),
        (429, None, Some("false"))
    );
    serving.end();
}

#[test]
fn send_says_how_long_it_would_have_to_wait() {
    let serving = Serving::start(&["--rpm", "1"]);
    serving.send().args(["Hi"]).run().code(0);
    let outcome = serving
        .send()
        .args(["Hi", "--max-wait", "0s", "--json"])
        .run();
    outcome
        .code(7)
        .stdout("")
        .stderr_contains("HTTP 429")
        .stderr_contains("\"kind\":\"rate_limit\"");
    outcome.stderr_lacks("\"retry_after\":null");
    serving.end();
}
