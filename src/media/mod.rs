//! Detecting a file's type from its bytes, the endpoint's limits for it, and what makes a picture
//! fit them.

mod codec;
mod fitted_picture;
mod image;
mod layout;
mod pdf;
mod picture_fit;
mod sniff;
mod tokens;

pub(crate) use fitted_picture::{FittedPicture, PicturePlan};
pub(crate) use image::{ImageError, PixelSize, check_image, picture_size};
pub(crate) use pdf::{PdfError, check_pdf, count_pages};
pub(crate) use picture_fit::{ImageSize, PictureFit};
pub(crate) use sniff::{FileKind, SNIFFED_BYTES, detect_file_kind, is_utf16};
pub(crate) use tokens::ImageResolution;
