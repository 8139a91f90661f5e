//! A countdown while a wait lasts, on a terminal only; gone without a trace when it ends.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::sanitize::sanitize_line;

/// A line that counts the seconds of a wait down.
#[derive(Debug)]
pub(crate) struct Countdown {
    bar: ProgressBar,
    until: Instant,
}

impl Countdown {
    /// Begins; `reason` says what is waited for.
    pub(crate) fn start(reason: &str, wait: Duration) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(ProgressStyle::with_template("{msg}").expect("a template without numbers"));
        let countdown = Self { bar, until: Instant::now() + wait };
        countdown.bar.set_prefix(sanitize_line(reason));
        countdown.tick();
        countdown
    }

    /// Draws the seconds that are left.
    pub(crate) fn tick(&self) {
        let left = self.until.saturating_duration_since(Instant::now());
        self.bar.set_message(format!("{}; trying again in {} s", self.bar.prefix(), left.as_secs_f64().ceil()));
        self.bar.tick();
    }
}

impl Drop for Countdown {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
