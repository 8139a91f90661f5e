//! Where `--template` finds saved prompts.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::config::templates_directory;
use crate::error::Error;
use crate::input;
use crate::text::did_you_mean;

/// The extension of a template's file.
const EXTENSION: &str = "md";

/// Finds a template: a bare name in the directory of the templates only, a path anywhere.
pub(crate) fn path_of(given: &Path) -> Result<PathBuf, Error> {
    let name = given.to_string_lossy();
    if name.contains('/') || name == "-" {
        return Ok(given.to_owned());
    }
    let directory = directory()?;
    let path = directory.join(format!("{name}.{EXTENSION}"));
    if path.exists() {
        return Ok(path);
    }
    let names = names(&directory)?;
    let nearest = did_you_mean(&name, names.iter().map(String::as_str));
    Err(Error::Usage {
        message: format!("no template `{name}` in `{}`{nearest}", directory.display()),
        hint: Some(format!(
            "`langdock template list` lists the templates; for a file in the current directory, \
             write \
            ./{name}"
        )),
    })
}

/// The directory of the templates.
pub(crate) fn directory() -> Result<PathBuf, Error> {
    templates_directory().ok_or_else(|| Error::Usage {
        message: "HOME is not set, so there is no template directory".to_owned(),
        hint: Some("set HOME, or name a file with -t ./FILE".to_owned()),
    })
}

/// The names of the templates, sorted. A directory that does not exist has none.
pub(crate) fn names(directory: &Path) -> Result<Vec<String>, Error> {
    let unreadable = |source| {
        Error::Input(input::Error::Unreadable {
            path: directory.to_owned(),
            source,
        })
    };
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        if !path.is_file() {
            continue;
        }
        let stem = path.file_stem().filter(|_| {
            path.extension()
                .is_some_and(|extension| extension == EXTENSION)
        });
        names.extend(stem.map(|stem| stem.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}
