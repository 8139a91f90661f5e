//! One stream event, parsed from its data while copying only what is kept.
//!
//! Source: the streaming page of Anthropic's documentation. Each event's data repeats its name as
//! `type`; if not, the SSE event name is used. Unknown events and deltas must be ignored, as the
//! page says.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::answer_limit::{AnswerLimit, AnswerSize};
use super::content_block::ContentBlock;
use super::error::{ApiError, StreamError};
use super::message::{MALFORMED_BLOCK, Message, StopReason};
use super::raw_json::{TypedFields, UnknownFields, compact, text_tree_bytes};
use super::sse::Frame;
use super::text_delta;
use super::usage::Usage;
use crate::text::{JsonPlace, check_depth};

/// The error for an event that has content, so that it must not be ignored, but no type.
pub(super) const NAMELESS_EVENT: &str = "it holds a part of the answer, but has no name";

/// The meaning of a frame.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// The answer begins.
    MessageStart(Box<Message>),
    /// A block begins. Servers that send blocks sequentially may omit the index.
    BlockStart(Option<usize>, ContentBlock),
    /// A block grows; without an index, the one started most recently.
    BlockDelta(Option<usize>, Delta<'a>),
    /// A block is complete; without an index, the one started most recently.
    BlockStop(Option<usize>),
    /// The answer's last fields and its usage so far.
    MessageDelta(MessageDelta, Usage),
    /// The answer is complete.
    MessageStop,
    /// The API failed after the answer had begun.
    Error(ApiError),
    /// A ping, the `[DONE]` of some gateways, or an unknown event.
    Ignored,
}

/// An addition to a block.
#[derive(Debug)]
pub(crate) enum Delta<'a> {
    /// More text.
    Text(Cow<'a, str>),
    /// More reasoning.
    Thinking(Cow<'a, str>),
    /// The signature of the reasoning.
    Signature(Cow<'a, str>),
    /// More of a call's arguments, as a piece of JSON text.
    InputJson(Cow<'a, str>),
    /// A citation of the text.
    Citation(Box<RawValue>),
    /// The fields of a delta of an unknown type, without the type.
    Unknown(UnknownFields),
    /// A delta of a known type without its field.
    Empty,
}

/// The fields that `message_delta` sets on the message.
#[derive(Debug, Default)]
pub(crate) struct MessageDelta {
    /// Why the model stopped.
    pub(crate) stop_reason: Option<StopReason>,
    /// The stop sequence that was met.
    pub(crate) stop_sequence: Option<String>,
    /// Unknown fields, such as `stop_details`.
    pub(crate) extra: UnknownFields,
}

impl MessageDelta {
    fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        let mut fields = TypedFields::parse(text)?;
        Ok(Self {
            stop_reason: fields.optional("stop_reason")?,
            stop_sequence: fields.optional("stop_sequence")?,
            extra: fields.into_unknown()?,
        })
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    r#type: Cow<'a, str>,
    #[serde(default)]
    index: Option<usize>,
    #[serde(borrow, default)]
    delta: Option<&'a RawValue>,
    #[serde(borrow, default)]
    content_block: Option<&'a RawValue>,
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct DeltaFields<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(borrow, default)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    thinking: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    signature: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    partial_json: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    citation: Option<&'a RawValue>,
}

impl<'a> Event<'a> {
    /// Parses a frame.
    pub(crate) fn parse(frame: &Frame<'a>) -> Result<Self, StreamError> {
        if frame.event == b"content_block_delta"
            && let Some((index, text)) = text_delta::read(frame.data)
        {
            let delta = Delta::Text(Cow::Borrowed(text));
            return Ok(Self::BlockDelta(Some(index), delta));
        }
        Self::parse_any(frame)
    }

    /// Parses a frame that is not a plain text delta.
    pub(super) fn parse_any(frame: &Frame<'a>) -> Result<Self, StreamError> {
        if frame.data == b"[DONE]" {
            return Ok(Self::Ignored);
        }
        check_depth(frame.data, JsonPlace::Bare)
            .map_err(|_| StreamError::TooLarge(AnswerLimit::Depth))?;
        let envelope: Envelope<'a> = match serde_json::from_slice(frame.data) {
            Ok(envelope) => envelope,
            Err(source) if frame.event.is_empty() || is_known(frame.event) => {
                return Err(malformed(frame, source));
            }
            Err(_) => return Ok(Self::Ignored),
        };
        let name = if envelope.r#type.is_empty() {
            frame.event
        } else {
            envelope.r#type.as_bytes()
        };
        match name {
            b"message_start" => {
                let message = Message::from_start(envelope.message.map_or("{}", RawValue::get));
                let message = message.map_err(|source| malformed(frame, source))?;
                Ok(Self::MessageStart(Box::new(message)))
            }
            b"content_block_start" => {
                let block: ContentBlock = required(frame, envelope.content_block)?;
                if !block.is_well_formed() {
                    return Err(malformed(frame, serde::de::Error::custom(MALFORMED_BLOCK)));
                }
                Ok(Self::BlockStart(envelope.index, block))
            }
            b"content_block_delta" => {
                let delta = Delta::parse(frame, envelope.delta)?;
                Ok(Self::BlockDelta(envelope.index, delta))
            }
            b"content_block_stop" => Ok(Self::BlockStop(envelope.index)),
            b"message_delta" => {
                let delta = envelope.delta.map_or("{}", RawValue::get);
                let delta = MessageDelta::from_json(delta);
                let mut delta = delta.map_err(|source| malformed(frame, source))?;
                if !envelope.is_plain_message_delta(frame) {
                    delta.extra.extend(unknown_fields(frame)?);
                }
                let usage: Option<Usage> = envelope
                    .usage
                    .map(|usage| parse(frame, usage))
                    .transpose()?;
                Ok(Self::MessageDelta(delta, usage.unwrap_or_default()))
            }
            b"message_stop" => Ok(Self::MessageStop),
            b"error" => Ok(Self::Error(ApiError::from_body(None, frame.data))),
            // The format of some gateways.
            b"" if envelope.error.is_some() => {
                Ok(Self::Error(ApiError::from_body(None, frame.data)))
            }
            b"" if envelope.has_content() => {
                Err(malformed(frame, serde::de::Error::custom(NAMELESS_EVENT)))
            }
            _ => Ok(Self::Ignored),
        }
    }
}

impl Envelope<'_> {
    /// Whether the data of a `message_delta` consists of nothing but its known fields, judging by
    /// its length, so that there are no unknown ones to collect. This is the usual case.
    fn is_plain_message_delta(&self, frame: &Frame<'_>) -> bool {
        const FRAME: &str = r#"{"type":"message_delta","delta":,"usage":}"#;
        let (Some(delta), Some(usage)) = (self.delta, self.usage) else {
            return false;
        };
        !self.r#type.is_empty()
            && frame.data.len() == FRAME.len() + delta.get().len() + usage.get().len()
    }

    /// Whether ignoring the event would lose a part of the answer.
    fn has_content(&self) -> bool {
        self.delta.is_some() || self.content_block.is_some() || self.message.is_some()
    }
}

