//! What `--exclude` leaves out of directories and patterns.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ignore::Match;
use ignore::gitignore::Gitignore;

use super::Error;
use super::file_selection::compile;

/// Globs in the syntax of .gitignore, and which of them have excluded something.
#[derive(Debug, Clone, Default)]
pub(crate) struct Exclusions {
    globs: Arc<[String]>,
    used: Arc<Mutex<BTreeSet<String>>>,
}

/// The globs for the entries of one directory.
#[derive(Debug)]
pub(super) struct DirectoryExclusions {
    matcher: Gitignore,
    /// The globs that were given in another form than the matcher has: that form, and the given
    /// one.
    given: Vec<(String, String)>,
    used: Arc<Mutex<BTreeSet<String>>>,
}

impl Exclusions {
    /// Creates them from the globs of the flags.
    pub(crate) fn new(globs: &[String]) -> Self {
        Self {
            globs: globs.into(),
            used: Arc::default(),
        }
    }

    /// Compiles the globs for paths below `directory`. One may also begin with the directory, as
    /// the names of its files are printed.
    ///
    /// # Errors
    ///
    /// If one is not a glob; the error names it.
    pub(super) fn below(&self, directory: &Path) -> Result<DirectoryExclusions, Error> {
        for glob in &*self.globs {
            compile(directory, std::slice::from_ref(glob)).map_err(|reason| Error::Pattern {
                pattern: glob.clone(),
                reason,
            })?;
        }
        let mut globs = self.globs.to_vec();
        let mut given = Vec::new();
        for glob in &*self.globs {
            if let Some(anchored) = anchored_below(directory, glob) {
                globs.push(anchored.clone());
                given.push((anchored, glob.trim_end().to_owned()));
            }
        }
        Ok(DirectoryExclusions {
            matcher: compile(directory, &globs).expect("each is valid"),
            given,
            used: Arc::clone(&self.used),
        })
    }

    /// Returns the globs that have not excluded anything so far.
    pub(crate) fn unused(&self) -> Vec<&str> {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let globs = self.globs.iter().map(String::as_str);
        // The matcher has them without white space at the end.
        globs
            .filter(|glob| !used.contains(glob.trim_end()))
            .collect()
    }
}

impl DirectoryExclusions {
    /// Whether an entry of the directory is excluded.
    pub(super) fn exclude(&self, path: &Path, is_directory: bool) -> bool {
        let (glob, is_excluded) = match self.matcher.matched(path, is_directory) {
            Match::None => return false,
            Match::Ignore(glob) => (glob, true),
            Match::Whitelist(glob) => (glob, false),
        };
        let given = self
            .given
            .iter()
            .find(|(anchored, _)| anchored == glob.original());
        let name = given.map_or(glob.original(), |(_, given)| given);
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if !used.contains(name) {
            used.insert(name.to_owned());
        }
        is_excluded
    }
}

/// Returns a glob that begins with the directory, or with `./`, as one that is anchored in the
/// directory; none where it begins with neither.
fn anchored_below(directory: &Path, glob: &str) -> Option<String> {
    let glob = glob.trim_end();
    let bare = glob.strip_prefix("./");
    let parts = directory
        .components()
        .filter(|part| *part != Component::CurDir);
    let directory: PathBuf = parts.collect();
    let rest = bare.unwrap_or(glob);
    let below = match directory.to_str() {
        None | Some("") => None,
        Some(directory) => rest
            .strip_prefix(directory)
            .and_then(|rest| rest.strip_prefix('/')),
    };
    let below = below.or(bare).filter(|below| !below.is_empty())?;
    Some(format!("/{below}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exclusion_without_a_slash_applies_at_any_depth() {
        let globs = ["*.snap", "/top", "target/", "none "].map(str::to_owned);
        let exclusions = Exclusions::new(&globs);
        assert_eq!(exclusions.unused().len(), 4);
        let excluded = exclusions.below(Path::new("d")).expect("valid globs");
        for (path, is_directory, expected) in [
            ("d/a.snap", false, true),
            ("d/b/a.snap", false, true),
            ("d/top", false, true),
            ("d/b/top", false, false),
            ("d/b/target", true, true),
            ("d/target", false, false),
        ] {
            assert_eq!(
                excluded.exclude(Path::new(path), is_directory),
                expected,
                "{path}"
            );
        }
        assert_eq!(exclusions.unused(), ["none "]);
    }

    #[test]
    fn an_exclusion_may_begin_with_the_directory() {
        for (directory, glob, path) in [
            ("docs", "docs/sub", "docs/sub"),
            ("docs", "./docs/sub/", "docs/sub"),
            ("docs", "./sub", "docs/sub"),
            ("./docs/", "docs/sub", "./docs/sub"),
            ("src", "src/test/*", "src/test/t.rs"),
            (".", "./docs", "./docs"),
            ("/a/b", "/a/b/c", "/a/b/c"),
        ] {
            let exclusions = Exclusions::new(&[glob.to_owned()]);
            let excluded = exclusions.below(Path::new(directory)).expect("a glob");
            assert!(
                excluded.exclude(Path::new(path), true),
                "{directory} {glob}"
            );
            assert!(exclusions.unused().is_empty(), "{directory} {glob}");
            assert!(!excluded.exclude(&Path::new(directory).join("other/sub"), true));
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused_by_name() {
        let exclusions = Exclusions::new(&["a{".to_owned()]);
        let error = exclusions.below(Path::new("d")).expect_err("an open brace");
        assert!(error.to_string().contains("`a{`"), "{error}");
    }
}
