//! Which of the standard streams are terminals.

use std::io::{IsTerminal, stderr, stdin, stdout};

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

    /// Returns the width at which help wraps; `None` if standard output is not a terminal.
    pub(crate) fn help_columns(self) -> Option<usize> {
        self.stdout_is_terminal
            .then(|| TerminalSize::from_stdout().columns.min(MAX_HELP_COLUMNS))
    }
}
