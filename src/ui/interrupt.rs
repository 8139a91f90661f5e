//! Ctrl-C and SIGTERM: noticed at any time, while waiting and while writing; and terminating by a
//! signal, so that shells and loops see it.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::unistd::close;
use signal_hook::consts::{SIGHUP, SIGINT, SIGPIPE, SIGTERM};
use signal_hook::{flag, low_level};

/// Number of descriptors the runtime opens at startup, plus some for the first connection.
const RUNTIME_DESCRIPTORS: i32 = 10;

/// Signals so soon after the first are the same one: `timeout` sends it to its child, and then to
/// the whole process group.
const REPEAT_GUARD: Duration = Duration::from_millis(500);

/// Watches for SIGINT and SIGTERM. The first one is recorded; a second Ctrl-C kills the process as
/// usual. A second SIGTERM or SIGHUP does not, since several arrive at once: a shell, the kernel
/// and `timeout` each send one, and a clean shutdown takes time.
#[derive(Debug, Default)]
pub(crate) struct InterruptSignal {
    /// Becomes readable with the first signal and stays so; unset until watching starts.
    alarm: OnceLock<UnixStream>,
    /// The other end of `alarm`.
    trigger: OnceLock<UnixStream>,
    signal: Arc<AtomicUsize>,
    /// Whether the next SIGINT kills.
    has_arrived: Arc<AtomicBool>,
}

impl InterruptSignal {
    /// Starts watching; from then on, a signal lets the process save its results before it ends.
    pub(crate) fn start_watching(&self) -> io::Result<()> {
        let (alarm, trigger) = UnixStream::pair()?;
        // Tokio needs some more descriptors, and panics if it does not get them.
        close(fcntl(
            &alarm,
            FcntlArg::F_DUPFD_CLOEXEC(trigger.as_raw_fd() + RUNTIME_DESCRIPTORS),
        )?)?;
        alarm.set_nonblocking(true)?;
        for number in [SIGINT, SIGTERM] {
            self.register_signal(number, &trigger)?;
        }
        self.alarm.get_or_init(|| alarm);
        self.trigger.get_or_init(|| trigger);
        Ok(())
    }

    /// Starts watching for SIGHUP too. For interactive use only: `nohup` must keep working.
    pub(crate) fn watch_hangup(&self) -> io::Result<()> {
        match self.trigger.get() {
            Some(trigger) => self.register_signal(SIGHUP, trigger),
            None => Ok(()),
        }
    }

    /// Starts watching for SIGHUP unless it was ignored when the program was started.
    pub(crate) fn watch_hangup_unless_ignored(&self) -> io::Result<()> {
        // If the system does not report it, SIGHUP keeps its default action.
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        if is_ignored(SIGHUP, &status).unwrap_or(true) {
            Ok(())
        } else {
            self.watch_hangup()
        }
    }

    fn register_signal(&self, number: i32, trigger: &UnixStream) -> io::Result<()> {
        // A signal that arrives during registration would be lost, so it is blocked until all
        // handlers are installed.
        let held = SigSet::from(Signal::try_from(number)?);
        let before = held.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
        let registered = self.register_while_blocked(number, trigger);
        before.thread_set_mask()?;
        registered
    }

    fn register_while_blocked(&self, number: i32, trigger: &UnixStream) -> io::Result<()> {
        if number == SIGINT {
            flag::register_conditional_default(number, Arc::clone(&self.has_arrived))?;
        }
        flag::register(number, Arc::clone(&self.has_arrived))?;
        flag::register_usize(
            number,
            Arc::clone(&self.signal),
            usize::try_from(number).unwrap_or_default(),
        )?;
        low_level::pipe::register(number, trigger.try_clone()?).map(drop)
    }

    /// Waits for the first signal and returns its number.
    pub(crate) async fn wait_for_signal(&self) -> i32 {
        if let Some(signal) = self.pending_signal() {
            return signal;
        }
        let alarm = self.alarm.get().and_then(|alarm| alarm.try_clone().ok());
        match alarm.and_then(|alarm| tokio::net::UnixStream::from_std(alarm).ok()) {
            Some(alarm) if alarm.readable().await.is_ok() => {
                self.pending_signal().unwrap_or(SIGINT)
            }
            _ => std::future::pending().await,
        }
    }

    /// Waits for the same signal to arrive again, once [`REPEAT_GUARD`] has passed. To be called
    /// right after the first one.
    pub(crate) async fn wait_for_repeat(&self, signal: i32) -> io::Result<()> {
        let (alarm, trigger) = UnixStream::pair()?;
        alarm.set_nonblocking(true)?;
        low_level::pipe::register(signal, trigger)?;
        let alarm = tokio::net::UnixStream::from_std(alarm)?;
        let guard = tokio::time::Instant::now() + REPEAT_GUARD;
        loop {
            alarm.readable().await?;
            let _ = alarm.try_read(&mut [0; 16]);
            if tokio::time::Instant::now() > guard {
                return Ok(());
            }
        }
    }

    /// Clears the signal, after it was handled without ending the process: the next one counts as
    /// the first again.
    pub(crate) fn clear_signal(&self) {
        if let Some(mut alarm) = self.alarm.get() {
            let mut rung = [0; 16];
            while io::Read::read(&mut alarm, &mut rung).is_ok_and(|read| read > 0) {}
        }
        self.signal.store(0, Ordering::SeqCst);
        self.has_arrived.store(false, Ordering::SeqCst);
    }

    /// Returns the signal that has arrived, if any.
    pub(crate) fn pending_signal(&self) -> Option<i32> {
        i32::try_from(self.signal.load(Ordering::SeqCst))
            .ok()
            .filter(|&signal| signal != 0)
    }

    /// Returns a descriptor that is readable from the first signal on.
    pub(super) fn alarm_fd(&self) -> Option<BorrowedFd<'_>> {
        self.alarm.get().map(AsFd::as_fd)
    }
}

/// Whether a process ignores a signal, according to `/proc/PID/status`; `None` if it is not listed.
fn is_ignored(number: i32, status: &str) -> Option<bool> {
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))?;
    let mask = u64::from_str_radix(mask.trim(), 16).ok()?;
    Some(mask >> (number - 1) & 1 == 1)
}

/// Terminates the process by `signal` with its default action.
pub(crate) fn die_of_signal(signal: i32) {
    // It returns only if the signal is blocked; the caller then exits with the equivalent code.
    let _ = low_level::emulate_default_handler(signal);
}

/// Terminates the process by SIGPIPE, as other programs end when their reader is gone.
pub(crate) fn die_of_closed_stdout() {
    die_of_signal(SIGPIPE);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_read_from_the_process_status() {
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
