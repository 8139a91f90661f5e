//! A command of the user for the shell: its output is shown as it comes, and kept.

use std::io::{self, ErrorKind, PipeReader, Read, Write, pipe, stderr};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::ExitStatus;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use signal_hook::consts::{SIGCHLD, SIGINT};

use super::interrupt::InterruptSignal;
use super::signal_alarm::SignalAlarm;
use crate::fs::child_command;

/// How much is read at once, in bytes.
const PIECE_BYTES: usize = 16 * 1024;

/// How much a pipe holds, in bytes.
const PIPE_BYTES: usize = 64 * 1024;

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct ShellRun {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// What it wrote to standard output and standard error, in this order or mixed, as it came.
    pub(crate) output: Vec<u8>,
    /// Whether that is all of it.
    pub(crate) is_whole: bool,
}

/// Runs a command with `sh`, without the API key in its environment. Its input is that of this
/// process; its output goes to standard error, unchanged as in a shell, and up to `most` bytes of
/// it are kept. Ctrl-C ends the command only. A signal that ends the run ends it too, with the
/// error `Interrupted`.
pub(crate) fn run_shell_command(
    command: &str,
    most: usize,
    interrupt: &InterruptSignal,
) -> io::Result<ShellRun> {
    let child_ended = SignalAlarm::for_signal(SIGCHLD)?;
    let (reader, writer) = pipe()?;
    let mut child = child_command(Path::new("/bin/sh"))
        .args(["-c", command])
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .spawn()?;
    let mut output = ShellOutput::new(reader, most);
    let mut noticed_ctrl_c = false;
    let status = loop {
        let exited = child.try_wait()?;
        let is_ready = output.wait(exited.is_some(), &child_ended, interrupt)?;
        if is_ready {
            output.copy_piece()?;
        }
        match (exited, interrupt.pending_signal()) {
            // What it has started in the background may go on writing.
            (Some(status), _) if !is_ready || output.is_drained() => break status,
            (_, Some(SIGINT)) => {
                noticed_ctrl_c = true;
                interrupt.clear_signal();
            }
            (_, Some(_)) => {
                // It may have ended already.
                let _ = kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM);
                child.wait()?;
                return Err(ErrorKind::Interrupted.into());
            }
            (_, None) => {}
        }
    };
    interrupt.clear_ctrl_c_of(status, noticed_ctrl_c);
    // The `^C` that the terminal shows is in the row too.
    if !output.ends_line || status.code().is_none() {
        stderr().lock().write_all(b"\n")?;
    }
    Ok(ShellRun {
        status,
        output: output.kept,
        is_whole: output.is_whole,
    })
}

/// The output of a command while it runs.
struct ShellOutput {
    /// `None` once nobody can write any more.
    reader: Option<PipeReader>,
    kept: Vec<u8>,
    most: usize,
    is_whole: bool,
    /// Whether the last row on the terminal is complete.
    ends_line: bool,
    /// How much was read since the command ended, in bytes.
    read_since_end: usize,
}

impl ShellOutput {
    fn new(reader: PipeReader, most: usize) -> Self {
        Self {
            reader: Some(reader),
            kept: Vec::new(),
            most,
            is_whole: true,
            ends_line: true,
            read_since_end: 0,
        }
    }

    /// Waits for output, for the end of the command or for a signal, unless it has ended; returns
    /// whether there is output.
    fn wait(
        &mut self,
        has_ended: bool,
        child_ended: &SignalAlarm,
        interrupt: &InterruptSignal,
    ) -> io::Result<bool> {
        let readable = |stream| PollFd::new(stream, PollFlags::POLLIN);
        let mut watched = vec![readable(child_ended.as_fd())];
        watched.extend(interrupt.alarm_fd().map(readable));
        let signals = watched.len();
        watched.extend(self.reader.as_ref().map(|reader| readable(reader.as_fd())));
        let timeout = if has_ended {
            PollTimeout::ZERO
        } else {
            self.read_since_end = 0;
            PollTimeout::NONE
        };
        match poll(&mut watched, timeout) {
            Ok(_) | Err(Errno::EINTR) => child_ended.drain_wakeups(),
            Err(errno) => return Err(errno.into()),
        }
        let output = watched.get(signals);
        Ok(output.is_some_and(|output| output.any().unwrap_or_default()))
    }

    /// Shows and keeps what is there.
    fn copy_piece(&mut self) -> io::Result<()> {
        let Some(reader) = &mut self.reader else {
            return Ok(());
        };
        let mut piece = [0; PIECE_BYTES];
        let read = reader.read(&mut piece)?;
        let piece = &piece[..read];
        if piece.is_empty() {
            self.reader = None;
            return Ok(());
        }
        self.read_since_end += read;
        stderr().lock().write_all(piece)?;
        self.ends_line = piece.ends_with(b"\n");
        let kept = read.min(self.most - self.kept.len());
        self.kept.extend_from_slice(&piece[..kept]);
        self.is_whole &= kept == read;
        Ok(())
    }

    /// Whether everything has been read that the command can have written.
    fn is_drained(&self) -> bool {
        self.reader.is_none() || self.read_since_end > PIPE_BYTES
    }
}
