//! A running program whose output can be waited for and whose streams the test holds.

use std::{
    io::Write,
    process::{Child, ChildStdin},
};

use nix::sys::signal::Signal;

use super::{DEADLINE, capture::Capture, home::Home, outcome::Outcome, process::Process};

/// A started program.
#[must_use = "finish it"]
pub(crate) struct Running {
    process: Process,
    stdin: Option<ChildStdin>,
    stdout: Capture,
    stderr: Capture,
    line: String,
    _home: Home,
}

impl Running {
    /// Takes over a child started with pipes.
    pub(super) fn new(
        mut child: Child,
        stdin: Option<ChildStdin>,
        line: String,
        home: Home,
    ) -> Self {
        let stdout = Capture::of(child.stdout.take().unwrap());
        let stderr = Capture::of(child.stderr.take().unwrap());
        Self {
            process: Process::watch(child),
            stdin,
            stdout,
            stderr,
            line,
            _home: home,
        }
    }

    /// Waits until stdout contains `text`.
    #[track_caller]
    pub(crate) fn wait_for_stdout(&self, text: &str) -> &Self {
        self.stdout.wait_for(text);
        self
    }

    /// Waits until stdout has at least `n` bytes.
    #[track_caller]
    pub(crate) fn wait_for_stdout_bytes(&self, n: usize) -> &Self {
        self.stdout
            .wait_until(&format!("{n} bytes"), |bytes| bytes.len() >= n);
        self
    }

    /// Waits until stderr contains `text`.
    #[track_caller]
    pub(crate) fn wait_for_stderr(&self, text: &str) -> &Self {
        self.stderr.wait_for(text);
        self
    }

    /// Returns stdout so far.
    pub(crate) fn stdout_so_far(&self) -> Vec<u8> {
        self.stdout.so_far()
    }

    /// Returns stderr so far.
    pub(crate) fn stderr_so_far(&self) -> String {
        String::from_utf8_lossy(&self.stderr.so_far()).into_owned()
    }

    /// Waits until it has computed for so many hundredths of a second.
    #[cfg(target_os = "linux")]
    #[track_caller]
    pub(crate) fn wait_for_processor_time(&self, hundredths: u64) -> &Self {
        let begun = std::time::Instant::now();
        while self.process.processor_time() < hundredths {
            assert!(begun.elapsed() < DEADLINE, "it does not compute");
            std::thread::yield_now();
        }
        self
    }

    /// Returns the most memory that it has taken so far, in bytes.
    #[cfg(target_os = "linux")]
    pub(crate) fn peak_memory(&self) -> u64 {
        self.process.peak_memory()
    }

    /// Sends a signal to it.
    #[track_caller]
    pub(crate) fn signal(&self, signal: Signal) -> &Self {
        self.process.signal(signal);
        self
    }

    /// Sends a signal to it, unless it has ended; returns whether it was sent.
    pub(crate) fn try_signal(&self, signal: Signal) -> bool {
        self.process.try_signal(signal)
    }

    /// Writes to its stdin, which must be open.
    #[track_caller]
    pub(crate) fn write_stdin(&self, bytes: impl AsRef<[u8]>) -> &Self {
        let mut stdin = self.stdin.as_ref().expect("stdin is held open");
        stdin.write_all(bytes.as_ref()).unwrap();
        self
    }

    /// Closes its stdin.
    pub(crate) fn close_stdin(&mut self) -> &mut Self {
        self.stdin = None;
        self
    }

    /// Closes the reading end of its stdout, like `head` when it has enough.
    pub(crate) fn close_stdout(&mut self) -> &mut Self {
        self.stdout.close();
        self
    }

    /// Closes the reading end of its stderr.
    pub(crate) fn close_stderr(&mut self) -> &mut Self {
        self.stderr.close();
        self
    }

    /// Waits for its end; an open stdin stays open until then.
    #[track_caller]
    pub(crate) fn finish(self) -> Outcome {
        let status = self.process.wait();
        self.process.kill();
        let end = status
            .and_then(|status| Some((status, self.stdout.wait_end()?, self.stderr.wait_end()?)));
        let Some((status, stdout, stderr)) = end else {
            panic!(
                "`{}` did not end or left its output open for {DEADLINE:?}; stdout so far:\n{}\nstderr so far:\n{}",
                self.line,
                String::from_utf8_lossy(&self.stdout_so_far()),
                self.stderr_so_far()
            );
        };
        Outcome::new(self.line, status, stdout, &stderr)
    }
}
