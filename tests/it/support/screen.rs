//! The final screen of an emulated terminal.

use std::num::NonZero;

/// Returns the non-empty rows of a terminal of this size after these bytes.
pub(crate) fn rows_of(bytes: impl AsRef<[u8]>, columns: u16, rows: u16) -> Vec<String> {
    let size = |number: u16| NonZero::new(number).expect("a terminal with rows and columns");
    let mut terminal = vt100::Parser::new(size(rows), size(columns), 0);
    terminal.process(bytes.as_ref());
    let rows = terminal
        .screen()
        .rows(0, columns)
        .map(|row| row.trim_end().to_owned());
    rows.filter(|row| !row.is_empty()).collect()
}
