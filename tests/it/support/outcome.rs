//! How a program ended and what it wrote, with assertions that show all of it on failure.

use std::{fmt, os::unix::process::ExitStatusExt, process::ExitStatus};

use serde_json::Value;

/// The outcome of a run.
#[must_use = "assert the exit and the output"]
pub(crate) struct Outcome {
    /// Everything on stdout; if stdout is a terminal, everything written to the terminal.
    pub(crate) stdout: Vec<u8>,
    /// Everything on stderr; empty if stderr is the same terminal as stdout.
    pub(crate) stderr: String,
    /// The exit code, unless a signal ended it.
    pub(crate) code: Option<i32>,
    /// The signal that ended it.
    pub(crate) signal: Option<i32>,
    /// The command line, for messages.
    line: String,
}

impl Outcome {
    /// Creates the outcome of an ended program.
    pub(super) fn new(line: String, status: ExitStatus, stdout: Vec<u8>, stderr: &[u8]) -> Self {
        let stderr = String::from_utf8_lossy(stderr).into_owned();
        Self {
            stdout,
            stderr,
            code: status.code(),
            signal: status.signal(),
            line,
        }
    }

    /// Asserts the exit code.
    #[track_caller]
    pub(crate) fn code(&self, expected: i32) -> &Self {
        assert!(
            self.code == Some(expected),
            "expected exit code {expected}\n{self}"
        );
        self
    }

    /// Asserts that this signal killed it.
    #[track_caller]
    pub(crate) fn signal(&self, expected: i32) -> &Self {
        assert!(
            self.signal == Some(expected),
            "expected death by signal {expected}\n{self}"
        );
        self
    }

    /// Asserts stdout, byte for byte.
    #[track_caller]
    pub(crate) fn stdout(&self, expected: impl AsRef<[u8]>) -> &Self {
        let expected = expected.as_ref();
        assert!(
            self.stdout == expected,
            "expected on stdout:\n{}[EOF]\n{self}",
            String::from_utf8_lossy(expected)
        );
        self
    }

    /// Asserts that stdout contains this.
    #[track_caller]
    pub(crate) fn stdout_contains(&self, part: &str) -> &Self {
        assert!(
            self.stdout_text().contains(part),
            "expected somewhere on stdout: {part}\n{self}"
        );
        self
    }

    /// Asserts stderr, byte for byte.
    #[track_caller]
    pub(crate) fn stderr(&self, expected: &str) -> &Self {
        assert!(
            self.stderr == expected,
            "expected on stderr:\n{expected}[EOF]\n{self}"
        );
        self
    }

    /// Asserts that stderr contains this.
    #[track_caller]
    pub(crate) fn stderr_contains(&self, part: &str) -> &Self {
        assert!(
            self.stderr.contains(part),
            "expected somewhere on stderr: {part}\n{self}"
        );
        self
    }

    /// Asserts that stderr does not contain this.
    #[track_caller]
    pub(crate) fn stderr_lacks(&self, part: &str) -> &Self {
        assert!(
            !self.stderr.contains(part),
            "expected nowhere on stderr: {part}\n{self}"
        );
        self
    }

    /// Asserts that stderr is empty.
    #[track_caller]
    pub(crate) fn stderr_empty(&self) -> &Self {
        assert!(self.stderr.is_empty(), "expected nothing on stderr\n{self}");
        self
    }

    /// Returns stdout as text.
    pub(crate) fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Parses stdout as a single JSON value.
    #[track_caller]
    pub(crate) fn stdout_json(&self) -> Value {
        match serde_json::from_slice(&self.stdout) {
            Ok(value) => value,
            Err(error) => panic!("expected JSON on stdout: {error}\n{self}"),
        }
    }

    /// Parses stdout as JSON values, one per line.
    #[track_caller]
    pub(crate) fn stdout_json_lines(&self) -> Vec<Value> {
        let line = |line: &str| match serde_json::from_str(line) {
            Ok(value) => value,
            Err(error) => panic!("expected JSON on each line of stdout: {error} in {line}\n{self}"),
        };
        self.stdout_text().lines().map(line).collect()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "$ {}", self.line)?;
        writeln!(f, "------- stdout -------\n{}[EOF]", self.stdout_text())?;
        writeln!(f, "------- stderr -------\n{}[EOF]", self.stderr)?;
        match (self.code, self.signal) {
            (Some(code), _) => write!(f, "[exit code: {code}]"),
            (None, Some(signal)) => write!(f, "[signal: {signal}]"),
            (None, None) => write!(f, "[neither exit code nor signal]"),
        }
    }
}
