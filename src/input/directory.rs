//! A directory as input: its text files, as a recursive search would find them; or the files that
//! match a pattern.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ignore::gitignore::Gitignore;
use ignore::{DirEntry, WalkBuilder};

use super::exclusions::Exclusions;
use super::file_selection::FilePattern;
use super::fitting_exclusions::fitting_exclusions;
use super::read::on_a_thread;
use super::{Attachment, Error};
use crate::media::FileKind;
use crate::text::counted;

/// How many special files a notice names.
const MAX_NAMED: usize = 3;

/// The files of a directory, or those that match a pattern.
#[derive(Debug)]
pub(crate) struct Directory {
    /// The files, sorted by name.
    pub(crate) files: Vec<Attachment>,
    /// A notice with their number and size.
    pub(crate) notice: String,
}

impl Directory {
    /// Reads the text files of a directory, except those that `exclude` names. They
    /// may have at most `most` bytes in total. This may take long, but Ctrl-C does not wait for it.
    pub(crate) async fn read(path: &Path, exclude: &Exclusions, most: u64) -> Result<Self, Error> {
        let (directory, exclude) = (path.to_owned(), exclude.clone());
        Self::on_a_thread(path, move || {
            let found = FoundFiles::below(&directory, None, &exclude)?;
            let is_wanted = |kind| kind == FileKind::Text;
            read_found(&directory, found, is_wanted, most)
        })
        .await
    }

    /// Reads the files that match a pattern and can be sent: text, images and PDFs.
    pub(crate) async fn read_matching(
        pattern: &FilePattern,
        exclude: &Exclusions,
        most: u64,
    ) -> Result<Self, Error> {
        let (owned, exclude) = (pattern.clone(), exclude.clone());
        Self::on_a_thread(pattern.given(), move || {
            let found = FoundFiles::matching(&owned, &exclude)?;
            read_found(owned.given(), found, FileKind::can_be_sent, most)
        })
        .await
    }

    async fn on_a_thread(
        path: &Path,
        read: impl FnOnce() -> Result<Self, Error> + Send + 'static,
    ) -> Result<Self, Error> {
        let read = on_a_thread(move || Ok(read())).await;
        read.unwrap_or_else(|source| {
            Err(Error::Unreadable {
                path: path.to_owned(),
                source,
            })
        })
    }
}

fn read_found(
    name: &Path,
    found: FoundFiles,
    is_wanted: fn(FileKind) -> bool,
    most: u64,
) -> Result<Directory, Error> {
    let FoundFiles {
        directory,
        paths,
        links,
        special,
    } = found;
    let (mut files, mut bytes, mut others) = (Vec::new(), 0, links);
    for path in &paths {
        match Attachment::read_if(path, is_wanted, most)? {
            // An empty file says nothing, and directories are full of them.
            Some(file) if file.is_blank() => {}
            Some(file) => {
                bytes += file.raw_bytes() as u64;
                if bytes > most {
                    let is_alone = file.raw_bytes() as u64 > most;
                    let name = if is_alone {
                        file.name().to_owned()
                    } else {
                        format!("`{}`", name.display())
                    };
                    let exclude = exclusions_to_fit(&directory, &paths, most);
                    return Err(Error::TooLong {
                        name,
                        most,
                        exclude,
                    });
                }
                files.push(file);
            }
            None => others += 1,
        }
    }
    if files.is_empty() {
        return Err(Error::NoTextFiles {
            path: name.to_owned(),
        });
    }
    let is_text = files.iter().all(|file| file.kind() == FileKind::Text);
    let kind = if is_text { "text file" } else { "file" };
    let mut notice = format!(
        "`{}`: {}, {}",
        name.display(),
        counted(files.len(), kind),
        counted(bytes, "byte")
    );
    if others > 0 {
        notice.push_str(&format!("; skipped {}", counted(others, "other file")));
    }
    if !special.is_empty() {
        let named: Vec<String> = special.iter().take(MAX_NAMED).cloned().collect();
        let more = special.len() - named.len();
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        notice.push_str(&format!("; skipped {}{more}", named.join(", ")));
    }
    Ok(Directory { files, notice })
}

