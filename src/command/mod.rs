//! The commands, one a file, and what they share.

mod completions;
mod curl;
mod drive;
mod dry_run;
mod models;
mod offer;
mod request;
mod send;
mod serve;

pub(crate) use completions::completions;
pub(crate) use models::models;
pub(crate) use send::send;
pub(crate) use serve::serve;

use crate::cli::Connection;
use crate::error::Error;

/// Refuses the flags of the connection, which stand before every command, for one that talks to nobody.
fn refuse_connection(command: &str, connection: &Connection) -> Result<(), Error> {
    if *connection == Connection::default() {
        return Ok(());
    }
    Err(Error::Usage {
        message: format!("`{command}` does not talk to the endpoint"),
        hint: Some("leave the flags of the connection out".to_owned()),
    })
}
