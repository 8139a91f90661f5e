//! A file that is written whole or not at all: into `FILE.part`, which becomes `FILE` at the end.
//!
//! What an earlier run has left in `FILE.part` stays there until there is something to write in its
//! place: a loop that tries again must not lose a partial answer to a try that got nothing. The
//! part is locked while a run has it: what two runs write at once would be the answer of neither.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::output::OutputError;
use crate::fs::{SideFile, open_or_create, resolve_links};

/// The file of `--output` while it is written.
#[derive(Debug)]
pub(crate) struct PartFile {
    file: File,
    target: PathBuf,
    /// None for what is no regular file, such as `/dev/null` or a named pipe: it is written to as
    /// it is.
    part: Option<PathBuf>,
    /// Whether an earlier run has left the part, and it still has what that run wrote.
    is_of_before: bool,
    bytes: u64,
}

impl PartFile {
    /// Opens `path` for writing. A link is followed, and the mode of an existing file is kept.
    pub(crate) fn create(path: &Path) -> Result<Self, OutputError> {
        let failed = |path: &Path, source| OutputError::File {
            path: path.to_owned(),
            source,
        };
        let as_asked = |source| failed(path, source);
        let existing = fs::metadata(path).ok();
        if existing
            .as_ref()
            .is_some_and(|metadata| !metadata.is_file() && !metadata.is_dir())
        {
            let file = File::options().write(true).open(path).map_err(as_asked)?;
            return Ok(Self {
                file,
                target: path.to_owned(),
                part: None,
                is_of_before: false,
                bytes: 0,
            });
        }
        if path.is_dir() {
            return Err(as_asked(ErrorKind::IsADirectory.into()));
        }
        if existing.is_some() {
            // A rename would replace what may not be written to.
            File::options().append(true).open(path).map_err(as_asked)?;
        }
        let target = resolve_links(path);
        let mut part = OsString::from(&target);
        part.push(".part");
        let part = PathBuf::from(part);
        let (file, is_of_before) = loop {
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
                // Another run may have ended in between, and its part have become the file.
                Ok(()) if !is_at(&file, &part) => {}
                // Not every file system has locks.
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
            is_of_before,
            bytes: 0,
        })
    }

    /// The file that was asked for, where a link does not lead elsewhere.
    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// Appends.
    pub(super) fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.file.write(bytes) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => {
                    bytes = &bytes[written..];
                    self.bytes += written as u64;
                    self.forget_before()?;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Makes it the file that was asked for.
    pub(super) fn complete(mut self) -> io::Result<()> {
        self.forget_before()?;
        match self.part.take() {
            Some(part) => fs::rename(part, &self.target),
            None => Ok(()),
        }
    }

    /// Takes away what an earlier run has left, behind what this one has written.
    fn forget_before(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.is_of_before) {
            self.file.set_len(self.bytes)?;
        }
        Ok(())
    }

    /// Leaves what came where it is, and says where; nothing is left of an answer that never began.
    pub(super) fn abandon(mut self) -> Option<PathBuf> {
        self.part.take_if(|_| self.bytes > 0)
    }
}

impl Drop for PartFile {
    /// Removes the part that this run has created, where nothing was written to it.
    fn drop(&mut self) {
        if let Some(part) = self.part.take_if(|_| self.bytes == 0 && !self.is_of_before) {
            let _ = fs::remove_file(part); // An empty file that stays does no harm.
        }
    }
}

/// Whether this is the file that is now found there.
fn is_at(file: &File, path: &Path) -> bool {
    let place = |metadata: &fs::Metadata| (metadata.dev(), metadata.ino());
    matches!((file.metadata(), path.symlink_metadata()), (Ok(one), Ok(other)) if place(&one) == place(&other))
}
