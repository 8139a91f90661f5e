//! Keeps the memory of a process that holds a key from the other processes of its user.

/// Keeps other processes from reading this process's memory and environment, and the system from
/// writing them to a core file. Only Linux can do that; root still can read them.
pub(crate) fn protect_memory() {
    #[cfg(target_os = "linux")]
    {
        // It cannot fail, and a request without it is better than none.
        let _ = nix::sys::prctl::set_dumpable(false);
    }
}
