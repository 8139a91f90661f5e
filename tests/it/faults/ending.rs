//! The promises about every outcome, for any command and fault.

use std::fs;

use serde_json::Value;

use super::commands::{Form, Row, TEXT, conversation, file};
use crate::support::{command::KEY, events::MODEL, home::Home, outcome::Outcome};

/// Asserts the outcome of a command with a fault: the exit code for this failure of its call, after
/// this part of the answer's text was received.
#[track_caller]
pub(super) fn check(fault: &str, row: &Row, home: &Home, outcome: &Outcome, call: i32, came: &str) {
    check_answer(fault, row, home, outcome, call, came);
    if row.saves && row.code_of(call) != 0 {
        check_saved(fault, home, came);
    }
}

/// Asserts the same, except for the saved conversation.
#[track_caller]
pub(super) fn check_answer(
    fault: &str,
    row: &Row,
    home: &Home,
    outcome: &Outcome,
    call: i32,
    came: &str,
) {
    let code = row.code_of(call);
    let shown = format!("{fault}\n{outcome}");
    assert!(
        outcome.code == Some(code),
        "expected exit code {code}: {shown}"
    );
    if code == 0 {
        return answered(fault, row, home, outcome);
    }
    let failure = outcome.told();
    assert!(
        !failure.message.is_empty()
            && failure
                .notices
                .iter()
                .all(|line| line.starts_with("langdock: ")),
        "{shown}"
    );
    if row.tells_objects() {
        assert_eq!(failure.object["error"]["exit_code"], code, "{shown}");
        assert!(failure.object["error"]["message"].is_string(), "{shown}");
    }
    check_clean(fault, outcome);
    check_text(fault, row, home, outcome, call, came);
    if row.form == Form::Lines {
        let last = outcome
            .stdout_json_lines()
            .pop()
            .unwrap_or_else(|| panic!("no error object: {shown}"));
        assert_eq!(last["error"]["exit_code"], code, "{shown}");
    }
}

/// Asserts a complete answer; stderr may have messages.
#[track_caller]
pub(super) fn answered(fault: &str, row: &Row, home: &Home, outcome: &Outcome) {
    assert!(outcome.code == Some(0), "{fault}\n{outcome}");
    check_clean(fault, outcome);
    let said = if row.has_file() {
        file(home).unwrap_or_default()
    } else {
        outcome.stdout_text()
    };
    assert!(
        said.contains(if row.form == Form::List {
            MODEL
        } else if row.form == Form::Findings {
            "models"
        } else {
            TEXT
        }),
        "{fault}\n{outcome}"
    );
    assert_eq!(
        outcome.stdout.is_empty(),
        row.has_file(),
        "{fault}\n{outcome}"
    );
}

/// Asserts that the output contains neither the key nor a panic message.
#[track_caller]
pub(super) fn check_clean(fault: &str, outcome: &Outcome) {
    let all = outcome.stdout_text() + &outcome.stderr;
    for word in [
        KEY,
        &KEY[..12],
        "panicked",
        "RUST_BACKTRACE",
        "stack overflow",
        "memory allocation",
        "internal error",
    ] {
        assert!(
            !all.contains(word),
            "`{word}` in the output: {fault}\n{outcome}"
        );
    }
}

/// Asserts that the received part of the answer is where it belongs, and that nothing else is
/// there.
#[track_caller]
fn check_text(fault: &str, row: &Row, home: &Home, outcome: &Outcome, call: i32, came: &str) {
    let shown = format!("expected `{came}` of the answer: {fault}\n{outcome}");
    let text = if came.is_empty() {
        String::new()
    } else {
        format!("{came}\n")
    };
    let of = |message: &Value| {
        message["content"][0]["text"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    if row.has_file() {
        assert!(outcome.stdout.is_empty(), "{shown}");
    }
    match row.form {
        Form::Text => assert!(outcome.stdout_text() == text, "{shown}"),
        Form::File => {
            let part = fs::read_to_string(home.work().join("answer.part")).unwrap_or_default();
            assert!(part == text && file(home).is_none(), "{shown}");
        }
        Form::Object if outcome.stdout.is_empty() => assert!(came.is_empty(), "{shown}"),
        Form::Object => {
            let message = outcome.stdout_json();
            assert!(
                of(&message) == came && message["langdock"]["complete"] == false,
                "{shown}"
            );
        }
        Form::Lines => {
            let lines = outcome.stdout_json_lines();
            let result = lines.iter().find(|line| line["type"] == "result");
            assert!(result.map(of).unwrap_or_default() == came, "{shown}");
            assert!(
                result.is_none_or(|result| result["langdock"]["complete"] == false),
                "{shown}"
            );
        }
        Form::Record | Form::RecordFile => {
            let records = if row.has_file() {
                file(home).unwrap_or_default()
            } else {
                outcome.stdout_text()
            };
            if row.code_of(call) == call {
                return assert!(records.is_empty(), "{shown}");
            }
            let record: Value =
                serde_json::from_str(&records).unwrap_or_else(|error| panic!("{error}: {shown}"));
            assert!(
                record["error"]["exit_code"] == call && record["error"]["message"].is_string(),
                "{shown}"
            );
            assert!(
                record["error"]["text"].as_str().unwrap_or_default() == came,
                "{shown}"
            );
        }
        Form::List => assert!(outcome.stdout.is_empty(), "{shown}"),
        Form::Findings => assert!(outcome.stdout_text().contains("wrong"), "{shown}"),
    }
}

/// Asserts that the conversation has the question and the received part of the answer.
#[track_caller]
fn check_saved(fault: &str, home: &Home, came: &str) {
    let said = conversation(home);
    let said: Vec<_> = said
        .iter()
        .map(|(role, text)| (role.as_str(), text.as_str()))
        .collect();
    let expected = if came.is_empty() {
        vec![]
    } else {
        vec![("user", "hello"), ("assistant", came)]
    };
    assert_eq!(said, expected, "{fault}");
}
