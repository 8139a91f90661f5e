//! About how many tokens a request has, by part: a low figure, which refuses, and a high one, which
//! paces.
//!
//! Langdock has no endpoint that counts tokens. Pure, and fast enough to be done for every request.

mod pdf;
mod text;

use std::ops::{Add, AddAssign};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::Turn;
use crate::media::{Resolution, check_image};
use crate::protocol::{ContentBlock, InputMessage, Media, Source, ToolDefinition};

/// What every request has around its messages.
const REQUEST: Tokens = Tokens { low: 3, high: 10 };

/// What every turn has around its words.
const TURN: Tokens = Tokens { low: 3, high: 5 };

/// What the API tells a model that has tools: 159 to 530 tokens, by the model and by `tool_choice`.
const TOOLS: Tokens = Tokens {
    low: 150,
    high: 550,
};

/// An image whose size cannot be read, as one that stands elsewhere.
const UNSEEN_IMAGE: Tokens = Tokens {
    low: 1,
    high: Resolution::HIGH.max_tokens as u64,
};

/// How much of an image's base64 is looked at for its size in pixels, in bytes.
const IMAGE_HEAD: usize = 256 * 1024;

/// What is kept above a factor that was learned, for requests that are unlike those before.
const MARGIN: f64 = 1.15;

/// A number of tokens that nobody knows exactly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tokens {
    /// At least so many, as far as real text goes.
    pub(crate) low: u64,
    /// Hardly more than so many.
    pub(crate) high: u64,
}

impl Tokens {
    /// The number to show where one is shown. `factor` is what was learned of the high figures of a
    /// model.
    pub(crate) fn likely(self, factor: Option<f64>) -> u64 {
        let learned = factor.map(|factor| times(self.high, factor));
        learned.map_or_else(
            || u64::midpoint(self.low, self.high),
            |likely| likely.clamp(self.low, self.high),
        )
    }

    /// The number to pace by: the high figure, or a little above what was learned. What is exact
    /// stays so.
    pub(crate) fn paced(self, factor: Option<f64>) -> u64 {
        match factor {
            Some(factor) if self.low < self.high => times(self.high, factor * MARGIN).max(self.low),
            _ => self.high,
        }
    }
}

#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)] // Far below 2^52.
fn times(tokens: u64, factor: f64) -> u64 {
    (tokens as f64 * factor).round() as u64
}

impl Add for Tokens {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            low: self.low + other.low,
            high: self.high + other.high,
        }
    }
}

impl AddAssign for Tokens {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl std::iter::Sum for Tokens {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), Add::add)
    }
}

/// A part of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// What it is, in words.
    pub(crate) name: String,
    /// Its tokens.
    pub(crate) tokens: Tokens,
}

/// What a request has, by part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Estimate {
    /// The parts, in the order in which a model reads them. Those without tokens are left out.
    pub(crate) parts: Vec<Part>,
    /// Whether a PDF is among them, whose tokens are hardly known.
    pub(crate) has_pdf: bool,
}

/// What is estimated: a request before it is put into the form that goes out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking<'a> {
    /// The model, where it is known: it tells how much of an image is looked at.
    pub(crate) model: Option<&'a str>,
    /// The system prompt.
    pub(crate) system: Option<&'a str>,
    /// The tools that the model may call.
    pub(crate) tools: &'a [ToolDefinition],
    /// Earlier turns.
    pub(crate) earlier: &'a [InputMessage],
    /// The user's turn.
    pub(crate) turn: &'a Turn,
    /// What the answer begins with.
    pub(crate) prefill: Option<&'a str>,
}

impl Estimate {
    /// Estimates a request.
    pub(crate) fn of(asking: Asking<'_>) -> Self {
        let sight = Sight(asking.model.and_then(Resolution::of_model));
        let mut estimate = Self::default();
        estimate.add("the request itself", REQUEST);
        estimate.add(
            "the system prompt",
            asking.system.map_or(Tokens::default(), text::tokens_of),
        );
        if !asking.tools.is_empty() {
            let tools: Tokens = asking
                .tools
                .iter()
                .map(|tool| text::tokens_of(&tool.to_json()))
                .sum();
            estimate.add("the tools", TOOLS + tools);
        }
        let of_turn = |turn: &InputMessage| {
            turn.content
                .iter()
                .map(|block| sight.of_block(block))
                .sum::<Tokens>()
                + TURN
        };
        estimate.add(
            "the earlier turns",
            asking.earlier.iter().map(of_turn).sum(),
        );
        for (block, name) in asking.turn.content.iter().zip(&asking.turn.names) {
            estimate.add(name, sight.of_block(block));
        }
        if let Some(last) = estimate
            .parts
            .last_mut()
            .filter(|_| !asking.turn.content.is_empty())
        {
            last.tokens += TURN;
        }
        estimate.add(
            "the prefill",
            asking.prefill.map_or(Tokens::default(), text::tokens_of),
        );
        let blocks = asking
            .earlier
            .iter()
            .flat_map(|turn| &turn.content)
            .chain(&asking.turn.content);
        estimate.has_pdf = blocks
            .into_iter()
            .any(|block| matches!(block, ContentBlock::Document(_)));
        estimate
    }

