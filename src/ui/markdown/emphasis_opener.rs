//! Opening delimiters of emphasis.

use super::cell::{BOLD, CellStyle, ITALIC, STRIKE, ScreenCell};

/// A delimiter run that opened emphasis and is not closed yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct EmphasisOpener {
    /// The delimiter character.
    pub(super) sign: char,
    /// The length of the run.
    pub(super) length: usize,
    /// The position in the block's content after it.
    pub(super) position: usize,
    /// The style of the text around it.
    pub(super) around: CellStyle,
    /// Whether it is on the screen because its row was finished before it was closed.
    pub(super) is_shown: bool,
}

impl EmphasisOpener {
    /// Returns the attributes of the emphasized text.
    pub(super) fn style_bits(&self) -> u8 {
        match (self.sign, self.length) {
            ('~', _) => STRIKE,
            (_, 1) => ITALIC,
            (_, 2) => BOLD,
            _ => BOLD | ITALIC,
        }
    }

    /// Returns the delimiters as cells.
    pub(super) fn sign_cells(&self) -> impl Iterator<Item = ScreenCell> + use<> {
        std::iter::repeat_n(ScreenCell::new(self.sign, self.around), self.length)
    }
}
