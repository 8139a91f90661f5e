//! Image limits, checked before anything is sent.
//!
//! These are the limits of the strictest platform behind the endpoint (Bedrock): 5 MB of base64 and
//! 8000 pixels per side. Source: Anthropic's vision page, `build-with-claude/vision`; unverified
//! against Langdock.

use super::layout::PictureLayout;
use super::sniff::{FileKind, detect_file_kind};
use crate::text::{counted, grouped};

/// Maximum length of one image's base64 text in bytes: 5 MiB, the number in the API's own error
/// message.
pub(crate) const MAX_BASE64_BYTES: usize = 5 * 1024 * 1024;

/// Maximum length of a side, in pixels.
pub(crate) const MAX_SIDE: usize = 8000;

/// Maximum length of a side in a request with many images, in pixels.
pub(crate) const MAX_SIDE_OF_MANY: usize = 2000;

/// Maximum number of pixels of an image that is decoded. None of the decoders scales an image down
/// while it decodes it, so that all of its pixels are in memory first.
pub(super) const MAX_CHANGED_PIXELS: u64 = 50_000_000;

/// Maximum number of bytes that decoding an image takes.
pub(super) const MAX_MEMORY: u64 = 360_000_000;

/// The size of an image in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PixelSize {
    /// Pixels across.
    pub(crate) width: usize,
    /// Pixels down.
    pub(crate) height: usize,
}

impl PixelSize {
    /// Checks the limit of a request with more than 20 images.
    pub(crate) fn check_as_one_of_many(self) -> Result<(), ImageError> {
        if self.longest_side() <= MAX_SIDE_OF_MANY {
            Ok(())
        } else {
            Err(ImageError::TooManyPixelsOfMany(self))
        }
    }

    /// Returns the longer side.
    pub(super) fn longest_side(self) -> usize {
        self.width.max(self.height)
    }

    /// Returns how many pixels there are.
    pub(super) fn pixels(self) -> u64 {
        (self.width as u64).saturating_mul(self.height as u64)
    }
}

impl std::fmt::Display for PixelSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (width, height) = (grouped(self.width), grouped(self.height));
        write!(f, "{width} × {height} pixels")
    }
}

/// Why an image cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ImageError {
    /// The base64 text would be longer than the endpoint accepts.
    #[error(
        "{} are {} as base64, over the limit of {} (5 MB)",
        counted(*raw_bytes, "byte"),
        counted(*base64_bytes, "byte"),
        counted(MAX_BASE64_BYTES, "byte")
    )]
    TooManyBytes {
        /// The size of the file in bytes.
        raw_bytes: usize,
        /// The size that would be sent, in bytes.
        base64_bytes: usize,
    },
    /// A side exceeds the limit.
    #[error("{} are over the limit of {} a side", .0, counted(MAX_SIDE, "pixel"))]
    TooManyPixels(PixelSize),
    /// A side exceeds the limit of a request with many images.
    #[error(
        "{} are over the limit of {} a side in a request with more than 20 images",
        .0,
        counted(MAX_SIDE_OF_MANY, "pixel")
    )]
    TooManyPixelsOfMany(PixelSize),
    /// There are more pixels than can be scaled down or turned.
    #[error(
        "{} are over the limit of {} megapixels for an image that langdock has to rotate, convert or scale",
        .0,
        MAX_CHANGED_PIXELS / 1_000_000
    )]
    TooManyPixelsToChange(PixelSize),
    /// Decoding it would take more memory than it may.
    #[error(
        "converting the image ({}) would take {} MB of memory, over the limit of {} MB",
        size, memory.div_ceil(1_000_000), MAX_MEMORY / 1_000_000
    )]
    TooMuchMemory {
        /// Its size.
        size: PixelSize,
        /// The bytes that it would take.
        memory: u64,
    },
    /// A format that the endpoint does not accept, of an image that is not to be changed.
    #[error("the endpoint accepts JPEG, PNG, GIF and WebP images, but not {0}")]
    Format(&'static str),
    /// The file is truncated or damaged.
    #[error("the image is damaged or truncated")]
    Damaged,
}

/// Returns the length of the base64 text of this many bytes.
pub(super) fn base64_length(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}

/// Returns the size of a picture in a format that can be sent or converted, if the file is
/// complete.
pub(crate) fn picture_size(bytes: &[u8]) -> Result<PixelSize, ImageError> {
    read_picture(detect_file_kind(bytes), bytes).map(|(size, _)| size)
}

/// Returns the size and the structure of a complete picture.
pub(super) fn read_picture(
    kind: FileKind,
    bytes: &[u8],
) -> Result<(PixelSize, PictureLayout), ImageError> {
    let size = imagesize::blob_size(bytes).map_err(|_| ImageError::Damaged)?;
    let size = PixelSize {
        width: size.width,
        height: size.height,
    };
    let layout = PictureLayout::read(kind, bytes).filter(|_| size.pixels() > 0);
    layout
        .map(|layout| (size, layout))
        .ok_or(ImageError::Damaged)
}

/// Checks that the bytes are a complete jpeg, png, gif or webp within the limits of one image.
pub(crate) fn check_image(bytes: &[u8]) -> Result<PixelSize, ImageError> {
    check_length(bytes.len())?;
    let kind = detect_file_kind(bytes);
    let (size, _) = read_picture(kind, bytes)?;
    if size.longest_side() > MAX_SIDE {
        return Err(ImageError::TooManyPixels(size));
    }
    check_format(kind).map(|()| size)
}

/// Checks that the endpoint accepts a format.
pub(super) fn check_format(kind: FileKind) -> Result<(), ImageError> {
    match kind.media_type() {
        Some(_) => Ok(()),
        None => Err(ImageError::Format(kind.format_name())),
    }
}

/// Checks the limit on the bytes of one image.
pub(super) fn check_length(raw_bytes: usize) -> Result<(), ImageError> {
    let base64_bytes = base64_length(raw_bytes);
    if base64_bytes > MAX_BASE64_BYTES {
        return Err(ImageError::TooManyBytes {
            raw_bytes,
            base64_bytes,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a PNG that has everything except its pixels.
    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes.extend([8, 6, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend(b"\0\0\0\0IDAT\0\0\0\0\0\0\0\0IEND\0\0\0\0");
        bytes
    }

    #[test]
    fn the_largest_image_passes_and_one_byte_or_pixel_more_does_not() {
        let mut largest = png(8000, 8000);
        largest.resize(3_932_160, 0);
        assert_eq!(
            check_image(&largest),
            Ok(PixelSize {
                width: 8000,
                height: 8000
            })
        );
        largest.push(0);
        assert!(matches!(
            check_image(&largest),
            Err(ImageError::TooManyBytes {
                base64_bytes: 5_242_884,
                ..
            })
        ));
        assert_eq!(
            check_image(&png(8001, 1)),
            Err(ImageError::TooManyPixels(PixelSize {
                width: 8001,
                height: 1
            }))
        );
    }

    #[test]
    fn a_truncated_or_empty_image_is_damaged() {
        let whole = png(1, 1);
        assert!(check_image(&whole).is_ok());
        for end in [12, 33, whole.len() - 8] {
            assert_eq!(check_image(&whole[..end]), Err(ImageError::Damaged));
        }
        assert_eq!(check_image(&png(0, 1)), Err(ImageError::Damaged));
    }
}
