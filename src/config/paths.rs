//! Where the program keeps what it keeps: the directories that the platform has for it.

use std::path::{Path, PathBuf};

use super::Env;

/// The files of the settings. A machine without a home has none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Paths {
    /// The config file.
    pub(crate) config: Option<PathBuf>,
    /// Whether `LANGDOCK_CONFIG` named it: it then has to be there.
    pub(crate) config_was_named: bool,
    /// The directory of the keys that `auth login` stores. It does not move with `LANGDOCK_CONFIG`,
    /// which may be a file that people share.
    pub(crate) keys: Option<PathBuf>,
}

impl Paths {
    /// Finds them; nothing is read or made.
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

/// The directory of the saved prompts. A machine without a home has none.
pub(crate) fn templates_directory() -> Option<PathBuf> {
    config_directory().map(|directory| directory.join("templates"))
}

/// Which conversations a run reads and writes. Those with the scripted endpoint are kept apart, so
/// that no real endpoint is ever sent what a script said, nor the other way round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DataScope {
    /// Those with models.
    Real,
    /// Those of `--demo`.
    Demo,
}

impl DataScope {
    /// Returns the scope of a run with or without `--demo`.
    pub(crate) fn for_demo(is_demo: bool) -> Self {
        if is_demo { Self::Demo } else { Self::Real }
    }

    /// Returns how the program is called to get at this data, for messages.
    pub(crate) fn program(self) -> &'static str {
        match self {
            Self::Real => "langdock",
            Self::Demo => "langdock --demo",
        }
    }

    /// Returns the directory of this scope in one of the platform's.
    fn directory_in(self, platform: &Path) -> PathBuf {
        let directory = platform.join("langdock");
        match self {
            Self::Real => directory,
            Self::Demo => directory.join("demo"),
        }
    }
}

/// The directory of the conversations. A machine without a home has none.
pub(crate) fn sessions_directory(scope: DataScope) -> Option<PathBuf> {
    dirs::data_dir().map(|directory| scope.directory_in(&directory).join("sessions"))
}

/// The directory of the tools that are named and not given by their path. A machine without a home
/// has none.
pub(crate) fn tools_directory() -> Option<PathBuf> {
    config_directory().map(|directory| directory.join("tools"))
}

/// The file of the lines that were typed before. A machine without a home has none.
pub(crate) fn history_file(scope: DataScope) -> Option<PathBuf> {
    // Not every platform tells state from data.
    let directory = dirs::state_dir().or_else(dirs::data_local_dir);
    directory.map(|directory| scope.directory_in(&directory).join("history"))
}

fn config_directory() -> Option<PathBuf> {
    dirs::config_dir().map(|directory| directory.join("langdock"))
}
