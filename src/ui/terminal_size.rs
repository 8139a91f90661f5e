//! The size of a terminal.

use std::fs::File;
use std::io;

use console::Term;

/// The size of a terminal in character cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TerminalSize {
    /// Its height.
    pub(super) rows: usize,
    /// Its width.
    pub(super) columns: usize,
}

impl TerminalSize {
    /// Returns the current size of a terminal, or 80 columns by 24 rows if it has none, like some
    /// pseudo terminals.
    pub(super) fn from_terminal(terminal: &File) -> io::Result<Self> {
        let terminal = Term::read_write_pair(terminal.try_clone()?, terminal.try_clone()?);
        Ok(Self::from_term(&terminal))
    }

    /// Returns the current size of the terminal at standard error.
    pub(super) fn from_stderr() -> Self {
        Self::from_term(&Term::stderr())
    }

    /// Returns the current size of the terminal at standard output.
    pub(super) fn from_stdout() -> Self {
        Self::from_term(&Term::stdout())
    }

    fn from_term(terminal: &Term) -> Self {
        let (rows, columns) = terminal.size();
        Self {
            rows: rows.into(),
            columns: columns.into(),
        }
    }
}
