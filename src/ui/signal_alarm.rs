//! Wakes up `poll` when a signal arrives.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use signal_hook::SigId;
use signal_hook::low_level::{pipe, unregister};

/// A descriptor that becomes readable when its signal arrives.
#[derive(Debug)]
pub(super) struct SignalAlarm {
    receiver: UnixStream,
    registration: SigId,
}

impl SignalAlarm {
    /// Starts watching for a signal, which disables its default action.
    pub(super) fn for_signal(signal: i32) -> io::Result<Self> {
        let (receiver, sender) = UnixStream::pair()?;
        receiver.set_nonblocking(true)?;
        Ok(Self {
            receiver,
            registration: pipe::register(signal, sender)?,
        })
    }

    /// Drains the descriptor, so that it becomes readable again with the next signal.
    pub(super) fn drain_wakeups(&self) {
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
