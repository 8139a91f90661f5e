//! Hints about files and directories: what to do about one that cannot be read, written or trusted.

use std::io::{self, ErrorKind};
use std::path::Path;

use crate::fs::{FileDistrust, FileRefusal};
use crate::text::shell_quote;

/// The hint for a full disk.
pub(super) const ELSEWHERE: &str = "free some space, or write to another place with -o FILE";

/// Returns the hint for a file of `--output` that cannot be written.
pub(super) fn for_output_file(path: &Path, why: &io::Error) -> String {
    match why.kind() {
        _ if FileRefusal::is_cause_of(why) => move_away(path),
        ErrorKind::IsADirectory => "name a file in this directory".to_owned(),
        ErrorKind::NotFound => {
            named_parent(path).map_or_else(|| ELSEWHERE.to_owned(), create_directory)
        }
        ErrorKind::NotADirectory => look_at(path.parent().unwrap_or(path)),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "use -o FILE to write where you have permission".to_owned()
        }
        _ => ELSEWHERE.to_owned(),
    }
}

/// Returns the directory of a file, if the path names one.
fn named_parent(path: &Path) -> Option<&Path> {
    path.parent()
        .filter(|directory| !directory.as_os_str().is_empty())
}

/// Returns the hint for a directory that does not exist.
fn create_directory(directory: &Path) -> String {
    format!("create the directory: `mkdir -p {}`", shown(directory))
}

/// Returns the hint for a file that cannot be written.
pub(super) fn for_unwritable(path: &Path, why: &io::Error) -> String {
    match why.kind() {
        _ if FileRefusal::is_cause_of(why) => move_away(path),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            "free some disk space, or raise the limit that `ulimit -f` shows".to_owned()
        }
        ErrorKind::NotFound => match named_parent(path) {
            Some(directory) => create_directory(directory),
            None => look_at(Path::new(".")),
        },
        _ => look_at(path.parent().unwrap_or(path)),
    }
}

/// Returns the hint for a file that cannot be read.
pub(super) fn for_unreadable(path: &Path, why: &io::Error) -> String {
    if is_url(path) {
        let url = shown(path);
        return format!(
            "URLs are not fetched; pipe the content in: `curl -sL {url} | langdock send -f - …`"
        );
    }
    if why.kind() != ErrorKind::NotFound {
        return look_at(path);
    }
    let directory = existing_directory(path);
    format!("check the name: `ls {}` lists the files", shown(directory))
}

/// Returns whether somebody has given a URL instead of a path.
fn is_url(path: &Path) -> bool {
    let text = path.to_string_lossy();
    ["http://", "https://"]
        .iter()
        .any(|scheme| text.starts_with(scheme))
}

/// Returns the innermost directory of a path that exists, so that a hint can be followed.
fn existing_directory(path: &Path) -> &Path {
    let directories = path.ancestors().skip(1);
    directories
        .filter(|directory| !directory.as_os_str().is_empty())
        .find(|directory| directory.is_dir())
        .unwrap_or(Path::new("."))
}

/// Returns the hint for something that is in the place of one of the program's own files.
pub(super) fn move_away(path: &Path) -> String {
    let mut elsewhere = path.to_owned().into_os_string();
    elsewhere.push(".old");
    format!(
        "move it out of the way: `mv {} {}`",
        shown(path),
        shown(Path::new(&elsewhere))
    )
}

/// Quotes a path for the shell.
pub(super) fn shown(path: &Path) -> String {
    shell_quote(&path.to_string_lossy())
}

/// Returns the hint for a file or directory whose permissions may be the cause.
fn look_at(path: &Path) -> String {
    let path = if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    };
    format!(
        "`ls -ld {0}` shows the owner and the permissions of {0}",
        shown(path)
    )
}

/// Returns how to make a file one that only its user writes.
pub(super) fn distrust_hint(path: &Path, distrust: &FileDistrust) -> String {
    let quoted = |path: &Path| shell_quote(&path.to_string_lossy());
    match distrust {
        FileDistrust::WorldWritable(_) => {
            format!("check what is in it, then run `chmod o-w {}`", quoted(path))
        }
        FileDistrust::GroupWritable(_) => {
            format!("check what is in it, then run `chmod g-w {}`", quoted(path))
        }
        FileDistrust::WritableDirectory { directory, .. } => {
            format!(
                "check that nobody has replaced the file, then run `chmod o-w {}`",
                quoted(directory)
            )
        }
        FileDistrust::OtherOwner(_) => {
            let file = quoted(path);
            format!("check what is in it, then make it yours: `sudo chown \"$(id -u)\" {file}`")
        }
        FileDistrust::DirectoryOfOther { .. } => {
            "check that nobody has replaced the file, then copy it to a directory of your own"
                .to_owned()
        }
    }
}
