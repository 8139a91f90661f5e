//! A progress line for long runs, on a terminal only, cleared at the end.

use super::status_line::StatusLine;
use crate::text::sanitize_line;

/// A progress line, cleared on drop.
#[derive(Debug)]
pub(crate) struct ProgressLine(StatusLine);

impl ProgressLine {
    /// Creates an empty line.
    pub(crate) fn new() -> Self {
        Self(StatusLine::new())
    }

    /// Replaces the text of the line.
    pub(crate) fn set_text(&self, state: &str) {
        self.0.show(&sanitize_line(state));
    }

    /// Hides the line while `write` runs.
    pub(crate) fn suspend_while<T>(&self, write: impl FnOnce() -> T) -> T {
        self.0.suspend_while(write)
    }
}
