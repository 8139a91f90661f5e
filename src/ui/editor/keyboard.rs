//! The terminal as it was found, and as it is while an answer comes.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use nix::sys::termios::{InputFlags, LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

/// What makes a terminal tell a paste from typing is taken back by this.
const BRACKETED_PASTE_OFF: &[u8] = b"\x1b[?2004l";

/// The keyboard side of the terminal. What it was like is there again when this goes, however that
/// comes about.
pub(crate) struct Keyboard {
    terminal: File,
    found: Mutex<Termios>,
}

impl Keyboard {
    /// Looks at the terminal; none where there is none.
    pub(crate) fn find() -> Option<Self> {
        let terminal = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/tty")
            .ok()?;
        let found = tcgetattr(&terminal).ok()?;
        Some(Self {
            terminal,
            found: Mutex::new(found),
        })
    }

    /// Keeps what is typed for the next line, without showing it, for as long as the guard lives.
    /// Ctrl-C stays a signal.
    pub(crate) fn hush(&self) -> Hush<'_> {
        let mut hushed = self.found();
        hushed.local_flags &= !(LocalFlags::ECHO | LocalFlags::ICANON);
        hushed.input_flags &= !InputFlags::ICRNL;
        self.set(&hushed);
        Hush(self)
    }

    /// Makes the terminal what it was like when it was found, for those who read lines from it.
    pub(crate) fn calm(&self) {
        self.set(&self.found());
    }

    fn found(&self) -> Termios {
        self.found
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, attributes: &Termios) {
        // A terminal that has gone needs nothing.
        let _ = tcsetattr(&self.terminal, SetArg::TCSADRAIN, attributes);
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        self.calm();
        let _ = (&self.terminal).write_all(BRACKETED_PASTE_OFF); // The same.
    }
}

/// Ends with the terminal as it was found, but that Enter stays Enter until the next line is read:
/// one that was typed in between would be the line feed of Ctrl-J there.
pub(crate) struct Hush<'a>(&'a Keyboard);

impl Drop for Hush<'_> {
    fn drop(&mut self) {
        let mut awaiting = self.0.found();
        awaiting.input_flags &= !InputFlags::ICRNL;
        self.0.set(&awaiting);
    }
}
