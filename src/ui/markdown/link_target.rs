//! The target of a link, held back until it is complete. What decides that is counted as the target
//! grows, so that a character of it is looked at once.

/// Maximum length of a target that is held back, in bytes.
const MAX_TARGET_BYTES: usize = 1000;

/// The text after `](` so far.
#[derive(Debug)]
pub(super) struct LinkTarget {
    /// The position of the bracket that opens the link's text.
    pub(super) bracket: usize,
    text: String,
    opening: usize,
    closing: usize,
    has_title: bool,
    has_escape: bool,
}

impl LinkTarget {
    /// Begins the target of a link whose text begins at this bracket.
    pub(super) fn new(bracket: usize) -> Self {
        Self {
            bracket,
            text: String::new(),
            opening: 0,
            closing: 0,
            has_title: false,
            has_escape: false,
        }
    }

    /// Returns the text so far.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Appends a character.
    pub(super) fn push_letter(&mut self, letter: char) {
        match letter {
            '(' => self.opening += 1,
            ')' => self.closing += 1,
            '"' | '\'' => self.has_title = true,
            '<' | '\\' => self.has_escape = true,
            _ => {}
        }
        self.text.push(letter);
    }

    /// Whether a `)` may complete it: without a title, escapes or angle brackets, its parentheses
    /// must be balanced. Parsing it would say so too, but takes longer.
    pub(super) fn may_be_complete(&self) -> bool {
        self.has_title || self.has_escape || self.opening == self.closing
    }

    /// Whether it cannot be a target if this character follows.
    pub(super) fn is_ruled_out_by(&self, letter: char) -> bool {
        self.text.len() > MAX_TARGET_BYTES
            || self.text.ends_with([' ', '\t'])
                && !self.text.starts_with('<')
                && !self.has_title
                && !matches!(letter, '"' | '\'' | ' ')
    }
}
