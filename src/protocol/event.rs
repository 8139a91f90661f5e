//! One stream event, parsed from its data while copying only what is kept.
//!
//! Source: the streaming page of Anthropic's documentation. Each event's data repeats its name as
//! `type`; if not, the SSE event name is used. Unknown events and deltas must be ignored, as the
//! page says.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::answer_limit::{AnswerLimit, AnswerSize};
use super::content_block::ContentBlock;
use super::error::{ApiError, StreamError};
use super::exact_json::{ExactFields, ExactJson, with_readable_numbers};
use super::message::{MALFORMED_BLOCK, Message, StopReason};
use super::sse::Frame;
use super::text_delta;
use super::usage::Usage;
use crate::text::{JsonPlace, check_depth, fields_bytes, tree_bytes};

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
    Citation(Value),
    /// The fields of a delta of an unknown type, without the type.
    Unknown(ExactFields),
    /// A delta of a known type without its field.
    Empty,
}

/// The fields that `message_delta` sets on the message.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct MessageDelta {
    /// Why the model stopped.
    #[serde(default)]
    pub(crate) stop_reason: Option<StopReason>,
    /// The stop sequence that was met.
    #[serde(default)]
    pub(crate) stop_sequence: Option<String>,
    /// Unknown fields, such as `stop_details`.
    #[serde(flatten)]
    pub(crate) extra: Map<String, Value>,
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
    #[serde(default)]
    citation: Option<Value>,
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
            b"message_start" => started_message(frame, envelope.message).map(Self::MessageStart),
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
                let mut delta: MessageDelta = optional_owned(frame, envelope.delta)?;
                if !envelope.is_plain_message_delta(frame) {
                    delta.extra.extend(unknown_fields(frame)?);
                }
                let usage = optional_owned(frame, envelope.usage)?;
                Ok(Self::MessageDelta(delta, usage))
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
            Self::Citation(citation) => (0, tree_bytes(citation)),
            Self::Unknown(fields) => (0, fields_bytes(fields)),
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
            "citations_delta" => fields.citation.map(Self::Citation),
            _ => {
                let text = raw.map_or("{}", RawValue::get);
                let fields = ExactJson::parse_written(text).map(ExactFields::from_object);
                let mut fields = fields
                    .map_err(|source| malformed(frame, source))?
                    .unwrap_or_default();
                fields.shift_remove("type");
                return Ok(Self::Unknown(fields));
            }
        };
        Ok(known.unwrap_or(Self::Empty))
    }
}

/// Returns the unknown fields of a `message_delta` event, such as `context_management`. They belong
/// to the message, as in Anthropic's SDKs.
fn unknown_fields(frame: &Frame<'_>) -> Result<Map<String, Value>, StreamError> {
    const KNOWN: [&str; 3] = ["type", "delta", "usage"];
    let fields: HashMap<Cow<'_, str>, &RawValue> =
        serde_json::from_slice(frame.data).map_err(|source| malformed(frame, source))?;
    let unknown = fields
        .into_iter()
        .filter(|(key, _)| !KNOWN.contains(&key.as_ref()));
    let mut unknown = unknown
        .map(|(key, raw)| Ok((key.into_owned(), parse_owned(frame, raw)?)))
        .collect::<Result<Map<String, Value>, StreamError>>()?;
    unknown.sort_keys();
    unknown.retain(|_, value: &mut Value| !value.is_null());
    Ok(unknown)
}

/// Whether this is the name of an event that makes up a message.
fn is_known(name: &[u8]) -> bool {
    name == b"error" || name.starts_with(b"message_") || name.starts_with(b"content_block_")
}

/// Parses the message of `message_start`. Its content follows in later events, so servers may omit
/// even `content`.
fn started_message(frame: &Frame<'_>, raw: Option<&RawValue>) -> Result<Box<Message>, StreamError> {
    if let Some(Ok(message)) = raw.map(|raw| serde_json::from_str(raw.get())) {
        return Ok(message);
    }
    let mut fields: Map<String, Value> = optional_owned(frame, raw)?;
    fields.entry("content").or_insert(Value::Null);
    serde_json::from_value(Value::Object(fields)).map_err(|source| malformed(frame, source))
}

fn optional_owned<T: DeserializeOwned + Default>(
    frame: &Frame<'_>,
    raw: Option<&RawValue>,
) -> Result<T, StreamError> {
    raw.map_or_else(|| Ok(T::default()), |raw| parse_owned(frame, raw))
}

/// Parses what may have numbers that no [`Value`] can hold: one in a count of tokens is no reason
/// to lose the answer.
fn parse_owned<T: DeserializeOwned>(frame: &Frame<'_>, raw: &RawValue) -> Result<T, StreamError> {
    let parsed = serde_json::from_str(raw.get());
    let parsed = parsed.or_else(|source| match with_readable_numbers(raw.get()) {
        Cow::Owned(readable) => serde_json::from_str(&readable),
        Cow::Borrowed(_) => Err(source),
    });
    parsed.map_err(|source| malformed(frame, source))
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
