//! What is sent of a picture: its pixels the right way up, nothing about who took it where, and no
//! more than the endpoint takes.

use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};

use super::made::{
    RawPng, SECRET, animated_webp, cmyk_jpeg, corners, encoded, exif, gif, jpeg_with_exif, noise,
    png_with_chunk, progressive_jpeg, stored, webp_with_exif, zlib,
};
use super::{Received, received};

/// Asserts the colors of the four corners of [`corners`], within what JPEG loses.
#[track_caller]
fn assert_corners(picture: &RgbaImage) {
    let (right, bottom) = (picture.width() - 1, picture.height() - 1);
    for (at, expected) in [
        ((0, 0), [255, 0, 0]),
        ((right, 0), [0, 255, 0]),
        ((0, bottom), [0, 0, 255]),
        ((right, bottom), [255, 255, 255]),
    ] {
        assert_color(*picture.get_pixel(at.0, at.1), expected);
    }
}

#[track_caller]
fn assert_color(pixel: Rgba<u8>, expected: [u8; 3]) {
    let is_near = |(found, expected): (&u8, u8)| found.abs_diff(expected) < 24;
    assert!(
        pixel.0.iter().zip(expected).all(is_near),
        "{pixel:?} {expected:?}"
    );
}

#[track_caller]
fn assert_unchanged(received: &Received, bytes: &[u8]) {
    assert_eq!(received.stderr, "");
    assert!(received.bytes == bytes, "it is sent as it is");
}

/// Returns whether something contains the secret of the metadata.
fn has_secret(bytes: &[u8]) -> bool {
    bytes
        .windows(SECRET.len())
        .any(|window| window == SECRET.as_bytes())
}

#[test]
fn pictures_within_the_limits_are_sent_as_they_are() {
    let picture = corners(16, 8);
    let sixteen_bits = DynamicImage::ImageRgb16(picture.to_rgb16());
    for (name, bytes, media_type) in [
        ("a.png", encoded(&picture, ImageFormat::Png), "image/png"),
        ("a.jpg", encoded(&picture, ImageFormat::Jpeg), "image/jpeg"),
        ("a.webp", encoded(&picture, ImageFormat::WebP), "image/webp"),
        (
            "a.gif",
            gif(&[picture.clone(), picture.clone()]),
            "image/gif",
        ),
        ("b.webp", animated_webp(), "image/webp"),
        ("cmyk.jpg", cmyk_jpeg(), "image/jpeg"),
        ("slow.jpg", progressive_jpeg(), "image/jpeg"),
        (
            "16.png",
            encoded(&sixteen_bits, ImageFormat::Png),
            "image/png",
        ),
    ] {
        let received = received(name, &bytes, &[]);
        assert_unchanged(&received, &bytes);
        received.decoded_as(media_type, 16, 8);
    }
}

#[test]
fn a_photo_is_turned_upright_in_each_of_the_eight_orientations() {
    let upright = corners(48, 32);
    for orientation in 1..=8 {
        let jpeg = encoded(&stored(&upright, orientation), ImageFormat::Jpeg);
        let jpeg = jpeg_with_exif(&jpeg, orientation);
        let received = received("photo.jpg", &jpeg, &[]);
        assert!(!has_secret(&received.bytes), "{orientation}");
        assert_corners(&received.decoded_as("image/jpeg", 48, 32));
        let expected = match orientation {
            1 => "langdock: `photo.jpg` is sent without its metadata\n",
            _ => "langdock: `photo.jpg` was turned upright; its metadata is not sent\n",
        };
        assert_eq!(received.stderr, expected);
    }
}

#[test]
fn png_webp_and_tiff_have_an_orientation_too() {
    let upright = corners(48, 32);
    let on_its_side = stored(&upright, 6);
    let png = png_with_chunk(&encoded(&on_its_side, ImageFormat::Png), b"eXIf", &exif(6));
    let webp = webp_with_exif(&encoded(&on_its_side, ImageFormat::WebP), (32, 48), 6);
    for (name, bytes) in [("a.png", png), ("a.webp", webp)] {
        let received = received(name, &bytes, &[]);
        assert!(!has_secret(&received.bytes), "{name}");
        assert_corners(&received.decoded_as("image/png", 48, 32));
        assert!(received.stderr.contains(" was turned upright"), "{name}");
    }
}

