//! Replacing a file atomically: readers see the old content or the new, and a process that is
//! killed leaves the old.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use super::file_refusal::FileRefusal;
use super::private_dir::{PRIVATE, create_private_dir};

/// Prefix and suffix of temporary names. They are hidden, and short whatever the file is called, so
/// that a file with the longest possible name can be replaced.
const PREFIX: &str = ".langdock-";
const SUFFIX: &str = ".tmp";

/// Whether the content must be on disk before the rename.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Synced first: the content cannot be recreated.
    Synced,
    /// Not synced: a crash of the machine may lose it.
    Cached,
}

/// A temporary file that replaces its target on [`AtomicWrite::persist`] and is removed if dropped
/// before.
#[derive(Debug)]
pub(crate) struct AtomicWrite {
    temporary: NamedTempFile,
    target: PathBuf,
}

impl AtomicWrite {
    /// Creates the new file in the directory of `target`, with mode 0600 and open for reading and
    /// writing. A link at `target` will be replaced, not followed; a device, a pipe or a directory
    /// is refused.
    pub(crate) fn new(target: &Path) -> io::Result<Self> {
        match target.symlink_metadata() {
            Ok(old) if !old.is_symlink() => FileRefusal::of_kind(&old)?,
            // Where it cannot be determined, the write will report why.
            _ => {}
        }
        Ok(Self {
            temporary: temp_file_builder().make_in(directory_of(target), create_private)?,
            target: target.to_owned(),
        })
    }

    /// Returns the new file.
    pub(crate) fn file(&self) -> &File {
        self.temporary.as_file()
    }

    /// Sets the permissions of the new file, regardless of the umask.
    pub(crate) fn set_permissions(&self, permissions: Permissions) -> io::Result<()> {
        self.file().set_permissions(permissions)
    }

    /// Renames the new file to its target and returns it, still open.
    pub(crate) fn persist(self, durability: Durability) -> io::Result<File> {
        if durability == Durability::Synced {
            self.file().sync_all()?;
        }
        let persisted = self.temporary.persist(&self.target);
        persisted.map_err(|error| error.error)
    }
}

/// Replaces the file at `path`; the new one has mode 0600. Missing directories are created with
/// mode 0700.
pub(crate) fn atomic_write(path: &Path, bytes: &[u8], durability: Durability) -> io::Result<()> {
    create_private_dir(directory_of(path))?;
    let new = AtomicWrite::new(path)?;
    new.file().write_all(bytes)?;
    new.persist(durability)?;
    Ok(())
}

/// Makes `link` a symbolic link to `target`, replacing what was there. Its directory must exist.
pub(crate) fn replace_link(target: &Path, link: &Path) -> io::Result<()> {
    let new = temp_file_builder().make_in(directory_of(link), |path| symlink(target, path))?;
    new.persist(link).map_err(|error| error.error)
}

fn temp_file_builder() -> Builder<'static, 'static> {
    let mut builder = Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    builder
}

/// Creates a file with mode 0600. Unlike the errors of `tempfile` itself, those from here do not
/// name the temporary path, which means nothing to the user.
pub(super) fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create_new(true)
        .mode(PRIVATE);
    let file = options.open(path)?;
    // The umask may have taken more away.
    file.set_permissions(Permissions::from_mode(PRIVATE))?;
    Ok(file)
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
    fn an_existing_file_is_replaced_and_becomes_private() {
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
    fn a_link_is_replaced_and_its_target_is_left_alone() {
        let home = tempfile::tempdir().expect("a directory");
        let (notes, path) = (home.path().join("notes"), home.path().join("state"));
        fs::write(&notes, "mine").expect("it is writable");
        symlink(&notes, &path).expect("it is writable");
        atomic_write(&path, b"ours", Durability::Cached).expect("it is writable");
        assert_eq!(fs::read(&notes).expect("it exists"), b"mine");
        assert!(!path.is_symlink());
    }

    #[test]
    fn only_a_regular_file_is_replaced() {
        let home = tempfile::tempdir().expect("a directory");
        let pipe = home.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("it is writable");
        let error = atomic_write(&pipe, b"", Durability::Cached).expect_err("it is refused");
        assert_eq!(error.to_string(), "it is a named pipe");
        assert_eq!(names(home.path()), ["pipe"]);
    }

    #[test]
    fn an_abandoned_write_leaves_no_file() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("state");
        drop(AtomicWrite::new(&path).expect("it is writable"));
        assert_eq!(names(home.path()), [""; 0]);
        fs::create_dir(&path).expect("it is writable");
        atomic_write(&path, b"", Durability::Cached).expect_err("a directory is not replaced");
        assert_eq!(names(home.path()), ["state"]);
    }

    #[test]
    fn a_link_can_be_redirected() {
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
