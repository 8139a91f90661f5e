//! The keyboard as the line editor gets it: as valid UTF-8, with the escape characters of a paste
//! encoded.
//!
//! The line editor reads its input itself. So while it reads a line, and only then, standard input
//! is a pseudo terminal to which a thread copies what is typed. Programs that run between two lines
//! have the terminal itself. What has been copied when a line ends is there for the next one.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::thread;

use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::openpty;
use nix::sys::termios::{SetArg, cfmakeraw, tcsetattr};
use nix::unistd::{dup2_stdin, dup2_stdout};

use super::escape_encoding::KeyboardEncoder;
use super::terminal_modes::RawModeGuard;
use super::utf8_repair::Utf8Repair;

/// A pseudo terminal that gets what is typed on the controlling terminal.
pub(super) struct InputRelay {
    /// The terminal.
    screen: File,
    /// The end of the pseudo terminal that the line editor reads.
    reader: OwnedFd,
    copier: KeyboardCopier,
}

impl InputRelay {
    /// Opens the controlling terminal and a pseudo terminal.
    pub(super) fn open() -> io::Result<Self> {
        let mut terminal = OpenOptions::new();
        let screen = terminal.read(true).write(true).open("/dev/tty")?;
        let keyboard = terminal
            .custom_flags(OFlag::O_NONBLOCK.bits())
            .open("/dev/tty")?;
        let pair = openpty(None, None)?;
        for end in [&pair.master, &pair.slave] {
            fcntl(end, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
        }
        fcntl(&pair.master, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok(Self {
            screen,
            reader: pair.slave,
            copier: KeyboardCopier {
                keyboard,
                writer: Some(File::from(pair.master)),
                repair: Utf8Repair::default(),
                encoder: KeyboardEncoder::default(),
                unwritten: Vec::new(),
            },
        })
    }

    /// Returns whether anything typed since the last call was not UTF-8, and was replaced.
    pub(super) fn take_has_repaired(&mut self) -> bool {
        self.copier.repair.take_has_repaired()
    }

    /// Runs `act` with the pseudo terminal as standard input and the terminal as standard output.
    pub(super) fn with_streams<T>(&self, act: impl FnOnce() -> T) -> io::Result<T> {
        let _streams = StandardStreams::replace(self.reader.as_fd(), self.screen.as_fd())?;
        Ok(act())
    }

    /// Runs `read` with the same streams while what is typed is copied.
    pub(super) fn while_copying<T>(&mut self, read: impl FnOnce() -> T) -> io::Result<T> {
        let raw = RawModeGuard::enter(&self.screen)?;
        // The editor looks up the keys for Ctrl-C and others in these modes.
        let mut modes = raw.before();
        cfmakeraw(&mut modes);
        tcsetattr(&self.reader, SetArg::TCSANOW, &modes)?;
        let _streams = StandardStreams::replace(self.reader.as_fd(), self.screen.as_fd())?;
        let (stop, stopped) = UnixStream::pair()?;
        let copier = &mut self.copier;
        thread::scope(move |threads| {
            thread::Builder::new()
                .name("keyboard".to_owned())
                .spawn_scoped(threads, move || copier.copy_until(stopped.as_fd()))?;
            let read = read();
            // It is also dropped, and the thread ends, if `read` panics.
            drop(stop);
            Ok(read)
        })
    }
}

/// Copies what is typed; neither end blocks.
struct KeyboardCopier {
    keyboard: File,
    /// The end of the pseudo terminal that is written to; `None` once the keyboard has gone.
    writer: Option<File>,
    repair: Utf8Repair,
    encoder: KeyboardEncoder,
    /// What is still to be written, by the next thread if a line ends before that.
    unwritten: Vec<u8>,
}

impl KeyboardCopier {
    /// Copies until `stopped` is closed at its other end. When the terminal hangs up, the input of
    /// the line editor ends.
    fn copy_until(&mut self, stopped: BorrowedFd<'_>) {
        loop {
            match self.copy_next(stopped) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                Err(_) => self.writer = None,
            }
        }
    }

    /// Reads or writes once; returns whether there may be more to do.
    fn copy_next(&mut self, stopped: BorrowedFd<'_>) -> io::Result<bool> {
        let Some(mut writer) = self.writer.as_ref() else {
            return Ok(false);
        };
        let is_written = self.unwritten.is_empty();
        let ready = if is_written {
            PollFd::new(self.keyboard.as_fd(), PollFlags::POLLIN)
        } else {
            PollFd::new(writer.as_fd(), PollFlags::POLLOUT)
        };
        let mut watched = [PollFd::new(stopped, PollFlags::POLLIN), ready];
        poll(&mut watched, PollTimeout::NONE)?;
        if watched[0].any() == Some(true) {
            return Ok(false);
        }
        if is_written {
            let mut typed = [0; 4096];
            match self.keyboard.read(&mut typed)? {
                0 => self.writer = None,
                read => {
                    let mut valid = Vec::with_capacity(read);
                    self.repair.repair(&typed[..read], &mut valid);
                    self.encoder.encode(&valid, &mut self.unwritten);
                }
            }
        } else {
            let written = writer.write(&self.unwritten)?;
            self.unwritten.drain(..written);
        }
        Ok(true)
    }
}

/// Standard input and output of the process; restored on drop.
struct StandardStreams {
    input: OwnedFd,
    output: OwnedFd,
}

impl StandardStreams {
    fn replace(input: BorrowedFd<'_>, output: BorrowedFd<'_>) -> io::Result<Self> {
        let before = Self {
            input: io::stdin().as_fd().try_clone_to_owned()?,
            output: io::stdout().as_fd().try_clone_to_owned()?,
        };
        dup2_stdin(input)?;
        dup2_stdout(output)?;
        Ok(before)
    }
}

impl Drop for StandardStreams {
    fn drop(&mut self) {
        // Descriptors that are open can be duplicated.
        let _ = dup2_stdin(&self.input);
        let _ = dup2_stdout(&self.output);
    }
}