#[test]
fn metadata_is_removed_and_the_compressed_pixels_stay_as_they_are() {
    let picture = corners(16, 8);
    let png = encoded(&picture, ImageFormat::Png);
    let jpeg = encoded(&picture, ImageFormat::Jpeg);
    let text = format!("Comment\0{SECRET}");
    let compressed = [b"Comment\0\0", &zlib(&vec![0; 100_000])[..]].concat();
    let comment = u16::try_from(text.len() + 2).unwrap().to_be_bytes();
    let with_comment = [
        &jpeg[..2],
        b"\xff\xfe",
        &comment,
        text.as_bytes(),
        &jpeg[2..],
    ];
    let appended = [&jpeg[..], SECRET.as_bytes()];
    for (name, bytes, expected) in [
        (
            "a.png",
            png_with_chunk(&png, b"tEXt", text.as_bytes()),
            &png,
        ),
        ("b.png", png_with_chunk(&png, b"zTXt", &compressed), &png),
        ("a.jpg", with_comment.concat(), &jpeg),
        ("b.jpg", appended.concat(), &jpeg),
        ("c.jpg", jpeg_with_exif(&jpeg, 1), &jpeg),
    ] {
        let received = received(name, &bytes, &[]);
        assert!(&received.bytes == expected, "{name}");
        let notice = format!("langdock: `{name}` is sent without its metadata\n");
        assert_eq!(received.stderr, notice);
    }
    let webp = encoded(&picture, ImageFormat::WebP);
    let received = received("a.webp", &webp_with_exif(&webp, (16, 8), 1), &[]);
    assert!(!has_secret(&received.bytes));
    assert_corners(&received.decoded_as("image/webp", 16, 8));
}

#[test]
fn keep_changes_nothing() {
    let jpeg = encoded(&corners(16, 8), ImageFormat::Jpeg);
    let jpeg = jpeg_with_exif(&jpeg, 6);
    let received = received("photo.jpg", &jpeg, &["--image-size", "keep"]);
    assert_unchanged(&received, &jpeg);
}

#[test]
fn bmp_and_tiff_are_converted() {
    let picture = corners(16, 8);
    let gray = DynamicImage::ImageLuma16(picture.to_luma16());
    for (name, bytes, from) in [
        ("a.bmp", encoded(&picture, ImageFormat::Bmp), "BMP"),
        ("a.tif", encoded(&picture, ImageFormat::Tiff), "TIFF"),
        ("gray.tif", encoded(&gray, ImageFormat::Tiff), "TIFF"),
    ] {
        let received = received(name, &bytes, &[]);
        let decoded = received.decoded_as("image/png", 16, 8);
        if name != "gray.tif" {
            assert_corners(&decoded);
        }
        let notice = format!("langdock: `{name}` was converted from {from} to PNG\n");
        assert_eq!(received.stderr, notice);
    }
}

#[test]
fn a_number_is_the_longest_side_of_a_picture_of_any_kind() {
    let picture = corners(16, 8);
    let alpha = DynamicImage::ImageRgba16(picture.to_rgba16());
    let gray = DynamicImage::ImageLuma8(picture.to_luma8());
    let gray_alpha = DynamicImage::ImageLumaA16(picture.to_luma_alpha16());
    for (name, bytes, media_type) in [
        ("a.png", encoded(&picture, ImageFormat::Png), "image/png"),
        ("alpha.png", encoded(&alpha, ImageFormat::Png), "image/png"),
        ("gray.png", encoded(&gray, ImageFormat::Png), "image/png"),
        (
            "gray-alpha.png",
            encoded(&gray_alpha, ImageFormat::Png),
            "image/png",
        ),
        ("a.jpg", encoded(&picture, ImageFormat::Jpeg), "image/jpeg"),
        ("gray.jpg", encoded(&gray, ImageFormat::Jpeg), "image/jpeg"),
        ("cmyk.jpg", cmyk_jpeg(), "image/jpeg"),
        ("slow.jpg", progressive_jpeg(), "image/jpeg"),
        ("a.webp", encoded(&picture, ImageFormat::WebP), "image/png"),
        ("b.webp", animated_webp(), "image/png"),
        ("a.gif", gif(&[picture.clone(), gray.clone()]), "image/png"),
        ("a.bmp", encoded(&picture, ImageFormat::Bmp), "image/png"),
        ("a.tif", encoded(&picture, ImageFormat::Tiff), "image/png"),
    ] {
        let received = received(name, &bytes, &["--image-size", "8"]);
        let decoded = received.decoded_as(media_type, 8, 4);
        let scaled = "was scaled down from 16 × 8 pixels to 8 × 4 pixels";
        assert!(received.stderr.contains(scaled), "{}", received.stderr);
        match name {
            _ if name.starts_with("gray") => {}
            "cmyk.jpg" | "slow.jpg" => {
                assert_color(*decoded.get_pixel(0, 0), [255, 0, 0]);
                assert_color(*decoded.get_pixel(7, 3), [0, 0, 255]);
            }
            "b.webp" => assert_color(*decoded.get_pixel(7, 3), [255, 0, 0]),
            _ => assert_corners(&decoded),
        }
        let is_cut = received.stderr.contains("only its first frame is sent");
        assert_eq!(is_cut, ["b.webp", "a.gif"].contains(&name), "{name}");
    }
}

