//! Files of lines that several processes append to: the last line may have no end, because its
//! writer was killed or the disk was full.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Returns whether the last line of a file has no end.
pub(crate) fn is_torn(file: &File) -> io::Result<bool> {
    let mut last = [b'\n'];
    if let Some(place) = file.metadata()?.len().checked_sub(1) {
        file.read_at(&mut last, place)?;
    }
    Ok(last != [b'\n'])
}
