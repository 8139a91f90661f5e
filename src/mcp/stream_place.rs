//! How far a stream of events was read, and from where it can be resumed. Pure.

use std::time::Duration;

/// How long to wait before a stream is resumed, unless the server says.
const DELAY: Duration = Duration::from_secs(1);

/// The shortest wait, whatever the server says.
const MIN_DELAY: Duration = Duration::from_millis(50);

/// How often in a row a stream is resumed without a new event.
const MAX_IDLE_RESUMES: u32 = 5;

/// The place that a stream was read to.
#[derive(Debug, Default)]
pub(super) struct StreamPlace {
    last_event: Vec<u8>,
    retry: Option<Duration>,
    idle_resumes: u32,
}

impl StreamPlace {
    /// Records that an event has arrived.
    pub(super) fn record_event(&mut self) {
        self.idle_resumes = 0;
    }

    /// Records the last event id of the stream, empty if there is none, and the wait that the
    /// server asks for.
    pub(super) fn advance(&mut self, last_event: &[u8], retry: Option<Duration>) {
        if !last_event.is_empty() && last_event != self.last_event {
            self.last_event = last_event.to_vec();
            self.record_event();
        }
        self.retry = retry.or(self.retry);
    }

    /// Returns the id of the last event that had one.
    pub(super) fn last_event(&self) -> Option<&[u8]> {
        Some(self.last_event.as_slice()).filter(|id| !id.is_empty())
    }

    /// Returns whether the stream may be resumed once more, and counts that: it may not be if that
    /// was done too often without a new event.
    pub(super) fn may_resume(&mut self) -> bool {
        self.idle_resumes += 1;
        self.idle_resumes <= MAX_IDLE_RESUMES
    }

    /// Returns how long to wait before that.
    pub(super) fn delay(&self) -> Duration {
        self.retry.unwrap_or(DELAY).max(MIN_DELAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_resumed_from_its_last_event_as_long_as_new_ones_come() {
        let mut place = StreamPlace::default();
        assert_eq!(place.last_event(), None);
        for id in ["1", "2", "3", "4", "5", "6", "7"] {
            place.advance(id.as_bytes(), None);
            assert!(place.may_resume());
            assert_eq!(place.last_event(), Some(id.as_bytes()));
        }
        for _ in 1..MAX_IDLE_RESUMES {
            place.advance(b"", None);
            assert!(place.may_resume());
        }
        assert!(!place.may_resume());
        place.record_event();
        assert!(place.may_resume());
    }

    #[test]
    fn the_server_chooses_the_wait_within_reason() {
        let mut place = StreamPlace::default();
        assert_eq!(place.delay(), DELAY);
        place.advance(b"1", Some(Duration::from_millis(500)));
        place.advance(b"2", None);
        assert_eq!(place.delay(), Duration::from_millis(500));
        place.advance(b"3", Some(Duration::ZERO));
        assert_eq!(place.delay(), MIN_DELAY);
    }
}
