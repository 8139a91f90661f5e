//! Pictures and PDFs that cannot be sent are refused by their names before anything is sent.

use image::ImageFormat;

use super::attach;
use super::made::{RawPng, corners, encoded, gif, png_with_chunk, zlib};
use crate::support::picture::png;

/// Asserts that a file is refused with this message and hint, and that nothing is sent.
#[track_caller]
fn refused(name: &str, bytes: &[u8], code: i32, message: &str, hint: &str) {
    let (outcome, received) = attach(name, bytes, &[]);
    outcome.stdout("").failed(code, message, hint);
    assert!(received.is_none(), "nothing is sent\n{outcome}");
}

#[test]
fn a_truncated_picture_is_refused() {
    let picture = corners(64, 64);
    let cut = "cannot be sent: the image is damaged or truncated";
    for (name, bytes) in [
        ("a.png", encoded(&picture, ImageFormat::Png)),
        ("a.jpg", encoded(&picture, ImageFormat::Jpeg)),
        ("a.webp", encoded(&picture, ImageFormat::WebP)),
        ("a.gif", gif(std::slice::from_ref(&picture))),
        ("a.bmp", encoded(&picture, ImageFormat::Bmp)),
        ("a.tif", encoded(&picture, ImageFormat::Tiff)),
    ] {
        let bytes = &bytes[..bytes.len() / 2];
        refused(
            name,
            bytes,
            2,
            &format!("`{name}` {cut}"),
            "check that the file is complete",
        );
    }
}

#[test]
fn a_picture_without_pixels_is_refused() {
    let cut = "`a.png` cannot be sent: the image is damaged or truncated";
    for (width, height) in [(0, 1), (1, 0), (0, 0)] {
        refused(
            "a.png",
            &png(width, height),
            2,
            cut,
            "check that the file is complete",
        );
    }
}

#[test]
fn what_is_not_what_its_header_says_is_refused_if_it_has_to_be_decoded() {
    let cut = "cannot be sent: the image is damaged or truncated";
    // All that is missing are the pixels, and they are needed to scale it.
    refused(
        "a.png",
        &png(8001, 10),
        2,
        &format!("`a.png` {cut}"),
        "check that",
    );
    let mut bitmap = encoded(&corners(16, 16), ImageFormat::Bmp);
    bitmap[18..26].copy_from_slice(&[0x40, 0x1f, 0, 0, 0x40, 0x06, 0, 0]);
    refused("a.bmp", &bitmap, 2, &format!("`a.bmp` {cut}"), "check that");
}

#[test]
fn a_decompression_bomb_is_refused_without_being_decoded() {
    let megapixels = "over the limit of 50 megapixels for an image that langdock has to rotate, convert or scale";
    let mut huge_gif = gif(&[corners(8, 8)]);
    huge_gif[6..10].copy_from_slice(&[0xff; 4]);
    let mut bitmap = encoded(&corners(16, 16), ImageFormat::Bmp);
    bitmap[18..26].copy_from_slice(&[0xff, 0xff, 0, 0, 0xff, 0xff, 0, 0]);
    for (name, bytes) in [
        ("a.png", png(60_000, 60_000)),
        ("a.gif", huge_gif),
        ("a.bmp", bitmap),
    ] {
        refused(name, &bytes, 13, megapixels, "make the image smaller");
    }
}

#[test]
fn a_color_profile_that_is_a_bomb_does_no_harm() {
    let picture = encoded(&corners(16, 8), ImageFormat::Png);
    let profile = [b"p\0\0", &zlib(&vec![0; 3_000_000])[..]].concat();
    let bytes = png_with_chunk(&picture, b"iCCP", &profile);
    let (outcome, received) = attach("a.png", &bytes, &["--image-size", "8"]);
    outcome.code(0);
    received.expect("it is sent").decoded_as("image/png", 8, 4);
}

