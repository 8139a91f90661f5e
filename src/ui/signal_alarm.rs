//! Wakes up a `poll` when a signal arrives.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use signal_hook::SigId;
use signal_hook::low_level::{pipe, unregister};

/// Becomes readable when its signal arrives, for as long as it lives.
#[derive(Debug)]
pub(super) struct SignalAlarm {
    receiver: UnixStream,
    registration: SigId,
}

impl SignalAlarm {
    /// Begins to watch for a signal. Its default action no longer happens from then on.
    pub(super) fn watch(signal: i32) -> io::Result<Self> {
        let (receiver, sender) = UnixStream::pair()?;
        receiver.set_nonblocking(true)?;
        Ok(Self {
            receiver,
            registration: pipe::register(signal, sender)?,
        })
    }

    /// Makes it unreadable until the signal arrives again.
    pub(super) fn reset(&self) {
        let mut buffer = [0; 16];
        while (&self.receiver)
            .read(&mut buffer)
            .is_ok_and(|read| read > 0)
        {}
    }
}

impl AsFd for SignalAlarm {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.receiver.as_fd()
    }
}

impl Drop for SignalAlarm {
    fn drop(&mut self) {
        unregister(self.registration);
    }
}
