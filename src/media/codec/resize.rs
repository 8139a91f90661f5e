//! Scales a decoded picture.

use fast_image_resize::images::Image;
use fast_image_resize::{FilterType, MulDiv, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::{DynamicImage, ImageBuffer, Pixel};

use super::Raster;
use crate::media::image::{ImageError, PixelSize};

/// Scales a picture to this size, unless it has it.
///
/// # Errors
///
/// If a side has no pixels.
pub(super) fn resize(raster: Raster, size: PixelSize) -> Result<Raster, ImageError> {
    let width = u32::try_from(size.width).map_err(|_| ImageError::Damaged)?;
    let height = u32::try_from(size.height).map_err(|_| ImageError::Damaged)?;
    if (raster.pixels.width(), raster.pixels.height()) == (width, height) {
        return Ok(raster);
    }
    let pixels = match raster.pixels {
        DynamicImage::ImageLuma8(pixels) => {
            resized(pixels, PixelType::U8, width, height).map(DynamicImage::ImageLuma8)
        }
        DynamicImage::ImageLumaA8(pixels) => {
            resized(pixels, PixelType::U8x2, width, height).map(DynamicImage::ImageLumaA8)
        }
        DynamicImage::ImageRgb8(pixels) => {
            resized(pixels, PixelType::U8x3, width, height).map(DynamicImage::ImageRgb8)
        }
        DynamicImage::ImageRgba8(pixels) => {
            resized(pixels, PixelType::U8x4, width, height).map(DynamicImage::ImageRgba8)
        }
        _ => None,
    };
    Ok(Raster {
        pixels: pixels.ok_or(ImageError::Damaged)?,
        profile: raster.profile,
    })
}

/// Scales pixels of one type. Colors are multiplied by their opacity in place, since a copy could
/// take 200 MB.
fn resized<P: Pixel<Subpixel = u8>>(
    pixels: ImageBuffer<P, Vec<u8>>,
    pixel_type: PixelType,
    width: u32,
    height: u32,
) -> Option<ImageBuffer<P, Vec<u8>>> {
    let has_alpha = matches!(pixel_type, PixelType::U8x2 | PixelType::U8x4);
    let (old_width, old_height) = pixels.dimensions();
    let mut source =
        Image::from_vec_u8(old_width, old_height, pixels.into_raw(), pixel_type).ok()?;
    let opacity = MulDiv::new();
    if has_alpha {
        opacity.multiply_alpha_inplace(&mut source).ok()?;
    }
    let mut target = Image::new(width, height, pixel_type);
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
        .use_alpha(false);
    Resizer::new().resize(&source, &mut target, &options).ok()?;
    if has_alpha {
        opacity.divide_alpha_inplace(&mut target).ok()?;
    }
    ImageBuffer::from_raw(width, height, target.into_vec())
}
