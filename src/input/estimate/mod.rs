//! Estimates of the tokens of a request, by part: a low figure, for refusing requests, and a high
//! one, for pacing.
//!
//! Langdock has no endpoint that counts tokens. Pure, and fast enough to run for every request.

mod pdf;
mod text;

use std::ops::{Add, AddAssign};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::media::{ImageResolution, check_image};
use crate::protocol::{ContentBlock, CreateMessage, Media, Role, Source, ToolDefinition};

/// The overhead of a request.
const REQUEST: Tokens = Tokens { low: 3, high: 10 };

/// The overhead of a turn.
const TURN: Tokens = Tokens { low: 3, high: 5 };

/// The instructions that the API adds for tools: 159 to 530 tokens, depending on the model and on
/// `tool_choice`.
const TOOLS: Tokens = Tokens {
    low: 150,
    high: 550,
};

/// An image whose size cannot be read, such as one given by reference.
const UNSEEN_IMAGE: Tokens = Tokens {
    low: 1,
    high: ImageResolution::HIGH.max_tokens as u64,
};

/// How many bytes of an image's base64 are searched for its size in pixels.
const IMAGE_HEAD: usize = 256 * 1024;

/// A safety margin on a learned factor, for requests unlike earlier ones.
const MARGIN: f64 = 1.15;

/// An estimated number of tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tokens {
    /// A lower bound for real text.
    pub(crate) low: u64,
    /// An upper bound that is hardly ever exceeded.
    pub(crate) high: u64,
}

impl Tokens {
    /// Estimates the definition of a tool.
    pub(crate) fn of_definition(tool: &ToolDefinition) -> Self {
        text::tokens_of(&tool.to_json())
    }

    /// Returns the estimate to display. `factor` is the learned ratio of actual tokens to the high
    /// figure, for the model.
    pub(crate) fn likely(self, factor: Option<f64>) -> u64 {
        let learned = factor.map(|factor| times(self.high, factor));
        learned.map_or_else(
            || u64::midpoint(self.low, self.high),
            |likely| likely.clamp(self.low, self.high),
        )
    }

    /// Returns the estimate to pace by: the high figure, or a little above the learned one. An
    /// exact number stays unchanged.
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
    /// The name of the part, for messages.
    pub(crate) name: String,
    /// Its tokens.
    pub(crate) tokens: Tokens,
}

/// The estimate of a request, by part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Estimate {
    /// The parts, in the order in which the model reads them. Those without tokens are omitted.
    pub(crate) parts: Vec<Part>,
    /// Whether there is a PDF, for which the estimate is rough.
    pub(crate) has_pdf: bool,
}

impl Estimate {
    /// Estimates a request. `names` are the names of the last blocks of the user's last message:
    /// each of those blocks is a part of its own.
    pub(crate) fn of_request(request: &CreateMessage, names: &[String]) -> Self {
        // The resolution at which a model sees images depends on the model.
        let sight = Sight(ImageResolution::for_model(&request.model));
        let mut estimate = Self::default();
        estimate.add("the request itself", REQUEST);
        estimate.add("the system prompt", system_tokens(request));
        if !request.tools.is_empty() {
            let tokens: Tokens = request.tools.iter().map(Tokens::of_definition).sum();
            estimate.add("the tools", TOOLS + tokens);
        }
        let messages = request.messages.as_slice();
        let (messages, prefill) = match messages.split_last() {
            Some((last, before)) if last.role == Role::Assistant => (before, Some(last)),
            _ => (messages, None),
        };
        let last = messages.last().filter(|_| !names.is_empty());
        let content = last.map_or(&[][..], |last| last.content.as_slice());
        let (unnamed, with_name) = content.split_at(content.len().saturating_sub(names.len()));
        let of_blocks = |blocks: &[ContentBlock]| -> Tokens {
            blocks.iter().map(|block| sight.of_block(block)).sum()
        };
        let earlier = &messages[..messages.len() - usize::from(last.is_some())];
        let earlier = earlier
            .iter()
            .map(|message| of_blocks(&message.content) + TURN)
            .sum::<Tokens>()
            + of_blocks(unnamed);
        estimate.add("the earlier turns", earlier);
        for (block, name) in with_name.iter().zip(names) {
            estimate.add(name, sight.of_block(block));
        }
        if let Some(last) = estimate.parts.last_mut().filter(|_| !with_name.is_empty()) {
            last.tokens += TURN;
        }
        let prefill = prefill.map(|prefill| of_blocks(&prefill.content));
        estimate.add("the prefill", prefill.unwrap_or_default());
        let is_pdf = |block: &ContentBlock| matches!(block, ContentBlock::Document(_));
        estimate.has_pdf = request
            .messages
            .iter()
            .flat_map(|message| &message.content)
            .any(is_pdf);
        estimate
    }

    /// Returns the total of all parts.
    pub(crate) fn total(&self) -> Tokens {
        self.parts.iter().map(|part| part.tokens).sum()
    }

    /// Returns the total to pace by, summed over the parts.
    pub(crate) fn paced(&self, factor: Option<f64>) -> u64 {
        self.parts
            .iter()
            .map(|part| part.tokens.paced(factor))
            .sum()
    }

    /// Returns the total to display, summed over the parts.
    pub(crate) fn likely(&self, factor: Option<f64>) -> u64 {
        self.parts
            .iter()
            .map(|part| part.tokens.likely(factor))
            .sum()
    }

