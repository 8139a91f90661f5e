//! Captures the output of a tool up to a limit: the start and the end, with a note where output was
//! dropped.

use std::collections::VecDeque;

use crate::media::detect_file_kind;
use crate::model_text::omitted_output;

/// The captured output of a tool.
#[derive(Debug)]
pub(super) struct Capture {
    limit: usize,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total: usize,
}

impl Capture {
    /// Creates a buffer that keeps `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            head: Vec::new(),
            tail: VecDeque::new(),
            total: 0,
        }
    }

    /// Appends output.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len();
        let of_head = (self.head_limit() - self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..of_head]);
        self.tail.extend(&bytes[of_head..]);
        let too_many = self
            .tail
            .len()
            .saturating_sub(self.limit - self.head_limit());
        self.tail.drain(..too_many);
    }

    /// Returns how many bytes were printed in total.
    pub(super) fn total(&self) -> usize {
        self.total
    }

    /// Returns how many bytes were dropped.
    pub(super) fn cut(&self) -> usize {
        self.total - self.head.len() - self.tail.len()
    }

    /// Returns the output from its start, as far as it was kept without a gap.
    pub(super) fn beginning(&self) -> &[u8] {
        &self.head
    }

    /// Returns whether it begins like an image.
    pub(super) fn is_image(&self) -> bool {
        detect_file_kind(&self.head).picture_type().is_some()
    }

    /// Returns the output if all of it was kept.
    pub(super) fn whole(mut self) -> Option<Vec<u8>> {
        if self.cut() > 0 {
            return None;
        }
        self.head.extend(self.tail);
        Some(self.head)
    }

    /// Returns the output as text, with a note where bytes were dropped. Invalid UTF-8 becomes
    /// U+FFFD.
    pub(super) fn text(self) -> String {
        let cut = self.cut();
        if cut == 0 {
            return String::from_utf8_lossy(&self.whole().unwrap_or_default()).into_owned();
        }
        let tail: Vec<u8> = self.tail.into();
        // The gap may begin or end inside a character.
        let is_inner = |byte: &&u8| **byte & 0b1100_0000 == 0b1000_0000;
        let tail = &tail[tail.iter().take(3).take_while(is_inner).count()..];
        let head = match str::from_utf8(&self.head) {
            Err(error) if error.error_len().is_none() => &self.head[..error.valid_up_to()],
            _ => &self.head,
        };
        let (head, tail) = (String::from_utf8_lossy(head), String::from_utf8_lossy(tail));
        head.into_owned() + &omitted_output(cut) + &tail
    }

    fn head_limit(&self) -> usize {
        self.limit.div_ceil(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(limit: usize, pieces: &[&str]) -> Capture {
        let mut capture = Capture::new(limit);
        for piece in pieces {
            capture.push(piece.as_bytes());
        }
        capture
    }

    #[test]
    fn what_fits_is_kept_whole_however_it_came() {
        for pieces in [&["abcd"][..], &["a", "bc", "d"], &["abc", "d"]] {
            assert_eq!(captured(4, pieces).whole().as_deref(), Some(&b"abcd"[..]));
            assert_eq!(captured(4, pieces).text(), "abcd");
        }
    }

    #[test]
    fn of_more_the_head_and_the_tail_are_kept_and_the_cut_is_marked() {
        let capture = captured(4, &["abc", "defg", "h"]);
        assert_eq!(
            (capture.total(), capture.cut(), capture.beginning()),
            (8, 4, &b"ab"[..])
        );
        assert_eq!(capture.text(), "ab\n[… 4 bytes omitted …]\ngh");
        assert_eq!(captured(4, &["abcde"]).whole(), None);
    }

    #[test]
    fn a_cut_within_a_character_leaves_no_half_of_it() {
        assert_eq!(
            captured(4, &["aéxxxéz"]).text(),
            "a\n[… 5 bytes omitted …]\nz"
        );
    }
}
