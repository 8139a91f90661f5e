//! The interface between a call and the ledger of its rate limit, wherever that is kept.

use std::error::Error;
use std::fmt::Debug;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use super::admission::{Admission, RequestCost, RequestOutcome};
use super::known_limits::ServerReport;
use super::limits_view::LimitsView;
use super::window::{RateLimits, ReservationId};
use crate::fs::FileRefusal;

/// Keeps the ledger of one rate limit for all who share it.
///
/// A reservation begins with `reserve`, in the queue or admitted, and ends with `settle` or
/// `release`; either may be repeated without harm. A reservation whose owner is gone lapses: in the
/// queue within half a minute, once admitted when its minute is over. So a future that is dropped
/// before it is ready needs no undoing, and nothing has to be done when the owner itself is
/// dropped.
pub(crate) trait LimitStore: Debug + Send + Sync {
    /// Admits a request, or gives it a place in the queue. `queued` is its place if it tried
    /// before.
    fn reserve<'a>(
        &'a self,
        cost: &'a RequestCost,
        queued: Option<ReservationId>,
    ) -> StoreFuture<'a, Admission>;

    /// Replaces what was reserved by what the request did use. `since_headers` is the time that has
    /// passed since the response headers, if they came.
    fn settle<'a>(
        &'a self,
        id: ReservationId,
        cost: &'a RequestCost,
        since_headers: Option<Duration>,
        outcome: RequestOutcome,
    ) -> StoreFuture<'a, ()>;

    /// Blocks all requests for so long, as a 429 asks. Returns when that ends, in the store's time.
    fn back_off(&self, wait: Duration) -> StoreFuture<'_, u64>;

    /// Releases a place in the queue, or the reservation of a request that was never sent.
    fn release(&self, id: ReservationId) -> StoreFuture<'_, ()>;

    /// Notes what the response headers report of the limits; `id` is the reservation of the request
    /// that they answer.
    fn observe<'a>(
        &'a self,
        id: Option<ReservationId>,
        cost: &'a RequestCost,
        report: &'a ServerReport,
    ) -> StoreFuture<'a, ()>;

    /// Reads the limits that the server has reported, as far as they are still valid.
    fn server_limits(&self) -> StoreFuture<'_, RateLimits>;

    /// Reads what is to be seen of the ledger; none where there is none yet.
    fn view(&self) -> StoreFuture<'_, Option<LimitsView>>;
}

/// An operation of a store under way.
pub(crate) type StoreFuture<'a, T> =
    Pin<Box<dyn Future<Output = Result<StoreReply<T>, LimitStoreError>> + Send + 'a>>;

/// What a store answers.
#[derive(Debug)]
pub(crate) struct StoreReply<T> {
    /// What came of the operation.
    pub(crate) outcome: T,
    /// The store's time, in microseconds since 1970: that of all times in `outcome`.
    pub(crate) now: u64,
    /// What the user should know about the ledger.
    pub(crate) notice: Option<String>,
}

/// Why an operation of a store failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LimitStoreError {
    /// The user has to clear the way first: a request that has not been sent is refused.
    #[error(transparent)]
    Obstructed(#[from] LedgerObstruction),
    /// The store cannot be used, as it says itself; requests go out unpaced.
    #[error(transparent)]
    Unusable(Box<dyn Error + Send + Sync>),
}

/// Something other than a plain file of the user's own lies where a damaged ledger is set aside.
#[derive(Debug, thiserror::Error)]
#[error("cannot rename the damaged rate-limit ledger because of `{}`: {refusal}", path.display())]
pub(crate) struct LedgerObstruction {
    /// Where it lies.
    pub(crate) path: PathBuf,
    /// Why it is not replaced.
    pub(crate) refusal: FileRefusal,
}
