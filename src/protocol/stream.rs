//! Converts the bytes of a response body to updates and, finally, a message or a typed error.
//!
//! The format is detected from the first bytes of the body, not from a header: even if a stream was
//! requested, a complete JSON message is accepted, alone or in an array of one, as Langdock's
//! documentation shows it.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::accumulate::{Accumulator, Update};
use super::answer_limit::AnswerLimit;
use super::error::{ApiError, StreamError, is_page};
use super::event::Event;
use super::message::Message;
use super::seam::{SurrogateJoiner, mend};
use super::secret_filter::{FilteredEvent, SecretFilter};
use super::sse::Decoder;
use super::usage::Usage;
use crate::text::{JsonPlace, JsonShape, SecretForms, check_depth};

/// A JSON text of so many bytes takes little memory, whatever it says.
const SMALL_JSON_BYTES: usize = 16 * 1024;

/// Turns a response body into a message.
#[derive(Debug, Default)]
pub(crate) struct MessageStream {
    body: Body,
    filter: SecretFilter,
    end: End,
    /// How much has come, in bytes.
    received: usize,
    has_content: bool,
    finished: bool,
}

#[derive(Debug)]
enum Body {
    Unknown(Vec<u8>),
    Events(Decoder, Accumulator, SurrogateJoiner),
    Json(Vec<u8>),
    Parsed(Box<Message>, VecDeque<Update>),
}

/// How far the end of the body has been processed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum End {
    /// More may be received.
    #[default]
    Open,
    /// The body has ended.
    Said,
    /// Its last event has been completed with an empty line.
    Closed,
}

impl Default for Body {
    fn default() -> Self {
        Self::Unknown(Vec::new())
    }
}

impl MessageStream {
    /// Creates a stream out of which a secret is blanked.
    pub(crate) fn without_secret(secret: Option<Arc<SecretForms>>) -> Self {
        Self {
            filter: SecretFilter::new(secret),
            ..Self::default()
        }
    }

