//! Makes pictures of every kind, most of them with encoders, some byte by byte.

use std::io::Cursor;

use base64::{Engine, prelude::BASE64_STANDARD};
use image::codecs::gif::GifEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, Frame, ImageFormat, Rgb, RgbImage};

/// Text of the metadata, which must never be sent.
pub(super) const SECRET: &str = "GPS 52.5200 N 13.4050 E";

/// A CMYK JPEG of 16 by 8 pixels: the left half is red, the right half blue.
const CMYK: &str = "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwAGBAUGBQQGBgUGBwcGCAoQCgoJCQoUDg8MEBcUGBgXFBYWGh0lHxobIxwWFiAsICMmJykqKRkfLTAtKDAlKCko/8AAFAgACAAQBEMRAE0RAFkRAEsRAP/EAB8AAAEFAQEBAQEBAAAAAAAAAAABAgMEBQYHCAkKC//EALUQAAIBAwMCBAMFBQQEAAABfQECAwAEEQUSITFBBhNRYQcicRQygZGhCCNCscEVUtHwJDNicoIJChYXGBkaJSYnKCkqNDU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6g4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrCw8TFxsfIycrS09TV1tfY2drh4uPk5ebn6Onq8fLz9PX29/j5+v/aAA4EQwBNAFkASwAAPwD6pr5Ur5Ur6pr8q6K/VSiv/9k=";

/// The same as a progressive JPEG.
const PROGRESSIVE: &str = "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAYEBQYFBAYGBQYHBwYIChAKCgkJChQODwwQFxQYGBcUFhYaHSUfGhsjHBYWICwgIyYnKSopGR8tMC0oMCUoKSj/2wBDAQcHBwoIChMKChMoGhYaKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCj/wgARCAAIABADAREAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAABQb/xAAVAQEBAAAAAAAAAAAAAAAAAAAHBf/aAAwDAQACEAMQAAABnIyQAwlf/8QAFBABAAAAAAAAAAAAAAAAAAAAEP/aAAgBAQABBQI//8QAFBEBAAAAAAAAAAAAAAAAAAAAEP/aAAgBAwEBPwE//8QAFBEBAAAAAAAAAAAAAAAAAAAAEP/aAAgBAgEBPwE//8QAFBABAAAAAAAAAAAAAAAAAAAAEP/aAAgBAQAGPwI//8QAFBABAAAAAAAAAAAAAAAAAAAAEP/aAAgBAQABPyE//9oADAMBAAIAAwAAABDr/8QAFBEBAAAAAAAAAAAAAAAAAAAAEP/aAAgBAwEBPxA//8QAFBEBAAAAAAAAAAAAAAAAAAAAEP/aAAgBAgEBPxA//8QAFBABAAAAAAAAAAAAAAAAAAAAEP/aAAgBAQABPxA//9k=";

/// A WebP of 16 by 8 pixels with two frames, of which the first is red.
const ANIMATED_WEBP: &str = "UklGRoQAAABXRUJQVlA4WAoAAAACAAAADwAABwAAQU5JTQYAAAAAAAAAAABBTk1GKAAAAAAAAAAAAA8AAAcAAAAAAAJWUDhMDwAAAC8PwAEABxD9j/4HIqL/AQBBTk1GKAAAAAAAAAAAAA8AAAcAAAAAAABWUDhMDwAAAC8PwAEAB9D/iP4HIqL/AQA=";

fn from_base64(text: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(text).unwrap()
}

pub(super) fn cmyk_jpeg() -> Vec<u8> {
    from_base64(CMYK)
}

pub(super) fn progressive_jpeg() -> Vec<u8> {
    from_base64(PROGRESSIVE)
}

pub(super) fn animated_webp() -> Vec<u8> {
    from_base64(ANIMATED_WEBP)
}

/// Returns a picture with a red corner at the top left, a green one at the top right, a blue one at
/// the bottom left, and a white one.
pub(super) fn corners(width: u32, height: u32) -> DynamicImage {
    let color = |x, y| match (x < width / 2, y < height / 2) {
        (true, true) => Rgb([255, 0, 0]),
        (false, true) => Rgb([0, 255, 0]),
        (true, false) => Rgb([0, 0, 255]),
        (false, false) => Rgb([255, 255, 255]),
    };
    DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, color))
}

/// Returns a picture that no format compresses well.
pub(super) fn noise(width: u32, height: u32) -> DynamicImage {
    let mut state = 1_u32;
    let mut byte = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let pixels = (0..width * height * 3).map(|_| byte()).collect();
    DynamicImage::ImageRgb8(RgbImage::from_raw(width, height, pixels).unwrap())
}

pub(super) fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, format).unwrap();
    file.into_inner()
}

