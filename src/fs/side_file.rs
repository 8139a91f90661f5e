//! Files next to one that the user named, such as `FILE.part`. Their names are predictable, so
//! something else may be there: they are opened without following links and without blocking on a
//! pipe, and used only if they are regular files owned by the user.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::unistd::geteuid;
use tempfile::Builder;

use super::atomic_write::{create_private, directory_of};
use super::file_refusal::FileRefusal;

/// Maximum number of links followed in a row, as on Linux.
const MAX_LINKS: usize = 40;

/// An opened file, and whether it existed before.
#[derive(Debug)]
pub(crate) struct SideFile {
    /// The file, open for writing, not truncated.
    pub(crate) file: File,
    /// Whether it existed before.
    pub(crate) existed: bool,
}

/// Opens the file at `path` with `options`, or creates it.
pub(crate) fn open_or_create(path: &Path, options: &OpenOptions) -> io::Result<SideFile> {
    loop {
        match options.clone().create_new(true).open(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            created => {
                return Ok(SideFile {
                    file: created?,
                    existed: false,
                });
            }
        }
        match open_existing(path, options) {
            // Another run has just removed it.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            opened => {
                return Ok(SideFile {
                    file: opened?,
                    existed: true,
                });
            }
        }
    }
}

/// Opens the existing file at `path` with `options`.
pub(crate) fn open_existing(path: &Path, options: &OpenOptions) -> io::Result<File> {
    // Opening a device may have side effects, and opening a pipe fails with an unhelpful error.
    check_plain_file(path, &path.symlink_metadata()?)?;
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let file = options.clone().custom_flags(flags.bits()).open(path)?;
    // It may have been replaced in between.
    check_plain_file(path, &file.metadata()?)?;
    Ok(file)
}

/// Checks that nothing is at `path`, or a file that an atomic write may replace. If that cannot be
/// determined, the write itself will report why.
pub(crate) fn check_replaceable(path: &Path) -> Result<(), FileRefusal> {
    match path.symlink_metadata() {
        Ok(metadata) => check_plain_file(path, &metadata),
        Err(_) => Ok(()),
    }
}

/// Creates a file with an unpredictable name and mode 0600, which is not deleted on drop.
pub(crate) fn create_draft(directory: &Path, suffix: &str) -> io::Result<(File, PathBuf)> {
    let mut builder = Builder::new();
    builder.prefix("langdock-").suffix(suffix);
    let draft = builder.make_in(directory, create_private)?;
    draft.keep().map_err(|error| error.error)
}

/// Resolves the links of a path that the user named, even if the final target does not exist yet,
/// as a shell's `>` does.
pub(crate) fn resolve_links(path: &Path) -> PathBuf {
    if let Ok(target) = fs::canonicalize(path) {
        return target;
    }
    let mut end = path.to_owned();
    for _ in 0..MAX_LINKS {
        let Ok(link) = fs::read_link(&end) else { break };
        end = end.parent().unwrap_or(Path::new("")).join(link);
    }
    end
}

fn check_plain_file(path: &Path, metadata: &Metadata) -> Result<(), FileRefusal> {
    FileRefusal::of_kind(metadata)?;
    if metadata.nlink() > 1 {
        return Err(FileRefusal::HardLinks(metadata.nlink()));
    }
    if !is_ours(path, metadata) {
        return Err(FileRefusal::OtherOwner(metadata.uid()));
    }
    Ok(())
}

/// Whether the file has the owner that a new file next to it would have. On some network file
/// systems, that is not the user of the process.
fn is_ours(path: &Path, metadata: &Metadata) -> bool {
    let owner_of_new = || {
        let new = tempfile::tempfile_in(directory_of(path)).ok()?;
        Some(new.metadata().ok()?.uid())
    };
    metadata.uid() == geteuid().as_raw() || owner_of_new() == Some(metadata.uid())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use nix::sys::stat::Mode;

    use super::*;

    fn writing() -> OpenOptions {
        let mut options = OpenOptions::new();
        options.write(true);
        options
    }

    #[test]
    fn a_regular_file_is_opened_untruncated_and_a_missing_one_is_created() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("out.part");
        let mut new = open_or_create(&path, &writing()).expect("it is writable");
        new.file.write_all(b"first").expect("it is writable");
        assert!(!new.existed);
        let again = open_or_create(&path, &writing()).expect("it is ours");
        assert!(again.existed);
        assert_eq!(check_replaceable(&path), Ok(()));
        assert_eq!(check_replaceable(&home.path().join("missing")), Ok(()));
        assert_eq!(fs::read(&path).expect("it exists"), b"first");
    }

    #[test]
    fn other_kinds_of_files_are_refused_by_name_and_left_alone() {
        let home = tempfile::tempdir().expect("a directory");
        let at = |name: &str| home.path().join(name);
        fs::write(at("notes"), "mine").expect("it is writable");
        symlink(at("notes"), at("link")).expect("it is writable");
        symlink(at("missing"), at("dangling")).expect("it is writable");
        fs::hard_link(at("notes"), at("hard")).expect("it is writable");
        fs::create_dir(at("dir")).expect("it is writable");
        nix::unistd::mkfifo(&at("pipe"), Mode::S_IRWXU).expect("it is writable");
        let _socket = UnixListener::bind(at("socket")).expect("it is writable");
        for (path, reason) in [
            (at("link"), "it is a symbolic link"),
            (at("dangling"), "it is a symbolic link"),
            (at("hard"), "it has 2 hard links"),
            (at("dir"), "it is a directory"),
            (at("pipe"), "it is a named pipe"),
            (at("socket"), "it is a socket"),
            ("/dev/null".into(), "it is a device"),
        ] {
            let mut truncating = writing();
            truncating.truncate(true);
            let error = open_or_create(&path, &truncating).expect_err("it is refused");
            assert!(FileRefusal::is_cause_of(&error), "{error:?}");
            assert_eq!(error.to_string(), reason);
            let refusal = check_replaceable(&path).expect_err("it is refused");
            assert_eq!(refusal.to_string(), reason);
        }
        assert_eq!(fs::read(at("notes")).expect("it exists"), b"mine");
        assert!(!at("missing").exists());
    }

    #[test]
    fn a_file_of_another_user_is_refused() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("theirs");
        fs::write(&path, "").expect("it is writable");
        // Only root can give a file away.
        if std::os::unix::fs::chown(&path, Some(12_345), None).is_ok() {
            let error = open_existing(&path, &writing()).expect_err("it is refused");
            assert_eq!(error.to_string(), "it is owned by another user (uid 12345)");
        }
    }

    #[test]
    fn a_draft_file_is_private_and_kept() {
        let home = tempfile::tempdir().expect("a directory");
        let (file, path) = create_draft(home.path(), ".md").expect("it is writable");
        assert_eq!(file.metadata().expect("it is open").mode() & 0o777, 0o600);
        drop(file);
        let name = path.file_name().expect("a name").to_string_lossy();
        assert!(
            name.starts_with("langdock-") && name.ends_with(".md"),
            "{name}"
        );
        assert_eq!(fs::read(&path).expect("it stays"), b"");
    }
}
