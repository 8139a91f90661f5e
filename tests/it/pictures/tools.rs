//! Pictures that tools and MCP servers return are made to fit as well.

use base64::{Engine, prelude::BASE64_STANDARD};
use image::{DynamicImage, ImageFormat};
use serde_json::{Value, json};

use super::made::{SECRET, corners, encoded, jpeg_with_exif, stored};
use crate::mcp::{result_of, run_with};
use crate::support::mcp_server::McpServer;
use crate::tools::{calling, done, playing, results, shell_tool, tool_run};

/// Decodes a picture of a result.
fn decoded(block: &Value) -> (DynamicImage, Vec<u8>) {
    let data = block["source"]["data"].as_str().unwrap();
    let bytes = BASE64_STANDARD.decode(data).unwrap();
    (image::load_from_memory(&bytes).unwrap(), bytes)
}

#[test]
fn a_picture_that_a_tool_prints_is_turned_and_scaled_and_has_no_metadata() {
    let photo = encoded(&stored(&corners(2_400, 1_200), 6), ImageFormat::Jpeg);
    let home = shell_tool("cat photo.jpg", "result = \"image\"");
    home.write("work/photo.jpg", jpeg_with_exif(&photo, 6));
    let server = playing(&[calling(&[("t", json!({}))]), done("A photo.")]);
    let outcome = tool_run(&server)
        .home(&home)
        .args(["-T", "./t.toml", "-y", "Hi"])
        .run();
    outcome.code(0).stderr_contains(
        "langdock: an image of the tool `t` was turned upright and scaled down from 2,400 × 1,200 \
         pixels to 2,000 × 1,000 pixels; its metadata is not sent\n",
    );
    let (picture, bytes) = decoded(&results(&server.requests()[1].json())[0]["content"][0]);
    assert_eq!((picture.width(), picture.height()), (2_000, 1_000));
    let secret = SECRET.as_bytes();
    assert!(!bytes.windows(secret.len()).any(|window| window == secret));
}

#[test]
fn with_keep_a_picture_of_a_tool_is_sent_as_it_is() {
    let photo = encoded(&corners(2_400, 1_200), ImageFormat::Jpeg);
    let home = shell_tool("cat photo.jpg", "result = \"image\"");
    home.write("work/photo.jpg", &photo);
    let server = playing(&[calling(&[("t", json!({}))]), done("A photo.")]);
    let args = ["-T", "./t.toml", "-y", "--image-size", "keep", "Hi"];
    tool_run(&server).home(&home).args(args).run().code(0);
    let (_, bytes) = decoded(&results(&server.requests()[1].json())[0]["content"][0]);
    assert!(bytes == photo);
}

#[test]
fn a_picture_of_an_mcp_server_is_scaled_too() {
    let picture = encoded(&corners(2_400, 24), ImageFormat::Png);
    let data = BASE64_STANDARD.encode(picture);
    let content = format!(
        "on_call() {{ result '{{\"content\":[{{\"type\":\"image\",\"mimeType\":\"image/png\",\
         \"data\":\"{data}\"}}]}}'; }}"
    );
    let (_, model, outcome) = run_with(&McpServer::new("s", &content));
    outcome
        .code(0)
        .stderr_contains("an image of the tool `s__echo` was scaled down from 2,400");
    let (picture, _) = decoded(&result_of(&model)["content"][0]);
    assert_eq!((picture.width(), picture.height()), (2_000, 20));
}
