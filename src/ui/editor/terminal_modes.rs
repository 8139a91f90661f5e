//! Terminal modes: the original ones, those between two lines of a conversation, and those while a
//! line is edited.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use nix::sys::termios::{
    ControlFlags, InputFlags, LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr,
    tcsetattr,
};
use nix::unistd::{getpgrp, tcgetpgrp};

/// Turns on bracketed paste: the terminal marks what is pasted.
const BRACKETED_PASTE_ON: &[u8] = b"\x1b[?2004h";

/// Turns it off.
const BRACKETED_PASTE_OFF: &[u8] = b"\x1b[?2004l";

/// The input modes of the terminal during a conversation. The original modes are restored on drop.
///
/// Whatever is typed between two lines is kept for the next one, as it would arrive there: without
/// echo, with Enter as a carriage return (a line feed would be Ctrl-J), and with a paste marked as
/// one, so that no line of it becomes a command or a message by itself. Ctrl-C sends a signal.
pub(crate) struct TerminalModes {
    terminal: File,
    /// Behind a lock, because `Termios` itself cannot be shared between threads.
    original: Mutex<Termios>,
}

impl TerminalModes {
    /// Opens the controlling terminal, saves its modes and sets those between lines; `None` if
    /// there is none.
    pub(crate) fn open() -> Option<Self> {
        let terminal = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/tty")
            .ok()?;
        let original = tcgetattr(&terminal).ok()?;
        let modes = Self {
            terminal,
            original: Mutex::new(original),
        };
        modes.enter_between_lines();
        Some(modes)
    }

    /// Restores the original modes until the guard is dropped, for programs and questions that
    /// read lines themselves.
    pub(crate) fn lend(&self) -> ModesGuard<'_> {
        self.restore_original();
        ModesGuard(self)
    }

    fn enter_between_lines(&self) {
        self.apply(&between_lines(self.original()), BRACKETED_PASTE_ON);
    }

    fn restore_original(&self) {
        self.apply(&self.original(), BRACKETED_PASTE_OFF);
    }

    fn original(&self) -> Termios {
        self.original
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Applies modes, unless the terminal belongs to another job, which has modes of its own.
    fn apply(&self, modes: &Termios, bracketed_paste: &[u8]) {
        if !is_foreground(&self.terminal) {
            return;
        }
        // There is nothing to restore if the terminal has gone.
        let _ = tcsetattr(&self.terminal, SetArg::TCSADRAIN, modes);
        let _ = (&self.terminal).write_all(bracketed_paste);
    }
}

impl Drop for TerminalModes {
    fn drop(&mut self) {
        self.restore_original();
    }
}

fn between_lines(mut modes: Termios) -> Termios {
    modes.input_flags &= !InputFlags::ICRNL;
    modes.local_flags &= !(LocalFlags::ECHO | LocalFlags::ICANON);
    modes
}

/// Whether the terminal belongs to this job, and not to the shell or to another job. A job in the
/// background that changes its modes is stopped.
pub(super) fn is_foreground(terminal: &File) -> bool {
    tcgetpgrp(terminal).is_ok_and(|group| group == getpgrp())
}

pub(super) fn open_terminal() -> Option<File> {
    let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty");
    terminal.ok()
}

/// Has pastes marked again: the line editor turns that off at the end of each line.
pub(super) fn mark_pastes() {
    if let Some(mut terminal) = open_terminal().filter(is_foreground) {
        let _ = terminal.write_all(BRACKETED_PASTE_ON); // It may have gone.
    }
}

/// Returns the terminal to modes in which other programs can read lines, before the job is stopped.
pub(super) fn restore_lines(mut terminal: &File) {
    // A terminal that is gone needs no restoring.
    let _ = terminal.write_all(BRACKETED_PASTE_OFF);
    if let Ok(modes) = tcgetattr(terminal) {
        let _ = tcsetattr(terminal, SetArg::TCSADRAIN, &for_lines(modes));
    }
}

fn for_lines(mut modes: Termios) -> Termios {
    modes.input_flags |= InputFlags::ICRNL;
    modes.local_flags |= LocalFlags::ECHO | LocalFlags::ICANON;
    modes
}

/// Returns to the modes between lines on drop.
pub(crate) struct ModesGuard<'a>(&'a TerminalModes);

impl Drop for ModesGuard<'_> {
    fn drop(&mut self) {
        self.0.enter_between_lines();
    }
}

/// Whole lines can be read, with echo, and a paste is marked as one. The modes before are restored
/// on drop.
pub(in crate::ui) struct LineModesGuard<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> LineModesGuard<'a> {
    /// Enters these modes.
    pub(in crate::ui) fn enter(terminal: &'a File) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        tcsetattr(terminal, SetArg::TCSADRAIN, &for_lines(before.clone()))?;
        let mut terminal = terminal;
        terminal.write_all(BRACKETED_PASTE_ON)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for LineModesGuard<'_> {
    fn drop(&mut self) {
        // There is nothing to restore if the terminal has gone.
        let _ = tcsetattr(self.terminal, SetArg::TCSADRAIN, &self.before);
        // Between the lines of a conversation, pastes are marked too.
        if self.before.local_flags.contains(LocalFlags::ICANON) {
            let _ = (&mut self.terminal).write_all(BRACKETED_PASTE_OFF);
        }
    }
}

/// Every key arrives at once, as it is, and none sends a signal. On drop, the modes before come
/// back, as they are between lines: the shell may have changed them while the job was stopped.
pub(super) struct RawModeGuard<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> RawModeGuard<'a> {
    /// Enters raw mode. Output is processed as before.
    pub(super) fn enter(terminal: &'a File) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut raw = before.clone();
        raw.input_flags &= !(InputFlags::BRKINT
            | InputFlags::ICRNL
            | InputFlags::INPCK
            | InputFlags::ISTRIP
            | InputFlags::IXON);
        raw.control_flags |= ControlFlags::CS8;
        raw.local_flags &=
            !(LocalFlags::ECHO | LocalFlags::ICANON | LocalFlags::IEXTEN | LocalFlags::ISIG);
        raw.control_chars[SpecialCharacterIndices::VMIN as usize] = 1;
        raw.control_chars[SpecialCharacterIndices::VTIME as usize] = 0;
        tcsetattr(terminal, SetArg::TCSADRAIN, &raw)?;
        Ok(Self { terminal, before })
    }

    /// Returns the modes before.
    pub(super) fn before(&self) -> Termios {
        self.before.clone()
    }
}

impl Drop for RawModeGuard<'_> {
    fn drop(&mut self) {
        // There is nothing to restore if the terminal has gone.
        let _ = tcsetattr(
            self.terminal,
            SetArg::TCSADRAIN,
            &between_lines(self.before()),
        );
    }
}
