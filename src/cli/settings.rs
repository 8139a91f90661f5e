//! The commands about settings and the key.

use clap::{Args, Subcommand};

/// Show and change the settings
///
/// A flag goes before its variable, that before the profile, that before the rest of the config file, and that before the
/// default.
// As for `Send`, this is said twice, here and where the commands are listed.
#[derive(Debug, Args)]
pub(crate) struct Config {
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
    },
    /// Print the value of one setting, nothing if it has none
    Get {
        /// The setting, as the config file calls it
        key: String,
    },
    /// Set a key of the config file, with --profile NAME in that profile
    Set {
        /// The setting, as the config file calls it
        key: String,
        /// Its value; a command is written as a list in TOML
        #[arg(allow_hyphen_values = true)]
        value: String,
    },
    /// Write a config file in which everything is a comment
    Init,
}

/// Store, show and forget the API key
///
/// A stored key belongs to the host of the endpoint that is chosen when it is stored, and goes to no other one.
/// LANGDOCK_API_KEY, --api-key-file and the config file's api_key_cmd go before it.
#[derive(Debug, Args)]
pub(crate) struct Auth {
    /// What to do with it
    #[command(subcommand)]
    pub(crate) command: AuthCommand,
}

/// What to do with the key
#[derive(Debug, Subcommand)]
pub(crate) enum AuthCommand {
    /// Store a key for the endpoint's host; asks for it on a terminal, or reads a line of standard input
    Login,
    /// Say which key would be used, and where it came from
    Status {
        /// Print an object
        #[arg(short, long)]
        json: bool,
    },
    /// Forget the stored key of the endpoint's host
    Logout,
}
