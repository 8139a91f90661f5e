//! A request body that notes when its bytes leave, so that a slow upload is not taken for a silent
//! server.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::watchdog::ConnectionActivity;

/// How much is handed to the socket at a time, in bytes.
const PIECE: usize = 64 * 1024;

/// The bytes of a body, shared by all attempts, given out in pieces.
#[derive(Debug)]
pub(super) struct UploadBody {
    rest: Bytes,
    activity: ConnectionActivity,
}

impl UploadBody {
    /// Returns a body of these bytes.
    pub(super) fn new(bytes: Bytes, activity: ConnectionActivity) -> Self {
        Self {
            rest: bytes,
            activity,
        }
    }
}

impl Body for UploadBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        self.activity.note_activity();
        let length = self.rest.len().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}