#[test]
fn palettes_interlacing_and_transparency_survive() {
    // Two rows of four pixels: the palette's colors, of which the last one is transparent.
    let palette = RawPng {
        size: (4, 2),
        depth: 8,
        color: 3,
        is_interlaced: false,
        palette: &[255, 0, 0, 0, 255, 0, 0, 0, 255],
        rows: &[0, 0, 0, 1, 1, 0, 0, 0, 1, 2],
    };
    let file = png_with_transparency(&palette.file());
    let received_palette = received("palette.png", &file, &["--image-size", "2"]);
    let decoded = received_palette.decoded_as("image/png", 2, 1);
    // Scaling sharpens edges, so that the color next to one is not quite the same.
    let [red, green, blue, _] = decoded.get_pixel(0, 0).0;
    assert!(red > 200 && green < 60 && blue < 60, "{decoded:?}");
    // The seven passes of 2 by 2 pixels: one pixel, none, none, none, none, one, and two.
    let interlaced = RawPng {
        size: (2, 2),
        depth: 8,
        color: 0,
        is_interlaced: true,
        palette: &[],
        rows: &[0, 10, 0, 20, 0, 30, 40],
    };
    let file = interlaced.file();
    assert_unchanged(&received("i.png", &file, &[]), &file);
    let received_interlaced = received("i.png", &file, &["--image-size", "1"]);
    received_interlaced.decoded_as("image/png", 1, 1);
    let sixteen_bits = RawPng {
        size: (2, 1),
        depth: 16,
        color: 4,
        is_interlaced: false,
        palette: &[],
        rows: &[0, 0x80, 0, 0xff, 0xff, 0x80, 0, 0xff, 0xff],
    };
    let file = sixteen_bits.file();
    let received_gray = received("16.png", &file, &["--image-size", "1"]);
    let decoded = received_gray.decoded_as("image/png", 1, 1);
    assert_eq!(decoded.get_pixel(0, 0).0, [0x80, 0x80, 0x80, 0xff]);
}

/// Makes the third color of a palette transparent.
fn png_with_transparency(png: &[u8]) -> Vec<u8> {
    // It has to follow the palette: 33 bytes of header, and 12 more than the 9 of the palette.
    let chunk = png_with_chunk(png, b"tRNS", &[255, 255, 0]);
    let transparency = chunk[33..48].to_vec();
    [&png[..54], &transparency, &png[54..]].concat()
}

#[test]
fn what_exceeds_a_limit_is_scaled_down_to_what_the_model_sees() {
    let wide = encoded(&corners(8001, 80), ImageFormat::Png);
    let standard = received("wide.png", &wide, &["-m", "claude-3-haiku-20240307"]);
    standard.decoded_as("image/png", 1568, 16);
    let high = received("wide.png", &wide, &["-m", "claude-opus-4-8"]);
    assert_corners(&high.decoded_as("image/png", 2576, 26));
    let notice =
        "langdock: `wide.png` was scaled down from 8,001 × 80 pixels to 2,576 × 26 pixels\n";
    assert_eq!(high.stderr, notice);
    // 7.7 MB as they are, and a little less as a PNG of the model's size.
    let loud = encoded(&noise(1600, 1600), ImageFormat::Png);
    let received = received("noise.png", &loud, &["-m", "claude-opus-4-8"]);
    received.decoded_as("image/jpeg", 1600, 1600);
    let notice = "langdock: `noise.png` was converted from PNG to JPEG\n";
    assert_eq!(received.stderr, notice);
}
