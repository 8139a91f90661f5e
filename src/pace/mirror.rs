//! A shared ledger as this machine last saw it, in a file: what an outage begins with, for
//! processes too that start in it, and what a server begins with that was restarted empty.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::ledger::RateLimitLedger;
use super::outage::ClockPair;
use super::record::{MAX_BYTES, from_bytes};
use super::window::WINDOW;
use crate::fs::{Durability, atomic_write};

/// The length in bytes of the two times in front of the ledger.
const CLOCK_BYTES: usize = 16;

/// The file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LedgerMirror {
    /// None on a machine that has no place for it.
    path: Option<PathBuf>,
}

impl LedgerMirror {
    /// Creates the mirror `name` in `directory`; the file itself is created by the first `save`.
    pub(super) fn new(directory: Option<&Path>, name: &str) -> Self {
        Self {
            path: directory.map(|directory| directory.join(format!("{name}.mirror"))),
        }
    }

    /// Keeps the bytes of a ledger that was seen just now, unless another process has seen a newer
    /// one meanwhile. What cannot be written is not missed before there is an outage, and then the
    /// machine has its share without it.
    pub(super) fn save(&self, seen: ClockPair, ledger: &[u8]) {
        let Some(path) = &self.path else { return };
        let is_newer = |kept: ClockPair| {
            let ahead = kept.server.checked_sub(seen.server);
            // One that is further ahead is of another clock.
            ahead.is_some_and(|ahead| (1..WINDOW).contains(&ahead))
        };
        if !clocks_of(path).is_some_and(is_newer) {
            let clocks = [seen.server.to_le_bytes(), seen.own.to_le_bytes()].concat();
            let _ = atomic_write(path, &[&clocks, ledger].concat(), Durability::Cached);
        }
    }

    /// Returns the ledger that was last seen, and when.
    pub(super) fn load(&self) -> Option<(ClockPair, RateLimitLedger)> {
        let path = self.path.as_ref()?;
        let is_bounded = std::fs::metadata(path).is_ok_and(|file| file.len() <= MAX_BYTES);
        let bytes = is_bounded.then(|| std::fs::read(path).ok()).flatten()?;
        let (clocks, ledger) = bytes.split_first_chunk()?;
        Some((clocks_from(clocks), from_bytes(ledger).ok()?))
    }
}

/// Reads when the ledger in a file was seen.
fn clocks_of(path: &Path) -> Option<ClockPair> {
    let mut clocks = [0; CLOCK_BYTES];
    File::open(path).ok()?.read_exact(&mut clocks).ok()?;
    Some(clocks_from(&clocks))
}

fn clocks_from(bytes: &[u8; CLOCK_BYTES]) -> ClockPair {
    let (clocks, _) = bytes.as_chunks::<8>();
    ClockPair {
        server: u64::from_le_bytes(clocks[0]),
        own: u64::from_le_bytes(clocks[1]),
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::to_bytes;
    use super::*;

    #[test]
    fn a_saved_ledger_is_loaded_and_a_damaged_one_is_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let mirror = LedgerMirror::new(Some(&directory.path().join("new")), "name");
        assert_eq!(mirror.load(), None);
        let seen = ClockPair { server: 1, own: 2 };
        let ledger = RateLimitLedger::starting_at(9);
        mirror.save(seen, &to_bytes(&ledger));
        assert_eq!(mirror.load(), Some((seen, ledger)));
        let later = ClockPair { server: 3, own: 4 };
        mirror.save(later, &to_bytes(&RateLimitLedger::starting_at(10)));
        mirror.save(seen, &to_bytes(&RateLimitLedger::starting_at(9)));
        assert_eq!(mirror.load().map(|(seen, _)| seen), Some(later));
        for damaged in ["", "short", "a text that is longer than the two times"] {
            std::fs::write(directory.path().join("new/name.mirror"), damaged).expect("it is ours");
            assert_eq!(mirror.load(), None, "{damaged}");
        }
        let nowhere = LedgerMirror::new(None, "name");
        nowhere.save(seen, b"");
        assert_eq!(nowhere.load(), None);
    }
}
