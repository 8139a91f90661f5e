//! The path of one call through the shared rate-limit ledger: a reservation before each attempt,
//! and in the end what it used.
//!
//! If the ledger cannot be used, the call is sent unpaced and says so once. A
//! reservation fails only if a damaged ledger cannot be set aside because something of the user's
//! has that name.
//! Where nothing is limited and no 429 came, no disk is touched. A call gives back what it has
//! reserved by `release`; what is dropped instead lapses, and dropping touches no disk either.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::ApiClient;
use super::auth::{ApiKey, fingerprint};
use super::endpoint::Endpoint;
use super::redis_server::{LedgerAccess, LedgerServerInfo, RedisServer, machine_number};
use super::reservation::Reservation;
use crate::pace::{
    Admission, BaseLimits, LedgerObstruction, LimitFile, LimitShare, LimitStore, LimitStoreError,
    RateLimits, RequestCost, RequestOutcome, ReservationId, ServerFailure, ServerReport,
    SharedLedger, SharedLimits, StoreReply, WaitReason,
};

/// What is assumed of Langdock's limits. Source: its documentation; a workspace may have others.
const LANGDOCK: RateLimits = RateLimits {
    requests: Some(500),
    tokens: Some(60_000),
};

/// The longest time for which a 429 blocks all calls: a ledger that blocks them for longer is not
/// believed.
const MAX_BACK_OFF: Duration = Duration::from_secs(10 * 60);

/// What is paced, and where the ledgers are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PacingOptions {
    /// The directory of the ledgers, where there is one.
    pub(crate) directory: Option<PathBuf>,
    /// What joins several keys.
    pub(crate) workspace: Option<String>,
    /// Limits that were set, by model.
    pub(crate) limits: Vec<(String, RateLimits)>,
    /// The server where machines share their ledgers, if there is one.
    pub(crate) ledger: Option<LedgerAccess>,
    /// What this machine may use of the limits while that server is out of reach; none: all.
    pub(crate) share: Option<LimitShare>,
}

impl PacingOptions {
    /// Reads the limits that the endpoint has reported for a model. Nothing where it has reported
    /// nothing, and where the ledger cannot be read.
    pub(crate) async fn server_limits(
        &self,
        endpoint: &Endpoint,
        key: &ApiKey,
        model: &str,
    ) -> RateLimits {
        let ledger = self.shared_ledger().map(Arc::new);
        let store = self.limit_store(endpoint, key, model, ledger.as_ref());
        let reply = store.server_limits().await;
        reply.map(|reply| reply.outcome).unwrap_or_default()
    }

    /// Creates the store of a model's ledger, the same for all that share its limits. Its name does
    /// not reveal the key.
    pub(super) fn limit_store(
        &self,
        endpoint: &Endpoint,
        key: &ApiKey,
        model: &str,
        ledger: Option<&Arc<SharedLedger>>,
    ) -> Box<dyn LimitStore> {
        let url = endpoint.messages_url();
        let name = match &self.workspace {
            Some(workspace) => fingerprint(&[url.as_str(), "workspace", workspace, model]),
            None => key.fingerprint(&format!("{url}\0{model}")),
        };
        let set = self.limits.iter().find(|(limited, _)| limited == model);
        let base = BaseLimits {
            configured: set.map(|(_, limits)| *limits).unwrap_or_default(),
            assumed: if endpoint.is_langdock_host() {
                LANGDOCK
            } else {
                RateLimits::default()
            },
            ..BaseLimits::default()
        };
        let directory = self.directory.as_deref();
        let Some(ledger) = ledger else {
            return Box::new(LimitFile::new(directory, &name, base));
        };
        let share = self.share.unwrap_or_default();
        let ledger = Arc::clone(ledger);
        Box::new(SharedLimits::new(ledger, directory, &name, base, share))
    }

    /// Creates the ledger that machines share, if there is one; nothing is connected yet.
    pub(super) fn shared_ledger(&self) -> Option<SharedLedger> {
        let access = self.ledger.clone()?;
        let server = Box::new(RedisServer::new(access));
        Some(SharedLedger::new(
            server,
            machine_number(self.directory.as_deref()),
        ))
    }

    /// Asks the server of the shared ledger for what it says of itself; none without a server.
    pub(crate) async fn ledger_server_info(
        &self,
    ) -> Option<Result<LedgerServerInfo, ServerFailure>> {
        let access = self.ledger.clone()?;
        Some(RedisServer::new(access).info().await)
    }
}

