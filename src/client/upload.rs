//! A request body that notes when its bytes leave, so that a slow upload is not taken for a silent
//! server.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::watchdog::ConnectionActivity;
use crate::protocol::RequestBody;

/// A body that is handed to the socket piece by piece.
#[derive(Debug)]
pub(super) struct UploadBody {
    rest: RequestBody,
    activity: ConnectionActivity,
}

impl UploadBody {
    /// Creates it; all attempts share the bytes.
    pub(super) fn new(rest: RequestBody, activity: ConnectionActivity) -> Self {
        Self { rest, activity }
    }
}

impl Body for UploadBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(piece) = self.rest.take_piece() else {
            return Poll::Ready(None);
        };
        self.activity.note_activity();
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.len() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}
