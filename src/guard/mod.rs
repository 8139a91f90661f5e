//! A process that starts the children of this one and outlives it for a moment, so that none of
//! them outlives both.
//!
//! A program cannot clean up after its own `kill -9`, and a child that has left its process group,
//! by `setsid` or a double fork, is out of its reach. The guard is this program once more, started
//! with another name, [`ROLE`]. It starts each child in a process group of its own, and kills what
//! is left when the socket to it closes, however the other end came to close it. On Linux it is
//! also the subreaper of its descendants: whoever loses its parent becomes the guard's own child,
//! whatever its group. Elsewhere only the groups can be killed.
//!
//! One guard has the children that belong together: when the last of them is gone, so is whatever
//! they started. Long-lived children therefore get a guard of their own.

mod client;
#[cfg(target_os = "linux")]
mod descendants;
mod process;
mod request;

use std::ffi::OsString;

pub(crate) use client::{ChildGuard, GuardedChild};
pub(crate) use process::run;
pub(crate) use request::ChildCommand;

/// What the guard is called instead of the program's name, in its first argument.
const ROLE: &str = "langdock-guard";

/// Returns whether this process was started as a guard.
pub(crate) fn is_guard(argv: &[OsString]) -> bool {
    argv.first().is_some_and(|name| name == ROLE)
}
