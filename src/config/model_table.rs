//! What the config file says of models: their limits on requests and tokens per minute, and their
//! prices, in the tables `[limits."MODEL"]` and `[prices."MODEL"]`.
//!
//! They belong to the workspace, not to a profile, so they are outside of profiles.

use serde_json::Value as Json;

use super::value_type::{SettingValue, ValueType};
use super::{Origin, Sourced};
use crate::pace::RateLimits;
use crate::protocol::{PRICE_KINDS, PriceOverride, price_of_a_token};

/// A kind of table that there is one of for each model.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ModelTableKind {
    /// The name of the table that has them.
    pub(super) name: &'static str,
    /// An example of such a table, for messages.
    pub(super) example: &'static str,
    /// The keys of each.
    pub(super) keys: &'static [&'static str],
    /// The type of their values.
    pub(super) value_type: ValueType,
}

/// Requests and tokens per minute.
pub(super) const LIMITS: ModelTableKind = ModelTableKind {
    name: "limits",
    example: "tables such as [limits.\"MODEL\"]",
    keys: &["rpm", "tpm"],
    value_type: ValueType::Count(1),
};

/// Dollars for a million tokens. A `*` in the name of the model stands for any text.
pub(super) const PRICES: ModelTableKind = ModelTableKind {
    name: "prices",
    example: "tables such as [prices.\"MODEL\"]",
    keys: &PRICE_KINDS,
    value_type: ValueType::Price,
};

/// All kinds.
pub(super) const MODEL_TABLES: [&ModelTableKind; 2] = [&LIMITS, &PRICES];

/// The table of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModelTable {
    /// Its kind.
    pub(super) kind: &'static ModelTableKind,
    /// The model.
    pub(super) model: String,
    /// The values by their keys, which are in the order of the kind.
    pub(super) values: Vec<(&'static str, Sourced<SettingValue>)>,
}

impl ModelTable {
    /// Returns the limits of a model with their origins left out; none of another kind of table.
    pub(super) fn rate_limits(&self) -> Option<(String, RateLimits)> {
        let limits = RateLimits {
            requests: self.value("rpm"),
            tokens: self.value("tpm"),
        };
        (*self.kind == LIMITS).then(|| (self.model.clone(), limits))
    }

    /// Returns the prices of a model; none of another kind of table.
    pub(super) fn price_override(&self) -> Option<PriceOverride> {
        let price = |key| self.value::<String>(key);
        let prices = PRICE_KINDS.map(|key| price(key).and_then(|text| price_of_a_token(&text)));
        (*self.kind == PRICES).then(|| PriceOverride {
            pattern: self.model.clone(),
            prices,
        })
    }

    /// Returns each value as it is shown, with its key and origin.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (ModelKey, Json, &Origin)> {
        self.values.iter().map(|(key, value)| {
            let shown = self.kind.value_type.shown(&value.value);
            let key = ModelKey {
                kind: self.kind,
                model: self.model.clone(),
                key,
            };
            (key, shown, &value.origin)
        })
    }

    fn value<T: TryFrom<SettingValue>>(&self, key: &str) -> Option<T> {
        let (_, found) = self.values.iter().find(|(known, _)| *known == key)?;
        T::try_from(found.value.clone()).ok()
    }
}

/// The key of a value, such as `limits."MODEL".rpm`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModelKey {
    /// The kind of table.
    pub(super) kind: &'static ModelTableKind,
    /// The model.
    pub(super) model: String,
    /// One of the keys of this kind.
    pub(super) key: &'static str,
}

impl ModelKey {
    /// Parses a key; the quotes may be missing, since a shell removes them.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (table, rest) = name.split_once('.')?;
        let kind = MODEL_TABLES.into_iter().find(|kind| kind.name == table)?;
        let (model, key) = rest.rsplit_once('.')?;
        let key = kind.keys.iter().find(|known| **known == key)?;
        let model = model
            .strip_prefix('"')
            .and_then(|model| model.strip_suffix('"'))
            .unwrap_or(model);
        (!model.trim().is_empty()).then(|| Self {
            kind,
            model: model.to_owned(),
            key,
        })
    }

    /// Returns the key as text, with the quotes.
    pub(crate) fn name(&self) -> String {
        format!("{}.\"{}\".{}", self.kind.name, self.model, self.key)
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
            ("prices.claude-*.input", Some("prices.\"claude-*\".input")),
            ("prices.m.rpm", None),
            ("limits.m.rps", None),
            ("limits..rpm", None),
            ("limits.rpm", None),
            ("limit.m.rpm", None),
        ] {
            assert_eq!(
                ModelKey::parse(name).map(|key| key.name()).as_deref(),
                expected,
                "{name}"
            );
        }
    }
}