    /// Buffers bytes from the connection.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.received = self.received.saturating_add(bytes.len());
        match &mut self.body {
            Body::Unknown(seen) => {
                seen.extend_from_slice(bytes);
                self.body = tell(seen);
            }
            Body::Events(decoder, ..) => decoder.push(bytes),
            Body::Json(body) => body.extend_from_slice(bytes),
            Body::Parsed(..) => {} // Nothing belongs behind the end.
        }
    }

    /// Marks the body as ended. A last event without its final line break or empty line is still
    /// processed.
    pub(crate) fn end(&mut self) {
        self.end = End::Said;
    }

    /// Ends a body whose connection failed after a complete JSON message, and returns whether it is
    /// one.
    pub(crate) fn end_if_whole(&mut self) -> bool {
        let Body::Json(body) = &self.body else {
            return false;
        };
        let Ok((message, updates)) = parse_reply(&self.filter.filter_body(body)) else {
            return false;
        };
        self.body = Body::Parsed(message, updates);
        self.end();
        true
    }

    /// Whether the body was marked as ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.end != End::Open
    }

    /// Returns the next update; `None` if more bytes are needed. Anything after a complete answer
    /// is ignored, since it cannot affect the answer.
    pub(crate) fn next(&mut self) -> Result<Option<Update>, StreamError> {
        if self.finished {
            return Ok(None);
        }
        if self.received > AnswerLimit::Stream.most() {
            return Err(StreamError::TooLarge(AnswerLimit::Stream));
        }
        let ended = self.has_ended();
        let update = match &mut self.body {
            Body::Unknown(_) if ended => Err(StreamError::Cut),
            Body::Unknown(_) => Ok(None),
            Body::Events(decoder, accumulator, seam) => {
                let filter = &mut self.filter;
                match next_event(decoder, filter, accumulator, seam) {
                    Ok(None) if self.end == End::Said => {
                        self.end = End::Closed;
                        decoder.push(b"\n\n");
                        // A truncated body ends in half an event, which is not malformed.
                        next_event(decoder, filter, accumulator, seam).map_err(
                            |error| match error {
                                StreamError::Malformed { .. } => StreamError::Cut,
                                other => other,
                            },
                        )
                    }
                    next => next,
                }
            }
            Body::Json(body) if body.len() > AnswerLimit::Body.most() => {
                Err(StreamError::TooLarge(AnswerLimit::Body))
            }
            Body::Json(body) if ended => {
                let (message, updates) = parse_reply(&self.filter.filter_body(body))?;
                self.body = Body::Parsed(message, updates);
                return self.next();
            }
            Body::Json(_) => Ok(None),
            Body::Parsed(_, updates) => Ok(updates.pop_front()),
        }?;
        self.has_content |= update.as_ref().is_some_and(Update::is_content);
        self.finished |= update == Some(Update::Finished);
        Ok(update)
    }

    /// Returns the data of the event behind the last update, as received but for the secret; empty
    /// if the body is not an event stream.
    pub(crate) fn data(&self) -> &[u8] {
        match &self.body {
            Body::Events(decoder, ..) => self.filter.replaced().unwrap_or(decoder.data()),
            _ => &[],
        }
    }

    /// Whether any of the answer's content has been received.
    pub(crate) fn has_content(&self) -> bool {
        self.has_content
    }

    /// Whether the answer is complete, so that nothing more needs to be read.
    pub(crate) fn is_finished(&self) -> bool {
        self.finished
    }

    /// Returns the latest token counts, once the message has begun.
    pub(crate) fn usage(&self) -> Option<&Usage> {
        match &self.body {
            Body::Events(_, accumulator, _) => accumulator.usage(),
            Body::Parsed(message, _) => Some(&message.usage),
            Body::Unknown(_) | Body::Json(_) => None,
        }
    }

    /// Returns the complete message, or why there is none. The arguments of a call may still be
    /// invalid, see [`Message::broken_call`].
    pub(crate) fn finish(self) -> Result<Message, StreamError> {
        match self.body {
            Body::Events(_, accumulator, _) => accumulator.finish(),
            Body::Parsed(message, _) => Ok(*message),
            Body::Unknown(_) | Body::Json(_) => Err(StreamError::Cut),
        }
    }

    /// Returns the message as far as it was received; `None` if it never began.
    pub(crate) fn partial(self) -> Option<Message> {
        match self.body {
            Body::Events(_, accumulator, _) => accumulator.partial(),
            Body::Parsed(message, _) => Some(*message),
            Body::Unknown(_) | Body::Json(_) => None,
        }
    }
}

fn next_event(
    decoder: &mut Decoder,
    filter: &mut SecretFilter,
    accumulator: &mut Accumulator,
    seam: &mut SurrogateJoiner,
) -> Result<Option<Update>, StreamError> {
    let waiting = filter.next_waiting();
    let frame = match &waiting {
        Some(waiting) => waiting.as_frame(),
        None => match decoder.next_frame() {
            Ok(Some(frame)) => frame,
            Ok(None) => return Ok(None),
            Err(_) => return Err(StreamError::TooLarge(AnswerLimit::Event)),
        },
    };
    check_size(frame.data)?;
    let update = match filter.filter(&frame) {
        FilteredEvent::AsReceived(event) => {
            let update = seam.apply(&frame, event, accumulator);
            if let Some(waiting) = waiting {
                filter.set_replaced(waiting);
            }
            update
        }
        FilteredEvent::Replaced(written) => {
            let frame = written.as_frame();
            let update = seam.apply(&frame, Event::parse(&frame), accumulator);
            filter.set_replaced(written);
            update
        }
    };
    update.map(Some)
}

/// Checks that JSON text can be parsed without filling the memory.
fn check_size(text: &[u8]) -> Result<(), StreamError> {
    if text.len() > SMALL_JSON_BYTES
        && JsonShape::of_text(text).tree_bytes > AnswerLimit::Values.most()
    {
        return Err(StreamError::TooLarge(AnswerLimit::Values));
    }
    Ok(())
}

/// What an event stream can start with: a field, a comment or a byte order mark. Anything else is
/// parsed as JSON.
const EVENT_BEGINNINGS: [&[u8]; 6] = [b"event", b"data", b"id", b"retry", b":", b"\xef\xbb\xbf"];

