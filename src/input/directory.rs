//! A directory as input: its text files, as a recursive search would find them.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ignore::gitignore::Gitignore;
use ignore::{DirEntry, WalkBuilder};

use super::read::on_a_thread;
use super::{Attachment, Error};
use crate::text::counted;

/// The text files of a directory.
#[derive(Debug)]
pub(crate) struct Directory {
    /// The files, sorted by name.
    pub(crate) files: Vec<Attachment>,
    /// A notice with their number and size.
    pub(crate) notice: String,
}

impl Directory {
    /// Reads a directory whose text files have at most `most` bytes in total. This may take long,
    /// but Ctrl-C does not wait for it.
    pub(crate) async fn read(path: &Path, most: u64) -> Result<Self, Error> {
        let directory = path.to_owned();
        let read = on_a_thread(move || Ok(read_now(&directory, most))).await;
        read.unwrap_or_else(|source| {
            Err(Error::Unreadable {
                path: path.to_owned(),
                source,
            })
        })
    }
}

fn read_now(directory: &Path, most: u64) -> Result<Directory, Error> {
    let (paths, mut others) = paths(directory)?;
    let (mut files, mut bytes) = (Vec::new(), 0);
    for path in paths {
        match Attachment::read_if_text(&path, most)? {
            // An empty file says nothing, and directories are full of them.
            Some(file) if file.is_blank() => {}
            Some(file) => {
                bytes += file.raw_bytes() as u64;
                if bytes > most {
                    let is_alone = file.raw_bytes() as u64 > most;
                    let name = if is_alone {
                        file.name().to_owned()
                    } else {
                        format!("`{}`", directory.display())
                    };
                    return Err(Error::TooLong { name, most });
                }
                files.push(file);
            }
            None => others += 1,
        }
    }
    let name = directory.display();
    if files.is_empty() {
        return Err(Error::NoTextFiles {
            path: directory.to_owned(),
        });
    }
    let mut notice = format!(
        "`{name}`: {}, {}",
        counted(files.len(), "text file"),
        counted(bytes, "byte")
    );
    if others > 0 {
        notice.push_str(&format!("; skipped {}", counted(others, "other file")));
    }
    Ok(Directory { files, notice })
}

/// Returns the file or directory that could not be read.
fn place_of(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => {
            place_of(err)
        }
        _ => None,
    }
}

/// Returns the files of a directory, and the number of links to files. Hidden files are left out,
/// and so are those that .gitignore or .ignore name, in a repository or not. Links are not
/// followed.
///
/// Ignore files come with the directory, from whoever made it, so they may only exclude. By
/// default, the walk would let them re-include hidden files, and `.ignore` what `.gitignore` names.
fn paths(directory: &Path) -> Result<(Vec<PathBuf>, usize), Error> {
    let (mut paths, mut links) = (Vec::new(), 0);
    let ignore_files = IgnoreFiles::new(directory)?;
    let walk = WalkBuilder::new(directory)
        .require_git(false)
        .ignore(false)
        .filter_entry(move |entry| {
            let is_named_by_the_user = entry.depth() == 0;
            is_named_by_the_user || !(is_hidden(entry) || ignore_files.exclude(entry))
        })
        .sort_by_file_name(Ord::cmp)
        .build();
    for entry in walk {
        let entry = entry.map_err(|error| {
            let path = place_of(&error).unwrap_or(directory).to_owned();
            let source = error
                .into_io_error()
                .map_or_else(|| io::Error::other("it cannot be searched"), os_error_of);
            Error::Unreadable { path, source }
        })?;
        if entry.file_type().is_some_and(|kind| kind.is_file()) {
            paths.push(entry.into_path());
        } else if entry.path_is_symlink() && entry.path().is_file() {
            links += 1;
        }
    }
    Ok((paths, links))
}

/// Returns the OS error, without the walk's wrapper, which repeats the path.
fn os_error_of(error: io::Error) -> io::Error {
    let wrapped = error.get_ref().and_then(|wrapper| wrapper.source());
    let code = wrapped
        .and_then(|source| source.downcast_ref::<io::Error>())
        .and_then(io::Error::raw_os_error);
    code.map_or(error, io::Error::from_raw_os_error)
}

fn is_hidden(entry: &DirEntry) -> bool {
    entry.file_name().as_encoded_bytes().starts_with(b".")
}

/// The `.ignore` files in a directory and its ancestors.
struct IgnoreFiles {
    /// The directory as it was given; `root` is its canonical path.
    directory: PathBuf,
    root: PathBuf,
    /// The rules of each directory, read on demand.
    rules: Mutex<HashMap<PathBuf, Gitignore>>,
}

impl IgnoreFiles {
    fn new(directory: &Path) -> Result<Self, Error> {
        let root = fs::canonicalize(directory).map_err(|source| Error::Unreadable {
            path: directory.to_owned(),
            source,
        })?;
        Ok(Self {
            directory: directory.to_owned(),
            root,
            rules: Mutex::default(),
        })
    }

    /// Whether any of the files excludes an entry of the directory.
    fn exclude(&self, entry: &DirEntry) -> bool {
        let below = entry.path().strip_prefix(&self.directory);
        let path = self.root.join(below.unwrap_or(entry.path()));
        let is_directory = entry.file_type().is_some_and(|kind| kind.is_dir());
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        path.ancestors().skip(1).any(|directory| {
            let rules = rules
                .entry(directory.to_owned())
                .or_insert_with(|| Gitignore::new(directory.join(".ignore")).0);
            rules.matched(&path, is_directory).is_ignore()
        })
    }
}
