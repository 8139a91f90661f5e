//! Ctrl-C and SIGTERM: noticed at any moment, by those who wait and by those who write; and dying
//! of a signal, so that shells and loops see it.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::unistd::close;
use signal_hook::consts::{SIGHUP, SIGINT, SIGPIPE, SIGTERM};
use signal_hook::{flag, low_level};

/// How many descriptors the runtime opens when it starts, and then some for the first connection.
const RUNTIME_DESCRIPTORS: i32 = 10;

/// Watches for SIGINT and SIGTERM. The first one is noticed. A Ctrl-C behind it kills, as it would
/// without us; not so SIGTERM and SIGHUP, of which several come at once: a shell, the kernel and
/// `timeout` each send one, and ending what was begun takes its time.
#[derive(Debug, Default)]
pub(crate) struct Interrupt {
    /// Becomes readable with the first signal, and stays so; none where nothing is watched, and
    /// signals do as they do.
    alarm: OnceLock<UnixStream>,
    /// Its other end.
    trigger: OnceLock<UnixStream>,
    signal: Arc<AtomicUsize>,
    /// Whether the next SIGINT kills.
    has_come: Arc<AtomicBool>,
}

impl Interrupt {
    /// Begins to watch; from then on a signal lets the process save what came before it ends.
    pub(crate) fn watch(&self) -> io::Result<()> {
        let (alarm, trigger) = UnixStream::pair()?;
        // The runtime needs some more descriptors, and panics where it does not get them.
        close(fcntl(
            &alarm,
            FcntlArg::F_DUPFD_CLOEXEC(trigger.as_raw_fd() + RUNTIME_DESCRIPTORS),
        )?)?;
        alarm.set_nonblocking(true)?;
        for number in [SIGINT, SIGTERM] {
            self.register(number, &trigger)?;
        }
        self.alarm.get_or_init(|| alarm);
        self.trigger.get_or_init(|| trigger);
        Ok(())
    }

    /// Begins to watch for the end of the terminal, too. Only where a person sits at it: who
    /// started the program by `nohup` wants SIGHUP to have no effect.
    pub(crate) fn watch_hangup(&self) -> io::Result<()> {
        match self.trigger.get() {
            Some(trigger) => self.register(SIGHUP, trigger),
            None => Ok(()),
        }
    }

    /// The same where nobody may sit at it: a SIGHUP that was to be ignored when the program was
    /// started stays so.
    pub(crate) fn watch_hangup_unless_ignored(&self) -> io::Result<()> {
        // Where the system does not tell, it does as it does by itself.
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        if is_ignored(SIGHUP, &status).unwrap_or(true) {
            Ok(())
        } else {
            self.watch_hangup()
        }
    }

    fn register(&self, number: i32, trigger: &UnixStream) -> io::Result<()> {
        // One that comes in the midst of this would be lost: it waits until all is in place.
        let held = SigSet::from(Signal::try_from(number)?);
        let before = held.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
        let registered = self.register_while_held(number, trigger);
        before.thread_set_mask()?;
        registered
    }

    fn register_while_held(&self, number: i32, trigger: &UnixStream) -> io::Result<()> {
        if number == SIGINT {
            flag::register_conditional_default(number, Arc::clone(&self.has_come))?;
        }
        flag::register(number, Arc::clone(&self.has_come))?;
        flag::register_usize(
            number,
            Arc::clone(&self.signal),
            usize::try_from(number).unwrap_or_default(),
        )?;
        low_level::pipe::register(number, trigger.try_clone()?).map(drop)
    }

    /// Waits for the first signal and gives its number.
    pub(crate) async fn wait(&self) -> i32 {
        if let Some(signal) = self.seen() {
            return signal;
        }
        let alarm = self.alarm.get().and_then(|alarm| alarm.try_clone().ok());
        match alarm.and_then(|alarm| tokio::net::UnixStream::from_std(alarm).ok()) {
            Some(alarm) if alarm.readable().await.is_ok() => self.seen().unwrap_or(SIGINT),
            _ => std::future::pending().await,
        }
    }

    /// Forgets the signal that has come, for which something less than the end was done: the next
    /// one is the first again.
    pub(crate) fn forget(&self) {
        if let Some(mut alarm) = self.alarm.get() {
            let mut rung = [0; 16];
            while io::Read::read(&mut alarm, &mut rung).is_ok_and(|read| read > 0) {}
        }
        self.signal.store(0, Ordering::SeqCst);
        self.has_come.store(false, Ordering::SeqCst);
    }

    /// The signal that has come, if any.
    pub(crate) fn seen(&self) -> Option<i32> {
        i32::try_from(self.signal.load(Ordering::SeqCst))
            .ok()
            .filter(|&signal| signal != 0)
    }

    /// Readable from the first signal on.
    pub(super) fn alarm(&self) -> Option<BorrowedFd<'_>> {
        self.alarm.get().map(AsFd::as_fd)
    }
}

/// Whether a process ignores a signal, as Linux tells its status; none where it does not say.
fn is_ignored(number: i32, status: &str) -> Option<bool> {
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))?;
    let mask = u64::from_str_radix(mask.trim(), 16).ok()?;
    Some(mask >> (number - 1) & 1 == 1)
}

/// Ends the process by `signal` with its default action.
pub(crate) fn die_of(signal: i32) {
    // It returns only if the signal is blocked; the caller then ends with the exit code that stands
    // for it.
    let _ = low_level::emulate_default_handler(signal);
}

/// Ends the process as one ends that writes where nobody reads.
pub(crate) fn die_of_closed_stdout() {
    die_of(SIGPIPE);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ignored_stands_in_the_status() {
        let status = |mask: &str| {
            format!("Name:\tx\nSigBlk:\t0000000000000000\nSigIgn:\t{mask}\nSigCgt:\t1\n")
        };
        for (mask, expected) in [
            ("0000000000000001", Some(true)),
            ("0000000000001001", Some(true)),
            ("0000000000001000", Some(false)),
            ("x", None),
        ] {
            assert_eq!(is_ignored(SIGHUP, &status(mask)), expected, "{mask}");
        }
        assert_eq!(is_ignored(SIGHUP, ""), None);
    }
}
