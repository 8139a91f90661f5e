//! Which of the standard streams are terminals.

use std::ffi::OsString;
use std::fs::File;
use std::io::{IsTerminal, stderr, stdin, stdout};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;

use super::terminal_size::TerminalSize;

/// Maximum width of help, since longer lines are hard to read; clap wraps at the same width.
const MAX_HELP_COLUMNS: usize = 100;

/// Which of the standard streams are terminals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TerminalInfo {
    /// Standard input.
    pub(crate) stdin_is_terminal: bool,
    /// Standard output.
    pub(crate) stdout_is_terminal: bool,
    /// Standard error.
    pub(crate) stderr_is_terminal: bool,
}

impl TerminalInfo {
    /// Checks the streams of this process.
    pub(crate) fn detect() -> Self {
        Self {
            stdin_is_terminal: stdin().is_terminal(),
            stdout_is_terminal: stdout().is_terminal(),
            stderr_is_terminal: stderr().is_terminal(),
        }
    }

    /// Returns the width of the terminal at standard output; `None` if that is not a terminal.
    pub(crate) fn stdout_columns(self) -> Option<usize> {
        self.stdout_is_terminal
            .then(|| TerminalSize::from_stdout().columns)
    }

    /// Returns the width at which help wraps; `None` if standard output is not a terminal.
    pub(crate) fn help_columns(self) -> Option<usize> {
        self.stdout_is_terminal
            .then(|| TerminalSize::from_stdout().columns.min(MAX_HELP_COLUMNS))
    }
}

/// Returns whether another program reads standard output as it is written.
pub(crate) fn stdout_is_pipe() -> bool {
    let stdout = stdout().as_fd().try_clone_to_owned().map(File::from);
    let metadata = stdout.and_then(|stdout| stdout.metadata());
    metadata.is_ok_and(|metadata| {
        let kind = metadata.file_type();
        kind.is_fifo() || kind.is_socket()
    })
}

/// Whether the variables name a terminal that wraps the rows on its screen when it becomes
/// narrower: tmux, or one with the library VTE. Others may do so too, and do not say it.
pub(crate) fn is_rewrapped(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
    let terminal = variable("TERM").unwrap_or_default();
    let is_one_of = |names: &[&str]| {
        let terminal = terminal.to_string_lossy();
        names.iter().any(|name| terminal.starts_with(name))
    };
    // A terminal that is started from another one inherits the variables of that one.
    (is_set("TMUX") && is_one_of(&["tmux", "screen"]))
        || (is_set("VTE_VERSION") && is_one_of(&["xterm"]) && !is_set("XTERM_VERSION"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_that_wrap_their_rows_are_known_by_their_variables() {
        for (variables, expected) in [
            (&[("TERM", "xterm-256color")][..], false),
            (&[("TERM", "tmux-256color"), ("TMUX", "/t,1,0")], true),
            (&[("TERM", "xterm-256color"), ("TMUX", "/t,1,0")], false),
            (&[("TERM", "xterm-256color"), ("VTE_VERSION", "7600")], true),
            (&[("TERM", "screen"), ("VTE_VERSION", "7600")], false),
            (
                &[
                    ("TERM", "xterm"),
                    ("VTE_VERSION", "7600"),
                    ("XTERM_VERSION", "XTerm(390)"),
                ],
                false,
            ),
        ] {
            let variable = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| OsString::from(value))
            };
            assert_eq!(is_rewrapped(variable), expected, "{variables:?}");
        }
    }
}
