//! The text of a heading, without the signs that may close it: those are at its end, and so wait
//! for what follows.

use super::cell::Style;
use super::inline::Inline;
use super::page::Page;

/// The text of one heading.
#[derive(Debug)]
pub(super) struct Heading {
    inline: Inline,
    /// Spaces, and what may be the closing signs behind them.
    held: String,
    /// Whether any letter is through.
    has_text: bool,
}

impl Heading {
    /// Begins a heading that looks like this.
    pub(super) fn new(style: Style) -> Self {
        Self {
            inline: Inline::new(style),
            held: String::new(),
            has_text: false,
        }
    }

    /// Takes a letter; not a line feed.
    pub(super) fn letter(&mut self, letter: char, page: &mut Page) {
        let is_space = |letter: char| matches!(letter, ' ' | '\t');
        if is_space(letter) {
            return self.held.push(letter);
        }
        let spaces = self.held.len() - self.held.trim_end_matches(is_space).len();
        if letter == '#' {
            // Only the last of several runs closes.
            let last = self.held.split_off(self.held.len() - spaces);
            if !last.is_empty() {
                self.let_go(page);
                self.held = last;
            }
            if !self.held.is_empty() || !self.has_text {
                return self.held.push(letter);
            }
        }
        self.let_go(page);
        self.put(letter, page);
    }

    /// Ends the heading; what is held has closed it.
    pub(super) fn end(self, page: &mut Page) {
        self.inline.end(page);
    }

    fn let_go(&mut self, page: &mut Page) {
        for letter in std::mem::take(&mut self.held).chars() {
            self.put(letter, page);
        }
    }

    fn put(&mut self, letter: char, page: &mut Page) {
        self.has_text = true;
        self.inline.letter(letter, page);
    }
}
