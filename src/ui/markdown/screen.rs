//! The target of rendered text: its width, and whether it supports colours and rewriting a line.

#[cfg(any(test, feature = "internals"))]
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use console::Term;

use super::palette::ColorTheme;

/// Width if neither the terminal nor `COLUMNS` specifies it.
const DEFAULT_COLUMNS: usize = 80;

/// Minimum width in columns.
const MIN_COLUMNS: usize = 4;

/// The target of rendered text.
#[derive(Debug, Clone)]
pub(crate) struct RenderTarget {
    columns: ColumnSource,
    is_terminal: bool,
    theme: Option<ColorTheme>,
    /// Whether the rules and marks of the renderer are ASCII.
    has_ascii_marks: bool,
    /// Whether the terminal is known to wrap its rows again when it becomes narrower.
    is_rewrapped: bool,
}

#[derive(Debug, Clone)]
enum ColumnSource {
    /// A given number, from `COLUMNS` or the default.
    Given(usize),
    /// The current width of the terminal.
    Terminal(Term),
    /// A terminal whose width only the test changes.
    #[cfg(any(test, feature = "internals"))]
    Fixed(Arc<AtomicUsize>),
}

impl RenderTarget {
    /// Creates the target for standard output; `columns` is the value of `COLUMNS`, and `theme` is
    /// `None` without colours.
    pub(crate) fn for_stdout(
        is_terminal: bool,
        columns: Option<usize>,
        theme: Option<ColorTheme>,
    ) -> Self {
        let columns = match columns {
            Some(columns) => ColumnSource::Given(columns),
            None if is_terminal => ColumnSource::Terminal(Term::stdout()),
            None => ColumnSource::Given(DEFAULT_COLUMNS),
        };
        Self {
            columns,
            is_terminal,
            theme,
            has_ascii_marks: false,
            is_rewrapped: false,
        }
    }

    /// Creates a terminal of constant width.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn with_fixed_columns(columns: usize, theme: Option<ColorTheme>) -> Self {
        Self::with_shared_columns(Arc::new(AtomicUsize::new(columns)), theme)
    }

    /// Creates a terminal whose width may be changed.
    #[cfg(any(test, feature = "internals"))]
    pub(super) fn with_shared_columns(
        columns: Arc<AtomicUsize>,
        theme: Option<ColorTheme>,
    ) -> Self {
        Self {
            columns: ColumnSource::Fixed(columns),
            is_terminal: true,
            theme,
            has_ascii_marks: false,
            is_rewrapped: false,
        }
    }

    /// Draws rules and marks with ASCII, for a locale that has no other characters.
    pub(crate) fn with_ascii_marks(self, has_ascii_marks: bool) -> Self {
        Self {
            has_ascii_marks,
            ..self
        }
    }

    /// Sets whether the terminal is known to wrap its rows again when it becomes narrower.
    pub(crate) fn with_rewrapping(self, is_rewrapped: bool) -> Self {
        Self {
            is_rewrapped,
            ..self
        }
    }

    /// Returns how a character is shown.
    pub(super) fn shown(&self, letter: char) -> char {
        match letter {
            '─' if self.has_ascii_marks => '-',
            '│' if self.has_ascii_marks => '|',
            '┼' if self.has_ascii_marks => '+',
            '•' if self.has_ascii_marks => '*',
            letter => letter,
        }
    }

    /// Returns the width of a row that begins now, in columns.
    pub(super) fn current_columns(&self) -> usize {
        let columns = match &self.columns {
            ColumnSource::Given(columns) => *columns,
            ColumnSource::Terminal(terminal) => terminal
                .size_checked()
                .map_or(DEFAULT_COLUMNS, |(_, columns)| usize::from(columns)),
            #[cfg(any(test, feature = "internals"))]
            ColumnSource::Fixed(columns) => columns.load(Ordering::Relaxed),
        };
        columns.max(MIN_COLUMNS)
    }

    /// Whether wrapping a line longer than `limit` columns can be left to the terminal or reader.
    pub(super) fn breaks_lines(&self, limit: usize) -> bool {
        match &self.columns {
            ColumnSource::Given(_) => !self.is_terminal,
            ColumnSource::Terminal(_) => self.current_columns() == limit,
            #[cfg(any(test, feature = "internals"))]
            ColumnSource::Fixed(_) => self.current_columns() == limit,
        }
    }

    /// Whether the terminal is known to wrap its rows again when it becomes narrower.
    pub(super) fn is_rewrapped(&self) -> bool {
        self.is_rewrapped
    }

    /// Whether the current row can be rewritten.
    pub(super) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Returns the theme; `None` without colours.
    pub(super) fn theme(&self) -> Option<ColorTheme> {
        self.theme
    }
}
