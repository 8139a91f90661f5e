//! Encodes a picture in a format of the endpoint, within its limit on bytes.

use std::io::{self, ErrorKind, Write};

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{DynamicImage, ImageEncoder, ImageResult};

use super::Raster;
use crate::media::image::MAX_BASE64_BYTES;
use crate::media::sniff::FileKind;

/// Maximum length of a file whose base64 text is within the limit.
const MAX_FILE_BYTES: usize = MAX_BASE64_BYTES / 4 * 3;

/// A format to encode in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PictureFormat {
    /// A PNG, which loses nothing.
    Png,
    /// A JPEG of this quality, from 1 to 100.
    Jpeg(u8),
}

impl PictureFormat {
    /// A JPEG that looks like the original.
    pub(super) const FINE_JPEG: Self = Self::Jpeg(90);

    /// What is tried for a picture that has too many bytes otherwise.
    pub(super) const COARSER_JPEGS: [Self; 2] = [Self::Jpeg(75), Self::Jpeg(50)];

    /// Returns the type of the file.
    pub(super) fn kind(self) -> FileKind {
        match self {
            Self::Png => FileKind::Png,
            Self::Jpeg(_) => FileKind::Jpeg,
        }
    }
}

/// Encodes a picture. Returns `None` if it has too many bytes then. For a JPEG, transparent pixels
/// become white.
pub(super) fn encode(raster: &mut Raster, format: PictureFormat) -> Option<Vec<u8>> {
    let mut file = BoundedFile::default();
    let encoded = match format {
        PictureFormat::Png => write(raster, PngEncoder::new(&mut file)),
        PictureFormat::Jpeg(quality) => {
            make_opaque(&mut raster.pixels);
            write(raster, JpegEncoder::new_with_quality(&mut file, quality))
        }
    };
    encoded.is_ok().then_some(file.0)
}

fn write(raster: &Raster, mut encoder: impl ImageEncoder) -> ImageResult<()> {
    if let Some(profile) = &raster.profile {
        // What the format has no place for is left out.
        let _ = encoder.set_icc_profile(profile.clone());
    }
    raster.pixels.write_with_encoder(encoder)
}

/// Puts pixels on a white background.
fn make_opaque(pixels: &mut DynamicImage) {
    if let DynamicImage::ImageLumaA8(picture) = pixels {
        for pixel in picture.pixels_mut() {
            let [gray, alpha] = pixel.0;
            pixel.0[0] = on_white(gray, alpha);
        }
        *pixels = DynamicImage::ImageLuma8(pixels.to_luma8());
    } else if let DynamicImage::ImageRgba8(picture) = pixels {
        for pixel in picture.pixels_mut() {
            let [red, green, blue, alpha] = pixel.0;
            pixel.0 = [red, green, blue, u8::MAX].map(|channel| on_white(channel, alpha));
        }
        *pixels = DynamicImage::ImageRgb8(pixels.to_rgb8());
    }
}

/// Returns a channel of a pixel of this opacity on a white background.
#[allow(clippy::cast_possible_truncation)] // A mean of two bytes is a byte.
fn on_white(channel: u8, alpha: u8) -> u8 {
    let (channel, alpha) = (u32::from(channel), u32::from(alpha));
    ((channel * alpha + 255 * (255 - alpha)) / 255) as u8
}

/// A file in memory that refuses what exceeds the limit, so that no encoder fills the memory.
#[derive(Debug, Default)]
struct BoundedFile(Vec<u8>);

impl Write for BoundedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_FILE_BYTES {
            return Err(ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
