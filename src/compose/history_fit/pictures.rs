//! The pictures of a whole request. Those that the user sends are checked with names before; of
//! those in results of tools, each that would be too many or too large has words in its place.
//!
//! Which ones stay depends on the user's pictures and on the results before, so that a result is
//! sent in the same way in each request of its turn: the thinking behind it is bound to that.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::input::{MANY_PICTURES, pictures_of};
use crate::media::check_image;
use crate::model_text::left_out_block;
use crate::protocol::{
    ContentBlock, InputMessage, MAX_PICTURES_OF_SHORT_WINDOW, ModelRules, Source,
};

/// The most bytes of base64 that the pictures of a request have: the largest body, less two
/// megabytes for the words.
const MAX_TOTAL_BYTES: usize = 18 * 1024 * 1024;

/// The pictures that a request has so far.
struct PictureTally {
    /// How many it may have.
    most: usize,
    count: usize,
    bytes: usize,
    /// Whether one has a side that is too long for one of many.
    has_large: bool,
}

/// Replaces the pictures in results of tools that exceed the limits of a whole request to a model.
pub(super) fn fit_pictures(messages: &mut [InputMessage], model: &str) {
    let has_pictures = |result: &crate::protocol::ToolResult| {
        let blocks = result.content.as_deref().and_then(Value::as_array);
        blocks.is_some_and(|blocks| blocks.iter().any(|block| block["type"] == "image"))
    };
    let blocks = || messages.iter().flat_map(|message| &message.content);
    if !blocks()
        .any(|block| matches!(block, ContentBlock::ToolResult(result) if has_pictures(result)))
    {
        return;
    }
    let own = pictures_of(messages, "");
    let known = ModelRules::for_model(model).max_pictures();
    let mut tally = PictureTally {
        most: known.unwrap_or(MAX_PICTURES_OF_SHORT_WINDOW),
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
        if let Some(content) = &mut result.content {
            content.change(|content| tally.add_all(content));
        }
    }
}

impl PictureTally {
    /// Counts the pictures in the content of a result, and replaces those that are too much.
    fn add_all(&mut self, content: &mut Value) {
        let blocks = content.as_array_mut().into_iter().flatten();
        for block in blocks.filter(|block| block["type"] == "image") {
            if let Err(why) = self.add(&block["source"]) {
                *block = json!({"type": "text", "text": left_out_block("image", why)});
            }
        }
    }

    /// Counts a picture, unless it is too much.
    fn add(&mut self, source: &Value) -> Result<(), &'static str> {
        let data = source["data"].as_str().unwrap_or_default();
        let size = STANDARD
            .decode(data)
            .ok()
            .and_then(|bytes| check_image(&bytes).ok());
        let is_large = size.is_some_and(|size| size.check_as_one_of_many().is_err());
        let has_large = self.has_large || is_large;
        if self.count >= self.most {
            return Err("the request already has the maximum number of images");
        }
        if has_large && self.count >= MANY_PICTURES {
            return Err("a request with more than 20 images can have none over 2000 pixels a side");
        }
        if self.bytes + data.len() > MAX_TOTAL_BYTES {
            return Err("the images of the request are too large in total");
        }
        self.count += 1;
        self.bytes += data.len();
        self.has_large = has_large;
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
