//! Which of the standard streams are terminals.

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

    /// Returns the width of the terminal at standard output; `None` if that is none.
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
