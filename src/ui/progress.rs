//! Lines that show what the program is waiting for, on a terminal only, cleared at the end.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use super::status_line::StatusLine;
use crate::text::{format_seconds, round_up_to_seconds, sanitize_line};

/// A countdown of the seconds of a wait, cleared on drop.
#[derive(Debug)]
pub(crate) struct CountdownLine {
    line: StatusLine,
    /// What is waited for.
    reason: String,
    /// What happens at the end.
    then: &'static str,
    until: Instant,
}

impl CountdownLine {
    /// Starts the countdown; `reason` is what is waited for, and `then` what happens at the end.
    pub(crate) fn new(reason: &str, then: &'static str, wait: Duration) -> Self {
        let countdown = Self {
            line: StatusLine::new(),
            reason: sanitize_line(reason),
            then,
            until: Instant::now() + wait,
        };
        countdown.redraw();
        countdown
    }

    /// Draws the seconds left.
    pub(crate) fn redraw(&self) {
        let left = self.until.saturating_duration_since(Instant::now());
        // The seconds come first, so that a narrow terminal does not cut them off.
        self.line.show(&format!(
            "{} in {}; {}",
            self.then,
            format_seconds(round_up_to_seconds(left)),
            self.reason
        ));
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
    line: Option<StatusLine>,
}

impl WaitIndicator {
    /// Starts the timer.
    pub(crate) fn new(what: impl Into<Cow<'static, str>>) -> Self {
        Self {
            since: Instant::now(),
            what: what.into(),
            line: None,
        }
    }

    /// Changes what is waited for without resetting the seconds.
    pub(crate) fn set_subject(&mut self, what: impl Into<Cow<'static, str>>) {
        self.what = what.into();
    }

    /// Hides the line while `write` runs.
    pub(crate) fn suspend_while<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.line {
            Some(line) => line.suspend_while(write),
            None => write(),
        }
    }

    /// Draws the elapsed seconds.
    pub(crate) fn redraw(&mut self) {
        let elapsed = self.since.elapsed();
        if elapsed < MIN_VISIBLE_WAIT {
            return;
        }
        let line = self.line.get_or_insert_with(StatusLine::with_spinner);
        line.show(&sanitize_line(&format!(
            "{} s {}",
            elapsed.as_secs(),
            self.what
        )));
    }
}
