//! Writes a file whole or not at all, so that nobody ever reads half of the settings or of a key.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use crate::fs::{AtomicWrite, Durability, atomic_write, create_private_dir};

/// Writes `content` in place of what was there. An existing file keeps its mode, and a link stays
/// one; a new file is for nobody else to read, since a proxy's URL or a key may stand in it.
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

/// Writes a file that only its owner may read, whatever an older one of the name allowed.
pub(crate) fn write_secret(path: &Path, content: &str) -> io::Result<()> {
    atomic_write(&end_of_link(path), content.as_bytes(), Durability::Synced)
}

/// Whether files can be made in a directory. The mode alone does not tell: the whole disk may be
/// read only.
pub(crate) fn may_write(directory: &Path) -> bool {
    access(directory, AccessFlags::W_OK | AccessFlags::X_OK).is_ok()
}

fn end_of_link(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
