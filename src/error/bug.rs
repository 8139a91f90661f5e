//! Reports a bug like any other error, instead of with the panic's own message: one line, an exit
//! code, and an error object for programs.

use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::Error;

/// Runs `work`, and turns its panic into an error.
///
/// Only panics of the current thread are silenced: the result of another thread may never be
/// awaited, and its panic would go unreported.
pub(crate) fn unless_panicked<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    let usual = panic::take_hook();
    let said = Arc::new(Mutex::new(None));
    let (theirs, here) = (Arc::clone(&said), thread::current().id());
    panic::set_hook(Box::new(move |info| {
        if thread::current().id() == here {
            *theirs.lock().unwrap_or_else(PoisonError::into_inner) = Some(in_words(info));
        } else {
            usual(info);
        }
    }));
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let said = said.lock().unwrap_or_else(PoisonError::into_inner).take();
        Err(Error::Bug(said.unwrap_or_else(|| {
            "a part of the program failed".to_owned()
        })))
    })
}

/// Returns the message of a panic and its place in the sources.
fn in_words(info: &PanicHookInfo<'_>) -> String {
    let payload = info.payload();
    let message = payload.downcast_ref::<String>().map(String::as_str);
    let message = message
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("a panic");
    // The build directory means nothing to users.
    let place = info.location().map(|place| {
        let file = place.file().rsplit("/src/").next().unwrap_or_default();
        format!(" ({file}:{})", place.line())
    });
    format!("{message}{}", place.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn a_panic_becomes_an_error_and_an_error_stays_one() {
        let error = unless_panicked::<()>(|| panic!("it broke")).expect_err("it panicked");
        assert_eq!(error.kind(), Kind::Internal);
        assert!(
            error.to_string().contains("it broke (src/error/bug.rs:"),
            "{error}"
        );
        let error = unless_panicked::<()>(|| Err(Error::NoModel)).expect_err("it failed");
        assert_eq!(error.kind(), Kind::Usage);
        assert_eq!(unless_panicked(|| Ok(7)).ok(), Some(7));
    }
}
