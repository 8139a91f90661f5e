//! `langdock completions`: a completion script on standard output.

use super::settings::only;
use crate::app::App;
use crate::cli::{Connection, Shell, completion_script};
use crate::error::Error;

/// Prints the completion script of a shell. It talks to nobody, so that a flag of the connection is a mistake.
pub(crate) fn completions(app: &App, connection: &Connection, shell: Shell) -> Result<(), Error> {
    only("completions", connection, &Connection::default(), "")?;
    app.print(&completion_script(shell))
}
