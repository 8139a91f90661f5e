//! Escape characters in a line. Pure.
//!
//! The line editor drops escape sequences from a paste, and takes ESC in a line for the beginning
//! of a colour, which has no width. So a private code point stands for ESC in it. Where that code
//! point is part of the text, another one is placed before it, so that each text comes out as it
//! was.

use std::borrow::Cow;

use crate::text::control_picture;

const ESCAPE: char = '\x1b';

/// Stands for ESC.
const STAND_IN: char = '\u{10fffc}';

/// Marks that the next character stands for itself.
const LITERAL: char = '\u{10fffd}';

/// How both code points begin in UTF-8, and their last bytes.
const PRIVATE_PREFIX: &[u8] = &[0xf4, 0x8f, 0xbf];
const PRIVATE_ENDS: &[u8] = &[0xbc, 0xbd];

/// What a terminal sends before and after a paste.
const PASTE_START: &[u8] = b"\x1b[200~";
const PASTE_END: &[u8] = b"\x1b[201~";

/// Encodes a text for the line editor.
pub(super) fn encode_line(text: &str) -> Cow<'_, str> {
    if !text.contains([ESCAPE, STAND_IN, LITERAL]) {
        return Cow::Borrowed(text);
    }
    let mut line = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match letter {
            ESCAPE => line.push(STAND_IN),
            STAND_IN | LITERAL => line.extend([LITERAL, letter]),
            letter => line.push(letter),
        }
    }
    Cow::Owned(line)
}

/// Decodes a line of the line editor.
pub(super) fn decode_line(line: &str) -> String {
    let mut letters = line.chars();
    let mut text = String::with_capacity(line.len());
    while let Some(letter) = letters.next() {
        text.push(match letter {
            STAND_IN => ESCAPE,
            LITERAL => letters.next().unwrap_or(LITERAL),
            letter => letter,
        });
    }
    text
}

/// Returns how a character of a line is drawn, in as many columns as the line editor counts.
pub(super) fn drawn_letter(letter: char) -> char {
    if letter == STAND_IN {
        control_picture(ESCAPE)
    } else {
        letter
    }
}

/// Encodes what a terminal sends, in pieces of any size. Outside of a paste, ESC begins a key.
#[derive(Debug, Default)]
pub(super) struct KeyboardEncoder {
    is_paste: bool,
    /// How many bytes of [`PASTE_START`] or, in a paste, of [`PASTE_END`] have come last. The
    /// latter are held back, since the paste may contain them.
    in_bracket: usize,
    /// How many bytes of [`PRIVATE_PREFIX`] are held back.
    in_private: usize,
}

impl KeyboardEncoder {
    /// Appends the encoded bytes of the next piece.
    pub(super) fn encode(&mut self, typed: &[u8], encoded: &mut Vec<u8>) {
        for &byte in typed {
            if self.is_paste {
                self.encode_pasted(byte, encoded);
            } else {
                self.encode_typed(byte, encoded);
            }
        }
    }

    fn encode_typed(&mut self, byte: u8, encoded: &mut Vec<u8>) {
        self.in_bracket = matched(PASTE_START, self.in_bracket, byte);
        self.encode_letter(byte, encoded);
        if self.in_bracket == PASTE_START.len() {
            (self.is_paste, self.in_bracket) = (true, 0);
        }
    }

    fn encode_pasted(&mut self, byte: u8, encoded: &mut Vec<u8>) {
        let before = self.in_bracket;
        self.in_bracket = matched(PASTE_END, before, byte);
        if self.in_bracket == PASTE_END.len() {
            (self.is_paste, self.in_bracket) = (false, 0);
            self.release_private(encoded);
            encoded.extend(PASTE_END);
        } else if self.in_bracket <= before {
            // What was held back was no end.
            if let Some((_, rest)) = PASTE_END[..before].split_first() {
                self.release_private(encoded);
                push(STAND_IN, encoded);
                encoded.extend(rest);
            }
            if self.in_bracket == 0 {
                self.encode_letter(byte, encoded);
            }
        }
    }

