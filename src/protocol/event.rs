//! One stream event, parsed from its data without copying what is not kept.
//!
//! Source: the streaming page of Anthropic's documentation. Each event's data repeats its name as
//! `type`; where it does not, the SSE event name is asked. Unknown events and deltas are to be
//! ignored, as the page says.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::error::{ApiError, StreamError};
use super::message::{ContentBlock, Message, StopReason, Usage};
use super::sse::Frame;
use super::text_delta;

/// What a frame says.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// The answer begins.
    MessageStart(Box<Message>),
    /// A block begins.
    BlockStart(usize, ContentBlock),
    /// A block grows.
    BlockDelta(usize, Delta<'a>),
    /// A block is whole.
    BlockStop(usize),
    /// The answer's last fields and its usage so far.
    MessageDelta(MessageDelta, Usage),
    /// The answer is whole.
    MessageStop,
    /// The API failed after it had begun.
    Error(ApiError),
    /// A ping, the `[DONE]` of some gateways, or an event that is not known here.
    Ignored,
}

/// What a block grows by.
#[derive(Debug)]
pub(crate) enum Delta<'a> {
    /// More text.
    Text(Cow<'a, str>),
    /// More reasoning.
    Thinking(Cow<'a, str>),
    /// The seal on the reasoning.
    Signature(Cow<'a, str>),
    /// More of a call's arguments, as JSON text.
    InputJson(Cow<'a, str>),
    /// A citation of the text.
    Citation(Value),
    /// A delta that is not known here.
    Ignored,
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
    /// Fields not known here, such as `stop_details`.
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
            return Ok(Self::BlockDelta(index, Delta::Text(Cow::Borrowed(text))));
        }
        Self::parse_any(frame)
    }

    fn parse_any(frame: &Frame<'a>) -> Result<Self, StreamError> {
        if frame.data == b"[DONE]" {
            return Ok(Self::Ignored);
        }
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
            b"message_start" => Ok(Self::MessageStart(Box::new(required(
                frame,
                envelope.message,
            )?))),
            b"content_block_start" => Ok(Self::BlockStart(
                index(frame, &envelope)?,
                required(frame, envelope.content_block)?,
            )),
            b"content_block_delta" => {
                let delta: DeltaFields<'a> = required(frame, envelope.delta)?;
                Ok(Self::BlockDelta(index(frame, &envelope)?, delta.into()))
            }
            b"content_block_stop" => Ok(Self::BlockStop(index(frame, &envelope)?)),
            b"message_delta" => {
                let usage = envelope
                    .usage
                    .map(|raw| parse(frame, raw))
                    .transpose()?
                    .unwrap_or_default();
                let delta = envelope
                    .delta
                    .map(|raw| parse(frame, raw))
                    .transpose()?
                    .unwrap_or_default();
                Ok(Self::MessageDelta(delta, usage))
            }
            b"message_stop" => Ok(Self::MessageStop),
            b"error" => Ok(Self::Error(ApiError::from_body(None, frame.data))),
            // As gateways say it.
            b"" if envelope.error.is_some() => {
                Ok(Self::Error(ApiError::from_body(None, frame.data)))
            }
            _ => Ok(Self::Ignored),
        }
    }
}

impl<'a> From<DeltaFields<'a>> for Delta<'a> {
    fn from(fields: DeltaFields<'a>) -> Self {
        let known = match fields.r#type.as_ref() {
            "text_delta" => fields.text.map(Self::Text),
            "thinking_delta" => fields.thinking.map(Self::Thinking),
            "signature_delta" => fields.signature.map(Self::Signature),
            "input_json_delta" => fields.partial_json.map(Self::InputJson),
            "citations_delta" => fields.citation.map(Self::Citation),
            _ => None,
        };
        known.unwrap_or(Self::Ignored)
    }
}

/// Whether an event's name is one of those that make up a message.
fn is_known(name: &[u8]) -> bool {
    name == b"error" || name.starts_with(b"message_") || name.starts_with(b"content_block_")
}

fn index(frame: &Frame<'_>, envelope: &Envelope<'_>) -> Result<usize, StreamError> {
    envelope
        .index
        .ok_or_else(|| malformed(frame, serde::de::Error::missing_field("index")))
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