impl<'a> Delta<'a> {
    /// Returns what an answer grows by with it.
    pub(super) fn size(&self) -> AnswerSize {
        let (content, values) = match self {
            Self::Text(more)
            | Self::Thinking(more)
            | Self::Signature(more)
            | Self::InputJson(more) => (AnswerSize::of_text(more), 0),
            Self::Citation(citation) => (0, text_tree_bytes(citation)),
            Self::Unknown(fields) => (0, fields.tree_bytes()),
            Self::Empty => (0, 0),
        };
        AnswerSize { content, values }
    }

    fn parse(frame: &Frame<'_>, raw: Option<&'a RawValue>) -> Result<Self, StreamError> {
        let fields: DeltaFields<'a> = required(frame, raw)?;
        let known = match fields.r#type.as_ref() {
            "text_delta" => fields.text.map(Self::Text),
            "thinking_delta" => fields.thinking.map(Self::Thinking),
            "signature_delta" => fields.signature.map(Self::Signature),
            "input_json_delta" => fields.partial_json.map(Self::InputJson),
            "citations_delta" => {
                let citation = fields.citation.map(compact).transpose();
                let citation = citation.map_err(|source| malformed(frame, source))?;
                citation.map(Self::Citation)
            }
            _ => {
                let fields = TypedFields::parse(raw.map_or("{}", RawValue::get));
                let fields = fields.and_then(|mut fields| {
                    fields.take("type");
                    fields.into_unknown()
                });
                let fields = fields.map_err(|source| malformed(frame, source))?;
                return Ok(Self::Unknown(fields));
            }
        };
        Ok(known.unwrap_or(Self::Empty))
    }
}

/// Returns the unknown fields of a `message_delta` event, such as `context_management`. They belong
/// to the message, as in Anthropic's SDKs.
fn unknown_fields(frame: &Frame<'_>) -> Result<UnknownFields, StreamError> {
    const KNOWN: [&str; 3] = ["type", "delta", "usage"];
    let fields = serde_json::from_slice(frame.data);
    let mut unknown: UnknownFields = fields.map_err(|source| malformed(frame, source))?;
    unknown.retain(|key, raw| !KNOWN.contains(&key) && raw.get() != "null");
    unknown.sort_keys();
    Ok(unknown)
}

/// Whether this is the name of an event that makes up a message.
fn is_known(name: &[u8]) -> bool {
    name == b"error" || name.starts_with(b"message_") || name.starts_with(b"content_block_")
}

fn required<'a, T: Deserialize<'a>>(
    frame: &Frame<'_>,
    raw: Option<&'a RawValue>,
) -> Result<T, StreamError> {
    let raw = raw.ok_or_else(|| {
        malformed(
            frame,
            serde::de::Error::custom("a field of this event is missing"),
        )
    })?;
    parse(frame, raw)
}

fn parse<'a, T: Deserialize<'a>>(frame: &Frame<'_>, raw: &'a RawValue) -> Result<T, StreamError> {
    serde_json::from_str(raw.get()).map_err(|source| malformed(frame, source))
}

fn malformed(frame: &Frame<'_>, source: serde_json::Error) -> StreamError {
    StreamError::Malformed {
        event: String::from_utf8_lossy(frame.event).into_owned(),
        source,
    }
}
