//! How an answer is delivered: in which pieces, how fast, and where a fault cuts it off.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::sync::watch;

use super::body::{BodyEnd, BodyPiece, ScriptedBody};
use super::fault::Fault;
use super::reply::StreamEvent;
use super::tokens::CHARS_PER_TOKEN;

/// The speed of answers.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct DeliveryPace {
    /// The pause before the first byte of an answer.
    pub(crate) latency: Duration,
    /// The pause before each streamed piece of content.
    pub(crate) piece_pause: Duration,
    /// Tokens per second, greater than 0; `None` means no limit.
    pub(crate) rate: Option<f64>,
}

impl DeliveryPace {
    /// Returns how long it takes to generate this many tokens.
    fn time_for(self, tokens: f64) -> Duration {
        self.rate
            .and_then(|rate| Duration::try_from_secs_f64(tokens / rate).ok())
            .unwrap_or_default()
    }

    /// Returns the delay before an unstreamed answer of this many tokens.
    pub(super) fn before_whole(self, tokens: u64) -> Duration {
        self.latency.saturating_add(self.time_for(as_f64(tokens)))
    }
}

/// A fault that cuts an answer off, and what it needs.
#[derive(Clone)]
pub(super) struct PlannedBreak {
    /// The fault; never an HTTP status.
    pub(super) fault: Fault,
    /// Becomes true when the endpoint drains.
    pub(super) draining: watch::Receiver<bool>,
}

impl PlannedBreak {
    fn body_end(self) -> BodyEnd {
        match self.fault {
            Fault::Cut => BodyEnd::Cut,
            Fault::Stall => BodyEnd::Stall(self.draining),
            Fault::ErrorEvent | Fault::Status(_) => BodyEnd::Whole,
        }
    }
}

/// Returns the body of an unstreamed answer; with a fault, only the first half of its bytes.
pub(super) fn whole_body(
    mut bytes: Bytes,
    tokens: u64,
    broken: Option<PlannedBreak>,
) -> ScriptedBody {
    let length = bytes.len();
    let (sent, end) = match broken {
        Some(broken) => (length / 2, broken.body_end()),
        None => (length, BodyEnd::Whole),
    };
    bytes.truncate(sent);
    let piece = BodyPiece {
        bytes,
        pause: Duration::ZERO,
        written: tokens,
    };
    ScriptedBody::new(vec![piece], end).with_length(length as u64)
}

/// Returns the body of a streamed answer; with a fault, only the first half of its content.
pub(super) fn stream_body(
    events: &[StreamEvent],
    tokens: u64,
    pace: DeliveryPace,
    broken: Option<PlannedBreak>,
) -> ScriptedBody {
    let shown = if broken.is_some() {
        until_half(events)
    } else {
        events
    };
    let mut characters = 0;
    let mut pieces: Vec<BodyPiece> = shown
        .iter()
        .map(|event| {
            characters += event.character_count();
            let pause = if event.is_delta() {
                pace.piece_pause
            } else {
                Duration::ZERO
            };
            let written = characters.div_ceil(CHARS_PER_TOKEN) as u64;
            let tokens_of_event =
                as_f64(event.character_count() as u64) / as_f64(CHARS_PER_TOKEN as u64);
            let pause = pause.saturating_add(pace.time_for(tokens_of_event));
            BodyPiece {
                bytes: event.to_bytes(),
                pause,
                written: written.min(tokens),
            }
        })
        .collect();
    match (&broken, pieces.last_mut()) {
        (
            Some(PlannedBreak {
                fault: Fault::ErrorEvent,
                ..
            }),
            Some(last),
        ) => {
            let written = last.written;
            pieces.push(BodyPiece {
                bytes: overloaded_event().to_bytes(),
                pause: Duration::ZERO,
                written,
            });
        }
        // Each block was rounded up on its own; the final count is the answer's exact one.
        (None, Some(last)) => last.written = tokens,
        _ => {}
    }
    share_buffer(&mut pieces);
    ScriptedBody::new(
        pieces,
        broken.map_or(BodyEnd::Whole, PlannedBreak::body_end),
    )
}

