//! Ctrl-C and SIGTERM: noticed at any time, while waiting and while writing; and terminating by a
//! signal, so that shells and loops see it.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::unistd::close;
use signal_hook::consts::{SIGHUP, SIGINT, SIGPIPE, SIGTERM};
use signal_hook::{flag, low_level};

/// Number of descriptors the runtime opens at startup, plus some for the first connection.
const RUNTIME_DESCRIPTORS: i32 = 10;

/// Signals so soon after the first are the same one: `timeout` sends it to its child, and then to
/// the whole process group.
const REPEAT_GUARD: Duration = Duration::from_millis(500);

/// How long a Ctrl-C may take to be noticed here after a program in the foreground ended by it.
const LATE_CTRL_C: Duration = Duration::from_millis(200);

/// How often a signal that has rung the alarm is looked for before it counts as Ctrl-C.
const LOOKS: usize = 1000;

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
    /// Does nothing if it has been started before.
    pub(crate) fn start_watching(&self) -> io::Result<()> {
        if self.alarm.get().is_some() {
            return Ok(());
        }
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
        // They run in this order: whoever clears a signal that is recorded drains the alarm as
        // well.
        low_level::pipe::register(number, trigger.try_clone()?)?;
        flag::register_usize(
            number,
            Arc::clone(&self.signal),
            usize::try_from(number).unwrap_or_default(),
        )
        .map(drop)
    }

    /// Waits for the first signal and returns its number.
    pub(crate) async fn wait_for_signal(&self) -> i32 {
        if let Some(signal) = self.pending_signal() {
            return signal;
        }
        let alarm = self.alarm.get().and_then(|alarm| alarm.try_clone().ok());
        match alarm.and_then(|alarm| tokio::net::UnixStream::from_std(alarm).ok()) {
            Some(alarm) if alarm.readable().await.is_ok() => {
                // The handler rings first and records the signal right after that.
                look_until_found(|| self.pending_signal())
                    .await
                    .unwrap_or(SIGINT)
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

    /// Clears a Ctrl-C that a program in the foreground was meant to get, once that program has
    /// ended. The terminal sends it to this process too, which may notice it only after the
    /// program has ended by it; `noticed` tells that it has been cleared already.
    pub(super) fn clear_ctrl_c_of(&self, program: ExitStatus, noticed: bool) {
        let ended_by_it = program.signal() == Some(SIGINT) || program.code() == Some(128 + SIGINT);
        if ended_by_it && !noticed && self.pending_signal().is_none() {
            self.wait_for_late_ctrl_c();
        }
        if self.pending_signal() == Some(SIGINT) {
            self.clear_signal();
        }
    }

    /// Waits a moment for a signal: none comes if only the program got it, as with `kill`.
    fn wait_for_late_ctrl_c(&self) {
        let Some(alarm) = self.alarm_fd() else {
            return;
        };
        let deadline = Instant::now() + LATE_CTRL_C;
        while self.pending_signal().is_none() {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(timeout) = PollTimeout::try_from(left) else {
                return;
            };
            let rung = poll(&mut [PollFd::new(alarm, PollFlags::POLLIN)], timeout);
            if left.is_zero() || rung == Ok(0) {
                return;
            }
            // The handler rings first and records the signal right after that.
            thread::yield_now();
        }
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

/// Returns what is found, looking again and again while other tasks run; `None` after [`LOOKS`].
async fn look_until_found(look: impl Fn() -> Option<i32>) -> Option<i32> {
    for _ in 0..LOOKS {
        if let Some(signal) = look() {
            return Some(signal);
        }
        tokio::task::yield_now().await;
    }
    None
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
    use std::io::{Read, Write};

    use super::*;

    /// What the handler does, for a signal that this process does not get.
    fn notice(interrupt: &InterruptSignal, signal: i32) {
        let mut trigger = interrupt.trigger.get().expect("watching has started");
        trigger.write_all(b"X").expect("the alarm is open");
        interrupt.has_arrived.store(true, Ordering::SeqCst);
        let number = usize::try_from(signal).expect("signals are small numbers");
        interrupt.signal.store(number, Ordering::SeqCst);
    }

    fn watching() -> InterruptSignal {
        let (alarm, trigger) = UnixStream::pair().expect("there are descriptors left");
        alarm.set_nonblocking(true).expect("it is a socket");
        let interrupt = InterruptSignal::default();
        interrupt.alarm.get_or_init(|| alarm);
        interrupt.trigger.get_or_init(|| trigger);
        interrupt
    }

    #[test]
    fn a_ctrl_c_noticed_after_the_program_it_was_for_has_ended_is_cleared() {
        let by_signal = ExitStatus::from_raw(SIGINT);
        let by_shell = ExitStatus::from_raw((128 + SIGINT) << 8);
        for status in [by_signal, by_shell] {
            let interrupt = watching();
            thread::scope(|threads| {
                threads.spawn(|| notice(&interrupt, SIGINT));
                interrupt.clear_ctrl_c_of(status, false);
            });
            assert_eq!(interrupt.pending_signal(), None, "{status}");
            assert!(!interrupt.has_arrived.load(Ordering::SeqCst), "{status}");
            let mut left = interrupt.alarm.get().expect("watching has started");
            assert!(left.read(&mut [0]).is_err(), "{status}");
        }
    }

    #[test]
    fn a_signal_that_ends_the_run_is_kept_when_a_program_has_ended() {
        for status in [0, SIGINT, SIGTERM] {
            let interrupt = watching();
            notice(&interrupt, SIGTERM);
            interrupt.clear_ctrl_c_of(ExitStatus::from_raw(status), false);
            assert_eq!(interrupt.pending_signal(), Some(SIGTERM));
        }
    }

    #[test]
    fn a_program_that_alone_was_ended_is_not_waited_for_long() {
        let interrupt = watching();
        interrupt.clear_ctrl_c_of(ExitStatus::from_raw(SIGINT), false);
        assert_eq!(interrupt.pending_signal(), None);
    }

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
