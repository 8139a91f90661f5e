//! What a file is by its bytes, and what the endpoint accepts of it.

mod image;
mod sniff;
mod tokens;

pub(crate) use image::{ImageError, PixelSize, check_image};
pub(crate) use sniff::{Kind, SNIFFED_BYTES, sniff};
pub(crate) use tokens::Resolution;
