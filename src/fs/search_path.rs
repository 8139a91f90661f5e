//! The directories in which programs are looked up, for this process and for those that it starts,
//! and the environment that these get.

use std::borrow::Cow;
use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The variable with the search path.
const VARIABLE: &str = "PATH";

/// The variable with the API key, which no child gets.
pub(crate) const KEY_VARIABLE: &str = "LANGDOCK_API_KEY";

/// The search path of a child if no directory is left of PATH. A shell takes an empty one for the
/// current directory.
const STANDARD_DIRECTORIES: &str = "/usr/bin:/bin";

/// Returns the directories of a search path. An empty element, which a shell takes for the current
/// directory, is left out.
pub(crate) fn search_directories(
    search_path: Option<&OsStr>,
) -> impl Iterator<Item = PathBuf> + '_ {
    let directories = search_path.map(env::split_paths).into_iter().flatten();
    directories.filter(|directory| !directory.as_os_str().is_empty())
}

/// Returns the value that a child gets for a variable: PATH loses its empty elements.
pub(crate) fn child_variable<'v>(name: &OsStr, value: &'v OsStr) -> Cow<'v, OsStr> {
    if name != VARIABLE {
        return value.into();
    }
    match env::join_paths(search_directories(Some(value))) {
        Ok(path) if !path.is_empty() => path.into(),
        // Elements of a PATH have no separator in them, so this one has none at all.
        _ => OsStr::new(STANDARD_DIRECTORIES).into(),
    }
}

/// Creates a command with the environment of this process, but without the API key, and with no
/// empty element in its PATH.
pub(crate) fn child_command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_remove(KEY_VARIABLE);
    if let Some(path) = env::var_os(VARIABLE) {
        command.env(VARIABLE, child_variable(OsStr::new(VARIABLE), &path));
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_gets_no_empty_element_in_its_search_path() {
        for (path, expected) in [
            ("/a:/b", "/a:/b"),
            (":/a::b:", "/a:b"),
            (":", STANDARD_DIRECTORIES),
            ("", STANDARD_DIRECTORIES),
        ] {
            let given = child_variable(OsStr::new("PATH"), OsStr::new(path));
            assert_eq!(given, OsStr::new(expected), "{path}");
        }
        let other = child_variable(OsStr::new("LS_COLORS"), OsStr::new(":a:"));
        assert_eq!(other, OsStr::new(":a:"));
    }
}
