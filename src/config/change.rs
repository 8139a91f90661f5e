//! Changes of the config file: one process at a time, and only of a regular file that is valid before
//! and after.

use std::io::ErrorKind;
use std::path::Path;

use super::write::{lock_for_change, write_whole};
use super::{ConfigFile, Error};
use crate::fs::{FileDistrust, FileRefusal, read_trusted};

/// Changes the config file and returns whether there was anything to change. `changed` gets its
/// text and what that says, and returns the new text, if any; other processes wait meanwhile.
/// Nothing is written unless the new text is valid as a whole.
pub(super) fn change(
    path: &Path,
    changed: impl FnOnce(&str, &ConfigFile) -> Result<Option<String>, Error>,
) -> Result<bool, Error> {
    check_changeable(path)?;
    let _lock = lock_for_change(path);
    let (old, file) = read_sound(path)?;
    let Some(new) = changed(&old, &file)? else {
        return Ok(false);
    };
    ConfigFile::parse(path, &new)?;
    write(path, &with_the_newlines_of(&old, new))?;
    Ok(true)
}

/// Checks that what is at the end of a path's links is a regular file, if anything is. Reading it
/// from a pipe or a device is fine, but neither can be changed.
pub(crate) fn check_changeable(path: &Path) -> Result<(), Error> {
    let Ok(metadata) = path.metadata() else {
        return Ok(());
    };
    FileRefusal::of_kind(&metadata).map_err(|refusal| Error::Unchangeable {
        path: path.to_owned(),
        refusal,
    })
}

/// Reads and validates the config file; a missing file counts as empty.
fn read_sound(path: &Path) -> Result<(String, ConfigFile), Error> {
    let read = read_trusted(path).and_then(|bytes| {
        String::from_utf8(bytes).map_err(|error| std::io::Error::new(ErrorKind::InvalidData, error))
    });
    let text = match read {
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(source) => {
            return Err(match FileDistrust::from_error(&source) {
                Some(distrust) => Error::untrusted(path, distrust),
                None => Error::Unreadable {
                    path: path.to_owned(),
                    source,
                },
            });
        }
        Ok(text) => text,
    };
    let file = ConfigFile::parse(path, &text)?;
    Ok((text, file))
}

/// Writes the config file as a whole.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Error> {
    write_whole(path, text).map_err(|source| Error::Unwritable {
        path: path.to_owned(),
        source,
    })
}

/// Restores the Windows line endings and the byte order mark of the old text, which `toml_edit`
/// drops.
fn with_the_newlines_of(old: &str, new: String) -> String {
    const MARK: char = '\u{feff}';
    let new = if old.contains("\r\n") {
        new.replace("\r\n", "\n").replace('\n', "\r\n")
    } else {
        new
    };
    if old.starts_with(MARK) && !new.starts_with(MARK) {
        format!("{MARK}{new}")
    } else {
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newlines_of_windows_and_a_mark_before_all_stay() {
        let old = "\u{feff}region = 'eu'\r\n";
        assert_eq!(
            with_the_newlines_of(old, "region = 'us'\na = 1\n".into()),
            "\u{feff}region = 'us'\r\na = 1\r\n"
        );
        assert_eq!(with_the_newlines_of("a = 1\n", "a = 2\n".into()), "a = 2\n");
    }
}
