//! The terminal that the process runs on, and the conversation last used in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::paths::terminals_dir;
use crate::fs::{create_private_dir, replace_link};

/// A link that has not been renewed for this long belongs to a terminal that is gone.
const STALE: Duration = Duration::from_secs(30 * 24 * 3600);

/// Returns the link to the conversation last used in the controlling terminal; `None` without one.
pub(super) fn terminal_link(root: &Path) -> Option<PathBuf> {
    let own = process_stat("self")?;
    if own.terminal == "0" {
        return None;
    }
    // Another window may get the same device later, but not the same shell.
    let leader = process_stat(&own.session)?;
    Some(terminals_dir(root).join(format!(
        "{}-{}-{}",
        own.terminal, own.session, leader.started
    )))
}

/// Marks a conversation as the one last used in this terminal. Without a controlling terminal, or
/// where the link cannot be written, the one last used of all is all there is.
pub(super) fn mark_in_terminal(root: &Path, target: &Path) {
    let Some(link) = terminal_link(root) else {
        return;
    };
    if link.symlink_metadata().is_err() {
        let directory = terminals_dir(root);
        if create_private_dir(&directory).is_err() {
            return;
        }
        remove_stale(&directory);
    }
    let _ = replace_link(target, &link);
}

fn remove_stale(directory: &Path) {
    let now = SystemTime::now();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let changed = entry.metadata().and_then(|metadata| metadata.modified());
        let age = changed.ok().and_then(|at| now.duration_since(at).ok());
        if age.is_some_and(|age| age > STALE) {
            let _ = fs::remove_file(entry.path()); // Another process may have been faster.
        }
    }
}

/// What the system says of a process.
#[derive(Debug, PartialEq, Eq)]
struct ProcessStat {
    /// The process that leads its session: usually the shell.
    session: String,
    /// The number of its controlling terminal; `0` if it has none.
    terminal: String,
    /// When it was started, in ticks since the system was.
    started: String,
}

/// Returns what the system says of a process; `None` where it has no `/proc`.
fn process_stat(process: &str) -> Option<ProcessStat> {
    parse_stat(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
}

fn parse_stat(stat: &str) -> Option<ProcessStat> {
    // The name of the program is in parentheses, and may contain anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().map(str::to_owned);
    Some(ProcessStat {
        session: fields.nth(3)?,
        terminal: fields.next()?,
        started: fields.nth(14)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_the_terminal_and_the_start_of_a_process_are_read() {
        let stat = "4242 (a) b (c) S 4200 4242 4100 34817 4242 4194304 1 2 3 4 5 6 7 8 20 0 1 0 \
                    98765 1000 2000";
        let expected = ProcessStat {
            session: "4100".to_owned(),
            terminal: "34817".to_owned(),
            started: "98765".to_owned(),
        };
        assert_eq!(parse_stat(stat), Some(expected));
        assert_eq!(parse_stat("4242 (a) S"), None);
    }
}
