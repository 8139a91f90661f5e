//! Ctrl-Z: stops the job until the shell resumes it.

use std::fs::File;
use std::os::fd::AsFd;

use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{InputFlags, SetArg, tcgetattr, tcsetattr};
use nix::unistd::Pid;
use signal_hook::consts::SIGCONT;

use crate::ui::signal_alarm::SignalAlarm;

/// How long to wait for SIGCONT, in milliseconds. Without a job-control shell, the process is never
/// stopped.
const STOP_TIMEOUT_MS: u16 = 500;

/// Stops all processes of the job, and returns when they are resumed.
///
/// The signal is delivered slightly after `kill` returns, and terminal changes made in between
/// would be undone by the shell, so this waits for SIGCONT.
pub(super) fn stop_job() {
    let Ok(continued) = SignalAlarm::for_signal(SIGCONT) else {
        return;
    };
    restore_enter();
    if kill(Pid::from_raw(0), Signal::SIGTSTP).is_ok() {
        // Whether interrupted or timed out, there is nothing more to wait for.
        let _ = poll(
            &mut [PollFd::new(continued.as_fd(), PollFlags::POLLIN)],
            STOP_TIMEOUT_MS,
        );
    }
}

/// Makes Enter send a line feed again for other programs; the prompt turns that off between lines.
fn restore_enter() {
    let Ok(terminal) = File::open("/dev/tty") else {
        return;
    };
    let Ok(mut attributes) = tcgetattr(&terminal) else {
        return;
    };
    attributes.input_flags |= InputFlags::ICRNL;
    // A terminal that is gone needs no restoring.
    let _ = tcsetattr(&terminal, SetArg::TCSADRAIN, &attributes);
}
