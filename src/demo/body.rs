//! The body of an answer: pieces, each a chunk of its own, some after a pause.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// A piece of a body.
pub(super) struct Piece {
    /// What to send.
    pub(super) bytes: Bytes,
    /// How long to wait before it.
    pub(super) pause: Duration,
}

/// A body that is sent piece by piece.
pub(super) struct Pieces {
    left: std::vec::IntoIter<Piece>,
    /// The pause before the next piece, once it has begun.
    sleeping: Option<Pin<Box<Sleep>>>,
}

impl Pieces {
    /// Returns a body of one piece, whose length is told ahead.
    pub(super) fn whole(bytes: Bytes) -> Self {
        Self::new(vec![Piece { bytes, pause: Duration::ZERO }])
    }

    /// Returns a body of many pieces.
    pub(super) fn new(pieces: Vec<Piece>) -> Self {
        Self { left: pieces.into_iter(), sleeping: None }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(next) = self.left.as_slice().first() else { return Poll::Ready(None) };
        let pause = next.pause;
        // Without a pause no timer is made: the runtime may have none.
        if !pause.is_zero() {
            ready!(self.sleeping.get_or_insert_with(|| Box::pin(sleep(pause))).as_mut().poll(context));
            self.sleeping = None;
        }
        Poll::Ready(self.left.next().map(|piece| Ok(Frame::data(piece.bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.as_slice().is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        match self.left.as_slice() {
            [] => SizeHint::with_exact(0),
            [only] => SizeHint::with_exact(only.bytes.len() as u64),
            _ => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_piece_is_a_frame_after_its_pause() {
        let piece = |text: &'static str, seconds| Piece {
            bytes: Bytes::from_static(text.as_bytes()),
            pause: Duration::from_secs(seconds),
        };
        let mut body = Pieces::new(vec![piece("a", 0), piece("b", 2), piece("c", 3)]);
        let begun = Instant::now();
        let mut seen = Vec::new();
        while let Some(Ok(frame)) = body.frame().await {
            seen.push((frame.into_data().expect("no trailers"), begun.elapsed().as_secs()));
        }
        assert_eq!(seen, [("a".into(), 0), ("b".into(), 2), ("c".into(), 5)]);
    }
}
