//! A child process watched by a thread: it can be waited for with a deadline, and never outlives
//! its test.

use std::{
    io,
    process::{Child, Command, ExitStatus},
    sync::{Arc, Condvar, Mutex, MutexGuard, Once, PoisonError, atomic::AtomicBool},
    thread,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use signal_hook::{
    consts::{SIGHUP, SIGINT},
    flag,
};

use super::DEADLINE;

/// Held while a process is started and while a terminal is opened.
///
/// A new terminal's descriptor is inheritable for a moment; a program that another test starts in
/// that moment would keep the terminal alive.
static STARTING: Mutex<()> = Mutex::new(());

/// A running or ended child.
pub(crate) struct Process {
    pid: Pid,
    ended: Arc<(Mutex<Option<ExitStatus>>, Condvar)>,
}

impl Process {
    /// Watches `child`, whose pipes have been taken.
    pub(crate) fn watch(mut child: Child) -> Self {
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
        let ended = Arc::new((Mutex::new(None), Condvar::new()));
        let theirs = Arc::clone(&ended);
        thread::spawn(move || {
            let status = child.wait().unwrap();
            *theirs.0.lock().unwrap() = Some(status);
            theirs.1.notify_all();
        });
        Self { pid, ended }
    }

    /// Returns the processor time that it has taken so far, in hundredths of a second.
    #[cfg(target_os = "linux")]
    pub(crate) fn processor_time(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap();
        // The name of the program, which comes second, may have spaces.
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        fields.split(' ').nth(11).unwrap().parse().unwrap()
    }

    /// Returns the most memory that it has taken so far, in bytes.
    #[cfg(target_os = "linux")]
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap();
        let mut lines = status.lines();
        let peak = lines.find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// Sends `signal` to it.
    #[track_caller]
    pub(crate) fn signal(&self, signal: Signal) {
        assert!(
            !self.has_ended(),
            "the program had ended before {signal} was sent"
        );
        kill(self.pid, signal).unwrap();
    }

    /// Sends `signal` to it, unless it has ended; returns whether it was sent.
    pub(crate) fn try_signal(&self, signal: Signal) -> bool {
        !self.has_ended() && kill(self.pid, signal).is_ok()
    }

    /// Waits for its end; `None` once the deadline has passed.
    pub(crate) fn wait(&self) -> Option<ExitStatus> {
        let (status, ended) = &*self.ended;
        let status = status.lock().unwrap();
        *ended
            .wait_timeout_while(status, DEADLINE, |status| status.is_none())
            .unwrap()
            .0
    }

    /// Kills it.
    pub(crate) fn kill(&self) {
        if !self.has_ended() {
            // It may have ended just now, which is fine as well.
            let _ = kill(self.pid, Signal::SIGKILL);
        }
    }

    fn has_ended(&self) -> bool {
        self.ended
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts `command`.
pub(crate) fn start(command: &mut Command) -> io::Result<Child> {
    let _starting = starting();
    command.spawn()
}

/// Keeps other processes from being started while the guard is held.
pub(crate) fn starting() -> MutexGuard<'static, ()> {
    HEED_SIGNALS.call_once(heed_signals);
    STARTING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Must happen once before any process is started.
static HEED_SIGNALS: Once = Once::new();

/// Installs a handler for SIGINT with the default behaviour. When the tests run in the background
/// of a script, SIGINT is ignored, which a child would inherit; it does not inherit a handler. Under
/// `nohup` the same is true of SIGHUP, which the tests themselves go on to ignore.
fn heed_signals() {
    if ignores_hangup() {
        flag::register(SIGHUP, Arc::default()).unwrap();
    }
    flag::register_conditional_default(SIGINT, Arc::new(AtomicBool::new(true))).unwrap();
}

/// Whether this process ignores SIGHUP, where the system says so.
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (SIGHUP - 1) & 1 == 1)
}
