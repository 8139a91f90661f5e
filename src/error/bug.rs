//! A bug, told as any other error is: one line, an exit code, and an object for programs, instead
//! of a panic's own words.

use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::Error;

/// Runs `work`, and makes an error of its panic.
///
/// Only that of the thread which is here now is kept quiet until then: another one's may never be
/// asked for.
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

/// The message of a panic and its place in the sources.
fn in_words(info: &PanicHookInfo<'_>) -> String {
    let payload = info.payload();
    let message = payload.downcast_ref::<String>().map(String::as_str);
    let message = message
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("a panic");
    // The directory of the build says nothing to anybody.
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
