//! A line that shows how far a long run is, on a terminal only; gone without a trace when it ends.

use indicatif::ProgressBar;

use super::progress::line;
use crate::text::sanitize_line;

/// The line.
#[derive(Debug)]
pub(crate) struct Meter(ProgressBar);

impl Meter {
    /// Begins, with nothing shown yet.
    pub(crate) fn start() -> Self {
        Self(line("{wide_msg}"))
    }

    /// Shows this instead of what was shown.
    pub(crate) fn show(&self, state: &str) {
        self.0.set_message(sanitize_line(state));
        self.0.tick();
    }

    /// Takes the line away while something else is written.
    pub(crate) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.0.suspend(write)
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
