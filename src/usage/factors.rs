//! How far the high estimate is off for each model, learned from what its answers say. A few bytes
//! in the state directory.
//!
//! It is looked at, and updated, for requests of some size only: a short one would teach nothing,
//! and pays nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::fs::{Durability, atomic_write};

/// The name of the file.
const FILE: &str = "estimates.json";

/// The least high estimate that teaches something, and that the factor is asked for.
const WORTH_IT: u64 = 1_000;

/// How much of a new observation goes into the factor.
const SHARE: f64 = 0.2;

/// Observations before the factor counts.
const TRUSTED_AFTER: u32 = 3;

/// What one observation can say at all: what is further off is something else than words.
const RANGE: (f64, f64) = (0.2, 3.0);

/// A factor that changes by less is not written.
const NOTABLE: f64 = 0.01;

/// The most models that are remembered.
const MOST_MODELS: usize = 64;

/// The factors of all models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CalibrationFactors(PathBuf);

/// What was learned of a model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct CalibrationFactor {
    /// Tokens that were read, for each of the high estimate.
    factor: f64,
    /// Answers that it is from.
    seen: u32,
}

impl CalibrationFactors {
    /// Returns the factors in this directory.
    pub(crate) fn in_directory(state_directory: &Path) -> Self {
        Self(state_directory.join(FILE))
    }

    /// Returns how many tokens a model reads for each of a high estimate; none where too little was
    /// learned, or where the request is too small for it to matter.
    pub(crate) fn for_model(&self, model: &str, high: u64) -> Option<f64> {
        if high < WORTH_IT {
            return None;
        }
        let learned = self
            .read_all()
            .get(model)
            .copied()
            .filter(|learned| learned.seen >= TRUSTED_AFTER)?;
        Some(learned.factor.clamp(RANGE.0, RANGE.1))
    }

    /// Learns from an answer that says how many tokens were read. That it cannot be kept does no
    /// harm.
    pub(crate) fn learn_from(&self, model: &str, high: u64, read: u64) -> std::io::Result<()> {
        if high < WORTH_IT || read == 0 {
            return Ok(());
        }
        let mut all = self.read_all();
        let observed = token_ratio(read, high).clamp(RANGE.0, RANGE.1);
        let known = all.get(model).copied();
        let factor = known.map_or(observed, |known| {
            known.factor + (observed - known.factor) * SHARE
        });
        let seen = known.map_or(0, |known| known.seen).saturating_add(1);
        if known
            .is_some_and(|known| seen > TRUSTED_AFTER && (factor - known.factor).abs() < NOTABLE)
        {
            return Ok(());
        }
        if known.is_none() && all.len() >= MOST_MODELS {
            all.clear();
        }
        all.insert(model.to_owned(), CalibrationFactor { factor, seen });
        self.write_all(&all)
    }

    fn read_all(&self) -> BTreeMap<String, CalibrationFactor> {
        fs::read(&self.0)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default()
    }

    /// Writes them for the next process. Of two that write at once, one has learned in vain.
    fn write_all(&self, all: &BTreeMap<String, CalibrationFactor>) -> std::io::Result<()> {
        atomic_write(&self.0, &serde_json::to_vec(all)?, Durability::Cached)
    }
}

#[allow(clippy::cast_precision_loss)] // Tokens are far below 2^52.
fn token_ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_some_answers_the_estimate_approaches_their_usage() {
        let directory = tempfile::tempdir().expect("a directory");
        let factors = CalibrationFactors::in_directory(directory.path());
        for seen in 0..10 {
            let before = factors.for_model("m", 1_000);
            assert_eq!(before.is_some(), seen >= 3, "{before:?} after {seen}");
            factors
                .learn_from("m", 10_000, 6_000)
                .expect("it is writable");
        }
        assert_eq!(factors.for_model("m", 1_000), Some(0.6));
        assert_eq!(
            (
                factors.for_model("other", 1_000),
                factors.for_model("m", 999)
            ),
            (None, None)
        );
    }

    #[test]
    fn short_requests_and_answers_without_usage_are_not_learned_from() {
        let directory = tempfile::tempdir().expect("a directory");
        let factors = CalibrationFactors::in_directory(directory.path());
        for _ in 0..5 {
            factors
                .learn_from("m", 999, 10)
                .expect("nothing is written");
            factors
                .learn_from("m", 5_000, 0)
                .expect("nothing is written");
        }
        assert_eq!(
            fs::read_dir(directory.path()).expect("it is there").count(),
            0
        );
    }

    #[test]
    fn a_damaged_file_and_an_absurd_number_do_no_harm() {
        let directory = tempfile::tempdir().expect("a directory");
        let factors = CalibrationFactors::in_directory(directory.path());
        fs::write(&factors.0, "{").expect("it is writable");
        for _ in 0..5 {
            factors
                .learn_from("m", 1_000, 1_000_000)
                .expect("it is writable");
        }
        assert_eq!(factors.for_model("m", 1_000), Some(3.0));
    }
}
