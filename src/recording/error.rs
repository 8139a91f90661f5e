//! Why a file cannot be used as a recording.

use std::io;
use std::path::PathBuf;

use super::VERSION;

/// Why a file cannot be used as a recording.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    /// What is to be replayed does not name the format in its first line.
    #[error("`{}` is not a recording", path.display())]
    OtherFormat {
        /// The file.
        path: PathBuf,
    },
    /// The file to append to is something else.
    #[error("`{}` is not a recording", path.display())]
    Occupied {
        /// The file.
        path: PathBuf,
    },
    /// It was written by a later version of this program.
    #[error(
        "the recording `{}` has format version {version}; this version of langdock reads versions \
         up to {VERSION}",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u64,
    },
    /// A line of it is not an exchange.
    #[error(
        "line {line} of the recording `{}` is not a recorded request and response: {reason}",
        path.display()
    )]
    BadLine {
        /// The file.
        path: PathBuf,
        /// The number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// It cannot be read.
    #[error("cannot read the recording `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be written.
    #[error("cannot write the recording `{}`", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}
