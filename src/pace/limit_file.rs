//! A ledger in a file, which all processes of a user lock in turn.
//!
//! The lock is never waited for: while another process has it, which takes microseconds, the
//! runtime turns to other work between two attempts. From the lock to the last write there is no
//! point at which an operation could be dropped, so it happens whole or not at all.
//!
//! Its name ends with the version of its format, so that programs of different versions have
//! different files; one that a newer version has written all the same is left alone.
//!
//! The file is written in place, so that processes that have it open keep using the same file. A
//! damaged or foreign file is set aside, and so is a ledger from a clock that was ahead; a notice
//! says so. If something other than a file of ours is where it would be set aside, both are
//! left alone and the operation fails as obstructed: the only failure that keeps a request from
//! being sent.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio::time::sleep;

use super::SECOND;
use super::admission::{Admission, RequestCost, RequestOutcome};
use super::known_limits::{BaseLimits, ServerReport};
use super::ledger::RateLimitLedger;
use super::limits_view::LimitsView;
use super::process_scope::{has_ended, process_scope};
use super::record::{FILE_SUFFIX, MAX_BYTES, UnreadableLedger, from_bytes, to_bytes};
use super::store::{LedgerObstruction, LimitStore, LimitStoreError, StoreFuture, StoreReply};
use super::window::{RateLimits, ReservationHolder, ReservationId};
use crate::fs::{
    Durability, FileRefusal, atomic_write, check_replaceable, open_or_create_private, open_private,
};

/// What is said of a block that is too long to be one.
pub(super) const BLOCK_IGNORED: &str =
    "the rate-limit ledger blocks requests for more than ten minutes; ignoring that";

/// How far a file may be ahead of the clock, which is more than the clocks of two cores differ. One
/// that is further ahead was written by another clock.
const CLOCK_TOLERANCE: u64 = 2 * SECOND;

/// How soon and how late a queued request tries again: others may have used less than they
/// reserved, and looking costs next to nothing.
const SHORTEST_RETRY: u64 = SECOND / 20;
const LONGEST_RETRY: u64 = SECOND / 4;

/// How often the lock is tried, and how long the next attempt waits: two seconds in all.
const LOCK_ATTEMPTS: u32 = 1000;
const LOCK_RETRY_INTERVAL: Duration = Duration::from_millis(2);

/// The file of one ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LimitFile {
    /// None on a machine that has no place for it.
    path: Option<PathBuf>,
    base: BaseLimits,
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LimitFileError {
    /// No directory for it is known.
    #[error("HOME is not set")]
    NoDirectory,
    /// Another process has it.
    #[error("`{}` is still locked by another process", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// It is a directory, a pipe or a device.
    #[error("`{}` is not a regular file", path.display())]
    NotAFile {
        /// Its path.
        path: PathBuf,
    },
    /// A newer version of the program has written it.
    #[error("`{}` was written by a newer version of langdock", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
    },
    /// It is damaged, and cannot be set aside without touching what is not ours.
    #[error(transparent)]
    Obstructed(#[from] LedgerObstruction),
    /// The system refuses something.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file, or the directory that was to hold it.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl LimitFileError {
    fn from_io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}

impl From<LimitFileError> for LimitStoreError {
    fn from(error: LimitFileError) -> Self {
        match error {
            LimitFileError::Obstructed(obstruction) => Self::Obstructed(obstruction),
            unusable => Self::Unusable(Box::new(unusable)),
        }
    }
}

/// A ledger that is locked until this is dropped.
#[derive(Debug)]
struct LockedLimits {
    file: File,
    path: PathBuf,
    /// What the file says.
    ledger: RateLimitLedger,
    /// The time.
    now: u64,
    /// What the user should know about the file.
    notice: Option<String>,
    /// What the file said, to write nothing that is not new.
    before: RateLimitLedger,
    /// The file's length in bytes.
    length: u64,
}

impl LimitFile {
    /// Creates the store whose ledger is the file `name` in `directory`. The file itself is created
    /// when there is something to write down.
    pub(crate) fn new(directory: Option<&Path>, name: &str, base: BaseLimits) -> Self {
        Self {
            path: directory.map(|directory| directory.join(format!("{name}{FILE_SUFFIX}"))),
            base,
        }
    }

