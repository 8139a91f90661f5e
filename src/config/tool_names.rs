//! The tools that the user has said something about: the table `[tools]` of the config file.
//!
//! It stands beside the profiles: what may run on this machine does not depend on whom one talks
//! to.

use super::{Origin, Sourced};

/// The table of tools.
pub(super) const TOOLS: &str = "tools";

/// What can be said about tools, as the config file has it.
pub(super) const WORDS: [&str; 2] = ["allow", "deny"];

/// The tools that run unasked, and those that never run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ToolNames {
    /// Those whose calls are run unasked.
    pub(super) allow: Option<Sourced<Vec<String>>>,
    /// Those whose calls are never run.
    pub(super) deny: Option<Sourced<Vec<String>>>,
}

impl ToolNames {
    /// Those whose calls are run unasked.
    pub(crate) fn allowed(&self) -> &[String] {
        self.allow.as_ref().map_or(&[], |names| &names.value)
    }

    /// Those whose calls are never run.
    pub(crate) fn denied(&self) -> &[String] {
        self.deny.as_ref().map_or(&[], |names| &names.value)
    }

    /// Each list with its key and its origin.
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

/// The name of a list: `tools.allow`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ToolsKey {
    /// One of `WORDS`.
    pub(super) word: &'static str,
}

impl ToolsKey {
    /// Reads a name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let word = name.strip_prefix(TOOLS)?.strip_prefix('.')?;
        WORDS
            .into_iter()
            .find(|known| *known == word)
            .map(|word| Self { word })
    }

    /// The name.
    pub(crate) fn name(self) -> String {
        format!("{TOOLS}.{}", self.word)
    }
}
