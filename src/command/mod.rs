//! The commands, one a file, and what they share.

mod completions;
mod curl;
mod drive;
mod dry_run;
mod models;
mod offer;
mod request;
mod send;

pub(crate) use completions::completions;
pub(crate) use models::models;
pub(crate) use send::send;
