//! Reads a text file of the command line, with the name that it has in messages.

use std::path::Path;

use crate::app::App;
use crate::error::Error;
use crate::input::read_text;

/// Reads a file, or standard input for `-`, and returns its name and its text. A signal ends the
/// wait for it.
pub(crate) async fn read_named_text(app: &App, path: &Path) -> Result<(String, String), Error> {
    let text = app.unless_interrupted(read_text(path)).await??;
    let is_stdin = path.as_os_str() == "-";
    Ok((
        if is_stdin {
            "standard input".to_owned()
        } else {
            format!("`{}`", path.display())
        },
        text,
    ))
}
