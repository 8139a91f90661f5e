//! Image limits, checked before anything is sent.
//!
//! These are the limits of the strictest platform behind the endpoint (Bedrock): 5 MB of base64 and
//! 8000 pixels per side. Source: Anthropic's vision page, `build-with-claude/vision`; unverified
//! against Langdock.

use super::completeness::is_complete_picture;
use super::sniff::detect_file_kind;
use crate::text::{counted, grouped};

/// Maximum length of one image's base64 text in bytes: 5 MiB, the number in the API's own error
/// message.
pub(crate) const MAX_BASE64_BYTES: usize = 5 * 1024 * 1024;

/// Maximum length of a side, in pixels.
pub(crate) const MAX_SIDE: usize = 8000;

/// Maximum length of a side in a request with many images, in pixels.
pub(crate) const MAX_SIDE_OF_MANY: usize = 2000;

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
        if self.width.max(self.height) <= MAX_SIDE_OF_MANY {
            Ok(())
        } else {
            Err(ImageError::TooManyPixelsOfMany(self))
        }
    }

    /// Returns the size and its verb, for messages.
    fn in_words(self) -> String {
        format!(
            "{} × {} pixels are",
            grouped(self.width),
            grouped(self.height)
        )
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
    #[error("{} over the limit of {} a side", .0.in_words(), counted(MAX_SIDE, "pixel"))]
    TooManyPixels(PixelSize),
    /// A side exceeds the limit of a request with many images.
    #[error(
        "{} over the limit of {} a side in a request with more than 20 images",
        .0.in_words(),
        counted(MAX_SIDE_OF_MANY, "pixel")
    )]
    TooManyPixelsOfMany(PixelSize),
    /// The file is truncated or damaged.
    #[error("the image is damaged or truncated")]
    Damaged,
}

/// Checks that the bytes are a complete jpeg, png, gif or webp within the limits of one image.
pub(crate) fn check_image(bytes: &[u8]) -> Result<PixelSize, ImageError> {
    let base64_bytes = bytes.len().div_ceil(3) * 4;
    if base64_bytes > MAX_BASE64_BYTES {
        return Err(ImageError::TooManyBytes {
            raw_bytes: bytes.len(),
            base64_bytes,
        });
    }
    let size = imagesize::blob_size(bytes).map_err(|_| ImageError::Damaged)?;
    let size = PixelSize {
        width: size.width,
        height: size.height,
    };
    if size.width.max(size.height) > MAX_SIDE {
        return Err(ImageError::TooManyPixels(size));
    }
    let is_empty = size.width == 0 || size.height == 0;
    if is_empty || !is_complete_picture(detect_file_kind(bytes), bytes) {
        return Err(ImageError::Damaged);
    }
    Ok(size)
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
