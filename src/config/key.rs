//! Where the API key is. It is read when a request needs it, and not before.

use std::io::Read;
use std::path::PathBuf;

use super::{Error, Origin, Sourced};
use crate::client::ApiKey;

/// Where the API key is.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum KeySource {
    /// In a file; `-` is stdin.
    File(PathBuf),
    /// In the environment.
    Environment(String),
    /// The built-in endpoint takes any key, and is never given a real one.
    Demo,
    /// Nowhere.
    Missing,
}

/// Reads the key.
pub(crate) fn read_key(source: &KeySource) -> Result<ApiKey, Error> {
    let key = match source {
        KeySource::File(path) => {
            let value = read_file(path).map_err(|source| Error::KeyFile { path: path.clone(), source })?;
            Sourced { value, origin: Origin::Flag("--api-key-file") }
        }
        KeySource::Environment(key) => Sourced { value: key.clone(), origin: Origin::Environment("LANGDOCK_API_KEY") },
        KeySource::Demo => Sourced { value: "demo".to_owned(), origin: Origin::Default },
        KeySource::Missing => return Err(Error::NoKey),
    };
    ApiKey::new(&key.value).map_err(|source| Error::Key { origin: key.origin, source })
}

/// No key is longer; a larger file is something else.
const MAX_KEY_BYTES: u64 = 64 * 1024;

fn read_file(path: &PathBuf) -> std::io::Result<String> {
    let mut text = String::new();
    if path.as_os_str() == "-" {
        std::io::stdin().take(MAX_KEY_BYTES).read_to_string(&mut text)?;
    } else {
        std::fs::File::open(path)?.take(MAX_KEY_BYTES).read_to_string(&mut text)?;
    }
    Ok(text)
}
