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

use super::admission::{Admission, RequestCost, RequestOutcome};
use super::known_limits::{BaseLimits, LimitShare, ReportedLimit, ServerReport};
use super::ledger::{LONGEST_SLEEP, RateLimitLedger};
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
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

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
    #[error("the ledger is changed too often")]
    Conflicts,
}

/// What the server has answered.
struct ServerAnswer {
    /// The ledger's bytes; none where they were replaced.
    bytes: Option<Vec<u8>>,
    /// The server's time, and this machine's when it was asked: a little earlier.
    clocks: ClockPair,
    /// When it was asked.
    asked_at: Instant,
}

/// A ledger as it was read.
struct ReadLedger {
    ledger: RateLimitLedger,
    /// How its bytes begin.
    fence: Vec<u8>,
    /// What the user should know.
    notice: Option<String>,
}

/// What became of a change of the shared ledger.
struct SharedUpdate<T> {
    reply: StoreReply<T>,
    /// When the server was asked for the time that the change goes by.
    asked_at: Instant,
}

/// Where a change was made.
enum PlacedUpdate<T> {
    /// In the shared ledger.
    Shared(SharedUpdate<T>),
    /// Not there; it is to be made in the machine's own ledger.
    Own {
        /// Whether the shared one may be tried after that.
        may_try: bool,
        /// What the user should know.
        notice: Option<String>,
    },
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

    /// Changes the shared ledger; again with a newer one, if somebody else was faster. `change` is
    /// given the moment of the ledger by both clocks, and when the server was asked for it.
    async fn update_shared<T>(
        &self,
        change: impl Fn(&mut RateLimitLedger, ClockPair, Instant) -> T + Send,
    ) -> Result<SharedUpdate<T>, SharedFailure> {
        let mut answer = self.ask(None).await?;
        for conflicts in 0..MAX_CONFLICTS {
            let (clocks, asked_at) = (answer.clocks, answer.asked_at);
            let now = clocks.server;
            let ReadLedger {
                mut ledger,
                fence,
                notice,
            } = self.read(&answer)?;
            let before = ledger.clone();
            let outcome = change(&mut ledger, clocks, asked_at);
            let is_changed = ledger != before;
            let update = SharedUpdate {
                asked_at,
                reply: StoreReply {
                    outcome,
                    now,
                    notice,
                },
            };
            if !is_changed && update.reply.notice.is_none() {
                return Ok(update);
            }
            ledger.last = now;
            ledger.revision = ledger.revision.wrapping_add(1);
            let bytes = to_bytes(&ledger);
            let replacement = LedgerReplacement {
                fence,
                read_at: now,
                bytes: bytes.clone(),
            };
            answer = self.ask(Some(replacement)).await?;
            if answer.bytes.is_none() {
                let own = own_now();
                self.mirror.save(ClockPair { server: now, own }, &bytes);
                return Ok(update);
            }
            let round_trip = answer.asked_at.elapsed();
            if let Some(pause) = pause_after(conflicts, round_trip) {
                sleep(pause).await;
                answer = self.ask(None).await?;
            }
        }
        Err(SharedFailure::Conflicts)
    }

    async fn ask(
        &self,
        replacement: Option<LedgerReplacement>,
    ) -> Result<ServerAnswer, ServerFailure> {
        let (asked_at, own) = (Instant::now(), own_now());
        let exchange = self.shared.server.exchange(&self.key, replacement);
        let ServerReply { now, bytes } = exchange.await?;
        Ok(ServerAnswer {
            bytes,
            clocks: ClockPair { server: now, own },
            asked_at,
        })
    }