/// Returns the globs to exclude so that the files have at most `most` bytes.
fn exclusions_to_fit(directory: &Path, paths: &[PathBuf], most: u64) -> Vec<String> {
    let sizes: Vec<(&Path, u64)> = paths
        .iter()
        .filter_map(|path| {
            let below = path.strip_prefix(directory).unwrap_or(path);
            Some((below, fs::metadata(path).ok()?.len()))
        })
        .collect();
    let total: u64 = sizes.iter().map(|(_, size)| size).sum();
    fitting_exclusions(sizes.into_iter(), total.saturating_sub(most))
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

/// What a walk has found.
#[derive(Debug, Default)]
pub(crate) struct FoundFiles {
    /// Where the walk began.
    directory: PathBuf,
    /// The regular files, sorted by name.
    pub(crate) paths: Vec<PathBuf>,
    /// The number of links to files, which are not followed.
    links: usize,
    /// Named pipes, sockets and devices, which are not opened: each described, with its path.
    special: Vec<String>,
}

impl FoundFiles {
    /// Finds the files that match a pattern. Fails if there are none.
    pub(crate) fn matching(pattern: &FilePattern, exclude: &Exclusions) -> Result<Self, Error> {
        let here = Path::new(".");
        let is_here = pattern.directory.as_os_str().is_empty();
        let directory = if is_here { here } else { &pattern.directory };
        let no_match = || Error::NoMatch {
            pattern: pattern.given().to_owned(),
        };
        if !directory.is_dir() {
            return Err(no_match());
        }
        let matcher = pattern.matcher(directory)?;
        let mut found = Self::below(directory, Some(&matcher), exclude)?;
        if is_here {
            for path in &mut found.paths {
                *path = path.strip_prefix(here).unwrap_or(path).to_owned();
            }
        }
        if found.paths.is_empty() {
            return Err(no_match());
        }
        Ok(found)
    }

    /// Finds the files of a directory, except those that `exclude` names; only those
    /// of `wanted`, if it is given. Hidden files are left out, and so are those that .gitignore or
    /// .ignore name, in a repository or not. Links are not followed.
    ///
    /// Ignore files come with the directory, from whoever made it, so they may only exclude. By
    /// default, the walk would let them re-include hidden files, and `.ignore` what `.gitignore`
    /// names.
    pub(crate) fn below(
        directory: &Path,
        wanted: Option<&Gitignore>,
        exclude: &Exclusions,
    ) -> Result<Self, Error> {
        let mut found = Self {
            directory: directory.to_owned(),
            ..Self::default()
        };
        let ignore_files = Arc::new(IgnoreFiles::new(directory)?);
        let ignored = Arc::clone(&ignore_files);
        let excluded = exclude.below(directory)?;
        let walk = WalkBuilder::new(directory)
            .require_git(false)
            .ignore(false)
            .filter_entry(move |entry| {
                let is_named_by_the_user = entry.depth() == 0;
                let is_directory = entry.file_type().is_some_and(|kind| kind.is_dir());
                is_named_by_the_user
                    || !(is_hidden(entry)
                        || excluded.exclude(entry.path(), is_directory)
                        || ignored.exclude(entry))
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
            let is_wanted =
                wanted.is_none_or(|wanted| wanted.matched(entry.path(), false).is_ignore());
            if is_wanted {
                found.add(entry);
            }
        }
        ignore_files.take_error().map_or(Ok(found), Err)
    }

    /// Returns the files that can be sent: text, images and PDFs that are not empty.
    pub(crate) fn that_can_be_sent(self) -> Result<Vec<PathBuf>, Error> {
        let mut sendable = Vec::new();
        for path in self.paths {
            let file = Attachment::read_beginning(&path)?;
            if file.kind().can_be_sent() && !file.is_empty() {
                sendable.push(path);
            }
        }
        Ok(sendable)
    }

    fn add(&mut self, entry: DirEntry) {
        let Some(kind) = entry.file_type() else {
            return;
        };
        if kind.is_file() {
            self.paths.push(entry.into_path());
        } else if entry.path_is_symlink() {
            self.links += usize::from(entry.path().is_file());
        } else if !kind.is_dir() {
            let described = describe_special(kind);
            self.special
                .push(format!("{described} `{}`", entry.path().display()));
        }
    }
}

fn describe_special(kind: fs::FileType) -> &'static str {
    if kind.is_fifo() {
        "the named pipe"
    } else if kind.is_socket() {
        "the socket"
    } else {
        "the device"
    }
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

/// The `.ignore` files in a directory and its ancestors. Checks the `.gitignore` files there, too.
struct IgnoreFiles {
    /// The directory as it was given; `root` is its canonical path.
    directory: PathBuf,
    root: PathBuf,
    /// The rules of each directory, read on demand.
    rules: Mutex<HashMap<PathBuf, Gitignore>>,
    /// Why one of the files cannot be read: what it excludes must not be sent.
    error: Mutex<Option<Error>>,
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
            error: Mutex::default(),
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
                .or_insert_with(|| self.rules_in(directory));
            rules.matched(&path, is_directory).is_ignore()
        })
    }

    /// Reads the `.ignore` file of a directory.
    fn rules_in(&self, directory: &Path) -> Gitignore {
        let checked = [".gitignore", ".ignore"].map(|name| check_rules(&directory.join(name)));
        if let Some(error) = checked.into_iter().find_map(Result::err) {
            let mut first = self.error.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert(error);
        }
        Gitignore::new(directory.join(".ignore")).0
    }

    /// Returns why one of the files cannot be read, if that was found since the last call.
    fn take_error(&self) -> Option<Error> {
        let mut error = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        error.take()
    }
}

/// Checks that a file of rules, if it is there, can be read. The walk applies only the rules before
/// the first line that is not UTF-8, and says nothing.
fn check_rules(path: &Path) -> Result<(), Error> {
    if !path.is_file() {
        return Ok(());
    }
    let bytes = fs::read(path).map_err(|source| Error::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    match str::from_utf8(&bytes) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::NotUtf8 {
            name: format!("`{}`", path.display()),
            offset: error.valid_up_to(),
        }),
    }
}
