//! What is done about secrets: the mode, the user's own rules, and what is allowed.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use regex::bytes::Regex;

use super::env_file::{ENV_RULE, is_env_file, secret_values};
use super::fingerprint::Fingerprint;
use super::rules::RULES;
use super::scan::{Expressions, FoundSecret, scan};

/// What the values of `.env` files are called.
const ENV_KIND: &str = "value in a .env file";

/// The characters that tell a path glob from a name.
const GLOB_CHARACTERS: [char; 6] = ['/', '*', '?', '[', '{', '.'];

/// What is done about a secret in what is about to be sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum SecretMode {
    /// A file with one is refused; in what was typed or piped in, it is reported.
    #[default]
    Refuse,
    /// Each is replaced.
    Mask,
    /// Nothing is looked for.
    Send,
}

impl SecretMode {
    /// The values, as users write them.
    pub(crate) const NAMES: [&'static str; 3] = ["refuse", "mask", "send"];

    /// Returns the mode of a name; [`Self::Refuse`] for any other text.
    pub(crate) fn from_name(name: &str) -> Self {
        match name {
            "mask" => Self::Mask,
            "send" => Self::Send,
            _ => Self::Refuse,
        }
    }
}

/// A rule of the user's own.
#[derive(Clone)]
pub(crate) struct CustomRule {
    /// Its name, which is also what such a secret is called.
    name: String,
    expression: Regex,
}

impl CustomRule {
    /// Creates a rule of a regular expression. If that has a group, the first one is the secret.
    ///
    /// # Errors
    ///
    /// If the expression is invalid, or matches text of no length: what is wrong with it.
    pub(crate) fn new(name: &str, pattern: &str) -> Result<Self, String> {
        let expression = Regex::new(pattern).map_err(|error| reason_of(&error))?;
        if expression.is_match(b"") {
            return Err("it matches an empty text".to_owned());
        }
        Ok(Self {
            name: name.to_owned(),
            expression,
        })
    }

    /// Returns the name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the expression as it was written.
    pub(crate) fn pattern(&self) -> &str {
        self.expression.as_str()
    }
}

/// Returns the last line of the message, which has the reason without the expression.
fn reason_of(error: &regex::Error) -> String {
    let message = error.to_string();
    let last = message.lines().last().unwrap_or_default().trim();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

impl PartialEq for CustomRule {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.pattern() == other.pattern()
    }
}

impl Eq for CustomRule {}

impl fmt::Debug for CustomRule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.name, self.pattern())
    }
}

/// What is looked for, what is allowed, and what is done about the rest.
#[derive(Clone, Default)]
pub(crate) struct SecretPolicy {
    /// What is done.
    pub(crate) mode: SecretMode,
    rules: Vec<CustomRule>,
    allowed_rules: Vec<String>,
    allowed_fingerprints: Vec<Fingerprint>,
    allowed_paths: Vec<String>,
    expressions: Arc<Expressions>,
}

impl SecretPolicy {
    /// Creates the policy of a mode, with the user's own rules. `allow` has names of rules, globs
    /// of paths, and fingerprints.
    ///
    /// # Errors
    ///
    /// If an entry of `allow` is none of these, or is itself a secret: what is wrong with it.
    pub(crate) fn new(
        mode: SecretMode,
        rules: Vec<CustomRule>,
        allow: &[String],
    ) -> Result<Self, String> {
        let mut policy = Self {
            mode,
            rules,
            ..Self::default()
        };
        for entry in allow {
            policy.allow(entry)?;
        }
        Ok(policy)
    }

