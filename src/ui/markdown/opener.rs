//! Signs that have opened emphasis.

use super::cell::{BOLD, Cell, ITALIC, STRIKE, Style};

/// A run of signs that opened emphasis, and that nothing has closed yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opener {
    /// The sign.
    pub(super) sign: char,
    /// How many of them.
    pub(super) length: usize,
    /// Where the block's content goes on behind it.
    pub(super) position: usize,
    /// What the text around it looks like.
    pub(super) around: Style,
    /// Whether it is on the screen, since its row was finished before it was closed.
    pub(super) is_shown: bool,
}

impl Opener {
    /// What its text looks like.
    pub(super) fn bits(&self) -> u8 {
        match (self.sign, self.length) {
            ('~', _) => STRIKE,
            (_, 1) => ITALIC,
            (_, 2) => BOLD,
            _ => BOLD | ITALIC,
        }
    }

    /// Itself, as it was written.
    pub(super) fn signs(&self) -> impl Iterator<Item = Cell> + use<> {
        std::iter::repeat_n(Cell::new(self.sign, self.around), self.length)
    }
}
