//! A ledger that many machines share, on a server of theirs.
//!
//! Each operation reads the ledger's bytes, changes the ledger as every other store does, and has
//! the server replace the bytes unless somebody else was faster; then it begins again with the
//! newer ones. Time is the server's. A request that waits sleeps until it can begin, instead of
//! asking again and again.
//!
//! While the server is out of reach, the machine's own ledger takes its place, see `outage`.
//! Nothing fails because of that, and nothing waits for the server for longer than it takes to
//! notice.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, sleep};

use super::known_limits::{BaseLimits, LimitShare, ReportedLimit, ServerReport};
use super::ledger::{Admission, LONGEST_SLEEP, RateLimitLedger, RequestCost, RequestOutcome};
use super::ledger_server::{
    LedgerReplacement, LedgerServer, REPLACEMENT_LIFETIME, ServerFailure, ServerReply,
};
use super::limit_file::{BLOCK_IGNORED, LimitFile, to_micros};
use super::limits_view::LimitsView;
use super::mirror::LedgerMirror;
use super::outage::{ClockPair, LedgerPlace, add_own_usage, begin_outage, is_own};
use super::record::{UnreadableLedger, fence_of, from_bytes, to_bytes};
use super::store::{LimitStore, LimitStoreError, StoreFuture, StoreReply};
use super::window::{RateLimits, ReservationHolder, ReservationId, WINDOW};

/// How soon a request tries again that waits for tokens which others may not use, in microseconds.
const SHORTEST_RETRY: u64 = 250_000;

/// How often the same report of the limits is noted, in microseconds.
const REPORT_INTERVAL: u64 = 5_000_000;

/// How often an operation is tried while others are faster, before the server counts as out of
/// reach.
const MAX_CONFLICTS: u32 = 200;

/// The longest pause after a conflict.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// What all calls of a process share of a shared ledger.
#[derive(Debug)]
pub(crate) struct SharedLedger {
    server: Box<dyn LedgerServer>,
    /// This machine: a number made of its name.
    machine: u64,
    /// Whether the user knows that the server is out of reach.
    has_told: AtomicBool,
}

impl SharedLedger {
    /// Creates it; nothing is connected before it is needed. `machine` is not 0.
    pub(crate) fn new(server: Box<dyn LedgerServer>, machine: u64) -> Self {
        Self {
            server,
            machine,
            has_told: AtomicBool::new(false),
        }
    }

    /// This machine.
    pub(crate) fn machine(&self) -> u64 {
        self.machine
    }
}

/// The store of one model's ledger.
#[derive(Debug)]
pub(crate) struct SharedLimits {
    shared: Arc<SharedLedger>,
    /// The key of the ledger.
    key: String,
    base: BaseLimits,
    share: LimitShare,
    /// The machine's own ledger, for an outage.
    own: LimitFile,
    mirror: LedgerMirror,
}

/// Why the shared ledger is not used.
#[derive(Debug, thiserror::Error)]
enum SharedFailure {
    #[error(transparent)]
    Server(#[from] ServerFailure),
    #[error("the ledger was written by a newer version of langdock")]
    Newer,
    #[error("too many machines are updating the ledger at once")]
    Conflicts,
}

/// A ledger as it was read.
struct ReadLedger {
    ledger: RateLimitLedger,
    /// How its bytes begin.
    fence: Vec<u8>,
    /// What the user should know.
    notice: Option<String>,
}

impl SharedLimits {
    /// Creates the store of the ledger `name`. `directory` is that of the machine's own ledgers,
    /// and
    /// `share` what the machine may use of the limits in an outage.
    pub(crate) fn new(
        shared: Arc<SharedLedger>,
        directory: Option<&Path>,
        name: &str,
        base: BaseLimits,
        share: LimitShare,
    ) -> Self {
        let own_base = BaseLimits { share, ..base };
        Self {
            shared,
            // In a cluster, what stands between the braces decides which server has the key.
            key: format!("langdock:{{{name}}}:book"),
            base,
            share,
            own: LimitFile::new(directory, &format!("{name}.share"), own_base),
            mirror: LedgerMirror::new(directory, name),
        }
    }

