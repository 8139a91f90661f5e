//! Decodes the first frame of a picture into 8 bits a channel.

use std::io::Cursor;

use image::codecs::bmp::BmpDecoder;
use image::codecs::gif::GifDecoder;
use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::tiff::TiffDecoder;
use image::codecs::webp::WebPDecoder;
use image::{ColorType, DynamicImage, ImageBuffer, ImageDecoder, ImageResult, Limits};

use super::Raster;
use crate::media::image::{ImageError, MAX_MEMORY, PixelSize};
use crate::media::picture_fit::{PictureFacts, check_memory};
use crate::media::sniff::FileKind;

/// The place of the signature of a color profile's color space.
const COLOR_SPACE: std::ops::Range<usize> = 16..20;

/// Decodes a picture.
///
/// # Errors
///
/// If it is damaged, or would take too much memory.
pub(super) fn decode(bytes: &[u8], facts: &PictureFacts) -> Result<Raster, ImageError> {
    let mut decoder = decoder(bytes, facts.kind)
        .ok()
        .flatten()
        .ok_or(ImageError::Damaged)?;
    let (width, height) = decoder.dimensions();
    let size = PixelSize {
        width: width as usize,
        height: height as usize,
    };
    if size != facts.size {
        return Err(ImageError::Damaged);
    }
    let color = decoder.color_type();
    let of_pixel = u64::from(color.bytes_per_pixel());
    check_memory(size, 100 * of_pixel + facts.decoder_bytes)?;
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_MEMORY);
    limits.max_image_width = Some(width);
    limits.max_image_height = Some(height);
    decoder
        .set_limits(limits)
        .map_err(|_| ImageError::Damaged)?;
    let profile = decoder.icc_profile().ok().flatten();
    let total = usize::try_from(decoder.total_bytes()).map_err(|_| ImageError::Damaged)?;
    let mut pixels = vec![0; total];
    decoder
        .read_image_boxed(&mut pixels)
        .map_err(|_| ImageError::Damaged)?;
    let pixels = with_8_bits(pixels, color)
        .and_then(|(pixels, color)| picture(pixels, color, width, height))
        .ok_or(ImageError::Damaged)?;
    let profile = profile.filter(|profile| describes(profile, &pixels));
    Ok(Raster { pixels, profile })
}

/// Returns the decoder for a format; `None` if there is none.
fn decoder(bytes: &[u8], kind: FileKind) -> ImageResult<Option<Box<dyn ImageDecoder + '_>>> {
    let bytes = Cursor::new(bytes);
    Ok(Some(match kind {
        FileKind::Jpeg => Box::new(JpegDecoder::new(bytes)?),
        FileKind::Png => {
            let mut limits = Limits::no_limits();
            limits.max_alloc = Some(MAX_MEMORY);
            Box::new(PngDecoder::with_limits(bytes, limits)?)
        }
        FileKind::Gif => Box::new(GifDecoder::new(bytes)?),
        FileKind::Webp => Box::new(WebPDecoder::new(bytes)?),
        FileKind::Bmp => Box::new(BmpDecoder::new(bytes)?),
        FileKind::Tiff => Box::new(TiffDecoder::new(bytes)?),
        FileKind::OtherImage(_)
        | FileKind::Pdf
        | FileKind::PrecededPdf(_)
        | FileKind::Text
        | FileKind::Binary => return Ok(None),
    }))
}

/// Reduces the channels of pixels to 8 bits, in place.
#[allow(clippy::cast_possible_truncation)] // The upper half of 16 bits is a byte.
fn with_8_bits(mut bytes: Vec<u8>, color: ColorType) -> Option<(Vec<u8>, ColorType)> {
    let reduced = match color {
        ColorType::L8 | ColorType::La8 | ColorType::Rgb8 | ColorType::Rgba8 => {
            return Some((bytes, color));
        }
        ColorType::L16 => ColorType::L8,
        ColorType::La16 => ColorType::La8,
        ColorType::Rgb16 | ColorType::Rgb32F => ColorType::Rgb8,
        ColorType::Rgba16 | ColorType::Rgba32F => ColorType::Rgba8,
        _ => return None,
    };
    let channels = usize::from(color.channel_count());
    let width = usize::from(color.bytes_per_pixel()) / channels;
    let count = bytes.len() / width;
    for index in 0..count {
        let at = index * width;
        bytes[index] = match bytes[at..at + width] {
            [one, other] => (u16::from_ne_bytes([one, other]) >> 8) as u8,
            [a, b, c, d] => from_fraction(f32::from_ne_bytes([a, b, c, d])),
            _ => return None,
        };
    }
    bytes.truncate(count);
    bytes.shrink_to_fit();
    Some((bytes, reduced))
}

/// Returns the byte for a channel from 0 to 1.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // It is from 0 to 255.
fn from_fraction(channel: f32) -> u8 {
    (channel.clamp(0.0, 1.0) * 255.0).round() as u8
}

/// Returns the pixels as a picture of this size.
fn picture(pixels: Vec<u8>, color: ColorType, width: u32, height: u32) -> Option<DynamicImage> {
    match color {
        ColorType::L8 => ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageLuma8),
        ColorType::La8 => {
            ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageLumaA8)
        }
        ColorType::Rgb8 => {
            ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8)
        }
        ColorType::Rgba8 => {
            ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageRgba8)
        }
        _ => None,
    }
}

/// Returns whether a color profile is for the color space of these pixels: that of a CMYK picture
/// is not, once it has been decoded into RGB.
fn describes(profile: &[u8], pixels: &DynamicImage) -> bool {
    let expected = match pixels {
        DynamicImage::ImageLuma8(_) | DynamicImage::ImageLumaA8(_) => b"GRAY",
        _ => b"RGB ",
    };
    profile.get(COLOR_SPACE) == Some(&expected[..])
}
