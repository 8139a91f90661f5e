//! Collects output on a thread while it is written, so that a test can wait for a part of it.

use std::{
    io::{PipeWriter, Read},
    os::fd::AsFd,
    sync::{Arc, Condvar, Mutex},
    thread,
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::DEADLINE;

/// The bytes read from a pipe or terminal so far.
pub(crate) struct Capture {
    shared: Arc<Shared>,
    /// Dropping it makes the thread close its end.
    stop: Option<PipeWriter>,
}

/// The state shared by the thread and the test.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// The progress of the reading thread.
#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    ended: bool,
}

impl Capture {
    /// Starts collecting output from `source`.
    pub(crate) fn of(source: impl Read + AsFd + Send + 'static) -> Self {
        let shared = Arc::new(Shared::default());
        let (stopped, stop) = std::io::pipe().unwrap();
        let theirs = Arc::clone(&shared);
        thread::spawn(move || {
            collect(source, &stopped, &theirs);
            theirs.state.lock().unwrap().ended = true;
            theirs.changed.notify_all();
        });
        Self {
            shared,
            stop: Some(stop),
        }
    }

    /// Returns the output so far.
    pub(crate) fn so_far(&self) -> Vec<u8> {
        self.shared.state.lock().unwrap().bytes.clone()
    }

    /// Waits until `enough` returns true for the output so far; panics with the output if that can
    /// no longer happen.
    #[track_caller]
    pub(crate) fn wait_until(&self, what: &str, enough: impl Fn(&[u8]) -> bool) {
        let state = self.shared.state.lock().unwrap();
        let pending = |state: &mut State| !state.ended && !enough(&state.bytes);
        let (state, _) = self
            .shared
            .changed
            .wait_timeout_while(state, DEADLINE, pending)
            .unwrap();
        let why = if state.ended {
            "the program closed it"
        } else {
            "the deadline passed"
        };
        assert!(
            enough(&state.bytes),
            "{why} before there was {what}:\n{}",
            String::from_utf8_lossy(&state.bytes)
        );
    }

    /// Waits until the output contains `text`.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) {
        self.wait_until(&format!("{text:?}"), |bytes| {
            contains(bytes, text.as_bytes())
        });
    }

    /// Waits for the end and returns all output; `None` if the end is not reached in time.
    pub(crate) fn wait_end(&self) -> Option<Vec<u8>> {
        let state = self.shared.state.lock().unwrap();
        let (state, _) = self
            .shared
            .changed
            .wait_timeout_while(state, DEADLINE, |state| !state.ended)
            .unwrap();
        state.ended.then(|| state.bytes.clone())
    }

    /// Closes the reading end: once this returns, nobody reads what the program writes.
    pub(crate) fn close(&mut self) {
        self.stop = None;
        self.wait_end()
            .expect("the reading thread ends when it is told to");
    }
}

/// Reads `source` to its end, or until the other end of `stopped` is closed.
fn collect(mut source: impl Read + AsFd, stopped: &impl AsFd, shared: &Shared) {
    let mut piece = [0; 4096];
    loop {
        let mut ready = [
            PollFd::new(source.as_fd(), PollFlags::POLLIN),
            PollFd::new(stopped.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut ready, PollTimeout::NONE) {
            Err(nix::errno::Errno::EINTR) => continue,
            outcome => outcome.unwrap(),
        };
        if ready[1].any() == Some(true) {
            return;
        }
        // Reading a terminal whose program has ended fails with EIO instead of returning an end.
        match source.read(&mut piece) {
            Ok(0) | Err(_) => return,
            Ok(n) => shared
                .state
                .lock()
                .unwrap()
                .bytes
                .extend_from_slice(&piece[..n]),
        }
        shared.changed.notify_all();
    }
}

/// Returns whether `bytes` contains `part`.
fn contains(bytes: &[u8], part: &[u8]) -> bool {
    part.is_empty() || bytes.windows(part.len()).any(|window| window == part)
}
