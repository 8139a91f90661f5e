//! skeleton
#[allow(dead_code, unused_imports)]
mod client;
#[allow(dead_code, unused_imports)]
mod media;
#[allow(dead_code, unused_imports)]
mod protocol;
use std::{ffi::OsString, process::ExitCode};
/// Runs.
pub fn run(_argv: impl IntoIterator<Item = OsString>) -> ExitCode {
    ExitCode::SUCCESS
}
#[allow(dead_code, unused_imports)]
mod config;
#[allow(dead_code, unused_imports)]
mod ui;
