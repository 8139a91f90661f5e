//! The pictures of a whole request. Those that the user sends are checked with names before; of
//! those in results of tools, each that would be too many or too large has words in its place.
//!
//! Which ones stay depends on the user's pictures and on the results before, so that a result is
//! sent in the same way in each request of its turn: the thinking behind it is bound to that. For
//! the same reason their number does not depend on the model.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::input::{MANY_PICTURES, MAX_PICTURES_OF_SHORT_WINDOW, pictures_of};
use crate::media::check_image;
use crate::model_text::left_out_block;
use crate::protocol::{ContentBlock, InputMessage, Source};

/// The most bytes of base64 that the pictures of a request have: the largest body, less two
/// megabytes for the words.
const MAX_TOTAL_BYTES: usize = 18 * 1024 * 1024;

/// The pictures that a request has so far.
#[derive(Default)]
struct PictureTally {
    count: usize,
    bytes: usize,
    /// Whether one has a side that is too long for one of many.
    has_large: bool,
}

/// Replaces the pictures in results of tools that exceed the limits of a whole request.
pub(super) fn fit_pictures(messages: &mut [InputMessage]) {
    let has_pictures = |result: &crate::protocol::ToolResult| {
        let blocks = result.content.as_ref().and_then(Value::as_array);
        blocks.is_some_and(|blocks| blocks.iter().any(|block| block["type"] == "image"))
    };
    let blocks = || messages.iter().flat_map(|message| &message.content);
    if !blocks()
        .any(|block| matches!(block, ContentBlock::ToolResult(result) if has_pictures(result)))
    {
        return;
    }
    let own = pictures_of(messages, "");
    let mut tally = PictureTally {
        count: own.len(),
        bytes: blocks().map(base64_bytes).sum(),
        has_large: own.iter().any(|picture| {
            picture
                .size
                .is_some_and(|size| size.check_as_one_of_many().is_err())
        }),
    };
    for block in messages.iter_mut().flat_map(|message| &mut message.content) {
        let ContentBlock::ToolResult(result) = block else {
            continue;
        };
        let Some(Value::Array(blocks)) = &mut result.content else {
            continue;
        };
        for block in blocks.iter_mut().filter(|block| block["type"] == "image") {
            if let Err(why) = tally.add(&block["source"]) {
                *block = json!({"type": "text", "text": left_out_block("image", why)});
            }
        }
    }
}

impl PictureTally {
    /// Counts a picture, unless it is too much.
    fn add(&mut self, source: &Value) -> Result<(), &'static str> {
        let data = source["data"].as_str().unwrap_or_default();
        let size = STANDARD
            .decode(data)
            .ok()
            .and_then(|bytes| check_image(&bytes).ok());
        let is_large = size.is_some_and(|size| size.check_as_one_of_many().is_err());
        let has_large = self.has_large || is_large;
        if self.count >= MAX_PICTURES_OF_SHORT_WINDOW {
            return Err("a request can have no more images");
        }
        if has_large && self.count >= MANY_PICTURES {
            return Err(
                "a request with more than 20 images can have none of more than 2000 pixels a side",
            );
        }
        if self.bytes + data.len() > MAX_TOTAL_BYTES {
            return Err("the images of the request have too many bytes together");
        }
        *self = Self {
            count: self.count + 1,
            bytes: self.bytes + data.len(),
            has_large,
        };
        Ok(())
    }
}

/// Returns how many bytes a picture or document of the user's takes as base64.
fn base64_bytes(block: &ContentBlock) -> usize {
    match block {
        ContentBlock::Image(media) | ContentBlock::Document(media) => match &media.source {
            Source::Bytes(raw) => raw.bytes.len().div_ceil(3) * 4,
            Source::Json(source) => source["data"].as_str().map_or(0, str::len),
        },
        _ => 0,
    }
}