    /// All parts together.
    pub(crate) fn total(&self) -> Tokens {
        self.parts.iter().map(|part| part.tokens).sum()
    }

    /// The number to pace by, as that of each part.
    pub(crate) fn paced(&self, factor: Option<f64>) -> u64 {
        self.parts
            .iter()
            .map(|part| part.tokens.paced(factor))
            .sum()
    }

    /// The likeliest number, as that of each part.
    pub(crate) fn likely(&self, factor: Option<f64>) -> u64 {
        self.parts
            .iter()
            .map(|part| part.tokens.likely(factor))
            .sum()
    }

    /// The part with the most tokens.
    pub(crate) fn largest(&self) -> Option<&Part> {
        self.parts.iter().max_by_key(|part| part.tokens.low)
    }

    fn add(&mut self, name: &str, tokens: Tokens) {
        if tokens.high > 0 {
            self.parts.push(Part {
                name: name.to_owned(),
                tokens,
            });
        }
    }
}

/// How much of an image the model looks at; none: nobody knows.
#[derive(Debug, Clone, Copy)]
struct Sight(Option<Resolution>);

impl Sight {
    fn of_block(self, block: &ContentBlock) -> Tokens {
        match block {
            ContentBlock::Text(text) => text::tokens_of(&text.text),
            ContentBlock::Image(image) => self.of_image(image),
            ContentBlock::Document(document) => of_document(document),
            // The API leaves thinking of earlier turns out, unless a tool's turn goes on.
            ContentBlock::Thinking(thinking) => Tokens {
                low: 0,
                ..text::tokens_of(&thinking.thinking)
            },
            ContentBlock::RedactedThinking(thinking) => Tokens {
                low: 0,
                ..text::tokens_of(&thinking.data)
            },
            ContentBlock::ToolUse(call) => {
                text::tokens_of(&call.name) + text::tokens_of(&call.input.to_string())
            }
            ContentBlock::ToolResult(result) => match &result.content {
                None => Tokens::default(),
                Some(Value::Array(blocks)) => blocks.iter().map(|block| self.of_json(block)).sum(),
                Some(Value::String(text)) => text::tokens_of(text),
                Some(other) => text::tokens_of(&other.to_string()),
            },
            ContentBlock::Unknown(block) => Tokens {
                low: 0,
                ..text::tokens_of(&block.to_string())
            },
        }
    }

    /// A block in the result of a tool.
    fn of_json(self, block: &Value) -> Tokens {
        match (block["type"].as_str(), block["text"].as_str()) {
            (Some("image"), _) => self.of_image_json(&block["source"]),
            (_, Some(text)) => text::tokens_of(text),
            _ => Tokens {
                low: 0,
                ..text::tokens_of(&block.to_string())
            },
        }
    }

    fn of_image(self, image: &Media) -> Tokens {
        match &image.source {
            Source::Bytes(raw) => self.of_image_bytes(&raw.bytes),
            Source::Json(source) => self.of_image_json(source),
        }
    }

    fn of_image_json(self, source: &Value) -> Tokens {
        let data = source["data"].as_str().unwrap_or_default().as_bytes();
        // Whole groups of four letters are bytes again; the size stands near the beginning.
        let head = data.get(..IMAGE_HEAD).unwrap_or(data);
        STANDARD
            .decode(head)
            .map_or(UNSEEN_IMAGE, |bytes| self.of_image_bytes(&bytes))
    }

    fn of_image_bytes(self, bytes: &[u8]) -> Tokens {
        let Ok(size) = check_image(bytes) else {
            return UNSEEN_IMAGE;
        };
        let pixels = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX);
        let seen_at = |resolution: Resolution| {
            u64::from(resolution.tokens(pixels(size.width), pixels(size.height)))
        };
        match self.0 {
            Some(resolution) => Tokens {
                low: seen_at(resolution),
                high: seen_at(resolution),
            },
            None => Tokens {
                low: seen_at(Resolution::STANDARD),
                high: seen_at(Resolution::HIGH),
            },
        }
    }
}

