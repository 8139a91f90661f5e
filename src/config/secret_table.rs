//! The secrets that the user allows, and further rules for finding them: the table `[secrets]` of
//! the config file.
//!
//! It is outside of profiles: what is a secret does not depend on the endpoint. It never holds a
//! secret itself, only fingerprints.

use serde_json::{Value as Json, json};

use super::{Origin, Sourced};
use crate::input::check_glob;
use crate::secret_scan::{CustomRule, SecretMode, SecretPolicy};

/// The name of the table.
pub(super) const SECRETS: &str = "secrets";

/// The key of what is allowed.
pub(super) const ALLOW: &str = "allow";

/// The name of the table of rules in it.
pub(super) const RULES: &str = "rules";

/// The keys of the table.
pub(super) const SECRETS_KEYS: [&str; 2] = [ALLOW, RULES];

/// What the config file says of secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SecretTable {
    /// Further rules.
    pub(super) rules: Vec<Sourced<CustomRule>>,
    /// Names of rules, globs of paths and fingerprints.
    pub(super) allow: Option<Sourced<Vec<String>>>,
}

impl SecretTable {
    /// Returns what is done about secrets in this mode.
    ///
    /// # Errors
    ///
    /// If something is allowed that is neither a rule nor a glob nor a fingerprint: what is wrong.
    pub(super) fn policy(&self, mode: SecretMode) -> Result<SecretPolicy, String> {
        let rules = self.rules.iter().map(|rule| rule.value.clone()).collect();
        let allow = self.allow.as_ref().map_or(&[][..], |allow| &allow.value);
        let policy = SecretPolicy::new(mode, rules, allow)?;
        for glob in policy.allowed_paths() {
            check_glob(glob)?;
        }
        Ok(policy)
    }

    /// Returns each value with its key and origin.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (SecretsKey, Json, &Origin)> {
        let allow = self.allow.iter();
        let allow = allow.map(|allow| (SecretsKey::Allow, json!(allow.value), &allow.origin));
        let rules = self.rules.iter().map(|Sourced { value, origin }| {
            let key = SecretsKey::Rule(value.name().to_owned());
            (key, json!(value.pattern()), origin)
        });
        allow.chain(rules)
    }
}

/// A key of the table: `secrets.allow` or `secrets.rules.NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SecretsKey {
    /// What is allowed.
    Allow,
    /// The rule of this name.
    Rule(String),
}

impl SecretsKey {
    /// Parses a key.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let key = name.strip_prefix(SECRETS)?.strip_prefix('.')?;
        if key == ALLOW {
            return Some(Self::Allow);
        }
        let rule = key.strip_prefix(RULES)?.strip_prefix('.')?;
        (!rule.is_empty()).then(|| Self::Rule(rule.to_owned()))
    }

    /// Returns the key as text.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Allow => format!("{SECRETS}.{ALLOW}"),
            Self::Rule(rule) => format!("{SECRETS}.{RULES}.{rule}"),
        }
    }
}
