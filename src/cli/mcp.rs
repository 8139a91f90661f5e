//! The command that tries MCP servers.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::help_text;
use super::value::not_blank;

#[derive(Debug, Args)]
#[command(about = help_text::MCP.about, long_about = help_text::MCP.long_about)]
pub(crate) struct McpArgs {
    /// What to do
    #[command(subcommand)]
    pub(crate) action: McpAction,
}

impl McpArgs {
    /// Returns whether the user asked for JSON.
    pub(crate) fn is_for_programs(&self) -> bool {
        match &self.action {
            McpAction::List { json }
            | McpAction::Tools { json, .. }
            | McpAction::Call { json, .. }
            | McpAction::Doctor { json, .. } => *json,
            McpAction::Import { .. } => false,
        }
    }
}

/// What to do with MCP servers
#[derive(Debug, Subcommand)]
pub(crate) enum McpAction {
    /// List the servers in the config file without starting them
    List {
        /// Print a JSON array
        #[arg(short, long)]
        json: bool,
    },
    /// Start servers and list their tools
    Tools {
        /// Names from the config file, or JSON files; by default, all servers in the config file
        #[arg(value_name = "FILE|NAME", value_parser = not_blank)]
        servers: Vec<String>,
        /// Estimate how many tokens each definition adds to every request
        #[arg(long)]
        cost: bool,
        /// Print a JSON array
        #[arg(short, long)]
        json: bool,
    },
    /// Call a tool of a server and print its result
    Call {
        /// Name from the config file, or a JSON file with one server
        #[arg(value_name = "FILE|NAME", value_parser = not_blank)]
        server: String,
        /// Name of the tool on the server
        #[arg(value_parser = not_blank)]
        tool: String,
        /// Input of the call; `-` reads it from standard input
        #[arg(value_name = "JSON", default_value = "{}")]
        input: String,
        /// Print the tool_result block that a model would get
        #[arg(short, long)]
        json: bool,
    },
    /// Start each server, list its tools, stop it, and report what fails
    Doctor {
        /// Names from the config file, or JSON files; by default, all servers in the config file
        #[arg(value_name = "FILE|NAME", value_parser = not_blank)]
        servers: Vec<String>,
        /// Print a JSON object
        #[arg(short, long)]
        json: bool,
    },
    /// Copy the servers from another MCP client's JSON file to the config file
    ///
    /// A server without `cwd` gets the directory of the JSON file as its `cwd` if one of its
    /// arguments is the path of a file, relative to that directory.
    Import {
        /// The file; `-` reads standard input
        file: PathBuf,
    },
}
