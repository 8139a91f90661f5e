//! Lines that show what the program is waiting for, on a terminal only, cleared at the end.

use std::borrow::Cow;
use std::io;
use std::time::{Duration, Instant};

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

use crate::text::{format_seconds, round_up_to_seconds, sanitize_line};

/// A countdown of the seconds of a wait, cleared on drop.
#[derive(Debug)]
pub(crate) struct CountdownLine {
    bar: ProgressBar,
    /// What happens at the end.
    then: &'static str,
    until: Instant,
}

impl CountdownLine {
    /// Starts the countdown; `reason` is what is waited for, and `then` what happens at the end.
    pub(crate) fn new(reason: &str, then: &'static str, wait: Duration) -> Self {
        let countdown = Self {
            bar: new_progress_bar("{wide_msg}"),
            then,
            until: Instant::now() + wait,
        };
        countdown.bar.set_prefix(sanitize_line(reason));
        countdown.redraw();
        countdown
    }

    /// Draws the seconds left.
    pub(crate) fn redraw(&self) {
        let left = self.until.saturating_duration_since(Instant::now());
        // The seconds come first, so that a narrow terminal does not cut them off.
        self.bar.set_message(format!(
            "{} in {}; {}",
            self.then,
            format_seconds(round_up_to_seconds(left)),
            self.bar.prefix()
        ));
        self.bar.tick();
    }
}

impl Drop for CountdownLine {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Shorter waits show no line, to avoid flicker.
const MIN_VISIBLE_WAIT: Duration = Duration::from_millis(400);

/// A line with what is waited for and for how long, cleared on drop.
#[derive(Debug)]
pub(crate) struct WaitIndicator {
    since: Instant,
    what: Cow<'static, str>,
    /// `None` until the wait has lasted [`MIN_VISIBLE_WAIT`].
    bar: Option<ProgressBar>,
}

impl WaitIndicator {
    /// Starts the timer.
    pub(crate) fn new(what: impl Into<Cow<'static, str>>) -> Self {
        Self {
            since: Instant::now(),
            what: what.into(),
            bar: None,
        }
    }

    /// Changes what is waited for without resetting the seconds.
    pub(crate) fn set_subject(&mut self, what: impl Into<Cow<'static, str>>) {
        self.what = what.into();
    }

    /// Hides the line while `write` runs.
    pub(crate) fn suspend_while<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Draws the elapsed seconds.
    pub(crate) fn redraw(&mut self) {
        let elapsed = self.since.elapsed();
        if elapsed < MIN_VISIBLE_WAIT {
            return;
        }
        let bar = self
            .bar
            .get_or_insert_with(|| new_progress_bar("{spinner} {wide_msg}"));
        bar.set_message(sanitize_line(&format!(
            "{} s {}",
            elapsed.as_secs(),
            self.what
        )));
        bar.tick();
    }
}

impl Drop for WaitIndicator {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Creates a line on the terminal from an `indicatif` template.
pub(super) fn new_progress_bar(template: &str) -> ProgressBar {
    let terminal = RoomForCtrlC(Term::stderr());
    let bar =
        ProgressBar::with_draw_target(None, ProgressDrawTarget::term_like(Box::new(terminal)));
    bar.set_style(ProgressStyle::with_template(template).expect("a template without numbers"));
    bar
}

/// The terminal without its last columns. The line is padded to the width, and the `^C` that a
/// terminal echoes would otherwise wrap, so that clearing would miss the line.
#[derive(Debug)]
struct RoomForCtrlC(Term);

impl TermLike for RoomForCtrlC {
    fn width(&self) -> u16 {
        self.0.size().1.saturating_sub(3).max(1)
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

    /// Ends each drawing. What somebody else writes then begins at the first column.
    fn flush(&self) -> io::Result<()> {
        self.0.write_str("\r")?;
        self.0.flush()
    }
}
