//! A file that is replaced only by complete output: written to `FILE.part`, which is renamed to
//! `FILE` at the end.
//!
//! A `FILE.part` left by an earlier run is kept until there is something to replace it with, so
//! that a retry loop does not lose a partial answer to an attempt that received nothing. It is
//! locked while a run writes to it, so that two runs do not mix their answers.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::stdout_writer::OutputError;
use crate::fs::{SideFile, open_or_create, resolve_links};

/// Returns the open stream that a path stands for, to be written to as it is: it may be a file that
/// others write to as well.
fn open_stream(path: &Path) -> Option<io::Result<File>> {
    let stream = match path.to_str()? {
        "/dev/stdout" | "/dev/fd/1" => io::stdout().as_fd().try_clone_to_owned(),
        "/dev/stderr" | "/dev/fd/2" => io::stderr().as_fd().try_clone_to_owned(),
        _ => return None,
    };
    Some(stream.map(File::from))
}

/// The `--output` file while it is being written.
#[derive(Debug)]
pub(crate) struct PartFile {
    file: File,
    target: PathBuf,
    /// `None` if the target is not a regular file, such as `/dev/null` or a named pipe: it is
    /// written to directly.
    part: Option<PathBuf>,
    /// Whether the part still contains what an earlier run wrote.
    has_leftover: bool,
    bytes: u64,
}

impl PartFile {
    /// Opens `path` for writing. Links are followed, and the mode of an existing file is kept.
    pub(crate) fn open(path: &Path) -> Result<Self, OutputError> {
        let failed = |path: &Path, source| OutputError::File {
            path: path.to_owned(),
            source,
        };
        let cannot_open = |source| failed(path, source);
        let existing = fs::metadata(path).ok();
        if existing
            .as_ref()
            .is_some_and(|metadata| !metadata.is_file() && !metadata.is_dir())
        {
            let file = File::options()
                .write(true)
                .open(path)
                .map_err(cannot_open)?;
            return Ok(Self {
                file,
                target: path.to_owned(),
                part: None,
                has_leftover: false,
                bytes: 0,
            });
        }
        if let Some(file) = open_stream(path) {
            return Ok(Self {
                file: file.map_err(cannot_open)?,
                target: path.to_owned(),
                part: None,
                has_leftover: false,
                bytes: 0,
            });
        }
        if path.is_dir() {
            return Err(cannot_open(ErrorKind::IsADirectory.into()));
        }
        if existing.is_some() {
            // The rename would replace a read-only file, so check that it is writable.
            File::options()
                .append(true)
                .open(path)
                .map_err(cannot_open)?;
        }
        let target = resolve_links(path);
        let mut part = OsString::from(&target);
        part.push(".part");
        let part = PathBuf::from(part);
        let (file, has_leftover) = loop {
            let opened = open_or_create(&part, File::options().write(true));
            let SideFile { file, existed } = opened.map_err(|source| {
                let exists = part.symlink_metadata().is_ok();
                failed(if exists { &part } else { &target }, source)
            })?;
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => {
                    return Err(OutputError::InUse {
                        path: path.to_owned(),
                    });
                }
                // Another run may have finished in between and renamed its part.
                Ok(()) if !is_at(&file, &part) => {}
                // Some file systems do not support locks.
                Ok(()) | Err(TryLockError::Error(_)) => break (file, existed),
            }
        };
        if let Some(metadata) = existing {
            file.set_permissions(metadata.permissions())
                .map_err(|source| failed(&part, source))?;
        }
        Ok(Self {
            file,
            target,
            part: Some(part),
            has_leftover,
            bytes: 0,
        })
    }

    /// Returns the target, with links resolved.
    pub(super) fn target_path(&self) -> &Path {
        &self.target
    }

    /// Appends bytes.
    pub(super) fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.file.write(bytes) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => {
                    bytes = &bytes[written..];
                    self.bytes += written as u64;
                    self.truncate_leftover()?;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Renames the part to its target.
    pub(super) fn move_into_place(mut self) -> io::Result<()> {
        self.truncate_leftover()?;
        match self.part.take() {
            Some(part) => fs::rename(part, &self.target),
            None => Ok(()),
        }
    }

    /// Truncates what an earlier run left after the bytes that this one has written.
    fn truncate_leftover(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.has_leftover) {
            self.file.set_len(self.bytes)?;
        }
        Ok(())
    }

    /// Keeps the partial output and returns its path; `None` if nothing was written.
    pub(super) fn leave_partial(mut self) -> Option<PathBuf> {
        self.part.take_if(|_| self.bytes > 0)
    }
}

impl Drop for PartFile {
    /// Removes the part if this run created it and wrote nothing to it.
    fn drop(&mut self) {
        if let Some(part) = self.part.take_if(|_| self.bytes == 0 && !self.has_leftover) {
            let _ = fs::remove_file(part); // A leftover empty file is harmless.
        }
    }
}

/// Whether `file` is the file that is now at `path`.
fn is_at(file: &File, path: &Path) -> bool {
    let place = |metadata: &fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), path.symlink_metadata()) {
        (Ok(one), Ok(other)) => place(&one) == place(&other),
        _ => false,
    }
}
