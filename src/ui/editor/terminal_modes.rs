//! Terminal modes: the original ones, and those while an answer arrives.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use nix::sys::termios::{InputFlags, LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

/// Turns off bracketed paste.
const BRACKETED_PASTE_OFF: &[u8] = b"\x1b[?2004l";

/// The input modes of the terminal. The original modes are restored on drop.
pub(crate) struct TerminalModes {
    terminal: File,
    found: Mutex<Termios>,
}

impl TerminalModes {
    /// Opens the controlling terminal and saves its modes; `None` if there is none.
    pub(crate) fn open() -> Option<Self> {
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

    /// Turns off echo until the guard is dropped; typed input is kept for the next line. Ctrl-C
    /// still sends a signal.
    pub(crate) fn mute_echo(&self) -> EchoGuard<'_> {
        let mut hushed = self.original_modes();
        hushed.local_flags &= !(LocalFlags::ECHO | LocalFlags::ICANON);
        hushed.input_flags &= !InputFlags::ICRNL;
        self.apply_modes(&hushed);
        EchoGuard(self)
    }

    /// Restores the original modes, for code that reads lines itself.
    pub(crate) fn restore_echo(&self) {
        self.apply_modes(&self.original_modes());
    }

    fn original_modes(&self) -> Termios {
        self.found
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn apply_modes(&self, attributes: &Termios) {
        // A terminal that has gone needs nothing.
        let _ = tcsetattr(&self.terminal, SetArg::TCSADRAIN, attributes);
    }
}

impl Drop for TerminalModes {
    fn drop(&mut self) {
        self.restore_echo();
        let _ = (&self.terminal).write_all(BRACKETED_PASTE_OFF); // Likewise.
    }
}

/// Restores the original modes on drop, except that Enter stays a carriage return until the next
/// line is read: one typed in between would otherwise arrive there as Ctrl-J.
pub(crate) struct EchoGuard<'a>(&'a TerminalModes);

impl Drop for EchoGuard<'_> {
    fn drop(&mut self) {
        let mut awaiting = self.0.original_modes();
        awaiting.input_flags &= !InputFlags::ICRNL;
        self.0.apply_modes(&awaiting);
    }
}