    /// Changes the shared ledger; again with a newer one, if somebody else was faster.
    async fn update_shared<T>(
        &self,
        change: impl Fn(&mut RateLimitLedger, ClockPair) -> T + Send,
    ) -> Result<StoreReply<T>, SharedFailure> {
        let mut asked_at = Instant::now();
        let mut reply = self.shared.server.exchange(&self.key, None).await?;
        for conflicts in 0..MAX_CONFLICTS {
            let now = reply.now;
            let ReadLedger {
                mut ledger,
                fence,
                notice,
            } = self.read(&reply)?;
            let before = ledger.clone();
            let clocks = ClockPair {
                server: now,
                own: own_now(),
            };
            let outcome = change(&mut ledger, clocks);
            if ledger == before && notice.is_none() {
                return Ok(StoreReply {
                    outcome,
                    now,
                    notice,
                });
            }
            ledger.last = now;
            ledger.revision = ledger.revision.wrapping_add(1);
            let bytes = to_bytes(&ledger);
            let replacement = LedgerReplacement {
                fence,
                read_at: now,
                bytes: bytes.clone(),
            };
            let round_trip = asked_at.elapsed();
            asked_at = Instant::now();
            let newer = self.exchange(Some(replacement)).await?;
            if newer.bytes.is_none() {
                self.mirror.save(clocks, &bytes);
                return Ok(StoreReply {
                    outcome,
                    now,
                    notice,
                });
            }
            reply = newer;
            if let Some(pause) = pause_after(conflicts, round_trip) {
                sleep(pause).await;
                asked_at = Instant::now();
                reply = self.exchange(None).await?;
            }
        }
        Err(SharedFailure::Conflicts)
    }

    async fn exchange(
        &self,
        replacement: Option<LedgerReplacement>,
    ) -> Result<ServerReply, ServerFailure> {
        self.shared.server.exchange(&self.key, replacement).await
    }

    /// Reads the ledger of a reply, without what has lapsed. Where there is none, the server may
    /// have lost it: then it is as this machine last saw it, if that still counts.
    fn read(&self, reply: &ServerReply) -> Result<ReadLedger, SharedFailure> {
        let bytes = reply.bytes.as_deref().unwrap_or_default();
        let fence = fence_of(bytes).to_vec();
        let now = reply.now;
        let (mut ledger, notice) = match from_bytes(bytes) {
            Ok(_) if bytes.is_empty() => (self.last_seen(now), None),
            Ok(ledger) => (ledger, None),
            Err(UnreadableLedger::Newer) => return Err(SharedFailure::Newer),
            Err(UnreadableLedger::Damaged) => {
                let at = self.shared.server.address();
                let notice = format!("the shared ledger at {at} is damaged; starting a new one");
                (self.last_seen(now), Some(notice))
            }
        };
        let is_ignored = ledger.bound_times(now);
        ledger.drop_expired(now);
        Ok(ReadLedger {
            ledger,
            fence,
            notice: notice.or_else(|| is_ignored.then(|| BLOCK_IGNORED.to_owned())),
        })
    }

    /// Returns the ledger as this machine last saw it, or an empty one if that was too long ago.
    fn last_seen(&self, now: u64) -> RateLimitLedger {
        let is_recent = |seen: &ClockPair| {
            seen.server
                .checked_add(2 * WINDOW)
                .is_some_and(|end| (seen.server..end).contains(&now))
        };
        let seen = self.mirror.load().filter(|(seen, _)| is_recent(seen));
        seen.map_or_else(|| RateLimitLedger::starting_at(now), |(_, ledger)| ledger)
    }

    /// Returns where requests are reserved now.
    async fn place(&self) -> Result<LedgerPlace, LimitStoreError> {
        let shared = LedgerPlace::Shared;
        let place =
            |ledger: &mut RateLimitLedger, now| LedgerPlace::after_outage(ledger.outage_at, now);
        Ok(self.own.update_ledger(false, shared, place).await?.outcome)
    }

    /// Turns to the machine's own ledger. Returns a notice, once in a process.
    async fn note_outage(
        &self,
        failure: &SharedFailure,
    ) -> Result<Option<String>, LimitStoreError> {
        let begin = |ledger: &mut RateLimitLedger, now: u64| {
            if LedgerPlace::after_outage(ledger.outage_at, now) == LedgerPlace::Shared {
                let last_seen = self.mirror.load();
                *ledger = begin_outage(last_seen, self.share, fastrand::u64(..));
                ledger.bound_times(now);
            }
            ledger.outage_at = now;
        };
        self.own.update_ledger(true, (), begin).await?;
        Ok(self.outage_notice(failure))
    }

    fn outage_notice(&self, failure: &SharedFailure) -> Option<String> {
        if self.shared.has_told.swap(true, Ordering::Relaxed) {
            return None;
        }
        let at = self.shared.server.address();
        let part = match self.share.percent() {
            100 => "the limits are counted for this machine alone".to_owned(),
            percent => format!("this machine keeps to {percent}% of the limits"),
        };
        Some(format!(
            "cannot use the shared ledger at {at}: {failure}; {part} until it is back"
        ))
    }

