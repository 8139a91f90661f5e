//! Checks one content block: its shape, and that the bytes of an attachment are what it says.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;

use super::field::{Object, wrong};
use crate::demo::{refusal::Refusal, signature};
use crate::media::{FileKind, ImageError, check_image, detect_file_kind};

/// The block types of a message.
const BLOCKS: &[&str] = &[
    "document",
    "image",
    "redacted_thinking",
    "text",
    "thinking",
    "tool_result",
    "tool_use",
];

/// The block types inside of a tool's result.
const RESULT_BLOCKS: &[&str] = &["document", "image", "text"];

/// The media types of a picture.
const IMAGES: &[&str] = &["image/jpeg", "image/png", "image/gif", "image/webp"];

/// The longest base64 text of a picture, as the refusal names it.
const MAX_IMAGE_BASE64_BYTES: usize = 5 * 1024 * 1024;

/// Checks a block of a message.
pub(super) fn check(path: String, value: &Value) -> Result<(), Refusal> {
    check_one_of(BLOCKS, path, value)
}

fn check_one_of(types: &[&str], path: String, value: &Value) -> Result<(), Refusal> {
    let block = Object::new(path, value)?;
    let tag = block.tag(types)?;
    let block = block.tagged(tag);
    block.cache_control()?;
    match tag {
        "image" => image(&block),
        "document" => document(&block),
        "tool_use" => tool_use(&block),
        "tool_result" => tool_result(&block),
        "thinking" => thinking(&block),
        "redacted_thinking" => block
            .only(&["type", "data"])
            .and(block.string("data").map(drop)),
        _ => text(&block),
    }
}

/// Checks a block of text; whether it may be blank depends on the whole request.
pub(super) fn text(block: &Object<'_>) -> Result<(), Refusal> {
    block.only(&["type", "text", "cache_control", "citations"])?;
    block.string("text").map(drop)
}

fn image(block: &Object<'_>) -> Result<(), Refusal> {
    block.only(&["type", "source", "cache_control"])?;
    let source = block.object("source")?;
    let source = source.tag(&["base64"]).map(|tag| source.tagged(tag))?;
    source.only(&["type", "media_type", "data"])?;
    let media_type = source.choice("media_type", IMAGES)?;
    let bytes = decoded(&source)?;
    match detect_file_kind(&bytes).media_type() {
        Some(found) if found == media_type => {}
        Some(found) if IMAGES.contains(&found) => {
            return Err(source.wrong(
                "data",
                &format!(
                    "The image was specified using the {media_type} media type, but the image appears to be a {found} \
                     image"
                ),
            ));
        }
        _ => return Err(source.wrong("data", "Could not process image")),
    }
    check_image(&bytes).map(drop).map_err(|error| match error {
        ImageError::TooManyBytes { base64_bytes, .. } => wrong(
            source.path(),
            &format!(
                "image exceeds 5 MB maximum: {base64_bytes} bytes > {MAX_IMAGE_BASE64_BYTES} bytes"
            ),
        ),
        ImageError::TooManyPixels(_) | ImageError::TooManyPixelsOfMany(_) => source.wrong(
            "data",
            "At least one of the image dimensions exceed max allowed size: 8000 pixels",
        ),
        ImageError::Damaged => source.wrong("data", "Could not process image"),
    })
}

fn document(block: &Object<'_>) -> Result<(), Refusal> {
    block.only(&[
        "type",
        "source",
        "title",
        "context",
        "citations",
        "cache_control",
    ])?;
    block.optional_string("title")?;
    block.optional_string("context")?;
    let source = block.object("source")?;
    let source = source
        .tag(&["base64", "text"])
        .map(|tag| source.tagged(tag))?;
    source.only(&["type", "media_type", "data"])?;
    if source.optional("type").is_some_and(|tag| tag == "text") {
        source.choice("media_type", &["text/plain"])?;
        return match source.string("data")? {
            "" => Err(source.wrong("data", "String should have at least 1 character")),
            _ => Ok(()),
        };
    }
    source.choice("media_type", &["application/pdf"])?;
    if detect_file_kind(&decoded(&source)?) == FileKind::Pdf {
        return Ok(());
    }
    Err(source.wrong("data", "The PDF specified was not valid."))
}

fn tool_use(block: &Object<'_>) -> Result<(), Refusal> {
    // `caller` comes with the calls of newer models and goes back with them.
    block.only(&["type", "id", "name", "input", "cache_control", "caller"])?;
    block.identifier("id", None)?;
    block.identifier("name", Some(64))?;
    block.object("input").map(drop)
}

fn tool_result(block: &Object<'_>) -> Result<(), Refusal> {
    block.only(&[
        "type",
        "tool_use_id",
        "content",
        "is_error",
        "cache_control",
    ])?;
    block.identifier("tool_use_id", None)?;
    block.boolean("is_error")?;
    if matches!(block.optional("content"), None | Some(Value::String(_))) {
        return Ok(());
    }
    for (index, value) in block.list("content")?.iter().enumerate() {
        check_one_of(
            RESULT_BLOCKS,
            format!("{}.{index}", block.at("content")),
            value,
        )?;
        if value["type"] == "text" && value["text"] == "" {
            return Err(wrong("messages", "text content blocks must be non-empty"));
        }
    }
    Ok(())
}

fn thinking(block: &Object<'_>) -> Result<(), Refusal> {
    block.only(&["type", "thinking", "signature"])?;
    if signature::fits(block.string("thinking")?, block.string("signature")?) {
        return Ok(());
    }
    Err(block.wrong("signature", "Invalid `signature` in `thinking` block"))
}

fn decoded(source: &Object<'_>) -> Result<Vec<u8>, Refusal> {
    BASE64_STANDARD
        .decode(source.string("data")?)
        .map_err(|_| wrong(source.path(), "invalid base64 data"))
}
