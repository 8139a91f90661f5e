//! Limits on requests and tokens a minute that are never exceeded: the rate-limit ledger that all
//! processes of a user share.
//!
//! `window` is the arithmetic of a sliding minute, `known_limits` what is known of the limits,
//! `ledger` the operations, `admission` what they are asked and answer, `ahead` slots in advance,
//! `limits_view` what is to be seen of it; all of that is pure and given the time. `record` is the
//! ledger as bytes. `store` is the interface to wherever it is kept. It has two implementations:
//! `limit_file` locks a file for microseconds and never while anybody waits; `shared_limits` keeps
//! the ledger on a server for many machines (`server_ledger`, `ledger_server`), and turns to a file
//! while that is out of reach (`outage`, `outage_ledger`, `own_ledger`, `both_ledgers`). What the
//! server has lost is restored from what each machine last saw (`mirror`, `restored`).

mod admission;
mod ahead;
mod both_ledgers;
mod known_limits;
mod ledger;
mod ledger_server;
mod limit_file;
mod limits_view;
mod mirror;
#[cfg(test)]
mod model_check;
mod outage;
#[cfg(test)]
mod outage_check;
mod outage_ledger;
mod own_ledger;
mod process_scope;
mod record;
mod restored;
mod server_ledger;
mod shared_limits;
#[cfg(test)]
mod shared_model_check;
mod store;
mod window;

pub(crate) use admission::{Admission, RequestCost, RequestOutcome, RequestPriority, WaitReason};
pub(crate) use known_limits::{BaseLimits, LimitShare, ReportedLimit, ServerReport};
pub(crate) use ledger::SHARE_BASIS;
pub(crate) use ledger_server::{
    LedgerReplacement, LedgerServer, REPLACEMENT_LIFETIME, SERVER_PATIENCE, ServerFailure,
    ServerFuture, ServerReply,
};
pub(crate) use limit_file::LimitFile;
pub(crate) use limits_view::{HolderView, LimitsView};
pub(crate) use server_ledger::SharedLedger;
pub(crate) use shared_limits::SharedLimits;
#[cfg(test)]
pub(crate) use store::StoreFuture;
pub(crate) use store::{LedgerObstruction, LimitStore, LimitStoreError, StoreReply};
#[cfg(test)]
pub(crate) use window::ReservationHolder;
pub(crate) use window::{RateLimits, ReservationId};

/// A second, in the unit of the ledger: microseconds since 1970.
const SECOND: u64 = 1_000_000;