    /// Reads the ledger of an answer, without what has lapsed. Where there is none, the server may
    /// have lost it: then it is as this machine last saw it, if that still counts.
    fn read(&self, answer: &ServerAnswer) -> Result<ReadLedger, SharedFailure> {
        let bytes = answer.bytes.as_deref().unwrap_or_default();
        let fence = fence_of(bytes).to_vec();
        let now = answer.clocks.server;
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
                *ledger = begin_outage(last_seen, &self.own_base(), now, fastrand::u64(..));
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
            percent => format!("this machine keeps to {percent} % of the limits"),
        };
        Some(format!(
            "cannot use the shared ledger at {at}: {failure}; {part} until it is back"
        ))
    }

    /// Has the shared ledger count what the machine has in its own. A request that the own ledger
    /// has just admitted also has to fit into the shared one, which may have more of other machines
    /// by now; where it does not, the outcome is how long it has to wait.
    async fn report_own_usage(
        &self,
        admitted: Option<(ReservationId, &RequestCost)>,
    ) -> Result<StoreReply<Option<Admission>>, LimitStoreError> {
        let read = |ledger: &mut RateLimitLedger, _| Some(ledger.clone());
        let mut reply = StoreReply {
            outcome: None,
            now: 0,
            notice: None,
        };
        let Some(own) = self.own.update_ledger(false, None, read).await?.outcome else {
            return Ok(reply);
        };
        let machine = self.shared.machine;
        let report = |ledger: &mut RateLimitLedger, clocks: ClockPair, _| {
            if let Some((id, cost)) = admitted {
                let mut without = own.clone();
                without.slots.retain(|slot| slot.id != id);
                add_own_usage(ledger, &without, machine, clocks);
                let refused = ledger.refuse_now(clocks.server, cost, &self.base);
                if refused.is_some() {
                    return refused;
                }
            }
            add_own_usage(ledger, &own, machine, clocks);
            None
        };
        match self.update_shared(report).await {
            Ok(update) => Ok(update.reply),
            Err(failure) => {
                reply.notice = self.note_outage(&failure).await?;
                Ok(reply)
            }
        }
    }

    /// Reserves a request in the machine's own ledger; where the shared one can be reached, both
    /// have to have room.
    async fn reserve_own(
        &self,
        cost: &RequestCost,
        queued: Option<ReservationId>,
        may_try: bool,
    ) -> Result<StoreReply<Admission>, LimitStoreError> {
        let mut reply = self.own.reserve(cost, queued).await?;
        if !may_try {
            return Ok(reply);
        }
        let admitted = match reply.outcome {
            Admission::Admitted(Some(id)) => Some((id, cost)),
            _ => None,
        };
        let reported = self.report_own_usage(admitted).await?;
        if let (Some(refused), Some((id, _))) = (reported.outcome, admitted) {
            self.own.release(id).await?;
            reply.outcome = sleeping_until_start(refused, reported.now);
            reply.now = reported.now;
        }
        reply.notice = reply.notice.or(reported.notice);
        Ok(reply)
    }

    /// Does something where requests are reserved now: with the shared ledger, or else with the
    /// machine's own. `id` is the reservation that it is about, if it is about one.
    async fn apply<T: Send>(
        &self,
        id: Option<ReservationId>,
        shared: impl Fn(&mut RateLimitLedger, ClockPair, Instant) -> T + Send,
        own: impl Future<Output = Result<StoreReply<T>, LimitStoreError>>,
    ) -> Result<StoreReply<T>, LimitStoreError> {
        let (may_try, notice) = match self.update_in_place(id, shared).await? {
            PlacedUpdate::Shared(update) => return Ok(update.reply),
            PlacedUpdate::Own { may_try, notice } => (may_try, notice),
        };
        let mut reply = own.await?;
        let reported = if may_try {
            self.report_own_usage(None).await?.notice
        } else {
            None
        };
        reply.notice = reply.notice.or(notice).or(reported);
        Ok(reply)
    }

    /// Changes the shared ledger, if requests are reserved there now and it can be reached.
    async fn update_in_place<T: Send>(
        &self,
        id: Option<ReservationId>,
        shared: impl Fn(&mut RateLimitLedger, ClockPair, Instant) -> T + Send,
    ) -> Result<PlacedUpdate<T>, LimitStoreError> {
        let place = match (self.place().await?, id) {
            // The own ledger has it, wherever requests are reserved now.
            (LedgerPlace::Shared, Some(id)) if is_own(id) => LedgerPlace::Own { may_try: true },
            (place, _) => place,
        };
        let failure = match place {
            LedgerPlace::Shared => match self.update_shared(shared).await {
                Ok(update) => return Ok(PlacedUpdate::Shared(update)),
                Err(failure) => failure,
            },
            LedgerPlace::Own { may_try: true } => {
                return Ok(PlacedUpdate::Own {
                    may_try: true,
                    notice: None,
                });
            }
            LedgerPlace::Own { may_try: false } => {
                return Ok(PlacedUpdate::Own {
                    may_try: false,
                    notice: self.notice_of_known_outage(),
                });
            }
        };
        Ok(PlacedUpdate::Own {
            may_try: false,
            notice: self.note_outage(&failure).await?,
        })
    }

    /// Returns the notice of an outage that another process has noticed.
    fn notice_of_known_outage(&self) -> Option<String> {
        self.outage_notice(&SharedFailure::Server(ServerFailure {
            reason: "it was out of reach a moment ago".to_owned(),
        }))
    }

    /// Returns the limits of the machine's own ledger.
    fn own_base(&self) -> BaseLimits {
        BaseLimits {
            share: self.share,
            ..self.base
        }
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
        let acquire = |ledger: &mut RateLimitLedger, clocks: ClockPair, _| {
            let admission = ledger.acquire_ahead(clocks.server, queued, cost, &self.base);
            if let Some(id) = admission.id() {
                ledger.name_holder(id, self.holder());
            }
            sleeping_until_start(admission, clocks.server)
        };
        let SharedUpdate { reply, asked_at } = match self.update_in_place(None, acquire).await? {
            PlacedUpdate::Shared(update) => update,
            PlacedUpdate::Own { may_try, notice } => {
                let mut reply = self.reserve_own(cost, queued, may_try).await?;
                reply.notice = reply.notice.or(notice);
                return Ok(reply);
            }
        };
        if let Admission::Admitted(Some(id)) = reply.outcome
            && is_late(asked_at)
        {
            // The answer was long on its way: the request counts from now on.
            self.restart(id).await?;
        }
        Ok(reply)
    }

    /// Has an admitted request count from now on, as often as that itself takes too long.
    async fn restart(&self, id: ReservationId) -> Result<(), LimitStoreError> {
        let restart = |ledger: &mut RateLimitLedger, clocks: ClockPair, _| {
            ledger.restart(id, clocks.server);
        };
        loop {
            match self.update_shared(restart).await {
                Ok(update) if is_late(update.asked_at) => {}
                Ok(_) => return Ok(()),
                Err(failure) => {
                    self.note_outage(&failure).await?;
                    return Ok(());
                }
            }
        }
    }
}