    /// Has the shared ledger count what the machine has in its own.
    async fn report_own_usage(&self) -> Result<Option<String>, LimitStoreError> {
        let read = |ledger: &mut RateLimitLedger, _| Some(ledger.clone());
        let Some(own) = self.own.update_ledger(false, None, read).await?.outcome else {
            return Ok(None);
        };
        let machine = self.shared.machine;
        let add = |ledger: &mut RateLimitLedger, clocks| {
            add_own_usage(ledger, &own, machine, clocks);
        };
        match self.update_shared(add).await {
            Ok(reply) => Ok(reply.notice),
            Err(failure) => self.note_outage(&failure).await,
        }
    }

    /// Does something where requests are reserved now: with the shared ledger, or else with the
    /// machine's own. `id` is the reservation that it is about, if it is about one.
    async fn apply<T: Send>(
        &self,
        id: Option<ReservationId>,
        shared: impl Fn(&mut RateLimitLedger, ClockPair) -> T + Send,
        own: impl Future<Output = Result<StoreReply<T>, LimitStoreError>>,
    ) -> Result<StoreReply<T>, LimitStoreError> {
        let mut notice = None;
        let place = match (self.place().await?, id) {
            // The own ledger has it, wherever requests are reserved now.
            (LedgerPlace::Shared, Some(id)) if is_own(id) => LedgerPlace::Own { may_try: true },
            (place, _) => place,
        };
        let mut may_try = place != (LedgerPlace::Own { may_try: false });
        if place == LedgerPlace::Shared {
            match self.update_shared(shared).await {
                Ok(reply) => return Ok(reply),
                Err(failure) => notice = self.note_outage(&failure).await?,
            }
            may_try = false;
        } else if !may_try {
            notice = self.notice_of_known_outage();
        }
        let mut reply = own.await?;
        if may_try {
            notice = self.report_own_usage().await?;
        }
        reply.notice = reply.notice.or(notice);
        Ok(reply)
    }

    /// Returns the notice of an outage that another process has noticed.
    fn notice_of_known_outage(&self) -> Option<String> {
        self.outage_notice(&SharedFailure::Server(ServerFailure {
            reason: "it could not be reached a moment ago".to_owned(),
        }))
    }

    fn holder(&self) -> ReservationHolder {
        ReservationHolder {
            machine: self.shared.machine,
            process: std::process::id(),
        }
    }

    async fn reserve_shared(
        &self,
        cost: &RequestCost,
        queued: Option<ReservationId>,
    ) -> Result<StoreReply<Admission>, LimitStoreError> {
        let asked_at = Instant::now();
        let acquire = |ledger: &mut RateLimitLedger, clocks: ClockPair| {
            let admission = ledger.acquire_ahead(clocks.server, queued, cost, &self.base);
            if let Some(id) = admission.id() {
                ledger.name_holder(id, self.holder());
            }
            sleeping_until_start(admission, clocks.server)
        };
        let reply = self
            .apply(None, acquire, self.own.reserve(cost, queued))
            .await?;
        if let Admission::Admitted(Some(id)) = reply.outcome
            && !is_own(id)
            && to_micros(asked_at.elapsed()) > REPLACEMENT_LIFETIME
        {
            // The answer was long on its way: the request counts from now on.
            self.restart(id).await?;
        }
        Ok(reply)
    }

    /// Has an admitted request count from now on, as often as that itself takes too long.
    async fn restart(&self, id: ReservationId) -> Result<(), LimitStoreError> {
        loop {
            let asked_at = Instant::now();
            let restart = |ledger: &mut RateLimitLedger, clocks: ClockPair| {
                ledger.restart(id, clocks.server);
            };
            if let Err(failure) = self.update_shared(restart).await {
                self.note_outage(&failure).await?;
                return Ok(());
            }
            if to_micros(asked_at.elapsed()) <= REPLACEMENT_LIFETIME {
                return Ok(());
            }
        }
    }
}

/// Returns how long to pause after so many conflicts before the next try: not after the first one,
/// and then a random time, on average the longer the more there were, so that of many some get
/// through.
fn pause_after(conflicts: u32, round_trip: Duration) -> Option<Duration> {
    let longest = round_trip.saturating_mul(1 << conflicts.min(6));
    (conflicts > 0).then(|| longest.min(LONGEST_PAUSE).mul_f64(fastrand::f64()))
}

/// Returns an admission with the time at which to wake up.
fn sleeping_until_start(mut admission: Admission, now: u64) -> Admission {
    if let Admission::Queued {
        start, retry_at, ..
    } = &mut admission
    {
        *retry_at = (*retry_at)
            .max(now + SHORTEST_RETRY)
            .min((*start).max(now + 1) + 1_000)
            .min(now + LONGEST_SLEEP);
    }
    admission
}

/// Returns this machine's time, in microseconds since 1970: for its own ledger alone.
fn own_now() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, to_micros)
}

