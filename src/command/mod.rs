//! The commands, one a file, and what they share.

mod auth;
mod check;
mod completions;
mod config;
mod count;
mod curl;
mod drive;
mod dry_run;
mod edit;
mod gather;
mod given;
mod ledger;
mod models;
mod offer;
mod request;
mod run_calls;
mod send;
mod serve;
mod settings;
mod structured;
mod template;
mod tool_run;
mod tools;
mod usage;

pub(crate) use auth::auth;
pub(crate) use completions::completions;
pub(crate) use config::config;
pub(crate) use count::count;
pub(crate) use models::models;
pub(crate) use send::send;
pub(crate) use serve::serve;
pub(crate) use template::template;
pub(crate) use tool_run::tool_run;
pub(crate) use usage::usage;
