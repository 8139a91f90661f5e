//! A ledger that many machines share, on a server of theirs.
//!
//! Each operation changes the ledger there as every other store does (`server_ledger`). A request
//! that waits sleeps until it can begin, instead of asking again and again.
//!
//! While the server is out of reach, the machine's own ledger takes its place, see `outage`.
//! Nothing fails because of that, and nothing waits for the server for longer than it takes to
//! notice.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::admission::{Admission, RequestCost, RequestOutcome};
use super::known_limits::{BaseLimits, LimitShare, ReportedLimit, ServerReport};
use super::ledger::{LONGEST_SLEEP, RateLimitLedger};
use super::ledger_server::ServerFailure;
use super::limit_file::{LimitFile, to_micros};
use super::limits_view::LimitsView;
use super::outage::{ClockPair, LedgerPlace, add_own_usage, begin_outage, is_own};
use super::server_ledger::{
    ServerLedger, SharedFailure, SharedLedger, SharedUpdate, is_late, own_now,
};
use super::store::{LimitStore, LimitStoreError, StoreFuture, StoreReply};
use super::window::{RateLimits, ReservationHolder, ReservationId};

/// How soon a request tries again that waits for tokens which others may not use, in microseconds.
const SHORTEST_RETRY: u64 = 250_000;

/// How often the same report of the limits is noted, in microseconds.
const REPORT_INTERVAL: u64 = 5_000_000;

/// The store of one model's ledger.
#[derive(Debug)]
pub(crate) struct SharedLimits {
    ledger: ServerLedger,
    base: BaseLimits,
    share: LimitShare,
    /// The machine's own ledger, for an outage.
    own: LimitFile,
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
    /// and `share` what the machine may use of the limits in an outage.
    pub(crate) fn new(
        shared: Arc<SharedLedger>,
        directory: Option<&Path>,
        name: &str,
        base: BaseLimits,
        share: LimitShare,
    ) -> Self {
        let own_base = BaseLimits { share, ..base };
        Self {
            ledger: ServerLedger::new(shared, directory, name),
            base,
            share,
            own: LimitFile::new(directory, &format!("{name}.share"), own_base),
        }
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
                let last_seen = self.ledger.mirror.load();
                *ledger = begin_outage(last_seen, &self.own_base(), now, fastrand::u64(..));
                ledger.bound_times(now);
            }
            ledger.outage_at = now;
        };
        self.own.update_ledger(true, (), begin).await?;
        Ok(self.outage_notice(failure))
    }

    fn outage_notice(&self, failure: &SharedFailure) -> Option<String> {
        if self.ledger.shared.has_told.swap(true, Ordering::Relaxed) {
            return None;
        }
        let at = self.ledger.shared.server.address();
        let part = match self.share.percent() {
            100 => "the limits are counted for this machine alone".to_owned(),
            percent => format!("this machine keeps to {percent}% of the limits"),
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
        let machine = self.ledger.shared.machine;
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
        match self.ledger.update(report).await {
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
            LedgerPlace::Shared => match self.ledger.update(shared).await {
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
            reason: "it could not be reached a moment ago".to_owned(),
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
            machine: self.ledger.shared.machine,
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
            match self.ledger.update(restart).await {
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
            let seen = self.ledger.mirror.load();
            Ok(StoreReply {
                outcome: seen.map_or_else(RateLimits::default, |(seen, ledger)| {
                    ledger.server_limits(seen.to_server(now))
                }),
                now,
                notice: None,
            })
        })
    }

    fn view(&self) -> StoreFuture<'_, Option<LimitsView>> {
        Box::pin(async {
            let read = async {
                let answer = self.ledger.ask(None).await?;
                Ok((self.ledger.read(&answer)?, answer))
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

#[cfg(test)]
mod tests;
