//! How far the high estimate of tokens is off for each model, learned from the usage that its
//! answers report. Stored as a few bytes in the state directory.
//!
//! The file is read and updated only for larger requests: a short one would teach nothing, and
//! should not pay for it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::fs::{Durability, atomic_write, read_regular};
use crate::text::has_key;

/// The name of the file in the state directory.
const FILE: &str = "estimates.json";

/// The smallest high estimate, in tokens, for which a factor is learned or used.
const WORTH_IT: u64 = 1_000;

/// The weight of a new observation in the moving average, from 0 to 1.
const SHARE: f64 = 0.2;

/// Number of observations before a factor is used.
const TRUSTED_AFTER: u32 = 3;

/// The range of plausible observations; anything beyond it has a cause other than the text.
const RANGE: (f64, f64) = (0.2, 3.0);

/// A smaller change of a factor is not written.
const NOTABLE: f64 = 0.01;

/// Maximum number of models in the file.
const MOST_MODELS: usize = 64;

/// The factors of all models, by the path of their file, which is read at each use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CalibrationFactors(PathBuf);

/// What was learned about a model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct CalibrationFactor {
    /// Tokens read per token of the high estimate.
    factor: f64,
    /// Number of answers that it was learned from.
    seen: u32,
}

impl CalibrationFactors {
    /// Returns the factors stored in the state directory.
    pub(crate) fn in_directory(state_directory: &Path) -> Self {
        Self(state_directory.join(FILE))
    }

    /// Returns how many tokens the model reads per token of the high estimate; `None` if too few
    /// answers were seen, or if the request is too small for it to matter.
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

    /// Learns from an answer that reports how many tokens were read. Callers may ignore an error:
    /// the request itself is not affected.
    pub(crate) fn learn_from(&self, model: &str, high: u64, read: u64) -> std::io::Result<()> {
        // What looks like a key was typed in place of a model.
        if high < WORTH_IT || read == 0 || has_key(model) {
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
        read_regular(&self.0)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default()
    }

    /// Writes the factors for later processes. If two write at once, the last one wins.
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
    use std::fs;

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
