//! Checks one content block: its shape, and that an attachment has the declared type.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;

use super::field::{ObjectReader, refusal_at};
use super::pdf::check_pdf;
use super::picture::is_whole_picture;
use crate::demo::refusal::Refusal;
use crate::media::{ImageError, check_image, detect_file_kind};

/// The block types allowed in a message.
const BLOCKS: &[&str] = &[
    "document",
    "image",
    "redacted_thinking",
    "search_result",
    "text",
    "thinking",
    "tool_result",
    "tool_use",
];

/// The block types allowed in a tool result.
const RESULT_BLOCKS: &[&str] = &["document", "image", "search_result", "text"];

/// The block types allowed in a document that consists of blocks.
const DOCUMENT_BLOCKS: &[&str] = &["image", "text"];

/// The media types of images.
const IMAGES: &[&str] = &["image/jpeg", "image/png", "image/gif", "image/webp"];

/// The maximum length of an image as base64, as the API's refusal names it.
const MAX_IMAGE_BASE64_BYTES: usize = 5 * 1024 * 1024;

/// Checks a block of a message.
pub(super) fn check_block(path: String, value: &Value) -> Result<(), Refusal> {
    check_one_of(BLOCKS, path, value)
}

fn check_one_of(types: &[&str], path: String, value: &Value) -> Result<(), Refusal> {
    let block = ObjectReader::new(path, value)?;
    let tag = block.required_tag(types)?;
    // A PDF has a tag of its own in the paths of refusals: see `pdf`.
    let is_pdf = tag == "document" && value["source"]["type"] == "base64";
    let block = block.with_tag(if is_pdf { "pdf" } else { tag });
    if !tag.ends_with("thinking") {
        block.check_cache_control()?;
    }
    match tag {
        "image" => check_image_block(&block),
        "search_result" => check_search_result(&block),
        "document" => check_document(&block),
        "tool_use" => check_tool_use(&block),
        "tool_result" => check_tool_result(&block),
        "thinking" => check_thinking(&block),
        "redacted_thinking" => block
            .allow_only(&["type", "data"])
            .and(block.required_string("data").map(drop)),
        _ => check_text(&block),
    }
}

/// Checks a text block; blank text is refused.
///
/// The wording is the API's, as recorded in `NousResearch/hermes-agent#61318` and others.
pub(super) fn check_text(block: &ObjectReader<'_>) -> Result<(), Refusal> {
    block.allow_only(&["type", "text", "cache_control", "citations"])?;
    if !matches!(block.optional_field("citations"), None | Some(Value::Null)) {
        block.required_list("citations")?;
    }
    let text = block.required_string("text")?;
    let is_marked = !matches!(
        block.optional_field("cache_control"),
        None | Some(Value::Null)
    );
    if text.is_empty() && is_marked {
        return Err(
            block.field_refusal("text", "cache_control cannot be set for empty text blocks")
        );
    }
    check_words(text)
}

/// Checks that text is not blank, wherever in the messages it is.
pub(super) fn check_words(text: &str) -> Result<(), Refusal> {
    if text.is_empty() {
        return Err(refusal_at(
            "messages",
            "text content blocks must be non-empty",
        ));
    }
    if text.trim().is_empty() {
        return Err(refusal_at(
            "messages",
            "text content blocks must contain non-whitespace text",
        ));
    }
    Ok(())
}

/// Checks a search result, which is a text with its source.
///
/// Source: Anthropic's page `build-with-claude/search-results`.
fn check_search_result(block: &ObjectReader<'_>) -> Result<(), Refusal> {
    block.allow_only(&[
        "type",
        "source",
        "title",
        "content",
        "citations",
        "cache_control",
    ])?;
    block.required_string("source")?;
    block.required_string("title")?;
    check_citation_switch(block)?;
    for (index, value) in block.required_list("content")?.iter().enumerate() {
        check_one_of(
            &["text"],
            format!("{}.{index}", block.field_path("content")),
            value,
        )?;
    }
    Ok(())
}

