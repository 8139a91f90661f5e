//! Writes a file atomically, so that nobody ever reads half of a configuration or a key.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use nix::unistd::{AccessFlags, access};

use crate::fs::{AtomicWrite, Durability, atomic_write, create_private_dir, resolve_links};

/// Replaces a file with `content`. An existing file keeps its mode, and a symbolic link is kept; a
/// new file is private to its owner, because it may hold a key or a proxy's password.
pub(crate) fn write_whole(path: &Path, content: &str) -> io::Result<()> {
    let path = resolve_links(path);
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
    atomic_write(&resolve_links(path), content.as_bytes(), Durability::Synced)
}

/// Waits until no other process changes a file, and keeps them from it while the result lives.
///
/// The lock is on the directory, so that it leaves nothing behind; the file itself is replaced.
/// Some file systems, such as NFS, cannot lock directories: there is none then.
pub(super) fn lock_for_change(path: &Path) -> Option<File> {
    let lock = File::open(resolve_links(path).parent()?).ok()?;
    lock.lock().ok()?;
    Some(lock)
}

/// Creates the directory of a file that is to be written, so that there is one to lock. If it
/// cannot be created, the write will report why.
pub(super) fn create_directory_of(path: &Path) {
    if let Some(directory) = resolve_links(path).parent() {
        let _ = create_private_dir(directory);
    }
}

/// Whether files can be created in a directory. The mode alone is not enough: the file system may
/// be mounted read-only.
pub(crate) fn may_write(directory: &Path) -> bool {
    access(directory, AccessFlags::W_OK | AccessFlags::X_OK).is_ok()
}
