//! Limits of requests and tokens a minute that are never exceeded: the rate-limit ledger that all
//! processes of a user share.
//!
//! `window` is the arithmetic of a sliding minute, `known_limits` what is known of the limits,
//! `ledger` the operations; all of that is pure and given the time. `record` is the ledger as
//! bytes. `store` is the interface to wherever it is kept, and `limit_file` its one implementation,
//! which locks a file for microseconds and never while anybody waits.

mod known_limits;
mod ledger;
mod limit_file;
#[cfg(test)]
mod model_check;
mod record;
mod store;
mod window;

pub(crate) use known_limits::{BaseLimits, ReportedLimit, ServerReport};
pub(crate) use ledger::{
    Admission, RequestCost, RequestOutcome, RequestPriority, SHARE_BASIS, WaitReason,
};
pub(crate) use limit_file::LimitFile;
#[cfg(test)]
pub(crate) use store::StoreFuture;
pub(crate) use store::{LedgerObstruction, LimitStore, LimitStoreError, StoreReply};
pub(crate) use window::{RateLimits, ReservationId};

/// A second, in the unit of the ledger: microseconds since 1970.
const SECOND: u64 = 1_000_000;
