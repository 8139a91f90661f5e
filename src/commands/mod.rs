//! The commands, each in a file or directory of its own. No command imports another.

mod auth;
mod batch;
mod chat;
mod completions;
mod config;
mod count;
mod doctor;
mod help;
mod merge;
mod models;
mod send;
mod serve;
mod session;
mod template;
mod tool_run;
mod usage;

pub(crate) use auth::auth;
pub(crate) use batch::batch;
pub(crate) use chat::chat;
pub(crate) use completions::{complete, completions};
pub(crate) use config::config;
pub(crate) use count::count;
pub(crate) use doctor::doctor;
pub(crate) use help::help;
pub(crate) use merge::merge;
pub(crate) use models::models;
pub(crate) use send::send;
pub(crate) use serve::serve;
pub(crate) use session::session;
pub(crate) use template::template;
pub(crate) use tool_run::tool_run;
pub(crate) use usage::{usage, usage_limits};