    /// Returns the part with the most tokens.
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

fn system_tokens(request: &CreateMessage) -> Tokens {
    if let Some(system) = &request.system {
        return text::tokens_of(&system.text());
    }
    match request.fields.get("system") {
        None => Tokens::default(),
        Some(Value::String(text)) => text::tokens_of(text),
        Some(blocks) => text::tokens_of(&blocks.to_string()),
    }
}

/// The resolution at which the model sees images; `None` if it is unknown.
#[derive(Debug, Clone, Copy)]
struct Sight(Option<ImageResolution>);

impl Sight {
    fn of_block(self, block: &ContentBlock) -> Tokens {
        match block {
            ContentBlock::Text(text) => text::tokens_of(&text.text),
            ContentBlock::Image(image) => self.of_image(image),
            ContentBlock::Document(document) => of_document(document),
            // The API drops the thinking of earlier turns, except within a turn with tools.
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
            ContentBlock::ToolResult(result) => match result.content.as_deref() {
                None => Tokens::default(),
                Some(Value::Array(blocks)) => blocks.iter().map(|block| self.of_json(block)).sum(),
                Some(Value::String(text)) => text::tokens_of(text),
                Some(other) => text::tokens_of(&other.to_string()),
            },
            ContentBlock::Unknown(block) => Tokens {
                low: 0,
                ..text::tokens_of(block.text())
            },
        }
    }

    /// Estimates a block in a tool result.
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
        // A prefix of whole base64 groups can be decoded; the size is near the beginning of the
        // image.
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
        let seen_at = |resolution: ImageResolution| {
            u64::from(resolution.token_count(pixels(size.width), pixels(size.height)))
        };
        match self.0 {
            Some(resolution) => Tokens {
                low: seen_at(resolution),
                high: seen_at(resolution),
            },
            None => Tokens {
                low: seen_at(ImageResolution::STANDARD),
                high: seen_at(ImageResolution::HIGH),
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
    use crate::protocol::{InputMessage, SystemPrompt, ToolDefinition};

    const GIF: &[u8] = b"GIF89a\xe8\x03\xe8\x03\0\0\0;";

    fn request(model: &str, messages: Vec<InputMessage>) -> CreateMessage {
        CreateMessage {
            model: model.to_owned(),
            max_tokens: 1,
            system: None,
            messages,
            fields: crate::protocol::ExactFields::default(),
            tools: Vec::new(),
            tool_choice: None,
            stream: true,
        }
    }

    fn said(role: Role, content: Vec<ContentBlock>) -> InputMessage {
        InputMessage { role, content }
    }

    #[test]
    fn each_part_has_its_name_in_the_order_of_the_request() {
        let files = vec![
            Attachment::file("a.txt", b"some words"),
            Attachment::file("x.gif", GIF),
        ];
        let stdin = Some(Attachment::stdin(b"more words"));
        let turn = assemble(Some("What is it?"), files, stdin).expect("a turn");
        let text =
            json!([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes?"}]);
        let earlier = Conversation::parse("`c`", &text.to_string());
        let mut messages = earlier.expect("turns").messages;
        messages.push(said(Role::User, turn.content));
        messages.push(said(Role::Assistant, vec![ContentBlock::text("It is")]));
        let mut request = request("claude-3-haiku-20240307", messages);
        request.system = Some(SystemPrompt::from_text("Be brief."));
        let tools = json!([{"name": "look", "input_schema": {"type": "object"}}]);
        request.tools = ToolDefinition::list_from(tools.into()).expect("a list of tools");
        let estimate = Estimate::of_request(&request, &turn.names);
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
    fn what_no_name_is_given_for_counts_as_earlier() {
        let blocks = vec![ContentBlock::text("a"), ContentBlock::text("b")];
        let request = request("m", vec![said(Role::User, blocks)]);
        let parts = |names: &[String]| {
            let estimate = Estimate::of_request(&request, names);
            let names = estimate.parts.into_iter().map(|part| part.name);
            names.skip(1).collect::<Vec<_>>()
        };
        assert_eq!(parts(&[]), ["the earlier turns"]);
        assert_eq!(
            parts(&["the prompt".to_owned()]),
            ["the earlier turns", "the prompt"]
        );
    }

    #[test]
    fn an_image_counts_exactly_where_the_model_is_known_and_in_history_too() {
        let turn = assemble(None, vec![Attachment::file("x.gif", GIF)], None).expect("a turn");
        let tokens = |model| {
            let request = request(model, vec![said(Role::User, turn.content.clone())]);
            Estimate::of_request(&request, &turn.names).parts[1].tokens
        };
        assert_eq!(tokens("claude-3-haiku-20240307").low - TURN.low, 1296);
        let exact = Tokens {
            low: 1296,
            high: 1296,
        };
        assert_eq!(tokens(""), exact + TURN);
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
            vec![Attachment::file(
                "x.pdf",
                b"%PDF-1.4\n<</Type/Page>>\n%%EOF",
            )],
            None,
        )
        .expect("a turn");
        let request = request("m", vec![said(Role::User, turn.content)]);
        assert!(Estimate::of_request(&request, &turn.names).has_pdf);
        let raw =
            ContentBlock::Document(Media::new("application/pdf", Bytes::from_static(b"%PDF")));
        assert_eq!(Sight(None).of_block(&raw).low, 300);
    }
}
