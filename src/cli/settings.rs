//! The commands for settings and for the key.

use clap::{Args, Subcommand};

use super::ConnectionArgs;
use super::help_text;

#[derive(Debug, Args)]
#[command(about = help_text::CONFIG.about, long_about = help_text::CONFIG.long_about)]
pub(crate) struct ConfigArgs {
    /// What to do
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

/// What to do with the settings
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print the path of the config file, whether it exists or not
    Path,
    /// Print every setting and its origin
    Show {
        /// Print a JSON object
        #[arg(short, long)]
        json: bool,
        /// How to reach the endpoint
        #[command(flatten)]
        connection: Box<ConnectionArgs>,
    },
    /// Print the value of a setting, or nothing if it is not set
    Get {
        /// Key of the setting, as in the config file
        key: String,
        /// How to reach the endpoint
        #[command(flatten)]
        connection: Box<ConnectionArgs>,
    },
    /// Change a setting in the config file, or in the profile named by --profile or
    /// LANGDOCK_PROFILE
    Set {
        /// Key of the setting, as in the config file
        key: String,
        /// Value to set; for keys such as api_key_cmd, a program and its arguments as a TOML list
        #[arg(allow_hyphen_values = true)]
        value: String,
        /// How to reach the endpoint
        #[command(flatten)]
        connection: Box<ConnectionArgs>,
    },
    /// Remove a setting from the config file, or from the profile named by --profile or
    /// LANGDOCK_PROFILE
    ///
    /// A whole table is removed by its name: profiles.NAME, mcp.NAME, limits.MODEL or prices.MODEL.
    Unset {
        /// Key of the setting, or the name of a table, as in the config file
        key: String,
        /// How to reach the endpoint
        #[command(flatten)]
        connection: Box<ConnectionArgs>,
    },
    /// Write a config file with every setting commented out
    Init,
    /// Open the config file in an editor (VISUAL, EDITOR, or vi), and check it afterwards
    Edit,
}

#[derive(Debug, Args)]
#[command(about = help_text::AUTH.about, long_about = help_text::AUTH.long_about)]
pub(crate) struct AuthArgs {
    /// What to do
    #[command(subcommand)]
    pub(crate) command: AuthCommand,
}

/// What to do with the key
#[derive(Debug, Subcommand)]
pub(crate) enum AuthCommand {
    /// Store a key for the endpoint's host; prompts for it on a terminal, otherwise reads a line
    /// from standard input
    Login {
        /// How to reach the endpoint
        #[command(flatten)]
        connection: Box<ConnectionArgs>,
    },
    /// Show which key would be used, and its origin
    Status {
        /// Print a JSON object
        #[arg(short, long)]
        json: bool,
        /// How to reach the endpoint
        #[command(flatten)]
        connection: Box<ConnectionArgs>,
    },
    /// Remove the stored key of the endpoint's host
    Logout {
        /// How to reach the endpoint
        #[command(flatten)]
        connection: Box<ConnectionArgs>,
    },
}

impl ConfigCommand {
    /// Returns the connection flags; `None` if the command has no use for them.
    pub(super) fn connection_mut(&mut self) -> Option<&mut ConnectionArgs> {
        match self {
            Self::Show { connection, .. }
            | Self::Get { connection, .. }
            | Self::Set { connection, .. }
            | Self::Unset { connection, .. } => Some(connection),
            Self::Path | Self::Init | Self::Edit => None,
        }
    }
}

impl AuthCommand {
    /// Returns the connection flags.
    pub(crate) fn connection(&self) -> &ConnectionArgs {
        let (Self::Login { connection }
        | Self::Status { connection, .. }
        | Self::Logout { connection }) = self;
        connection
    }

    /// Returns the connection flags, for changes.
    pub(super) fn connection_mut(&mut self) -> &mut ConnectionArgs {
        let (Self::Login { connection }
        | Self::Status { connection, .. }
        | Self::Logout { connection }) = self;
        connection
    }
}
