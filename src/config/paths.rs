//! Where the program keeps its files: the platform's own directories for each kind.

use std::path::{Path, PathBuf};

use super::Env;

/// The files of the configuration; `None` for a user without a home directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Paths {
    /// The config file.
    pub(crate) config: Option<PathBuf>,
    /// Whether `LANGDOCK_CONFIG` names it, in which case it must exist.
    pub(crate) config_was_named: bool,
    /// The directory of the keys that `auth login` stores. It does not follow `LANGDOCK_CONFIG`,
    /// which may be a shared file.
    pub(crate) keys: Option<PathBuf>,
}

impl Paths {
    /// Determines the paths; nothing is read or created.
    pub(crate) fn find(env: &Env) -> Self {
        let directory = config_directory();
        let usual = directory
            .as_ref()
            .map(|directory| directory.join("config.toml"));
        Self {
            config_was_named: env.config.is_some(),
            config: env.config.clone().or(usual),
            keys: directory.map(|directory| directory.join("keys")),
        }
    }
}

/// Returns the directory of the saved prompts; `None` without a home directory.
pub(crate) fn templates_directory() -> Option<PathBuf> {
    config_directory().map(|directory| directory.join("templates"))
}

/// Which conversations a run reads and writes. Those with the scripted endpoint are kept apart, so
/// that its answers are never sent to a real endpoint, nor the other way round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DataScope {
    /// Conversations with real models.
    Real,
    /// Conversations with the scripted endpoint: `--demo`.
    Demo,
}

impl DataScope {
    /// Returns the scope of a run with or without `--demo`.
    pub(crate) fn for_demo(is_demo: bool) -> Self {
        if is_demo { Self::Demo } else { Self::Real }
    }

    /// Returns the command that accesses this data, for messages.
    pub(crate) fn program(self) -> &'static str {
        match self {
            Self::Real => "langdock",
            Self::Demo => "langdock --demo",
        }
    }

    /// Returns the directory of this scope inside a directory of the platform.
    fn directory_in(self, platform: &Path) -> PathBuf {
        let directory = platform.join("langdock");
        match self {
            Self::Real => directory,
            Self::Demo => directory.join("demo"),
        }
    }
}

/// Returns the directory of the conversations; `None` without a home directory.
pub(crate) fn sessions_directory(scope: DataScope) -> Option<PathBuf> {
    dirs::data_dir().map(|directory| scope.directory_in(&directory).join("sessions"))
}

/// Returns the directory of the tools that are given by name instead of path; `None` without a home
/// directory.
pub(crate) fn tools_directory() -> Option<PathBuf> {
    config_directory().map(|directory| directory.join("tools"))
}

/// Returns the file of the input history; `None` without a home directory.
pub(crate) fn history_file(scope: DataScope) -> Option<PathBuf> {
    // Not every platform separates state from data.
    let directory = dirs::state_dir().or_else(dirs::data_local_dir);
    directory.map(|directory| scope.directory_in(&directory).join("history"))
}

fn config_directory() -> Option<PathBuf> {
    dirs::config_dir().map(|directory| directory.join("langdock"))
}