#[test]
fn formats_that_cannot_be_converted_are_refused_with_the_command_that_does_it() {
    let heic = b"\0\0\0\x1cftypheic\0\0\0\0";
    let avif = b"\0\0\0\x1cftypavif\0\0\0\0";
    let jxl = b"\0\0\0\x0cJXL \r\n\x87\n";
    for (name, bytes, format, command) in [
        (
            "my photo.heic",
            &heic[..],
            "HEIC",
            "`heif-convert 'my photo.heic' 'my photo.jpg'`",
        ),
        ("a.avif", avif, "AVIF", "`avifdec a.avif a.png`"),
        ("a.jxl", jxl, "JPEG XL", "`djxl a.jxl a.png`"),
    ] {
        let message = format!("`{name}` is a {format} image");
        refused(name, bytes, 2, &message, command);
    }
}

#[test]
fn keep_refuses_what_would_have_to_be_changed() {
    let wide = encoded(&corners(8001, 8), ImageFormat::Png);
    let bitmap = encoded(&corners(16, 8), ImageFormat::Bmp);
    let loud = RawPng {
        size: (1000, 4000),
        depth: 8,
        color: 0,
        is_interlaced: false,
        palette: &[],
        rows: &vec![0; 4_004_000],
    };
    for (bytes, code, message) in [
        (
            wide,
            13,
            "8,001 × 8 pixels are over the limit of 8,000 pixels a side",
        ),
        (
            bitmap,
            2,
            "the endpoint accepts JPEG, PNG, GIF and WebP images, but not BMP",
        ),
        (loud.file(), 13, "over the limit of 5,242,880 bytes (5 MB)"),
    ] {
        let (outcome, received) = attach("a", &bytes, &["--image-size", "keep"]);
        outcome.stdout("").failed(code, message, "--image-size fit");
        assert!(received.is_none(), "nothing is sent\n{outcome}");
    }
}

#[test]
fn a_pdf_that_the_endpoint_does_not_accept_is_refused() {
    let pages = |count: usize| {
        let mut pdf = b"%PDF-1.4\n".to_vec();
        for page in 0..count {
            pdf.extend(format!("{} 0 obj <</Type /Page>>\n", page + 1).into_bytes());
        }
        pdf.extend(b"%%EOF\n");
        pdf
    };
    let whole = pages(3);
    let encrypted = b"%PDF-1.7\ntrailer <</Root 1 0 R /Encrypt 5 0 R>>\n%%EOF\n";
    let preceded = b"HTTP/1.1 200 OK\r\n\r\n%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n";
    for (bytes, code, message, hint) in [
        (
            &encrypted[..],
            2,
            "`a.pdf` cannot be sent: the PDF is encrypted",
            "`qpdf --decrypt a.pdf a.new.pdf`",
        ),
        (
            &whole[..whole.len() - 3],
            2,
            "`a.pdf` cannot be sent: the PDF is damaged or truncated",
            "check that the file is complete",
        ),
        (
            preceded,
            2,
            "`a.pdf` cannot be sent: the PDF begins only after 19 bytes",
            "`tail -c +20 a.pdf > a.new.pdf`",
        ),
        (
            &pages(601),
            13,
            "`a.pdf` cannot be sent: the PDF has 601 pages, over the limit of 600",
            "`qpdf a.pdf --pages . 1-600 -- a.new.pdf`",
        ),
    ] {
        refused("a.pdf", bytes, code, message, hint);
    }
    let (outcome, _) = attach("a.pdf", &pages(600), &[]);
    outcome.code(0).stderr_empty();
    // The window of a built-in model is known, and short.
    let (outcome, received) = attach("a.pdf", &pages(101), &["-m", "claude-3-haiku-20240307"]);
    outcome.failed(13, "the PDF has 101 pages, over the limit of 100", "qpdf");
    assert!(received.is_none());
    let (outcome, _) = attach("a.pdf", &pages(601), &["--no-check"]);
    outcome.code(0);
}
