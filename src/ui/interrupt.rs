//! Ctrl-C and SIGTERM: noticed at any moment, by those who wait and by those who write; and dying of a signal, so that
//! shells and loops see it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGPIPE, SIGTERM};
use signal_hook::{flag, low_level};

/// Watches for SIGINT and SIGTERM. The first one is noticed; the second one kills, as it would without us.
#[derive(Debug)]
pub(crate) struct Interrupt {
    /// Becomes readable with the first signal, and stays so.
    alarm: UnixStream,
    signal: Arc<AtomicUsize>,
}

impl Interrupt {
    /// Begins to watch.
    pub(crate) fn watch() -> io::Result<Self> {
        let (alarm, trigger) = UnixStream::pair()?;
        alarm.set_nonblocking(true)?;
        let seen = Arc::new(AtomicBool::new(false));
        let signal = Arc::new(AtomicUsize::new(0));
        for number in [SIGINT, SIGTERM] {
            flag::register_conditional_default(number, Arc::clone(&seen))?;
            flag::register(number, Arc::clone(&seen))?;
            flag::register_usize(number, Arc::clone(&signal), usize::try_from(number).unwrap_or_default())?;
            low_level::pipe::register(number, trigger.try_clone()?)?;
        }
        Ok(Self { alarm, signal })
    }

    /// Waits for the first signal and gives its number.
    pub(crate) async fn wait(&self) -> i32 {
        if let Some(signal) = self.seen() {
            return signal;
        }
        let alarm = self.alarm.try_clone().and_then(tokio::net::UnixStream::from_std);
        match alarm {
            Ok(alarm) if alarm.readable().await.is_ok() => self.seen().unwrap_or(SIGINT),
            _ => std::future::pending().await,
        }
    }

    /// The signal that has come, if any.
    pub(crate) fn seen(&self) -> Option<i32> {
        i32::try_from(self.signal.load(Ordering::SeqCst)).ok().filter(|&signal| signal != 0)
    }

    /// Readable from the first signal on.
    pub(super) fn alarm(&self) -> BorrowedFd<'_> {
        self.alarm.as_fd()
    }
}

/// Ends the process by `signal` with its default action.
pub(crate) fn die_of(signal: i32) {
    // It returns only if the signal is blocked; the caller then ends with the exit code that stands for it.
    let _ = low_level::emulate_default_handler(signal);
}

/// Ends the process as one ends that writes where nobody reads.
pub(crate) fn die_of_closed_stdout() {
    die_of(SIGPIPE);
}
