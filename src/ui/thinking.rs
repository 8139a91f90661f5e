//! The model's reasoning, on stderr as it comes: dimmed where there are colours, between two lines
//! that say so where there are none; never among the answer.

use std::io::{Write, stderr};

use anstyle::Style;

use crate::protocol::Update;
use crate::text::sanitize;

/// Shows the reasoning.
#[derive(Debug)]
pub(super) struct Thinking {
    is_dimmed: bool,
    /// Whether a line of it is not ended.
    is_open: bool,
    has_come: bool,
}

impl Thinking {
    /// Shows it dimmed, or between lines in words.
    pub(super) fn new(is_dimmed: bool) -> Self {
        Self {
            is_dimmed,
            is_open: false,
            has_come: false,
        }
    }

    /// Takes an update: reasoning is shown, and ends before the answer begins.
    pub(super) fn update(&mut self, update: &Update) {
        match update {
            Update::Thinking(text) if !text.is_empty() => {
                if !self.is_dimmed && !self.has_come {
                    write("thinking:\n");
                }
                let style = if self.is_dimmed {
                    Style::new().dimmed()
                } else {
                    Style::new()
                };
                write(&format!("{style}{}{style:#}", sanitize(text)));
                self.is_open = !text.ends_with('\n');
                self.has_come = true;
            }
            Update::Text(_) | Update::ToolInput => self.end(),
            _ => {} // Neither reasoning nor an answer.
        }
    }

    /// Ends the reasoning, with an empty line before what follows.
    pub(super) fn end(&mut self) {
        if std::mem::take(&mut self.has_come) {
            let line_end = if self.is_open { "\n" } else { "" };
            let mark = if self.is_dimmed {
                ""
            } else {
                "end of thinking\n"
            };
            write(&format!("{line_end}{mark}\n"));
        }
    }
}

/// There is nowhere to tell that it failed.
fn write(text: &str) {
    let _ = stderr().lock().write_all(text.as_bytes());
}
