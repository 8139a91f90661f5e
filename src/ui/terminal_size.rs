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
    /// Returns the present size of this terminal, or 80 columns by 24 rows where it has none, as
    /// some pseudo terminals do.
    pub(super) fn of_terminal(terminal: &File) -> io::Result<Self> {
        let terminal = Term::read_write_pair(terminal.try_clone()?, terminal.try_clone()?);
        Ok(Self::of_term(&terminal))
    }

    /// Returns the same for the terminal at standard error.
    pub(super) fn of_stderr() -> Self {
        Self::of_term(&Term::stderr())
    }

    fn of_term(terminal: &Term) -> Self {
        let (rows, columns) = terminal.size();
        Self {
            rows: rows.into(),
            columns: columns.into(),
        }
    }
}
