//! Settings and their precedence: flag, environment, profile, config file, default. Each value
//! keeps its origin.

mod change;
mod config_key;
mod edit;
mod env;
mod file;
mod key;
mod memory;
mod merged;
mod model_table;
mod named_table;
mod paths;
mod record_files;
mod resolve;
mod schema_ways;
mod secret;
mod secret_command;
mod secret_table;
mod server_import;
mod server_revisions;
mod setting;
mod setting_values;
mod state;
mod store;
mod tool_names;
mod value_type;
mod write;

pub(crate) use change::check_changeable;
pub(crate) use config_key::ConfigKey;
pub(crate) use edit::{initialize, set, unset};
pub(crate) use env::{
    Env, completing_shell, inherited_var, inherited_vars, is_utf8_locale, shard_variable, variables,
};
pub(crate) use file::{ConfigFile, config_path};
pub(crate) use key::{KeySource, read_key, read_key_within};
pub(crate) use memory::protect_memory;
pub(crate) use merged::{Flags, MergedConfig, Row, chosen_profile};
pub(crate) use model_table::ModelTable;
pub(crate) use named_table::{NamedTable, unset_table};
pub(crate) use paths::{
    DataScope, Paths, history_file, sessions_directory, templates_directory, tools_directory,
};
pub(crate) use record_files::RecordFiles;
pub(crate) use resolve::{FieldSetting, Settings, resolve};
pub(crate) use schema_ways::SchemaWays;
pub(crate) use secret::Secret;
pub(crate) use secret_command::{CommandFailure, run_command};
pub(crate) use secret_table::SecretTable;
pub(crate) use server_import::import_servers;
pub(crate) use server_revisions::ServerRevisions;
pub(crate) use setting::{SETTINGS, Setting, SettingFlag};
pub(crate) use setting_values::SettingValues;
pub(crate) use state::{LearnedRules, Pin, SavedList, State};
pub(crate) use store::{forget_key, store_key};
pub(crate) use tool_names::ToolNames;
pub(crate) use value_type::{SettingValue, ValueType, without_login};

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::client::{EndpointError, KeyError};
use crate::fs::{FileDistrust, FileRefusal};
use value_type::InvalidValue;
pub(crate) use write::may_write;

/// A table of the config file outside of profiles.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ConfigTable {
    /// Its name, with a placeholder such as `MODEL` where there is a table for each.
    pub(crate) name: &'static str,
    /// An example of each of its keys, in TOML.
    pub(crate) samples: &'static [&'static str],
    /// What it is for, in a sentence.
    pub(crate) about: &'static str,
}

/// The tables of the config file outside of profiles.
pub(crate) const TABLES: [ConfigTable; 6] = [
    ConfigTable {
        name: "limits.\"MODEL\"",
        samples: &["rpm = 500", "tpm = 60000"],
        about: "Requests and tokens per minute that a model allows.",
    },
    ConfigTable {
        name: "prices.\"MODEL\"",
        samples: &[
            "input = 3",
            "output = 15",
            "cache_read = 0.3",
            "cache_write_5m = 3.75",
            "cache_write_1h = 6",
        ],
        about: "US dollars per million tokens, instead of the list price; * in MODEL matches \
            any text. Cache prices that are not set are derived from the input price.",
    },
    ConfigTable {
        name: "tools",
        samples: &["allow = [\"look_up\"]", "deny = [\"remove\"]"],
        about: "Tools whose calls run without confirmation (`allow`), and tools whose calls never \
            run (`deny`).",
    },
    ConfigTable {
        name: "secrets",
        samples: &["allow = [\"tests/**\"]"],
        about: "Secrets that may be sent: SHA-256 fingerprints (a refusal prints them), path \
            globs, and names of rules such as github-token (`langdock help secrets` lists them).",
    },
    ConfigTable {
        name: "secrets.rules",
        samples: &["acme-key = 'acme_[a-z0-9]{32}'"],
        about: "Further secrets to look for: each is a name and a regular expression. If the \
            expression has a group, the first group is the secret.",
    },
    ConfigTable {
        name: "mcp.NAME",
        samples: &[
            "command = \"npx\"",
            "args = [\"-y\", \"@modelcontextprotocol/server-memory\"]",
        ],
        about: "MCP servers that --mcp NAME starts; langdock-mcp(1) has all keys.",
    },
];

/// A value and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sourced<T> {
    /// The value.
    pub(crate) value: T,
    /// Where it came from.
    pub(crate) origin: Origin,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A flag, by its long name with the dashes.
    Flag(&'static str),
    /// An environment variable.
    Environment(&'static str),
    /// The config file.
    File(Arc<Place>),
    /// `auth login`, which wrote this file.
    Login(PathBuf),
    /// What was just typed or read from standard input.
    Input,
    /// The conversation that is continued.
    Conversation,
    /// The built-in default.
    Default,
}

/// A place in the config file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The file.
    pub(crate) path: PathBuf,
    /// The line, starting from 1.
    pub(crate) line: usize,
    /// The key.
    pub(crate) key: String,
    /// The profile, if it is in one.
    pub(crate) profile: Option<String>,
}