/// Keeps a call within the limits, if it is paced.
#[derive(Debug)]
pub(super) struct CallPacer {
    /// None: unpaced.
    call: Option<PacedCall>,
    /// What the user should know.
    notice: Option<String>,
    /// Time spent waiting in the queue.
    waited: Duration,
    /// Until when waiting for the end of a 429 has been counted, in the store's time.
    counted_until: u64,
}

/// A call and its place in the ledger.
#[derive(Debug)]
struct PacedCall {
    store: Box<dyn LimitStore>,
    cost: RequestCost,
    place: QueuePlace,
    /// When the response headers came.
    headers_at: Option<Instant>,
}

/// What a call has reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum QueuePlace {
    /// Nothing.
    Nowhere,
    /// A place in the queue.
    Queued(ReservationId),
    /// A request that may be sent, or was.
    Admitted(ReservationId),
}

/// A wait for admission.
#[derive(Debug, Clone, Copy)]
pub(super) struct QueueWait {
    /// How long it is likely to be.
    pub(super) expected: Duration,
    /// When to try again.
    pub(super) retry_in: Duration,
    /// Why.
    pub(super) reason: WaitReason,
    /// How much of it counts as the wait after a 429 does, and has not been counted yet.
    pub(super) uncounted: Duration,
}

impl CallPacer {
    /// Creates the pacer of a call of this client; without a reservation it is not paced.
    pub(super) fn new(client: &ApiClient, reservation: Option<Reservation>) -> Self {
        let paced = client.options.pace.as_ref().zip(reservation);
        let call = paced.map(|(pace, reservation)| {
            let ledger = client.ledger.as_ref();
            let (endpoint, key) = (&client.endpoint, &client.key);
            let store = pace.limit_store(endpoint, key, &reservation.model, ledger);
            PacedCall::new(store, reservation.cost)
        });
        Self {
            call,
            notice: None,
            waited: Duration::ZERO,
            counted_until: 0,
        }
    }

    /// Reserves the next attempt; none where it may be sent now, else how long it has to wait.
    /// Fails where it must not be sent before the user has cleared the ledger's way.
    pub(super) async fn reserve(&mut self) -> Result<Option<QueueWait>, LedgerObstruction> {
        let Some(call) = &mut self.call else {
            return Ok(None);
        };
        let reply = call.reserve().await;
        if let Err(LimitStoreError::Obstructed(obstruction)) = reply {
            return Err(obstruction);
        }
        let Some((admission, now)) = self.unwrap_reply(reply) else {
            return Ok(None);
        };
        let Admission::Queued {
            start,
            retry_at,
            reason,
            ..
        } = admission
        else {
            return Ok(None);
        };
        let time_until = |time: u64| Duration::from_micros(time.saturating_sub(now).max(1));
        let (expected, retry_in) = (time_until(start), time_until(retry_at));
        let mut uncounted = Duration::ZERO;
        if let WaitReason::BackOff(until) = reason {
            uncounted = Duration::from_micros(until.saturating_sub(self.counted_until.max(now)));
            self.counted_until = self.counted_until.max(until);
        }
        Ok(Some(QueueWait {
            expected,
            retry_in,
            reason,
            uncounted,
        }))
    }

    /// Notes that response headers have come, and what they report of the limits.
    pub(super) async fn on_headers(&mut self, report: Option<ServerReport>) {
        let Some(call) = &mut self.call else { return };
        call.headers_at = Some(Instant::now());
        let Some(report) = report else { return };
        let id = match call.place {
            QueuePlace::Admitted(id) => Some(id),
            QueuePlace::Nowhere | QueuePlace::Queued(_) => None,
        };
        let reply = call.store.observe(id, &call.cost, &report).await;
        self.unwrap_reply(reply);
    }

    /// Notes how an attempt ended, when it is known what it used.
    pub(super) async fn settle(&mut self, outcome: RequestOutcome) {
        let Some(call) = &mut self.call else { return };
        let QueuePlace::Admitted(id) = call.place else {
            return;
        };
        let since_headers = call.headers_at.map(|at| at.elapsed());
        let settling = call.store.settle(id, &call.cost, since_headers, outcome);
        let reply = settling.await;
        call.place = QueuePlace::Nowhere;
        self.unwrap_reply(reply);
    }

