//! Whether the file of a picture is complete, as far as its structure shows.
//!
//! The endpoint decodes every picture and refuses one that ends early ("Could not process image"),
//! with each later request of the conversation too. The size in pixels is at the beginning of a
//! file, so it does not show this; the structure does, and the pixels need not be decoded for it.

use super::sniff::FileKind;

/// What a chunk of a PNG has beside its data: length, type and checksum, in bytes.
const PNG_CHUNK_OVERHEAD: usize = 12;

/// Returns whether a picture of this kind reaches the end that its format prescribes.
pub(super) fn is_complete_picture(kind: FileKind, bytes: &[u8]) -> bool {
    let is_complete = match kind {
        FileKind::Png => png_end(bytes),
        FileKind::Jpeg => jpeg_end(bytes),
        FileKind::Gif => gif_end(bytes),
        FileKind::Webp => webp_end(bytes),
        FileKind::OtherImage(_) | FileKind::Pdf | FileKind::Text | FileKind::Binary => None,
    };
    is_complete.is_some()
}

/// Finds the last chunk of a PNG, behind at least one with pixels.
fn png_end(bytes: &[u8]) -> Option<()> {
    let mut at = 8;
    let mut has_pixels = false;
    loop {
        let length = u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?);
        let kind = bytes.get(at + 4..at + 8)?;
        has_pixels |= kind == b"IDAT";
        if kind == b"IEND" {
            return has_pixels.then_some(());
        }
        at = at
            .checked_add(usize::try_from(length).ok()?)?
            .checked_add(PNG_CHUNK_OVERHEAD)?;
    }
}

/// Finds the end marker behind the compressed pixels of a JPEG; programs append data of their own.
fn jpeg_end(bytes: &[u8]) -> Option<()> {
    let scan = memchr::memmem::find(bytes, b"\xff\xda")?;
    memchr::memmem::find(&bytes[scan + 2..], b"\xff\xd9").map(drop)
}

/// Finds the trailer behind the blocks of a GIF.
fn gif_end(bytes: &[u8]) -> Option<()> {
    let color_table = |flags: u8| {
        if flags & 0x80 == 0 {
            0
        } else {
            3 << ((flags & 7) + 1)
        }
    };
    let mut at = 13 + color_table(*bytes.get(10)?);
    loop {
        match bytes.get(at)? {
            b';' => return Some(()),
            b'!' => at = after_sub_blocks(bytes, at + 2)?,
            b',' => {
                // The descriptor, a color table, and the size of the codes.
                let pixels = at + 10 + color_table(*bytes.get(at + 9)?) + 1;
                at = after_sub_blocks(bytes, pixels)?;
            }
            _ => return None,
        }
    }
}

/// Returns the place behind a series of GIF sub-blocks, which an empty one ends.
fn after_sub_blocks(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let length = usize::from(*bytes.get(at)?);
        at += 1 + length;
        if length == 0 {
            return Some(at);
        }
    }
}

/// Compares the length of a WebP with the one in its header.
fn webp_end(bytes: &[u8]) -> Option<()> {
    let length = u32::from_le_bytes(*bytes.get(4..)?.first_chunk()?);
    let length = usize::try_from(length).ok()?;
    (length > 4 && bytes.len() >= length.checked_add(8)?).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::detect_file_kind;

    fn png() -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        bytes.extend([0, 0, 0, 1, 0, 0, 0, 1, 8, 6, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend(b"\0\0\0\x02IDAT\x01\x02\0\0\0\0\0\0\0\0IEND\0\0\0\0");
        bytes
    }

    #[test]
    fn a_picture_that_ends_early_is_not_complete() {
        let gif = b"GIF89a\x01\0\x01\0\x80\0\0......,\0\0\0\0\x01\0\x01\0\0\x02\x02L\x01\0;";
        let jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xda\0\x02data\xff\xd9";
        let webp = b"RIFF\x0c\0\0\0WEBPVP8 data";
        for whole in [png(), gif.to_vec(), jpeg.to_vec(), webp.to_vec()] {
            let kind = detect_file_kind(&whole);
            assert!(is_complete_picture(kind, &whole), "{kind:?}");
            let appended = [&whole[..], b"more"].concat();
            assert!(is_complete_picture(kind, &appended), "{kind:?}");
            for end in 0..whole.len() - 4 {
                assert!(!is_complete_picture(kind, &whole[..end]), "{kind:?} {end}");
            }
        }
    }

    #[test]
    fn lengths_beyond_the_file_are_not_followed() {
        let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
        bytes.extend(b"\xff\xff\xff\xffIDAT\0\0\0\0");
        assert!(!is_complete_picture(FileKind::Png, &bytes));
        assert!(!is_complete_picture(FileKind::Gif, b"GIF89a!!!!!!!!!!!!!!"));
    }
}