    /// Changes the ledger and writes it. Where there is no file, and `create` does not ask for one,
    /// the outcome is `absent`.
    pub(super) async fn update_ledger<T>(
        &self,
        create: bool,
        absent: T,
        change: impl FnOnce(&mut RateLimitLedger, u64) -> T,
    ) -> Result<StoreReply<T>, LimitStoreError> {
        let Some(mut limits) = self.lock_ledger(create).await? else {
            return Ok(StoreReply {
                outcome: absent,
                now: now_micros(),
                notice: None,
            });
        };
        let now = limits.now;
        let outcome = change(&mut limits.ledger, now);
        let notice = limits.notice.take();
        limits.write_changes()?;
        Ok(StoreReply {
            outcome,
            now,
            notice,
        })
    }

    /// Opens and locks the file, trying again while another process has the lock.
    async fn lock_ledger(&self, create: bool) -> Result<Option<LockedLimits>, LimitFileError> {
        for _ in 1..LOCK_ATTEMPTS {
            match self.try_lock(create) {
                Err(LimitFileError::Locked { .. }) => sleep(LOCK_RETRY_INTERVAL).await,
                opened => return opened,
            }
        }
        self.try_lock(create)
    }

    /// Opens and locks the file; none where there is none and none is to be created.
    fn try_lock(&self, create: bool) -> Result<Option<LockedLimits>, LimitFileError> {
        let Some(path) = &self.path else {
            return if create {
                Err(LimitFileError::NoDirectory)
            } else {
                Ok(None)
            };
        };
        let failed_to = |action| LimitFileError::from_io(action, path);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(create);
        let opened = if create {
            open_or_create_private(path, &options)
        } else {
            open_private(path, &options)
        };
        let file = match opened {
            Err(error) if error.kind() == ErrorKind::NotFound && !create => return Ok(None),
            Err(error) if FileRefusal::is_cause_of(&error) => {
                return Err(LimitFileError::NotAFile { path: path.clone() });
            }
            opened => opened.map_err(failed_to("open"))?,
        };
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => LimitFileError::Locked { path: path.clone() },
            TryLockError::Error(error) => failed_to("lock")(error),
        })?;
        let mut bytes = Vec::new();
        (&file)
            .take(MAX_BYTES)
            .read_to_end(&mut bytes)
            .map_err(failed_to("read"))?;
        let now = now_micros();
        let (mut ledger, notice) = match from_bytes(&bytes) {
            Ok(ledger) if ledger.last > now + CLOCK_TOLERANCE => (
                RateLimitLedger::starting_at(now),
                Some(set_aside(
                    path,
                    &bytes,
                    "the clock was set back; starting a new rate-limit ledger",
                )?),
            ),
            Ok(_) if bytes.is_empty() => (RateLimitLedger::starting_at(now), None),
            Ok(ledger) => (ledger, None),
            Err(UnreadableLedger::Newer) => {
                return Err(LimitFileError::Newer { path: path.clone() });
            }
            Err(UnreadableLedger::Damaged) => (
                RateLimitLedger::starting_at(now),
                Some(set_aside(
                    path,
                    &bytes,
                    "the rate-limit ledger is damaged; starting a new one",
                )?),
            ),
        };
        let length = bytes.len() as u64;
        // A new ledger is written in any case.
        let before = if notice.is_some() {
            RateLimitLedger {
                last: u64::MAX,
                ..RateLimitLedger::default()
            }
        } else {
            ledger.clone()
        };
        if !ledger.queue.is_empty()
            && let Some(scope) = process_scope()
        {
            ledger.drop_tickets(|holder| holder.machine == scope && has_ended(holder.process));
        }
        let is_ignored = ledger.bound_times(now);
        let notice = notice.or_else(|| is_ignored.then(|| BLOCK_IGNORED.to_owned()));
        Ok(Some(LockedLimits {
            file,
            path: path.clone(),
            ledger,
            now,
            notice,
            before,
            length,
        }))
    }
}

/// Keeps what is not a ledger beside the new one, and says so. Replaces what was set aside before,
/// but only a plain file of the user's own.
fn set_aside(path: &Path, bytes: &[u8], reason: &str) -> Result<String, LedgerObstruction> {
    let aside = path.with_extension("broken");
    if let Err(refusal) = check_replaceable(&aside) {
        return Err(LedgerObstruction {
            path: aside,
            refusal,
        });
    }
    let kept = match atomic_write(&aside, bytes, Durability::Cached) {
        Ok(()) => format!("the old one was saved as `{}`", aside.display()),
        Err(error) => format!("the old one could not be saved: {error}"),
    };
    Ok(format!("{reason}; {kept}"))
}

