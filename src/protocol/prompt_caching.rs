//! Prompt caching: for how long a marked prefix is kept, what writing and reading it costs, and
//! from which length on it is cached at all.
//!
//! Source: Anthropic's page `build-with-claude/prompt-caching`, November 2026. That marks reach the
//! model through Langdock was reported by a client that saw its second request read what the first
//! one had written; the rest is unverified against Langdock.

use std::time::Duration;

use serde_json::{Value, json};

use super::claude_model::ClaudeModel;
use super::claude_model::ModelFamily::{Fable, Opus, Sonnet};

/// The field of a content block, or of a tool, that marks the end of a prefix.
pub(crate) const CACHE_CONTROL: &str = "cache_control";

/// The most marks of a request.
pub(crate) const MAX_CACHE_MARKS: usize = 4;

/// How many blocks back from a mark a stored prefix is looked for.
pub(crate) const CACHE_LOOK_BACK: usize = 20;

/// How long a prefix stays in the cache after its last use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CacheTtl {
    /// `5m`, the API's default.
    FiveMinutes,
    /// `1h`
    OneHour,
}

impl CacheTtl {
    /// Returns the duration.
    pub(crate) fn duration(self) -> Duration {
        match self {
            Self::FiveMinutes => Duration::from_secs(5 * 60),
            Self::OneHour => Duration::from_secs(60 * 60),
        }
    }

    /// Returns the value of the field `cache_control`. The default is not named: a server that
    /// knows only the older form of the field accepts it.
    pub(crate) fn to_json(self) -> Value {
        match self {
            Self::FiveMinutes => json!({"type": "ephemeral"}),
            Self::OneHour => json!({"type": "ephemeral", "ttl": "1h"}),
        }
    }

    /// Returns what writing costs, in hundredths of the price of an input token.
    pub(crate) const fn write_percent(self) -> u64 {
        match self {
            Self::FiveMinutes => 125,
            Self::OneHour => 200,
        }
    }
}

/// When prompts are marked: the values of `--cache`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum CacheMode {
    /// Where it is likely to pay.
    #[default]
    Auto,
    /// Never.
    Off,
    /// Always, for this long.
    Always(CacheTtl),
}

impl CacheMode {
    /// The values, as users write them.
    pub(crate) const NAMES: [&'static str; 4] = ["auto", "off", "5m", "1h"];

    /// Returns the mode of a name; [`Self::Auto`] for any other text.
    pub(crate) fn from_name(name: &str) -> Self {
        match name {
            "off" => Self::Off,
            "5m" => Self::Always(CacheTtl::FiveMinutes),
            "1h" => Self::Always(CacheTtl::OneHour),
            _ => Self::Auto,
        }
    }
}

/// Writes a model as the table does.
const fn model(family: super::claude_model::ModelFamily, major: u8, minor: u8) -> ClaudeModel {
    ClaudeModel {
        family,
        major,
        minor,
    }
}

/// The shortest prefix that is cached, in tokens, by model.
const MINIMUMS: [(u64, &[ClaudeModel]); 3] = [
    (512, &[model(Opus, 5, 0), model(Fable, 5, 0)]),
    (
        1024,
        &[
            model(Opus, 4, 8),
            model(Sonnet, 5, 0),
            model(Sonnet, 4, 6),
            model(Sonnet, 4, 5),
        ],
    ),
    (2048, &[model(Opus, 4, 7)]),
];

/// The same for all other models, known or not.
const OTHER_MINIMUM: u64 = 4096;

/// Returns the shortest prefix that a model caches, in tokens. Marks of a shorter one are accepted
/// and do nothing.
pub(crate) fn cache_minimum(model_id: &str) -> u64 {
    let model = ClaudeModel::from_id(model_id);
    let is_row =
        |(_, models): &&(u64, &[ClaudeModel])| model.is_some_and(|model| models.contains(&model));
    MINIMUMS
        .iter()
        .find(is_row)
        .map_or(OTHER_MINIMUM, |(minimum, _)| *minimum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_without_a_row_has_the_longest_minimum() {
        for (id, minimum) in [
            ("claude-opus-5-default", 512),
            ("claude-sonnet-4-5-20250929", 1024),
            ("claude-opus-4-7", 2048),
            ("claude-sonnet-5-5-default", 4096),
            ("claude-haiku-4-5@20251001", 4096),
            ("my-claude-opus-5", 4096),
        ] {
            assert_eq!(cache_minimum(id), minimum, "{id}");
        }
    }

    #[test]
    fn every_name_is_a_mode_of_its_own() {
        let modes = CacheMode::NAMES.map(CacheMode::from_name);
        let auto = modes.iter().filter(|mode| **mode == CacheMode::Auto);
        assert_eq!(auto.count(), 1);
        assert_eq!(modes[0], CacheMode::default());
    }
}
