//! Where the API key comes from. It is read only when a request needs it.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::memory::protect_memory;
use super::store::{MAX_KEY_BYTES, key_path, stored_hosts, stored_key};
use super::{Error, Origin, Secret, inherited_var};
use crate::client::ApiKey;
use crate::tool::FoundProgram;

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
            let (program, _) = split(words);
            run_command(words).map_err(|reason| Error::KeyCommand {
                program: program.clone(),
                reason,
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

fn split(words: &[String]) -> (&String, &[String]) {
    words
        .split_first()
        .expect("a command has a program, or the file is refused")
}

/// Runs a command that prints a secret, and returns what it prints. It asks nobody: its stdin is
/// empty.
///
/// # Errors
///
/// A sentence that says why it failed, without the program's name.
pub(crate) fn run_command(words: &[String]) -> Result<String, String> {
    let (program, arguments) = split(words);
    let path = if program.contains('/') {
        PathBuf::from(program)
    } else {
        let search_path = inherited_var("PATH");
        let found = FoundProgram::in_search_path(program, search_path.as_deref())?;
        found.path().to_owned()
    };
    let output = Command::new(path)
        .args(arguments)
        .stdin(Stdio::null())
        .output();
    let output = output.map_err(|error| error.to_string())?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said
            .lines()
            .map(str::trim)
            .find(|line| !line.is_empty())
            .unwrap_or_default();
        let colon = if said.is_empty() { "" } else { ": " };
        return Err(format!("{}{colon}{said}", output.status));
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if text.trim().is_empty() {
        Err("it printed nothing".to_owned())
    } else {
        Ok(text)
    }
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