    /// Encodes a byte that is no ESC of a paste.
    fn encode_letter(&mut self, byte: u8, encoded: &mut Vec<u8>) {
        let before = self.in_private;
        if PRIVATE_PREFIX.get(before) == Some(&byte) {
            self.in_private += 1;
            return;
        }
        if before == PRIVATE_PREFIX.len() && PRIVATE_ENDS.contains(&byte) {
            push(LITERAL, encoded);
        }
        self.release_private(encoded);
        if PRIVATE_PREFIX.first() == Some(&byte) {
            self.in_private = 1;
        } else {
            encoded.push(byte);
        }
    }

    fn release_private(&mut self, encoded: &mut Vec<u8>) {
        encoded.extend(&PRIVATE_PREFIX[..self.in_private]);
        self.in_private = 0;
    }
}

/// Returns how many bytes of `sequence` have come after another byte. Its first one is in it once.
fn matched(sequence: &[u8], before: usize, byte: u8) -> usize {
    if sequence.get(before) == Some(&byte) {
        before + 1
    } else {
        usize::from(sequence.first() == Some(&byte))
    }
}

fn push(letter: char, encoded: &mut Vec<u8>) {
    encoded.extend(letter.encode_utf8(&mut [0; 4]).bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns what the line editor gets for what a terminal sends in pieces of `size` bytes.
    fn sent(typed: &[u8], size: usize) -> Vec<u8> {
        let (mut keyboard, mut encoded) = (KeyboardEncoder::default(), Vec::new());
        for piece in typed.chunks(size) {
            keyboard.encode(piece, &mut encoded);
        }
        encoded
    }

    fn pasted(text: &str) -> Vec<u8> {
        [PASTE_START, text.as_bytes(), PASTE_END].concat()
    }

    #[test]
    fn keys_are_passed_on_as_they_come() {
        for keys in [
            "\x1b[A",
            "\x1b",
            "\x1b\x1b[20",
            "é漢",
            "\x1b[201~",
            "\u{10ffff}",
        ] {
            assert_eq!(sent(keys.as_bytes(), 1), keys.as_bytes(), "{keys:?}");
        }
        let mut encoded = Vec::new();
        KeyboardEncoder::default().encode(b"\x1b", &mut encoded);
        assert_eq!(encoded, b"\x1b");
    }

    #[test]
    fn escape_is_a_key_again_after_a_paste() {
        let typed = [&pasted("\x1b[A\x1b"), &b"\x1b[A"[..]].concat();
        let encoded = [&pasted(&encode_line("\x1b[A\x1b")), &b"\x1b[A"[..]].concat();
        for size in 1..typed.len() {
            assert_eq!(sent(&typed, size), encoded);
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_passed_on() {
        for bytes in [
            &b"\xf4\x8fa"[..],
            b"\xf4\x8f\xf4a",
            b"\xff\xf4\x8f\xbf\x1b[201~",
        ] {
            let typed = [PASTE_START, bytes].concat();
            assert_eq!(sent(&typed, 1), typed);
        }
    }

    #[test]
    fn a_literal_at_the_end_of_a_line_stands_for_itself() {
        assert_eq!(decode_line("a\u{10fffd}"), "a\u{10fffd}");
    }

    proptest! {
        #[test]
        fn a_paste_comes_out_as_it_was(
            text in "[\x1b\\[20~1a\r\0\u{10fffb}-\u{10fffe}]{0,40}",
            size in 1_usize..9,
        ) {
            prop_assume!(!text.contains("\x1b[201~"));
            let line = encode_line(&text);
            prop_assert_eq!(sent(&pasted(&text), size), pasted(&line));
            prop_assert!(!line.contains(ESCAPE));
            prop_assert_eq!(decode_line(&line), text);
        }
    }
}
