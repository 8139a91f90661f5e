//! The chunks of a WebP.

use super::PictureLayout;

/// The length of the header: `RIFF`, a length, and `WEBP`.
const HEADER_BYTES: usize = 12;

/// What the length in the header does not count.
const UNCOUNTED_BYTES: usize = 8;

/// What a chunk has before its data: type and length, in bytes.
const CHUNK_OVERHEAD: usize = 8;

/// The chunks of the picture itself: its header, color profile, frames, transparency and pixels.
const APPEARANCE: [&[u8; 4]; 7] = [
    b"ALPH", b"ANIM", b"ANMF", b"ICCP", b"VP8 ", b"VP8L", b"VP8X",
];

/// The place of the flags of an extended header, which is the first chunk.
const FLAGS: usize = HEADER_BYTES + CHUNK_OVERHEAD;

/// The flags for EXIF and XMP data.
const METADATA_FLAGS: u8 = 0x08 | 0x04;

/// The bytes that a decoder needs for each 100 pixels besides those that it returns: 4 for each, in
/// a picture without loss; otherwise a little over half of that.
const DECODER_BYTES: u64 = 400;

/// Finds the chunks up to the length in the header.
pub(super) fn layout(bytes: &[u8]) -> Option<PictureLayout> {
    let mut layout = PictureLayout {
        decoder_bytes: DECODER_BYTES,
        ..PictureLayout::default()
    };
    let length = u32::from_le_bytes(*bytes.get(4..)?.first_chunk()?);
    let end = usize::try_from(length).ok()?.checked_add(UNCOUNTED_BYTES)?;
    let picture = bytes.get(..end)?;
    let mut at = HEADER_BYTES;
    let mut has_chunk = false;
    while let Some(kind) = picture.get(at..).and_then(<[u8]>::first_chunk::<4>) {
        let length = u32::from_le_bytes(*picture.get(at + 4..)?.first_chunk()?);
        let start = at + CHUNK_OVERHEAD;
        let data = start..start.checked_add(usize::try_from(length).ok()?)?;
        if data.end > end {
            return None;
        }
        // A chunk of odd length is padded; the last one may lack that.
        let next = end.min(data.end + data.len() % 2);
        layout.has_more_frames |= kind == b"ANIM";
        if kind == b"EXIF" {
            layout.add_exif(picture, data);
        }
        if !APPEARANCE.contains(&kind) {
            layout.metadata.push(at..next);
        }
        has_chunk = true;
        at = next;
    }
    has_chunk.then(|| layout.end_at(bytes, end))
}

/// Puts the length of a file into its header, which no longer announces metadata.
pub(super) fn correct_header(bytes: &mut [u8]) {
    if let Ok(length) = u32::try_from(bytes.len() - UNCOUNTED_BYTES) {
        bytes[4..8].copy_from_slice(&length.to_le_bytes());
    }
    if bytes
        .get(HEADER_BYTES..)
        .is_some_and(|chunk| chunk.starts_with(b"VP8X"))
        && let Some(flags) = bytes.get_mut(FLAGS)
    {
        *flags &= !METADATA_FLAGS;
    }
}
