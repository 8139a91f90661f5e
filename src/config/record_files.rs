//! The records of a run, as the flags name them.

use std::path::PathBuf;

use crate::recording::ReplayPace;

/// What is recorded, and what answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RecordFiles {
    /// `--record`
    pub(crate) record: Option<PathBuf>,
    /// `--replay`
    pub(crate) replay: Option<PathBuf>,
    /// `--replay-pace`
    pub(crate) pace: ReplayPace,
}

impl RecordFiles {
    /// Returns whether there is any record: what this machine remembers must then not change what
    /// is asked, or the record would answer here only.
    pub(crate) fn is_any(&self) -> bool {
        self.record.is_some() || self.replay.is_some()
    }

    /// Returns whether a record answers, at least what it has.
    pub(crate) fn is_replay(&self) -> bool {
        self.replay.is_some()
    }

    /// Returns whether nothing is sent, and so no key is needed.
    pub(crate) fn is_replay_alone(&self) -> bool {
        self.replay.is_some() && self.record.is_none()
    }
}
