//! A line on the terminal that is drawn over itself, and cleared at the end.

use std::io;

use console::Term;

use crate::text::{sanitize_line, truncate_to_width};

/// Columns at the right that stay free for the `^C` that a terminal echoes: a line that wraps would
/// be cleared in part only.
const ROOM_FOR_CTRL_C: u16 = 3;

/// A line on standard error, cleared on drop.
#[derive(Debug)]
pub(crate) struct ProgressLine {
    terminal: Term,
    /// Empty until there is something to draw.
    text: String,
}

impl ProgressLine {
    /// Creates an empty line.
    pub(crate) fn new() -> Self {
        Self {
            terminal: Term::buffered_stderr(),
            text: String::new(),
        }
    }

    /// Replaces the text of the line.
    pub(crate) fn set_text(&mut self, text: &str) {
        self.text = sanitize_line(text);
        self.replace_by(&self.text);
    }

    /// Hides the line while `write` runs.
    pub(crate) fn suspend_while<T>(&self, write: impl FnOnce() -> T) -> T {
        self.replace_by("");
        let result = write();
        self.replace_by(&self.text);
        result
    }

    fn replace_by(&self, text: &str) {
        if self.text.is_empty() {
            return;
        }
        let columns = self.terminal.size().1.saturating_sub(ROOM_FOR_CTRL_C);
        let text = truncate_to_width(text, columns.max(1).into());
        let draw = || -> io::Result<()> {
            self.terminal.clear_line()?;
            self.terminal.write_str(&text)?;
            self.terminal.flush()
        };
        let _ = draw(); // Nothing depends on it.
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.replace_by("");
    }
}
