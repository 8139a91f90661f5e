//! Shows text by the user's own pager.

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

use super::super::interrupt::Interrupt;
use super::super::signal_alarm::SignalAlarm;

/// Runs the pager on the terminal and waits for its end. Ctrl-C is for the pager. A signal that
/// ends the run ends the pager too, and is the error `Interrupted`; any other error means that the
/// text may not have been shown.
pub(super) fn run_pager(
    pager: &str,
    text: String,
    terminal: &File,
    interrupt: &Interrupt,
) -> io::Result<()> {
    let child_ended = SignalAlarm::watch(SIGCHLD)?;
    // The shell knows how to read arguments and quotes.
    let mut child = Command::new("sh")
        .args(["-c", pager])
        .env_remove("LANGDOCK_API_KEY")
        .stdin(Stdio::piped())
        .stdout(terminal.try_clone()?)
        .stderr(terminal.try_clone()?)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        thread::Builder::new().spawn(move || {
            // The pager may end before the end of the text: it reads as far as the user does.
            let _ = stdin.write_all(text.as_bytes());
        })?;
    }
    let status = wait(&mut child, &child_ended, interrupt)?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(status.to_string()))
    }
}

fn wait(
    child: &mut Child,
    child_ended: &SignalAlarm,
    interrupt: &Interrupt,
) -> io::Result<ExitStatus> {
    let mut watched = vec![PollFd::new(child_ended.as_fd(), PollFlags::POLLIN)];
    watched.extend(
        interrupt
            .alarm()
            .map(|alarm| PollFd::new(alarm, PollFlags::POLLIN)),
    );
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        match poll(&mut watched, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => child_ended.reset(),
            Err(errno) => return Err(errno.into()),
        }
        match interrupt.seen() {
            None => {}
            Some(SIGINT) => interrupt.forget(),
            Some(_) => {
                // Asked to end, a pager restores the terminal. It may have ended already.
                let _ = kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM);
                child.wait()?;
                return Err(ErrorKind::Interrupted.into());
            }
        }
    }
}
