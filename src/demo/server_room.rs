//! What the endpoint takes in at once: whatever clients send, and however slowly, it stays small
//! and answers others.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

/// The most connections; others wait in the system's queue.
pub(super) const MAX_CONNECTIONS: usize = 256;

/// The longest head of a request, in bytes.
pub(super) const MAX_HEAD_BYTES: usize = 32 * 1024;

/// The longest body: the limit of Bedrock, the tightest of the platforms behind the real endpoint.
pub(super) const MAX_BODY_BYTES: usize = 20 * 1024 * 1024;

/// The most memory that the JSON of one body takes: that of the longest body with one attachment,
/// and a little more. One body is parsed at a time.
pub(super) const MAX_TREE_BYTES: usize = 22 * 1024 * 1024;

/// The most tokens of an answer. The script has no more to say, but quotes what it was given.
pub(super) const MAX_ANSWER_TOKENS: usize = 16 * 1024;

/// How long a request's head, its body, or a client that does not read its answer is waited for.
pub(crate) const DEFAULT_PATIENCE: Duration = Duration::from_secs(60);

/// How long no connection is accepted after the system has refused one: it has no descriptors left.
pub(super) const ACCEPT_BACK_OFF: Duration = Duration::from_millis(100);

/// All bodies that are being read, in KiB.
const BODY_ROOM: usize = MAX_BODY_BYTES / KIB + 1;

/// All answers that are being sent, in KiB.
const REPLY_ROOM: usize = 8 * 1024;

const KIB: usize = 1024;

/// The room that is left.
pub(super) struct ServerRoom {
    bodies: Arc<Semaphore>,
    replies: Arc<Semaphore>,
    /// Held while an answer is made and waits for its room, so that only one does.
    making: Mutex<()>,
}

impl ServerRoom {
    /// Creates an empty room.
    pub(super) fn new() -> Self {
        Self {
            bodies: Arc::new(Semaphore::new(BODY_ROOM)),
            replies: Arc::new(Semaphore::new(REPLY_ROOM)),
            making: Mutex::new(()),
        }
    }

    /// Waits for the room of a body: as much as it announces, or as any may have.
    pub(super) async fn enter_body(&self, body: &Incoming) -> OwnedSemaphorePermit {
        let announced = body
            .size_hint()
            .exact()
            .and_then(|size| usize::try_from(size).ok());
        let bytes = announced.map_or(MAX_BODY_BYTES, |size| size.min(MAX_BODY_BYTES));
        acquire(&self.bodies, bytes, BODY_ROOM).await
    }

    /// Makes an answer, and waits for its room; `size` tells its bytes. The room is left with the
    /// permit.
    pub(super) async fn make_reply<T>(
        &self,
        make: impl FnOnce() -> T,
        size: impl FnOnce(&T) -> usize,
    ) -> (T, OwnedSemaphorePermit) {
        let _making = self.making.lock().await;
        let reply = make();
        let permit = acquire(&self.replies, size(&reply), REPLY_ROOM).await;
        (reply, permit)
    }
}

async fn acquire(room: &Arc<Semaphore>, bytes: usize, most: usize) -> OwnedSemaphorePermit {
    let kib = bytes.div_ceil(KIB).clamp(1, most);
    let kib = u32::try_from(kib).expect("a room has fewer than 2^32 KiB");
    let permit = Arc::clone(room).acquire_many_owned(kib).await;
    permit.expect("the room is never closed")
}
