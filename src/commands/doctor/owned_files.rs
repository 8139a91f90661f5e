//! The files that decide what the program does: whether somebody else can write to them.

use std::fs;
use std::path::Path;

use super::finding::Finding;
use crate::config::{self, Paths, tools_directory};
use crate::error::Error;
use crate::fs::{check_trusted, is_group_writable};
use crate::text::shell_quote;

/// Checks the config file.
pub(super) fn config_file(paths: &Paths) -> Finding {
    match &paths.config {
        None => Finding::note("config file", "HOME is not set", "set HOME"),
        Some(path) if path.exists() => written_by_others("config file", path)
            .unwrap_or_else(|| Finding::ok("config file", path.display().to_string())),
        Some(path) => Finding::ok(
            "config file",
            format!("none; `langdock config init` writes {}", path.display()),
        ),
    }
}

/// Checks the files and programs in the directory of the tools. One that is in order is not listed.
pub(super) fn tools_files() -> Vec<Finding> {
    let entries = tools_directory().map(fs::read_dir).into_iter().flatten();
    let paths = entries.flatten().flatten().map(|entry| entry.path());
    let mut paths: Vec<_> = paths.filter(|path| path.is_file()).collect();
    paths.sort();
    let findings = paths.iter();
    findings
        .filter_map(|path| written_by_others("tools file", path))
        .collect()
}

/// Returns what is wrong with a file if somebody else can write to it.
fn written_by_others(name: &'static str, path: &Path) -> Option<Finding> {
    let metadata = fs::metadata(path).ok()?;
    if let Err(distrust) = check_trusted(&metadata) {
        let error = Error::from(config::Error::untrusted(path, distrust));
        return Some(Finding::error(name, &error));
    }
    is_group_writable(&metadata).then(|| {
        let hint = format!("chmod g-w {}", shell_quote(&path.to_string_lossy()));
        let found = format!("{} is group-writable", path.display());
        Finding::note(name, found, hint)
    })
}
