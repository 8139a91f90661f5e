//! Shows text in the user's pager.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use super::interrupt::InterruptSignal;
use super::terminal_size::TerminalSize;
use super::text_reader::{CtrlC, run_on_text};
use crate::fs::child_command;
use crate::text::display_width;

/// The pager if `PAGER` is not set.
pub(crate) const DEFAULT_PAGER: &str = "less";

/// The options of `less` if `LESS` is not set, as git has them: exit if the text fits on a screen,
/// show colours, and leave the text on the screen.
const LESS_OPTIONS: &str = "FRX";

/// Returns the pager command that the value of `PAGER` asks for. Without it, that is
/// [`DEFAULT_PAGER`] if `has_default`; an empty value and `cat` mean none.
pub(crate) fn pager_command(variable: Option<&str>, has_default: bool) -> Option<&str> {
    match variable.map(str::trim) {
        None => has_default.then_some(DEFAULT_PAGER),
        Some("" | "cat") => None,
        Some(pager) => Some(pager),
    }
}

/// Runs the pager on the terminal and waits for it to exit. Ctrl-C is left to the pager.
///
/// # Errors
///
/// `Interrupted` if a signal ended the run, and the pager with it. After any other error the text
/// may not have been shown.
pub(super) fn run_pager(
    pager: &str,
    text: String,
    terminal: &File,
    interrupt: &InterruptSignal,
) -> io::Result<()> {
    // The shell parses arguments and quotes.
    let mut command = child_command(Path::new("/bin/sh"));
    command
        .args([
            "-c",
            &format!("LESS=${{LESS-{LESS_OPTIONS}}}; export LESS; {pager}"),
        ])
        .stdout(terminal.try_clone()?)
        .stderr(terminal.try_clone()?);
    run_on_text(&mut command, text, CtrlC::Program, interrupt)
}

/// Whether a text has more rows than the terminal that is standard output.
pub(crate) fn exceeds_screen(text: &str) -> bool {
    let size = TerminalSize::from_stdout();
    // The prompt of the shell needs a row too.
    rows_of(text, size.columns) + 1 > size.rows
}

/// Runs the pager on standard output, which is a terminal.
///
/// # Errors
///
/// As [`run_pager`].
pub(crate) fn page_stdout(
    pager: &str,
    text: String,
    interrupt: &InterruptSignal,
) -> io::Result<()> {
    let terminal = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    run_pager(pager, text, &terminal, interrupt)
}

/// Returns the number of rows of a text on a terminal of this width.
fn rows_of(text: &str, columns: usize) -> usize {
    let rows = |line: &str| display_width(line).div_ceil(columns.max(1)).max(1);
    text.lines().map(rows).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_names_the_pager_or_none() {
        for (variable, has_default, expected) in [
            (None, true, Some("less")),
            (None, false, None),
            (Some(""), true, None),
            (Some("cat"), true, None),
            (Some("more -d"), true, Some("more -d")),
        ] {
            assert_eq!(pager_command(variable, has_default), expected);
        }
    }

    #[test]
    fn a_line_takes_as_many_rows_as_it_needs() {
        assert_eq!(rows_of("", 10), 0);
        assert_eq!(rows_of("a\n\nb\n", 10), 3);
        assert_eq!(rows_of("12345678901\nb", 10), 3);
        assert_eq!(rows_of("1234567890\n", 10), 1);
    }
}