impl LockedLimits {
    /// Writes what the ledger says now, if anything is new.
    fn write_changes(mut self) -> Result<(), LimitFileError> {
        if self.ledger == self.before {
            return Ok(());
        }
        self.ledger.last = self.now;
        let bytes = to_bytes(&self.ledger);
        let mut written = self.file.write_all_at(&bytes, 0);
        if written.is_ok() && (bytes.len() as u64) < self.length {
            written = self.file.set_len(bytes.len() as u64);
        }
        if written.is_err() {
            // An empty ledger is a sound one, half a one is not.
            let _ = self.file.set_len(0);
        }
        written.map_err(LimitFileError::from_io("write", &self.path))
    }
}

impl LimitStore for LimitFile {
    fn reserve<'a>(
        &'a self,
        cost: &'a RequestCost,
        queued: Option<ReservationId>,
    ) -> StoreFuture<'a, Admission> {
        Box::pin(self.update_ledger(
            self.base.is_any(),
            Admission::Admitted(None),
            move |ledger, now| {
                let admission = ledger.try_acquire(now, queued, cost, &self.base);
                match admission {
                    Admission::Queued { id: Some(id), .. } => {
                        ledger.name_holder(id, this_process_in_scope());
                    }
                    Admission::Admitted(Some(id)) => ledger.name_holder(id, this_process()),
                    _ => {}
                }
                retrying_soon(admission, now)
            },
        ))
    }

    fn settle<'a>(
        &'a self,
        id: ReservationId,
        cost: &'a RequestCost,
        since_headers: Option<Duration>,
        outcome: RequestOutcome,
    ) -> StoreFuture<'a, ()> {
        Box::pin(self.update_ledger(false, (), move |ledger, now| {
            let headers_at = since_headers.map(|since| now.saturating_sub(to_micros(since)));
            ledger.settle(id, cost, headers_at, outcome);
        }))
    }

    fn back_off(&self, wait: Duration) -> StoreFuture<'_, u64> {
        Box::pin(self.update_ledger(true, 0, move |ledger, now| {
            let until = now.saturating_add(to_micros(wait));
            ledger.back_off(now, until, &self.base);
            until
        }))
    }

    fn release(&self, id: ReservationId) -> StoreFuture<'_, ()> {
        Box::pin(self.update_ledger(false, (), move |ledger, now| {
            ledger.release(now, id, &self.base);
        }))
    }

    fn observe<'a>(
        &'a self,
        id: Option<ReservationId>,
        cost: &'a RequestCost,
        report: &'a ServerReport,
    ) -> StoreFuture<'a, ()> {
        Box::pin(self.update_ledger(true, (), move |ledger, now| {
            ledger.observe(now, id, cost, report);
        }))
    }

    fn server_limits(&self) -> StoreFuture<'_, RateLimits> {
        Box::pin(async {
            let limits = self.lock_ledger(false).await?;
            let now = limits.as_ref().map_or_else(now_micros, |limits| limits.now);
            let outcome = limits.map(|limits| limits.ledger.server_limits(now));
            // A notice is left to who writes: the file is as it was.
            Ok(StoreReply {
                outcome: outcome.unwrap_or_default(),
                now,
                notice: None,
            })
        })
    }

    fn view(&self) -> StoreFuture<'_, Option<LimitsView>> {
        Box::pin(async {
            let limits = self.lock_ledger(false).await?;
            let now = limits.as_ref().map_or_else(now_micros, |limits| limits.now);
            let outcome = limits.map(|mut limits| {
                limits.ledger.forget_scopes();
                LimitsView::new(&limits.ledger, now, &self.base)
            });
            Ok(StoreReply {
                outcome,
                now,
                notice: None,
            })
        })
    }
}

/// Returns an admission with the time at which to look at the file again.
fn retrying_soon(mut admission: Admission, now: u64) -> Admission {
    if let Admission::Queued {
        start, retry_at, ..
    } = &mut admission
    {
        let expected = start.saturating_sub(now);
        let wait = (expected / 4).clamp(SHORTEST_RETRY, LONGEST_RETRY);
        *retry_at = now + wait.min(expected);
    }
    admission
}

/// Returns who has a reservation of this process in a ledger of this machine.
fn this_process() -> ReservationHolder {
    ReservationHolder {
        machine: 0,
        process: std::process::id(),
    }
}

/// Returns who waits for a reservation. In place of the machine, of which there is one, it has the
/// scope in which the process can be looked up: if it is killed, its place is free at once.
fn this_process_in_scope() -> ReservationHolder {
    ReservationHolder {
        machine: process_scope().unwrap_or_default(),
        ..this_process()
    }
}

