//! Ctrl-Z: the job stops, and goes on when the shell says so.

use std::fs::File;
use std::os::fd::AsFd;

use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{InputFlags, SetArg, tcgetattr, tcsetattr};
use nix::unistd::Pid;
use signal_hook::consts::SIGCONT;

use crate::ui::signal_alarm::SignalAlarm;

/// How long the stop may be in coming, in milliseconds. It does not come at all where no shell is
/// there to end it.
const PATIENCE: u16 = 500;

/// Stops the process and all others of its job, and returns when it goes on.
///
/// The stop comes to the thread that asked for it a little later than the call returns: what is
/// done in between would be undone by the shell. So it is the going on that is waited for.
pub(super) fn stop() {
    let Ok(continued) = SignalAlarm::watch(SIGCONT) else {
        return;
    };
    give_back_enter();
    if kill(Pid::from_raw(0), Signal::SIGTSTP).is_ok() {
        // Interrupted or over, there is nothing more to wait for.
        let _ = poll(
            &mut [PollFd::new(continued.as_fd(), PollFlags::POLLIN)],
            PATIENCE,
        );
    }
}

/// Makes Enter the end of a line for others: between two lines of the prompt it is not.
fn give_back_enter() {
    let Ok(terminal) = File::open("/dev/tty") else {
        return;
    };
    let Ok(mut attributes) = tcgetattr(&terminal) else {
        return;
    };
    attributes.input_flags |= InputFlags::ICRNL;
    // A terminal that has gone needs nothing.
    let _ = tcsetattr(&terminal, SetArg::TCSADRAIN, &attributes);
}
