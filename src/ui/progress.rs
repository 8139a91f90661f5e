//! What is waited for, with the seconds, on a terminal only; gone without a trace when it ends.

use std::borrow::Cow;
use std::io;
use std::time::{Duration, Instant};

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

use crate::text::{rounded_up, sanitize_line, seconds};

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
        let countdown = Self {
            bar: line("{wide_msg}"),
            then,
            until: Instant::now() + wait,
        };
        countdown.bar.set_prefix(sanitize_line(reason));
        countdown.tick();
        countdown
    }

    /// Draws the seconds that are left.
    pub(crate) fn tick(&self) {
        let left = self.until.saturating_duration_since(Instant::now());
        // The seconds stand first, where a narrow terminal has room for them.
        self.bar.set_message(format!(
            "{} in {}; {}",
            self.then,
            seconds(rounded_up(left)),
            self.bar.prefix()
        ));
        self.bar.tick();
    }
}

impl Drop for Countdown {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A wait of less than this is not worth a line that comes and goes.
const PATIENCE: Duration = Duration::from_millis(400);

/// A line that says what is waited for, and for how long.
#[derive(Debug)]
pub(crate) struct Waiting {
    since: Instant,
    what: Cow<'static, str>,
    /// Drawn only once the wait has taken its time.
    bar: Option<ProgressBar>,
}

impl Waiting {
    /// Begins to wait for `what`.
    pub(crate) fn start(what: impl Into<Cow<'static, str>>) -> Self {
        Self {
            since: Instant::now(),
            what: what.into(),
            bar: None,
        }
    }

    /// Waits for something else from now on; the seconds go on.
    pub(crate) fn change(&mut self, what: impl Into<Cow<'static, str>>) {
        self.what = what.into();
    }

    /// Takes the line away while something else is written.
    pub(crate) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Draws how long it has been.
    pub(crate) fn tick(&mut self) {
        let elapsed = self.since.elapsed();
        if elapsed < PATIENCE {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| line("{spinner} {wide_msg}"));
        bar.set_message(sanitize_line(&format!(
            "{} s {}",
            elapsed.as_secs(),
            self.what
        )));
        bar.tick();
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A line of the terminal with this in it.
pub(super) fn line(template: &str) -> ProgressBar {
    let terminal = RoomForCtrlC(Term::stderr());
    let bar =
        ProgressBar::with_draw_target(None, ProgressDrawTarget::term_like(Box::new(terminal)));
    bar.set_style(ProgressStyle::with_template(template).expect("a template without numbers"));
    bar
}

/// The terminal without its last columns. The line is filled up to the width, and the `^C` that a
/// terminal shows for Ctrl-C would otherwise begin a new line, so that the one to be cleared could
/// not be found again.
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
