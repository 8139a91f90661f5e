//! The keys that `auth login` stores: one file for each host, named after it, so that a key cannot
//! go to another one.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::Error;
use super::write::write_secret;

/// The most bytes of a file with a key that are read: no key is longer.
pub(super) const MAX_KEY_BYTES: u64 = 64 * 1024;

/// Permissions of anybody but the owner.
const OTHERS: u32 = 0o077;

/// Where the key of a host is or would be; `host` has the port too.
pub(crate) fn key_path(directory: &Path, host: &str) -> PathBuf {
    directory.join(host)
}

/// Reads the key of a host, if there is one. A file that others may read is refused: what is in it
/// is no secret.
pub(crate) fn stored_key(directory: &Path, host: &str) -> Result<Option<String>, Error> {
    let path = key_path(directory, host);
    let unreadable = |source| Error::KeyFile {
        path: path.clone(),
        source,
    };
    let file = match File::open(&path) {
        Err(error) if is_absent(&error) => return Ok(None),
        file => file.map_err(unreadable)?,
    };
    let mode = file.metadata().map_err(unreadable)?.permissions().mode();
    if mode & OTHERS != 0 {
        return Err(Error::KeyFileMode { path });
    }
    let mut text = String::new();
    file.take(MAX_KEY_BYTES)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    Ok(Some(text))
}

/// The hosts whose keys are stored, as far as the directory can be read.
pub(crate) fn stored_hosts(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    // A host has its port; other files may be there by chance.
    let mut hosts: Vec<String> = names
        .filter(|name| name.contains(':') && !name.starts_with('.'))
        .collect();
    hosts.sort_unstable();
    hosts
}

/// Stores the key of a host and gives the path.
pub(crate) fn store_key(directory: &Path, host: &str, key: &str) -> Result<PathBuf, Error> {
    let path = key_path(directory, host);
    match write_secret(&path, &format!("{key}\n")) {
        Ok(()) => Ok(path),
        Err(source) => Err(Error::Unwritable { path, source }),
    }
}

/// Forgets the key of a host; false: there was none.
pub(crate) fn forget_key(directory: &Path, host: &str) -> Result<bool, Error> {
    let path = key_path(directory, host);
    match fs::remove_file(&path) {
        Ok(()) => Ok(true),
        Err(error) if is_absent(&error) => Ok(false),
        Err(source) => Err(Error::Unwritable { path, source }),
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}
