//! Classifies standard input before any of it is read.

use std::fs::{self, File};
use std::io::{self, Seek};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::process::parent_id;
use std::path::PathBuf;

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

/// Returns whether standard input is a pipe that the calling process reads from as well, such as
/// the shell of a `while read` loop. Only Linux tells.
pub(crate) fn is_shared_with_caller() -> bool {
    let input_of = |process: &str| fs::read_link(format!("/proc/{process}/fd/0")).ok();
    // A named pipe has its path here; it may be an argument's redirection.
    let is_unnamed = |pipe: &PathBuf| pipe.to_string_lossy().starts_with("pipe:[");
    let own = input_of("self").filter(is_unnamed);
    own.is_some() && own == input_of(&parent_id().to_string())
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
