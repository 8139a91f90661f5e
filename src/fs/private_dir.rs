//! Directories with mode 0700: stored data is private to the user.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// The mode of the program's own files.
pub(super) const PRIVATE: u32 = 0o600;

/// Creates a directory and its missing parents, each with mode 0700. An existing one keeps its
/// mode.
///
/// The error keeps the kind of the OS error and names the directory, since the caller's own message
/// names another path.
pub(crate) fn create_private_dir(path: &Path) -> io::Result<()> {
    let created = DirBuilder::new().recursive(true).mode(0o700).create(path);
    created.map_err(|source| {
        let message = format!("cannot create the directory `{}`: {source}", path.display());
        io::Error::new(source.kind(), message)
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn every_directory_that_is_created_is_private() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("a/b");
        create_private_dir(&path).expect("it is writable");
        create_private_dir(&path).expect("it exists");
        for created in ["a", "a/b"] {
            let metadata = fs::metadata(home.path().join(created)).expect("it exists");
            assert_eq!(metadata.permissions().mode() & 0o777, 0o700, "{created}");
        }
    }

    #[test]
    fn the_error_names_the_directory() {
        let home = tempfile::tempdir().expect("a directory");
        fs::write(home.path().join("file"), "").expect("it is writable");
        let path = home.path().join("file/below");
        let error = create_private_dir(&path).expect_err("a file has no directories");
        assert_eq!(error.kind(), io::ErrorKind::NotADirectory);
        let beginning = format!("cannot create the directory `{}`: ", path.display());
        assert!(error.to_string().starts_with(&beginning), "{error}");
    }
}
