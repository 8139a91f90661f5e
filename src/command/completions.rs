//! `langdock completions`: a completion script on standard output.

use crate::app::App;
use crate::cli::{Connection, Shell, completion_script};
use crate::error::Error;

/// Prints the completion script of a shell. It talks to nobody, so that a flag of the connection is a mistake.
pub(crate) fn completions(app: &App, connection: &Connection, shell: Shell) -> Result<(), Error> {
    if *connection != Connection::default() {
        return Err(Error::Usage {
            message: "`completions` does not talk to the endpoint".to_owned(),
            hint: Some("leave the flags of the connection out".to_owned()),
        });
    }
    app.print(&completion_script(shell))
}
