//! The program's own files that are appended to or changed in place, and reading those and others.
//!
//! There is one way to open them, so that each has mode 0600 whatever the umask is, and none is a
//! named pipe that would be waited for.

use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::unistd::geteuid;

use super::atomic_write::directory_of;
use super::file_refusal::FileRefusal;
use super::private_dir::{PRIVATE, create_private_dir};

/// The permission bits of a file.
const PERMISSIONS: u32 = 0o777;

/// Opens one of the program's own files with `options`, which create it if it is missing. Missing
/// directories are created too.
pub(crate) fn open_or_create_private(path: &Path, options: &OpenOptions) -> io::Result<File> {
    match open_private(path, options) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            create_private_dir(directory_of(path))?;
            open_private(path, options)
        }
        opened => opened,
    }
}

/// Opens one of the program's own files with `options`. It has mode 0600 afterwards. What is not a
/// regular file is refused.
pub(crate) fn open_private(path: &Path, options: &OpenOptions) -> io::Result<File> {
    let mut options = options.clone();
    // A named pipe is not waited for.
    options.mode(PRIVATE).custom_flags(OFlag::O_NONBLOCK.bits());
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    FileRefusal::of_kind(&metadata)?;
    let is_ours = metadata.uid() == geteuid().as_raw();
    if is_ours && metadata.permissions().mode() & PERMISSIONS != PRIVATE {
        file.set_permissions(Permissions::from_mode(PRIVATE))?;
    }
    Ok(file)
}

/// Opens a regular file for reading, and refuses anything else instead of waiting for it.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(OFlag::O_NONBLOCK.bits());
    let file = options.open(path)?;
    FileRefusal::of_kind(&file.metadata()?)?;
    Ok(file)
}

/// Reads a regular file, and refuses anything else instead of waiting for it.
pub(crate) fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether reading `path` may take forever, as with a named pipe. A missing file does not.
pub(crate) fn may_block(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| !metadata.is_file())
}

/// Why a file that decides what the program does is not to be trusted; wrapped in an `io::Error` of
/// kind `PermissionDenied`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FileDistrust {
    /// Anybody can write to it.
    #[error("it is world-writable (mode {0:03o})")]
    WorldWritable(u32),
    /// Neither the user nor root owns it.
    #[error("it is owned by another user (uid {0})")]
    OtherOwner(u32),
    /// It is a program, and a group of other users can write to it.
    #[error("it is group-writable (mode {0:03o})")]
    GroupWritable(u32),
    /// It is a program, and anybody can put another one in its place.
    #[error("its directory `{}` is world-writable (mode {mode:03o})", directory.display())]
    WritableDirectory {
        /// The directory.
        directory: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is a program, and another user can put another one in its place.
    #[error("its directory `{}` is owned by another user (uid {owner})", directory.display())]
    DirectoryOfOther {
        /// The directory.
        directory: PathBuf,
        /// Its owner.
        owner: u32,
    },
}

impl FileDistrust {
    /// Returns the distrust that `error` wraps.
    pub(crate) fn from_error(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref::<Self>().cloned()
    }
}

impl From<FileDistrust> for io::Error {
    fn from(distrust: FileDistrust) -> Self {
        Self::new(ErrorKind::PermissionDenied, distrust)
    }
}

/// Checks that nobody but the user, root and a group can have written a file.
pub(crate) fn check_trusted(metadata: &Metadata) -> Result<(), FileDistrust> {
    let mode = metadata.permissions().mode() & PERMISSIONS;
    if mode & 0o002 != 0 && metadata.is_file() {
        return Err(FileDistrust::WorldWritable(mode));
    }
    if ![0, geteuid().as_raw()].contains(&metadata.uid()) {
        return Err(FileDistrust::OtherOwner(metadata.uid()));
    }
    Ok(())
}

/// Reads a file that decides what the program does, after [`check_trusted`]. This waits for the
/// writer of a named pipe.
pub(crate) fn read_trusted(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    check_trusted(&file.metadata()?)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether the group of a file can write to it.
pub(crate) fn is_group_writable(metadata: &Metadata) -> bool {
    metadata.permissions().mode() & 0o020 != 0
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use nix::sys::stat::Mode;

    use super::*;

    fn appending() -> OpenOptions {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        options
    }

    #[test]
    fn a_file_becomes_private_with_its_missing_directories() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("a/b/log");
        for text in ["one", "two"] {
            let mut file = open_or_create_private(&path, &appending()).expect("it is writable");
            file.write_all(text.as_bytes()).expect("it is writable");
            let mode = file.metadata().expect("it is open").mode();
            assert_eq!(mode & PERMISSIONS, PRIVATE);
            fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("it is ours");
        }
        assert_eq!(fs::read(&path).expect("it is there"), b"onetwo");
    }

    #[test]
    fn a_missing_file_that_is_not_to_be_created_stays_missing() {
        let home = tempfile::tempdir().expect("a directory");
        let mut options = OpenOptions::new();
        options.read(true);
        let error = open_private(&home.path().join("log"), &options).expect_err("it is missing");
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }

    #[test]
    fn a_named_pipe_is_refused_and_not_waited_for() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("pipe");
        nix::unistd::mkfifo(&path, Mode::S_IRWXU).expect("it is writable");
        let mut both = appending();
        both.read(true);
        for error in [
            open_private(&path, &both).expect_err("it is refused"),
            read_regular(&path).expect_err("it is refused"),
        ] {
            assert_eq!(error.to_string(), "it is a named pipe");
        }
        assert!(may_block(&path) && !may_block(&home.path().join("missing")));
    }

    #[test]
    fn what_everybody_can_write_or_another_user_owns_is_not_trusted() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("config.toml");
        fs::write(&path, "").expect("it is writable");
        let check = || check_trusted(&fs::metadata(&path).expect("it is there"));
        for (mode, expected) in [
            (0o600, Ok(())),
            (0o664, Ok(())),
            (0o666, Err(FileDistrust::WorldWritable(0o666))),
            (0o602, Err(FileDistrust::WorldWritable(0o602))),
        ] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).expect("it is ours");
            assert_eq!(check(), expected, "{mode:o}");
        }
        fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("it is ours");
        // Only root can give a file away.
        if std::os::unix::fs::chown(&path, Some(12_345), None).is_ok() {
            assert_eq!(check(), Err(FileDistrust::OtherOwner(12_345)));
        }
    }
}
