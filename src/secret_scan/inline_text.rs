//! Text that is part of a table.
//!
//! A table of addresses of texts would have to be relocated at each start of the program, also of
//! commands that look for no secrets.

use std::fmt;

/// A text of up to `N` bytes.
#[derive(Clone, Copy)]
pub(super) struct InlineText<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> InlineText<N> {
    /// Creates it at compile time.
    ///
    /// # Panics
    ///
    /// If the text is too long.
    pub(super) const fn new(text: &str) -> Self {
        let (from, mut bytes) = (text.as_bytes(), [0; N]);
        let mut at = 0;
        while at < from.len() {
            bytes[at] = from[at];
            at += 1;
        }
        Self {
            bytes,
            length: from.len(),
        }
    }

    /// Returns the text.
    pub(super) fn as_str(&self) -> &str {
        str::from_utf8(&self.bytes[..self.length]).expect("it was made of text")
    }

    /// Returns the words of the text, which spaces separate.
    pub(super) fn words(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes[..self.length].split(|byte| *byte == b' ')
    }

    /// Returns how many bytes there are, for use at compile time.
    pub(super) const fn len(&self) -> usize {
        self.length
    }

    /// Returns a byte, for use at compile time.
    pub(super) const fn byte(&self, at: usize) -> u8 {
        self.bytes[at]
    }
}

impl<const N: usize> fmt::Debug for InlineText<N> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(formatter)
    }
}
