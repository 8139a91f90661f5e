//! What a block of a message has to be, whatever is around it.
//!
//! What can be made acceptable exactly is: base64 with line breaks, a media type that is not that
//! of the bytes, arguments that are not an object, blank text in a result. In place of anything
//! else that the endpoint is known to refuse there are words for the model, and a flaw is noted,
//! for callers that refuse it instead. Blocks of a type that is not known here stay as they are.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::block_shape::{field_flaw, wrong_fields, wrong_fields_of};
use crate::media::{FileKind, ImageError, PdfError, check_image, check_pdf, detect_file_kind};
use crate::model_text::{NO_OUTPUT, left_out_block};
use crate::protocol::{ContentBlock, Media, Role, Source, ToolResult, ToolUse};

/// The block types whose fields are known here.
const KNOWN_TYPES: [&str; 7] = [
    "text",
    "image",
    "document",
    "thinking",
    "redacted_thinking",
    "tool_use",
    "tool_result",
];

/// A text with its source, of which nothing is changed here.
const SEARCH_RESULT: &str = "search_result";

/// The block types that only the model's messages have.
const ASSISTANT_TYPES: [&str; 3] = ["thinking", "redacted_thinking", "tool_use"];

/// The block types that only the user's messages have.
const USER_TYPES: [&str; 4] = ["image", "document", SEARCH_RESULT, "tool_result"];

/// The block types that a result of a tool may have. Source: the API reference, `api/messages`.
const RESULT_TYPES: [&str; 4] = ["text", "image", "document", SEARCH_RESULT];

/// The longest name of a tool that the API accepts, in characters.
const MAX_NAME_CHARS: usize = 64;

/// What is wrong with a source without a type.
const NO_SOURCE_TYPE: &str = "its `source` must be an object with a `type`";

/// Why a block cannot be sent as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BlockFlaw {
    /// What it is, such as `image`.
    pub(super) what: String,
    /// Why it cannot be sent.
    pub(super) why: String,
    /// What is wrong with the file in it, if that is why.
    pub(super) media: Option<MediaError>,
}

/// Why a file in a block cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MediaError {
    /// It is a picture.
    Image(ImageError),
    /// It is a PDF.
    Pdf(PdfError),
}

impl BlockFlaw {
    fn new(what: &str, why: impl Into<String>) -> Self {
        Self {
            what: what.to_owned(),
            why: why.into(),
            media: None,
        }
    }

    /// The flaw of a picture that is damaged or exceeds a limit.
    fn in_image(error: ImageError) -> Self {
        Self {
            media: Some(MediaError::Image(error)),
            ..Self::new("image", error.to_string())
        }
    }

    /// The flaw of a PDF that the endpoint does not accept.
    fn in_pdf(error: PdfError) -> Self {
        Self {
            media: Some(MediaError::Pdf(error)),
            ..Self::new("document", error.to_string())
        }
    }

    /// The flaw of a block of a known type whose fields are not those of the type.
    fn malformed(kind: &str, block: &Value) -> Self {
        let why = block
            .as_object()
            .and_then(|fields| field_flaw(kind, fields));
        let why = why.unwrap_or_else(|| "its fields are not those of its type".to_owned());
        Self::new(kind, why)
    }

    /// The words that stand for the block.
    fn stand_in(&self) -> String {
        left_out_block(&self.what, &self.why)
    }
}

/// Makes a block of a message acceptable, and notes in `flaws` what was replaced for that. A block
/// that has nothing to say is blank text afterwards.
pub(super) fn fit_block(role: Role, block: &mut ContentBlock, flaws: &mut Vec<BlockFlaw>) {
    let flaw = placement_flaw(role, block);
    if flaw.is_none() {
        drop_wrong_fields(block, flaws);
    }
    let flaw = match flaw {
        Some(flaw) => Some(flaw),
        None => match block {
            ContentBlock::Image(media) => picture_flaw(media),
            ContentBlock::Document(media) => document_flaw(media, flaws),
            ContentBlock::ToolUse(call) => fit_call(call),
            ContentBlock::ToolResult(result) => {
                fit_result(result, flaws);
                None
            }
            // Half a call of a type that is not known here.
            ContentBlock::Unknown(unknown) if unknown.get("partial_json").is_some() => {
                *block = ContentBlock::text("");
                None
            }
            ContentBlock::Unknown(unknown) if unknown.kind() == Some(SEARCH_RESULT) => {
                search_result_flaw(&unknown.to_value())
            }
            ContentBlock::Text(_)
            | ContentBlock::Thinking(_)
            | ContentBlock::RedactedThinking(_)
            | ContentBlock::Unknown(_) => None,
        },
    };
    let Some(flaw) = flaw else { return };
    match block {
        // A call goes back with a name that the API accepts.
        ContentBlock::ToolUse(call) if role == Role::Assistant => {
            call.name = acceptable_name(&call.name);
        }
        // Reasoning is no use to anybody but the model that it came from.
        block if block.is_thinking() => *block = ContentBlock::text(""),
        block => *block = ContentBlock::text(flaw.stand_in()),
    }
    flaws.push(flaw);
}

