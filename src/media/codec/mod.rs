//! Decodes a picture, turns and scales it, and encodes it again. Bounded in memory by what
//! [`decide`](super::picture_fit::decide) lets through.

mod decode;
mod encode;
mod resize;

use image::DynamicImage;

use self::decode::decode;
use self::encode::{PictureFormat, encode};
use self::resize::resize;
use super::image::{ImageError, MAX_MEMORY, PixelSize, base64_length};
use super::picture_fit::{PictureFacts, Redrawing, turned};
use super::sniff::FileKind;

/// A decoded picture.
struct Raster {
    /// Its pixels, of 8 bits a channel.
    pixels: DynamicImage,
    /// The color profile of the pixels.
    profile: Option<Vec<u8>>,
}

/// A picture that has been encoded again.
pub(super) struct RedrawnPicture {
    pub(super) bytes: Vec<u8>,
    pub(super) kind: FileKind,
    pub(super) size: PixelSize,
}

/// Encodes a picture again in the way that was decided.
///
/// # Errors
///
/// If it cannot be decoded, or not without too much memory.
pub(super) fn redraw(
    bytes: &[u8],
    facts: &PictureFacts,
    how: &Redrawing,
) -> Result<RedrawnPicture, ImageError> {
    let (kept, fallback) = if how.is_jpeg {
        (PictureFormat::FINE_JPEG, None)
    } else {
        (PictureFormat::Png, Some(PictureFormat::FINE_JPEG))
    };
    let mut raster = decode(bytes, facts)?;
    let mut size = how.size;
    if turned(size, how.orientation) == facts.size && takes_too_much_to_turn(&raster, how) {
        size = how.smaller;
    }
    // It is scaled down first, since there is less to turn then.
    raster = resize(raster, turned(size, how.orientation))?;
    raster.pixels.apply_orientation(how.orientation);
    let mut formats = vec![kept];
    loop {
        for format in &formats {
            if let Some(bytes) = encode(&mut raster, *format) {
                let kind = format.kind();
                return Ok(RedrawnPicture { bytes, kind, size });
            }
        }
        if formats.len() > 1 {
            // Not even the coarsest format makes it small enough.
            let raw_bytes = facts.file_bytes;
            return Err(ImageError::TooManyBytes {
                raw_bytes,
                base64_bytes: base64_length(raw_bytes),
            });
        }
        let is_smaller = how.smaller != size;
        formats = if is_smaller { vec![kept] } else { Vec::new() };
        formats.extend(fallback);
        formats.extend(PictureFormat::COARSER_JPEGS);
        size = how.smaller;
        raster = resize(raster, size)?;
    }
}

/// Returns whether there is not enough memory for a second copy of the pixels. In any other
/// orientation, they are turned in place.
fn takes_too_much_to_turn(raster: &Raster, how: &Redrawing) -> bool {
    let one = PixelSize {
        width: 1,
        height: 2,
    };
    turned(one, how.orientation) != one && 2 * raster.pixels.as_bytes().len() as u64 > MAX_MEMORY
}
