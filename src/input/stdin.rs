//! What standard input is, before a byte of it is read.

use std::fs::{self, File};
use std::io::{self, Seek};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

/// Standard input by what can be done with it.
#[derive(Debug)]
pub(crate) enum Stdin {
    /// There is none: a terminal, `/dev/null`, or closed.
    None,
    /// A file that somebody has already read from, and so the list of a `while read` loop: it is
    /// left alone.
    SomebodyElses,
    /// To be read to its end.
    Readable(File),
}

impl Stdin {
    /// Looks at standard input.
    pub(crate) fn look(is_terminal: bool, has_prompt: bool) -> io::Result<Self> {
        if is_terminal {
            return Ok(Self::None);
        }
        // A second descriptor for the same open file: what is read and where it stands is shared
        // with fd 0.
        let mut file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        let metadata = file.metadata()?;
        if metadata.file_type().is_char_device() {
            // A closed standard input is /dev/null by now: the standard library opens it at start.
            let null = fs::metadata("/dev/null").map(|null| null.rdev()).ok();
            return Ok(if null == Some(metadata.rdev()) {
                Self::None
            } else {
                Self::Readable(file)
            });
        }
        if has_prompt && metadata.is_file() && file.stream_position()? != 0 {
            return Ok(Self::SomebodyElses);
        }
        Ok(Self::Readable(file))
    }
}
