//! The file of a book: opened, locked, read, changed and written within microseconds.
//!
//! It is written in place, so that whoever has it open goes on with the same file. What is broken
//! or was never ours is set aside beside it and told, and so is a clock that went back; nothing
//! here ever keeps a request from being sent.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::SECOND;
use super::ledger::Ledger;
use super::record::{MAX_BYTES, from_bytes, to_bytes};
use crate::fs::{Durability, atomic_write, create_private_dir};

/// How far the clocks of two cores may differ, and more: a book that was written later than that
/// was so by another clock.
const TOLERANCE: u64 = 2 * SECOND;

/// Where a book is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Book {
    path: PathBuf,
}

/// Why a book cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// Another process has it, which takes microseconds: try again.
    #[error("another process does not let go of it")]
    Busy,
    /// It cannot be opened, read or written.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// A book that is open and locked until this is dropped.
#[derive(Debug)]
pub(crate) struct Page {
    file: File,
    /// What it says.
    pub(crate) ledger: Ledger,
    /// The time.
    pub(crate) now: u64,
    /// What a person should know about it.
    pub(crate) notice: Option<String>,
    before: Ledger,
    length: u64,
}

impl Book {
    /// The book in the folder whose name `name` gives.
    pub(crate) fn new(folder: &Path, name: impl FnOnce() -> String) -> Self {
        Self {
            path: folder.join(name()),
        }
    }

    /// Opens the book; none where there is none and none is to be made.
    pub(crate) fn open(&self, make: bool) -> Result<Option<Page>, Trouble> {
        let mut options = OpenOptions::new();
        // A pipe of that name must not be waited for.
        options.read(true).write(true).create(make).mode(0o600);
        let file = match options.open(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound && !make => return Ok(None),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let folder = self.path.parent().unwrap_or(&self.path);
                create_private_dir(folder)?;
                options.open(&self.path)?
            }
            opened => opened?,
        };
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => Trouble::Busy,
            TryLockError::Error(error) => Trouble::Io(error),
        })?;
        if !file.metadata()?.is_file() {
            return Err(Trouble::Io(io::Error::new(
                ErrorKind::InvalidInput,
                "it is no file",
            )));
        }
        let mut bytes = Vec::new();
        (&file).take(MAX_BYTES).read_to_end(&mut bytes)?;
        let now = now();
        let (ledger, notice) = match from_bytes(&bytes) {
            Some(ledger) if ledger.last > now + TOLERANCE => (
                Ledger::default(),
                Some("the clock went back: the book of rate limits begins anew".to_owned()),
            ),
            Some(ledger) => (ledger, None),
            None => (Ledger::default(), Some(self.set_aside(&bytes))),
        };
        let length = bytes.len() as u64;
        // What is anew is written in any case.
        let before = if notice.is_some() {
            Ledger {
                last: u64::MAX,
                ..Ledger::default()
            }
        } else {
            ledger.clone()
        };
        Ok(Some(Page {
            file,
            ledger,
            now,
            notice,
            before,
            length,
        }))
    }

    fn set_aside(&self, bytes: &[u8]) -> String {
        let aside = self.path.with_extension("broken");
        let kept = match atomic_write(&aside, bytes, Durability::Cached) {
            Ok(()) => format!("it is kept as `{}`", aside.display()),
            Err(error) => format!("it could not be kept: {error}"),
        };
        format!("the book of rate limits was broken and begins anew; {kept}")
    }
}

impl Page {
    /// Writes what the ledger says now, if anything is new.
    pub(crate) fn save(mut self) -> io::Result<()> {
        if self.ledger == self.before {
            return Ok(());
        }
        self.ledger.last = self.now;
        let bytes = to_bytes(&self.ledger);
        let mut written = self.file.write_all_at(&bytes, 0);
        if written.is_ok() && (bytes.len() as u64) < self.length {
            written = self.file.set_len(bytes.len() as u64);
        }
        if written.is_err() {
            // An empty book is a sound one, half a one is not.
            let _ = self.file.set_len(0);
        }
        written
    }
}

/// The time in the unit of the book.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::super::{Asked, Base, Limits, Look, Priority};
    use super::*;

    const ASKED: Asked = Asked {
        input: 1,
        max_tokens: 1,
        priority: Priority::Person,
    };

    const BASE: Base = Base {
        configured: Limits {
            requests: Some(1),
            tokens: None,
        },
        assumed: Limits {
            requests: None,
            tokens: None,
        },
    };

    fn look(book: &Book) -> Look {
        let mut page = book
            .open(true)
            .expect("it can be opened")
            .expect("it was made");
        let look = page.ledger.look(page.now, None, &ASKED, &BASE);
        page.save().expect("it can be written");
        look
    }

    #[test]
    fn what_one_writes_the_next_one_reads() {
        let folder = tempfile::tempdir().expect("a folder");
        let book = Book::new(&folder.path().join("new/pace"), || "name".to_owned());
        assert!(
            book.open(false)
                .expect("there is nothing to fail")
                .is_none()
        );
        assert!(matches!(look(&book), Look::Go(Some(_))));
        assert!(matches!(look(&book), Look::Wait { .. }));
        let mode = fs::metadata(&book.path)
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_broken_book_is_set_aside_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let book = Book::new(folder.path(), || "name".to_owned());
        fs::write(
            &book.path,
            "a foreign file, and a long one that is\n".repeat(100),
        )
        .expect("it is writable");
        let page = book
            .open(true)
            .expect("it can be opened")
            .expect("it is there");
        let notice = page.notice.clone().expect("it is told");
        assert!(notice.contains("name.broken"), "{notice}");
        page.save().expect("it can be written");
        assert!(
            book.open(true)
                .expect("it can be opened")
                .expect("it is there")
                .notice
                .is_none()
        );
        let kept = fs::read_to_string(folder.path().join("name.broken")).expect("it is kept");
        assert!(kept.starts_with("a foreign file"));
    }

    #[test]
    fn a_book_of_the_future_begins_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let book = Book::new(folder.path(), || "name".to_owned());
        look(&book);
        let ledger = Ledger {
            last: now() + 5 * TOLERANCE,
            not_before: u64::MAX,
            ..Ledger::default()
        };
        fs::write(&book.path, to_bytes(&ledger)).expect("it is writable");
        let page = book
            .open(true)
            .expect("it can be opened")
            .expect("it is there");
        assert!(page.notice.is_some() && page.ledger == Ledger::default());
    }

    #[test]
    fn only_one_has_it_and_what_is_no_file_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let book = Book::new(folder.path(), || "name".to_owned());
        let page = book.open(true).expect("it can be opened");
        assert!(matches!(book.open(true), Err(Trouble::Busy)));
        drop(page);
        assert!(book.open(false).is_ok());
        fs::create_dir(folder.path().join("folder")).expect("it is writable");
        for name in ["folder", "name/below"] {
            assert!(
                matches!(
                    Book::new(folder.path(), || name.to_owned()).open(true),
                    Err(Trouble::Io(_))
                ),
                "{name}"
            );
        }
    }
}
