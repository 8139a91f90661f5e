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
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::admission::{Admission, RequestCost, RequestOutcome};
use super::known_limits::{BaseLimits, LimitShare, ReportedLimit, ServerReport};
use super::ledger::{LONGEST_SLEEP, RateLimitLedger};
use super::limit_file::to_micros;
use super::limits_view::LimitsView;
use super::outage::{ClockPair, LedgerPlace, are_shares_kept};
use super::outage_ledger::is_own;
use super::own_ledger::OwnLedger;
use super::server_ledger::{
    MAX_LATE, ServerLedger, SharedFailure, SharedLedger, SharedUpdate, is_late, own_now,
};
use super::store::{LimitStore, LimitStoreError, StoreFuture, StoreReply};
use super::window::{RateLimits, ReservationHolder, ReservationId};

/// How soon a request tries again that waits for tokens which others may not use, in microseconds.
const SHORTEST_RETRY: u64 = 250_000;

/// How often the same report of the limits is noted, in microseconds.
const REPORT_INTERVAL: u64 = 5_000_000;

/// The pauses between the attempts to reach a server that refuses at once: one that is being
/// restarted is no reason to turn to the machine's own ledger.
const RESTART_PAUSES: [Duration; 3] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
];

/// The store of one model's ledger.
#[derive(Debug)]
pub(crate) struct SharedLimits {
    pub(super) ledger: ServerLedger,
    /// What the machine may use of the limits while not all of them can be shared.
    pub(super) share: LimitShare,
    /// The machine's own ledger, for an outage.
    pub(super) own: OwnLedger,
}

