//! What it costs in memory to decode a picture, at its peak.

use image::{DynamicImage, ImageFormat, RgbImage};

use super::made::{corners, encoded, jpeg_with_exif, stored};
use crate::support::{
    events::answer, gate::Gate, home::Home, reply::Reply, sending::send, server::Server,
};

/// Asserts that sending a picture takes at most this many megabytes. The server answers only once
/// that has been read.
#[track_caller]
fn assert_peak(name: &str, bytes: &[u8], most_megabytes: u64, notice: &str) {
    let gate = Gate::new();
    let held = gate.clone();
    let stream = answer(&["ok"]);
    let server = Server::start(move |_, _| Reply::sse(&stream).hold_head(&held));
    let home = Home::new();
    home.write(format!("work/{name}"), bytes);
    let running = send(&server).home(&home).args(["-a", name, "Hi"]).spawn();
    server.wait_for_requests(1);
    let peak = running.peak_memory() / 1_000_000;
    gate.open();
    let outcome = running.finish();
    outcome.code(0).stderr_contains(notice);
    assert!(peak <= most_megabytes, "{name}: {peak} MB");
}

/// The size of a picture of almost 50 megapixels.
const SIZE: (u32, u32) = (8_330, 6_000);

/// Returns gray pixels of so many channels for a picture of that size.
fn pixels(channels: usize) -> Vec<u8> {
    vec![128; SIZE.0 as usize * SIZE.1 as usize * channels]
}

/// What is told of a picture of that size.
const SCALED: &str = "was scaled down from 8,330 × 6,000 pixels";

#[test]
fn a_jpeg_of_50_megapixels_takes_at_most_400_mb() {
    let color = RgbImage::from_raw(SIZE.0, SIZE.1, pixels(3)).unwrap();
    let jpeg = encoded(&DynamicImage::ImageRgb8(color), ImageFormat::Jpeg);
    assert_peak("a.jpg", &jpeg, 400, SCALED);
}

#[test]
fn a_webp_of_50_megapixels_takes_at_most_400_mb() {
    let color = RgbImage::from_raw(SIZE.0, SIZE.1, pixels(3)).unwrap();
    let webp = encoded(&DynamicImage::ImageRgb8(color), ImageFormat::WebP);
    assert_peak("a.webp", &webp, 400, SCALED);
}

#[test]
fn a_photo_of_10_megapixels_takes_at_most_100_mb() {
    let photo = encoded(&stored(&corners(3_650, 2_740), 6), ImageFormat::Jpeg);
    let photo = jpeg_with_exif(&photo, 6);
    assert_peak("photo.jpg", &photo, 100, "was turned upright");
}

#[test]
fn a_picture_that_is_not_decoded_takes_little_memory() {
    let photo = encoded(&corners(4_000, 3_000), ImageFormat::Jpeg);
    let photo = jpeg_with_exif(&photo, 1);
    assert_peak("photo.jpg", &photo, 40, "is sent without its metadata");
}
