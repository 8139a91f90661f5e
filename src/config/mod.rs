//! Settings: flag, then environment, then default, each value with its origin.

mod duration;
mod env;
mod key;
mod resolve;
mod templates;

pub(crate) use duration::parse_duration;
pub(crate) use env::{Env, VARIABLES};
pub(crate) use key::{KeySource, read_key};
pub(crate) use resolve::{Flags, Settings, resolve};
pub(crate) use templates::templates_folder;

use std::fmt;
use std::path::PathBuf;

use crate::client::{EndpointError, KeyError};

/// A value and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sourced<T> {
    /// The value.
    pub(crate) value: T,
    /// Who said so.
    pub(crate) origin: Origin,
}

/// Where a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A flag, by its long name with the dashes.
    Flag(&'static str),
    /// An environment variable.
    Environment(&'static str),
    /// Nobody chose it.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Environment(name) => write!(formatter, "`{name}`"),
            Self::Default => formatter.write_str("the default"),
        }
    }
}

/// What is wrong with the settings.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The region and the base URL give no endpoint.
    #[error("{origin}")]
    Endpoint {
        /// Which of the two is at fault.
        origin: Origin,
        /// What is wrong.
        source: EndpointError,
    },
    /// A value that cannot be read.
    #[error("{origin}: {reason}")]
    Value {
        /// Where it stands.
        origin: Origin,
        /// What is wrong.
        reason: String,
    },
    /// A key that cannot be one.
    #[error("the API key of {origin} cannot be used")]
    Key {
        /// Where it stands.
        origin: Origin,
        /// What is wrong.
        source: KeyError,
    },
    /// A key file that cannot be read.
    #[error("cannot read the API key file `{}`", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no key anywhere.
    #[error("no API key")]
    NoKey,
}
