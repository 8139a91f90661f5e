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

use signal_hook::{consts::SIGINT, flag};

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
    HEED_CTRL_C.call_once(heed_ctrl_c);
    STARTING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Must happen once before any process is started.
static HEED_CTRL_C: Once = Once::new();

/// Installs a handler for SIGINT with the default behaviour. When the tests run in the background
/// of a script, SIGINT is ignored, which a child would inherit; it does not inherit a handler.
fn heed_ctrl_c() {
    flag::register_conditional_default(SIGINT, Arc::new(AtomicBool::new(true))).unwrap();
}
