//! Where the program keeps what it keeps: the folders that the platform has for it.

use std::path::PathBuf;

use super::Env;

/// The files of the settings. A machine without a home has none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Paths {
    /// The config file.
    pub(crate) config: Option<PathBuf>,
    /// Whether `LANGDOCK_CONFIG` named it: it then has to be there.
    pub(crate) config_was_named: bool,
    /// The folder of the keys that `auth login` stores. It does not move with `LANGDOCK_CONFIG`,
    /// which may be a file that people share.
    pub(crate) keys: Option<PathBuf>,
}

impl Paths {
    /// Finds them; nothing is read or made.
    pub(crate) fn find(env: &Env) -> Self {
        let folder = config_folder();
        let usual = folder.as_ref().map(|folder| folder.join("config.toml"));
        Self {
            config_was_named: env.config.is_some(),
            config: env.config.clone().or(usual),
            keys: folder.map(|folder| folder.join("keys")),
        }
    }
}

/// The folder of the saved prompts. A machine without a home has none.
pub(crate) fn templates_folder() -> Option<PathBuf> {
    config_folder().map(|folder| folder.join("templates"))
}

/// The folder of the conversations. A machine without a home has none.
pub(crate) fn sessions_folder() -> Option<PathBuf> {
    dirs::data_dir().map(|folder| folder.join("langdock").join("sessions"))
}

/// The folder of the tools that are named and not given by their path. A machine without a home has
/// none.
pub(crate) fn tools_folder() -> Option<PathBuf> {
    config_folder().map(|folder| folder.join("tools"))
}

/// The file of the lines that were typed before. A machine without a home has none.
pub(crate) fn history_file() -> Option<PathBuf> {
    // Not every platform tells state from data.
    let folder = dirs::state_dir().or_else(dirs::data_local_dir);
    folder.map(|folder| folder.join("langdock").join("history"))
}

fn config_folder() -> Option<PathBuf> {
    dirs::config_dir().map(|folder| folder.join("langdock"))
}
