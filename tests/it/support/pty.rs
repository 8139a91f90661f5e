//! A program on a pseudo terminal: what a user at the keyboard would get, as raw bytes.
//!
//! It is the controlling terminal of a new session, so Ctrl-C sends a signal as usual.

use std::{
    io::Write,
    os::fd::AsFd,
    process::{ChildStdin, Stdio},
    thread,
    time::Instant,
};

use nix::sys::{
    signal::Signal,
    termios::{LocalFlags, tcgetattr},
};
use pty_process::{
    Size,
    blocking::{Command, Pty, open},
};

use super::{
    DEADLINE, capture::Capture, command::Langdock, home::Home, outcome::Outcome, process,
    process::Process,
};

/// The character that Ctrl-C sends.
pub(crate) const CTRL_C: &str = "\x03";

/// The character that Ctrl-D sends.
pub(crate) const CTRL_D: &str = "\x04";

/// The character that Ctrl-Z sends.
pub(crate) const CTRL_Z: &str = "\x1a";

/// A program running on a terminal.
#[must_use = "finish it"]
pub(crate) struct Terminal {
    process: Process,
    keyboard: Pty,
    screen: Capture,
    stdout: Option<Capture>,
    line: String,
    _stdin: Option<ChildStdin>,
    _home: Home,
}

impl Langdock {
    /// Starts it on a terminal of this size, which is its stdout and stderr, and its stdin unless
    /// another one is set.
    #[track_caller]
    pub(crate) fn on_terminal(self, columns: u16, rows: u16) -> Terminal {
        let mut this = self.env("TERM", "xterm-256color");
        let (command, line) = this.command();
        let mut command = Command::from(command);
        if let Some(stdin) = this.stdin.as_stdio() {
            command = command.stdin(stdin);
        }
        if this.piped_stdout {
            command = command.stdout(Stdio::piped());
        }
        let (keyboard, mut child) = {
            let _starting = process::starting();
            let (keyboard, terminal) = open().unwrap();
            keyboard.resize(Size::new(rows, columns)).unwrap();
            (keyboard, command.spawn(terminal).unwrap())
        };
        let stdin = this.stdin.feed(child.stdin.take());
        let stdout = child.stdout.take().map(Capture::of);
        let screen = Capture::of(std::fs::File::from(
            keyboard.as_fd().try_clone_to_owned().unwrap(),
        ));
        Terminal {
            process: Process::watch(child),
            keyboard,
            screen,
            stdout,
            line,
            _stdin: stdin,
            _home: this.into_home(),
        }
    }
}

impl Terminal {
    /// Waits until `text`, which may include escape sequences, was written to the terminal.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) -> &Self {
        self.screen.wait_for(text);
        self
    }

    /// Waits until `enough` returns true for everything written to the terminal; `what` describes
    /// it in the failure message.
    #[track_caller]
    pub(crate) fn wait_until(&self, what: &str, enough: impl Fn(&[u8]) -> bool) -> &Self {
        self.screen.wait_until(what, enough);
        self
    }

    /// Returns what was written to the terminal so far.
    pub(crate) fn so_far(&self) -> Vec<u8> {
        self.screen.so_far()
    }

    /// Types these keys; Enter is `\r`.
    #[track_caller]
    pub(crate) fn keys(&self, keys: &str) -> &Self {
        self.bytes(keys.as_bytes())
    }

    /// Sends these bytes, which may be no text.
    #[track_caller]
    pub(crate) fn bytes(&self, bytes: &[u8]) -> &Self {
        (&self.keyboard).write_all(bytes).unwrap();
        self
    }

    /// Waits until the terminal no longer echoes what is typed.
    #[track_caller]
    pub(crate) fn wait_for_no_echo(&self) -> &Self {
        self.wait_for_echo_to_be(false, || ())
    }

    /// Waits until what is typed shows again.
    #[track_caller]
    pub(crate) fn wait_for_echo(&self) -> &Self {
        self.wait_for_echo_to_be(true, || ())
    }

    /// Continues a program that is about to stop, until it has turned the echo off: a signal that
    /// arrives before it has stopped does not continue it.
    #[track_caller]
    pub(crate) fn continue_until_no_echo(&self) -> &Self {
        self.wait_for_echo_to_be(false, || self.process.signal(Signal::SIGCONT))
    }

    #[track_caller]
    fn wait_for_echo_to_be(&self, is_on: bool, meanwhile: impl Fn()) -> &Self {
        let begun = Instant::now();
        let echo = || tcgetattr(&self.keyboard).unwrap().local_flags & LocalFlags::ECHO;
        while echo().is_empty() == is_on {
            meanwhile();
            assert!(
                begun.elapsed() < DEADLINE,
                "`{}` left the echo as it was",
                self.line
            );
            thread::yield_now();
        }
        self
    }

    /// Changes the size of the window.
    #[track_caller]
    pub(crate) fn resize(&self, columns: u16, rows: u16) -> &Self {
        self.keyboard.resize(Size::new(rows, columns)).unwrap();
        self
    }

    /// Sends a signal to the program.
    #[track_caller]
    pub(crate) fn signal(&self, signal: Signal) -> &Self {
        self.process.signal(signal);
        self
    }

    /// Waits for its end and returns everything written to the terminal: as the outcome's stdout,
    /// or as its stderr if stdout was a pipe.
    #[track_caller]
    pub(crate) fn finish(self) -> Outcome {
        let status = self.process.wait();
        self.process.kill();
        let Some((status, screen)) =
            status.and_then(|status| Some((status, self.screen.wait_end()?)))
        else {
            panic!(
                "`{}` did not end or left the terminal open for {DEADLINE:?}; so far:\n{}",
                self.line,
                String::from_utf8_lossy(&self.so_far())
            );
        };
        match self.stdout {
            None => Outcome::new(self.line, status, screen, b""),
            Some(stdout) => {
                let stdout = stdout
                    .wait_end()
                    .expect("a program that has ended has closed its stdout");
                Outcome::new(self.line, status, stdout, &screen)
            }
        }
    }
}
