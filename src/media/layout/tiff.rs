//! The first directory of a TIFF, which describes its first page.

use super::PictureLayout;

/// The length of an entry of a directory.
const ENTRY_BYTES: usize = 12;

/// Finds whether there are more pages. Whether the file is complete only decoding shows. EXIF data
/// is a TIFF without pixels, so the directory has the orientation in the same way.
pub(super) fn layout(bytes: &[u8]) -> PictureLayout {
    PictureLayout {
        exif: Some(0..bytes.len()),
        has_more_frames: next_directory(bytes).is_some_and(|offset| offset > 0),
        ..PictureLayout::default()
    }
}

/// Returns the place of the second directory; 0 if there is none.
fn next_directory(bytes: &[u8]) -> Option<u32> {
    let is_little = bytes.starts_with(b"II");
    let long = |at: usize| {
        let long = *bytes.get(at..)?.first_chunk()?;
        Some(if is_little {
            u32::from_le_bytes(long)
        } else {
            u32::from_be_bytes(long)
        })
    };
    let first = usize::try_from(long(4)?).ok()?;
    let count = *bytes.get(first..)?.first_chunk()?;
    let entries = if is_little {
        u16::from_le_bytes(count)
    } else {
        u16::from_be_bytes(count)
    };
    long(first.checked_add(2 + usize::from(entries) * ENTRY_BYTES)?)
}
