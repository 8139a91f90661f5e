//! Reading without blocking the process: anything but a regular file, such as a pipe, is read on a
//! separate thread, so that Ctrl-C and the end of the process do not wait for it.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::os::fd::AsFd;
use std::path::Path;

use super::Error;
use super::patient::Patient;
use super::utf8::{decoded, lossy};
use crate::media::{FileKind, detect_file_kind};

/// The most bytes of a list of files.
const MAX_LIST_BYTES: u64 = 16 * 1024 * 1024;

/// Reads a file as text for programs, which must be UTF-8; `-` is standard input.
pub(crate) async fn read_text(path: &Path) -> Result<String, Error> {
    let (name, bytes) = read_all(path).await?;
    let text = String::from_utf8(decoded(bytes, 0).0);
    let text = text.map_err(|error| Error::NotUtf8 {
        name,
        offset: error.utf8_error().valid_up_to(),
    })?;
    Ok(text)
}

/// Reads a file as text for the model. Invalid UTF-8 is replaced, with a notice.
pub(crate) async fn read_prose(path: &Path) -> Result<(String, Option<String>), Error> {
    let (name, bytes) = read_all(path).await?;
    Ok(lossy(&name, bytes, 0))
}

/// Reads a file as bytes; `-` is standard input.
pub(super) async fn read_list(path: &Path) -> Result<Vec<u8>, Error> {
    let bytes = if path.as_os_str() == "-" {
        read_stdin().await.map_err(Error::Stdin)?
    } else {
        read_path(path, Vec::new(), MAX_LIST_BYTES).await?
    };
    Ok(decoded(bytes, 0).0)
}

async fn read_all(path: &Path) -> Result<(String, Vec<u8>), Error> {
    let (name, bytes) = if path.as_os_str() == "-" {
        (
            "standard input".to_owned(),
            read_stdin().await.map_err(Error::Stdin)?,
        )
    } else {
        (
            format!("`{}`", path.display()),
            read_path(path, Vec::new(), u64::MAX).await?,
        )
    };
    match detect_file_kind(&bytes) {
        FileKind::Text => Ok((name, bytes)),
        kind => Err(Error::NotText { name, kind }),
    }
}

async fn read_stdin() -> io::Result<Vec<u8>> {
    read_open(
        File::from(io::stdin().as_fd().try_clone_to_owned()?),
        Vec::new(),
        u64::MAX,
    )
    .await
}

/// Appends a file to `bytes`, up to its end. It may have at most `most` bytes: a pipe or a device
/// may never end, and a file that is refused anyway should not be waited for or held in memory.
pub(super) async fn read_path(path: &Path, bytes: Vec<u8>, most: u64) -> Result<Vec<u8>, Error> {
    let unreadable = |source: io::Error| match source.kind() {
        ErrorKind::FileTooLarge => Error::TooLong {
            name: format!("`{}`", path.display()),
            most,
            exclude: Vec::new(),
        },
        _ => Error::Unreadable {
            path: path.to_owned(),
            source,
        },
    };
    if fs::metadata(path).map_err(unreadable)?.is_file() {
        return to_end(File::open(path), bytes, most).map_err(unreadable);
    }
    // Opening a named pipe waits for its writer.
    let path_to_open = path.to_owned();
    on_a_thread(move || to_end(File::open(path_to_open), bytes, most))
        .await
        .map_err(unreadable)
}

/// Appends an open file to `bytes` in the same way. If there is too much, the error has the kind
/// `FileTooLarge`.
pub(super) async fn read_open(file: File, bytes: Vec<u8>, most: u64) -> io::Result<Vec<u8>> {
    if file.metadata()?.is_file() {
        return to_end(Ok(file), bytes, most);
    }
    on_a_thread(move || to_end(Ok(file), bytes, most)).await
}

fn to_end(file: io::Result<File>, mut bytes: Vec<u8>, most: u64) -> io::Result<Vec<u8>> {
    let file = file?;
    // A regular file is read into as much memory as it needs; a byte more shows that it has ended.
    let size = file.metadata()?.len().min(most).saturating_add(1);
    bytes.reserve_exact(usize::try_from(size).unwrap_or_default());
    let read = Patient(file)
        .take(most.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if read as u64 > most {
        Err(ErrorKind::FileTooLarge.into())
    } else {
        Ok(bytes)
    }
}

/// Runs work that may block on a separate thread. Fails if no thread can be started.
pub(crate) async fn on_a_thread<T: Send + 'static>(
    read: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let (done, result) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("input".to_owned())
        .spawn(move || {
            let _ = done.send(read()); // Nobody waits any more once the process is ending.
        })?;
    result
        .await
        .unwrap_or_else(|_| Err(ErrorKind::BrokenPipe.into()))
}
