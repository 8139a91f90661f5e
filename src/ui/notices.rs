//! Messages to the user on stderr: notices, errors and hints, one line each. On a terminal they
//! wrap at its width, between words.

use std::io::{Write, stderr};
use std::sync::{Arc, Mutex, PoisonError};

use anstyle::Style;

use super::style::{ERROR, HINT};
use super::terminal_size::TerminalSize;
use crate::text::{
    KnownSecrets, display_width, escape_breaks, sanitize, sanitize_json, sanitize_line,
    without_os_codes, wrap_words,
};

/// How much is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    /// Errors only.
    Quiet,
    /// Notices too.
    #[default]
    Normal,
    /// Each step too.
    Steps,
    /// Requests and headers too.
    Headers,
}

/// Writes messages to stderr.
#[derive(Debug)]
pub(crate) struct Notices {
    verbosity: Verbosity,
    colored: bool,
    is_terminal: bool,
    /// What is blanked out of every message.
    secrets: Arc<KnownSecrets>,
    /// The notices that are not written again.
    told: Mutex<Vec<String>>,
}

#[allow(clippy::unused_self)] // Holding this is the permission to write.
impl Notices {
    /// Creates a writer for this verbosity; `is_terminal` says whether stderr is a terminal.
    pub(crate) fn new(
        verbosity: Verbosity,
        colored: bool,
        is_terminal: bool,
        secrets: Arc<KnownSecrets>,
    ) -> Self {
        Self {
            verbosity,
            colored,
            is_terminal,
            secrets,
            told: Mutex::default(),
        }
    }

    /// Returns how much is printed.
    pub(crate) fn verbosity(&self) -> Verbosity {
        self.verbosity
    }

    /// Whether messages are coloured.
    pub(crate) fn is_colored(&self) -> bool {
        self.colored
    }

    /// Returns the width of the terminal, if stderr is one.
    pub(crate) fn columns(&self) -> Option<usize> {
        self.is_terminal
            .then(|| TerminalSize::from_stderr().columns)
    }

    /// Writes a notice, unless `--quiet`.
    pub(crate) fn notice(&self, message: &str) {
        if self.verbosity >= Verbosity::Normal {
            self.write_line(&format!("langdock: {message}"));
        }
    }

    /// Writes a notice, unless it was written before.
    pub(crate) fn notice_once(&self, message: &str) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if !told.iter().any(|before| before == message) {
            self.notice(message);
            told.push(message.to_owned());
        }
    }

    /// Writes a notice at any verbosity, for what would otherwise be lost.
    pub(crate) fn notice_always(&self, message: &str) {
        self.write_line(&format!("langdock: {message}"));
    }

    /// Writes a step, for `-v`.
    pub(crate) fn log_step(&self, message: &str) {
        if self.verbosity >= Verbosity::Steps {
            self.write_line(&format!("* {message}"));
        }
    }

    /// Writes a line of a request (`>`) or of response headers (`<`), for `-vv`.
    pub(crate) fn log_header(&self, direction: char, text: &str) {
        if self.verbosity >= Verbosity::Headers {
            write_stderr(&format!(
                "{direction} {}\n",
                sanitize_line(&self.secrets.scrub(text))
            ));
        }
    }

    /// Writes a line of statistics that the user asked for.
    pub(crate) fn print_stats(&self, message: &str) {
        self.write_line(message);
    }

    /// Writes text of the answer that does not belong on standard output.
    pub(crate) fn print_block(&self, text: &str) {
        let text = self.secrets.scrub_message(text);
        let text = sanitize(&text);
        let end = if text.ends_with('\n') { "" } else { "\n" };
        write_stderr(&format!("{text}{end}"));
    }

    /// Writes text for people; on a terminal, a line that is too long for it is wrapped.
    pub(crate) fn print_wrapped(&self, text: &str) {
        if !self.is_terminal {
            return self.print_block(text);
        }
        let columns = TerminalSize::from_stderr().columns;
        let wrapped = |line: &str| {
            if display_width(line) <= columns {
                return line.to_owned();
            }
            wrap_words(line, columns, columns).join("\n")
        };
        let lines: Vec<String> = text.lines().map(wrapped).collect();
        self.print_block(&lines.join("\n"));
    }

    /// Writes an error and a hint.
    pub(crate) fn error(&self, message: &str, hint: Option<&str>) {
        let (error, hint_style) = if self.colored {
            (ERROR, HINT)
        } else {
            (Style::new(), Style::new())
        };
        let wrapped = self.wrapped("langdock: error: ", message);
        let mut text = format!("langdock: {error}error{error:#}: {wrapped}\n");
        if let Some(hint) = hint {
            let wrapped = self.wrapped("hint: ", hint);
            text.push_str(&format!("{hint_style}hint{hint_style:#}: {wrapped}\n"));
        }
        write_stderr(&text);
    }

    /// Writes an error as JSON, for programs.
    pub(crate) fn print_json(&self, object: &serde_json::Value) {
        let text = object.to_string();
        let text = self.secrets.scrub_message(&text);
        write_stderr(&format!("{}\n", sanitize_json(&text)));
    }

    fn write_line(&self, text: &str) {
        write_stderr(&format!("{}\n", self.wrapped("", text)));
    }

    /// Returns a message wrapped for the width of stderr, as it is shown after `prefix`.
    fn wrapped(&self, prefix: &str, message: &str) -> String {
        let line = one_line(&self.secrets.scrub_message(message));
        if !self.is_terminal {
            return line;
        }
        let columns = TerminalSize::from_stderr().columns;
        let room = columns.saturating_sub(display_width(prefix));
        wrap_words(&line, room, columns).join("\n")
    }
}

/// Returns a message on one line, sanitized, and without the numbers of OS errors.
fn one_line(message: &str) -> String {
    sanitize(&escape_breaks(&without_os_codes(message))).into_owned()
}

/// Writes with a single call, so that lines of parallel processes do not mix. A failure cannot be
/// reported anywhere.
fn write_stderr(text: &str) {
    let _ = stderr().lock().write_all(text.as_bytes());
}
