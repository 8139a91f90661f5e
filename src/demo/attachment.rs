//! The images and documents of a request: their types, sizes and token counts.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;

use crate::media::ImageResolution;

/// Tokens of a PDF page: its text, plus the image of it that the model also sees.
const TOKENS_PER_PAGE: usize = 2000;

/// An image.
pub(super) struct ImageInfo<'a> {
    /// Its media type.
    pub(super) media_type: &'a str,
    /// The size of the file in bytes.
    pub(super) bytes: usize,
    /// Width in pixels.
    pub(super) width: usize,
    /// Height in pixels.
    pub(super) height: usize,
}

impl<'a> ImageInfo<'a> {
    /// Reads a validated base64 source.
    pub(super) fn from_source(source: &'a Value) -> Self {
        let bytes = decode_source(source);
        let (width, height) =
            imagesize::blob_size(&bytes).map_or((0, 0), |size| (size.width, size.height));
        Self {
            media_type: source["media_type"].as_str().unwrap_or_default(),
            bytes: bytes.len(),
            width,
            height,
        }
    }

    /// Estimates its tokens.
    pub(super) fn estimated_tokens(&self) -> usize {
        // Every model is counted at standard resolution, which is close enough for a script. A side
        // is 0 if it could not be read.
        let side = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX).max(1);
        ImageResolution::STANDARD.token_count(side(self.width), side(self.height)) as usize
    }
}

/// A PDF, or a text sent as a document.
pub(super) struct DocumentInfo<'a> {
    /// The title that the request gives it.
    pub(super) title: Option<&'a str>,
    /// Its media type.
    pub(super) media_type: &'a str,
    /// The size of the file in bytes.
    pub(super) bytes: usize,
    /// Estimated tokens.
    pub(super) tokens: usize,
    /// How many pages it has, if it is a PDF.
    pub(super) pages: usize,
}

impl<'a> DocumentInfo<'a> {
    /// Reads a validated document block.
    pub(super) fn from_block(block: &'a Value) -> Self {
        let source = &block["source"];
        let mut pages = 0;
        let (bytes, tokens) = match source["type"].as_str() {
            Some("text") => text_size(&source["data"]),
            Some("content") => content_size(&source["content"]),
            _ => {
                let bytes = decode_source(source);
                pages = count_pages(&bytes);
                (bytes.len(), pages * TOKENS_PER_PAGE)
            }
        };
        Self {
            title: block["title"].as_str(),
            media_type: source["media_type"].as_str().unwrap_or("text/plain"),
            bytes,
            tokens,
            pages,
        }
    }
}

/// Returns the length in bytes and the estimated tokens of a text.
fn text_size(text: &Value) -> (usize, usize) {
    let text = text.as_str().unwrap_or_default();
    (text.len(), super::tokens::estimate_tokens(text))
}

/// Returns the length in bytes and the estimated tokens of a text or of blocks.
fn content_size(content: &Value) -> (usize, usize) {
    let Some(blocks) = content.as_array() else {
        return text_size(content);
    };
    let sizes = blocks.iter().map(|block| {
        if block["type"] == "image" {
            let image = ImageInfo::from_source(&block["source"]);
            (image.bytes, image.estimated_tokens())
        } else {
            text_size(&block["text"])
        }
    });
    sizes.fold((0, 0), |(bytes, tokens), (more_bytes, more_tokens)| {
        (bytes + more_bytes, tokens + more_tokens)
    })
}

fn decode_source(source: &Value) -> Vec<u8> {
    BASE64_STANDARD
        .decode(source["data"].as_str().unwrap_or_default())
        .unwrap_or_default()
}

/// Counts the uncompressed page objects of a PDF; at least 1, since compressed ones are not
/// visible.
fn count_pages(pdf: &[u8]) -> usize {
    let count = |name: &[u8]| {
        memchr::memmem::find_iter(pdf, name)
            .filter(|at| pdf.get(at + name.len()) != Some(&b's'))
            .count()
    };
    (count(b"/Type /Page") + count(b"/Type/Page")).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_counts_as_the_vision_page_says() {
        let image = |width, height| ImageInfo {
            media_type: "image/png",
            bytes: 0,
            width,
            height,
        };
        assert_eq!(image(200, 200).estimated_tokens(), 64);
        assert_eq!(image(1000, 1000).estimated_tokens(), 1296);
        assert_eq!(image(8000, 8000).estimated_tokens(), 1521);
    }

    #[test]
    fn the_page_tree_is_not_counted_as_a_page() {
        assert_eq!(
            count_pages(b"%PDF-1.4 /Type /Pages /Type /Page >> /Type/Page>>"),
            2
        );
        assert_eq!(count_pages(b"%PDF-1.7"), 1);
    }
}
