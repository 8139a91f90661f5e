//! Messages to the person: notices, errors and hints, all on stderr, one line each.

use std::io::{Write, stderr};

use anstyle::Style;

use super::style::{ERROR, HINT};
use crate::text::{sanitize, sanitize_json, sanitize_line};

/// How much is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    /// Errors only.
    Quiet,
    /// What a person should know.
    #[default]
    Normal,
    /// What is done, step by step.
    Steps,
    /// Requests and headers too.
    Headers,
}

/// Writes messages.
#[derive(Debug)]
pub(crate) struct Notices {
    verbosity: Verbosity,
    colored: bool,
}

#[allow(clippy::unused_self)] // Only who holds this may write, also where it is said at any verbosity.
impl Notices {
    /// Writes as much as `verbosity` says.
    pub(crate) fn new(verbosity: Verbosity, colored: bool) -> Self {
        Self { verbosity, colored }
    }

    /// How much is said.
    pub(crate) fn verbosity(&self) -> Verbosity {
        self.verbosity
    }

    /// Whether messages have colours.
    pub(crate) fn colored(&self) -> bool {
        self.colored
    }

    /// Tells what a person should know.
    pub(crate) fn notice(&self, message: &str) {
        if self.verbosity >= Verbosity::Normal {
            line(&format!("langdock: {message}"));
        }
    }

    /// Tells what would be lost if nobody knew of it, at any verbosity.
    pub(crate) fn lost(&self, message: &str) {
        line(&format!("langdock: {message}"));
    }

    /// Tells a step, for `-v`.
    pub(crate) fn step(&self, message: &str) {
        if self.verbosity >= Verbosity::Steps {
            line(&format!("* {message}"));
        }
    }

    /// Tells a line of a request (`>`) or of an answer's head (`<`), for `-vv`.
    pub(crate) fn header(&self, direction: char, text: &str) {
        if self.verbosity >= Verbosity::Headers {
            line(&format!("{direction} {text}"));
        }
    }

    /// Tells numbers that were asked for.
    pub(crate) fn numbers(&self, message: &str) {
        line(message);
    }

    /// Shows text of the answer that standard output is not for.
    pub(crate) fn aside(&self, text: &str) {
        let text = sanitize(text);
        let end = if text.ends_with('\n') { "" } else { "\n" };
        write(&format!("{text}{end}"));
    }

    /// Tells an error and what to do next.
    pub(crate) fn error(&self, message: &str, hint: Option<&str>) {
        let (error, hint_style) = if self.colored {
            (ERROR, HINT)
        } else {
            (Style::new(), Style::new())
        };
        let mut text = format!(
            "langdock: {error}error{error:#}: {}\n",
            sanitize_line(message)
        );
        if let Some(hint) = hint {
            text.push_str(&format!(
                "{hint_style}hint{hint_style:#}: {}\n",
                sanitize_line(hint)
            ));
        }
        write(&text);
    }

    /// Tells an error to a program.
    pub(crate) fn object(&self, object: &serde_json::Value) {
        write(&format!("{}\n", sanitize_json(&object.to_string())));
    }
}

fn line(text: &str) {
    write(&format!("{}\n", sanitize_line(text)));
}

/// Writes in one piece, so that the lines of parallel processes stay whole. There is nowhere to
/// tell that it failed.
fn write(text: &str) {
    let _ = stderr().lock().write_all(text.as_bytes());
}
