//! What a row of the screen is made of: letters with their width and their look.

use unicode_width::UnicodeWidthChar;

/// What a letter stands for, which a palette has a colour for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Ink {
    /// Text.
    #[default]
    Text,
    /// A heading.
    Heading,
    /// Code within text.
    Code,
    /// The text of a link.
    Link,
    /// Signs that are no text: bullets, bars, fences.
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

/// How a letter looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Style {
    /// The attributes, a bit each.
    pub(super) bits: u8,
    /// What it stands for.
    pub(super) ink: Ink,
}

/// The attributes that a letter may have.
pub(super) const BOLD: u8 = 1;
/// Slanted.
pub(super) const ITALIC: u8 = 2;
/// Underlined.
pub(super) const UNDERLINE: u8 = 4;
/// Struck through.
pub(super) const STRIKE: u8 = 8;

impl Style {
    /// Plain text in this ink.
    pub(super) const fn of(ink: Ink) -> Self {
        Self { bits: 0, ink }
    }
}

/// A letter, or a mark that combines with the letter before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    /// The letter.
    pub(super) letter: char,
    /// Columns that it takes.
    pub(super) width: u8,
    /// How it looks.
    pub(super) style: Style,
    /// The link that it belongs to, by its number from 1 on.
    pub(super) link: u16,
}

impl Cell {
    /// A letter that looks like this.
    pub(super) fn new(letter: char, style: Style) -> Self {
        Self {
            letter,
            width: width_of(letter),
            style,
            link: 0,
        }
    }
}

/// Letters that look like this.
pub(super) fn cells(text: &str, style: Style) -> Vec<Cell> {
    each_cell(text, style).collect()
}

/// The same one by one. A tab is a space: how far it went would depend on where the row begins.
pub(super) fn each_cell(text: &str, style: Style) -> impl Iterator<Item = Cell> {
    text.chars()
        .map(move |letter| Cell::new(if letter == '\t' { ' ' } else { letter }, style))
}

/// The columns of these letters.
pub(super) fn width(cells: &[Cell]) -> usize {
    cells.iter().map(|cell| usize::from(cell.width)).sum()
}

/// The columns that a letter takes, at most: a selector that turns a letter into a picture is
/// counted as one more.
fn width_of(letter: char) -> u8 {
    match letter {
        ' '..='~' => 1,
        '\u{fe0f}' => 1,
        _ => UnicodeWidthChar::width(letter).map_or(0, |width| u8::try_from(width).unwrap_or(2)),
    }
}

/// Whether all terminals agree on the width of a letter.
pub(super) fn is_certain(letter: char) -> bool {
    matches!(letter, ' '..='~' | '\u{c0}'..='\u{2ff}' | '\u{370}'..='\u{482}' | '\u{3041}'..='\u{3096}'
        | '\u{30a1}'..='\u{30fa}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}')
}
