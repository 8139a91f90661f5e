//! The program that a tool runs: where it is, and whether it is still the one that was found.

use std::ffi::OsStr;
use std::fs::Metadata;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::fs::{FileDistrust, check_trusted_program, search_directories};

/// A program as it was found. A file of the same path that was written or replaced since is another
/// one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FoundProgram {
    /// Its path.
    pub(super) path: PathBuf,
    /// Device, inode, size, and the times of the last changes of content and of state.
    state: [i128; 7],
    /// Why somebody else may have written it.
    distrust: Option<FileDistrust>,
}

impl FoundProgram {
    /// Finds a program; the error says what is missing. One with a slash is a path, which begins at
    /// `directory`, that of the tools file; another one is looked up in PATH.
    pub(crate) fn find(
        program: &str,
        directory: &Path,
        search_path: Option<&OsStr>,
    ) -> Result<Self, String> {
        if program.contains('/') {
            let path = directory.join(program);
            return match path.metadata() {
                Err(error) => Err(format!("`{}`: {error}", path.display())),
                Ok(data) if !data.is_file() => {
                    Err(format!("`{}` is not a program", path.display()))
                }
                Ok(data) if data.permissions().mode() & 0o111 == 0 => {
                    Err(format!("`{}` is not executable", path.display()))
                }
                Ok(data) => Self::new_absolute(&path, &data),
            };
        }
        Self::in_search_path(program, search_path)
    }

    fn new(path: PathBuf, metadata: &Metadata) -> Self {
        let distrust = check_trusted_program(&path, metadata).err();
        Self {
            path,
            state: state(metadata),
            distrust,
        }
    }

    /// Makes the path absolute: the program may be started in another directory than this one.
    fn new_absolute(path: &Path, metadata: &Metadata) -> Result<Self, String> {
        let path = std::path::absolute(path).map_err(|error| error.to_string())?;
        Ok(Self::new(path, metadata))
    }

    /// Finds a program in PATH; the error says that it is not there.
    pub(crate) fn in_search_path(name: &str, search_path: Option<&OsStr>) -> Result<Self, String> {
        let paths = search_directories(search_path).map(|directory| directory.join(name));
        let found = paths
            .filter(|path| is_program(path))
            .find_map(|path| Some((path.metadata().ok()?, path)));
        match found {
            Some((metadata, path)) => Self::new_absolute(&path, &metadata),
            None => Err(format!("program `{name}` not found in PATH")),
        }
    }

    /// Returns the program at a path, which is one.
    pub(crate) fn at(path: &Path) -> std::io::Result<Self> {
        Ok(Self::new(path.to_owned(), &path.metadata()?))
    }

    /// Returns its path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file at the path is no longer the program that was found.
    pub(crate) fn has_changed(&self) -> bool {
        let now = self.path.metadata();
        now.map_or(true, |metadata| state(&metadata) != self.state)
    }

    /// Returns why somebody else may have written it, if so.
    pub(crate) fn exposed(&self) -> Option<String> {
        let (distrust, path) = (self.distrust.as_ref()?, self.path.display());
        Some(format!(
            "others can change the program `{path}`: {distrust}"
        ))
    }

    /// Returns why somebody else may have written it, if so.
    pub(crate) fn distrust(&self) -> Option<&FileDistrust> {
        self.distrust.as_ref()
    }
}

fn state(metadata: &Metadata) -> [i128; 7] {
    [
        metadata.dev().into(),
        metadata.ino().into(),
        metadata.size().into(),
        metadata.mtime().into(),
        metadata.mtime_nsec().into(),
        metadata.ctime().into(),
        metadata.ctime_nsec().into(),
    ]
}

/// Whether a path is that of a file that can be run.
pub(crate) fn is_program(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn program(path: &Path) {
        fs::write(path, "#!/bin/sh\n").expect("it is writable");
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("it is ours");
    }

    #[test]
    fn an_empty_element_of_path_is_not_the_current_directory() {
        let home = tempfile::tempdir().expect("a directory");
        program(&home.path().join("x"));
        let path = std::ffi::OsString::from(format!(":{}:", home.path().display()));
        let found = FoundProgram::find("x", Path::new("/"), Some(&path)).expect("it is there");
        assert_eq!(found.path, home.path().join("x"));
        let here = OsStr::new(":/nowhere:");
        assert!(FoundProgram::find("x", home.path(), Some(here)).is_err());
    }

    #[test]
    fn a_program_that_is_written_or_replaced_has_changed() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("x");
        let find = || FoundProgram::find("./x", home.path(), None).expect("it is there");
        program(&path);
        let found = find();
        assert!(!found.has_changed() && found.distrust().is_none());
        fs::write(&path, "#!/bin/sh\necho\n").expect("it is ours");
        assert!(found.has_changed());
        let found = find();
        fs::remove_file(&path).expect("it is ours");
        assert!(found.has_changed());
        program(&path);
        assert!(found.has_changed());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).expect("it is ours");
        assert_eq!(find().distrust(), Some(&FileDistrust::WorldWritable(0o777)));
    }
}
