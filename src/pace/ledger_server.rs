//! The interface to a server that keeps the bytes of ledgers where many machines reach them.

use std::fmt::Debug;
use std::pin::Pin;
use std::time::Duration;

/// How long connecting and an exchange may take: nobody waits longer for a server that is gone.
pub(crate) const SERVER_PATIENCE: Duration = Duration::from_secs(2);

/// Keeps bytes by key, and replaces them only if nobody else has meanwhile.
pub(crate) trait LedgerServer: Debug + Send + Sync {
    /// Reads the bytes of a key; with a replacement, replaces them if they are still those that
    /// were read. Each is one step that happens whole or not at all.
    fn exchange<'a>(
        &'a self,
        key: &'a str,
        replacement: Option<LedgerReplacement>,
    ) -> ServerFuture<'a>;

    /// Returns where it is, for messages: host and port.
    fn address(&self) -> &str;
}

/// An exchange under way.
pub(crate) type ServerFuture<'a> =
    Pin<Box<dyn Future<Output = Result<ServerReply, ServerFailure>> + Send + 'a>>;

/// What replaces the bytes of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LedgerReplacement {
    /// How the bytes begin that were read; nothing where there were none. What begins otherwise by
    /// now is not replaced.
    pub(crate) fence: Vec<u8>,
    /// When they were read, in the server's time. One that arrives more than a second later comes
    /// too late, and replaces nothing either.
    pub(crate) read_at: u64,
    /// The new bytes.
    pub(crate) bytes: Vec<u8>,
}

/// How long a replacement may be on its way, in microseconds.
pub(crate) const REPLACEMENT_LIFETIME: u64 = 1_000_000;

/// What a server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerReply {
    /// Its time, in microseconds since 1970.
    pub(crate) now: u64,
    /// The bytes as they are; none where the replacement took their place.
    pub(crate) bytes: Option<Vec<u8>>,
}

/// Why a server could not be asked, for users; no secret is part of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub(crate) struct ServerFailure {
    /// What went wrong.
    pub(crate) reason: String,
}
