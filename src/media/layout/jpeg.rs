//! The segments of a JPEG.

use super::{EXIF_PREFIX, PictureLayout};

/// The bytes that a decoder holds of each coefficient of a progressive JPEG, all of them at once.
const COEFFICIENT_BYTES: u64 = 2;

/// Finds the end marker behind the compressed pixels.
pub(super) fn layout(bytes: &[u8]) -> Option<PictureLayout> {
    let mut layout = PictureLayout::default();
    let mut has_pixels = false;
    let mut at = 2;
    loop {
        // Compressed pixels are skipped too: in them, a 0xff is followed by 0, or by the number of
        // a restart.
        at += memchr::memchr(0xff, bytes.get(at..)?)?;
        let marker = *bytes.get(at + 1)?;
        match marker {
            0xff => at += 1,
            0xd9 if has_pixels => return Some(layout.end_at(bytes, at + 2)),
            0x00 | 0x01 | 0xd0..=0xd9 => at += 2,
            _ => {
                let length = u16::from_be_bytes(*bytes.get(at + 2..)?.first_chunk()?);
                let end = at + 2 + usize::from(length);
                let data = bytes.get(at + 4..end)?;
                has_pixels |= marker == 0xda;
                match marker {
                    0xe1 if data.starts_with(EXIF_PREFIX) => layout.add_exif(bytes, at + 4..end),
                    0xc2 | 0xc6 | 0xca | 0xce => layout.decoder_bytes = coefficients(data),
                    _ => {}
                }
                if !belongs_to_picture(marker, data) {
                    layout.metadata.push(at..end);
                }
                at = end;
            }
        }
    }
}

/// Returns whether a segment is needed to show the picture: all but comments and what programs
/// define, and of these the JFIF header, the color profile, and Adobe's color transform.
fn belongs_to_picture(marker: u8, data: &[u8]) -> bool {
    match marker {
        0xe0 => data.starts_with(b"JFIF\0"),
        0xe2 => data.starts_with(b"ICC_PROFILE\0"),
        0xee => data.starts_with(b"Adobe"),
        0xe1..=0xef | 0xfe => false,
        _ => true,
    }
}

/// Returns the bytes of the coefficients for each 100 pixels, from the header of a progressive
/// frame: the first component usually has more samples than the others.
fn coefficients(frame: &[u8]) -> u64 {
    let components = frame.get(6..).unwrap_or_default().chunks_exact(3);
    let samples = components.map(|component| {
        let factors = component[1];
        u64::from(factors >> 4) * u64::from(factors & 15)
    });
    let (all, most) = samples.fold((0, 1), |(all, most), one| (all + one, most.max(one)));
    100 * COEFFICIENT_BYTES * all / most
}
