//! Formatting and parsing of text: tables, durations, plurals, suggestions, shell quoting, and
//! sanitizing for a terminal, and blanking out secrets.

mod columns;
mod did_you_mean;
mod duration;
mod json_bounds;
mod json_error;
mod known_secrets;
mod money;
mod name_pattern;
mod os_error;
mod piecewise_scrub;
mod plural;
mod quote;
mod sanitize;
mod scrub;
mod table;
mod toml_error;

pub(crate) use columns::{display_width, truncate_to_width, wrap_words};
pub(crate) use did_you_mean::{did_you_mean, nearest_id, nearest_name};
pub(crate) use duration::{
    format_age, format_duration, format_seconds, format_short_age, parse_duration, parse_timeout,
    round_up_to_seconds,
};
pub(crate) use json_bounds::{
    JsonPlace, JsonShape, MAX_JSON_DEPTH, Mebibytes, NestedTooDeep, check_depth, end_of_string,
    tree_bytes,
};
pub(crate) use json_error::json_error_text;
pub(crate) use known_secrets::KnownSecrets;
pub(crate) use money::{Money, SignedMoney};
pub(crate) use name_pattern::matches_name;
pub(crate) use os_error::without_os_codes;
pub(crate) use piecewise_scrub::PiecewiseScrub;
pub(crate) use plural::{counted, grouped};
pub(crate) use quote::shell_quote;
pub(crate) use sanitize::{
    control_picture, escape_breaks, is_dangerous, json_escape, sanitize, sanitize_json,
    sanitize_line,
};
pub(crate) use scrub::{SecretForms, has_key, scrub_key_like};
pub(crate) use table::{TableColumn, TextTable};
pub(crate) use toml_error::toml_error_text;
