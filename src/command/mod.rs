//! The commands, one a file, and what they share.

mod completions;
mod curl;
mod drive;
mod dry_run;
mod edit;
mod gather;
mod given;
mod request;
mod send;
mod template;

pub(crate) use completions::completions;
pub(crate) use send::send;
pub(crate) use template::template;
