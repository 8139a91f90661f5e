//! Where an answer goes: gathered here, and written with one write for all that has arrived.

use std::path::PathBuf;
use std::sync::Arc;

use super::interrupt::Interrupt;
use super::output::{Output, OutputError};
use super::part_file::PartFile;
use crate::text::{sanitize, sanitize_json};

/// The end of an answer's way.
#[derive(Debug)]
pub(crate) struct Sink {
    pending: Vec<u8>,
    last_byte: Option<u8>,
    is_terminal: bool,
    target: Target,
}

#[derive(Debug)]
enum Target {
    Stdout(Output, Arc<Interrupt>),
    File(PartFile),
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Saved {
    /// There was none, or it is whole.
    Whole,
    /// It is where this path says.
    Partly(PathBuf),
}

impl Sink {
    /// Standard output; `is_terminal` says whether a terminal is at its end.
    pub(crate) fn stdout(output: Output, is_terminal: bool, interrupt: Arc<Interrupt>) -> Self {
        Self {
            pending: Vec::new(),
            last_byte: None,
            is_terminal,
            target: Target::Stdout(output, interrupt),
        }
    }

    /// The file of `--output`.
    pub(crate) fn file(file: PartFile) -> Self {
        Self {
            pending: Vec::new(),
            last_byte: None,
            is_terminal: false,
            target: Target::File(file),
        }
    }

    /// Waits until nobody reads any more.
    pub(crate) fn closed(&self) -> impl Future<Output = ()> + use<> {
        let closed = match &self.target {
            Target::Stdout(output, _) => Some(output.closed()),
            Target::File(_) => None,
        };
        async move {
            match closed {
                Some(closed) => closed.await,
                None => std::future::pending().await,
            }
        }
    }

    /// Whether anything has been taken.
    pub(super) fn has_output(&self) -> bool {
        self.last_byte.is_some()
    }

    /// Whether a terminal is at its end.
    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Takes text of the answer: byte for byte, but harmless on a terminal.
    pub(crate) fn text(&mut self, text: &str) {
        if self.is_terminal {
            self.push(sanitize(text).as_bytes());
        } else {
            self.push(text.as_bytes());
        }
    }

    /// Takes JSON, in the same way.
    pub(crate) fn json(&mut self, json: &str) {
        if self.is_terminal {
            self.push(sanitize_json(json).as_bytes());
        } else {
            self.push(json.as_bytes());
        }
    }

    /// Takes what was rendered, which is harmless already and may have sequences of its own.
    pub(super) fn rendered(&mut self, text: &str) {
        self.push(text.as_bytes());
    }

    /// Takes what is no text.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.push(bytes);
    }

    fn push(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        self.last_byte = bytes.last().copied().or(self.last_byte);
    }

    /// Ends the last line, if there is one that is not ended.
    pub(crate) fn end_line(&mut self) {
        if self.last_byte.is_some_and(|byte| byte != b'\n') {
            self.push(b"\n");
        }
    }

    /// Writes what has been taken.
    pub(crate) fn flush(&mut self) -> Result<(), OutputError> {
        let written = match &mut self.target {
            Target::Stdout(output, interrupt) => output.write_all(&self.pending, interrupt),
            Target::File(file) => {
                file.write_all(&self.pending)
                    .map_err(|source| OutputError::File {
                        path: file.target().to_owned(),
                        source,
                    })
            }
        };
        self.pending.clear();
        written
    }

    /// Ends the file: whole, or left in part.
    pub(crate) fn close(self, whole: bool) -> Result<Saved, OutputError> {
        match self.target {
            Target::File(file) if whole => {
                let path = file.target().to_owned();
                file.complete()
                    .map(|()| Saved::Whole)
                    .map_err(|source| OutputError::File { path, source })
            }
            Target::File(file) => Ok(file.abandon().map_or(Saved::Whole, Saved::Partly)),
            Target::Stdout(..) => Ok(Saved::Whole),
        }
    }
}
