//! The file of a conversation under its lock: whole lines are appended, and an incomplete line left
//! by a crash is cut off.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};
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

    /// Calls a function with each line from an offset on, as [`each_line`] does.
    pub(super) fn each_line(
        &self,
        offset: u64,
        take: impl FnMut(&[u8], bool) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        each_line(&self.file, &self.path, offset, take)
    }

    /// Writes after the first `length` bytes what a function writes: whole lines. If that fails,
    /// none of them stay.
    pub(super) fn append<T>(
        &mut self,
        length: u64,
        write: impl FnOnce(&mut LineWriter<'_>) -> io::Result<T>,
    ) -> Result<T, Error> {
        let written = self.write_from(length, write);
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

    fn write_from<T>(
        &mut self,
        length: u64,
        write: impl FnOnce(&mut LineWriter<'_>) -> io::Result<T>,
    ) -> io::Result<T> {
        self.file.set_len(length)?;
        self.file.seek(SeekFrom::Start(length))?;
        let mut writer = LineWriter {
            file: BufWriter::with_capacity(BUFFER_BYTES, &self.file),
            at: length,
        };
        let result = write(&mut writer)?;
        writer.flush()?;
        self.file.sync_data()?;
        Ok(result)
    }
}

/// Writes to the file, and knows where.
pub(super) struct LineWriter<'f> {
    file: BufWriter<&'f File>,
    at: u64,
}

impl LineWriter<'_> {
    /// Returns the offset of what is written next.
    pub(super) fn offset(&self) -> u64 {
        self.at
    }
}

impl Write for LineWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.at += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// How much is read or written at once, in bytes.
const BUFFER_BYTES: usize = 64 * 1024;

/// Opens a file for reading while no process is writing to it.
pub(super) fn open_shared(path: &Path) -> Result<File, Error> {
    let file = open_regular(path).map_err(read_error(path))?;
    // Without locks, as on some network file systems, a line that is still being written counts as
    // torn.
    let _ = file.lock_shared();
    Ok(file)
}

/// Calls a function with each line from an offset on, without its line feed, and whether that is
/// there; until the function returns false. One line is in memory at a time.
pub(super) fn each_line(
    file: &File,
    path: &Path,
    offset: u64,
    mut take: impl FnMut(&[u8], bool) -> Result<bool, Error>,
) -> Result<(), Error> {
    let mut file = file;
    let moved = file.seek(SeekFrom::Start(offset));
    moved.map_err(read_error(path))?;
    let mut reader = BufReader::with_capacity(BUFFER_BYTES, file);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line);
        if read.map_err(read_error(path))? == 0 {
            return Ok(());
        }
        let is_whole = line.last() == Some(&b'\n');
        if !take(&line[..line.len() - usize::from(is_whole)], is_whole)? {
            return Ok(());
        }
    }
}

fn open_or_make(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    open_or_create_private(path, &options)
}
