//! What rendered text is made for: its width, and whether colours and a line that changes are to be
//! had.

use console::Term;

use super::palette::Theme;

/// The columns where neither a terminal nor `COLUMNS` says how many there are.
const COLUMNS: usize = 80;

/// Fewer columns than these are taken as these.
const LEAST: usize = 4;

/// What rendered text is made for.
#[derive(Debug, Clone)]
pub(crate) struct Screen {
    columns: Columns,
    is_terminal: bool,
    theme: Option<Theme>,
}

#[derive(Debug, Clone)]
enum Columns {
    /// As many as somebody said.
    Said(usize),
    /// As many as the terminal has at the moment.
    Terminal(Term),
    /// As many as the terminal has, which stays as it is.
    #[cfg(any(test, feature = "internals"))]
    Fixed(usize),
}

impl Screen {
    /// Standard output; `columns` is what `COLUMNS` says, and no theme is no colour.
    pub(crate) fn stdout(is_terminal: bool, columns: Option<usize>, theme: Option<Theme>) -> Self {
        let columns = match columns {
            Some(columns) => Columns::Said(columns),
            None if is_terminal => Columns::Terminal(Term::stdout()),
            None => Columns::Said(COLUMNS),
        };
        Self {
            columns,
            is_terminal,
            theme,
        }
    }

    /// A terminal that has as many columns as this at all times.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn fixed(columns: usize, theme: Option<Theme>) -> Self {
        Self {
            columns: Columns::Fixed(columns),
            is_terminal: true,
            theme,
        }
    }

    /// The columns of a row that begins now.
    pub(super) fn columns(&self) -> usize {
        let columns = match &self.columns {
            Columns::Said(columns) => *columns,
            Columns::Terminal(terminal) => terminal
                .size_checked()
                .map_or(COLUMNS, |(_, columns)| usize::from(columns)),
            #[cfg(any(test, feature = "internals"))]
            Columns::Fixed(columns) => *columns,
        };
        columns.max(LEAST)
    }

    /// Whether a line that is longer than `limit` columns may be left to the reader's end to break.
    pub(super) fn breaks_lines(&self, limit: usize) -> bool {
        match &self.columns {
            Columns::Said(_) => !self.is_terminal,
            Columns::Terminal(_) => self.columns() == limit,
            #[cfg(any(test, feature = "internals"))]
            Columns::Fixed(columns) => *columns == limit,
        }
    }

    /// Whether the row that is being written may change.
    pub(super) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// The theme; none where there are no colours.
    pub(super) fn theme(&self) -> Option<Theme> {
        self.theme
    }
}
