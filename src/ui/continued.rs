//! Whether a process that was stopped, as by Ctrl-Z, goes on.

use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use signal_hook::SigId;
use signal_hook::consts::SIGCONT;
use signal_hook::low_level::{pipe, unregister};

/// Watches for it as long as it lives: it becomes readable then.
#[derive(Debug)]
pub(super) struct Continued {
    alarm: UnixStream,
    watch: SigId,
}

impl Continued {
    /// Begins to watch; none where that cannot be had.
    pub(super) fn watch() -> Option<Self> {
        let (alarm, trigger) = UnixStream::pair().ok()?;
        alarm.set_nonblocking(true).ok()?;
        Some(Self {
            alarm,
            watch: pipe::register(SIGCONT, trigger).ok()?,
        })
    }

    /// Forgets that it went on: it is readable when it does so again.
    pub(super) fn forget(&self) {
        let mut rung = [0; 16];
        while (&self.alarm).read(&mut rung).is_ok_and(|read| read > 0) {}
    }
}

impl AsFd for Continued {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.alarm.as_fd()
    }
}

impl Drop for Continued {
    fn drop(&mut self) {
        unregister(self.watch);
    }
}
