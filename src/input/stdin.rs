//! Classifies standard input before any of it is read.

use std::fs::{self, File};
use std::io::{self, Seek};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

/// What can be done with standard input.
#[derive(Debug)]
pub(crate) enum Stdin {
    /// There is no input: it is a terminal, `/dev/null`, or closed.
    None,
    /// A file that something else has partly read, such as the list of a `while read` loop; it must
    /// not be read.
    SomebodyElses,
    /// It can be read to its end.
    Readable(File),
}

impl Stdin {
    /// Classifies standard input.
    pub(crate) fn look(is_terminal: bool, has_prompt: bool) -> io::Result<Self> {
        if is_terminal {
            return Ok(Self::None);
        }
        // A second descriptor of the same open file, which shares its offset with fd 0.
        let mut file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        let metadata = file.metadata()?;
        if metadata.file_type().is_char_device() {
            // A closed standard input is /dev/null by now: the standard library opens it at
            // startup.
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
