//! `langdock completions`: prints a completion script, and the candidates that the scripts ask for.

mod suggestions;

use std::sync::Arc;

use crate::app::App;
use crate::cli::{CompletionShell, LookUp, UnfinishedLine, complete_line, completion_script};
use crate::error::Error;

/// Prints the completion script of a shell.
pub(crate) fn completions(app: &App, shell: CompletionShell) -> Result<(), Error> {
    app.print(&completion_script(shell))
}

/// Prints the candidates for the arguments of a completion script. Nothing is sent, and no key is
/// read.
pub(crate) fn complete(app: &Arc<App>, line: &UnfinishedLine) -> Result<(), Error> {
    let theirs = Arc::clone(app);
    let look_up: Arc<LookUp> =
        Arc::new(move |line, source| suggestions::look_up(&theirs, line, source));
    app.print(&complete_line(line, &look_up))
}