/// Returns the picture as a camera stores it that writes this EXIF orientation.
pub(super) fn stored(upright: &DynamicImage, exif: u8) -> DynamicImage {
    let inverse = match exif {
        6 => 8,
        8 => 6,
        other => other,
    };
    let mut stored = upright.clone();
    stored.apply_orientation(Orientation::from_exif(inverse).unwrap());
    stored
}

/// Returns EXIF data with an orientation and a secret.
pub(super) fn exif(orientation: u8) -> Vec<u8> {
    let mut exif = b"MM\0*\0\0\0\x08\0\x02".to_vec();
    exif.extend([0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0]);
    let length = u8::try_from(SECRET.len()).unwrap();
    exif.extend([0x01, 0x0e, 0, 2, 0, 0, 0, length, 0, 0, 0, 38]);
    exif.extend([0, 0, 0, 0]);
    exif.extend(SECRET.as_bytes());
    exif
}

/// Puts EXIF data into a JPEG.
pub(super) fn jpeg_with_exif(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let exif = [b"Exif\0\0".to_vec(), exif(orientation)].concat();
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], b"\xff\xe1", &length, &exif, &jpeg[2..]].concat()
}

/// Puts a chunk into a PNG, behind its header.
pub(super) fn png_with_chunk(png: &[u8], kind: &[u8], data: &[u8]) -> Vec<u8> {
    let (head, rest) = png.split_at(33);
    [head, &chunk(kind, data), rest].concat()
}

/// Makes an extended WebP of a simple one, with EXIF data.
pub(super) fn webp_with_exif(webp: &[u8], size: (u32, u32), orientation: u8) -> Vec<u8> {
    let mut header = vec![0x08, 0, 0, 0];
    header.extend(&(size.0 - 1).to_le_bytes()[..3]);
    header.extend(&(size.1 - 1).to_le_bytes()[..3]);
    let mut chunks = b"WEBP".to_vec();
    chunks.extend(riff_chunk(b"VP8X", &header));
    chunks.extend(&webp[12..]);
    chunks.extend(riff_chunk(b"EXIF", &exif(orientation)));
    riff_chunk(b"RIFF", &chunks)
}

fn riff_chunk(kind: &[u8], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap().to_le_bytes();
    let padding: &[u8] = if data.len() % 2 == 1 { b"\0" } else { b"" };
    [kind, &length, data, padding].concat()
}

/// Returns a GIF of these frames.
pub(super) fn gif(frames: &[DynamicImage]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = GifEncoder::new(&mut file);
    let frames = frames.iter().map(|frame| Frame::new(frame.to_rgba8()));
    encoder.encode_frames(frames).unwrap();
    drop(encoder);
    file
}

/// What a PNG that is written byte by byte consists of.
pub(super) struct RawPng<'a> {
    pub(super) size: (u32, u32),
    /// Bits of a channel.
    pub(super) depth: u8,
    /// 0 for gray, 2 for RGB, 3 for a palette, 4 for gray and alpha, 6 for RGBA.
    pub(super) color: u8,
    pub(super) is_interlaced: bool,
    pub(super) palette: &'a [u8],
    /// The rows of each pass, each after its filter.
    pub(super) rows: &'a [u8],
}

impl RawPng<'_> {
    /// Returns the file. Its pixels are not compressed.
    pub(super) fn file(&self) -> Vec<u8> {
        let mut header = Vec::new();
        header.extend(self.size.0.to_be_bytes());
        header.extend(self.size.1.to_be_bytes());
        header.extend([self.depth, self.color, 0, 0, u8::from(self.is_interlaced)]);
        let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
        file.extend(chunk(b"IHDR", &header));
        if !self.palette.is_empty() {
            file.extend(chunk(b"PLTE", self.palette));
        }
        file.extend(chunk(b"IDAT", &zlib(self.rows)));
        file.extend(chunk(b"IEND", b""));
        file
    }
}

fn chunk(kind: &[u8], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap().to_be_bytes();
    let checked = [kind, data].concat();
    [&length[..], &checked, &crc(&checked).to_be_bytes()].concat()
}

fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| match crc & 1 {
            0 => crc >> 1,
            _ => (crc >> 1) ^ 0xedb8_8320,
        })
    };
    !bytes.iter().fold(u32::MAX, step)
}

/// Returns a zlib stream of blocks that are not compressed.
pub(super) fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let blocks = bytes.chunks(0xffff);
    let last = blocks.len().saturating_sub(1);
    for (index, block) in blocks.enumerate() {
        let length = u16::try_from(block.len()).unwrap();
        stream.push(u8::from(index == last));
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(block);
    }
    let (a, b) = bytes.iter().fold((1_u32, 0), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    stream.extend(((b << 16) | a).to_be_bytes());
    stream
}
