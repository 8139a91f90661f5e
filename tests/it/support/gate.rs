//! A gate in a reply: the server waits there until the test has seen what it expects and opens it.

use std::sync::{Arc, Condvar, Mutex};

use super::DEADLINE;

/// A gate that is closed until it is opened for good.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    /// Creates a closed gate.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Lets through everyone who is waiting now or comes later.
    pub(crate) fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    /// Waits until the gate is open.
    pub(crate) fn pass(&self) {
        let (open, opened) = &*self.0;
        let (_open, wait) = opened
            .wait_timeout_while(open.lock().unwrap(), DEADLINE, |open| !*open)
            .unwrap();
        assert!(
            !wait.timed_out(),
            "a gate was not opened within {DEADLINE:?}"
        );
    }
}
