//! Text for the model in other encodings: byte order marks are removed, UTF-16 with one is decoded,
//! and what is invalid is sent all the same.

use crate::media::is_utf16;

/// The byte order mark of UTF-8, which some editors write.
const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// Converts bytes to text; the first `skipped` bytes are not from `name`. What is invalid becomes
/// U+FFFD, with a notice.
pub(super) fn lossy(name: &str, bytes: Vec<u8>, skipped: usize) -> (String, Option<String>) {
    let length = bytes.len();
    let (bytes, invalid_unit) = decoded(bytes, skipped);
    let removed = length.saturating_sub(bytes.len());
    match String::from_utf8(bytes) {
        Ok(text) => (
            text,
            invalid_unit.map(|offset| replaced_units(name, offset)),
        ),
        Err(error) => {
            let offset = error.utf8_error().valid_up_to() - skipped + removed;
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            (text, Some(replaced(name, offset)))
        }
    }
}

/// Returns bytes without the byte order mark after the first `skipped` ones, and with UTF-16 there
/// as UTF-8; and where that UTF-16 is invalid, in bytes behind the skipped ones.
pub(super) fn decoded(mut bytes: Vec<u8>, skipped: usize) -> (Vec<u8>, Option<usize>) {
    let (before, text) = bytes.split_at(skipped);
    if !is_utf16(text) {
        if text.starts_with(UTF8_MARK) {
            bytes.drain(skipped..skipped + UTF8_MARK.len());
        }
        return (bytes, None);
    }
    let is_little_endian = text[0] == 0xff;
    let units = text[2..].chunks(2).map(|pair| match *pair {
        [first, second] if is_little_endian => u16::from_le_bytes([first, second]),
        [first, second] => u16::from_be_bytes([first, second]),
        // Half a character at the end, as invalid as half a pair.
        _ => 0xdfff,
    });
    let (mut decoded, mut offset, mut invalid) = (before.to_vec(), 2, None);
    for letter in char::decode_utf16(units) {
        let units = letter.as_ref().map_or(1, |letter| letter.len_utf16());
        let letter = letter.unwrap_or_else(|_| {
            invalid.get_or_insert(offset);
            char::REPLACEMENT_CHARACTER
        });
        decoded.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        offset += 2 * units;
    }
    (decoded, invalid)
}

/// Returns the notice about replaced units of UTF-16, the first of them at `offset`.
pub(super) fn replaced_units(name: &str, offset: usize) -> String {
    format!("{name} is not UTF-16 at byte {offset}; sending invalid bytes as U+FFFD")
}

/// Returns the notice about replaced bytes, the first of them at `offset`.
pub(crate) fn replaced(name: &str, offset: usize) -> String {
    format!("{name} is not UTF-8 at byte {offset}; sending invalid bytes as U+FFFD")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf_16_is_decoded_behind_the_tag_and_byte_order_marks_are_removed() {
        for (bytes, expected, notice) in [
            (&b"<f>\xff\xfeh\0\xe9\0"[..], "<f>h\u{e9}", ""),
            (b"<f>\xfe\xff\0h\xd8\x3d\xde\x00", "<f>h\u{1f600}", ""),
            (b"<f>\xff\xfeh\0i", "<f>h\u{fffd}", "UTF-16 at byte 4;"),
            (
                b"<f>\xff\xfeh\0\0\xd8x\0",
                "<f>h\u{fffd}x",
                "UTF-16 at byte 4;",
            ),
            (b"<f>plain", "<f>plain", ""),
            (b"<f>\xef\xbb\xbfplain", "<f>plain", ""),
            (b"<f>\xef\xbb\xbfa\xff", "<f>a\u{fffd}", "UTF-8 at byte 4;"),
            (b"<f>a\xff", "<f>a\u{fffd}", "UTF-8 at byte 1;"),
        ] {
            let (text, told) = lossy("f", bytes.to_vec(), 3);
            assert_eq!(text, expected);
            assert_eq!(told.is_some(), !notice.is_empty(), "{told:?}");
            assert!(told.unwrap_or_default().contains(notice), "{text}");
        }
    }
}