    /// Releases what is reserved for a request that was not sent, or its place in the queue.
    pub(super) async fn release(&mut self) {
        let Some(call) = &mut self.call else { return };
        let (QueuePlace::Queued(id) | QueuePlace::Admitted(id)) = call.place else {
            return;
        };
        let reply = call.store.release(id).await;
        call.place = QueuePlace::Nowhere;
        self.unwrap_reply(reply);
    }

    /// Stops all calls that share the ledger for so long, as a 429 asks.
    pub(super) async fn back_off_all(&mut self, wait: Duration) {
        let Some(call) = &self.call else { return };
        let reply = call.store.back_off(wait.min(MAX_BACK_OFF)).await;
        if let Some((until, _)) = self.unwrap_reply(reply) {
            // This call's own wait counts by itself.
            self.counted_until = until;
        }
    }

    /// Returns whether the call waits in the queue.
    pub(super) fn is_queued(&self) -> bool {
        let place = self.call.as_ref().map(|call| call.place);
        matches!(place, Some(QueuePlace::Queued(_)))
    }

    /// Counts time that was spent waiting in the queue.
    pub(super) fn add_wait(&mut self, waited: Duration) {
        self.waited += waited;
    }

    /// Returns the time spent waiting in the queue.
    pub(super) fn waited(&self) -> Duration {
        self.waited
    }

    /// Returns what the user should know, once.
    pub(super) fn take_notice(&mut self) -> Option<String> {
        self.notice.take()
    }

    /// Unwraps a reply of the store into the outcome and the store's time. If the store failed, the
    /// call continues unpaced; so does one that was obstructed once its request had been sent.
    fn unwrap_reply<T>(
        &mut self,
        reply: Result<StoreReply<T>, LimitStoreError>,
    ) -> Option<(T, u64)> {
        match reply {
            Ok(reply) => {
                self.notice = self.notice.take().or(reply.notice);
                Some((reply.outcome, reply.now))
            }
            Err(error) => {
                self.call = None;
                self.notice = Some(format!(
                    "cannot use the rate-limit ledger; requests are not paced: {error}"
                ));
                None
            }
        }
    }
}

impl PacedCall {
    fn new(store: Box<dyn LimitStore>, cost: RequestCost) -> Self {
        Self {
            store,
            cost,
            place: QueuePlace::Nowhere,
            headers_at: None,
        }
    }

    /// Reserves an attempt. The reservation of the one before, if it was admitted and has not been
    /// settled, stays: nobody knows what became of it.
    async fn reserve(&mut self) -> Result<StoreReply<Admission>, LimitStoreError> {
        self.headers_at = None;
        let queued = match self.place {
            QueuePlace::Queued(id) => Some(id),
            QueuePlace::Nowhere | QueuePlace::Admitted(_) => None,
        };
        let reply = self.store.reserve(&self.cost, queued).await?;
        self.place = match reply.outcome {
            Admission::Admitted(Some(id)) => QueuePlace::Admitted(id),
            Admission::Queued { id: Some(id), .. } => QueuePlace::Queued(id),
            Admission::Admitted(None) | Admission::Queued { id: None, .. } => QueuePlace::Nowhere,
        };
        Ok(reply)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Mutex;

    use super::*;
    use crate::pace::{LimitsView, RequestPriority, StoreFuture};

    /// A ledger in a file, and the operations that it was asked for.
    #[derive(Debug)]
    struct Recorded {
        file: LimitFile,
        operations: Operations,
    }

    type Operations = Arc<Mutex<Vec<&'static str>>>;

    impl Recorded {
        fn record(&self, operation: &'static str) {
            self.operations
                .lock()
                .expect("no test panics")
                .push(operation);
        }
    }

    impl LimitStore for Recorded {
        fn reserve<'a>(
            &'a self,
            cost: &'a RequestCost,
            queued: Option<ReservationId>,
        ) -> StoreFuture<'a, Admission> {
            self.record(if queued.is_some() {
                "try again"
            } else {
                "reserve"
            });
            self.file.reserve(cost, queued)
        }

