//! The commands, one a file, and what they share.

mod auth;
mod completions;
mod config;
mod curl;
mod drive;
mod dry_run;
mod request;
mod send;
mod settings;

pub(crate) use auth::auth;
pub(crate) use completions::completions;
pub(crate) use config::config;
pub(crate) use send::send;