    fn allow(&mut self, entry: &str) -> Result<(), String> {
        if let Some(fingerprint) = Fingerprint::parse(entry) {
            self.allowed_fingerprints.push(fingerprint);
        } else if self.has_rule(entry) {
            self.allowed_rules.push(entry.to_owned());
        } else if let Some(found) = self.find(entry.as_bytes(), None).first() {
            let fingerprint = Fingerprint::from_secret(&entry.as_bytes()[found.range.clone()]);
            return Err(format!(
                "must not hold a secret ({}); write its fingerprint instead: {fingerprint}",
                found.kind
            ));
        } else if entry.contains(GLOB_CHARACTERS) {
            self.allowed_paths.push(entry.to_owned());
        } else {
            return Err(format!(
                "`{entry}` is not the name of a rule, a path glob or a SHA-256 fingerprint"
            ));
        }
        Ok(())
    }

    fn has_rule(&self, name: &str) -> bool {
        is_rule_name(name) || self.rules.iter().any(|rule| rule.name == name)
    }

    /// Returns the globs of the paths whose secrets are allowed, in the syntax of .gitignore.
    pub(crate) fn allowed_paths(&self) -> &[String] {
        &self.allowed_paths
    }

    /// Finds the secrets of a text that are not allowed, in their order. `path` is that of the file
    /// that the text is from.
    pub(crate) fn find(&self, text: &[u8], path: Option<&Path>) -> Vec<FoundSecret> {
        let mut found = Vec::new();
        let mut add = |rule: &str, kind: &str, range| {
            found.push(FoundSecret {
                rule: rule.to_owned(),
                kind: kind.to_owned(),
                range,
                line: 0,
            });
        };
        for (rule, range) in scan(text, &self.expressions) {
            add(RULES[rule].name.as_str(), RULES[rule].kind.as_str(), range);
        }
        for rule in &self.rules {
            for groups in rule.expression.captures_iter(text) {
                let secret = groups.get(1).or_else(|| groups.get(0));
                if let Some(secret) = secret.filter(|secret| !secret.is_empty()) {
                    add(&rule.name, &rule.name, secret.range());
                }
            }
        }
        if path.is_some_and(is_env_file) {
            for range in secret_values(text) {
                add(ENV_RULE, ENV_KIND, range);
            }
        }
        found.retain(|secret| !self.is_allowed(text, secret));
        // The first rule that found something at a place has the say about it.
        found.sort_by_key(|secret| secret.range.start);
        let mut end = 0;
        found.retain(|secret| {
            let is_apart = secret.range.start >= end;
            end = end.max(secret.range.end);
            is_apart
        });
        number_lines(text, &mut found);
        found
    }

    fn is_allowed(&self, text: &[u8], secret: &FoundSecret) -> bool {
        self.allowed_rules.contains(&secret.rule)
            || (!self.allowed_fingerprints.is_empty()
                && self
                    .allowed_fingerprints
                    .contains(&Fingerprint::from_secret(&text[secret.range.clone()])))
    }
}

impl PartialEq for SecretPolicy {
    fn eq(&self, other: &Self) -> bool {
        self.mode == other.mode
            && self.rules == other.rules
            && self.allowed_rules == other.allowed_rules
            && self.allowed_fingerprints == other.allowed_fingerprints
            && self.allowed_paths == other.allowed_paths
    }
}

impl fmt::Debug for SecretPolicy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SecretPolicy")
            .field("mode", &self.mode)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

/// Returns the rules that are built in: the name of each, and what it finds.
pub(crate) fn rules() -> impl Iterator<Item = (&'static str, &'static str)> {
    let of_table = RULES
        .iter()
        .map(|rule| (rule.name.as_str(), rule.kind.as_str()));
    of_table.chain([(ENV_RULE, ENV_KIND)])
}

/// Whether a rule that is built in has this name.
pub(crate) fn is_rule_name(name: &str) -> bool {
    rules().any(|(rule, _)| rule == name)
}

/// Sets the lines of secrets that are in the order of the text.
fn number_lines(text: &[u8], found: &mut [FoundSecret]) {
    let (mut line, mut at) = (1, 0);
    for secret in found {
        line += memchr::memchr_iter(b'\n', &text[at..secret.range.start]).count();
        at = secret.range.start;
        secret.line = line;
    }
}
