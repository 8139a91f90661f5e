//! The image on the clipboard, read by whichever program of the desktop is installed.

use std::io::{self, ErrorKind, Read};
use std::path::PathBuf;
use std::process::Stdio;

use super::{Attachment, Error, on_a_thread};
use crate::fs::child_command;

/// The path that stands for the clipboard; a file of that name is `./clipboard:`.
pub(crate) const CLIPBOARD: &str = "clipboard:";

/// The programs that print the image on the clipboard, with their arguments, in the order in which
/// they are tried: on Wayland, on X11 and on macOS.
const READERS: [(&str, &[&str]); 3] = [
    ("wl-paste", &["--type", "image/png"]),
    (
        "xclip",
        &["-selection", "clipboard", "-target", "image/png", "-out"],
    ),
    ("pngpaste", &["-"]),
];

/// A program that is installed.
struct ClipboardReader {
    name: &'static str,
    path: PathBuf,
    args: &'static [&'static str],
}

/// Reads the image on the clipboard, of at most `most` bytes. `find` looks up a program in PATH.
///
/// # Errors
///
/// If no program is installed, or none finds an image.
pub(crate) async fn read_clipboard(
    find: impl Fn(&str) -> Option<PathBuf>,
    most: u64,
) -> Result<Attachment, Error> {
    let installed = READERS.iter().filter_map(|&(name, args)| {
        let path = find(name)?;
        Some(ClipboardReader { name, path, args })
    });
    let installed: Vec<_> = installed.collect();
    if installed.is_empty() {
        return Err(Error::NoClipboardProgram);
    }
    let mut failures = Vec::new();
    for reader in installed {
        let name = reader.name;
        match on_a_thread(move || reader.read(most)).await {
            Ok(bytes) => return Attachment::of_clipboard(bytes).not_as_text(),
            Err(error) if error.kind() == ErrorKind::FileTooLarge => {
                return Err(Error::TooLong {
                    name: "the clipboard".to_owned(),
                    most,
                    exclude: Vec::new(),
                });
            }
            Err(error) => failures.push(format!("{name}: {error}")),
        }
    }
    Err(Error::Clipboard(failures.join("; ")))
}

impl ClipboardReader {
    /// Runs the program, and returns what it prints. If that is more than `most` bytes, the error
    /// has the kind `FileTooLarge`.
    fn read(&self, most: u64) -> io::Result<Vec<u8>> {
        let mut child = child_command(&self.path)
            .args(self.args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut bytes = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            stdout
                .take(most.saturating_add(1))
                .read_to_end(&mut bytes)?;
        }
        if bytes.len() as u64 > most {
            let _ = child.kill(); // It may have ended.
            child.wait()?;
            return Err(ErrorKind::FileTooLarge.into());
        }
        let status = child.wait()?;
        if !status.success() {
            return Err(io::Error::other(status.to_string()));
        }
        if bytes.is_empty() {
            return Err(io::Error::other("it printed nothing"));
        }
        Ok(bytes)
    }
}
