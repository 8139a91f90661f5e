//! Remembers which MCP servers speak a revision without sessions, so that the next start begins in
//! that revision. All others are begun with `initialize`, which needs no memory.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::state::State;
use crate::fs::{Durability, atomic_write, read_regular};
use crate::mcp::{DefinitionHash, Revision};

/// How long an entry is kept: servers are removed, and the file should not grow forever.
const LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The file of the current user.
#[derive(Debug, Clone)]
pub(crate) struct ServerRevisions(PathBuf);

/// A revision that a server spoke, and when that was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SpokenRevision {
    /// Its date.
    revision: String,
    /// In seconds since the epoch.
    seen_at: u64,
}

impl ServerRevisions {
    /// Opens the file; `None` without a home directory.
    pub(crate) fn for_user() -> Option<Self> {
        let state = State::for_user()?;
        Some(Self(state.directory().join("mcp").join("revisions.json")))
    }

    /// Returns the revision that a server spoke the last time, if that is remembered.
    pub(crate) fn of_server(&self, server: &DefinitionHash, now: SystemTime) -> Option<Revision> {
        let known = self.read(now).remove(&server.to_string())?;
        Revision::from_name(&known.revision)
    }

    /// Remembers the revision that a server spoke, if another start than usual follows from it, and
    /// forgets what was remembered otherwise.
    pub(crate) fn update(
        &self,
        server: &DefinitionHash,
        spoken: Option<&Revision>,
        now: SystemTime,
    ) -> io::Result<()> {
        let mut all = self.read(now);
        let name = server.to_string();
        let spoken = spoken.filter(|revision| **revision == Revision::Stateless);
        let is_known = all
            .get(&name)
            .is_some_and(|known| Some(known.revision.as_str()) == spoken.map(Revision::name));
        match spoken {
            _ if is_known => return Ok(()),
            Some(revision) => {
                let seen_at = seconds_since_epoch(now);
                let revision = revision.name().to_owned();
                all.insert(name, SpokenRevision { revision, seen_at });
            }
            None if all.remove(&name).is_none() => return Ok(()),
            None => {}
        }
        atomic_write(&self.0, &serde_json::to_vec(&all)?, Durability::Cached)
    }

    /// Returns the entries that are not too old. A damaged file counts as missing.
    fn read(&self, now: SystemTime) -> BTreeMap<String, SpokenRevision> {
        let bytes = read_regular(&self.0).unwrap_or_default();
        let mut all: BTreeMap<String, SpokenRevision> =
            serde_json::from_slice(&bytes).unwrap_or_default();
        let now = seconds_since_epoch(now);
        // An entry from the future was written under a wrong clock.
        all.retain(|_, known| {
            let age = now.checked_sub(known.seen_at);
            age.is_some_and(|age| age < LIFETIME.as_secs())
        });
        all
    }
}

fn seconds_since_epoch(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::mcp::{ServerSpec, SpecSource};

    fn server(command: &str) -> DefinitionHash {
        let fields = json!({ "command": command });
        let fields = fields.as_object().expect("fields");
        let spec = ServerSpec::from_fields("s", fields, Path::new("/"), SpecSource::Config);
        DefinitionHash::for_launch(&spec.expect("a server").launch)
    }

    #[test]
    fn only_a_revision_without_sessions_is_remembered_until_it_is_not_spoken() {
        let directory = tempfile::tempdir().expect("a directory");
        let revisions = ServerRevisions(directory.path().join("new").join("r.json"));
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000_000);
        let update = |command: &str, spoken: Option<&Revision>| {
            let updated = revisions.update(&server(command), spoken, then);
            updated.expect("it is writable");
        };
        let known = |command: &str, now| revisions.of_server(&server(command), now);
        let with_session = Revision::WithSession("2025-11-25".to_owned());
        update("a", Some(&with_session));
        update("a", None);
        assert!(!revisions.0.exists(), "there was nothing to write");
        for command in ["a", "b"] {
            update(command, Some(&Revision::Stateless));
        }
        let written = fs::read(&revisions.0).expect("it was written");
        update("a", Some(&Revision::Stateless));
        assert_eq!(fs::read(&revisions.0).expect("it is there"), written);
        assert_eq!(known("a", then), Some(Revision::Stateless));
        assert_eq!(known("a", then + LIFETIME), None);
        assert_eq!(known("a", then - LIFETIME), None, "of a wrong clock");
        update("a", Some(&with_session));
        update("b", None);
        assert_eq!((known("a", then), known("b", then)), (None, None));
        fs::write(&revisions.0, "{").expect("it is ours");
        assert_eq!(known("a", then), None);
    }
}
