//! A request while a machine has a ledger of its own besides the shared one: both have to have
//! room.

use std::sync::atomic::Ordering;

use tokio::time::Instant;

use super::admission::{Admission, RequestCost};
use super::ledger::RateLimitLedger;
use super::ledger_server::ServerFailure;
use super::outage::{ClockPair, LedgerPlace, note_return};
use super::outage_ledger::add_own_usage;
use super::server_ledger::{SharedFailure, is_late, own_now};
use super::shared_limits::{SharedLimits, sleeping_until_start};
use super::store::{LimitStore, LimitStoreError, StoreReply};
use super::window::ReservationId;

/// What came of adding the machine's own usage to the shared ledger.
pub(super) enum OwnUsageReport {
    /// It was added.
    Added,
    /// The request that was to begin does not fit into the shared ledger, and was not added.
    Refused(Admission),
    /// The shared ledger is out of reach.
    OutOfReach,
}

impl SharedLimits {
    /// Turns to the machine's own ledger. Returns a notice, once in a process.
    pub(super) async fn note_outage(
        &self,
        failure: &SharedFailure,
    ) -> Result<Option<String>, LimitStoreError> {
        let last_seen = || self.ledger.mirror.load();
        self.own.note_failure(last_seen).await?;
        Ok(self.outage_notice(failure))
    }

    pub(super) fn outage_notice(&self, failure: &SharedFailure) -> Option<String> {
        if self.ledger.shared.has_told.swap(true, Ordering::Relaxed) {
            return None;
        }
        let at = self.ledger.shared.server.address();
        let part = match self.share.percent() {
            100 => "the limits are counted for this machine alone".to_owned(),
            percent => format!("this machine keeps to {percent}% of the limits"),
        };
        Some(format!(
            "cannot use the shared ledger at {at}: {failure}; {part} until the ledger is back"
        ))
    }

    /// Returns the notice of an outage that another process has noticed.
    pub(super) fn notice_of_known_outage(&self) -> Option<String> {
        self.outage_notice(&SharedFailure::Server(ServerFailure {
            reason: "it could not be reached a moment ago".to_owned(),
        }))
    }

    /// Has the shared ledger count what the machine has in its own, and changes it. A request that
    /// the own ledger has just admitted also has to fit into the shared one, which may have more of
    /// other machines by now.
    pub(super) async fn report_own_usage(
        &self,
        place: LedgerPlace,
        admitted: Option<(ReservationId, &RequestCost)>,
        change: impl Fn(&mut RateLimitLedger, ClockPair, Instant) + Send + Sync,
    ) -> Result<StoreReply<OwnUsageReport>, LimitStoreError> {
        let own = self.own.snapshot().await?.unwrap_or_default();
        let machine = self.ledger.shared.machine;
        let report = |ledger: &mut RateLimitLedger, clocks: ClockPair, asked_at| {
            if place == LedgerPlace::Probe {
                note_return(ledger, clocks.to_server(own.outage_at), clocks.server);
            }
            if let Some((id, cost)) = admitted {
                let mut without = own.clone();
                without.slots.retain(|slot| slot.id != id);
                add_own_usage(ledger, &without, machine, clocks);
                if let Some(refused) = ledger.refuse_now(clocks.server, cost, &self.ledger.base) {
                    return OwnUsageReport::Refused(refused);
                }
            }
            add_own_usage(ledger, &own, machine, clocks);
            change(ledger, clocks, asked_at);
            OwnUsageReport::Added
        };
        match self.ledger.update(report).await {
            Ok(update) => {
                if place == LedgerPlace::Probe {
                    self.own.note_contact().await?;
                }
                Ok(update.reply)
            }
            Err(failure) => Ok(StoreReply {
                outcome: OwnUsageReport::OutOfReach,
                now: own_now(),
                notice: self.note_outage(&failure).await?,
            }),
        }
    }

    /// Reserves a request in the machine's own ledger and in the shared one: both have to have
    /// room.
    pub(super) async fn reserve_in_both(
        &self,
        cost: &RequestCost,
        queued: Option<ReservationId>,
        place: LedgerPlace,
    ) -> Result<StoreReply<Admission>, LimitStoreError> {
        let mut begun_at = Instant::now();
        let mut reply = self.own.file.reserve(cost, queued).await?;
        let id = match reply.outcome {
            Admission::Admitted(id) => id,
            Admission::Queued { .. } => None,
        };
        if id.is_none() && place == LedgerPlace::Both {
            return Ok(reply);
        }
        let mut unfitted = id.map(|id| (id, cost));
        loop {
            let reported = self.report_own_usage(place, unfitted, |_, _, _| {}).await?;
            reply.notice = reply.notice.or(reported.notice);
            let Some(id) = id else { return Ok(reply) };
            if let OwnUsageReport::Refused(refused) = reported.outcome {
                self.own.file.release(id).await?;
                reply.outcome = sleeping_until_start(refused, reported.now);
                reply.now = reported.now;
                return Ok(reply);
            }
            if !is_late(begun_at) {
                return Ok(reply);
            }
            // That took long: the request counts from now on.
            begun_at = Instant::now();
            self.own.restart(id).await?;
            if matches!(reported.outcome, OwnUsageReport::OutOfReach) {
                return Ok(reply);
            }
            unfitted = None;
        }
    }
}
