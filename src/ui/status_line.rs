//! One line on the terminal of standard error that is drawn again and again, and cleared on drop.

use std::fmt::{Debug, Formatter};
use std::io;

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

use crate::text::truncate_to_width;

/// The columns at the end of the row that stay free: the `^C` that a terminal echoes would
/// otherwise wrap, so that clearing would miss the line.
const ROOM_FOR_CTRL_C: u16 = 3;

/// The line.
pub(super) struct StatusLine {
    bar: ProgressBar,
    /// The columns before the text.
    before: usize,
}

impl StatusLine {
    /// Creates a line, which is drawn once it has a text.
    pub(super) fn new() -> Self {
        Self::with_template("{msg}", 0)
    }

    /// Creates a line that begins with a spinner.
    pub(super) fn with_spinner() -> Self {
        Self::with_template("{spinner} {msg}", 2)
    }

    fn with_template(template: &str, before: usize) -> Self {
        let terminal = ProgressDrawTarget::term_like(Box::new(StatusTerminal(Term::stderr())));
        let bar = ProgressBar::with_draw_target(None, terminal);
        bar.set_style(ProgressStyle::with_template(template).expect("a template without numbers"));
        Self { bar, before }
    }

    /// Shows another text, which has no control characters; what is too long is cut off. The row is
    /// not filled, so that a terminal that becomes narrower seldom wraps it.
    pub(super) fn show(&self, text: &str) {
        let room = usize::from(StatusTerminal(Term::stderr()).width()).saturating_sub(self.before);
        self.bar.set_message(truncate_to_width(text, room));
        self.bar.tick();
    }

    /// Hides the line while `write` runs.
    pub(super) fn suspend_while<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }
}

impl Drop for StatusLine {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Debug for StatusLine {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("StatusLine")
    }
}

/// The terminal without its last columns, and with the cursor at the beginning of the row whenever
/// the line has been drawn: what other programs write there begins at the edge, and where a
/// terminal that has become narrower wraps the line, all of it is below the cursor. Nothing else
/// is.
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
        // Without the spaces that fill the row.
        if text.trim_start_matches(' ').is_empty() {
            return Ok(());
        }
        self.0.write_str(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        // The row first: tmux keeps what is cleared from the first row of the screen on in its
        // history.
        self.0.write_str("\r\x1b[K\x1b[J")
    }

    fn flush(&self) -> io::Result<()> {
        self.0.write_str("\r")?;
        self.0.flush()
    }
}
