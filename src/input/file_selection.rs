//! Which files a path of the command line stands for: a file, a directory, or a pattern.
//!
//! Patterns and exclusions have the syntax of .gitignore. A pattern is anchored at its directory,
//! as a shell would expand it; an exclusion without a slash applies at any depth.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::Error;
use super::read::read_list;

/// The characters that make a path a pattern, if nothing has exactly that name.
const PATTERN_CHARACTERS: [u8; 4] = [b'*', b'?', b'[', b'{'];

/// A path of the command line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FileArgument {
    /// Anything but a directory or a pattern; it may not exist.
    File(PathBuf),
    /// A directory.
    Directory(PathBuf),
    /// A pattern.
    Pattern(FilePattern),
}

impl FileArgument {
    /// Uses a path as it is, whatever its characters.
    pub(crate) fn literal(path: PathBuf) -> Self {
        if path.is_dir() {
            Self::Directory(path)
        } else {
            Self::File(path)
        }
    }

    /// Returns the directories that are searched for the given paths.
    pub(crate) fn directories_of(paths: &[PathBuf]) -> Vec<PathBuf> {
        let searched = |path: &PathBuf| match Self::find(path) {
            Self::File(_) => None,
            Self::Directory(directory) => Some(directory),
            Self::Pattern(pattern) => Some(pattern.directory),
        };
        paths.iter().filter_map(searched).collect()
    }

    /// Looks up what a path is. If it exists, it is no pattern, whatever its characters.
    pub(crate) fn find(path: &Path) -> Self {
        if path.is_dir() {
            return Self::Directory(path.to_owned());
        }
        if has_pattern_character(path.as_os_str()) && path.symlink_metadata().is_err() {
            return Self::Pattern(FilePattern::new(path));
        }
        Self::File(path.to_owned())
    }
}

/// Whether a name or path has a character that is special in patterns.
fn has_pattern_character(name: &OsStr) -> bool {
    let is_special = |byte| PATTERN_CHARACTERS.contains(byte);
    name.as_bytes().iter().any(is_special)
}

/// A pattern for the files below a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FilePattern {
    /// The pattern as it was given.
    given: PathBuf,
    /// The part of it that is a directory.
    pub(super) directory: PathBuf,
    /// The rest, relative to the directory.
    rest: PathBuf,
}

impl FilePattern {
    fn new(given: &Path) -> Self {
        let is_plain = |part: &Component<'_>| !has_pattern_character(part.as_os_str());
        let directory: PathBuf = given.components().take_while(is_plain).collect();
        let rest = given.strip_prefix(&directory).unwrap_or(given).to_owned();
        Self {
            given: given.to_owned(),
            directory,
            rest,
        }
    }

    /// Returns the pattern as it was given.
    pub(super) fn given(&self) -> &Path {
        &self.given
    }

    /// Compiles the pattern for paths below `directory`.
    pub(super) fn matcher(&self, directory: &Path) -> Result<Gitignore, Error> {
        let line = format!("/{}", self.rest.to_string_lossy());
        compile(directory, &[line]).map_err(|reason| Error::Pattern {
            pattern: self.given.display().to_string(),
            reason,
        })
    }
}

/// Checks a glob in the syntax of .gitignore. The error says what is wrong with it.
pub(crate) fn check_glob(glob: &str) -> Result<(), String> {
    compile(Path::new(""), &[glob.to_owned()])
        .map(drop)
        .map_err(|reason| format!("`{glob}` is not a valid pattern: {reason}"))
}

/// Whether a path, as it was given or from the root, matches one of some globs in the syntax of
/// .gitignore.
pub(crate) fn matches_glob(path: &Path, globs: &[String]) -> bool {
    if globs.is_empty() {
        return false;
    }
    let Ok(matcher) = compile(Path::new(""), globs) else {
        return false;
    };
    let from_root = std::path::absolute(path).unwrap_or_default();
    [path, &from_root].into_iter().any(|path| {
        let path: PathBuf = path
            .components()
            .filter(|part| matches!(part, Component::Normal(_)))
            .collect();
        matcher.matched_path_or_any_parents(path, false).is_ignore()
    })
}

/// Compiles globs for paths below `directory`; the error is the reason.
pub(super) fn compile(directory: &Path, globs: &[String]) -> Result<Gitignore, String> {
    let mut builder = GitignoreBuilder::new(directory);
    for glob in globs {
        builder
            .add_line(None, glob)
            .map_err(|error| reason_of(&error))?;
    }
    builder.build().map_err(|error| reason_of(&error))
}

fn reason_of(error: &ignore::Error) -> String {
    match error {
        ignore::Error::Glob { err, .. } => err.clone(),
        other => other.to_string(),
    }
}

/// Reads the paths of a list: separated by NUL bytes if it has any, otherwise one per line.
/// `-` is standard input.
pub(crate) async fn read_file_list(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let bytes = read_list(path).await?;
    let separator = if bytes.contains(&0) { 0 } else { b'\n' };
    let paths: Vec<PathBuf> = bytes
        .split(|byte| *byte == separator)
        .map(|name| {
            if separator == 0 {
                name
            } else {
                name.strip_suffix(b"\r").unwrap_or(name)
            }
        })
        .filter(|name| !name.is_empty())
        .map(|name| PathBuf::from(OsString::from_vec(name.to_vec())))
        .collect();
    if paths.is_empty() {
        let name = match path.as_os_str().as_bytes() {
            b"-" => "standard input".to_owned(),
            _ => format!("`{}`", path.display()),
        };
        return Err(Error::EmptyFileList { name });
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        let pattern = FilePattern::new(Path::new(pattern));
        let matcher = pattern
            .matcher(&pattern.directory)
            .expect("a valid pattern");
        matcher.matched(path, false).is_ignore()
    }

    #[test]
    fn the_directory_of_a_pattern_ends_before_its_first_special_character() {
        for (given, directory, rest) in [
            ("src/**/*.rs", "src", "**/*.rs"),
            ("*.md", "", "*.md"),
            ("/var/log/{a,b}/x?", "/var/log", "{a,b}/x?"),
            ("../[ab].txt", "..", "[ab].txt"),
        ] {
            let pattern = FilePattern::new(Path::new(given));
            assert_eq!(pattern.directory, Path::new(directory), "{given}");
            assert_eq!(pattern.rest, Path::new(rest), "{given}");
        }
    }

    #[test]
    fn a_pattern_matches_as_a_shell_would_expand_it() {
        for (pattern, path, expected) in [
            ("*.rs", "a.rs", true),
            ("*.rs", "src/a.rs", false),
            ("src/*.rs", "src/a.rs", true),
            ("src/*.rs", "src/b/a.rs", false),
            ("src/**/*.rs", "src/a.rs", true),
            ("src/**/*.rs", "src/b/c/a.rs", true),
            ("src/**/*.rs", "src/a.txt", false),
            ("{a,b}.txt", "b.txt", true),
            ("[!a].txt", "b.txt", true),
            ("[!a].txt", "a.txt", false),
            ("?.txt", "ab.txt", false),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
    }
}
