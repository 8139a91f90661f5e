//! The response body: pieces, each a chunk of its own and some after a pause, followed by an
//! orderly or a faulty end.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Sleep, sleep};

use super::record::AccessRecord;
use super::wait_for_drain;

/// A piece of the body.
pub(super) struct BodyPiece {
    /// The bytes to send.
    pub(super) bytes: Bytes,
    /// How long to wait before it.
    pub(super) pause: Duration,
    /// How many tokens of the answer have been sent once this piece is.
    pub(super) written: u64,
}

/// What happens after the last piece.
pub(super) enum BodyEnd {
    /// The body ends properly.
    Whole,
    /// The connection is cut.
    Cut,
    /// Silence, until the client disconnects or the endpoint drains; stalled connections would
    /// otherwise keep it from shutting down.
    Stall(watch::Receiver<bool>),
}

/// A body sent piece by piece.
pub(super) struct ScriptedBody {
    left: std::vec::IntoIter<BodyPiece>,
    /// The timer of the pause before the next piece, once it has started.
    sleeping: Option<Pin<Box<Sleep>>>,
    end: EndProgress,
    /// The `content-length` to announce, if any.
    length: Option<u64>,
    /// Dropped with the body, which writes the log line.
    record: Option<AccessRecord>,
    /// The room that it takes, given back with the body.
    _room: Option<OwnedSemaphorePermit>,
}

/// How far the end has been carried out.
enum EndProgress {
    Whole,
    /// Let buffered bytes leave before the connection is cut.
    Flush,
    Cut,
    Stall(Pin<Box<dyn Future<Output = ()> + Send>>),
}

impl ScriptedBody {
    /// Creates a body of one piece with a `content-length`.
    pub(super) fn from_bytes(bytes: Bytes) -> Self {
        let length = bytes.len() as u64;
        Self::new(
            vec![BodyPiece {
                bytes,
                pause: Duration::ZERO,
                written: 0,
            }],
            BodyEnd::Whole,
        )
        .with_length(length)
    }

    /// Creates a body of many pieces.
    pub(super) fn new(pieces: Vec<BodyPiece>, end: BodyEnd) -> Self {
        let end = match end {
            BodyEnd::Whole => EndProgress::Whole,
            BodyEnd::Cut => EndProgress::Flush,
            BodyEnd::Stall(mut draining) => {
                EndProgress::Stall(Box::pin(async move { wait_for_drain(&mut draining).await }))
            }
        };
        Self {
            left: pieces.into_iter(),
            sleeping: None,
            end,
            length: None,
            record: None,
            _room: None,
        }
    }

    /// Announces a length, which a body with a fault does not reach.
    pub(super) fn with_length(self, length: u64) -> Self {
        Self {
            length: Some(length),
            ..self
        }
    }

    /// Keeps the record until the body ends.
    pub(super) fn with_record(self, record: AccessRecord) -> Self {
        Self {
            record: Some(record),
            ..self
        }
    }

    /// Has the room end with the body.
    pub(super) fn with_room(self, room: OwnedSemaphorePermit) -> Self {
        Self {
            _room: Some(room),
            ..self
        }
    }

    /// Returns about how much memory it takes, in bytes.
    pub(super) fn memory_size(&self) -> usize {
        let pieces = self.left.as_slice();
        let bytes: usize = pieces.iter().map(|piece| piece.bytes.len()).sum();
        bytes + size_of_val(pieces)
    }

    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match &mut self.end {
            EndProgress::Whole => return Poll::Ready(None),
            EndProgress::Cut => {}
            // An error discards what hyper has buffered, and hyper flushes when the body is
            // pending.
            EndProgress::Flush => {
                self.end = EndProgress::Cut;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            EndProgress::Stall(until) => ready!(until.as_mut().poll(context)),
        }
        Poll::Ready(Some(Err(ErrorKind::ConnectionAborted.into())))
    }
}

impl Body for ScriptedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let Some(next) = self.left.as_slice().first() else {
            return self.poll_end(context);
        };
        let pause = next.pause;
        // No timer is created for a zero pause: the runtime may not have one.
        if !pause.is_zero() {
            ready!(
                self.sleeping
                    .get_or_insert_with(|| Box::pin(sleep(pause)))
                    .as_mut()
                    .poll(context)
            );
            self.sleeping = None;
        }
        let piece = self.left.next();
        if let (Some(piece), Some(record)) = (&piece, &mut self.record) {
            record.note_sent(piece.written);
        }
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece.bytes))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.end, EndProgress::Whole) && self.left.as_slice().is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.length
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use tokio::time::Instant;

    use super::*;

    fn piece(text: &'static str, seconds: u64) -> BodyPiece {
        BodyPiece {
            bytes: Bytes::from_static(text.as_bytes()),
            pause: Duration::from_secs(seconds),
            written: 0,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_piece_is_a_frame_after_its_pause() {
        let mut body = ScriptedBody::new(
            vec![piece("a", 0), piece("b", 2), piece("c", 3)],
            BodyEnd::Whole,
        );
        let begun = Instant::now();
        let mut seen = Vec::new();
        while let Some(Ok(frame)) = body.frame().await {
            seen.push((
                frame.into_data().expect("no trailers"),
                begun.elapsed().as_secs(),
            ));
        }
        assert_eq!(seen, [("a".into(), 0), ("b".into(), 2), ("c".into(), 5)]);
    }

    #[tokio::test]
    async fn a_cut_body_ends_in_an_error_and_not_before_its_pieces() {
        let mut body = ScriptedBody::new(vec![piece("a", 0)], BodyEnd::Cut).with_length(2);
        assert_eq!(body.size_hint().exact(), Some(2));
        assert!(!body.is_end_stream());
        assert!(matches!(body.frame().await, Some(Ok(frame)) if frame.is_data()));
        assert!(!body.is_end_stream());
        assert!(matches!(body.frame().await, Some(Err(_))));
    }

    #[tokio::test]
    async fn a_stalled_body_ends_when_the_endpoint_drains() {
        let (drain, draining) = watch::channel(false);
        let mut body = ScriptedBody::new(vec![], BodyEnd::Stall(draining));
        assert!(
            tokio::time::timeout(Duration::from_millis(1), body.frame())
                .await
                .is_err()
        );
        drain.send_replace(true);
        assert!(matches!(body.frame().await, Some(Err(_))));
    }
}
