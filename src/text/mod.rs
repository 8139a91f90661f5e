//! Text for people, and text from people: tables, durations, plurals, suggestions, words for a
//! shell, and what a terminal must not act on. Pure.

mod columns;
mod did_you_mean;
mod duration;
mod plural;
mod quote;
mod sanitize;
mod table;

pub(crate) use columns::{display_width, truncate_to_width};
pub(crate) use did_you_mean::{by_likeness, did_you_mean, nearest};
pub(crate) use duration::{
    ago, format_duration, parse_duration, parse_timeout, rounded_up, seconds, short_age,
};
pub(crate) use plural::counted;
pub(crate) use quote::shell_quote;
pub(crate) use sanitize::{is_dangerous, json_escape, sanitize, sanitize_json, sanitize_line};
pub(crate) use table::{Column, TextTable};

/// The highest count that can be set anywhere: of tokens, tries and requests.
pub(crate) const MAX_COUNT: u64 = u32::MAX as u64;
