//! The commands, one a file, and what they share.

mod completions;
mod curl;
mod drive;
mod dry_run;
mod request;
mod send;

pub(crate) use completions::completions;
pub(crate) use send::send;
