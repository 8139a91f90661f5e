//! The file of a record while it is written: parallel processes append to it whole lines.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde_json::json;
use serde_json::value::RawValue;

use super::answers::check_header;
use super::attached_files::take_out_files;
use super::error::RecordError;
use super::exchange::RecordedExchange;
use super::{FORMAT, VERSION};
use crate::fs::{Durability, atomic_write, create_private_dir, is_torn};
use crate::protocol::ExactJson;

/// What the name of the directory of images and PDFs ends in.
const FILES: &str = ".files";

/// The longest first line that is looked at, in bytes.
const MAX_HEADER_BYTES: u64 = 1024;

/// A record that is appended to.
#[derive(Debug)]
pub(crate) struct RecordWriter {
    path: PathBuf,
    file: File,
}

impl RecordWriter {
    /// Opens a record, or creates one that only the user may read.
    ///
    /// # Errors
    ///
    /// If there is another file, or one that cannot be written.
    pub(crate) fn open(path: &Path) -> Result<Self, RecordError> {
        let unwritable = |source| RecordError::Unwritable {
            path: path.to_owned(),
            source,
        };
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .map_err(unwritable)?;
        if !file.metadata().map_err(unwritable)?.is_file() {
            return Err(RecordError::Occupied {
                path: path.to_owned(),
            });
        }
        let mut first_line = Vec::new();
        {
            let _locked = FileLock::acquire(&file).map_err(unwritable)?;
            let mut start = BufReader::new((&file).take(MAX_HEADER_BYTES));
            start
                .read_until(b'\n', &mut first_line)
                .map_err(unwritable)?;
            if first_line.is_empty() {
                first_line = format!("{}\n", json!({"format": FORMAT, "version": VERSION})).into();
                (&file).write_all(&first_line).map_err(unwritable)?;
            }
        }
        check_header(path, &first_line).map_err(|error| match error {
            RecordError::OtherFormat { path } => RecordError::Occupied { path },
            error => error,
        })?;
        Ok(Self {
            path: path.to_owned(),
            file,
        })
    }

    /// Returns the file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends an exchange whose request had this body, in one write. What it holds has no secret
    /// any more.
    pub(crate) fn append(&self, mut exchange: RecordedExchange) -> io::Result<()> {
        if let Some(body) = exchange.request.body.take() {
            exchange.request.body = Some(self.store_files(body.get())?);
        }
        let mut line = exchange.to_line();
        let _locked = FileLock::acquire(&self.file)?;
        if is_torn(&self.file)? {
            line.insert(0, '\n');
        }
        (&self.file).write_all(line.as_bytes())
    }

    /// Puts the images and PDFs of a body into files, and returns it with their hashes.
    fn store_files(&self, body: &str) -> io::Result<Box<RawValue>> {
        let mut json = ExactJson::parse_written(body).map_err(io::Error::from)?;
        let files = json.change(take_out_files);
        if !files.is_empty() {
            let mut directory = self.path.clone().into_os_string();
            directory.push(FILES);
            let directory = PathBuf::from(directory);
            create_private_dir(&directory)?;
            for file in files {
                let path = directory.join(&file.name);
                if !path.exists() {
                    atomic_write(&path, &file.bytes, Durability::Cached)?;
                }
            }
        }
        RawValue::from_string(json.to_string()).map_err(io::Error::from)
    }
}

/// The lock on a record, for as long as this is there.
struct FileLock<'a>(&'a File);

impl<'a> FileLock<'a> {
    /// Waits for the lock. A file system without locks has none: a line is one write there too.
    fn acquire(file: &'a File) -> io::Result<Self> {
        match file.lock() {
            Err(error) if error.kind() != ErrorKind::Unsupported => Err(error),
            _ => Ok(Self(file)),
        }
    }
}

impl Drop for FileLock<'_> {
    fn drop(&mut self) {
        // The end of the process does the same.
        let _ = self.0.unlock();
    }
}
