//! The bytes of a ledger on a server that machines share: they are read, changed, and replaced
//! unless somebody else was faster; then all of it begins again with the newer ones.
//!
//! Time is the server's, as of when it was asked.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, sleep};

use super::known_limits::BaseLimits;
use super::ledger::RateLimitLedger;
use super::ledger_server::{
    LedgerReplacement, LedgerServer, REPLACEMENT_LIFETIME, ServerFailure, ServerReply,
};
use super::limit_file::{BLOCK_IGNORED, to_micros};
use super::mirror::LedgerMirror;
use super::outage::{ClockPair, note_silence};
use super::record::{UnreadableLedger, fence_of, from_bytes, to_bytes};
use super::restored::{may_count, restore_ledger, restore_own_slots};
use super::store::StoreReply;

/// How often an operation is tried while others are faster, before the server counts as out of
/// reach.
const MAX_CONFLICTS: u32 = 200;

/// How often in a row an exchange may take too long before the server counts as out of reach.
pub(super) const MAX_LATE: u32 = 2;

/// The longest pause after a conflict.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What all calls of a process share of a shared ledger.
#[derive(Debug)]
pub(crate) struct SharedLedger {
    pub(super) server: Box<dyn LedgerServer>,
    /// This machine: a number made of its name.
    pub(super) machine: u64,
    /// Whether the user knows that the server is out of reach.
    pub(super) has_told: AtomicBool,
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

/// Why the shared ledger is not used.
#[derive(Debug, thiserror::Error)]
pub(super) enum SharedFailure {
    /// The server cannot be used.
    #[error(transparent)]
    Server(#[from] ServerFailure),
    /// A newer version of the program has written it.
    #[error("the ledger was written by a newer version of langdock")]
    Newer,
    /// Others are always faster.
    #[error("too many machines are updating the ledger at once")]
    Conflicts,
    /// What is read is outdated before it can be replaced.
    #[error("it takes longer than a second to answer")]
    Slow,
}

/// What the server has answered.
pub(super) struct ServerAnswer {
    /// The ledger's bytes; none where they were replaced.
    pub(super) bytes: Option<Vec<u8>>,
    /// The server's time, and this machine's when it was asked: a little earlier.
    pub(super) clocks: ClockPair,
    /// When it was asked.
    pub(super) asked_at: Instant,
}

/// A ledger as it was read.
pub(super) struct ReadLedger {
    /// What it says.
    pub(super) ledger: RateLimitLedger,
    /// How its bytes begin.
    pub(super) fence: Vec<u8>,
    /// What the user should know.
    pub(super) notice: Option<String>,
}

/// What became of a change of the shared ledger.
pub(super) struct SharedUpdate<T> {
    /// Its outcome.
    pub(super) reply: StoreReply<T>,
    /// When the server was asked for the time that the change goes by.
    pub(super) asked_at: Instant,
}

/// One ledger on the server.
#[derive(Debug)]
pub(super) struct ServerLedger {
    /// What all ledgers there have in common.
    pub(super) shared: Arc<SharedLedger>,
    /// The key of the ledger.
    key: String,
    /// The limits of all machines together.
    pub(super) base: BaseLimits,
    /// The ledger as this machine last saw it.
    pub(super) mirror: LedgerMirror,
}

impl ServerLedger {
    /// Creates the ledger `name`; its mirror is in `directory`.
    pub(super) fn new(
        shared: Arc<SharedLedger>,
        directory: Option<&Path>,
        name: &str,
        base: BaseLimits,
    ) -> Self {
        Self {
            base,
            shared,
            // In a cluster, what stands between the braces decides which server has the key.
            key: format!("langdock:{{{name}}}:book"),
            mirror: LedgerMirror::new(directory, name),
        }
    }

