//! Paths as users type them after a command or paste them from a shell or by dragging: with `~/`,
//! quotes or backslashes.

use std::path::{Path, PathBuf};

use crate::config::inherited_var;

/// Returns the directory that `~/` stands for.
pub(super) fn home() -> Option<PathBuf> {
    inherited_var("HOME")
        .filter(|home| !home.is_empty())
        .map(PathBuf::from)
}

/// Returns the path that was typed. An existing file of exactly this name takes precedence.
pub(super) fn path(typed: &str) -> PathBuf {
    if Path::new(typed).symlink_metadata().is_ok() {
        PathBuf::from(typed)
    } else {
        meant(typed, home().as_deref())
    }
}

/// Returns the path that a shell would understand. Pure.
fn meant(typed: &str, home: Option<&Path>) -> PathBuf {
    for quote in ['"', '\''] {
        let inside = typed
            .strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote));
        if let Some(inside) = inside.filter(|inside| !inside.is_empty() && !inside.contains(quote))
        {
            return at_home(inside, home);
        }
    }
    let (mut plain, mut letters) = (String::new(), typed.chars());
    while let Some(letter) = letters.next() {
        // A backslash at the very end stands for itself.
        plain.push(if letter == '\\' {
            letters.next().unwrap_or('\\')
        } else {
            letter
        });
    }
    at_home(&plain, home)
}

/// Replaces a leading `~/` by the home directory.
pub(super) fn at_home(path: &str, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_as_a_shell_reads_them() {
        for (typed, expected) in [
            ("my file.txt", "my file.txt"),
            ("\"my file.txt\"", "my file.txt"),
            ("'my file.txt'", "my file.txt"),
            (r"my\ file.txt", "my file.txt"),
            (r"a\\b\", r"a\b\"),
            ("~/pic.png", "/home/me/pic.png"),
            ("\"~/my pic.png\"", "/home/me/my pic.png"),
            ("~other/x", "~other/x"),
            ("\"", "\""),
            ("it's", "it's"),
        ] {
            assert_eq!(
                meant(typed, Some(Path::new("/home/me"))),
                Path::new(expected),
                "{typed}"
            );
        }
        assert_eq!(meant("~/x", None), Path::new("~/x"));
    }
}
