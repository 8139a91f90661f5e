//! Terminal modes: the original ones, and those while an answer arrives.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use nix::sys::termios::{InputFlags, LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

/// Turns off bracketed paste.
const BRACKETED_PASTE_OFF: &[u8] = b"\x1b[?2004l";

/// The input modes of the terminal. The original modes are restored on drop.
///
/// From the first answer on, Enter stays a carriage return between lines: a line feed that waits
/// for the next prompt would arrive there as Ctrl-J.
pub(crate) struct TerminalModes {
    terminal: File,
    /// Behind a lock, because `Termios` itself cannot be shared between threads.
    original: Mutex<Termios>,
}

impl TerminalModes {
    /// Opens the controlling terminal and saves its modes; `None` if there is none.
    pub(crate) fn open() -> Option<Self> {
        let terminal = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/tty")
            .ok()?;
        let original = tcgetattr(&terminal).ok()?;
        Some(Self {
            terminal,
            original: Mutex::new(original),
        })
    }

    /// Turns off echo until the guard is dropped; typed input is kept for the next line. Ctrl-C
    /// still sends a signal.
    pub(crate) fn mute_echo(&self) -> ModesGuard<'_> {
        let mut muted = self.between_lines();
        muted.local_flags &= !(LocalFlags::ECHO | LocalFlags::ICANON);
        self.apply(&muted);
        ModesGuard(self)
    }

    /// Restores the original modes until the guard is dropped, for programs and questions that
    /// read lines themselves.
    pub(crate) fn lend(&self) -> ModesGuard<'_> {
        self.apply(&self.original());
        ModesGuard(self)
    }

    /// Returns the original modes, with Enter as a carriage return.
    fn between_lines(&self) -> Termios {
        let mut modes = self.original();
        modes.input_flags &= !InputFlags::ICRNL;
        modes
    }

    fn original(&self) -> Termios {
        self.original
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn apply(&self, modes: &Termios) {
        // There is nothing to restore if the terminal has gone.
        let _ = tcsetattr(&self.terminal, SetArg::TCSADRAIN, modes);
    }
}

impl Drop for TerminalModes {
    fn drop(&mut self) {
        self.apply(&self.original());
        let _ = (&self.terminal).write_all(BRACKETED_PASTE_OFF); // Likewise.
    }
}

/// Returns to the modes between lines on drop.
pub(crate) struct ModesGuard<'a>(&'a TerminalModes);

impl Drop for ModesGuard<'_> {
    fn drop(&mut self) {
        self.0.apply(&self.0.between_lines());
    }
}
