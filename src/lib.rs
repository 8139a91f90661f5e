//! skeleton
mod media;
use std::{ffi::OsString, process::ExitCode};
/// Runs.
pub fn run(_argv: impl IntoIterator<Item = OsString>) -> ExitCode {
    ExitCode::SUCCESS
}
