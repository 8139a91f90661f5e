//! The model's reasoning, on stderr as it comes: dimmed on a terminal, never among the answer.

use std::io::{Write, stderr};

use anstyle::Style;

use super::sanitize::sanitize;
use crate::protocol::Update;

/// Shows the reasoning.
#[derive(Debug)]
pub(super) struct Thinking {
    style: Style,
    /// Whether a line of it is not ended.
    is_open: bool,
    has_come: bool,
}

impl Thinking {
    /// Shows it dimmed or not.
    pub(super) fn new(is_dimmed: bool) -> Self {
        let style = if is_dimmed { Style::new().dimmed() } else { Style::new() };
        Self { style, is_open: false, has_come: false }
    }

    /// Takes an update: reasoning is shown, and ends before the answer begins.
    pub(super) fn update(&mut self, update: &Update) {
        match update {
            Update::Thinking(text) if !text.is_empty() => {
                let style = self.style;
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
            write(if self.is_open { "\n\n" } else { "\n" });
        }
    }
}

/// There is nowhere to tell that it failed.
fn write(text: &str) {
    let _ = stderr().lock().write_all(text.as_bytes());
}
