//! Characters that were cut in half. A gateway in JavaScript that cuts strings sends half an emoji
//! as `"\ud83d"` and the other half at the beginning of the next event, which no JSON parser takes
//! for text. What belongs together is joined; what has no other half, and what is not UTF-8,
//! becomes U+FFFD: an answer is not lost to it.
//!
//! Nothing here is done for an event that can be read as it is, unless half a character waits.

use std::borrow::Cow;
use std::char::{REPLACEMENT_CHARACTER, decode_utf16};

use super::accumulate::{Accumulator, Update};
use super::error::StreamError;
use super::event::{Delta, Event};
use super::sse::Frame;

/// The place between two events at which a character may be cut.
#[derive(Debug, Default)]
pub(super) struct SurrogateJoiner {
    half: Option<Half>,
}

/// The first half of a character, and what it is the end of.
#[derive(Debug)]
struct Half {
    unit: u16,
    index: Option<usize>,
    kind: fn(Cow<'static, str>) -> Delta<'static>,
}

/// JSON that can be parsed, and the halves that were taken from the beginning and the end of its
/// strings.
struct RepairedDelta {
    json: Vec<u8>,
    first: Option<u16>,
    last: Option<u16>,
}

impl SurrogateJoiner {
    /// Parses a frame and applies it.
    pub(super) fn apply(
        &mut self,
        frame: &Frame<'_>,
        accumulator: &mut Accumulator,
    ) -> Result<Update, StreamError> {
        match Event::parse(frame) {
            Ok(event) if self.half.is_none() => accumulator.apply(event),
            Err(error) if !matches!(error, StreamError::Malformed { .. }) => Err(error),
            _ => self.apply_mended(frame, accumulator),
        }
    }

    #[cold]
    fn apply_mended(
        &mut self,
        frame: &Frame<'_>,
        accumulator: &mut Accumulator,
    ) -> Result<Update, StreamError> {
        let name = b"content_block_delta";
        let mended = RepairedDelta::from_json(
            frame.data,
            frame.data.windows(name.len()).any(|part| part == name),
        );
        let mut event = Event::parse(&Frame {
            data: &mended.json,
            ..*frame
        })?;
        match &mut event {
            Event::BlockDelta(index, delta) => self.join(*index, delta, &mended),
            Event::BlockStop(index) => {
                if let Some(half) = self.half.take_if(|half| half.index == *index) {
                    let lone = (half.kind)(REPLACEMENT_CHARACTER.to_string().into());
                    let update = accumulator.apply(Event::BlockDelta(half.index, lone))?;
                    return accumulator.apply(event).map(|_| update); // The end of a block is nothing to show.
                }
            }
            _ => {} // A half waits for more of its own block.
        }
        accumulator.apply(event)
    }

    /// Puts a half that waits before a delta of its block, and keeps the one at the end of it.
    fn join(&mut self, index: Option<usize>, delta: &mut Delta<'_>, mended: &RepairedDelta) {
        let (text, kind): (_, fn(Cow<'static, str>) -> Delta<'static>) = match delta {
            Delta::Text(text) => (text, Delta::Text),
            Delta::Thinking(text) => (text, Delta::Thinking),
            Delta::InputJson(text) => (text, Delta::InputJson),
            Delta::Signature(_) | Delta::Citation(_) | Delta::Unknown(_) | Delta::Empty => return,
        };
        let before = self
            .half
            .take_if(|half| half.index == index)
            .map(|half| half.unit);
        let units = before.into_iter().chain(mended.first);
        let joined: String = decode_utf16(units)
            .map(|read| read.unwrap_or(REPLACEMENT_CHARACTER))
            .collect();
        if !joined.is_empty() {
            text.to_mut().insert_str(0, &joined);
        }
        if let Some(unit) = mended.last {
            self.half = Some(Half { unit, index, kind });
        }
    }
}

/// JSON with U+FFFD for every half of a character and for all that is not UTF-8.
pub(super) fn mend(json: &[u8]) -> Vec<u8> {
    RepairedDelta::from_json(json, false).json
}

impl RepairedDelta {
    /// Looks at every escape of every string; `is_cut` says whether halves at the ends of a string
    /// may have another half.
    fn from_json(json: &[u8], is_cut: bool) -> Self {
        let text = String::from_utf8_lossy(json);
        let mut rest = text.as_bytes();
        let mut mended = Self {
            json: Vec::with_capacity(rest.len()),
            first: None,
            last: None,
        };
        let mut is_beginning = false;
        while let Some(&byte) = rest.first() {
            let length = match escaped_unit(rest) {
                Some(0xd800..=0xdbff)
                    if matches!(escaped_unit(&rest[6..]), Some(0xdc00..=0xdfff)) =>
                {
                    12
                }
                Some(unit @ 0xd800..=0xdfff) => {
                    let is_first = unit < 0xdc00;
                    rest = &rest[6..];
                    match is_first {
                        true if is_cut && rest.first() == Some(&b'"') => mended.last = Some(unit),
                        false if is_cut && is_beginning => mended.first = Some(unit),
                        _ => mended.json.extend_from_slice(b"\\ufffd"),
                    }
                    is_beginning = false;
                    continue;
                }
                _ if byte == b'\\' => rest.len().min(2),
                _ => 1,
            };
            is_beginning = byte == b'"';
            mended.json.extend_from_slice(&rest[..length]);
            rest = &rest[length..];
        }
        mended
    }
}

/// The UTF-16 unit of an escape that begins here.
fn escaped_unit(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    u16::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_halves_and_what_is_not_utf_8_are_replaced() {
        for (json, expected) in [
            (
                &br#""\ud83d \\ud83d \"\ude00""#[..],
                "\"\\ufffd \\\\ud83d \\\"\\ufffd\"",
            ),
            (
                br#""\ud83d\ude00 \uD83D\ud83d\uDE00""#,
                r#""\ud83d\ude00 \ufffd\ud83d\uDE00""#,
            ),
            (b"\"a\xffb \xc3\"", "\"a\u{fffd}b \u{fffd}\""),
            (br#"{"a":"\n\u12"#, r#"{"a":"\n\u12"#),
            (b"\"\\", "\"\\"),
        ] {
            assert_eq!(String::from_utf8(mend(json)).expect("UTF-8"), expected);
        }
    }

    #[test]
    fn halves_at_the_ends_of_a_string_are_kept_for_another_half() {
        let mended = RepairedDelta::from_json(br#"{"text":"\ude00 \ud83d"}"#, true);
        let json = String::from_utf8_lossy(&mended.json);
        assert_eq!(
            (json.as_ref(), mended.first, mended.last),
            (r#"{"text":" "}"#, Some(0xde00), Some(0xd83d))
        );
    }
}
