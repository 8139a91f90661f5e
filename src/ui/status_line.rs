//! One line on the terminal of standard error that is drawn again and again, and cleared on drop.

use std::io::{Write as _, stderr};

use super::terminal_size::TerminalSize;
use crate::text::truncate_to_width;

/// The columns at the end of the row that stay free: the `^C` that a terminal echoes would
/// otherwise wrap, so that clearing would miss the line.
const ROOM_FOR_CTRL_C: usize = 3;

/// Erases the row, with the cursor at its beginning.
const CLEAR: &str = "\r\x1b[2K";

/// The line.
#[derive(Debug, Default)]
pub(super) struct StatusLine {
    /// What it shows, without control characters.
    text: String,
}

impl StatusLine {
    /// Shows another text, which has no control characters; what is too long is cut off.
    pub(super) fn show(&mut self, text: String) {
        self.text = text;
        self.draw();
    }

    /// Hides the line while `write` runs.
    pub(super) fn suspend_while<T>(&self, write: impl FnOnce() -> T) -> T {
        clear();
        let written = write();
        self.draw();
        written
    }

    /// Draws the line as wide as the terminal is now. Where it cannot be drawn, nobody sees it.
    fn draw(&self) {
        let columns = TerminalSize::from_stderr().columns;
        let room = columns.saturating_sub(ROOM_FOR_CTRL_C).max(1);
        let shown = truncate_to_width(&self.text, room);
        let _ = stderr().write_all(format!("{CLEAR}{shown}").as_bytes());
    }
}

fn clear() {
    let _ = stderr().write_all(CLEAR.as_bytes());
}

impl Drop for StatusLine {
    fn drop(&mut self) {
        clear();
    }
}
