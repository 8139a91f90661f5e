//! Timeouts: a step in which no data is transferred for too long, or a call that exceeds its time
//! limit.

use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::error::CallTimeout;

/// A timer that is looked at so much later than it ran down was that of a process that had been
/// stopped.
const LATE: Duration = Duration::from_millis(500);

/// When a byte last moved on the connection.
#[derive(Debug, Clone)]
pub(super) struct ConnectionActivity(Arc<Mutex<Instant>>);

impl ConnectionActivity {
    /// Notes that something moved.
    pub(super) fn note_activity(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn last_activity(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The timeouts of one call.
#[derive(Debug)]
pub(super) struct CallWatchdog {
    idle: Duration,
    total: Option<(Instant, Duration)>,
    activity: ConnectionActivity,
    /// One timer for the whole call: it is looked at again when it has run down, not moved with
    /// each byte.
    timer: Pin<Box<Sleep>>,
}

impl CallWatchdog {
    /// Starts the watchdog; must be called inside a runtime.
    pub(super) fn new(idle: Duration, total: Option<Duration>) -> Self {
        let now = Instant::now();
        let mut watchdog = Self {
            idle,
            total: total.map(|limit| (now + limit, limit)),
            activity: ConnectionActivity(Arc::new(Mutex::new(now))),
            timer: Box::pin(sleep_until(now)),
        };
        let due = watchdog.next_check();
        watchdog.timer.as_mut().reset(due);
        watchdog
    }

    /// Returns where others note that something moved.
    pub(super) fn activity(&self) -> ConnectionActivity {
        self.activity.clone()
    }

    /// Returns when the whole call has to be over.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.total.map(|(deadline, _)| deadline)
    }

    /// Counts a wait that was skipped as if it had been waited.
    pub(super) fn count_skipped(&mut self, wait: Duration) {
        if let Some((deadline, _)) = &mut self.total {
            *deadline = deadline.checked_sub(wait).unwrap_or(*deadline);
        }
    }

    /// Returns when the whole call ends and after how long, if that is before `until`.
    pub(super) fn ends_by(&self, until: Instant) -> Option<(Instant, Duration)> {
        self.total.filter(|(deadline, _)| *deadline <= until)
    }

    /// Waits for `step` as long as bytes move and the whole call has time left.
    pub(super) async fn run_guarded<T>(
        &mut self,
        step: impl Future<Output = T>,
    ) -> Result<T, CallTimeout> {
        self.activity.note_activity();
        let mut step = pin!(step);
        loop {
            tokio::select! {
                biased;
                output = &mut step => return Ok(output),
                () = self.timer.as_mut() => self.look_again()?,
            }
        }
    }

    fn look_again(&mut self) -> Result<(), CallTimeout> {
        let now = Instant::now();
        // Ctrl-Z, for a while: what came meanwhile was not looked at yet.
        if now > self.timer.deadline() + LATE {
            self.activity.note_activity();
        }
        if let Some((_, limit)) = self.total.filter(|(deadline, _)| *deadline <= now) {
            return Err(CallTimeout::Total(limit));
        }
        if self.activity.last_activity() + self.idle <= now {
            return Err(CallTimeout::Idle(self.idle));
        }
        let due = self.next_check();
        self.timer.as_mut().reset(due);
        Ok(())
    }

    fn next_check(&self) -> Instant {
        let silent_until = self.activity.last_activity() + self.idle;
        self.deadline()
            .map_or(silent_until, |deadline| deadline.min(silent_until))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, sleep};

    use super::*;

    const IDLE: Duration = Duration::from_secs(2);

    #[tokio::test(start_paused = true)]
    async fn silence_times_out_a_step_and_data_prevents_it() {
        let mut watchdog = CallWatchdog::new(IDLE, None);
        let activity = watchdog.activity();
        let noisy = async {
            for _ in 0..3 {
                sleep(Duration::from_millis(1500)).await;
                activity.note_activity();
            }
        };
        assert_eq!(watchdog.run_guarded(noisy).await, Ok(()));
        assert_eq!(
            watchdog.run_guarded(sleep(IDLE * 2)).await,
            Err(CallTimeout::Idle(IDLE))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn time_while_the_process_was_stopped_does_not_count_as_idle() {
        let mut watchdog = CallWatchdog::new(IDLE, None);
        let stopped = async {
            advance(IDLE * 5).await;
            sleep(Duration::from_millis(1)).await;
        };
        assert_eq!(watchdog.run_guarded(stopped).await, Ok(()));
    }
}
