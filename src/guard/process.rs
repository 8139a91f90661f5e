//! The guard itself: starts what it is asked to, reports how it ended, and kills what is left.
//!
//! A single loop without a runtime, since it is to start in about a millisecond. Each child has
//! a pipe for two reports of four bytes: its number, or the negated error code if it could not be
//! started; then how it ended.

use std::collections::BTreeMap;
use std::io::{self, IoSliceMut, PipeWriter, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::process::{WaitOptions, wait};
use signal_hook::consts::{SIGCHLD, SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

#[cfg(target_os = "linux")]
use super::descendants;
use super::request::{ChildCommand, DESCRIPTORS, LENGTH_BYTES};

/// The children whose reports somebody reads, by the number of their process.
type Children = BTreeMap<i32, PipeWriter>;

/// Guards until the socket on standard input closes.
pub(crate) fn run() -> ExitCode {
    match guard() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE, // Nobody is there to be told.
    }
}

fn guard() -> io::Result<()> {
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    #[cfg(target_os = "linux")]
    descendants::adopt_orphans(c"langdock-guard")?;
    // Who kills all of the program's processes by name kills those that end in order first. A
    // handler, and not "ignored", which children would inherit.
    for signal in [SIGTERM, SIGINT] {
        flag::register(signal, Arc::new(AtomicBool::new(false)))?;
    }
    let (mut alarm, trigger) = UnixStream::pair()?;
    alarm.set_nonblocking(true)?;
    low_level::pipe::register(SIGCHLD, trigger)?;

    let mut children = Children::new();
    let result = loop {
        let is_asked = match wait_for_news(&socket, &alarm, &children) {
            Ok(is_asked) => is_asked,
            Err(error) => break Err(error),
        };
        while alarm.read(&mut [0; 64]).is_ok_and(|read| read > 0) {}
        report_ends(&mut children);
        forget_unread(&mut children);
        if is_asked {
            match receive(&socket) {
                Ok(Some((command, descriptors))) => start(&command, descriptors, &mut children),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        }
    };
    for group in children.keys() {
        kill_group(*group);
    }
    #[cfg(target_os = "linux")]
    descendants::kill_all(descendants::LAST_SWEEP);
    result
}

/// Waits for a request, the end of a child, or the end of interest in one. Returns whether there is
/// a request, or the end of them.
fn wait_for_news(socket: &UnixStream, alarm: &UnixStream, children: &Children) -> io::Result<bool> {
    let watched = |fd| PollFd::new(fd, PollFlags::POLLIN);
    let mut fds = vec![watched(socket.as_fd()), watched(alarm.as_fd())];
    // That the reader is gone is told unasked.
    let unasked = PollFlags::empty();
    fds.extend(
        children
            .values()
            .map(|report| PollFd::new(report.as_fd(), unasked)),
    );
    match poll(&mut fds, PollTimeout::NONE) {
        Err(Errno::EINTR) => Ok(false),
        Err(error) => Err(error.into()),
        Ok(_) => Ok(fds[0].any().unwrap_or(true)),
    }
}

/// Reports the children that have ended; orphans end without a word.
fn report_ends(children: &mut Children) {
    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
        if let Some(report) = children.get_mut(&pid.as_raw_pid()) {
            let _ = report.write_all(&status.as_raw().to_le_bytes());
        }
    }
}

/// Kills the groups of children that nobody waits for any more, and all that their like have left
/// once there are no others.
fn forget_unread(children: &mut Children) {
    let unread: Vec<i32> = children
        .iter()
        .filter(|(_, report)| is_unread(report))
        .map(|(group, _)| *group)
        .collect();
    for group in &unread {
        kill_group(*group);
        children.remove(group);
    }
    #[cfg(target_os = "linux")]
    if children.is_empty() && !unread.is_empty() {
        descendants::kill_all(descendants::SWEEP);
    }
}

/// Returns whether nobody reads a pipe.
fn is_unread(report: &PipeWriter) -> bool {
    let mut fds = [PollFd::new(report.as_fd(), PollFlags::empty())];
    poll(&mut fds, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
}

fn kill_group(group: i32) {
    let _ = killpg(Pid::from_raw(group), Signal::SIGKILL); // Nobody may be left.
}

/// Receives a request with its descriptors; `None` at the end.
fn receive(mut socket: &UnixStream) -> io::Result<Option<(ChildCommand, [OwnedFd; DESCRIPTORS])>> {
    let invalid = || io::Error::from(io::ErrorKind::InvalidData);
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut attached = RecvAncillaryBuffer::new(&mut space);
    let mut length = [0; LENGTH_BYTES];
    let buffers = &mut [IoSliceMut::new(&mut length)];
    let read = recvmsg(socket, buffers, &mut attached, RecvFlags::empty())?.bytes;
    if read == 0 {
        return Ok(None);
    }
    let mut descriptors = Vec::new();
    for message in attached.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            descriptors.extend(received);
        }
    }
    for descriptor in &descriptors {
        // None is for any child but its own.
        fcntl(descriptor, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    }
    socket.read_exact(&mut length[read..])?;
    let length = usize::try_from(u32::from_le_bytes(length)).map_err(io::Error::other)?;
    let mut body = vec![0; length];
    socket.read_exact(&mut body)?;
    let command = ChildCommand::from_bytes(&body).ok_or_else(invalid)?;
    let descriptors = descriptors.try_into().map_err(|_| invalid())?;
    Ok(Some((command, descriptors)))
}

/// Starts a child and reports its number.
fn start(
    request: &ChildCommand,
    [stdin, stdout, stderr, report]: [OwnedFd; DESCRIPTORS],
    children: &mut Children,
) {
    let mut command = Command::new(&request.program);
    command
        .args(&request.args)
        .env_clear()
        .envs(request.variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::from(stdin))
        .stdout(Stdio::from(stdout))
        .stderr(Stdio::from(stderr))
        .process_group(0);
    if let Some(directory) = &request.directory {
        command.current_dir(directory);
    }
    let mut report = PipeWriter::from(report);
    let started = command.spawn().and_then(|child| {
        // Its end is waited for with that of all others.
        i32::try_from(child.id()).map_err(io::Error::other)
    });
    let number = started.as_ref().map_or_else(
        |error| -error.raw_os_error().unwrap_or(Errno::EIO as i32),
        |pid| *pid,
    );
    let _ = report.write_all(&number.to_le_bytes());
    if let Ok(pid) = started {
        children.insert(pid, report);
    }
}
