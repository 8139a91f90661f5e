//! A progress line for long runs, on a terminal only, cleared at the end.

use indicatif::ProgressBar;

use super::progress::new_progress_bar;
use crate::text::sanitize_line;

/// A progress line, cleared on drop.
#[derive(Debug)]
pub(crate) struct ProgressLine(ProgressBar);

impl ProgressLine {
    /// Creates an empty line.
    pub(crate) fn new() -> Self {
        Self(new_progress_bar("{wide_msg}"))
    }

    /// Replaces the text of the line.
    pub(crate) fn set_text(&self, state: &str) {
        self.0.set_message(sanitize_line(state));
        self.0.tick();
    }

    /// Hides the line while `write` runs.
    pub(crate) fn suspend_while<T>(&self, write: impl FnOnce() -> T) -> T {
        self.0.suspend(write)
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
