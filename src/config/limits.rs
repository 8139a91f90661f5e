//! Configured limits of requests and tokens per minute, by model: the tables `[limits."MODEL"]` of
//! the config file.
//!
//! They belong to the workspace, not to a profile, so they are outside of profiles.

use super::{Origin, Sourced};
use crate::pace::RateLimits;

/// The name of the table of limits.
pub(super) const LIMITS: &str = "limits";

/// The limits that a model can have, by their keys.
pub(super) const KINDS: [&str; 2] = ["rpm", "tpm"];

/// The limits of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModelLimits {
    /// The model.
    pub(crate) model: String,
    /// `rpm`: requests per minute.
    pub(super) rpm: Option<Sourced<u64>>,
    /// `tpm`: tokens per minute.
    pub(super) tpm: Option<Sourced<u64>>,
}

impl ModelLimits {
    /// Returns the limits without their origins.
    pub(crate) fn values(&self) -> RateLimits {
        let value = |limit: &Option<Sourced<u64>>| limit.as_ref().map(|limit| limit.value);
        RateLimits {
            requests: value(&self.rpm),
            tokens: value(&self.tpm),
        }
    }

    /// Returns each limit with its key and origin.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (LimitKey, u64, &Origin)> {
        KINDS
            .into_iter()
            .zip([&self.rpm, &self.tpm])
            .filter_map(|(kind, limit)| {
                let limit = limit.as_ref()?;
                Some((
                    LimitKey {
                        model: self.model.clone(),
                        kind,
                    },
                    limit.value,
                    &limit.origin,
                ))
            })
    }
}

/// The key of a limit: `limits."MODEL".rpm`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LimitKey {
    /// The model.
    pub(super) model: String,
    /// One of `KINDS`.
    pub(super) kind: &'static str,
}

impl LimitKey {
    /// Parses a key; the quotes may be missing, since a shell removes them.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (model, kind) = name
            .strip_prefix(LIMITS)?
            .strip_prefix('.')?
            .rsplit_once('.')?;
        let kind = KINDS.into_iter().find(|known| *known == kind)?;
        let model = model
            .strip_prefix('"')
            .and_then(|model| model.strip_suffix('"'))
            .unwrap_or(model);
        (!model.trim().is_empty()).then(|| Self {
            model: model.to_owned(),
            kind,
        })
    }

    /// Returns the key as text, with the quotes.
    pub(crate) fn name(&self) -> String {
        format!("{LIMITS}.\"{}\".{}", self.model, self.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_with_quotes_and_without() {
        for (name, expected) in [
            (
                "limits.\"claude-3.5\".rpm",
                Some("limits.\"claude-3.5\".rpm"),
            ),
            ("limits.claude-3.5.tpm", Some("limits.\"claude-3.5\".tpm")),
            ("limits.m.rps", None),
            ("limits..rpm", None),
            ("limits.rpm", None),
            ("limit.m.rpm", None),
        ] {
            assert_eq!(
                LimitKey::parse(name).map(|key| key.name()).as_deref(),
                expected,
                "{name}"
            );
        }
    }
}
