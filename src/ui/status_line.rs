//! One line on the terminal of standard error that is drawn again and again, and cleared on drop.

use std::fmt::{Debug, Formatter};
use std::io;

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

/// The columns at the end of the row that stay free: the line is padded to the width, and the `^C`
/// that a terminal echoes would otherwise wrap, so that clearing would miss the line.
const ROOM_FOR_CTRL_C: u16 = 3;

/// The line.
pub(super) struct StatusLine(ProgressBar);

impl StatusLine {
    /// Creates a line, which is drawn once it has a text.
    pub(super) fn new() -> Self {
        Self::with_template("{wide_msg}")
    }

    /// Creates a line that begins with a spinner.
    pub(super) fn with_spinner() -> Self {
        Self::with_template("{spinner} {wide_msg}")
    }

    fn with_template(template: &str) -> Self {
        let terminal = ProgressDrawTarget::term_like(Box::new(StatusTerminal(Term::stderr())));
        let bar = ProgressBar::with_draw_target(None, terminal);
        bar.set_style(ProgressStyle::with_template(template).expect("a template without numbers"));
        Self(bar)
    }

    /// Shows another text, which has no control characters; what is too long is cut off.
    pub(super) fn show(&self, text: String) {
        self.0.set_message(text);
        self.0.tick();
    }

    /// Hides the line while `write` runs.
    pub(super) fn suspend_while<T>(&self, write: impl FnOnce() -> T) -> T {
        self.0.suspend(write)
    }
}

impl Drop for StatusLine {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

impl Debug for StatusLine {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("StatusLine")
    }
}

/// The terminal without its last columns, and with the cursor at the beginning of the row whenever
/// the line has been drawn: what other programs write there begins at the edge.
#[derive(Debug)]
struct StatusTerminal(Term);

impl TermLike for StatusTerminal {
    fn width(&self) -> u16 {
        self.0.size().1.saturating_sub(ROOM_FOR_CTRL_C).max(1)
    }

    fn height(&self) -> u16 {
        self.0.size().0
    }

    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        self.0.move_cursor_up(lines)
    }

    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        self.0.move_cursor_down(lines)
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        self.0.move_cursor_right(columns)
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        self.0.move_cursor_left(columns)
    }

    fn write_line(&self, line: &str) -> io::Result<()> {
        self.0.write_line(line)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.0.write_str(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.0.clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        self.0.write_str("\r")?;
        self.0.flush()
    }
}