/// Returns the flaw of an image or document with a source that the endpoint is not known to accept,
/// such as a URL: the platforms behind it do not fetch anything. Source: Anthropic's page
/// `build-with-claude/vision`; unverified against Langdock.
pub(super) fn foreign_source(block: &ContentBlock) -> Option<BlockFlaw> {
    match block {
        ContentBlock::Image(Media { source, .. }) => match source {
            Source::Json(source) => foreign_type("image", source),
            Source::Bytes(_) => None,
        },
        ContentBlock::Document(Media { source, .. }) => match source {
            Source::Json(source) => foreign_type("document", source),
            Source::Bytes(_) => None,
        },
        ContentBlock::ToolResult(result) => {
            let blocks = result.content.as_deref().and_then(Value::as_array);
            let mut blocks = blocks.into_iter().flatten();
            blocks.find_map(|block| foreign_type(block["type"].as_str()?, &block["source"]))
        }
        _ => None,
    }
}

fn foreign_type(what: &str, source: &Value) -> Option<BlockFlaw> {
    let kind = source["type"].as_str()?;
    let is_known = match what {
        "image" => kind == "base64",
        "document" => ["base64", "text", "content"].contains(&kind),
        _ => true,
    };
    if is_known {
        let mut inner = source["content"].as_array().into_iter().flatten();
        return inner.find_map(|block| foreign_type(block["type"].as_str()?, &block["source"]));
    }
    let why = format!(
        "its source has the type `{kind}`, which the endpoint is not known to accept \
         (--no-check sends it anyway)"
    );
    Some(BlockFlaw::new(what, why))
}

/// Whether a block is text without a visible character, which the API refuses.
pub(super) fn is_blank(block: &ContentBlock) -> bool {
    matches!(block, ContentBlock::Text(text) if text.text.trim().is_empty())
}

/// Returns the type of a block; none if it has none.
fn type_of(block: &ContentBlock) -> Option<&str> {
    Some(match block {
        ContentBlock::Text(_) => "text",
        ContentBlock::Image(_) => "image",
        ContentBlock::Document(_) => "document",
        ContentBlock::Thinking(_) => "thinking",
        ContentBlock::RedactedThinking(_) => "redacted_thinking",
        ContentBlock::ToolUse(_) => "tool_use",
        ContentBlock::ToolResult(_) => "tool_result",
        ContentBlock::Unknown(unknown) => unknown.kind()?,
    })
}

/// Removes the fields of another type than they must have that a block can be without.
fn drop_wrong_fields(block: &mut ContentBlock, flaws: &mut Vec<BlockFlaw>) {
    let Some(kind) = type_of(block) else {
        return;
    };
    let wrong = wrong_fields_of(kind, block);
    let wrong = wrong.into_iter().filter(|rule| !rule.is_required);
    let named = wrong.map(|rule| (rule.key, BlockFlaw::new(kind, rule.needed(kind))));
    for (key, flaw) in named.collect::<Vec<_>>() {
        flaws.push(flaw);
        block.remove_unknown(key);
    }
}