    /// Changes the shared ledger; again with a newer one, if somebody else was faster. `change` is
    /// given the moment of the ledger by both clocks, and when the server was asked for it.
    pub(super) async fn update<T>(
        &self,
        change: impl Fn(&mut RateLimitLedger, ClockPair, Instant) -> T + Send + Sync,
    ) -> Result<SharedUpdate<T>, SharedFailure> {
        let mut answer = self.ask(None).await?;
        let mut late_in_a_row = 0;
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
            late_in_a_row = if is_late(asked_at) {
                late_in_a_row + 1
            } else {
                0
            };
            if late_in_a_row == MAX_LATE {
                return Err(SharedFailure::Slow);
            }
            let round_trip = answer.asked_at.elapsed();
            if let Some(pause) = pause_after(conflicts, round_trip) {
                sleep(pause).await;
                answer = self.ask(None).await?;
            }
        }
        Err(SharedFailure::Conflicts)
    }

    pub(super) async fn ask(
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

    /// Reads the ledger of an answer, without what has lapsed, and with what the server has lost of
    /// it as far as this machine has seen that.
    pub(super) fn read(&self, answer: &ServerAnswer) -> Result<ReadLedger, SharedFailure> {
        let bytes = answer.bytes.as_deref().unwrap_or_default();
        let fence = fence_of(bytes).to_vec();
        let now = answer.clocks.server;
        let (mut ledger, notice) = match from_bytes(bytes) {
            Ok(_) if bytes.is_empty() => (self.last_seen(now), None),
            Ok(mut ledger) => {
                if let Some((_, seen)) = self.recently_seen(now) {
                    restore_own_slots(&mut ledger, &seen, self.shared.machine, now);
                }
                (ledger, None)
            }
            Err(UnreadableLedger::Newer) => return Err(SharedFailure::Newer),
            Err(UnreadableLedger::Damaged) => {
                let at = self.shared.server.address();
                let notice = format!("the shared ledger at {at} is damaged; starting a new one");
                (self.last_seen(now), Some(notice))
            }
        };
        let is_ignored = ledger.bound_times(now);
        note_silence(&mut ledger, self.shared.machine, now);
        ledger.drop_expired(now);
        Ok(ReadLedger {
            ledger,
            fence,
            notice: notice.or_else(|| is_ignored.then(|| BLOCK_IGNORED.to_owned())),
        })
    }

    /// Returns the ledger as this machine last saw it, or an empty one if that was too long ago.
    fn last_seen(&self, now: u64) -> RateLimitLedger {
        match self.recently_seen(now) {
            Some((seen_at, ledger)) => {
                let machine = self.shared.machine;
                restore_ledger(ledger, seen_at.server, machine, &self.base, now)
            }
            None => RateLimitLedger::starting_at(now),
        }
    }

    /// Returns the ledger as this machine last saw it, and when, if anything in it may still count.
    fn recently_seen(&self, now: u64) -> Option<(ClockPair, RateLimitLedger)> {
        let seen = self.mirror.load();
        let (seen_at, mut ledger) = seen.filter(|(seen_at, _)| may_count(seen_at.server, now))?;
        ledger.bound_times(now);
        Some((seen_at, ledger))
    }
}

/// Returns whether an answer to a question of that time comes too late to begin a request with.
pub(super) fn is_late(asked_at: Instant) -> bool {
    to_micros(asked_at.elapsed()) > REPLACEMENT_LIFETIME
}

/// Returns how long to pause after so many conflicts before the next try: not after the first one,
/// and then a random time, on average the longer the more there were, so that of many some get
/// through.
fn pause_after(conflicts: u32, round_trip: Duration) -> Option<Duration> {
    let longest = round_trip.saturating_mul(1 << conflicts.min(6));
    (conflicts > 0).then(|| longest.min(LONGEST_PAUSE).mul_f64(fastrand::f64()))
}

/// Returns this machine's time, in microseconds since 1970: for its own ledger alone.
pub(super) fn own_now() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, to_micros)
}
