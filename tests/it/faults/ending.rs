//! What holds of every failure, whichever command met it.

use std::fs;

use serde_json::Value;

use super::commands::{Form, Row};
use crate::support::{command::KEY, home::Home, outcome::Outcome};

/// Asserts how a command ended that met a fault: with this code, after this much of the answer's text had come.
#[track_caller]
pub(super) fn check(fault: &str, row: &Row, home: &Home, outcome: &Outcome, code: i32, came: &str) {
    let shown = format!("{fault}\n{outcome}");
    assert!(outcome.code == Some(code), "expected exit code {code}: {shown}");
    let failure = outcome.told();
    assert!(
        !failure.message.is_empty() && failure.notices.iter().all(|line| line.starts_with("langdock: ")),
        "{shown}"
    );
    if row.tells_objects() {
        assert_eq!(failure.object["error"]["exit_code"], code, "{shown}");
        assert!(failure.object["error"]["message"].is_string(), "{shown}");
    }
    check_clean(fault, outcome);
    check_text(fault, row, home, outcome, came);
    if row.form == Form::Lines {
        let last = outcome.stdout_json_lines().pop().unwrap_or_else(|| panic!("no error object: {shown}"));
        assert_eq!(last["error"]["exit_code"], code, "{shown}");
    }
}

/// Asserts that an output has neither the key nor the words of a panic in it.
#[track_caller]
pub(super) fn check_clean(fault: &str, outcome: &Outcome) {
    let all = outcome.stdout_text() + &outcome.stderr;
    for word in [KEY, &KEY[..12], "panicked", "RUST_BACKTRACE", "stack overflow", "memory allocation"] {
        assert!(!all.contains(word), "`{word}` in the output: {fault}\n{outcome}");
    }
}

/// Asserts that what came of an answer is where it belongs, and nothing else is there.
#[track_caller]
pub(super) fn check_text(fault: &str, row: &Row, home: &Home, outcome: &Outcome, came: &str) {
    let shown = format!("expected `{came}` of the answer: {fault}\n{outcome}");
    let text = if came.is_empty() { String::new() } else { format!("{came}\n") };
    let of = |message: &Value| message["content"][0]["text"].as_str().unwrap_or_default().to_owned();
    match row.form {
        Form::Text => assert!(outcome.stdout_text() == text, "{shown}"),
        Form::File => {
            let part = fs::read_to_string(home.work().join("answer.part")).unwrap_or_default();
            assert!(outcome.stdout.is_empty() && part == text, "{shown}");
            assert!(!home.work().join("answer").exists(), "{shown}");
        }
        Form::Object if outcome.stdout.is_empty() => assert!(came.is_empty(), "{shown}"),
        Form::Object => {
            let message = outcome.stdout_json();
            assert!(of(&message) == came && message["langdock"]["complete"] == false, "{shown}");
        }
        Form::Lines => {
            let lines = outcome.stdout_json_lines();
            let result = lines.iter().find(|line| line["type"] == "result");
            assert!(result.map(of).unwrap_or_default() == came, "{shown}");
            assert!(result.is_none_or(|result| result["langdock"]["complete"] == false), "{shown}");
        }
        Form::Other => assert!(outcome.stdout.is_empty(), "{shown}"),
    }
}