/// Checks an image: that it has the declared type, is complete, and is not too large.
///
/// Source: Anthropic's page `build-with-claude/vision`, with the limits of Bedrock.
fn check_image_block(block: &ObjectReader<'_>) -> Result<(), Refusal> {
    block.allow_only(&["type", "source", "cache_control"])?;
    let source = block.required_object("source")?;
    let source = source
        .required_tag(&["base64"])
        .map(|tag| source.with_tag(tag))?;
    source.allow_only(&["type", "media_type", "data"])?;
    let media_type = source.required_choice("media_type", IMAGES)?;
    let bytes = decode_source(&source)?;
    let kind = detect_file_kind(&bytes);
    match kind.media_type() {
        Some(found) if found == media_type => {}
        Some(found) if IMAGES.contains(&found) => {
            return Err(source.field_refusal(
                "data",
                &format!(
                    "The image was specified using the {media_type} media type, but the image \
                     appears to be a {found} \
                     image"
                ),
            ));
        }
        _ => return Err(source.field_refusal("data", "Could not process image")),
    }
    match check_image(&bytes) {
        Ok(size) if size.width == 0 || size.height == 0 => Err(ImageError::Damaged),
        Ok(_) if !is_whole_picture(kind, &bytes) => Err(ImageError::Damaged),
        checked => checked.map(drop),
    }
    .map_err(|error| match error {
        ImageError::TooManyBytes { base64_bytes, .. } => refusal_at(
            source.path(),
            &format!(
                "image exceeds 5 MB maximum: {base64_bytes} bytes > {MAX_IMAGE_BASE64_BYTES} bytes"
            ),
        ),
        ImageError::TooManyPixels(_) | ImageError::TooManyPixelsOfMany(_) => source.field_refusal(
            "data",
            "At least one of the image dimensions exceed max allowed size: 8000 pixels",
        ),
        ImageError::Damaged
        | ImageError::Format(_)
        | ImageError::TooManyPixelsToChange(_)
        | ImageError::TooMuchMemory { .. } => {
            source.field_refusal("data", "Could not process image")
        }
    })
}

/// Checks whether citations are asked for.
///
/// Source: Anthropic's Python SDK, `types/citations_config_param.py`.
fn check_citation_switch(block: &ObjectReader<'_>) -> Result<(), Refusal> {
    if matches!(block.optional_field("citations"), None | Some(Value::Null)) {
        return Ok(());
    }
    let citations = block.required_object("citations")?;
    citations.allow_only(&["enabled"])?;
    citations.check_boolean("enabled")
}

fn check_document(block: &ObjectReader<'_>) -> Result<(), Refusal> {
    block.allow_only(&[
        "type",
        "source",
        "title",
        "context",
        "citations",
        "cache_control",
    ])?;
    block.optional_string("title")?;
    block.optional_string("context")?;
    check_citation_switch(block)?;
    let source = block.required_object("source")?;
    // URL and file sources exist only on Anthropic's own platform.
    let tag = source.required_tag(&["base64", "content", "text"])?;
    let source = source.with_tag(tag);
    if tag == "content" {
        source.allow_only(&["type", "content"])?;
        return check_contents(DOCUMENT_BLOCKS, &source);
    }
    source.allow_only(&["type", "media_type", "data"])?;
    if tag == "text" {
        source.required_choice("media_type", &["text/plain"])?;
        return match source.required_string("data")? {
            "" => Err(source.field_refusal("data", "String should have at least 1 character")),
            _ => Ok(()),
        };
    }
    source.required_choice("media_type", &["application/pdf"])?;
    check_pdf(&decode_source(&source)?).map_err(|why| source.field_refusal("data", why))
}

/// Checks a call sent back by the client. The model may have written input that is not an object.
///
/// Source: the API reference; `dust-tt/dust#24414` and others ran into it.
fn check_tool_use(block: &ObjectReader<'_>) -> Result<(), Refusal> {
    // Newer models add `caller` to their calls, and clients send it back.
    block.allow_only(&["type", "id", "name", "input", "cache_control", "caller"])?;
    block.required_identifier("id", None)?;
    block.required_identifier("name", Some(64))?;
    if !matches!(block.optional_field("caller"), None | Some(Value::Null)) {
        block.required_object("caller")?;
    }
    block.required_object("input").map(drop)
}

fn check_tool_result(block: &ObjectReader<'_>) -> Result<(), Refusal> {
    block.allow_only(&[
        "type",
        "tool_use_id",
        "content",
        "is_error",
        "cache_control",
    ])?;
    block.required_identifier("tool_use_id", None)?;
    block.check_boolean("is_error")?;
    match block.optional_field("content") {
        None => Ok(()),
        // An empty string counts as no content.
        Some(Value::String(text)) if text.is_empty() => Ok(()),
        Some(_) => check_contents(RESULT_BLOCKS, block),
    }
}

/// Checks the content of a block: text, or blocks of these types.
fn check_contents(types: &[&str], block: &ObjectReader<'_>) -> Result<(), Refusal> {
    if let Value::String(text) = block.required_field("content")? {
        return check_words(text);
    }
    for (index, value) in block.required_list("content")?.iter().enumerate() {
        let path = format!("{}.{index}", block.field_path("content"));
        check_one_of(types, path, value)?;
    }
    Ok(())
}

/// Checks the shape of a thinking block; whether it belongs here depends on the whole request.
fn check_thinking(block: &ObjectReader<'_>) -> Result<(), Refusal> {
    block.allow_only(&["type", "thinking", "signature"])?;
    block.required_string("thinking")?;
    block.required_string("signature").map(drop)
}

fn decode_source(source: &ObjectReader<'_>) -> Result<Vec<u8>, Refusal> {
    BASE64_STANDARD
        .decode(source.required_string("data")?)
        .map_err(|_| refusal_at(source.path(), "invalid base64 data"))
}
