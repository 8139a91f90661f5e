//! Where saved prompts are.

use std::path::PathBuf;

/// The folder of the templates. A machine without a home has none.
pub(crate) fn templates_folder() -> Option<PathBuf> {
    dirs::config_dir().map(|folder| folder.join("langdock").join("templates"))
}
