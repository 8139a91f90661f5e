//! Remembers which way of asking for schema-conforming answers works with each model of an
//! endpoint, if an earlier way was refused.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::state::State;
use crate::fs::{Durability, atomic_write, read_regular};
use crate::tool::SchemaWay;

/// How long an entry is kept: models and gateways change.
const LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The file for one endpoint.
#[derive(Debug, Clone)]
pub(crate) struct SchemaWays(PathBuf);

/// A way that worked, and when that was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct WorkedWay {
    way: String,
    /// In seconds since the epoch.
    seen_at: u64,
}

impl SchemaWays {
    /// Opens the file for the endpoint of this name.
    pub(crate) fn for_endpoint(state: &State, name: &str) -> Self {
        Self(
            state
                .directory()
                .join("schema")
                .join(format!("{name}.json")),
        )
    }

    /// Returns the way that worked with a model, unless the entry is too old.
    pub(crate) fn of_model(&self, model: &str, now: SystemTime) -> Option<SchemaWay> {
        SchemaWay::from_name(&self.read(now).remove(model)?.way)
    }

    /// Remembers the way that worked with a model.
    pub(crate) fn remember(&self, model: &str, way: SchemaWay, now: SystemTime) -> io::Result<()> {
        let mut ways = self.read(now);
        let worked = WorkedWay {
            way: way.name().to_owned(),
            seen_at: seconds_since_epoch(now),
        };
        ways.insert(model.to_owned(), worked);
        atomic_write(&self.0, &serde_json::to_vec(&ways)?, Durability::Cached)
    }

    /// Forgets all ways.
    pub(crate) fn forget(&self) -> io::Result<()> {
        match fs::remove_file(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Returns the entries that are not too old. A damaged file counts as missing.
    fn read(&self, now: SystemTime) -> BTreeMap<String, WorkedWay> {
        let bytes = read_regular(&self.0).unwrap_or_default();
        let mut ways: BTreeMap<String, WorkedWay> =
            serde_json::from_slice(&bytes).unwrap_or_default();
        let now = seconds_since_epoch(now);
        // An entry from the future was written under a wrong clock.
        ways.retain(|_, worked| {
            let age = now.checked_sub(worked.seen_at);
            age.is_some_and(|age| age < LIFETIME.as_secs())
        });
        ways
    }
}

fn seconds_since_epoch(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_remembered_for_a_week_and_can_be_forgotten() {
        let directory = tempfile::tempdir().expect("a directory");
        let ways = SchemaWays(directory.path().join("new").join("a.json"));
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000_000);
        let day = Duration::from_secs(24 * 60 * 60);
        assert_eq!(ways.of_model("m", then), None);
        ways.remember("m", SchemaWay::FreeTool, then)
            .expect("it is writable");
        ways.remember("n", SchemaWay::Prompt, then + day)
            .expect("it is writable");
        let known = |model, now| ways.of_model(model, now);
        assert_eq!(known("m", then + day), Some(SchemaWay::FreeTool));
        assert_eq!(known("m", then + LIFETIME), None);
        assert_eq!(known("n", then + LIFETIME), Some(SchemaWay::Prompt));
        assert_eq!(known("m", then - day), None, "of a clock that was wrong");
        for _ in 0..2 {
            ways.forget().expect("what is not there is forgotten");
            assert_eq!(known("n", then + day), None);
        }
        atomic_write(&ways.0, b"{", Durability::Cached).expect("it is writable");
        assert_eq!(known("n", then), None);
    }
}
