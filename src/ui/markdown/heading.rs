//! The text of a heading without its closing `#`s, which are held back until it is known whether
//! more text follows.

use super::cell::CellStyle;
use super::inline::InlineText;
use super::row_buffer::RowBuffer;

/// The text of one heading.
#[derive(Debug)]
pub(super) struct HeadingText {
    inline: InlineText,
    /// Spaces, and `#`s after them that may close the heading.
    held: String,
    /// Whether any text has been written.
    has_text: bool,
}

impl HeadingText {
    /// Begins a heading in this style.
    pub(super) fn new(style: CellStyle) -> Self {
        Self {
            inline: InlineText::new(style),
            held: String::new(),
            has_text: false,
        }
    }

    /// Appends a character other than a line feed.
    pub(super) fn push_letter(&mut self, letter: char, buffer: &mut RowBuffer) {
        let is_space = |letter: char| matches!(letter, ' ' | '\t');
        if is_space(letter) {
            return self.held.push(letter);
        }
        let spaces = self.held.len() - self.held.trim_end_matches(is_space).len();
        if letter == '#' {
            // Only the last run of `#` closes.
            let last = self.held.split_off(self.held.len() - spaces);
            if !last.is_empty() {
                self.release_held(buffer);
                self.held = last;
            }
            if !self.held.is_empty() || !self.has_text {
                return self.held.push(letter);
            }
        }
        self.release_held(buffer);
        self.put_letter(letter, buffer);
    }

    /// Ends the heading and drops held-back closing `#`s.
    pub(super) fn end_heading(self, buffer: &mut RowBuffer) {
        self.inline.end_block(buffer);
    }

    fn release_held(&mut self, buffer: &mut RowBuffer) {
        for letter in std::mem::take(&mut self.held).chars() {
            self.put_letter(letter, buffer);
        }
    }

    fn put_letter(&mut self, letter: char, buffer: &mut RowBuffer) {
        self.has_text = true;
        self.inline.push_letter(letter, buffer);
    }
}
