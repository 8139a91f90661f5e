//! The chunks of a PNG.

use super::PictureLayout;

/// The length of the signature.
const SIGNATURE_BYTES: usize = 8;

/// What a chunk has besides its data: length, type and checksum, in bytes.
const CHUNK_OVERHEAD: usize = 12;

/// The chunks that decoders may ignore, and that say how the picture looks: colors, transparency,
/// the shape of its pixels, and frames.
const APPEARANCE: [&[u8; 4]; 14] = [
    b"acTL", b"bKGD", b"cHRM", b"cICP", b"cLLI", b"fcTL", b"fdAT", b"gAMA", b"iCCP", b"mDCV",
    b"pHYs", b"sBIT", b"sRGB", b"tRNS",
];

/// Finds the last chunk, behind at least one with pixels.
pub(super) fn layout(bytes: &[u8]) -> Option<PictureLayout> {
    let mut layout = PictureLayout::default();
    let mut at = SIGNATURE_BYTES;
    let mut has_pixels = false;
    loop {
        let length = u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?);
        let kind: &[u8; 4] = bytes.get(at + 4..)?.first_chunk()?;
        if kind == b"IEND" {
            let end = bytes.len().min(at + CHUNK_OVERHEAD);
            return has_pixels.then(|| layout.end_at(bytes, end));
        }
        has_pixels |= kind == b"IDAT";
        layout.has_more_frames |= kind == b"acTL";
        let end = at
            .checked_add(usize::try_from(length).ok()?)?
            .checked_add(CHUNK_OVERHEAD)?;
        if end > bytes.len() {
            return None;
        }
        if kind == b"eXIf" {
            layout.add_exif(bytes, at + 8..end - 4);
        }
        // Decoders may not ignore a type with a capital first.
        let is_critical = kind[0].is_ascii_uppercase();
        if !is_critical && !APPEARANCE.contains(&kind) {
            layout.metadata.push(at..end);
        }
        at = end;
    }
}