impl LimitStore for SharedLimits {
    fn reserve<'a>(
        &'a self,
        cost: &'a RequestCost,
        queued: Option<ReservationId>,
    ) -> StoreFuture<'a, Admission> {
        Box::pin(self.reserve_shared(cost, queued))
    }

    fn settle<'a>(
        &'a self,
        id: ReservationId,
        cost: &'a RequestCost,
        since_headers: Option<Duration>,
        outcome: RequestOutcome,
    ) -> StoreFuture<'a, ()> {
        let asked_at = Instant::now();
        let settle = move |ledger: &mut RateLimitLedger, clocks: ClockPair| {
            let since = since_headers.map(|since| to_micros(since + asked_at.elapsed()));
            let headers_at = since.map(|since| clocks.server.saturating_sub(since));
            ledger.settle(id, cost, headers_at, outcome);
        };
        let own = self.own.settle(id, cost, since_headers, outcome);
        Box::pin(self.apply(Some(id), settle, own))
    }

    fn back_off(&self, wait: Duration) -> StoreFuture<'_, u64> {
        let back_off = move |ledger: &mut RateLimitLedger, clocks: ClockPair| {
            let until = clocks.server.saturating_add(to_micros(wait));
            ledger.back_off(clocks.server, until, &self.base);
            until
        };
        Box::pin(self.apply(None, back_off, self.own.back_off(wait)))
    }

    fn release(&self, id: ReservationId) -> StoreFuture<'_, ()> {
        let release = move |ledger: &mut RateLimitLedger, clocks: ClockPair| {
            ledger.release(clocks.server, id, &self.base);
        };
        Box::pin(self.apply(Some(id), release, self.own.release(id)))
    }

    fn observe<'a>(
        &'a self,
        id: Option<ReservationId>,
        cost: &'a RequestCost,
        report: &'a ServerReport,
    ) -> StoreFuture<'a, ()> {
        let observe = move |ledger: &mut RateLimitLedger, clocks: ClockPair| {
            if ledger.is_news(clocks.server, report, REPORT_INTERVAL) {
                ledger.observe(clocks.server, id, cost, report);
            }
        };
        Box::pin(async move {
            // What other machines use is no news to a machine that has its share.
            let limits = limits_alone(report);
            let own = self.own.observe(id, cost, &limits);
            self.apply(id, observe, own).await
        })
    }

    fn server_limits(&self) -> StoreFuture<'_, RateLimits> {
        // As this machine last saw them: whoever asks is about to send a request, and not to wait.
        Box::pin(async {
            let now = own_now();
            let seen = self.mirror.load();
            Ok(StoreReply {
                outcome: seen.map_or_else(RateLimits::default, |(seen, ledger)| {
                    ledger.server_limits(seen.server)
                }),
                now,
                notice: None,
            })
        })
    }

    fn view(&self) -> StoreFuture<'_, Option<LimitsView>> {
        Box::pin(async {
            let read = async {
                let reply = self.exchange(None).await?;
                Ok((self.read(&reply)?, reply))
            };
            let (read, reply) = match read.await {
                Ok(read) => read,
                Err(failure) => {
                    let mut own = self.own.view().await?;
                    own.notice = own.notice.or_else(|| self.outage_notice(&failure));
                    return Ok(own);
                }
            };
            let is_there = reply.bytes.as_ref().is_some_and(|bytes| !bytes.is_empty());
            let view = LimitsView::new(&read.ledger, reply.now, &self.base);
            Ok(StoreReply {
                outcome: is_there.then_some(view),
                now: reply.now,
                notice: read.notice,
            })
        })
    }
}

/// Returns a report without what is left of the limits.
fn limits_alone(report: &ServerReport) -> ServerReport {
    let limit_alone = |reported: Option<ReportedLimit>| {
        reported.map(|reported| ReportedLimit {
            remaining: None,
            ..reported
        })
    };
    ServerReport {
        requests: limit_alone(report.requests),
        tokens: limit_alone(report.tokens),
    }
}
