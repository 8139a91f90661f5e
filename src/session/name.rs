//! Names of conversations: links in a directory, so that finding, claiming and releasing a name are
//! single operations of the file system.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::paths::{conversation_file, linked_id, names_dir};
use super::{Error, write_error};
use crate::fs::create_private_dir;
use crate::text::KnownSecrets;

/// Maximum length of a name in bytes, so that the name of its link is valid on every file system.
const MAX_BYTES: usize = 80;

/// Rejects invalid names.
pub(super) fn check_name(name: &str, secrets: &KnownSecrets) -> Result<(), Error> {
    let bad = |reason| {
        Err(Error::BadName {
            name: name.to_owned(),
            reason,
        })
    };
    if name.is_empty() {
        return bad("it is empty");
    }
    if name.trim() != name {
        return bad("it begins or ends with white space");
    }
    if name.len() > MAX_BYTES {
        return bad("it is longer than 80 bytes");
    }
    if name.chars().any(char::is_control) {
        return bad("it has a control character");
    }
    // Names are the names of files, and listed.
    if secrets.has_key_like(name) {
        return bad("it has an API key in it");
    }
    Ok(())
}

/// Returns the path of a name's link. Characters that a file name cannot have are written as `%`
/// and two hexadecimal digits.
fn link_path(directory: &Path, name: &str) -> PathBuf {
    let mut file = String::with_capacity(name.len() + 6);
    for (place, letter) in name.char_indices() {
        match letter {
            '/' | '%' | '\\' | ':' => file.push_str(&format!("%{:02x}", u32::from(letter))),
            '.' if place == 0 => file.push_str("%2e"),
            _ => file.push(letter),
        }
    }
    names_dir(directory).join(file + ".jsonl")
}

/// Returns the name that a link has, the reverse of [`link_path`].
fn name_of_link(link: &Path) -> Option<String> {
    let file = link.file_name()?.to_str()?.strip_suffix(".jsonl")?;
    let mut parts = file.split('%');
    let mut name = parts.next()?.to_owned();
    for part in parts {
        let code = u8::from_str_radix(part.get(..2)?, 16).ok()?;
        name.push(char::from(code));
        name.push_str(&part[2..]);
    }
    Some(name)
}

/// Returns the id and the name of each conversation with a name, in no particular order.
pub(super) fn all_names(directory: &Path) -> impl Iterator<Item = (String, String)> {
    let entries = fs::read_dir(names_dir(directory)).into_iter().flatten();
    entries.filter_map(|entry| {
        let link = entry.ok()?.path();
        Some((linked_id(&link)?, name_of_link(&link)?))
    })
}

/// Returns the id of the conversation with this name.
pub(super) fn id_for_name(directory: &Path, name: &str) -> Option<String> {
    check_name(name, &KnownSecrets::default()).ok()?;
    linked_id(&link_path(directory, name))
}

/// Creates the link of a name; false if the name is taken.
fn create_link(directory: &Path, name: &str, id: &str) -> Result<bool, Error> {
    let link = link_path(directory, name);
    let target = Path::new("..").join(format!("{id}.jsonl"));
    match symlink(target, &link) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(source) => Err(write_error(&link)(source)),
    }
}

/// Claims a name, creating the directory of names if needed; false if an existing conversation has
/// the name.
pub(super) fn claim_name(directory: &Path, name: &str, id: &str) -> Result<bool, Error> {
    let names = names_dir(directory);
    create_private_dir(&names).map_err(write_error(&names))?;
    if create_link(directory, name, id)? {
        return Ok(true);
    }
    match id_for_name(directory, name) {
        Some(holder) if holder == id => Ok(true),
        // The conversation was removed by hand.
        Some(holder) if !conversation_file(directory, &holder).exists() => {
            release_name(directory, name, &holder);
            create_link(directory, name, id)
        }
        _ => Ok(false),
    }
}

/// Releases the name of a conversation, if it still has it.
pub(super) fn release_name(directory: &Path, name: &str, id: &str) {
    if id_for_name(directory, name).as_deref() == Some(id) {
        // A dangling link is harmless.
        let _ = fs::remove_file(link_path(directory, name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_claimed_once_and_found_whatever_characters_it_has() {
        let directory = tempfile::tempdir().expect("a directory");
        fs::create_dir(names_dir(directory.path())).expect("it is writable");
        for name in ["a", "A b", "../a", ".", "ä/ö", "100%", "a:b"] {
            assert_eq!(id_for_name(directory.path(), name), None, "{name}");
            assert!(
                create_link(directory.path(), name, "2x").expect("it is writable"),
                "{name}"
            );
            assert!(
                !create_link(directory.path(), name, "3x").expect("it is writable"),
                "{name}"
            );
            assert_eq!(
                id_for_name(directory.path(), name).as_deref(),
                Some("2x"),
                "{name}"
            );
        }
        release_name(directory.path(), "a", "3x");
        assert!(id_for_name(directory.path(), "a").is_some());
        release_name(directory.path(), "a", "2x");
        assert!(id_for_name(directory.path(), "a").is_none());
    }

    #[test]
    fn invalid_names_are_refused() {
        for name in ["", " ", " a", "a\n", "a\tb", &"x".repeat(81)] {
            assert!(
                check_name(name, &KnownSecrets::default()).is_err(),
                "{name:?}"
            );
        }
    }
}
