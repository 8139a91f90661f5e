//! Whether an image file is complete, judging by its structure.
//!
//! The real endpoint decodes every image and refuses a truncated one. The pixels themselves are not
//! decoded here.

use crate::media::FileKind;

/// The length of a PNG's signature.
const PNG_SIGNATURE_BYTES: usize = 8;

/// The length of a PNG chunk without its data: length, type and checksum.
const PNG_CHUNK_BYTES: usize = 12;

/// Returns whether a file of this type ends where its format requires.
pub(super) fn is_whole_picture(kind: FileKind, bytes: &[u8]) -> bool {
    match kind.media_type() {
        Some("image/png") => is_whole_png(bytes),
        Some("image/jpeg") => is_whole_jpeg(bytes),
        Some("image/gif") => bytes.trim_ascii_end().ends_with(b";"),
        Some("image/webp") => is_whole_webp(bytes),
        _ => false,
    }
}

/// A PNG is a series of chunks, at least one with image data, up to `IEND`.
fn is_whole_png(bytes: &[u8]) -> bool {
    let mut rest = bytes.get(PNG_SIGNATURE_BYTES..).unwrap_or_default();
    let mut has_data = false;
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        match after.get(..4) {
            Some(b"IEND") => return has_data,
            Some(b"IDAT") => has_data = true,
            _ => {}
        }
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        rest = rest
            .get(length.saturating_add(PNG_CHUNK_BYTES)..)
            .unwrap_or_default();
    }
    false
}

/// The scan of a JPEG is followed by an end marker; some programs append data after that.
fn is_whole_jpeg(bytes: &[u8]) -> bool {
    let scan = memchr::memmem::find(bytes, b"\xff\xda");
    let end = memchr::memmem::rfind(bytes, b"\xff\xd9");
    scan.zip(end).is_some_and(|(scan, end)| scan < end)
}

/// A WebP file declares its length in its header.
fn is_whole_webp(bytes: &[u8]) -> bool {
    let length = bytes.get(4..8).and_then(|length| length.try_into().ok());
    let length = length.map(u32::from_le_bytes).map(usize::try_from);
    matches!(length, Some(Ok(length)) if length > 4 && bytes.len() >= length.saturating_add(8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::detect_file_kind;

    /// Returns a PNG of these dimensions with all of its chunks.
    fn png() -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        bytes.extend([0, 0, 0, 1, 0, 0, 0, 1, 8, 6, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend(b"\0\0\0\x02IDAT\x01\x02\0\0\0\0\0\0\0\0IEND\0\0\0\0");
        bytes
    }

    #[test]
    fn a_picture_that_ends_early_is_not_whole() {
        let png = png();
        let gif = b"GIF89a\x01\0\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x01L\0;".to_vec();
        let jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xda\0\x02data\xff\xd9".to_vec();
        let webp = b"RIFF\x0c\0\0\0WEBPVP8 data".to_vec();
        for whole in [png, gif, jpeg, webp] {
            let kind = detect_file_kind(&whole);
            assert!(is_whole_picture(kind, &whole), "{kind:?}");
            let cut = &whole[..whole.len() - 8];
            assert!(!is_whole_picture(kind, cut), "{kind:?}");
        }
    }
}