impl Origin {
    /// Returns the origin in a word or two, for tables.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Flag(name) | Self::Environment(name) => (*name).to_owned(),
            Self::File(place) => {
                let profile = place
                    .profile
                    .as_ref()
                    .map_or_else(String::new, |name| format!("profile {name}, "));
                format!("{profile}{}:{}", place.path.display(), place.line)
            }
            Self::Login(path) => format!("auth login, {}", path.display()),
            Self::Input => "input".to_owned(),
            Self::Conversation => "conversation".to_owned(),
            Self::Default => "default".to_owned(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Environment(name) => write!(formatter, "`{name}`"),
            Self::File(place) => {
                let profile = place
                    .profile
                    .as_ref()
                    .map_or_else(String::new, |name| format!(" of profile `{name}`"));
                write!(
                    formatter,
                    "`{}`{profile} in `{}`, line {}",
                    place.key,
                    place.path.display(),
                    place.line
                )
            }
            Self::Login(path) => write!(formatter, "`auth login` in `{}`", path.display()),
            Self::Input => formatter.write_str("standard input"),
            Self::Conversation => formatter.write_str("the conversation"),
            Self::Default => formatter.write_str("the default"),
        }
    }
}

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The region and the base URL do not make an endpoint.
    #[error("{origin}")]
    Endpoint {
        /// Which of the two is at fault.
        origin: Origin,
        /// What is wrong.
        source: EndpointError,
    },
    /// A value cannot be parsed.
    #[error("{origin}: {reason}")]
    Value {
        /// Where it was set.
        origin: Origin,
        /// What is wrong.
        reason: String,
    },
    /// The config file is not valid TOML.
    #[error("`{}`, line {line}: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// The config file has a key that does not exist.
    #[error("`{}`, line {line}: unknown key `{key}`", path.display())]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
        /// The key.
        key: String,
        /// The most similar known key.
        nearest: Option<&'static str>,
    },
    /// The config file does not have this profile.
    #[error("{origin}: no profile `{name}` in the config file")]
    UnknownProfile {
        /// Where it was selected.
        origin: Origin,
        /// Its name.
        name: String,
        /// The profiles that exist.
        known: Vec<String>,
    },
    /// The config file named by `LANGDOCK_CONFIG` cannot be read.
    #[error("cannot read the config file `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write `{}`", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that decides what is done, and that others may have written.
    #[error("refusing to use `{}`: {distrust}", path.display())]
    Untrusted {
        /// The file.
        path: PathBuf,
        /// Why.
        distrust: FileDistrust,
    },
    /// `config set` does not accept the value.
    #[error("`{key}` cannot be set: {reason}")]
    Refused {
        /// The key.
        key: String,
        /// Why.
        reason: String,
    },
    /// `config init` does not overwrite an existing file.
    #[error("`{}` already exists", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The config file is none that can be changed, such as a device.
    #[error("cannot change `{}`: {refusal}", path.display())]
    Unchangeable {
        /// What is there.
        path: PathBuf,
        /// Why.
        refusal: FileRefusal,
    },
    /// The user has no known directory for configuration.
    #[error("cannot find a config directory for this user")]
    NoHome,
    /// A key is not a well-formed API key.
    #[error("cannot use the API key from {origin}")]
    Key {
        /// Where it was set.
        origin: Origin,
        /// What is wrong.
        source: KeyError,
    },
    /// A key file cannot be read.
    #[error("cannot read the API key file `{}`", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Other users may read a stored key.
    #[error("the API key file `{}` is readable by other users, so it is not used", path.display())]
    KeyFileMode {
        /// The file.
        path: PathBuf,
    },
    /// The command of `api_key_cmd` failed.
    #[error("cannot get the API key: `{program}` (api_key_cmd) failed: {reason}")]
    KeyCommand {
        /// The program.
        program: String,
        /// How it failed.
        reason: String,
    },
    /// A password would go to another machine unencrypted.
    #[error("{origin}: the password for `{address}` would be sent unencrypted")]
    LedgerPassword {
        /// Where the URL stands.
        origin: Origin,
        /// Host and port of the server.
        address: String,
    },
    /// There is no key.
    #[error("no API key{}", match (commanded_for, stored_for.as_slice()) {
        (Some(other), _) => format!(" for `{host}`: `api_key_cmd` is for `{other}`, and its key \
            is not sent to other hosts"),
        (None, []) => String::new(),
        (None, others) => {
            format!(
                " for `{host}`: the stored key is for `{}`, and is not sent to other hosts",
                others.join("`, `"))
        }
    })]
    NoKey {
        /// The host and port that need a key.
        host: String,
        /// The host that `api_key_cmd` has a key for.
        commanded_for: Option<String>,
        /// The hosts that have a stored key.
        stored_for: Vec<String>,
    },
}

impl Error {
    /// Returns the error of a file that is not to be trusted.
    pub(crate) fn untrusted(path: &Path, distrust: FileDistrust) -> Self {
        Self::Untrusted {
            path: path.to_owned(),
            distrust,
        }
    }

    /// Creates the error for a value that does not have its setting's type.
    fn invalid(origin: Origin, invalid: InvalidValue) -> Self {
        match invalid {
            InvalidValue::Endpoint(source) => Self::Endpoint { origin, source },
            InvalidValue::Other(reason) => Self::Value { origin, reason },
        }
    }
}
