//! Shows text in the user's pager.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use signal_hook::consts::{SIGCHLD, SIGINT};

use super::super::interrupt::InterruptSignal;
use super::super::signal_alarm::SignalAlarm;

/// Runs the pager on the terminal and waits for it to exit. Ctrl-C is left to the pager. A signal
/// that ends the run also ends the pager, with the error `Interrupted`; after any other error the
/// text may not have been shown.
pub(super) fn run_pager(
    pager: &str,
    text: String,
    terminal: &File,
    interrupt: &InterruptSignal,
) -> io::Result<()> {
    let child_ended = SignalAlarm::for_signal(SIGCHLD)?;
    // The shell parses arguments and quotes.
    let mut child = Command::new("/bin/sh")
        .args(["-c", pager])
        .env_remove("LANGDOCK_API_KEY")
        .stdin(Stdio::piped())
        .stdout(terminal.try_clone()?)
        .stderr(terminal.try_clone()?)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        thread::Builder::new().spawn(move || {
            // The pager may exit before it has read all of the text.
            let _ = stdin.write_all(text.as_bytes());
        })?;
    }
    let status = wait_for_pager(&mut child, &child_ended, interrupt)?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(status.to_string()))
    }
}

fn wait_for_pager(
    child: &mut Child,
    child_ended: &SignalAlarm,
    interrupt: &InterruptSignal,
) -> io::Result<ExitStatus> {
    let mut watched = vec![PollFd::new(child_ended.as_fd(), PollFlags::POLLIN)];
    watched.extend(
        interrupt
            .alarm_fd()
            .map(|alarm| PollFd::new(alarm, PollFlags::POLLIN)),
    );
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        match poll(&mut watched, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => child_ended.drain_wakeups(),
            Err(errno) => return Err(errno.into()),
        }
        match interrupt.pending_signal() {
            None => {}
            Some(SIGINT) => interrupt.clear_signal(),
            Some(_) => {
                // On SIGTERM, a pager restores the terminal. It may have exited already.
                let _ = kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM);
                child.wait()?;
                return Err(ErrorKind::Interrupted.into());
            }
        }
    }
}
