//! The cells of a row of the screen: characters with their width and style.

use unicode_width::UnicodeWidthChar;

/// The role of a character, which a theme maps to a colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum CellColor {
    /// Text.
    #[default]
    Text,
    /// A heading.
    Heading,
    /// Code within text.
    Code,
    /// The text of a link.
    Link,
    /// Markup: bullets, bars, fences.
    Mark,
    /// In code: a comment.
    Comment,
    /// In code: a string.
    Quoted,
    /// In code: a number or another constant.
    Constant,
    /// In code: a keyword.
    Keyword,
    /// In code: the name of a function.
    Function,
    /// In code: the name of a type, a tag or an attribute.
    Type,
}

/// The style of a character.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct CellStyle {
    /// Attributes, as bits.
    pub(super) bits: u8,
    /// Its role.
    pub(super) color: CellColor,
}

/// Bold.
pub(super) const BOLD: u8 = 1;
/// Italic.
pub(super) const ITALIC: u8 = 2;
/// Underlined.
pub(super) const UNDERLINE: u8 = 4;
/// Struck through.
pub(super) const STRIKE: u8 = 8;

impl CellStyle {
    /// Creates a style without attributes.
    pub(super) const fn from_color(color: CellColor) -> Self {
        Self { bits: 0, color }
    }
}

/// A character, or a mark that combines with the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ScreenCell {
    /// The character.
    pub(super) letter: char,
    /// Width in columns.
    pub(super) width: u8,
    /// Its style.
    pub(super) style: CellStyle,
    /// The number of the link it belongs to, from 1; 0 for none.
    pub(super) link: u16,
}

impl ScreenCell {
    /// Creates a cell.
    pub(super) fn new(letter: char, style: CellStyle) -> Self {
        Self {
            letter,
            width: letter_width(letter),
            style,
            link: 0,
        }
    }
}

/// Returns the cells of a text.
pub(super) fn cells_from_text(text: &str, style: CellStyle) -> Vec<ScreenCell> {
    each_cell(text, style).collect()
}

/// Iterates over the cells of a text. A tab becomes a space, since its width would depend on where
/// the row begins.
pub(super) fn each_cell(text: &str, style: CellStyle) -> impl Iterator<Item = ScreenCell> {
    text.chars()
        .map(move |letter| ScreenCell::new(if letter == '\t' { ' ' } else { letter }, style))
}

/// Returns the total width of cells in columns.
pub(super) fn cells_width(cells: &[ScreenCell]) -> usize {
    cells.iter().map(|cell| usize::from(cell.width)).sum()
}

/// Returns the maximum width of a character in columns: an emoji variation selector counts as one
/// more.
fn letter_width(letter: char) -> u8 {
    match letter {
        ' '..='~' => 1,
        '\u{fe0f}' => 1,
        _ => UnicodeWidthChar::width(letter).map_or(0, |width| u8::try_from(width).unwrap_or(2)),
    }
}

/// Whether all terminals agree on the width of a character.
pub(super) fn has_certain_width(letter: char) -> bool {
    matches!(letter, ' '..='~' | '\u{c0}'..='\u{2ff}' | '\u{370}'..='\u{482}'
        | '\u{3041}'..='\u{3096}'
        | '\u{30a1}'..='\u{30fa}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}')
}
