//! The processes that have become children of the guard: kills them, and those that they leave.

use std::time::{Duration, Instant};

use nix::sys::prctl::{set_child_subreaper, set_name};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustix::process::{WaitOptions, wait};

/// How long to wait for what was killed, while there may be more children to start.
pub(super) const SWEEP: Duration = Duration::from_millis(500);

/// The same when there will be no more children.
pub(super) const LAST_SWEEP: Duration = Duration::from_secs(10);

/// How often to check whether those that were killed are gone.
const LOOK: Duration = Duration::from_millis(1);

/// Makes this process the parent of all descendants that lose theirs, and gives it its name.
pub(super) fn adopt_orphans(name: &std::ffi::CStr) -> nix::Result<()> {
    set_name(name)?;
    set_child_subreaper(true)
}

/// Kills every child, and whoever becomes a child by that, until none is left or `limit` is over.
pub(super) fn kill_all(limit: Duration) {
    let until = Instant::now() + limit;
    loop {
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
        let children = children();
        if children.is_empty() || Instant::now() > until {
            return;
        }
        for child in children {
            let _ = kill(child, Signal::SIGKILL);
        }
        std::thread::sleep(LOOK);
    }
}

/// Lists the children of this process, which has one thread.
fn children() -> Vec<Pid> {
    let listed = std::fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
    let numbers = listed.split_whitespace().filter_map(|pid| pid.parse().ok());
    numbers.map(Pid::from_raw).collect()
}
