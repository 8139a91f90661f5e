//! Why what is at a path is not used, though it can be opened: it is no regular file of the user's.

use std::fs::Metadata;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileTypeExt;

/// Why a path is refused; wrapped in an `io::Error` of kind `InvalidInput`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FileRefusal {
    /// It is not a regular file.
    #[error("it is a {0}")]
    OtherKind(&'static str),
    /// Writing to it would also change a file of another name.
    #[error("it has {0} hard links")]
    HardLinks(u64),
    /// Another user owns it.
    #[error("it is owned by another user (uid {0})")]
    OtherOwner(u32),
}

impl FileRefusal {
    /// Refuses what is not a regular file.
    pub(crate) fn of_kind(metadata: &Metadata) -> Result<(), Self> {
        let kind = metadata.file_type();
        let other_kind = [
            (kind.is_symlink(), "symbolic link"),
            (kind.is_dir(), "directory"),
            (kind.is_fifo(), "named pipe"),
            (kind.is_socket(), "socket"),
            (!kind.is_file(), "device"),
        ];
        match other_kind.into_iter().find(|(is_that, _)| *is_that) {
            Some((_, name)) => Err(Self::OtherKind(name)),
            None => Ok(()),
        }
    }

    /// Whether `error` wraps a refusal.
    pub(crate) fn is_cause_of(error: &io::Error) -> bool {
        error
            .get_ref()
            .is_some_and(<dyn std::error::Error + Send + Sync>::is::<Self>)
    }
}

impl From<FileRefusal> for io::Error {
    fn from(refusal: FileRefusal) -> Self {
        Self::new(ErrorKind::InvalidInput, refusal)
    }
}
