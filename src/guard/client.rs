//! This side of the guard: starts it with the first child, and hands it requests.

use std::io::{self, IoSlice, PipeReader, PipeWriter, Write, pipe};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::{Receiver, Sender};

use super::ROLE;
use super::request::{ChildCommand, DESCRIPTORS};

/// How long a guard that takes nothing may hold a request up. It takes one in microseconds, unless
/// it was stopped.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);

/// Starts children of which nothing is left when they or this process have ended. The guard itself
/// is started with the first one, or by [`Self::prepare`].
#[derive(Debug, Default)]
pub(crate) struct ChildGuard {
    /// The socket to the guard. It closes with this process at the latest.
    socket: Mutex<Option<UnixStream>>,
}

/// A child of the guard. It and its process group are killed when this is dropped.
#[derive(Debug)]
pub(crate) struct GuardedChild {
    /// Writes to its standard input.
    pub(crate) stdin: Option<Sender>,
    /// Reads its standard output.
    pub(crate) stdout: Option<Receiver>,
    /// Reads its standard error.
    pub(crate) stderr: Option<Receiver>,
    /// Its process group, which has the number of its first process.
    group: Pid,
    /// Where the guard writes that it has ended. The guard kills the group once nobody reads.
    report: Receiver,
}

impl ChildGuard {
    /// Starts a program in a process group of its own, with pipes for its standard streams.
    pub(crate) async fn spawn(&self, command: &ChildCommand) -> io::Result<GuardedChild> {
        let request = command.to_bytes()?;
        let (stdin, to_stdin) = pipe()?;
        let (from_stdout, stdout) = pipe()?;
        let (from_stderr, stderr) = pipe()?;
        let (from_report, report) = pipe()?;
        let theirs = [
            stdin.as_fd(),
            stdout.as_fd(),
            stderr.as_fd(),
            report.as_fd(),
        ];
        self.send(&request, theirs)?;
        drop((stdin, stdout, stderr, report));
        let mut report = receiver(from_report)?;
        let started = read_report(&mut report).await?;
        if started <= 0 {
            return Err(io::Error::from_raw_os_error(-started));
        }
        Ok(GuardedChild {
            stdin: Some(sender(to_stdin)?),
            stdout: Some(receiver(from_stdout)?),
            stderr: Some(receiver(from_stderr)?),
            group: Pid::from_raw(started),
            report,
        })
    }

    /// Starts the guard if it does not run yet, so that it is ready when it is needed. A failure is
    /// found when a child is started.
    pub(crate) fn prepare(&self) {
        let mut socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        if socket.is_none() {
            *socket = start().ok();
        }
    }

    /// Sends a request to the guard. One that was killed meanwhile is replaced.
    fn send(&self, request: &[u8], descriptors: [BorrowedFd<'_>; DESCRIPTORS]) -> io::Result<()> {
        let mut socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(socket) = socket.as_ref()
            && send_request(socket, request, descriptors).is_ok()
        {
            return Ok(());
        }
        let new = start()?;
        send_request(&new, request, descriptors)?;
        *socket = Some(new);
        Ok(())
    }
}

impl GuardedChild {
    /// Waits for its end. It may be waited for again after a wait that was given up.
    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        read_report(&mut self.report)
            .await
            .map(ExitStatus::from_raw)
    }

    /// Sends a signal to its process group, in which nobody may be left.
    pub(crate) fn signal(&self, signal: Signal) {
        let _ = killpg(self.group, signal);
    }

    /// Returns whether a process of its group is left.
    pub(crate) fn has_group(&self) -> bool {
        killpg(self.group, None).is_ok()
    }
}

/// Starts a guard and returns the socket to it. Its environment is empty: children can read it.
fn start() -> io::Result<UnixStream> {
    let (ours, theirs) = UnixStream::pair()?;
    ours.set_write_timeout(Some(SEND_TIMEOUT))?;
    // Its own group keeps it from the signals of the terminal.
    Command::new(own_program()?)
        .arg0(ROLE)
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()?;
    Ok(ours)
}

/// Returns the program of this process. On Linux this is the one that runs, though its file may
/// have been replaced since.
fn own_program() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") {
        Ok(PathBuf::from("/proc/self/exe"))
    } else {
        std::env::current_exe()
    }
}

fn send_request(
    mut socket: &UnixStream,
    request: &[u8],
    descriptors: [BorrowedFd<'_>; DESCRIPTORS],
) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut attached = SendAncillaryBuffer::new(&mut space);
    attached.push(SendAncillaryMessage::ScmRights(&descriptors));
    let flags = SendFlags::empty();
    let sent = sendmsg(socket, &[IoSlice::new(request)], &mut attached, flags)?;
    socket.write_all(&request[sent..])
}

/// Reads a number that the guard reports. Each is one write, and so one read.
async fn read_report(report: &mut Receiver) -> io::Result<i32> {
    let mut number = [0; 4];
    if report.read(&mut number).await? == number.len() {
        Ok(i32::from_le_bytes(number))
    } else {
        Err(io::Error::other("the process that starts tools was killed"))
    }
}

fn receiver(reader: PipeReader) -> io::Result<Receiver> {
    Receiver::from_owned_fd(OwnedFd::from(reader))
}

fn sender(writer: PipeWriter) -> io::Result<Sender> {
    Sender::from_owned_fd(OwnedFd::from(writer))
}
