//! Which processes this one can see: those of its boot and of its pid namespace. Only of them is it
//! certain that they have ended if no process has their id. A ledger's directory may be shared by
//! containers, or by hosts over the network.

use std::fs;
use std::os::unix::fs::MetadataExt;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

/// Returns a number of this boot and pid namespace, which no other has at the same time; none where
/// the system does not tell.
pub(super) fn process_scope() -> Option<u64> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let boot = u64::from_str_radix(boot.replace('-', "").get(..16)?, 16).ok()?;
    let namespace = fs::metadata("/proc/self/ns/pid").ok()?.ino();
    Some(boot ^ namespace).filter(|scope| *scope != 0)
}

/// Whether no process of this scope has this id.
pub(super) fn has_ended(process: u32) -> bool {
    i32::try_from(process)
        .is_ok_and(|process| process > 0 && kill(Pid::from_raw(process), None) == Err(Errno::ESRCH))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_that_was_waited_for_has_ended() {
        let mut child = Command::new("true").spawn().expect("it is in PATH");
        assert!(!has_ended(child.id()), "it is a zombie at least");
        child.wait().expect("it ends");
        assert!(has_ended(child.id()));
        assert!(!has_ended(std::process::id()) && !has_ended(0));
        assert_eq!(process_scope(), process_scope());
    }
}
