//! Replaces secrets by numbers, so that a model can still tell one from another.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::fingerprint::Fingerprint;
use super::scan::FoundSecret;

/// What comes before a number.
const LABEL: &[u8] = b"[SECRET ";

/// The numbers of the secrets that a run has replaced: the same secret always has the same one. It
/// holds fingerprints only.
#[derive(Debug, Default)]
pub(crate) struct SecretNumbers(Mutex<Numbered>);

/// The secrets that have a number.
#[derive(Debug, Clone, Default)]
struct Numbered {
    known: Vec<(Fingerprint, usize)>,
    /// The highest number that is taken.
    last: usize,
}

impl Clone for SecretNumbers {
    fn clone(&self) -> Self {
        Self(Mutex::new(self.lock().clone()))
    }
}

impl SecretNumbers {
    /// Returns no numbers yet.
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Numbered {
            known: Vec::new(),
            last: 0,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Numbered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the highest number that is taken.
    pub(crate) fn last(&self) -> usize {
        self.lock().last
    }

    /// Continues a conversation in which an earlier run has taken the numbers up to this one. It
    /// is not known for which secrets, so each gets a new one.
    pub(crate) fn continue_after(&self, highest: usize) {
        let mut numbered = self.lock();
        if highest > 0 {
            numbered.known.clear();
            numbered.last = numbered.last.max(highest);
        }
    }

    /// Returns the number of a secret, counted from 1.
    fn number_of(&self, secret: &[u8]) -> usize {
        let fingerprint = Fingerprint::from_secret(secret);
        let mut numbered = self.lock();
        let mut known = numbered.known.iter();
        if let Some((_, number)) = known.find(|(known, _)| *known == fingerprint) {
            return *number;
        }
        numbered.last += 1;
        let number = numbered.last;
        numbered.known.push((fingerprint, number));
        number
    }
}

/// Returns the highest number that stands for a secret in a text; 0 if there is none.
pub(crate) fn highest_number(text: &[u8]) -> usize {
    let numbers = memchr::memmem::find_iter(text, LABEL).filter_map(|place| {
        let rest = &text[place + LABEL.len()..];
        let end = rest.iter().position(|byte| *byte == b']')?;
        // What has more digits was not written here.
        let digits = rest.get(..end).filter(|digits| digits.len() < 10)?;
        str::from_utf8(digits).ok()?.parse().ok()
    });
    numbers.max().unwrap_or(0)
}

/// Returns a text with each of its secrets, which are in their order, replaced by `[SECRET n]`.
pub(crate) fn mask(text: &[u8], found: &[FoundSecret], numbers: &SecretNumbers) -> Vec<u8> {
    let mut masked = Vec::with_capacity(text.len());
    let mut end = 0;
    for FoundSecret { range, .. } in found {
        let number = numbers.number_of(&text[range.clone()]);
        masked.extend_from_slice(&text[end..range.start]);
        masked.extend_from_slice(format!("[SECRET {number}]").as_bytes());
        end = range.end;
    }
    masked.extend_from_slice(&text[end..]);
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_number_of_a_text_is_found() {
        for (text, expected) in [
            ("", 0),
            ("a [SECRET 2] and [SECRET 12], [SECRET 3]", 12),
            ("[SECRET ] [SECRET x] [SECRET 4", 0),
            ("[SECRET 99999999999999999999]", 0),
        ] {
            assert_eq!(highest_number(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn a_continued_conversation_takes_the_next_numbers() {
        let numbers = SecretNumbers::new();
        numbers.continue_after(0);
        assert_eq!((numbers.number_of(b"a"), numbers.number_of(b"b")), (1, 2));
        assert_eq!(numbers.number_of(b"a"), 1);
        numbers.continue_after(7);
        assert_eq!((numbers.number_of(b"b"), numbers.number_of(b"b")), (8, 8));
        assert_eq!(numbers.last(), 8);
    }
}
