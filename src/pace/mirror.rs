//! A shared ledger as this machine last saw it, in a file: what an outage begins with, for
//! processes too that start in it, and what a server begins with that was restarted empty.

use std::path::{Path, PathBuf};

use super::ledger::RateLimitLedger;
use super::outage::ClockPair;
use super::record::{MAX_BYTES, from_bytes};
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

    /// Keeps the bytes of a ledger that was seen just now. What cannot be written is not missed
    /// before there is an outage, and then the machine has its share without it.
    pub(super) fn save(&self, seen: ClockPair, ledger: &[u8]) {
        if let Some(path) = &self.path {
            let clocks = [seen.server.to_le_bytes(), seen.own.to_le_bytes()].concat();
            let _ = atomic_write(path, &[&clocks, ledger].concat(), Durability::Cached);
        }
    }

    /// Returns the ledger that was last seen, and when.
    pub(super) fn load(&self) -> Option<(ClockPair, RateLimitLedger)> {
        let path = self.path.as_ref()?;
        let is_bounded = std::fs::metadata(path).is_ok_and(|file| file.len() <= MAX_BYTES);
        let bytes = is_bounded.then(|| std::fs::read(path).ok()).flatten()?;
        let (clocks, ledger) = bytes.split_at_checked(CLOCK_BYTES)?;
        let (&[server, own], _) = clocks.as_chunks::<8>() else {
            return None;
        };
        let seen = ClockPair {
            server: u64::from_le_bytes(server),
            own: u64::from_le_bytes(own),
        };
        Some((seen, from_bytes(ledger).ok()?))
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
        for damaged in ["", "short", "a text that is longer than the two times"] {
            std::fs::write(directory.path().join("new/name.mirror"), damaged).expect("it is ours");
            assert_eq!(mirror.load(), None, "{damaged}");
        }
        let nowhere = LedgerMirror::new(None, "name");
        nowhere.save(seen, b"");
        assert_eq!(nowhere.load(), None);
    }
}
