//! Bytes from the keyboard that are not UTF-8. The line editor would give up the whole line for
//! one of them, so each becomes U+FFFD.

/// Repairs text that comes in pieces of any size.
#[derive(Debug, Default)]
pub(super) struct Utf8Repair {
    /// The beginning of a character.
    pending: Vec<u8>,
    has_repaired: bool,
}

impl Utf8Repair {
    /// Appends the next piece as valid UTF-8. The beginning of a character waits for its end.
    pub(super) fn repair(&mut self, typed: &[u8], valid: &mut Vec<u8>) {
        let text = [std::mem::take(&mut self.pending).as_slice(), typed].concat();
        let mut chunks = text.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            valid.extend(chunk.valid().as_bytes());
            let invalid = chunk.invalid();
            if invalid.is_empty() {
                continue;
            }
            let is_begun = std::str::from_utf8(invalid).is_err_and(|e| e.error_len().is_none());
            if is_begun && chunks.peek().is_none() {
                self.pending = invalid.to_vec();
            } else {
                valid.extend("\u{fffd}".bytes());
                self.has_repaired = true;
            }
        }
    }

    /// Returns whether anything was replaced since the last call.
    pub(super) fn take_has_repaired(&mut self) -> bool {
        std::mem::take(&mut self.has_repaired)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the text that becomes of bytes in pieces of `size`, and whether any was replaced.
    fn repaired(typed: &[u8], size: usize) -> (String, bool) {
        let (mut repair, mut valid) = (Utf8Repair::default(), Vec::new());
        for piece in typed.chunks(size) {
            repair.repair(piece, &mut valid);
        }
        let text = String::from_utf8(valid).expect("valid UTF-8");
        (text, repair.take_has_repaired())
    }

    #[test]
    fn text_is_kept_and_each_invalid_sequence_becomes_one_replacement_character() {
        for size in 1..8 {
            for (typed, expected) in [
                ("Grüße 世界 😀".as_bytes(), ("Grüße 世界 😀", false)),
                (b"x ok \xff bad", ("x ok \u{fffd} bad", true)),
                (b"caf\xe9 noir", ("caf\u{fffd} noir", true)),
                (b"\xe4\xb8z\xf0\x9f\x98", ("\u{fffd}z", true)),
            ] {
                let (text, has_repaired) = repaired(typed, size);
                assert_eq!(
                    (text.as_str(), has_repaired),
                    expected,
                    "in pieces of {size}"
                );
            }
        }
    }
}
