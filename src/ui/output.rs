//! Standard output: unbuffered, since what has arrived is written at once, and never deaf to Ctrl-C
//! while its reader is slow.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::io::Interest;
use tokio::net::unix::pipe::Sender;

use super::interrupt::Interrupt;

/// A pipe that poll(2) calls writable takes this much without blocking: `PIPE_BUF`, by POSIX at
/// least 512, on Linux 4096.
const ATOMIC_WRITE: usize = if cfg!(target_os = "linux") { 4096 } else { 512 };

/// How long a reader may keep us waiting after the first signal, in milliseconds.
const GRACE_MS: u16 = 500;

/// Why nothing more can be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutputError {
    /// Nobody reads any more.
    #[error("standard output is closed")]
    Closed,
    /// A signal came while the reader kept us waiting.
    #[error("interrupted")]
    Interrupted(i32),
    /// Anything else, such as a full disk.
    #[error("cannot write to standard output")]
    Failed(#[source] io::Error),
    /// The same for a file.
    #[error("cannot write `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that is being written already.
    #[error("another run is writing to `{}`", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
}

/// Standard output.
#[derive(Debug)]
pub(crate) struct Output {
    file: File,
    /// Regular files take all they are given; pipes, sockets and terminals may keep the writer
    /// waiting.
    may_block: bool,
    is_pipe: bool,
    /// What is left of the room that poll(2) last told of, in bytes.
    room: usize,
}

impl Output {
    /// Opens standard output a second time, past the buffer of the standard library.
    pub(crate) fn stdout() -> Result<Self, OutputError> {
        Self::open().map_err(OutputError::Failed)
    }

    fn open() -> io::Result<Self> {
        let file = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let kind = file.metadata()?.file_type();
        Ok(Self {
            file,
            may_block: !kind.is_file(),
            is_pipe: kind.is_fifo() || kind.is_socket(),
            room: 0,
        })
    }

    /// Writes all of `bytes`. The first signal ends a write that waits for its reader.
    pub(crate) fn write_all(
        &mut self,
        mut bytes: &[u8],
        interrupt: &Interrupt,
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

    /// How much of `wanted` can be written without blocking. What poll(2) once said holds until as
    /// much has been written: a pipe that is writable has a page free, and small writes fill it one
    /// after the other.
    fn room_for(&mut self, wanted: usize, interrupt: &Interrupt) -> Result<usize, OutputError> {
        if !self.is_pipe || self.room < wanted.min(ATOMIC_WRITE) {
            self.wait_until_writable(interrupt)?;
            self.room = ATOMIC_WRITE;
        }
        Ok(wanted.min(self.room))
    }

    fn wait_until_writable(&self, interrupt: &Interrupt) -> Result<(), OutputError> {
        // After the first signal what had arrived is still written, to a reader that takes it; the
        // second one kills at once.
        let before = interrupt.seen();
        let alarm: Option<BorrowedFd<'_>> = if before.is_none() {
            interrupt.alarm()
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
                    interrupt.seen().filter(|_| before.is_none())
                }
                Err(errno) => return Err(OutputError::Failed(errno.into())),
            };
            if let Some(signal) = signal {
                return Err(OutputError::Interrupted(signal));
            }
        }
    }

    /// Waits until nobody reads any more; for ever where that cannot be seen.
    pub(crate) fn closed(&self) -> impl Future<Output = ()> + use<> {
        let watched = if self.is_pipe {
            self.file.as_fd().try_clone_to_owned().ok()
        } else {
            None
        };
        async move {
            // Only watched, never written to: the descriptor is shared, and so must not be made
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
