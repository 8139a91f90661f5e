//! The tools that the user allows or denies: the table `[tools]` of the config file.
//!
//! It is outside of profiles: what may run on this machine does not depend on the endpoint.

use super::{Origin, Sourced};

/// The name of the table of tools.
pub(super) const TOOLS: &str = "tools";

/// The lists in this table, by their keys.
pub(super) const WORDS: [&str; 2] = ["allow", "deny"];

/// The tools that run without confirmation, and those that never run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ToolNames {
    /// Tools whose calls run without confirmation.
    pub(super) allow: Option<Sourced<Vec<String>>>,
    /// Tools whose calls never run.
    pub(super) deny: Option<Sourced<Vec<String>>>,
}

impl ToolNames {
    /// Returns the tools whose calls run without confirmation.
    pub(crate) fn allowed(&self) -> &[String] {
        self.allow.as_ref().map_or(&[], |names| &names.value)
    }

    /// Returns the tools whose calls never run.
    pub(crate) fn denied(&self) -> &[String] {
        self.deny.as_ref().map_or(&[], |names| &names.value)
    }

    /// Returns each list with its key and origin.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (ToolsKey, &[String], &Origin)> {
        WORDS
            .into_iter()
            .zip([&self.allow, &self.deny])
            .filter_map(|(word, names)| {
                let names = names.as_ref()?;
                Some((ToolsKey { word }, names.value.as_slice(), &names.origin))
            })
    }
}

/// The key of a list: `tools.allow`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ToolsKey {
    /// One of `WORDS`.
    pub(super) word: &'static str,
}

impl ToolsKey {
    /// Parses a key.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let word = name.strip_prefix(TOOLS)?.strip_prefix('.')?;
        WORDS
            .into_iter()
            .find(|known| *known == word)
            .map(|word| Self { word })
    }

    /// Returns the key as text.
    pub(crate) fn name(self) -> String {
        format!("{TOOLS}.{}", self.word)
    }
}
