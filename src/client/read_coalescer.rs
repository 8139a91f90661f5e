//! How often a connection is read that delivers more than anybody can follow.
//!
//! A wake-up for each event costs more than the event. As network cards coalesce their interrupts
//! when packets arrive in quick succession, reads are coalesced here. At the speed of a model, and
//! in its bursts, nothing is delayed.

use std::time::Duration;

/// A read that had to wait for less found its bytes waiting for it.
const AT_ONCE: Duration = Duration::from_micros(100);

/// How many reads without a wait a burst of a model has at the most: more in a row are a flood.
const BURST_READS: u32 = 32;

/// How long a flood is left to accumulate before the next read.
const PAUSE: Duration = Duration::from_micros(100);

/// How fast bytes come.
#[derive(Debug, Default)]
pub(super) struct ReadCoalescer {
    at_once: u32,
}

impl ReadCoalescer {
    /// Notes how long a read had to wait for its bytes.
    pub(super) fn came_after(&mut self, waited: Duration) {
        self.at_once = if waited < AT_ONCE {
            self.at_once.saturating_add(1)
        } else {
            0
        };
    }

    /// Returns how long to wait before the next read.
    pub(super) fn pause(&self) -> Option<Duration> {
        (self.at_once >= BURST_READS).then_some(PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_accumulates_between_reads_until_it_ends() {
        let mut coalescer = ReadCoalescer::default();
        for _ in 0..BURST_READS {
            assert_eq!(coalescer.pause(), None);
            coalescer.came_after(Duration::ZERO);
        }
        assert_eq!(coalescer.pause(), Some(PAUSE));
        coalescer.came_after(AT_ONCE);
        assert_eq!(coalescer.pause(), None);
    }

    #[test]
    fn a_burst_of_a_model_is_not_delayed() {
        let mut coalescer = ReadCoalescer::default();
        for read in 0..1000 {
            assert_eq!(coalescer.pause(), None);
            coalescer.came_after(if read % 30 == 0 {
                Duration::from_millis(10)
            } else {
                Duration::ZERO
            });
        }
    }
}
