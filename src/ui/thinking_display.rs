//! Shows the model's reasoning on stderr as it arrives: dimmed with colours, between two marker
//! lines without.

use std::io::{Write, stderr};

use anstyle::Style;

use crate::protocol::Update;
use crate::text::sanitize;

/// Writes reasoning to stderr.
#[derive(Debug)]
pub(super) struct ThinkingDisplay {
    is_dimmed: bool,
    /// Whether its last line has no line feed yet.
    is_open: bool,
    has_arrived: bool,
}

impl ThinkingDisplay {
    /// Creates a display, dimmed or with marker lines.
    pub(super) fn new(is_dimmed: bool) -> Self {
        Self {
            is_dimmed,
            is_open: false,
            has_arrived: false,
        }
    }

    /// Shows reasoning, and ends it when the answer begins.
    pub(super) fn handle_update(&mut self, update: &Update) {
        match update {
            Update::Thinking(text) if !text.is_empty() => {
                if !self.is_dimmed && !self.has_arrived {
                    write_stderr("thinking:\n");
                }
                let style = if self.is_dimmed {
                    Style::new().dimmed()
                } else {
                    Style::new()
                };
                write_stderr(&format!("{style}{}{style:#}", sanitize(text)));
                self.is_open = !text.ends_with('\n');
                self.has_arrived = true;
            }
            Update::Text(_) | Update::ToolInput => self.end_thinking(),
            _ => {} // Neither reasoning nor answer text.
        }
    }

    /// Ends the reasoning with an empty line.
    pub(super) fn end_thinking(&mut self) {
        if std::mem::take(&mut self.has_arrived) {
            let line_end = if self.is_open { "\n" } else { "" };
            let mark = if self.is_dimmed {
                ""
            } else {
                "end of thinking\n"
            };
            write_stderr(&format!("{line_end}{mark}\n"));
        }
    }
}

/// Writes to stderr; a failure cannot be reported anywhere.
fn write_stderr(text: &str) {
    let _ = stderr().lock().write_all(text.as_bytes());
}