fn of_document(document: &Media) -> Tokens {
    match &document.source {
        Source::Bytes(raw) => pdf::tokens_of(&raw.bytes),
        Source::Json(source) => match (source["type"].as_str(), source["data"].as_str()) {
            (Some("base64"), Some(data)) => STANDARD
                .decode(data)
                .map_or(UNSEEN_IMAGE, |bytes| pdf::tokens_of(&bytes)),
            (_, Some(text)) => text::tokens_of(text),
            _ => Tokens {
                low: 0,
                ..text::tokens_of(&source.to_string())
            },
        },
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::*;
    use crate::input::{Attachment, Conversation, assemble};

    const GIF: &[u8] = b"GIF89a\xe8\x03\xe8\x03\0\0\0;";

    fn asking(turn: &Turn) -> Asking<'_> {
        Asking {
            model: Some("claude-3-haiku-20240307"),
            system: None,
            tools: &[],
            earlier: &[],
            turn,
            prefill: None,
        }
    }

    #[test]
    fn each_part_has_its_name_in_the_order_of_the_request() {
        let files = vec![
            Attachment::file("a.txt", b"some words"),
            Attachment::file("x.gif", GIF),
        ];
        let turn = assemble(
            Some("What is it?"),
            files,
            Some(Attachment::stdin(b"more words")),
        )
        .expect("a turn");
        let tools = json!([{"name": "look", "input_schema": {"type": "object"}}]);
        let tools = ToolDefinition::list_from(&tools).expect("a list of tools");
        let text =
            json!([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes?"}])
                .to_string();
        let earlier = Conversation::parse("`c`", &text).expect("turns").messages;
        let asking = Asking {
            system: Some("Be brief."),
            tools: &tools,
            earlier: &earlier,
            ..asking(&turn)
        };
        let estimate = Estimate::of(Asking {
            prefill: Some("It is"),
            ..asking
        });
        let names: Vec<&str> = estimate
            .parts
            .iter()
            .map(|part| part.name.as_str())
            .collect();
        let expected = [
            "the request itself",
            "the system prompt",
            "the tools",
            "the earlier turns",
            "`x.gif`",
            "`a.txt`",
            "standard input",
            "the prompt",
            "the prefill",
        ];
        assert_eq!(names, expected);
        assert_eq!(
            estimate.largest().map(|part| part.name.as_str()),
            Some("`x.gif`")
        );
        assert!(!estimate.has_pdf && estimate.total().low <= estimate.total().high);
    }

    #[test]
    fn an_image_counts_exactly_where_the_model_is_known_and_in_history_too() {
        let turn = assemble(None, vec![Attachment::file("x.gif", GIF)], None).expect("a turn");
        let image = |model| {
            Estimate::of(Asking {
                model,
                ..asking(&turn)
            })
            .parts[1]
                .tokens
                .low
                - TURN.low
        };
        assert_eq!(image(Some("claude-3-haiku-20240307")), 1296);
        let unknown = Estimate::of(Asking {
            model: None,
            ..asking(&turn)
        });
        assert_eq!(
            unknown.parts[1].tokens,
            Tokens {
                low: 1296,
                high: 1296
            } + TURN
        );
        let data = STANDARD.encode(GIF);
        let source = json!({"type": "base64", "media_type": "image/gif", "data": data});
        let block = json!({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "image", "source": source}]});
        let block: ContentBlock = serde_json::from_value(block).expect("a block");
        assert_eq!(Sight(None).of_block(&block).low, 1296);
    }

    #[test]
    fn what_was_learned_corrects_all_but_what_is_exact() {
        let (text, image) = (
            Tokens {
                low: 100,
                high: 300,
            },
            Tokens { low: 64, high: 64 },
        );
        assert_eq!((text.likely(None), text.paced(None)), (200, 300));
        assert_eq!((text.likely(Some(0.5)), text.paced(Some(0.5))), (150, 173));
        assert_eq!(
            (text.likely(Some(0.2)), text.paced(Some(0.2))),
            (100, 100),
            "not below the low figure"
        );
        assert_eq!((image.likely(Some(0.5)), image.paced(Some(2.0))), (64, 64));
    }

    #[test]
    fn a_pdf_is_told_apart() {
        let turn = assemble(
            None,
            vec![Attachment::file("x.pdf", b"%PDF-1.4\n<</Type/Page>>")],
            None,
        )
        .expect("a turn");
        assert!(Estimate::of(asking(&turn)).has_pdf);
        let raw =
            ContentBlock::Document(Media::new("application/pdf", Bytes::from_static(b"%PDF")));
        assert_eq!(Sight(None).of_block(&raw).low, 300);
    }
}