        fn settle<'a>(
            &'a self,
            id: ReservationId,
            cost: &'a RequestCost,
            since_headers: Option<Duration>,
            outcome: RequestOutcome,
        ) -> StoreFuture<'a, ()> {
            self.record("settle");
            self.file.settle(id, cost, since_headers, outcome)
        }

        fn back_off(&self, wait: Duration) -> StoreFuture<'_, u64> {
            self.record("back off");
            self.file.back_off(wait)
        }

        fn release(&self, id: ReservationId) -> StoreFuture<'_, ()> {
            self.record("release");
            self.file.release(id)
        }

        fn observe<'a>(
            &'a self,
            id: Option<ReservationId>,
            cost: &'a RequestCost,
            report: &'a ServerReport,
        ) -> StoreFuture<'a, ()> {
            self.record("observe");
            self.file.observe(id, cost, report)
        }

        fn server_limits(&self) -> StoreFuture<'_, RateLimits> {
            self.record("read");
            self.file.server_limits()
        }

        fn view(&self) -> StoreFuture<'_, Option<LimitsView>> {
            self.record("view");
            self.file.view()
        }
    }

    /// Returns the pacer of a call whose ledger in `directory` admits one request per minute, and
    /// what the store is asked for.
    fn pacer(directory: &Path, name: &str) -> (CallPacer, Operations) {
        let configured = RateLimits {
            requests: Some(1),
            tokens: None,
        };
        let base = BaseLimits {
            configured,
            ..BaseLimits::default()
        };
        let operations = Operations::default();
        let store = Recorded {
            file: LimitFile::new(Some(directory), name, base),
            operations: Arc::clone(&operations),
        };
        let cost = RequestCost {
            input: 1,
            max_tokens: 1,
            priority: RequestPriority::Person,
        };
        let pacer = CallPacer {
            call: Some(PacedCall::new(Box::new(store), cost)),
            notice: None,
            waited: Duration::ZERO,
            counted_until: 0,
        };
        (pacer, operations)
    }

    async fn reserve(pacer: &mut CallPacer) -> Option<QueueWait> {
        pacer.reserve().await.expect("nothing is in the way")
    }

    fn taken(operations: &Operations) -> Vec<&'static str> {
        std::mem::take(&mut *operations.lock().expect("no test panics"))
    }

    #[tokio::test]
    async fn a_place_is_freed_by_release_and_dropping_does_not_use_the_store() {
        let directory = tempfile::tempdir().expect("a directory");
        let (mut first, of_first) = pacer(directory.path(), "ledger");
        assert!(reserve(&mut first).await.is_none() && !first.is_queued());
        let (mut second, of_second) = pacer(directory.path(), "ledger");
        assert!(reserve(&mut second).await.is_some() && second.is_queued());
        assert!(reserve(&mut second).await.is_some());
        second.release().await;
        second.release().await;
        assert_eq!(taken(&of_second), ["reserve", "try again", "release"]);
        assert!(reserve(&mut second).await.is_some());
        taken(&of_second);
        drop(second);
        assert_eq!(taken(&of_second), [""; 0]);
        first.release().await;
        first.settle(RequestOutcome::Failed).await;
        assert_eq!(taken(&of_first), ["reserve", "release"]);
    }

    #[tokio::test]
    async fn an_attempt_of_unknown_outcome_stays_reserved_and_the_next_one_reserves_again() {
        let directory = tempfile::tempdir().expect("a directory");
        let (mut pacer, operations) = pacer(directory.path(), "ledger");
        assert!(reserve(&mut pacer).await.is_none());
        assert!(reserve(&mut pacer).await.is_some());
        assert_eq!(taken(&operations), ["reserve", "reserve"]);
    }

    #[tokio::test]
    async fn a_store_that_fails_is_not_used_again_and_the_call_continues_unpaced() {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(directory.path().join("ledger.v2")).expect("it is writable");
        let (mut pacer, operations) = pacer(directory.path(), "ledger");
        assert!(reserve(&mut pacer).await.is_none());
        let notice = pacer.take_notice().expect("a notice");
        let path = directory.path().join("ledger.v2").display().to_string();
        assert!(
            notice.starts_with("cannot use the rate-limit ledger; requests are not paced: ")
                && notice.contains(&path),
            "{notice}"
        );
        pacer.on_headers(Some(ServerReport::default())).await;
        pacer.back_off_all(Duration::from_secs(1)).await;
        pacer.settle(RequestOutcome::Failed).await;
        assert!(reserve(&mut pacer).await.is_none());
        assert_eq!(taken(&operations), ["reserve"]);
        assert_eq!(pacer.take_notice(), None);
    }
}
