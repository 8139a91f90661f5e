//! A separate home directory for each test, so that no test sees the user's settings or another
//! test's.

use std::{
    ffi::OsString,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    sync::Arc,
};

use tempfile::TempDir;

use super::{command::KEY, secret_search::assert_no_secret_in_records};

/// The name of the directory for programs.
const BIN: &str = "bin";

/// A temporary home directory, shared by its clones and removed with the last one.
#[derive(Clone)]
pub(crate) struct Home(Arc<HomeDirectory>);

/// The directory itself. When it goes, no record in it may have a key.
struct HomeDirectory(TempDir);

impl Drop for HomeDirectory {
    fn drop(&mut self) {
        // A test that has failed says why.
        if !std::thread::panicking() {
            assert_no_secret_in_records(self.0.path(), &[KEY]);
        }
    }
}

impl Home {
    /// Creates an empty home.
    pub(crate) fn new() -> Self {
        let directory = TempDir::with_prefix("langdock-test-").unwrap();
        let home = Self(Arc::new(HomeDirectory(directory)));
        for directory in ["work", "tmp", "run"] {
            fs::create_dir(home.path().join(directory)).unwrap();
        }
        fs::set_permissions(home.path().join("run"), fs::Permissions::from_mode(0o700)).unwrap();
        home
    }

    /// Returns its path.
    pub(crate) fn path(&self) -> &Path {
        self.0.0.path()
    }

    /// Returns the empty directory in which the program is started.
    pub(crate) fn work(&self) -> PathBuf {
        self.path().join("work")
    }

    /// Returns the directory of the program's configuration.
    pub(crate) fn config(&self) -> PathBuf {
        self.platform_directory(".config").join("langdock")
    }

    /// Returns the directory of the program's data.
    pub(crate) fn data(&self) -> PathBuf {
        self.platform_directory(".local/share").join("langdock")
    }

    /// Returns the directory of the program's state.
    pub(crate) fn state(&self) -> PathBuf {
        self.platform_directory(".local/state").join("langdock")
    }

    /// Writes a file at a path relative to the home, and creates the directories it needs.
    pub(crate) fn write(&self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Returns whether the tests run as root.
    pub(super) fn is_roots(&self) -> bool {
        // The owner of a new file shows it; the directories may belong to another user by now.
        tempfile::tempfile_in(self.path())
            .unwrap()
            .metadata()
            .unwrap()
            .uid()
            == 0
    }

    /// Changes the owner of the home and of everything in it.
    pub(super) fn give_to(&self, user: u32) {
        let mut paths = vec![self.path().to_owned()];
        while let Some(path) = paths.pop() {
            if path == self.path().join(BIN) {
                continue; // It may be the program itself, and not a copy.
            }
            chown(&path, Some(user), Some(user)).unwrap();
            if path.is_dir() {
                paths.extend(
                    fs::read_dir(&path)
                        .unwrap()
                        .map(|entry| entry.unwrap().path()),
                );
            }
        }
    }

    /// Makes a program available to the home's user, and returns its directory.
    pub(super) fn with_program(&self, program: &str) -> PathBuf {
        let directory = self.path().join(BIN);
        fs::create_dir_all(&directory).unwrap();
        let copy = directory.join(Path::new(program).file_name().unwrap());
        if !copy.exists() && fs::hard_link(program, &copy).is_err() {
            fs::copy(program, &copy).unwrap();
        }
        directory
    }

    /// Returns the variables that make this a program's home.
    pub(super) fn variables(&self) -> Vec<(OsString, OsString)> {
        let directories = [
            ("HOME", ""),
            ("TMPDIR", "tmp"),
            ("XDG_CACHE_HOME", ".cache"),
            ("XDG_CONFIG_HOME", ".config"),
            ("XDG_DATA_HOME", ".local/share"),
            ("XDG_RUNTIME_DIR", "run"),
            ("XDG_STATE_HOME", ".local/state"),
        ];
        directories
            .map(|(name, directory)| (name.into(), self.path().join(directory).into_os_string()))
            .to_vec()
    }

    /// Returns the base directory for this purpose on Linux or macOS.
    fn platform_directory(&self, xdg: &str) -> PathBuf {
        self.path().join(if cfg!(target_os = "macos") {
            "Library/Application Support"
        } else {
            xdg
        })
    }
}
