//! Whether somebody else can have written a program, or can put another one in its place.

use std::fs::Metadata;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use nix::unistd::{Gid, Group, User, geteuid};

use super::private_file::{FileDistrust, check_trusted, is_group_writable};

/// The permission bits of a file or directory, with the one that lets everybody remove only what is
/// theirs.
const MODE: u32 = 0o1777;

/// Files in a directory with this bit can be replaced by their owner and the directory's only.
const STICKY: u32 = 0o1000;

/// Checks that nobody but the user and root can change a program: neither its file nor, where it
/// stands and where links lead, the directory of the file.
///
/// The group of the file may write if that is the user's own, as many systems make one for each
/// user. A directory may be writable for a group: package managers have such ones.
pub(crate) fn check_trusted_program(path: &Path, metadata: &Metadata) -> Result<(), FileDistrust> {
    check_trusted(metadata)?;
    if is_group_writable(metadata) && !is_own_group(Gid::from_raw(metadata.gid())) {
        let mode = metadata.permissions().mode() & MODE;
        return Err(FileDistrust::GroupWritable(mode));
    }
    check_directory_of(path)?;
    match path.canonicalize() {
        Ok(target) => check_directory_of(&target),
        Err(_) => Ok(()), // Starting it will fail.
    }
}

fn check_directory_of(path: &Path) -> Result<(), FileDistrust> {
    let directory = match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    };
    let Ok(metadata) = directory.metadata() else {
        return Ok(());
    };
    let mode = metadata.permissions().mode() & MODE;
    if mode & 0o002 != 0 && mode & STICKY == 0 {
        return Err(FileDistrust::WritableDirectory {
            directory: directory.to_owned(),
            mode,
        });
    }
    check_trusted(&metadata).map_err(|_| FileDistrust::DirectoryOfOther {
        directory: directory.to_owned(),
        owner: metadata.uid(),
    })
}

/// Whether nobody but the user and root is in a group. One that cannot be looked up counts as
/// somebody else's.
fn is_own_group(id: Gid) -> bool {
    let user = User::from_uid(geteuid()).ok().flatten();
    let group = Group::from_gid(id).ok().flatten();
    user.zip(group)
        .is_some_and(|(user, group)| is_private(&user.name, &group.name, &group.mem))
}

/// Whether a group is named after the user, or root's, and has no other members.
fn is_private(user: &str, group: &str, members: &[String]) -> bool {
    let is_trusted = |name: &str| name == user || name == "root";
    is_trusted(group) && members.iter().all(|member| is_trusted(member))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};

    use super::*;

    #[test]
    fn a_group_is_private_if_it_is_named_after_the_user_and_has_nobody_else() {
        let is_private = |group, members: &[&str]| {
            let members: Vec<String> = members.iter().map(|name| (*name).to_owned()).collect();
            is_private("ann", group, &members)
        };
        assert!(is_private("ann", &[]) && is_private("ann", &["ann"]));
        assert!(is_private("root", &[]));
        assert!(!is_private("users", &[]) && !is_private("ann", &["ann", "bob"]));
    }

    #[test]
    fn a_program_is_not_trusted_if_everybody_can_replace_it() {
        let home = tempfile::tempdir().expect("a directory");
        let (directory, link) = (home.path().join("d"), home.path().join("link"));
        let program = directory.join("x");
        fs::create_dir(&directory).expect("it is writable");
        fs::write(&program, "").expect("it is writable");
        std::os::unix::fs::symlink(&program, &link).expect("it is writable");
        for (mode, is_trusted) in [(0o755, true), (0o777, false), (0o1777, true), (0o775, true)] {
            fs::set_permissions(&directory, Permissions::from_mode(mode)).expect("it is ours");
            for path in [&program, &link] {
                let metadata = path.metadata().expect("it is there");
                let checked = check_trusted_program(path, &metadata);
                assert_eq!(checked.is_ok(), is_trusted, "{mode:o} {}", path.display());
            }
        }
    }

    #[test]
    fn a_program_is_not_trusted_if_a_group_of_others_can_write_it() {
        let home = tempfile::tempdir().expect("a directory");
        let program = home.path().join("x");
        fs::write(&program, "").expect("it is writable");
        fs::set_permissions(&program, Permissions::from_mode(0o775)).expect("it is ours");
        // Only root can give a file to any group.
        if std::os::unix::fs::chown(&program, None, Some(12_345)).is_ok() {
            let metadata = program.metadata().expect("it is there");
            let expected = Err(FileDistrust::GroupWritable(0o775));
            assert_eq!(check_trusted_program(&program, &metadata), expected);
        }
    }
}
