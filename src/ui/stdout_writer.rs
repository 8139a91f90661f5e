//! Standard output: unbuffered, since text is written as it arrives, and responsive to Ctrl-C while
//! its reader is slow.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::io::Interest;
use tokio::net::unix::pipe::Sender;

use super::interrupt::InterruptSignal;

/// A pipe that poll(2) reports as writable accepts this many bytes without blocking: `PIPE_BUF`, by
/// POSIX at least 512, on Linux 4096.
const ATOMIC_WRITE: usize = if cfg!(target_os = "linux") { 4096 } else { 512 };

/// How long a write may wait for its reader after the first signal, in milliseconds.
const GRACE_MS: u16 = 500;

/// Why nothing more can be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutputError {
    /// The reader has closed it.
    #[error("standard output is closed")]
    Closed,
    /// A signal arrived while waiting for the reader.
    #[error("interrupted")]
    Interrupted(i32),
    /// Another error, such as a full disk.
    #[error("cannot write to standard output")]
    Failed(#[source] io::Error),
    /// The `--output` file cannot be written.
    #[error("cannot write `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The OS error.
        source: io::Error,
    },
    /// Another process has locked the file.
    #[error("another run is writing to `{}`", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
}

/// Writes to standard output.
#[derive(Debug)]
pub(crate) struct StdoutWriter {
    file: File,
    /// False for regular files; pipes, sockets and terminals may block.
    may_block: bool,
    is_pipe: bool,
    /// Bytes that can still be written since poll(2) last reported it writable.
    room: usize,
}

impl StdoutWriter {
    /// Opens a second descriptor for standard output, which bypasses the buffer of the standard
    /// library.
    pub(crate) fn open() -> Result<Self, OutputError> {
        Self::open_descriptor().map_err(OutputError::Failed)
    }

    fn open_descriptor() -> io::Result<Self> {
        let file = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let kind = file.metadata()?.file_type();
        Ok(Self {
            file,
            may_block: !kind.is_file(),
            is_pipe: kind.is_fifo() || kind.is_socket(),
            room: 0,
        })
    }

    /// Writes all of `bytes`. The first signal aborts a write that waits for its reader.
    pub(crate) fn write_all(
        &mut self,
        mut bytes: &[u8],
        interrupt: &InterruptSignal,
    ) -> Result<(), OutputError> {
        while !bytes.is_empty() {
            let length = if self.may_block {
                self.room_for(bytes.len(), interrupt)?
            } else {
                bytes.len()
            };
            match self.file.write(&bytes[..length]) {
                Ok(written) => {
                    bytes = &bytes[written..];
                    self.room = self.room.saturating_sub(written);
                }
                Err(error)
                    if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                    return Err(OutputError::Closed);
                }
                Err(error) => return Err(OutputError::Failed(error)),
            }
        }
        Ok(())
    }

    /// Returns how much of `wanted` can be written without blocking. A result of poll(2) holds
    /// until that much has been written: a writable pipe has a page free, and small writes fill it.
    fn room_for(
        &mut self,
        wanted: usize,
        interrupt: &InterruptSignal,
    ) -> Result<usize, OutputError> {
        if !self.is_pipe || self.room < wanted.min(ATOMIC_WRITE) {
            self.wait_until_writable(interrupt)?;
            self.room = ATOMIC_WRITE;
        }
        Ok(wanted.min(self.room))
    }

    fn wait_until_writable(&self, interrupt: &InterruptSignal) -> Result<(), OutputError> {
        // After the first signal, buffered text is still written if the reader accepts it; the
        // second one kills the process.
        let before = interrupt.pending_signal();
        let alarm: Option<BorrowedFd<'_>> = if before.is_none() {
            interrupt.alarm_fd()
        } else {
            None
        };
        let patience = if before.is_none() {
            PollTimeout::NONE
        } else {
            PollTimeout::from(GRACE_MS)
        };
        let mut watched = vec![PollFd::new(self.file.as_fd(), PollFlags::POLLOUT)];
        watched.extend(alarm.map(|alarm| PollFd::new(alarm, PollFlags::POLLIN)));
        loop {
            let signal = match poll(&mut watched, patience) {
                Ok(0) => before,
                Ok(_) if watched[0].any().unwrap_or(true) => return Ok(()),
                Ok(_) | Err(nix::errno::Errno::EINTR) => {
                    interrupt.pending_signal().filter(|_| before.is_none())
                }
                Err(errno) => return Err(OutputError::Failed(errno.into())),
            };
            if let Some(signal) = signal {
                return Err(OutputError::Interrupted(signal));
            }
        }
    }

    /// Waits until the reader has closed standard output; forever if that cannot be detected.
    pub(crate) fn wait_until_closed(&self) -> impl Future<Output = ()> + use<> {
        let watched = if self.is_pipe {
            self.file.as_fd().try_clone_to_owned().ok()
        } else {
            None
        };
        async move {
            // Only watched: the descriptor is shared with other processes, so it must not be made
            // non-blocking.
            let Some(watched) = watched.and_then(|fd| Sender::from_owned_fd_unchecked(fd).ok())
            else {
                return std::future::pending().await;
            };
            if watched.ready(Interest::ERROR).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
