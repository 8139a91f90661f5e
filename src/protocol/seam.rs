//! Repairs characters that were split between events. A JavaScript gateway that splits strings may
//! send half an emoji as `"\ud83d"` and the other half at the start of the next event, and no JSON
//! parser accepts either as text. Matching halves are joined; unmatched ones and invalid UTF-8
//! become U+FFFD, so that the answer is not lost.
//!
//! Events that can be parsed as they are skip all of this, unless there is a pending half.

use std::borrow::Cow;
use std::char::{REPLACEMENT_CHARACTER, decode_utf16};

use super::accumulate::{Accumulator, Update};
use super::error::StreamError;
use super::event::{Delta, Event};
use super::sse::Frame;

/// Joins the halves of a character that was split between two events.
#[derive(Debug, Default)]
pub(super) struct SurrogateJoiner {
    half: Option<Half>,
}

/// The first half of a character, and the delta that it ended.
#[derive(Debug)]
struct Half {
    unit: u16,
    index: Option<usize>,
    kind: fn(Cow<'static, str>) -> Delta<'static>,
}

/// JSON that can be parsed, and the surrogate halves removed from the start and end of its strings.
struct RepairedDelta {
    json: Vec<u8>,
    first: Option<u16>,
    last: Option<u16>,
}

impl SurrogateJoiner {
    /// Applies a frame, and what was parsed from it, to the accumulator.
    pub(super) fn apply(
        &mut self,
        frame: &Frame<'_>,
        event: Result<Event<'_>, StreamError>,
        accumulator: &mut Accumulator,
    ) -> Result<Update, StreamError> {
        match event {
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
                    // The end of a block is nothing to show.
                    return accumulator.apply(event).map(|_| update);
                }
            }
            _ => {} // A half waits for more of its own block.
        }
        accumulator.apply(event)
    }

    /// Prepends the pending half to a delta of its block, and keeps the half at its end.
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

/// Returns JSON with U+FFFD for every unpaired surrogate and all invalid UTF-8.
pub(super) fn mend(json: &[u8]) -> Vec<u8> {
    RepairedDelta::from_json(json, false).json
}

impl RepairedDelta {
    /// Scans every escape in every string; `is_cut` says whether halves at the start or end of a
    /// string are kept to be joined.
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

/// Returns the UTF-16 code unit of the escape sequence at the start of `text`.
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