/// Returns whether an answer to a question of that time comes too late to begin a request with.
fn is_late(asked_at: Instant) -> bool {
    to_micros(asked_at.elapsed()) > REPLACEMENT_LIFETIME
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
        // Others may use fewer tokens than they have reserved; the nearer the start, the sooner it
        // is worth a look.
        let soonest = now + (start.saturating_sub(now) / 4).max(SHORTEST_RETRY);
        *retry_at = (*retry_at)
            .max(soonest)
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
        let settled_at = Instant::now();
        let settle = move |ledger: &mut RateLimitLedger, clocks: ClockPair, asked_at: Instant| {
            // The server's time may be later than that of the question, never earlier. So the
            // headers seem to have come later than they did, and the request counts long enough.
            let since = since_headers.map(|since| to_micros(since + (asked_at - settled_at)));
            let headers_at = since.map(|since| clocks.server.saturating_sub(since));
            ledger.settle(id, cost, headers_at, outcome);
        };
        let own = self.own.settle(id, cost, since_headers, outcome);
        Box::pin(self.apply(Some(id), settle, own))
    }

    fn back_off(&self, wait: Duration) -> StoreFuture<'_, u64> {
        let back_off = move |ledger: &mut RateLimitLedger, clocks: ClockPair, _| {
            let until = clocks.server.saturating_add(to_micros(wait));
            ledger.back_off(clocks.server, until, &self.base);
            until
        };
        Box::pin(self.apply(None, back_off, self.own.back_off(wait)))
    }

    fn release(&self, id: ReservationId) -> StoreFuture<'_, ()> {
        let release = move |ledger: &mut RateLimitLedger, clocks: ClockPair, _| {
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
        let observe = move |ledger: &mut RateLimitLedger, clocks: ClockPair, _| {
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
                let answer = self.ask(None).await?;
                Ok((self.read(&answer)?, answer))
            };
            let (read, answer) = match read.await {
                Ok(read) => read,
                Err(failure) => {
                    let mut own = self.own.view().await?;
                    own.notice = own.notice.or_else(|| self.outage_notice(&failure));
                    return Ok(own);
                }
            };
            let now = answer.clocks.server;
            let is_there = answer.bytes.is_some_and(|bytes| !bytes.is_empty());
            let view = LimitsView::new(&read.ledger, now, &self.base);
            Ok(StoreReply {
                outcome: is_there.then_some(view),
                now,
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
