//! Blanks the API key out of an answer: a server, or a model that was shown the key, may repeat it.
//!
//! This is done before anything is made of an event, so that what is shown, saved and recorded as
//! an answer agrees. A key that is divided between deltas is found too; the deltas that carry it
//! are then rewritten. Answers without anything like it pass unchanged.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::json;

use super::error::StreamError;
use super::event::{Delta, Event};
use super::sse::{Decoder, Frame};
use super::text_delta;
use crate::text::{PiecewiseScrub, SecretForms};

/// Blanks a secret out of the body of a response piece by piece, as it is blanked out of what is
/// read of it: also where it is divided between events.
#[derive(Debug)]
pub(crate) struct BodyScrub {
    decoder: Decoder,
    filter: SecretFilter,
}

impl BodyScrub {
    /// Creates a filter for this secret.
    pub(crate) fn new(secret: Arc<SecretForms>) -> Self {
        Self {
            decoder: Decoder::default(),
            filter: SecretFilter::new(Some(secret)),
        }
    }

    /// Adds a piece that ends where an event ends. Returns what to keep of it: the piece itself,
    /// unless one of its events changes.
    pub(crate) fn push(&mut self, piece: Vec<u8>) -> Vec<u8> {
        self.decoder.push(&piece);
        let mut written = Vec::new();
        let mut is_changed = false;
        loop {
            let waiting = self.filter.next_waiting();
            let frame = match &waiting {
                Some(waiting) => waiting.as_frame(),
                None => match self.decoder.next_frame() {
                    Ok(Some(frame)) => frame,
                    // No event that is too large is read.
                    Ok(None) | Err(_) => break,
                },
            };
            match self.filter.filter(&frame) {
                FilteredEvent::AsReceived(_) => write_frame(&frame, &mut written),
                FilteredEvent::Replaced(changed) => {
                    is_changed = true;
                    write_frame(&changed.as_frame(), &mut written);
                }
            }
        }
        if is_changed { written } else { piece }
    }
}

/// Writes an event.
fn write_frame(frame: &Frame<'_>, out: &mut Vec<u8>) {
    if !frame.event.is_empty() {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(frame.event);
        out.push(b'\n');
    }
    for line in frame.data.split(|byte| *byte == b'\n') {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    out.push(b'\n');
}

/// Filters the events of one answer.
#[derive(Debug, Default)]
pub(super) struct SecretFilter {
    /// Nothing is filtered without one.
    secret: Option<Arc<SecretForms>>,
    /// The texts that end in what may begin the secret, by block and kind of delta.
    texts: BTreeMap<(Option<usize>, DeltaKind), PiecewiseScrub>,
    /// Events that wait until what was held back before them is passed on.
    waiting: VecDeque<OwnedFrame>,
    /// The data of the current event, if it is not as received.
    replaced: Option<Vec<u8>>,
}

/// The kinds of delta whose texts grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum DeltaKind {
    Text,
    Thinking,
    InputJson,
}

/// An event with its name and data.
#[derive(Debug)]
pub(super) struct OwnedFrame {
    event: Vec<u8>,
    data: Vec<u8>,
}

/// What to read of an event.
pub(super) enum FilteredEvent<'f> {
    /// It, as it was parsed.
    AsReceived(Result<Event<'f>, StreamError>),
    /// Another one in its place.
    Replaced(OwnedFrame),
}

impl OwnedFrame {
    /// Returns the event.
    pub(super) fn as_frame(&self) -> Frame<'_> {
        Frame {
            event: &self.event,
            data: &self.data,
        }
    }
}

impl SecretFilter {
    /// Creates a filter for this secret.
    pub(super) fn new(secret: Option<Arc<SecretForms>>) -> Self {
        Self {
            secret,
            ..Self::default()
        }
    }

    /// Begins the next event, and returns it if one is waiting.
    pub(super) fn next_waiting(&mut self) -> Option<OwnedFrame> {
        self.replaced = None;
        self.waiting.pop_front()
    }

    /// Returns the data of the current event, if it is not as received.
    pub(super) fn replaced(&self) -> Option<&[u8]> {
        self.replaced.as_deref()
    }

    /// Records the data of the current event.
    pub(super) fn set_replaced(&mut self, frame: OwnedFrame) {
        self.replaced = Some(frame.data);
    }

