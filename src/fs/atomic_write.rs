//! Replacing a file in one step: whoever reads it gets the old content or the new, never half of
//! either, and a process that is killed leaves the old.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use super::create_private_dir;

/// The beginning and the end of the names of files that are not in their place yet. Hidden, and
/// short whatever the file is called, so that every name that fits can be replaced.
const PREFIX: &str = ".langdock-";
const SUFFIX: &str = ".tmp";

/// Whether the content has to be on the disk before it takes its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// It is: losing it would lose something that cannot be had again.
    Synced,
    /// It need not be: a crash of the machine may lose it.
    Cached,
}

/// A file that takes the place of another one, or of none, when it is complete; dropped before
/// that, it is removed.
#[derive(Debug)]
pub(crate) struct AtomicWrite {
    temporary: NamedTempFile,
    target: PathBuf,
}

impl AtomicWrite {
    /// Creates the new file in the directory of `target`, with mode 0600 and open for reading and
    /// writing. A link at `target` will be replaced, not followed.
    pub(crate) fn new(target: &Path) -> io::Result<Self> {
        Ok(Self {
            temporary: builder().make_in(directory_of(target), create_private)?,
            target: target.to_owned(),
        })
    }

    /// Returns the new file.
    pub(crate) fn file(&self) -> &File {
        self.temporary.as_file()
    }

    /// Gives the new file these permissions, whatever the umask says.
    pub(crate) fn set_permissions(&self, permissions: Permissions) -> io::Result<()> {
        self.file().set_permissions(permissions)
    }

    /// Puts the new file in its place, and returns it, still open.
    pub(crate) fn persist(self, durability: Durability) -> io::Result<File> {
        if durability == Durability::Synced {
            self.file().sync_all()?;
        }
        let persisted = self.temporary.persist(&self.target);
        persisted.map_err(|error| error.error)
    }
}

/// Replaces the file at `path`, which nobody else may read from then on (mode 0600). A directory
/// that is missing is created, and is private too.
pub(crate) fn atomic_write(path: &Path, bytes: &[u8], durability: Durability) -> io::Result<()> {
    create_private_dir(directory_of(path))?;
    let new = AtomicWrite::new(path)?;
    new.file().write_all(bytes)?;
    new.persist(durability)?;
    Ok(())
}

/// Makes `link` a symbolic link to `target`, whatever it was before. Its directory has to exist.
pub(crate) fn replace_link(target: &Path, link: &Path) -> io::Result<()> {
    let new = builder().make_in(directory_of(link), |path| symlink(target, path))?;
    new.persist(link).map_err(|error| error.error)
}

fn builder() -> Builder<'static, 'static> {
    let mut builder = Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    builder
}

/// Creates a file that nobody else may read. The errors of `tempfile` itself name a path that says
/// nothing to anybody, those from here do not.
pub(super) fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true).mode(0o600);
    options.open(path)
}

/// Returns the directory of a file; that of a bare name is the current one.
pub(super) fn directory_of(path: &Path) -> &Path {
    path.parent()
        .filter(|directory| !directory.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).expect("it is readable");
        let name = |entry: io::Result<fs::DirEntry>| {
            let name = entry.expect("it is readable").file_name();
            name.into_string().expect("UTF-8")
        };
        let mut names: Vec<String> = entries.map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn what_was_there_is_replaced_and_becomes_private() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("new/state.json");
        for text in ["long before", "after"] {
            atomic_write(&path, text.as_bytes(), Durability::Synced).expect("it is writable");
            assert_eq!(fs::read_to_string(&path).expect("it exists"), text);
            let mode = fs::metadata(&path).expect("it exists").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("it is ours");
        }
        assert_eq!(names(&home.path().join("new")), ["state.json"]);
    }

    #[test]
    fn a_link_is_replaced_and_what_it_leads_to_is_left_alone() {
        let home = tempfile::tempdir().expect("a directory");
        let (notes, path) = (home.path().join("notes"), home.path().join("state"));
        fs::write(&notes, "mine").expect("it is writable");
        symlink(&notes, &path).expect("it is writable");
        atomic_write(&path, b"ours", Durability::Cached).expect("it is writable");
        assert_eq!(fs::read(&notes).expect("it exists"), b"mine");
        assert!(!path.is_symlink());
    }

    #[test]
    fn what_is_not_persisted_leaves_nothing() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("state");
        drop(AtomicWrite::new(&path).expect("it is writable"));
        assert_eq!(names(home.path()), [""; 0]);
        fs::create_dir(&path).expect("it is writable");
        atomic_write(&path, b"", Durability::Cached).expect_err("a directory is not replaced");
        assert_eq!(names(home.path()), ["state"]);
    }

    #[test]
    fn a_link_is_made_to_lead_elsewhere() {
        let home = tempfile::tempdir().expect("a directory");
        let link = home.path().join("last");
        for target in ["one", "two"] {
            replace_link(Path::new(target), &link).expect("it is writable");
            assert_eq!(fs::read_link(&link).expect("a link"), Path::new(target));
        }
        assert_eq!(names(home.path()), ["last"]);
    }

    #[test]
    fn the_longest_name_can_be_replaced() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("x".repeat(255));
        atomic_write(&path, b"", Durability::Cached).expect("it is writable");
    }
}