fn placement_flaw(role: Role, block: &ContentBlock) -> Option<BlockFlaw> {
    let Some(kind) = type_of(block) else {
        return Some(BlockFlaw::new("block", "it has no `type`"));
    };
    if let ContentBlock::Unknown(unknown) = block
        && KNOWN_TYPES.contains(&kind)
    {
        return Some(BlockFlaw::malformed(kind, &unknown.to_value()));
    }
    let (foreign, side): (&[&str], _) = match role {
        Role::User => (&ASSISTANT_TYPES, "assistant"),
        Role::Assistant => (&USER_TYPES, "user"),
    };
    foreign.contains(&kind).then(|| {
        let why = format!("only messages with the role `{side}` can have one");
        BlockFlaw::new(kind, why)
    })
}

fn fit_call(call: &mut ToolUse) -> Option<BlockFlaw> {
    if !call.input.is_object() && call.partial_json.is_none() {
        let given = std::mem::replace(&mut call.input, Value::Object(Map::new()).into());
        call.partial_json = Some(given.to_string());
    }
    (acceptable_name(&call.name) != call.name).then(|| {
        BlockFlaw::new(
            "tool_use",
            format!("`{}` is not a valid tool name", call.name),
        )
    })
}

/// Returns the name of a tool in the characters that the API accepts: models call tools that do
/// not exist, by names such as `functions.look_up`.
fn acceptable_name(name: &str) -> String {
    let name = acceptable_id(name);
    if name.is_empty() {
        return "unnamed".to_owned();
    }
    name.chars().take(MAX_NAME_CHARS).collect()
}

/// Returns an id with `_` for each character that the API does not accept.
pub(super) fn acceptable_id(id: &str) -> String {
    let is_accepted = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
    let accepted = |letter| if is_accepted(letter) { letter } else { '_' };
    id.chars().map(accepted).collect()
}

fn fit_result(result: &mut ToolResult, flaws: &mut Vec<BlockFlaw>) {
    if let Some(content) = &mut result.content {
        content.change(|content| fit_content(content, flaws));
    }
}

fn fit_content(content: &mut Value, flaws: &mut Vec<BlockFlaw>) {
    match content {
        Value::String(text) if text.trim().is_empty() => NO_OUTPUT.clone_into(text),
        Value::String(_) => {}
        Value::Array(blocks) => {
            fit_nested(blocks, &RESULT_TYPES, flaws);
            if blocks.is_empty() {
                *content = Value::from(NO_OUTPUT);
            }
        }
        other => {
            let why = "its content is neither text nor an array of blocks";
            flaws.push(BlockFlaw::new("tool_result", why));
            *other = Value::from(other.to_string());
        }
    }
}

/// Makes the blocks inside another block acceptable, and removes blank text.
fn fit_nested(blocks: &mut Vec<Value>, allowed: &[&str], flaws: &mut Vec<BlockFlaw>) {
    for block in blocks.iter_mut() {
        if let Some(flaw) = nested_flaw(block, allowed, flaws) {
            *block = json!({"type": "text", "text": flaw.stand_in()});
            flaws.push(flaw);
        }
    }
    blocks.retain(|block| {
        block["type"] != "text"
            || block["text"]
                .as_str()
                .is_some_and(|text| !text.trim().is_empty())
    });
}

fn nested_flaw(
    block: &mut Value,
    allowed: &[&str],
    flaws: &mut Vec<BlockFlaw>,
) -> Option<BlockFlaw> {
    let Some(kind) = block["type"].as_str().map(str::to_owned) else {
        return Some(BlockFlaw::new("block", "it has no `type`"));
    };
    if KNOWN_TYPES.contains(&kind.as_str()) && !allowed.contains(&kind.as_str()) {
        return Some(BlockFlaw::new(&kind, "it cannot be inside another block"));
    }
    if let Value::Object(fields) = block {
        for rule in wrong_fields(&kind, fields) {
            if !rule.is_required {
                flaws.push(BlockFlaw::new(&kind, rule.needed(&kind)));
                fields.shift_remove(rule.key);
            }
        }
    }
    let malformed = || BlockFlaw::malformed(&kind, block);
    match kind.as_str() {
        SEARCH_RESULT => search_result_flaw(block),
        "text" => (!block["text"].is_string()).then(malformed),
        "image" | "document" if !block["source"].is_object() => Some(malformed()),
        "image" => picture_source_flaw(&mut block["source"]),
        "document" => document_source_flaw(&mut block["source"], flaws),
        _ => None,
    }
}

