//! What a request asks of a ledger, what it is told, and how it says that it has ended: values.

use super::window::{RateLimits, ReservationId};

/// Who goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum RequestPriority {
    /// A user waits for the answer.
    Person,
    /// One of many items that are worked through.
    Batch,
}

/// What a request costs, as far as the limits are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct RequestCost {
    /// Its input tokens, estimated high.
    pub(crate) input: u64,
    /// The most output tokens that it may have.
    pub(crate) max_tokens: u64,
    /// Who goes first.
    pub(crate) priority: RequestPriority,
}

impl RequestCost {
    /// Returns the most tokens that it can use.
    pub(super) fn max_cost(&self) -> u64 {
        self.input.saturating_add(self.max_tokens)
    }
}

/// Whether a request may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It is to be sent now. Where nothing is limited there is no reservation.
    Admitted(Option<ReservationId>),
    /// It has to wait.
    Queued {
        /// Its place in the queue, to try again with; none where nothing is limited.
        id: Option<ReservationId>,
        /// When it is likely to be admitted.
        start: u64,
        /// When to try again: it cannot begin earlier, even if those in flight turn out to use
        /// nothing.
        retry_at: u64,
        /// Why it has to wait.
        reason: WaitReason,
    },
}

impl Admission {
    /// Returns its reservation, none where nothing is limited.
    pub(crate) fn id(&self) -> Option<ReservationId> {
        match *self {
            Self::Admitted(id) | Self::Queued { id, .. } => id,
        }
    }
}

/// Why a request has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WaitReason {
    /// These limits are reached.
    Limits(RateLimits),
    /// After a 429 no request is sent until then.
    BackOff(u64),
}

/// How a request ended, as far as the limits are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum RequestOutcome {
    /// It was answered, and used so many tokens.
    Answered {
        /// Tokens that were read, those of a cache included.
        input: u64,
        /// Output tokens.
        output: u64,
    },
    /// The server let it in, and then it failed.
    Failed,
    /// The server did not let it in.
    NotCounted,
}
