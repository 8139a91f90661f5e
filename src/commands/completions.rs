//! `langdock completions`: prints a completion script.

use crate::app::App;
use crate::cli::{CompletionShell, completion_script};
use crate::error::Error;

/// Prints the completion script of a shell.
pub(crate) fn completions(app: &App, shell: CompletionShell) -> Result<(), Error> {
    app.print(&completion_script(shell))
}
