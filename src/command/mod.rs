//! The commands, one a file, and what they share.

mod auth;
mod check;
mod completions;
mod config;
mod count;
mod curl;
mod doctor;
mod drive;
mod dry_run;
mod edit;
mod finding;
mod gather;
mod given;
mod kept;
mod ledger;
mod models;
mod offer;
mod request;
mod send;
mod serve;
mod session;
mod settings;
mod template;
mod usage;

pub(crate) use auth::auth;
pub(crate) use completions::completions;
pub(crate) use config::config;
pub(crate) use count::count;
pub(crate) use doctor::doctor;
pub(crate) use models::models;
pub(crate) use send::send;
pub(crate) use serve::serve;
pub(crate) use session::session;
pub(crate) use template::template;
pub(crate) use usage::usage;
