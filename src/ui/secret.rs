//! Reads a secret from the terminal without echo. Whatever ends that, echo is on again afterwards.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
use signal_hook::low_level::emulate_default_handler;

use super::signal_alarm::SignalAlarm;

/// What came of asking for a secret.
pub(crate) enum SecretInput {
    /// A line, without its end.
    Line(String),
    /// The end of input, as from Ctrl-D.
    End,
    /// A signal.
    Signal(i32),
}

/// Prompts for a secret on the controlling terminal, and returns what is typed.
pub(crate) fn ask_secret(prompt: &str) -> io::Result<SecretInput> {
    let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    let signals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP];
    let alarms = signals.map(|signal| Ok((signal, SignalAlarm::for_signal(signal)?)));
    let alarms = alarms.into_iter().collect::<io::Result<Vec<_>>>()?;
    let mut muted = MutedEcho::new(&terminal)?;
    (&terminal).write_all(prompt.as_bytes())?;
    let mut typed = Vec::new();
    loop {
        match wait_for_input(&terminal, &alarms)? {
            // Ctrl-Z: the shell gets the terminal as it was, and `fg` asks again.
            Some(SIGTSTP) => {
                drop(muted);
                emulate_default_handler(SIGTSTP)?;
                muted = MutedEcho::new(&terminal)?;
                typed.clear();
                (&terminal).write_all(prompt.as_bytes())?;
                continue;
            }
            Some(signal) => return Ok(SecretInput::Signal(signal)),
            None => {}
        }
        let mut piece = [0; 4096];
        match (&terminal).read(&mut piece) {
            Ok(0) if typed.is_empty() => return Ok(SecretInput::End),
            Ok(length) => typed.extend_from_slice(&piece[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        if let Some(line) = typed.split(|byte| *byte == b'\n').next()
            && line.len() < typed.len()
        {
            return Ok(SecretInput::Line(
                String::from_utf8_lossy(line).into_owned(),
            ));
        }
    }
}

/// Waits until the terminal has a line, or returns the signal that came first.
fn wait_for_input(terminal: &File, alarms: &[(i32, SignalAlarm)]) -> io::Result<Option<i32>> {
    let fds = alarms.iter().map(|(_, alarm)| alarm.as_fd());
    let fds = fds.chain([terminal.as_fd()]);
    let mut watched: Vec<_> = fds.map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
    loop {
        match poll(&mut watched, PollTimeout::NONE) {
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => {
                let mut rung = alarms.iter().zip(&watched);
                let rung = rung.find(|(_, fd)| fd.any().unwrap_or_default());
                return Ok(rung.map(|((signal, alarm), _)| {
                    alarm.drain_wakeups();
                    *signal
                }));
            }
        }
    }
}

/// A terminal without echo, until this is dropped.
struct MutedEcho<'t> {
    terminal: &'t File,
    original: Termios,
}

impl<'t> MutedEcho<'t> {
    fn new(terminal: &'t File) -> io::Result<Self> {
        let original = tcgetattr(terminal)?;
        let mut muted = original.clone();
        muted.local_flags.remove(LocalFlags::ECHO);
        // The end of the line is shown.
        muted
            .local_flags
            .insert(LocalFlags::ECHONL | LocalFlags::ICANON);
        tcsetattr(terminal, SetArg::TCSANOW, &muted)?;
        Ok(Self { terminal, original })
    }
}

impl Drop for MutedEcho<'_> {
    fn drop(&mut self) {
        // There is nothing to restore if the terminal has gone.
        let _ = tcsetattr(self.terminal, SetArg::TCSANOW, &self.original);
    }
}
