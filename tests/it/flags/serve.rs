//! The flags of the scripted endpoint, compared with a run without them where that is useful.

use std::{
    fs,
    net::TcpListener,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::Row;
use crate::support::{
    command::KEY,
    home::Home,
    serving::{Answered, DEMO_MODEL, Serving},
};

/// The flags of the scripted endpoint.
pub(super) const ROWS: &[Row] = &[
    (&["serve"], "--port", |_| port()),
    (&["serve"], "--key", |_| key()),
    (&["serve"], "--rpm", |_| {
        limit("--rpm", "x-ratelimit-limit-requests");
    }),
    (&["serve"], "--tpm", |_| {
        limit("--tpm", "x-ratelimit-limit-tokens");
    }),
    (&["serve"], "--latency", |_| {
        takes_at_least(&["--latency", "60ms"], 60);
    }),
    // Five tokens, the last of which is sent after 50 ms.
    (&["serve"], "--rate", |_| {
        takes_at_least(&["--rate", "100"], 50);
    }),
    (&["serve"], "--fail", |_| fail()),
    (&["serve"], "--seed", |_| seed()),
    (&["serve"], "--log", |_| log()),
    (&["serve"], "--replay", |_| replay()),
    (&["serve"], "--replay-pace", |_| replay_pace()),
];

/// Serves a record whose answers took so long, and asks for one.
fn replayed(milliseconds: u64, flags: &[&str]) -> Answered {
    let home = Home::new();
    let body = json!({"model": DEMO_MODEL, "max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}]});
    let exchange = json!({
        "at": "2026-11-29T12:00:00Z", "attempt": 1, "took_ms": milliseconds,
        "request": {
            "method": "POST", "url": "https://h/anthropic/eu/v1/messages", "headers": [], "body": body,
        },
        "response": {
            "status": 200, "after_ms": milliseconds, "headers": [], "body": [[milliseconds, "recorded"]],
        },
    });
    let header = json!({"format": "langdock-record", "version": 1});
    home.write("work/r", format!("{header}\n{exchange}\n"));
    let serving = Serving::start_in(&home, &[&["--replay", "r"], flags].concat());
    let body = body.to_string();
    let head = format!("content-length: {}\r\n", body.len());
    let line = "POST /anthropic/eu/v1/messages";
    let answered = Answered::read(serving.raw_to("localhost", line, &head, &body));
    serving.end();
    answered
}

fn replay() {
    let answered = replayed(0, &[]);
    assert_eq!(answered.status, 200);
    assert!(answered.body.contains("recorded"), "{answered:?}");
    let serving = Serving::start(&[]);
    assert!(!serving.ask(&json!({})).body.contains("recorded"));
    serving.end();
}

fn replay_pace() {
    let took = |milliseconds, pace| {
        let begun = Instant::now();
        replayed(milliseconds, &["--replay-pace", pace]);
        begun.elapsed()
    };
    assert!(took(300, "real") >= Duration::from_millis(300));
    // Longer than any test may take.
    assert!(took(3_600_000, "fast") < Duration::from_secs(3_600));
}

fn port() {
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let serving = Serving::start(&["--port", &port.to_string()]);
    assert_eq!(serving.address().port(), port);
    serving.end();
}

fn key() {
    for (flags, status) in [(&[][..], 200), (&["--key", "sk-one"], 401)] {
        let serving = Serving::start(flags);
        assert_eq!(serving.ask(&json!({})).status, status);
        serving.end();
    }
    let serving = Serving::start(&["--key", KEY]);
    assert_eq!(serving.ask(&json!({})).status, 200);
    serving.end();
}

fn limit(flag: &str, header: &str) {
    for (flags, limit) in [(&[][..], None), (&[flag, "1234"], Some("1234"))] {
        let serving = Serving::start(flags);
        assert_eq!(serving.ask(&json!({})).header(header), limit);
        serving.end();
    }
}

/// Asserts that an answer of five tokens takes at least this many milliseconds, streamed or not.
fn takes_at_least(flags: &[&str], ms: u64) {
    let home = Home::new();
    let serving = Serving::start_in(&home, &[flags, &["--log", "log.jsonl"]].concat());
    for stream in [true, false] {
        assert_eq!(
            serving
                .ask(&json!({"stream": stream, "max_tokens": 5}))
                .status,
            200
        );
    }
    serving.end();
    let log = fs::read_to_string(home.work().join("log.jsonl")).unwrap();
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(line["duration_ms"].as_u64().unwrap() >= ms, "{line}");
    }
}

fn fail() {
    let serving = Serving::start(&["--fail", "503:1"]);
    assert_eq!(serving.ask(&json!({})).status, 503);
    serving.end();
}

fn seed() {
    let fates = |seed| {
        let serving = Serving::start(&["--fail", "503:0.5", "--seed", seed]);
        let fates: Vec<u16> = (0..12).map(|_| serving.ask(&json!({})).status).collect();
        serving.end();
        fates
    };
    assert_eq!(fates("3"), fates("3"));
    assert_ne!(fates("3"), fates("4"));
}

fn log() {
    let home = Home::new();
    let serving = Serving::start_in(&home, &["--log", "log.jsonl"]);
    let answer = Answered::read(serving.raw("GET /anthropic/eu/v1/models", "x-api-key: k\r\n", ""));
    assert_eq!(answer.status, 200);
    serving.end();
    assert_eq!(
        fs::read_to_string(home.work().join("log.jsonl"))
            .unwrap()
            .lines()
            .count(),
        1
    );
}
