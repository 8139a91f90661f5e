//! The progress numbers of a run. Pure: the time is passed in.

use std::collections::VecDeque;
use std::time::Duration;

use crate::text::{counted, grouped};

/// The window of the rate.
const RATE_WINDOW: Duration = Duration::from_secs(60);

/// The resolution of the window, so that memory does not grow with the rate.
const WINDOW_STEP: Duration = Duration::from_secs(1);

/// The progress of a run.
#[derive(Debug, Default)]
pub(crate) struct BatchProgress {
    /// Total number of items, if known.
    pub(crate) total: Option<u64>,
    /// Items done by an earlier run.
    pub(crate) before: u64,
    /// Those of them that failed.
    pub(crate) failed_before: u64,
    /// Items that succeeded.
    pub(crate) answered: u64,
    /// Items that failed.
    pub(crate) failed: u64,
    /// The last minute in steps: start, number of items, number of tokens.
    last: VecDeque<(Duration, u64, u64)>,
}

impl BatchProgress {
    /// Records a finished item; `at` is the time since the start of the run.
    pub(crate) fn record_item(&mut self, at: Duration, tokens: u64, is_failed: bool) {
        if is_failed {
            self.failed += 1;
        } else {
            self.answered += 1;
        }
        match self.last.back_mut() {
            Some((step, items, sum)) if at < *step + WINDOW_STEP => {
                *items += 1;
                *sum = sum.saturating_add(tokens);
            }
            _ => self.last.push_back((at, 1, tokens)),
        }
        self.drop_old_steps(at);
    }

    /// Records an item that an earlier run has done.
    pub(crate) fn record_skipped(&mut self, was_failed: bool) {
        self.before += 1;
        self.failed_before += u64::from(was_failed);
    }

    /// Returns the number of items that are done, including those of earlier runs.
    pub(crate) fn done_count(&self) -> u64 {
        self.before + self.answered + self.failed
    }

    /// Formats the result in one line: what is done, and what failed if anything did.
    pub(crate) fn result_line(&self) -> String {
        let failed = self.failed + self.failed_before;
        let done = grouped(self.done_count() - failed);
        match failed {
            0 => format!("{done} done"),
            _ => format!("{done} done, {} failed", grouped(failed)),
        }
    }

    /// Formats the progress in one line; `at` is the time since the start of the run.
    pub(crate) fn status_line(&mut self, at: Duration) -> String {
        self.drop_old_steps(at);
        let of = self
            .total
            .map_or_else(String::new, |total| format!(" of {}", grouped(total)));
        let failed = self.failed + self.failed_before;
        let mut line = format!(
            "{}{of} done, {} failed",
            grouped(self.done_count() - failed),
            grouped(failed)
        );
        let (items, tokens) = self.last.iter().fold((0, 0), |sum, (_, items, tokens)| {
            (sum.0 + items, sum.1 + tokens)
        });
        let span = at.min(RATE_WINDOW).max(WINDOW_STEP).as_secs_f64();
        #[allow(clippy::cast_precision_loss)] // Far below 2^52.
        let a_minute = items as f64 * 60.0 / span;
        let tokens = counted(tokens, "token");
        line.push_str(&format!(
            ", {} per minute, {tokens} in the last minute",
            grouped(format_args!("{a_minute:.0}"))
        ));
        let left = self
            .total
            .map(|total| total.saturating_sub(self.done_count()))
            .filter(|&left| left > 0);
        if let Some(left) = left.filter(|_| a_minute > 0.0) {
            #[allow(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss
            )]
            let seconds = (left as f64 * 60.0 / a_minute).ceil() as u64;
            line.push_str(&format!(", {} left", format_span(seconds)));
        }
        line
    }

    fn drop_old_steps(&mut self, at: Duration) {
        while self
            .last
            .front()
            .is_some_and(|(step, ..)| *step + RATE_WINDOW <= at)
        {
            self.last.pop_front();
        }
    }
}

/// Formats a time span in seconds, minutes or hours.
fn format_span(seconds: u64) -> String {
    match seconds {
        0..=90 => format!("{seconds} s"),
        91..=5400 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn after(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_status_line_shows_counts_rate_and_time_left() {
        let mut tally = BatchProgress {
            total: Some(100),
            ..BatchProgress::default()
        };
        assert_eq!(
            tally.status_line(after(0)),
            "0 of 100 done, 0 failed, 0 per minute, 0 tokens in the last minute"
        );
        tally.record_skipped(false);
        tally.record_skipped(true);
        for second in 0..30 {
            tally.record_item(after(second), 10, second == 3);
        }
        assert_eq!(
            tally.status_line(after(30)),
            "30 of 100 done, 2 failed, 60 per minute, 300 tokens in the last minute, 68 s left"
        );
    }

    #[test]
    fn the_result_counts_what_failed_apart() {
        let mut tally = BatchProgress::default();
        for item in 0..20 {
            tally.record_item(after(0), 1, item == 7);
        }
        assert_eq!(tally.result_line(), "19 done, 1 failed");
    }

    #[test]
    fn only_the_last_minute_counts_for_the_rate() {
        let mut tally = BatchProgress::default();
        tally.record_item(after(0), 1000, false);
        tally.record_item(after(50), 1, false);
        assert_eq!(
            tally.status_line(after(61)),
            "2 done, 0 failed, 1 per minute, 1 token in the last minute"
        );
        assert_eq!(
            tally.status_line(after(120)),
            "2 done, 0 failed, 0 per minute, 0 tokens in the last minute"
        );
    }

    #[test]
    fn memory_does_not_grow_with_the_number_of_items() {
        let mut tally = BatchProgress::default();
        for millisecond in 0..100_000 {
            tally.record_item(Duration::from_millis(millisecond), 1, false);
        }
        assert!(tally.last.len() <= 61, "{}", tally.last.len());
    }

    #[test]
    fn a_long_time_is_shown_in_minutes_or_hours() {
        assert_eq!(
            [format_span(90), format_span(91), format_span(9000)],
            ["90 s", "2 min", "2 h 30 min"]
        );
    }
}
