//! The clipboard of the person's machine, by way of the terminal, so that it works across a network
//! too.

use std::fs::OpenOptions;
use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Hands a text to the terminal for its clipboard; false where there is no terminal. Whether it
/// takes it does not show.
pub(crate) fn copy(text: &str) -> bool {
    let terminal = OpenOptions::new().write(true).open("/dev/tty");
    terminal.is_ok_and(|mut terminal| terminal.write_all(sequence(text).as_bytes()).is_ok())
}

/// OSC 52. The text in it is base64, so that nothing of it acts on the terminal.
fn sequence(text: &str) -> String {
    format!("\x1b]52;c;{}\x07", STANDARD.encode(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_goes_out_as_base64() {
        assert_eq!(sequence("a\x1bb"), "\x1b]52;c;YRti\x07");
    }
}