    /// Parses an event, unless another one has to be read in its place.
    pub(super) fn filter<'f>(&mut self, frame: &Frame<'f>) -> FilteredEvent<'f> {
        let Some(secret) = self.secret.as_ref().map(Arc::clone) else {
            return FilteredEvent::AsReceived(Event::parse(frame));
        };
        if frame.event == b"content_block_delta"
            && let Some((index, text)) = text_delta::read(frame.data)
        {
            let place = (Some(index), DeltaKind::Text);
            if let Some(changed) = self.filter_text(frame, place, text, &secret) {
                return FilteredEvent::Replaced(changed);
            }
            let delta = Delta::Text(Cow::Borrowed(text));
            return FilteredEvent::AsReceived(Ok(Event::BlockDelta(Some(index), delta)));
        }
        if let Cow::Owned(text) = secret.scrub(&String::from_utf8_lossy(frame.data)) {
            let scrubbed = OwnedFrame {
                event: frame.event.to_vec(),
                data: text.into_bytes(),
            };
            let seen = scrubbed.as_frame();
            let changed = self.filter_parsed(&seen, &Event::parse_any(&seen), &secret);
            return FilteredEvent::Replaced(changed.unwrap_or(scrubbed));
        }
        let event = Event::parse_any(frame);
        match self.filter_parsed(frame, &event, &secret) {
            Some(changed) => FilteredEvent::Replaced(changed),
            None => FilteredEvent::AsReceived(event),
        }
    }

    /// Returns what to read in place of an event; none if that is the event itself.
    fn filter_parsed(
        &mut self,
        frame: &Frame<'_>,
        event: &Result<Event<'_>, StreamError>,
        secret: &SecretForms,
    ) -> Option<OwnedFrame> {
        match event {
            Ok(Event::BlockDelta(index, delta)) => {
                let (kind, text) = match delta {
                    Delta::Text(text) => (DeltaKind::Text, text),
                    Delta::Thinking(text) => (DeltaKind::Thinking, text),
                    Delta::InputJson(text) => (DeltaKind::InputJson, text),
                    _ => return None,
                };
                self.filter_text(frame, (*index, kind), text, secret)
            }
            Ok(Event::BlockStop(index)) => self.release(frame, |block| block == *index),
            Ok(Event::MessageDelta(..) | Event::MessageStop) => self.release(frame, |_| true),
            _ => None,
        }
    }

    /// Blanks the key out of a body that is not a stream of events.
    pub(super) fn filter_body<'b>(&self, body: &'b [u8]) -> Cow<'b, [u8]> {
        let text = String::from_utf8_lossy(body);
        match self.secret.as_ref().map(|secret| secret.scrub(&text)) {
            Some(Cow::Owned(scrubbed)) => Cow::Owned(scrubbed.into_bytes()),
            _ => Cow::Borrowed(body),
        }
    }

    /// Filters the text of a delta.
    fn filter_text(
        &mut self,
        frame: &Frame<'_>,
        place: (Option<usize>, DeltaKind),
        text: &str,
        secret: &SecretForms,
    ) -> Option<OwnedFrame> {
        // Nearly all deltas have nothing like it, and follow none that has.
        if self.texts.is_empty() && !secret.may_be_in(text) {
            return None;
        }
        let mut pieces = self.texts.remove(&place).unwrap_or_default();
        let passed = pieces.push(text, secret);
        if !pieces.is_idle() {
            self.texts.insert(place, pieces);
        }
        let is_changed = passed != text;
        is_changed.then(|| delta_frame(frame.event, place, &passed))
    }

    /// Passes on what is held back of the blocks that an event ends, one text at a time; the event
    /// itself waits.
    fn release(
        &mut self,
        frame: &Frame<'_>,
        is_ended: impl Fn(Option<usize>) -> bool,
    ) -> Option<OwnedFrame> {
        let mut ended = self
            .texts
            .iter_mut()
            .filter(|((block, _), _)| is_ended(*block));
        let Some((place, text)) = ended.find(|(_, text)| text.has_held()) else {
            self.texts.retain(|(block, _), _| !is_ended(*block));
            return None;
        };
        let released = delta_frame(b"content_block_delta", *place, &text.take_held());
        self.waiting.push_back(OwnedFrame {
            event: frame.event.to_vec(),
            data: frame.data.to_vec(),
        });
        Some(released)
    }
}

/// Writes a delta.
fn delta_frame(event: &[u8], place: (Option<usize>, DeltaKind), text: &str) -> OwnedFrame {
    let delta = match place.1 {
        DeltaKind::Text => json!({"type": "text_delta", "text": text}),
        DeltaKind::Thinking => json!({"type": "thinking_delta", "thinking": text}),
        DeltaKind::InputJson => json!({"type": "input_json_delta", "partial_json": text}),
    };
    let mut data = json!({"type": "content_block_delta", "delta": delta});
    if let Some(index) = place.0 {
        data["index"] = index.into();
    }
    OwnedFrame {
        event: event.to_vec(),
        data: data.to_string().into_bytes(),
    }
}