/// Detects the format of a body from its first bytes, ignoring leading white space.
fn tell(seen: &[u8]) -> Body {
    let beginning = seen.trim_ascii_start();
    if EVENT_BEGINNINGS
        .iter()
        .any(|field| beginning.starts_with(field))
    {
        let mut decoder = Decoder::default();
        decoder.push(beginning);
        Body::Events(decoder, Accumulator::default(), SurrogateJoiner::default())
    } else if EVENT_BEGINNINGS
        .iter()
        .any(|field| field.starts_with(beginning))
    {
        // This includes an empty body. White space is not kept, since a server may send any amount
        // of it.
        Body::Unknown(beginning.to_vec())
    } else {
        Body::Json(beginning.to_vec())
    }
}

fn parse_reply(body: &[u8]) -> Result<(Box<Message>, VecDeque<Update>), StreamError> {
    check_size(body)?;
    let message = parse_message(body).or_else(|| parse_message(&mend(body)));
    let Some(mut message) = message else {
        return Err(not_a_message(body));
    };
    message.finish_arguments(AnswerLimit::Values.most());
    let mut updates = VecDeque::from([Update::Started]);
    updates.extend(message.content.iter().map(Update::from_block));
    updates.extend(message.stop_reason.clone().map(Update::Stopped));
    updates.push_back(Update::Finished);
    Ok((message, updates))
}

fn parse_message(body: &[u8]) -> Option<Box<Message>> {
    let text = std::str::from_utf8(body).ok()?;
    let wrapped = || {
        let [text] = serde_json::from_str::<[&RawValue; 1]>(text).ok()?;
        Message::from_json(text.get()).ok()
    };
    let message = Message::from_json(text).ok().or_else(wrapped);
    message.map(Box::new)
}

/// Classifies a body that is not a message: truncated JSON, an API error, or something else.
fn not_a_message(body: &[u8]) -> StreamError {
    if check_depth(body, JsonPlace::Bare).is_err() {
        return StreamError::TooLarge(AnswerLimit::Depth);
    }
    match serde_json::from_slice::<serde_json::Value>(body) {
        Err(error) if error.is_eof() => StreamError::Cut,
        Ok(value) if value.get("error").is_some() => {
            StreamError::Api(ApiError::from_body(None, body))
        }
        _ => StreamError::NotAMessage {
            excerpt: ApiError::from_body(None, body).message,
            is_page: is_page(&String::from_utf8_lossy(body)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_that_json_does_not_know_is_dropped_in_one_piece_and_in_many() {
        let error_of = |pieces: &[&[u8]]| {
            let mut machine = MessageStream::default();
            for piece in pieces {
                machine.push(piece);
            }
            machine.end();
            machine.next().expect_err("no message").to_string()
        };
        assert_eq!(
            error_of(&[b"\x0c\x0ctrue"]),
            error_of(&[b"\x0c", b"\x0c", b"true"])
        );
    }

    #[test]
    fn what_is_not_utf_8_does_not_cost_the_answer() {
        let whole = b"{\"content\": [{\"type\": \"text\", \"text\": \"a\xff \\ud83d\"}]}";
        let streamed = b"data: {\"type\":\"message_start\",\"message\":{\"content\":[]}}\n\n\
            data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n\
            data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"a\xff \"}}\n\n\
            data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"\\ude00\"}}\n\n\
            data: {\"type\":\"message_stop\"}\n\n";
        for body in [&whole[..], streamed] {
            let mut machine = MessageStream::default();
            machine.push(body);
            machine.end();
            while machine.next().expect("an answer").is_some() {}
            assert_eq!(
                machine.finish().expect("an answer").text(),
                "a\u{fffd} \u{fffd}"
            );
        }
    }

    #[test]
    fn white_space_before_an_answer_does_not_gather() {
        let mut machine = MessageStream::default();
        for _ in 0..100 {
            machine.push(&b" \r\n\t".repeat(1000));
            assert!(matches!(&machine.body, Body::Unknown(seen) if seen.is_empty()));
        }
        machine.push(b"da");
        machine.push(b"ta: {\"type\":\"ping\"}\n\n");
        assert!(matches!(machine.body, Body::Events(..)));
    }
}