/// Returns why a search result cannot be sent. Source: Anthropic's page
/// `build-with-claude/search-results`.
fn search_result_flaw(block: &Value) -> Option<BlockFlaw> {
    let is_text = |part: &Value| {
        let text = part["text"].as_str().unwrap_or_default();
        let fields = part.as_object();
        let has_wrong = |fields| !wrong_fields("text", fields).is_empty();
        part["type"] == "text" && !text.trim().is_empty() && !fields.is_some_and(has_wrong)
    };
    let parts = block["content"].as_array().map_or(&[][..], Vec::as_slice);
    let flaw = block
        .as_object()
        .and_then(|fields| field_flaw(SEARCH_RESULT, fields));
    let is_filled = !parts.is_empty() && parts.iter().all(is_text);
    let flaw = flaw.or_else(|| {
        (!is_filled).then(|| "`content` must have text blocks, none of them blank".to_owned())
    });
    flaw.map(|why| BlockFlaw::new(SEARCH_RESULT, why))
}

/// Returns why a picture of the user's cannot be sent. One that was read from a file was checked
/// then.
fn picture_flaw(media: &mut Media) -> Option<BlockFlaw> {
    match &mut media.source {
        Source::Bytes(_) => None,
        Source::Json(source) => source.change(picture_source_flaw),
    }
}

fn document_flaw(media: &mut Media, flaws: &mut Vec<BlockFlaw>) -> Option<BlockFlaw> {
    match &mut media.source {
        Source::Bytes(_) => None,
        Source::Json(source) => source.change(|source| document_source_flaw(source, flaws)),
    }
}

fn picture_source_flaw(source: &mut Value) -> Option<BlockFlaw> {
    if !source["type"].is_string() {
        return Some(BlockFlaw::new("image", NO_SOURCE_TYPE));
    }
    let bytes = match base64_bytes(source)? {
        Ok(bytes) => bytes,
        Err(why) => return Some(BlockFlaw::new("image", why)),
    };
    let media_type = detect_file_kind(&bytes).media_type();
    let media_type = media_type.filter(|kind| kind.starts_with("image/"));
    let Some(media_type) = media_type else {
        return Some(BlockFlaw::new(
            "image",
            "it is not a JPEG, PNG, GIF or WebP image",
        ));
    };
    source["media_type"] = Value::from(media_type);
    check_image(&bytes).err().map(BlockFlaw::in_image)
}

fn document_source_flaw(source: &mut Value, flaws: &mut Vec<BlockFlaw>) -> Option<BlockFlaw> {
    if !source["type"].is_string() {
        return Some(BlockFlaw::new("document", NO_SOURCE_TYPE));
    }
    let why = match source["type"].as_str() {
        Some("text") => match source["data"].as_str() {
            Some(text) if !text.trim().is_empty() => {
                source["media_type"] = Value::from("text/plain");
                return None;
            }
            _ => "it has no text",
        },
        Some("content") => match &mut source["content"] {
            Value::Array(blocks) => {
                fit_nested(blocks, &["text", "image"], flaws);
                if !blocks.is_empty() {
                    return None;
                }
                "it is empty"
            }
            Value::String(text) if !text.trim().is_empty() => return None,
            _ => "it is empty",
        },
        _ => match base64_bytes(source)? {
            Ok(bytes) => match detect_file_kind(&bytes) {
                FileKind::Pdf => {
                    source["media_type"] = Value::from("application/pdf");
                    return check_pdf(&bytes).err().map(BlockFlaw::in_pdf);
                }
                FileKind::PrecededPdf(bytes) => {
                    return Some(BlockFlaw::in_pdf(PdfError::Preceded(bytes)));
                }
                _ => "it is not a PDF",
            },
            Err(why) => why,
        },
    };
    Some(BlockFlaw::new("document", why))
}

/// Decodes a base64 source, and removes line breaks from it; none for sources of another type.
fn base64_bytes(source: &mut Value) -> Option<Result<Vec<u8>, &'static str>> {
    if source["type"] != "base64" {
        return None;
    }
    let Value::String(data) = &mut source["data"] else {
        return Some(Err("its source has no `data`"));
    };
    if data.contains(|letter: char| letter.is_ascii_whitespace()) {
        data.retain(|letter| !letter.is_ascii_whitespace());
    }
    Some(STANDARD.decode(data).map_err(|_| "its data is not base64"))
}
