//! What a program writes, collected by a thread as it comes, so that a test can wait for a part of
//! it.

use std::{
    io::{PipeWriter, Read},
    os::fd::AsFd,
    sync::{Arc, Condvar, Mutex},
    thread,
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::DEADLINE;

/// The bytes that came out of a pipe or a terminal so far.
pub(crate) struct Capture {
    shared: Arc<Shared>,
    /// Dropped to make the thread close its end.
    stop: Option<PipeWriter>,
}

/// What the thread and the test share.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// How far the reading has come.
#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    ended: bool,
}

impl Capture {
    /// Starts to collect what `source` gives.
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

    /// Returns what has come so far.
    pub(crate) fn so_far(&self) -> Vec<u8> {
        self.shared.state.lock().unwrap().bytes.clone()
    }

    /// Waits until `enough` holds of all that has come, and panics with it when that cannot happen
    /// any more.
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

    /// Waits until `text` has come.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) {
        self.wait_until(&format!("{text:?}"), |bytes| {
            contains(bytes, text.as_bytes())
        });
    }

    /// Waits for the end and returns everything, or nothing when the end does not come.
    pub(crate) fn wait_end(&self) -> Option<Vec<u8>> {
        let state = self.shared.state.lock().unwrap();
        let (state, _) = self
            .shared
            .changed
            .wait_timeout_while(state, DEADLINE, |state| !state.ended)
            .unwrap();
        state.ended.then(|| state.bytes.clone())
    }

    /// Closes the reading end: from its return on, the program writes to nobody.
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
        // A terminal whose program has ended gives an error (EIO) instead of an end.
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

/// Tells whether `part` stands somewhere in `bytes`.
fn contains(bytes: &[u8], part: &[u8]) -> bool {
    part.is_empty() || bytes.windows(part.len()).any(|window| window == part)
}
