//! Copies to the clipboard of the terminal or desktop that the user sits at.
//!
//! On a desktop, its own program holds the clipboard: `wl-copy`, `xclip` or `pbcopy`. Over SSH that
//! would be the clipboard of the wrong machine, so that the terminal is asked (OSC 52). tmux does
//! not pass that on by default, but can ask the terminal itself.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::interrupt::InterruptSignal;
use super::text_reader::{CtrlC, run_on_text};
use crate::fs::child_command;

/// Where the user sits, as far as it decides how a text gets to the clipboard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // Independent facts.
pub(crate) struct ClipboardHost {
    /// The user came over SSH.
    pub(crate) is_remote: bool,
    /// The terminal is tmux.
    pub(crate) is_tmux: bool,
    /// There is a Wayland desktop.
    pub(crate) has_wayland: bool,
    /// There is an X server.
    pub(crate) has_x11: bool,
    /// The system is macOS.
    pub(crate) is_macos: bool,
    /// The terminal, if there is one, knows no control sequences.
    pub(crate) is_dumb: bool,
}

/// A program that puts its standard input into the clipboard, with its arguments.
type CopyProgram = (&'static str, &'static [&'static str]);

const WL_COPY: CopyProgram = ("wl-copy", &[]);
const XCLIP: CopyProgram = ("xclip", &["-selection", "clipboard"]);
const PBCOPY: CopyProgram = ("pbcopy", &[]);
const TMUX: CopyProgram = ("tmux", &["load-buffer", "-w", "-"]);

/// Why nothing was copied.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CopyError {
    /// No way led to a clipboard; says which were tried, and why they failed.
    #[error("cannot copy the answer: {0}")]
    NoWay(String),
    /// A signal arrived.
    #[error("interrupted")]
    Interrupted(i32),
}

impl ClipboardHost {
    /// Reads the variables that say where the user sits.
    pub(crate) fn from_variables(
        variable: impl Fn(&str) -> Option<OsString>,
        is_macos: bool,
        is_dumb: bool,
    ) -> Self {
        let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
        Self {
            is_remote: is_set("SSH_CONNECTION") || is_set("SSH_TTY"),
            is_tmux: is_set("TMUX"),
            has_wayland: is_set("WAYLAND_DISPLAY"),
            has_x11: is_set("DISPLAY"),
            is_macos,
            is_dumb,
        }
    }

    /// Returns the programs to try, in this order, before the terminal itself.
    fn programs(self) -> impl Iterator<Item = CopyProgram> {
        let is_desktop = !self.is_remote;
        [
            (self.has_wayland && is_desktop, WL_COPY),
            (self.has_x11 && is_desktop, XCLIP),
            (self.is_macos && is_desktop, PBCOPY),
            (self.is_tmux, TMUX),
        ]
        .into_iter()
        .filter_map(|(is_there, program)| is_there.then_some(program))
    }
}

/// Copies a text, and returns what copied it, for a message. `find` looks up a program in PATH.
/// Whether a terminal accepts the text cannot be known.
///
/// # Errors
///
/// If there is neither a program that takes the text nor a terminal.
pub(crate) fn copy_to_clipboard(
    text: &str,
    host: ClipboardHost,
    find: impl Fn(&str) -> Option<PathBuf>,
    interrupt: &InterruptSignal,
) -> Result<&'static str, CopyError> {
    let mut failures = String::new();
    for (name, arguments) in host.programs() {
        let Some(path) = find(name) else {
            let _ = write!(failures, "`{name}` is not installed; "); // A string takes it.
            continue;
        };
        let mut command = child_command(&path);
        // A program may stay in the background to hold the clipboard: it must not hold a pipe.
        let command = command.args(arguments).stdout(Stdio::null());
        let command = command.stderr(Stdio::null());
        match run_on_text(command, text.to_owned(), CtrlC::Run, interrupt) {
            Ok(()) => return Ok(name),
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                let signal = interrupt.pending_signal();
                return Err(CopyError::Interrupted(signal.unwrap_or_default()));
            }
            Err(error) => {
                let _ = write!(failures, "`{name}` failed ({error}); ");
            }
        }
    }
    if !host.is_dumb && send_to_terminal(text) {
        return Ok("the terminal, if it has OSC 52");
    }
    failures.push_str("no terminal or desktop clipboard is available");
    Err(CopyError::NoWay(failures))
}

/// Sends a text to the controlling terminal for its clipboard. Returns false if there is none.
fn send_to_terminal(text: &str) -> bool {
    let terminal = OpenOptions::new().write(true).open("/dev/tty");
    terminal.is_ok_and(|mut terminal| terminal.write_all(osc52_sequence(text).as_bytes()).is_ok())
}

/// Returns the OSC 52 sequence. The text in it is base64, so it cannot act on the terminal.
fn osc52_sequence(text: &str) -> String {
    format!("\x1b]52;c;{}\x07", STANDARD.encode(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_sent_as_base64() {
        assert_eq!(osc52_sequence("a\x1bb"), "\x1b]52;c;YRti\x07");
    }

    #[test]
    fn a_desktop_has_its_own_program_and_the_far_end_of_ssh_has_none() {
        let programs = |variables: &[&str], is_macos| {
            let variable = |name: &str| variables.contains(&name).then(|| OsString::from("x"));
            let host = ClipboardHost::from_variables(variable, is_macos, false);
            host.programs().map(|(name, _)| name).collect::<Vec<_>>()
        };
        for (variables, is_macos, expected) in [
            (&[][..], false, &[][..]),
            (&[], true, &["pbcopy"]),
            (
                &["WAYLAND_DISPLAY", "DISPLAY"],
                false,
                &["wl-copy", "xclip"],
            ),
            (&["DISPLAY", "TMUX"], false, &["xclip", "tmux"]),
            (&["DISPLAY", "SSH_CONNECTION"], false, &[]),
            (&["SSH_TTY", "TMUX"], true, &["tmux"]),
        ] {
            assert_eq!(programs(variables, is_macos), expected, "{variables:?}");
        }
    }
}
