//! Text for the model in other encodings: UTF-16 with a byte order mark is decoded, and invalid
//! UTF-8 is sent all the same.

use crate::media::is_utf16;

/// Converts bytes to text; the first `skipped` bytes are not from `name`. Invalid UTF-8 becomes
/// U+FFFD, with a notice.
pub(super) fn lossy(name: &str, bytes: Vec<u8>, skipped: usize) -> (String, Option<String>) {
    let bytes = decoded(bytes, skipped);
    match String::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let offset = error.utf8_error().valid_up_to() - skipped;
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            (text, Some(replaced(name, offset)))
        }
    }
}

/// Returns bytes with UTF-16 after the first `skipped` ones as UTF-8, without its byte order mark.
pub(super) fn decoded(bytes: Vec<u8>, skipped: usize) -> Vec<u8> {
    let (before, text) = bytes.split_at(skipped);
    if !is_utf16(text) {
        return bytes;
    }
    let is_little_endian = text[0] == 0xff;
    let units = text[2..].chunks(2).map(|pair| match *pair {
        [first, second] if is_little_endian => u16::from_le_bytes([first, second]),
        [first, second] => u16::from_be_bytes([first, second]),
        // Half a character at the end.
        _ => 0xfffd,
    });
    let letters = char::decode_utf16(units);
    let text: String = letters
        .map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    [before, text.as_bytes()].concat()
}

/// Returns the notice about replaced bytes, the first of them at `offset`.
pub(crate) fn replaced(name: &str, offset: usize) -> String {
    format!("{name} is not UTF-8 at byte {offset}; sending invalid bytes as U+FFFD")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf_16_is_decoded_behind_the_tag() {
        for (bytes, expected) in [
            (&b"<f>\xff\xfeh\0\xe9\0"[..], "<f>h\u{e9}"),
            (b"<f>\xfe\xff\0h\xd8\x3d\xde\x00", "<f>h\u{1f600}"),
            (b"<f>\xff\xfeh\0i", "<f>h\u{fffd}"),
            (b"<f>plain", "<f>plain"),
        ] {
            assert_eq!(lossy("f", bytes.to_vec(), 3), (expected.to_owned(), None));
        }
    }
}