/// What came of an attempt to reserve in the shared ledger.
enum SharedAdmission {
    /// A decision.
    Decided(Admission),
    /// All machines keep to their shares, says this ledger, read at this moment.
    SharesKept(Box<RateLimitLedger>, ClockPair),
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
            ledger: ServerLedger::new(shared, directory, name, base),
            share,
            own: OwnLedger::new(directory, name, own_base),
        }
    }

    /// Changes the shared ledger. Fails where it is out of reach, unless that is over in a moment.
    async fn update_shared<T>(
        &self,
        change: impl Fn(&mut RateLimitLedger, ClockPair, Instant) -> T + Send + Sync,
    ) -> Result<SharedUpdate<T>, SharedFailure> {
        let longest: Duration = RESTART_PAUSES.iter().sum();
        let began = Instant::now();
        for pause in RESTART_PAUSES {
            match self.ledger.update(&change).await {
                Err(SharedFailure::Server(_)) if began.elapsed() < longest => sleep(pause).await,
                other => return other,
            }
        }
        self.ledger.update(&change).await
    }

    /// Does something where requests are reserved now: with the shared ledger, or else with the
    /// machine's own. `id` is the reservation that it is about, if it is about one.
    async fn apply<T: Send>(
        &self,
        id: Option<ReservationId>,
        shared: impl Fn(&mut RateLimitLedger, ClockPair, Instant) -> T + Send + Sync,
        own: impl Future<Output = Result<StoreReply<T>, LimitStoreError>>,
    ) -> Result<StoreReply<T>, LimitStoreError> {
        let place = match (self.own.place(false).await?, id) {
            // The own ledger has it, wherever requests are reserved now.
            (LedgerPlace::Shared, Some(id)) if is_own(id) => LedgerPlace::Both,
            (place, _) => place,
        };
        let notice = match place {
            LedgerPlace::Shared => match self.update_shared(&shared).await {
                Ok(update) => return Ok(update.reply),
                Err(failure) => self.note_outage(&failure).await?,
            },
            LedgerPlace::Own => self.notice_of_known_outage(),
            LedgerPlace::Both | LedgerPlace::Probe => {
                let mut reply = own.await?;
                let change = |ledger: &mut RateLimitLedger, clocks: ClockPair, asked_at| {
                    shared(ledger, clocks, asked_at);
                };
                let reported = self.report_own_usage(place, None, change).await?;
                reply.notice = reply.notice.or(reported.notice);
                return Ok(reply);
            }
        };
        let mut reply = own.await?;
        reply.notice = reply.notice.or(notice);
        Ok(reply)
    }

    fn holder(&self) -> ReservationHolder {
        ReservationHolder {
            machine: self.ledger.shared.machine,
            process: std::process::id(),
        }
    }

    async fn reserve_in_place(
        &self,
        cost: &RequestCost,
        queued: Option<ReservationId>,
    ) -> Result<StoreReply<Admission>, LimitStoreError> {
        let notice = match self.own.place(true).await? {
            LedgerPlace::Shared => match self.reserve_shared(cost, queued).await {
                Ok(reply) => return self.follow_admission(cost, queued, reply).await,
                Err(failure) => self.note_outage(&failure).await?,
            },
            LedgerPlace::Own => self.notice_of_known_outage(),
            place => return self.reserve_in_both(cost, queued, place).await,
        };
        let mut reply = self.own.file.reserve(cost, queued).await?;
        reply.notice = reply.notice.or(notice);
        Ok(reply)
    }

    async fn reserve_shared(
        &self,
        cost: &RequestCost,
        queued: Option<ReservationId>,
    ) -> Result<SharedUpdate<SharedAdmission>, SharedFailure> {
        let acquire = |ledger: &mut RateLimitLedger, clocks: ClockPair, _| {
            if !self.share.is_whole() && are_shares_kept(ledger, clocks.server) {
                return SharedAdmission::SharesKept(Box::new(ledger.clone()), clocks);
            }
            let base = &self.ledger.base;
            let admission = ledger.acquire_ahead(clocks.server, queued, cost, base);
            if let Some(id) = admission.id() {
                ledger.name_holder(id, self.holder());
            }
            SharedAdmission::Decided(sleeping_until_start(admission, clocks.server))
        };
        self.update_shared(acquire).await
    }

    /// Does what the shared ledger has decided.
    async fn follow_admission(
        &self,
        cost: &RequestCost,
        queued: Option<ReservationId>,
        update: SharedUpdate<SharedAdmission>,
    ) -> Result<StoreReply<Admission>, LimitStoreError> {
        let SharedUpdate { reply, asked_at } = update;
        let admission = match reply.outcome {
            SharedAdmission::Decided(admission) => admission,
            SharedAdmission::SharesKept(ledger, clocks) => {
                self.own.hold(&ledger, clocks).await?;
                return self.reserve_in_both(cost, queued, LedgerPlace::Both).await;
            }
        };
        let mut notice = reply.notice;
        if let Admission::Admitted(Some(id)) = admission
            && is_late(asked_at)
        {
            // The answer was long on its way: the request counts from now on.
            let restarted = self.restart(id).await?;
            notice = notice.or(restarted);
        }
        Ok(StoreReply {
            outcome: admission,
            now: reply.now,
            notice,
        })
    }

    /// Has an admitted request count from now on; once more if that itself takes too long.
    async fn restart(&self, id: ReservationId) -> Result<Option<String>, LimitStoreError> {
        let restart = |ledger: &mut RateLimitLedger, clocks: ClockPair, _| {
            ledger.restart(id, clocks.server);
        };
        for _ in 0..MAX_LATE {
            match self.ledger.update(restart).await {
                Ok(update) if is_late(update.asked_at) => {}
                Ok(_) => return Ok(None),
                Err(failure) => return self.note_outage(&failure).await,
            }
        }
        self.note_outage(&SharedFailure::Slow).await
    }
}

/// Returns an admission with the time at which to wake up.
pub(super) fn sleeping_until_start(mut admission: Admission, now: u64) -> Admission {
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
        Box::pin(self.reserve_in_place(cost, queued))
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
        let own = self.own.file.settle(id, cost, since_headers, outcome);
        Box::pin(self.apply(Some(id), settle, own))
    }

    fn back_off(&self, wait: Duration) -> StoreFuture<'_, u64> {
        let back_off = move |ledger: &mut RateLimitLedger, clocks: ClockPair, _| {
            let until = clocks.server.saturating_add(to_micros(wait));
            ledger.back_off(clocks.server, until, &self.ledger.base);
            until
        };
        Box::pin(self.apply(None, back_off, self.own.file.back_off(wait)))
    }

    fn release(&self, id: ReservationId) -> StoreFuture<'_, ()> {
        let release = move |ledger: &mut RateLimitLedger, clocks: ClockPair, _| {
            ledger.release(clocks.server, id, &self.ledger.base);
        };
        Box::pin(self.apply(Some(id), release, self.own.file.release(id)))
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
            let own = self.own.file.observe(id, cost, &limits);
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
                    let mut own = self.own.file.view().await?;
                    own.notice = own.notice.or_else(|| self.outage_notice(&failure));
                    return Ok(own);
                }
            };
            let now = answer.clocks.server;
            let is_there = answer.bytes.is_some_and(|bytes| !bytes.is_empty());
            let view = LimitsView::new(&read.ledger, now, &self.ledger.base);
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
