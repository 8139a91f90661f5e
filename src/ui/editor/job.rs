//! The terminal between two reads of the same line: Ctrl-Z, which stops the job until the shell
//! resumes it, and rows that are cleared.

use std::io::Write;
use std::os::fd::AsFd;

use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use signal_hook::consts::SIGCONT;

use super::terminal_modes::{is_foreground, open_terminal, restore_lines};
use crate::ui::interrupt::InterruptSignal;
use crate::ui::signal_alarm::SignalAlarm;
use crate::ui::terminal_size::TerminalSize;

/// How long to wait for SIGCONT, in milliseconds. Without a job-control shell, the process is never
/// stopped.
const STOP_TIMEOUT_MS: u16 = 500;

/// How long a job that is resumed in the background waits for a signal that ends it, in
/// milliseconds: `kill %1` of a shell sends SIGTERM and SIGCONT, in this order, but they may be
/// handled in the other one.
const END_TIMEOUT_MS: u16 = 500;

/// Stops all processes of the job, and returns when they are resumed.
///
/// The signal is delivered slightly after `kill` returns, and terminal changes made in between
/// would be undone by the shell, so this waits for SIGCONT.
pub(super) fn stop_job(interrupt: &InterruptSignal) {
    let Ok(continued) = SignalAlarm::for_signal(SIGCONT) else {
        return;
    };
    let terminal = open_terminal();
    if let Some(terminal) = &terminal {
        restore_lines(terminal);
    }
    if kill(Pid::from_raw(0), Signal::SIGTSTP).is_err() {
        return;
    }
    // Whether interrupted or timed out, there is nothing more to wait for.
    let _ = poll(
        &mut [PollFd::new(continued.as_fd(), PollFlags::POLLIN)],
        STOP_TIMEOUT_MS,
    );
    let is_in_background = terminal.is_some_and(|terminal| !is_foreground(&terminal));
    if let Some(ending) = interrupt.alarm_fd().filter(|_| is_in_background) {
        let _ = poll(
            &mut [PollFd::new(ending, PollFlags::POLLIN)],
            END_TIMEOUT_MS,
        );
    }
}

/// Clears the last rows of the terminal, above the cursor.
pub(super) fn clear_rows(rows: usize) {
    let most = TerminalSize::from_stderr().rows.saturating_sub(1);
    if let Some(mut terminal) = open_terminal() {
        // Where nothing can be cleared, the rows stay.
        let _ = write!(terminal, "\x1b[{}A\x1b[J", rows.min(most).max(1));
    }
}
