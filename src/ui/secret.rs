//! Reads a secret from the terminal without echo.

use std::io;

/// Prompts for a secret and returns it. Ctrl-C is an error of the kind `Interrupted`, after the
/// terminal has been restored.
pub(crate) fn ask_secret(prompt: &str) -> io::Result<String> {
    rpassword::prompt_password(prompt)
}
