//! The keys that `auth login` stores: one file per host, named after it, so that a key is never
//! sent to another host.

use std::fs;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::Error;
use super::write::write_secret;
use crate::fs::open_regular;

/// The maximum number of bytes read from a key file, far above any key's length.
pub(super) const MAX_KEY_BYTES: u64 = 64 * 1024;

/// What is between the scheme and the host of a key that is not for https, and what the name of its
/// file has there instead.
const SCHEME_END: &str = "://";
const FILE_SCHEME_END: &str = "+";

/// The permission bits of everybody except the owner.
const OTHERS: u32 = 0o077;

/// Returns the path of a host's key file, which may not exist; `host` includes the port.
pub(crate) fn key_path(directory: &Path, host: &str) -> PathBuf {
    directory.join(host.replacen(SCHEME_END, FILE_SCHEME_END, 1))
}

/// Reads the key of a host, if there is one. A file that other users can read is refused, since its
/// content is no longer secret.
pub(crate) fn stored_key(directory: &Path, host: &str) -> Result<Option<String>, Error> {
    let path = key_path(directory, host);
    let unreadable = |source| Error::KeyFile {
        path: path.clone(),
        source,
    };
    let file = match open_regular(&path) {
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

/// Returns the hosts with stored keys; empty if the directory cannot be read.
pub(crate) fn stored_hosts(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let names = names.map(|name| name.replacen(FILE_SCHEME_END, SCHEME_END, 1));
    // The name of a key file includes a port; skip other files that happen to be there.
    let mut hosts: Vec<String> = names
        .filter(|name| name.contains(':') && !name.starts_with('.'))
        .collect();
    hosts.sort_unstable();
    hosts
}

/// Stores the key of a host and returns its path.
pub(crate) fn store_key(directory: &Path, host: &str, key: &str) -> Result<PathBuf, Error> {
    let path = key_path(directory, host);
    match write_secret(&path, &format!("{key}\n")) {
        Ok(()) => Ok(path),
        Err(source) => Err(Error::Unwritable { path, source }),
    }
}

/// Deletes the key of a host; returns `false` if there was none.
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
