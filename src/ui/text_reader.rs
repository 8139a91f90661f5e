//! Programs of the user's that read a text: a pager, or what holds the clipboard.

use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use signal_hook::consts::{SIGCHLD, SIGINT};

use super::interrupt::InterruptSignal;
use super::signal_alarm::SignalAlarm;

/// Who reacts to Ctrl-C while the program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CtrlC {
    /// The program, as a pager does: this run goes on.
    Program,
    /// This run ends, and the program with it.
    Run,
}

/// Runs a program with a text on its standard input, and waits for it to exit. The API key is not
/// in its environment.
///
/// # Errors
///
/// If it cannot be started or fails. A signal that ends the run also ends the program, with the
/// error `Interrupted`.
pub(super) fn run_on_text(
    command: &mut Command,
    text: String,
    ctrl_c: CtrlC,
    interrupt: &InterruptSignal,
) -> io::Result<()> {
    let child_ended = SignalAlarm::for_signal(SIGCHLD)?;
    let mut child = command.stdin(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        thread::Builder::new().spawn(move || {
            // The program may exit before it has read all of the text.
            let _ = stdin.write_all(text.as_bytes());
        })?;
    }
    let status = wait_for_exit(&mut child, &child_ended, ctrl_c, interrupt)?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(status.to_string()))
    }
}

fn wait_for_exit(
    child: &mut Child,
    child_ended: &SignalAlarm,
    ctrl_c: CtrlC,
    interrupt: &InterruptSignal,
) -> io::Result<ExitStatus> {
    let mut watched = vec![PollFd::new(child_ended.as_fd(), PollFlags::POLLIN)];
    watched.extend(
        interrupt
            .alarm_fd()
            .map(|alarm| PollFd::new(alarm, PollFlags::POLLIN)),
    );
    let mut noticed_ctrl_c = false;
    loop {
        if let Some(status) = child.try_wait()? {
            if ctrl_c == CtrlC::Program {
                interrupt.clear_ctrl_c_of(status, noticed_ctrl_c);
            }
            return Ok(status);
        }
        match poll(&mut watched, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => child_ended.drain_wakeups(),
            Err(errno) => return Err(errno.into()),
        }
        match interrupt.pending_signal() {
            None => {}
            Some(SIGINT) if ctrl_c == CtrlC::Program => {
                noticed_ctrl_c = true;
                interrupt.clear_signal();
            }
            Some(_) => {
                // On SIGTERM, a pager restores the terminal. It may have exited already.
                let _ = kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM);
                child.wait()?;
                return Err(ErrorKind::Interrupted.into());
            }
        }
    }
}
