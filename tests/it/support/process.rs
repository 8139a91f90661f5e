//! A child process that is watched by a thread: it can be waited for with a deadline, and none
//! outlives its test.

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
/// Opening a terminal leaves a moment in which its descriptor would be inherited; a program started
/// by another test in that moment would keep the terminal alive.
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

    /// Sends it `signal`.
    #[track_caller]
    pub(crate) fn signal(&self, signal: Signal) {
        assert!(
            !self.has_ended(),
            "the program had ended before {signal} was sent"
        );
        kill(self.pid, signal).unwrap();
    }

    /// Sends it `signal`, unless it has ended; says whether it was sent.
    pub(crate) fn try_signal(&self, signal: Signal) -> bool {
        !self.has_ended() && kill(self.pid, signal).is_ok()
    }

    /// Waits for its end, for which it has until the deadline.
    pub(crate) fn wait(&self) -> Option<ExitStatus> {
        let (status, ended) = &*self.ended;
        let status = status.lock().unwrap();
        *ended
            .wait_timeout_while(status, DEADLINE, |status| status.is_none())
            .unwrap()
            .0
    }

    /// Ends it by force.
    pub(crate) fn kill(&self) {
        if !self.has_ended() {
            // It may end by itself in this very moment, which is as good.
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

/// Keeps all other processes from being started for as long as the guard is held.
pub(crate) fn starting() -> MutexGuard<'static, ()> {
    HEED_CTRL_C.call_once(heed_ctrl_c);
    STARTING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has to happen once before a process is started.
static HEED_CTRL_C: Once = Once::new();

/// Gives SIGINT a handler that does what happens without one. Where the tests run in the background
/// of a script, SIGINT is ignored, and a child would inherit that; a handler it does not inherit.
fn heed_ctrl_c() {
    flag::register_conditional_default(SIGINT, Arc::new(AtomicBool::new(true))).unwrap();
}