/// Puts the bytes of all pieces into one buffer, which takes less memory.
fn share_buffer(pieces: &mut [BodyPiece]) {
    let all: Vec<u8> = pieces
        .iter()
        .flat_map(|piece| piece.bytes.iter().copied())
        .collect();
    let mut rest = Bytes::from(all);
    for piece in pieces {
        piece.bytes = rest.split_to(piece.bytes.len());
    }
}

/// Returns the events up to and including the middle one of those with content.
fn until_half(events: &[StreamEvent]) -> &[StreamEvent] {
    let deltas = events.iter().filter(|event| event.is_delta()).count();
    let middle = events
        .iter()
        .enumerate()
        .filter(|(_, event)| event.is_delta())
        .nth((deltas / 2).saturating_sub(1));
    middle.map_or(events, |(at, _)| &events[..=at])
}

fn overloaded_event() -> StreamEvent {
    StreamEvent::new(json!({
        "type": "error",
        "error": { "type": "overloaded_error", "message": "Overloaded" },
    }))
}

/// Token counts are far below 2^52, so the conversion is exact.
#[allow(clippy::cast_precision_loss)]
fn as_f64(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use hyper::body::Body;

    use super::*;

    fn events(deltas: usize) -> Vec<StreamEvent> {
        let delta = json!({
            "type": "content_block_delta", "index": 0,
            "delta": { "type": "text_delta", "text": "12345678" },
        });
        let stop = json!({ "type": "message_stop" });
        std::iter::repeat_n(delta, deltas)
            .chain([stop])
            .map(StreamEvent::new)
            .collect()
    }

    fn broken(fault: Fault) -> PlannedBreak {
        PlannedBreak {
            fault,
            draining: watch::channel(true).1,
        }
    }

    /// Returns the names of the events that are sent, and whether the body ends properly.
    async fn sent(mut body: ScriptedBody) -> (Vec<String>, bool) {
        let mut names = Vec::new();
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else {
                return (names, false);
            };
            let text =
                String::from_utf8(frame.into_data().expect("no trailers").into()).expect("UTF-8");
            names.push(
                text.split_whitespace()
                    .nth(1)
                    .unwrap_or_default()
                    .to_owned(),
            );
        }
        (names, true)
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_is_that_of_the_tokens() {
        let pace = DeliveryPace {
            rate: Some(4.0),
            ..DeliveryPace::default()
        };
        let begun = tokio::time::Instant::now();
        sent(stream_body(&events(10), 20, pace, None)).await;
        assert_eq!(
            begun.elapsed(),
            Duration::from_secs(5),
            "20 tokens, 4 a second"
        );
        assert_eq!(
            DeliveryPace {
                latency: Duration::from_secs(1),
                ..pace
            }
            .before_whole(20),
            Duration::from_secs(6)
        );
        assert_eq!(DeliveryPace::default().before_whole(20), Duration::ZERO);
    }

    #[tokio::test]
    async fn a_fault_breaks_a_stream_in_its_middle() {
        let pace = DeliveryPace::default();
        for (fault, deltas, last, ends_well) in [
            (Fault::Cut, 2, "content_block_delta", false),
            (Fault::Stall, 2, "content_block_delta", false),
            (Fault::ErrorEvent, 2, "error", true),
        ] {
            let (names, well) = sent(stream_body(&events(4), 8, pace, Some(broken(fault)))).await;
            assert_eq!(
                names
                    .iter()
                    .filter(|name| *name == "content_block_delta")
                    .count(),
                deltas,
                "{fault:?}"
            );
            assert_eq!(
                (names.last().map(String::as_str), well),
                (Some(last), ends_well),
                "{fault:?}"
            );
        }
        let (names, _) = sent(stream_body(&events(1), 2, pace, Some(broken(Fault::Cut)))).await;
        assert_eq!(names, ["content_block_delta"], "something always comes");
    }

    #[tokio::test]
    async fn a_whole_answer_breaks_off_before_its_announced_length() {
        let mut body = whole_body(
            Bytes::from_static(b"{\"a\":1}"),
            1,
            Some(broken(Fault::Cut)),
        );
        assert_eq!(body.size_hint().exact(), Some(7));
        let frame = body.frame().await.expect("a frame").expect("its bytes");
        assert_eq!(frame.into_data().expect("no trailers"), "{\"a");
        assert!(body.frame().await.is_some_and(|frame| frame.is_err()));
    }
}
