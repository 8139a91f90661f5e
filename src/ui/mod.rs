//! The terminal and the standard streams: nothing else in the crate writes to them.

mod approval;
mod calls;
mod confirm;
mod extract;
mod fitted;
mod interrupt;
mod json;
mod markdown;
mod meter;
mod notices;
mod output;
mod part_file;
mod plain;
mod progress;
mod rendered;
mod renderer;
mod sanitize;
mod secret;
mod sink;
mod streams;
mod style;
mod thinking;

pub(crate) use approval::{Asker, Question, Reply};
pub(crate) use calls::Calls;
pub(crate) use confirm::confirm;
pub(crate) use extract::Extract;
pub(crate) use fitted::Fitted;
pub(crate) use interrupt::{Interrupt, die_of, die_of_closed_stdout};
pub(crate) use json::{Json, JsonLines};
#[cfg(feature = "internals")]
pub(crate) use markdown::Markdown;
pub(crate) use markdown::{Screen, Theme};
pub(crate) use meter::Meter;
pub(crate) use notices::{Notices, Verbosity};
pub(crate) use output::{Output, OutputError};
pub(crate) use part_file::PartFile;
pub(crate) use plain::Plain;
pub(crate) use progress::{Countdown, Waiting};
pub(crate) use rendered::Rendered;
pub(crate) use renderer::{Answer, Form, Renderer, Shown};
pub(crate) use sanitize::{sanitize, sanitize_json, sanitize_line};
pub(crate) use secret::ask_secret;
pub(crate) use sink::{Saved, Sink};
pub(crate) use streams::Facts;
pub(crate) use style::{ColorChoice, colored};
