//! The commands about settings and the key.

use clap::{Args, Subcommand};

use super::ConnectionArgs;
use super::help_text;

#[derive(Debug, Args)]
#[command(about = help_text::CONFIG.about, long_about = help_text::CONFIG.long_about)]
pub(crate) struct ConfigArgs {
    /// What to do with them
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

/// What to do with the settings
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print where the config file is, or would be
    Path,
    /// Print every setting and where it came from
    Show {
        /// Print an object
        #[arg(short, long)]
        json: bool,
        /// How to reach the endpoint
        #[command(flatten)]
        connection: Box<ConnectionArgs>,
    },
    /// Print the value of one setting, nothing if it has none
    Get {
        /// The setting, as the config file calls it
        key: String,
        /// How to reach the endpoint
        #[command(flatten)]
        connection: Box<ConnectionArgs>,
    },
    /// Set a key of the config file, in the profile that --profile or LANGDOCK_PROFILE chooses
    Set {
        /// The setting, as the config file calls it
        key: String,
        /// Its value; a command is written as a list in TOML
        #[arg(allow_hyphen_values = true)]
        value: String,
        /// How to reach the endpoint
        #[command(flatten)]
        connection: Box<ConnectionArgs>,
    },
    /// Remove a key of the config file, in the profile that --profile or LANGDOCK_PROFILE chooses
    Unset {
        /// The setting, as the config file calls it
        key: String,
        /// How to reach the endpoint
        #[command(flatten)]
        connection: Box<ConnectionArgs>,
    },
    /// Write a config file in which everything is a comment
    Init,
}

#[derive(Debug, Args)]
#[command(about = help_text::AUTH.about, long_about = help_text::AUTH.long_about)]
pub(crate) struct AuthArgs {
    /// What to do with it
    #[command(subcommand)]
    pub(crate) command: AuthCommand,
}

/// What to do with the key
#[derive(Debug, Subcommand)]
pub(crate) enum AuthCommand {
    /// Store a key for the endpoint's host; asks for it on a terminal, or reads a line of standard
    /// input
    Login {
        /// How to reach the endpoint
        #[command(flatten)]
        connection: Box<ConnectionArgs>,
    },
    /// Say which key would be used, and where it came from
    Status {
        /// Print an object
        #[arg(short, long)]
        json: bool,
        /// How to reach the endpoint
        #[command(flatten)]
        connection: Box<ConnectionArgs>,
    },
    /// Forget the stored key of the endpoint's host
    Logout {
        /// How to reach the endpoint
        #[command(flatten)]
        connection: Box<ConnectionArgs>,
    },
}

impl ConfigCommand {
    /// The flags of the connection, to add to; where a command has none, the error is its name.
    pub(super) fn connection_mut(&mut self) -> Result<&mut ConnectionArgs, &'static str> {
        match self {
            Self::Show { connection, .. }
            | Self::Get { connection, .. }
            | Self::Set { connection, .. }
            | Self::Unset { connection, .. } => Ok(connection),
            Self::Path => Err("config path"),
            Self::Init => Err("config init"),
        }
    }
}

impl AuthCommand {
    /// The flags of the connection.
    pub(crate) fn connection(&self) -> &ConnectionArgs {
        let (Self::Login { connection }
        | Self::Status { connection, .. }
        | Self::Logout { connection }) = self;
        connection
    }

    /// The flags of the connection, to add to.
    pub(super) fn connection_mut(&mut self) -> &mut ConnectionArgs {
        let (Self::Login { connection }
        | Self::Status { connection, .. }
        | Self::Logout { connection }) = self;
        connection
    }
}
