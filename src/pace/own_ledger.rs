//! The file of the ledger that a machine has for itself in an outage of the shared one.

use std::path::Path;

use super::known_limits::BaseLimits;
use super::ledger::RateLimitLedger;
use super::limit_file::LimitFile;
use super::outage::{ClockPair, LedgerPlace, choose_place, note_failure};
use super::outage_ledger::{begin_hold, begin_outage};
use super::store::LimitStoreError;
use super::window::ReservationId;

/// The file, and what the machine may use of the limits.
#[derive(Debug)]
pub(super) struct OwnLedger {
    /// The file as a store.
    pub(super) file: LimitFile,
    /// The limits, and the machine's share of them.
    base: BaseLimits,
}

impl OwnLedger {
    /// Creates it for the shared ledger `name`; the file itself is created when it is needed.
    /// `base` has the machine's share of the limits.
    pub(super) fn new(directory: Option<&Path>, name: &str, base: BaseLimits) -> Self {
        Self {
            file: LimitFile::new(directory, &format!("{name}.share"), base),
            base,
        }
    }

    /// Returns where requests are reserved now; a process that `may_probe` may be the one to try
    /// the shared ledger again.
    pub(super) async fn place(&self, may_probe: bool) -> Result<LedgerPlace, LimitStoreError> {
        let place = move |own: &mut RateLimitLedger, now| choose_place(own, now, may_probe);
        let placed = self.file.update_ledger(false, LedgerPlace::Shared, place);
        Ok(placed.await?.outcome)
    }

    /// Notes that the shared ledger, which was last seen so, is out of reach.
    pub(super) async fn note_failure(
        &self,
        last_seen: impl FnOnce() -> Option<(ClockPair, RateLimitLedger)>,
    ) -> Result<(), LimitStoreError> {
        let note = |own: &mut RateLimitLedger, now: u64| {
            let begin = || begin_outage(last_seen(), &self.base, now, fastrand::u64(..));
            note_failure(own, now, begin);
        };
        self.file.update_ledger(true, (), note).await?;
        Ok(())
    }

    /// Notes that the shared ledger has answered.
    pub(super) async fn note_contact(&self) -> Result<(), LimitStoreError> {
        let note = |own: &mut RateLimitLedger, _| own.probed_at = 0;
        self.file.update_ledger(false, (), note).await?;
        Ok(())
    }

    /// Turns to it because the shared ledger, which was just read, says that all machines keep to
    /// their shares.
    pub(super) async fn hold(
        &self,
        shared: &RateLimitLedger,
        clocks: ClockPair,
    ) -> Result<(), LimitStoreError> {
        let share = self.base.share;
        let hold = |own: &mut RateLimitLedger, _| {
            begin_hold(own, shared, clocks, share, fastrand::u64(..));
        };
        self.file.update_ledger(true, (), hold).await?;
        Ok(())
    }

    /// Has an admitted request count from now on.
    pub(super) async fn restart(&self, id: ReservationId) -> Result<(), LimitStoreError> {
        let restart = |own: &mut RateLimitLedger, now| own.restart(id, now);
        self.file.update_ledger(false, (), restart).await?;
        Ok(())
    }

    /// Reads it; none where there is none.
    pub(super) async fn snapshot(&self) -> Result<Option<RateLimitLedger>, LimitStoreError> {
        let read = |own: &mut RateLimitLedger, _| Some(own.clone());
        Ok(self.file.update_ledger(false, None, read).await?.outcome)
    }
}
