//! Asks for a secret on the terminal, where it does not show.

use std::io;

/// Asks, and gives what was typed. Ctrl-C is an error of the kind `Interrupted`, with the terminal
/// as it was.
pub(crate) fn ask_secret(prompt: &str) -> io::Result<String> {
    rpassword::prompt_password(prompt)
}