/// Returns the time in microseconds since 1970.
fn now_micros() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, to_micros)
}

pub(super) fn to_micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::super::admission::RequestPriority;
    #[cfg(target_os = "linux")]
    use super::super::ledger::QueueTicket;
    use super::*;

    const COST: RequestCost = RequestCost {
        input: 1,
        max_tokens: 1,
        priority: RequestPriority::Person,
    };

    /// Returns a store in `directory` that admits one request a minute.
    fn store(directory: &Path, name: &str) -> LimitFile {
        let configured = RateLimits {
            requests: Some(1),
            tokens: None,
        };
        let base = BaseLimits {
            configured,
            ..BaseLimits::default()
        };
        LimitFile::new(Some(directory), name, base)
    }

    fn path_of(store: &LimitFile) -> &Path {
        store.path.as_deref().expect("it has a directory")
    }

    async fn reserve(store: &LimitFile) -> Admission {
        let reply = store.reserve(&COST, None).await;
        reply.expect("the file can be used").outcome
    }

    #[tokio::test]
    async fn what_one_process_writes_the_next_one_reads() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = store(&directory.path().join("new/pace"), "name");
        let absent = store.try_lock(false).expect("nothing can fail");
        assert!(absent.is_none());
        let Admission::Admitted(Some(id)) = reserve(&store).await else {
            panic!("the first one is admitted")
        };
        assert!(matches!(reserve(&store).await, Admission::Queued { .. }));
        store.release(id).await.expect("the file can be used");
        let mode = fs::metadata(path_of(&store))
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[tokio::test]
    async fn a_reservation_dates_from_the_headers_and_a_429_from_now() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = store(directory.path(), "name");
        let Admission::Admitted(Some(id)) = reserve(&store).await else {
            panic!("the first one is admitted")
        };
        let answered = RequestOutcome::Answered {
            input: 1,
            output: 1,
        };
        let hour = Duration::from_secs(3600);
        let settled = store.settle(id, &COST, Some(hour), answered).await;
        let settled_at = settled.expect("the file can be used").now;
        let Admission::Queued { start, .. } = reserve(&store).await else {
            panic!("the second one is not admitted")
        };
        // Headers from before the request count as of the request.
        assert!(start <= settled_at + 60 * SECOND, "{start} {settled_at}");
        let reply = store.back_off(hour).await.expect("the file can be used");
        assert_eq!(reply.outcome, reply.now + 3600 * SECOND);
    }

    #[tokio::test]
    async fn a_damaged_file_is_set_aside_once() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = store(directory.path(), "name");
        fs::write(
            path_of(&store),
            "a foreign file, and a long one that is\n".repeat(100),
        )
        .expect("it is writable");
        let read = store.server_limits().await.expect("it can be opened");
        assert_eq!((read.outcome, read.notice), (RateLimits::default(), None));
        let reply = store.reserve(&COST, None).await.expect("it can be opened");
        let notice = reply.notice.expect("it is noticed");
        assert!(notice.contains("name.broken"), "{notice}");
        let reply = store.reserve(&COST, None).await.expect("it can be opened");
        assert_eq!(reply.notice, None);
        let kept = fs::read_to_string(directory.path().join("name.broken")).expect("it is kept");
        assert!(kept.starts_with("a foreign file"));
    }

    #[tokio::test]
    async fn a_file_of_a_newer_version_is_left_alone() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = store(directory.path(), "name");
        let mut newer = to_bytes(&RateLimitLedger::default());
        newer[0] += 1;
        fs::write(path_of(&store), &newer).expect("it is writable");
        let error = store.reserve(&COST, None).await.expect_err("it is newer");
        let path = path_of(&store).display();
        assert_eq!(
            error.to_string(),
            format!("`{path}` was written by a newer version of langdock")
        );
        assert_eq!(fs::read(path_of(&store)).ok(), Some(newer));
        assert!(path_of(&store).ends_with("name.v2"));
    }

    #[tokio::test]
    async fn reservations_name_their_process_and_their_ids_do_not_start_over() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = store(directory.path(), "name");
        let first = reserve(&store).await.id().expect("it is limited");
        let view = store.view().await.expect("it can be read").outcome;
        let holders = view.expect("there is a ledger").holders;
        assert_eq!(holders[0].holder, this_process());
        fs::remove_file(path_of(&store)).expect("it is there");
        let second = reserve(&store).await.id().expect("it is limited");
        assert!(second > first, "{second:?} {first:?}");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_place_in_the_queue_goes_with_its_process_if_that_has_certainly_ended() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = store(directory.path(), "name");
        reserve(&store).await;
        let mut child = std::process::Command::new("true")
            .spawn()
            .expect("it is in PATH");
        child.wait().expect("it ends");
        let scope = process_scope().expect("Linux tells");
        let queue = |holder: ReservationHolder| {
            let ledger = fs::read(path_of(&store)).expect("it is there");
            let mut ledger = from_bytes(&ledger).expect("it is sound");
            ledger.queue.push(QueueTicket {
                id: ReservationId(ledger.next_id + ledger.queue.len() as u64),
                holder,
                expiry: now_micros() + 10 * SECOND,
                cost: COST,
            });
            fs::write(path_of(&store), to_bytes(&ledger)).expect("it is writable");
        };
        for (machine, process) in [
            (scope, child.id()),
            (scope, std::process::id()),
            (scope ^ 1, child.id()),
            (0, child.id()),
        ] {
            queue(ReservationHolder { machine, process });
        }
        let view = store.view().await.expect("it can be read").outcome;
        let view = view.expect("there is a ledger");
        assert_eq!(view.queued, 3);
        assert!(view.holders.iter().all(|view| view.holder.machine == 0));
    }

    #[tokio::test]
    async fn a_ledger_of_the_future_is_replaced() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = store(directory.path(), "name");
        reserve(&store).await;
        let ledger = RateLimitLedger {
            last: now_micros() + 5 * CLOCK_TOLERANCE,
            blocked_until: u64::MAX,
            ..RateLimitLedger::default()
        };
        fs::write(path_of(&store), to_bytes(&ledger)).expect("it is writable");
        let reply = store.reserve(&COST, None).await.expect("it can be opened");
        let notice = reply.notice.expect("it is noticed");
        assert!(notice.contains("the clock was set back") && notice.contains("name.broken"));
        assert!(matches!(reply.outcome, Admission::Admitted(Some(_))));
        let kept = fs::read(directory.path().join("name.broken")).expect("it is kept");
        assert_eq!(kept, to_bytes(&ledger));
    }

    #[tokio::test(start_paused = true)]
    async fn a_lock_that_another_process_keeps_times_out_and_one_that_it_drops_is_acquired() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = store(directory.path(), "name");
        let locked = store.try_lock(true).expect("it can be opened");
        let error = store.reserve(&COST, None).await.expect_err("it is locked");
        let path = path_of(&store).display();
        assert_eq!(
            error.to_string(),
            format!("`{path}` is still locked by another process")
        );
        let later = async {
            sleep(LOCK_RETRY_INTERVAL * 10).await;
            drop(locked);
        };
        let (admission, ()) = tokio::join!(reserve(&store), later);
        assert!(matches!(admission, Admission::Admitted(Some(_))));
    }

    #[tokio::test]
    async fn an_operation_that_is_dropped_before_it_has_the_lock_changes_nothing() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = store(directory.path(), "name");
        let locked = store.try_lock(true).expect("it can be opened");
        {
            let reserving = store.reserve(&COST, None);
            tokio::select! {
                biased;
                _ = reserving => panic!("it is locked"),
                () = std::future::ready(()) => {}
            }
        }
        drop(locked);
        assert!(matches!(
            reserve(&store).await,
            Admission::Admitted(Some(_))
        ));
    }

    #[tokio::test]
    async fn an_error_names_the_path() {
        let directory = tempfile::tempdir().expect("a directory");
        fs::create_dir(directory.path().join("directory.v2")).expect("it is writable");
        fs::write(directory.path().join("file"), "").expect("it is writable");
        for name in ["directory", "file/below"] {
            let store = store(directory.path(), name);
            let error = store.reserve(&COST, None).await.expect_err(name);
            let error = error.to_string();
            assert!(
                error.contains(&directory.path().join(name).display().to_string()),
                "{error}"
            );
        }
        let nowhere = LimitFile {
            path: None,
            ..store(directory.path(), "")
        };
        let error = nowhere
            .reserve(&COST, None)
            .await
            .expect_err("it has no directory");
        assert_eq!(error.to_string(), "HOME is not set");
        let unlimited = LimitFile::new(None, "", BaseLimits::default());
        assert_eq!(reserve(&unlimited).await, Admission::Admitted(None));
    }
}
