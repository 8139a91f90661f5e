//! A countdown while a wait lasts, on a terminal only; gone without a trace when it ends.

use std::io;
use std::time::{Duration, Instant};

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

use super::sanitize::sanitize_line;

/// A line that counts the seconds of a wait down.
#[derive(Debug)]
pub(crate) struct Countdown {
    bar: ProgressBar,
    /// What comes then.
    then: &'static str,
    until: Instant,
}

impl Countdown {
    /// Begins; `reason` says what is waited for, and `then` what is done at the end.
    pub(crate) fn start(reason: &str, then: &'static str, wait: Duration) -> Self {
        let terminal = RoomForCtrlC(Term::stderr());
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::term_like(Box::new(terminal)));
        bar.set_style(ProgressStyle::with_template("{wide_msg}").expect("a template without numbers"));
        let countdown = Self { bar, then, until: Instant::now() + wait };
        countdown.bar.set_prefix(sanitize_line(reason));
        countdown.tick();
        countdown
    }

    /// Draws the seconds that are left.
    pub(crate) fn tick(&self) {
        let left = self.until.saturating_duration_since(Instant::now());
        let seconds = left.as_secs_f64().ceil();
        self.bar.set_message(format!("{}; {} in {seconds} s", self.bar.prefix(), self.then));
        self.bar.tick();
    }
}

impl Drop for Countdown {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// The terminal without its last columns. The line is filled up to the width, and the `^C` that a terminal shows for Ctrl-C
/// would otherwise begin a new line, so that the one to be cleared could not be found again.
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

    fn flush(&self) -> io::Result<()> {
        self.0.flush()
    }
}
