//! Copies to the clipboard through the terminal (OSC 52), so that it works over SSH too.

use std::fs::OpenOptions;
use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Sends a text to the terminal for its clipboard. Returns false if there is no terminal; whether
/// the terminal accepts it cannot be known.
pub(crate) fn copy_to_clipboard(text: &str) -> bool {
    let terminal = OpenOptions::new().write(true).open("/dev/tty");
    terminal.is_ok_and(|mut terminal| terminal.write_all(osc52_sequence(text).as_bytes()).is_ok())
}

/// Returns the OSC 52 sequence. The text in it is base64, so it cannot act on the terminal.
fn osc52_sequence(text: &str) -> String {
    format!("\x1b]52;c;{}\x07", STANDARD.encode(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_sent_as_base64() {
        assert_eq!(osc52_sequence("a\x1bb"), "\x1b]52;c;YRti\x07");
    }
}
