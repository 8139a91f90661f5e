//! Where the API key comes from. It is read only when a request needs it.

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use super::memory::protect_memory;
use super::secret_command::{CommandFailure, run_command};
use super::store::{MAX_KEY_BYTES, key_path, stored_hosts, stored_key};
use super::{Error, Origin, Secret};
use crate::client::ApiKey;

/// Where the API key comes from.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum KeySource {
    /// A file; `-` is stdin.
    File(PathBuf),
    /// The environment.
    Environment(Secret),
    /// A command that prints it: `api_key_cmd`.
    Command {
        /// The program and its arguments.
        words: Vec<String>,
        /// Where the command was set.
        origin: Origin,
    },
    /// The file in which `auth login` stored it, if it did.
    Stored(Stored),
    /// The built-in endpoint accepts any key and never receives a real one.
    Demo,
    /// A record answers, and nothing is sent.
    Replay,
}

/// Where `auth login` stores a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    /// The directory; `None` if there is no home directory.
    pub(crate) directory: Option<PathBuf>,
    /// The host and port that the key must belong to.
    pub(crate) host: String,
    /// The host that `api_key_cmd` has a key for, if it is a different one.
    pub(crate) commanded_for: Option<String>,
}

impl KeySource {
    /// Whether reading it may take a while.
    pub(crate) fn is_slow(&self) -> bool {
        matches!(self, Self::File(_) | Self::Command { .. })
    }

    /// Returns the origin to show to the user.
    pub(crate) fn origin(&self) -> Origin {
        match self {
            Self::File(_) => Origin::Flag("--api-key-file"),
            Self::Environment(_) => Origin::Environment("LANGDOCK_API_KEY"),
            Self::Command { origin, .. } => origin.clone(),
            Self::Stored(Stored {
                directory: Some(directory),
                host,
                ..
            }) => Origin::Login(key_path(directory, host)),
            Self::Stored(_) | Self::Demo | Self::Replay => Origin::Default,
        }
    }
}

/// Reads and validates the key.
pub(crate) fn read_key(source: &KeySource) -> Result<ApiKey, Error> {
    read_key_within(source, None)
}

/// Reads and validates the key; a command that prints it may take as long as `timeout`.
pub(crate) fn read_key_within(
    source: &KeySource,
    timeout: Option<Duration>,
) -> Result<ApiKey, Error> {
    protect_memory();
    let text = match source {
        KeySource::File(path) => {
            let text = read_file(path).map_err(|source| Error::KeyFile {
                path: path.clone(),
                source,
            })?;
            assigned_value(&text).to_owned()
        }
        KeySource::Environment(key) => key.reveal().to_owned(),
        KeySource::Command { words, .. } => {
            let program = words.first().map_or("", String::as_str);
            run_command(words, timeout).map_err(|failure| match failure {
                CommandFailure::Untrusted { path, distrust } => Error::untrusted(&path, distrust),
                CommandFailure::Failed(reason) => Error::KeyCommand {
                    program: program.to_owned(),
                    reason,
                },
            })?
        }
        KeySource::Stored(stored) => read_stored(stored)?,
        KeySource::Demo => "demo".to_owned(),
        KeySource::Replay => "replay".to_owned(),
    };
    ApiKey::new(&text).map_err(|error| Error::Key {
        origin: source.origin(),
        source: error,
    })
}

fn read_stored(stored: &Stored) -> Result<String, Error> {
    let directory = stored.directory.as_deref();
    let found = directory
        .map(|directory| stored_key(directory, &stored.host))
        .transpose()?
        .flatten();
    found.ok_or_else(|| Error::NoKey {
        host: stored.host.clone(),
        commanded_for: stored.commanded_for.clone(),
        stored_for: directory.map(stored_hosts).unwrap_or_default(),
    })
}

/// Returns the key in the text of a file, which may have a byte order mark, and may be an
/// assignment as in `.env` files: `export NAME="KEY"`.
fn assigned_value(text: &str) -> &str {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim();
    let assignment = text.strip_prefix("export ").unwrap_or(text).trim_start();
    let is_name = |name: &str| {
        name.starts_with(|letter: char| letter.is_ascii_uppercase())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    };
    let Some((_, value)) = assignment.split_once('=').filter(|(name, _)| is_name(name)) else {
        return text;
    };
    let unquoted = ['"', '\'']
        .iter()
        .find_map(|&quote| value.strip_prefix(quote)?.strip_suffix(quote));
    unquoted.unwrap_or(value)
}

fn read_file(path: &PathBuf) -> std::io::Result<String> {
    let mut text = String::new();
    if path.as_os_str() == "-" {
        std::io::stdin()
            .take(MAX_KEY_BYTES)
            .read_to_string(&mut text)?;
    } else {
        std::fs::File::open(path)?
            .take(MAX_KEY_BYTES)
            .read_to_string(&mut text)?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_may_have_a_mark_and_an_assignment() {
        for text in [
            "sk-ld-1",
            "\u{feff}sk-ld-1\n",
            "LANGDOCK_API_KEY=sk-ld-1\n",
            "export LANGDOCK_API_KEY=\"sk-ld-1\"\n",
            "KEY='sk-ld-1'",
        ] {
            assert_eq!(assigned_value(text), "sk-ld-1", "{text}");
        }
        // A key may have an equals sign itself.
        for text in ["sk-ld-a=", "sk=b", "A B=c"] {
            assert_eq!(assigned_value(text), text);
        }
    }
}
