//! Detecting a file's type from its bytes, and the endpoint's limits for it.

mod completeness;
mod image;
mod sniff;
mod tokens;

pub(crate) use image::{ImageError, PixelSize, check_image};
pub(crate) use sniff::{FileKind, SNIFFED_BYTES, detect_file_kind, is_utf16};
pub(crate) use tokens::ImageResolution;
