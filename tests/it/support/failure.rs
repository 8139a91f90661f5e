//! How a failed run reports its error: a line for the error, one for the hint, and an object for
//! programs.

use serde_json::{Value, json};

use super::outcome::Outcome;

/// The stderr of a failed run.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The lines before the error.
    pub(crate) notices: Vec<String>,
    /// The error, without its prefix.
    pub(crate) message: String,
    /// The hint; empty if there is none.
    pub(crate) hint: String,
    /// The object of `--json`; null without that flag.
    pub(crate) object: Value,
}

impl Outcome {
    /// Asserts the exit code, and parses stderr: notices, then exactly one error, its hint and its
    /// object.
    #[track_caller]
    pub(crate) fn failure(&self, code: i32) -> Failure {
        self.code(code).told()
    }

    /// Parses stderr as `failure` does, however the program ended.
    #[track_caller]
    pub(crate) fn told(&self) -> Failure {
        assert!(
            self.stderr.ends_with('\n'),
            "expected whole lines on stderr\n{self}"
        );
        let mut lines = self.stderr.lines().collect::<Vec<_>>();
        let object =
            lines
                .last()
                .filter(|line| line.starts_with('{'))
                .map_or(Value::Null, |line| {
                    serde_json::from_str(line).unwrap_or_else(|error| {
                        panic!("the last line is not valid JSON: {error}\n{self}")
                    })
                });
        if !object.is_null() {
            lines.pop();
        }
        let hint = lines
            .last()
            .and_then(|line| line.strip_prefix("hint: "))
            .unwrap_or_default()
            .to_owned();
        if !hint.is_empty() {
            lines.pop();
        }
        let message = lines
            .pop()
            .and_then(|line| line.strip_prefix("langdock: error: "));
        let Some(message) = message else {
            panic!("expected an error line and its hint at the end of stderr\n{self}")
        };
        let others = lines
            .iter()
            .filter(|line| line.starts_with("langdock: error:") || line.starts_with("hint:"))
            .count();
        assert!(others == 0, "expected one error line\n{self}");
        let notices = lines.iter().map(|&line| line.to_owned()).collect();
        Failure {
            notices,
            message: message.to_owned(),
            hint,
            object,
        }
    }

    /// Asserts that the error and the hint contain these parts, and that stderr has nothing else.
    #[track_caller]
    pub(crate) fn failed(&self, code: i32, message: &str, hint: &str) -> &Self {
        let failure = self.failure(code);
        assert!(failure.notices.is_empty(), "expected no notices\n{self}");
        failure.says(message, hint);
        self
    }
}

impl Failure {
    /// Asserts that the error and the hint contain these parts; an empty hint means that there is
    /// none.
    #[track_caller]
    pub(crate) fn says(&self, message: &str, hint: &str) -> &Self {
        assert!(
            self.message.contains(message),
            "expected in the error: {message}\n{self:#?}"
        );
        assert!(
            self.hint.contains(hint),
            "expected in the hint: {hint}\n{self:#?}"
        );
        assert!(
            self.hint.is_empty() == hint.is_empty(),
            "expected a hint exactly where one is asked for\n{self:#?}"
        );
        self
    }

    /// Asserts the object of `--json`.
    #[track_caller]
    pub(crate) fn object(&self, code: i32, kind: &str, fields: &Value) -> &Self {
        check_error_object(&self.object, code, kind, fields);
        assert_eq!(self.object["error"]["message"], json!(self.message));
        self
    }
}

/// Asserts that this is an error object with all its keys, this exit code and kind, and these
/// fields.
#[track_caller]
pub(crate) fn check_error_object(object: &Value, code: i32, kind: &str, fields: &Value) {
    let error = object["error"]
        .as_object()
        .unwrap_or_else(|| panic!("no error object: {object}"));
    let mut keys = error.keys().map(String::as_str).collect::<Vec<_>>();
    keys.sort_unstable();
    let all = [
        "exit_code",
        "kind",
        "message",
        "request_id",
        "retry_after",
        "retryable",
        "status",
        "type",
    ];
    assert_eq!(keys, all, "{object}");
    assert_eq!(
        object.as_object().map(serde_json::Map::len),
        Some(2),
        "{object}"
    );
    assert_eq!(object["type"], "error", "{object}");
    assert_eq!(
        (&error["exit_code"], &error["kind"]),
        (&json!(code), &json!(kind)),
        "{object}"
    );
    for (name, value) in fields.as_object().expect("fields are an object") {
        assert_eq!(&error[name], value, "{name} of {object}");
    }
}
