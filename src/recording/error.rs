//! Why a file cannot be used as a record.

use std::io;
use std::path::PathBuf;

use super::VERSION;

/// Why a file cannot be used as a record.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    /// Its first line does not name the format.
    #[error("`{}` is not a record", path.display())]
    OtherFormat {
        /// The file.
        path: PathBuf,
    },
    /// It was written by a later version of this program.
    #[error(
        "the record `{}` has version {version} of the format, and this program reads up to \
         {VERSION}",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u64,
    },
    /// A line of it is not an exchange.
    #[error("line {line} of the record `{}` is not an exchange: {reason}", path.display())]
    BadLine {
        /// The file.
        path: PathBuf,
        /// The number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// It cannot be read.
    #[error("cannot read the record `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be written.
    #[error("cannot write the record `{}`", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}
