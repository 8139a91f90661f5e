//! How often a connection is read on which more comes than anybody can follow.
//!
//! A wake for each event costs more than the event. Network cards hold their interrupts back a
//! moment when packets come thick and fast; the same is done here. At the pace of a model, and in
//! its bursts, nothing is held back.

use std::time::Duration;

/// A read that had to wait for less found its bytes waiting for it.
const AT_ONCE: Duration = Duration::from_micros(100);

/// So many reads without a wait in a row are no burst of a model, but a flood.
const FLOOD: u32 = 32;

/// For how long a flood is let gather.
const PAUSE: Duration = Duration::from_micros(100);

/// How fast bytes come.
#[derive(Debug, Default)]
pub(super) struct Moderation {
    at_once: u32,
}

impl Moderation {
    /// Notes how long a read had to wait for its bytes.
    pub(super) fn came_after(&mut self, waited: Duration) {
        self.at_once = if waited < AT_ONCE {
            self.at_once.saturating_add(1)
        } else {
            0
        };
    }

    /// How long to wait before the next read.
    pub(super) fn pause(&self) -> Option<Duration> {
        (self.at_once >= FLOOD).then_some(PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_let_gather_until_it_ebbs() {
        let mut moderation = Moderation::default();
        for _ in 0..FLOOD {
            assert_eq!(moderation.pause(), None);
            moderation.came_after(Duration::ZERO);
        }
        assert_eq!(moderation.pause(), Some(PAUSE));
        moderation.came_after(AT_ONCE);
        assert_eq!(moderation.pause(), None);
    }

    #[test]
    fn a_burst_of_a_model_is_not_held_back() {
        let mut moderation = Moderation::default();
        for read in 0..1000 {
            assert_eq!(moderation.pause(), None);
            moderation.came_after(if read % 30 == 0 {
                Duration::from_millis(10)
            } else {
                Duration::ZERO
            });
        }
    }
}
