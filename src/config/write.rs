//! Writes a file atomically, so that nobody ever reads half of a configuration or a key.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use crate::fs::{AtomicWrite, Durability, atomic_write, create_private_dir};

/// Replaces a file with `content`. An existing file keeps its mode, and a symbolic link is kept; a
/// new file is private to its owner, because it may hold a key or a proxy's password.
pub(crate) fn write_whole(path: &Path, content: &str) -> io::Result<()> {
    let path = end_of_link(path);
    if let Some(directory) = path.parent() {
        create_private_dir(directory)?;
    }
    let new = AtomicWrite::new(&path)?;
    new.file().write_all(content.as_bytes())?;
    if let Ok(old) = fs::metadata(&path) {
        new.set_permissions(old.permissions())?;
    }
    new.persist(Durability::Synced)?;
    Ok(())
}

/// Writes a file that only its owner may read, even if the old file was readable by others.
pub(crate) fn write_secret(path: &Path, content: &str) -> io::Result<()> {
    atomic_write(&end_of_link(path), content.as_bytes(), Durability::Synced)
}

/// Whether files can be created in a directory. The mode alone is not enough: the file system may
/// be mounted read-only.
pub(crate) fn may_write(directory: &Path) -> bool {
    access(directory, AccessFlags::W_OK | AccessFlags::X_OK).is_ok()
}

fn end_of_link(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
