//! The file of a conversation under its lock: whole lines are appended, and an incomplete line left
//! by a crash is cut off.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{Error, read_error, write_error};
use crate::fs::{open_or_create_private, open_regular};

/// An open file with an exclusive lock; closing it releases the lock.
#[derive(Debug)]
pub(super) struct LockedFile {
    file: File,
    path: PathBuf,
}

impl LockedFile {
    /// Opens a file for writing, and creates it if it does not exist.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        loop {
            let file = open_or_make(path).map_err(write_error(path))?;
            file.lock().map_err(write_error(path))?;
            // The file may have been removed while this waited for the lock; writes would be lost.
            if file.metadata().map_err(write_error(path))?.nlink() > 0 {
                return Ok(Self {
                    file,
                    path: path.to_owned(),
                });
            }
        }
    }

    /// Returns the length in bytes.
    pub(super) fn byte_length(&self) -> Result<u64, Error> {
        Ok(self.file.metadata().map_err(read_error(&self.path))?.len())
    }

    /// Reads the file from an offset to its end.
    pub(super) fn read_from(&mut self, offset: u64) -> Result<Vec<u8>, Error> {
        read_from(&mut self.file, offset).map_err(read_error(&self.path))
    }

    /// Writes whole lines after the first `length` bytes. If that fails, none of them stay.
    pub(super) fn append_lines(&mut self, length: u64, lines: &[u8]) -> Result<(), Error> {
        let written = self
            .file
            .set_len(length)
            .and_then(|()| self.file.seek(SeekFrom::Start(length)))
            .and_then(|_| self.file.write_all(lines))
            .and_then(|()| self.file.sync_data());
        if written.is_err() {
            // The first error is the one reported. An empty file would not be a conversation.
            let _ = if length == 0 {
                std::fs::remove_file(&self.path)
            } else {
                self.file.set_len(length)
            };
        }
        written.map_err(write_error(&self.path))
    }
}

/// Reads a file from an offset to its end, while no process is writing to it.
pub(super) fn read_shared(path: &Path, offset: u64) -> Result<Vec<u8>, Error> {
    let mut file = open_regular(path).map_err(read_error(path))?;
    // Without locks, as on some network file systems, a line that is still being written counts as
    // torn.
    let _ = file.lock_shared();
    read_from(&mut file, offset).map_err(read_error(path))
}

fn read_from(file: &mut File, offset: u64) -> io::Result<Vec<u8>> {
    let room = file.metadata()?.len().saturating_sub(offset);
    let mut bytes = Vec::with_capacity(usize::try_from(room).unwrap_or_default() + 1);
    file.seek(SeekFrom::Start(offset))?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn open_or_make(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    open_or_create_private(path, &options)
}
