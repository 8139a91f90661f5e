//! The destination of an answer: text is buffered, and written with a single write per flush.

use std::path::PathBuf;
use std::sync::Arc;

use super::interrupt::InterruptSignal;
use super::part_file::PartFile;
use super::stdout_writer::{OutputError, StdoutWriter};
use crate::text::{sanitize, sanitize_json};

/// A buffered writer to standard output or to the `--output` file.
#[derive(Debug)]
pub(crate) struct OutputSink {
    pending: Vec<u8>,
    last_byte: Option<u8>,
    is_terminal: bool,
    target: SinkTarget,
    /// Why a part could not be written.
    failure: Option<OutputError>,
}

/// How much is buffered, in bytes, before it is written though there is more.
const LARGE: usize = 1 << 20;

#[derive(Debug)]
enum SinkTarget {
    Stdout(StdoutWriter, Arc<InterruptSignal>),
    File(PartFile),
}

/// The state of an output file when it is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OutputFileState {
    /// Complete, or there was no file.
    Complete,
    /// Incomplete, kept at this path.
    Partial(PathBuf),
}

impl OutputSink {
    /// Creates a sink for standard output.
    pub(crate) fn for_stdout(
        output: StdoutWriter,
        is_terminal: bool,
        interrupt: Arc<InterruptSignal>,
    ) -> Self {
        Self {
            pending: Vec::new(),
            last_byte: None,
            is_terminal,
            target: SinkTarget::Stdout(output, interrupt),
            failure: None,
        }
    }

    /// Creates a sink for the `--output` file.
    pub(crate) fn for_file(file: PartFile) -> Self {
        Self {
            pending: Vec::new(),
            last_byte: None,
            is_terminal: false,
            target: SinkTarget::File(file),
            failure: None,
        }
    }

    /// Waits until the reader has closed standard output; forever for a file.
    pub(crate) fn wait_until_closed(&self) -> impl Future<Output = ()> + use<> {
        let closed = match &self.target {
            SinkTarget::Stdout(output, _) => Some(output.wait_until_closed()),
            SinkTarget::File(_) => None,
        };
        async move {
            match closed {
                Some(closed) => closed.await,
                None => std::future::pending().await,
            }
        }
    }

    /// Whether anything has been written or buffered.
    pub(super) fn has_output(&self) -> bool {
        self.last_byte.is_some()
    }

    /// Whether a signal has arrived that ends the output; never for a file, which keeps what came.
    /// Whoever asks writes no more then, so that [`Self::flush_pending`] reports the signal: what
    /// was left out is not taken for written.
    pub(super) fn is_interrupted(&mut self) -> bool {
        let SinkTarget::Stdout(_, interrupt) = &self.target else {
            return false;
        };
        let Some(signal) = interrupt.pending_signal() else {
            return false;
        };
        self.failure.get_or_insert(OutputError::Interrupted(signal));
        true
    }

    /// Whether the sink is a terminal.
    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Buffers text: unmodified, but sanitized on a terminal.
    pub(crate) fn write_text(&mut self, text: &str) {
        if self.is_terminal {
            self.buffer_bytes(sanitize(text).as_bytes());
        } else {
            self.buffer_bytes(text.as_bytes());
        }
    }

    /// Buffers JSON: unmodified, but sanitized on a terminal.
    pub(crate) fn write_json(&mut self, json: &str) {
        if self.is_terminal {
            self.buffer_bytes(sanitize_json(json).as_bytes());
        } else {
            self.buffer_bytes(json.as_bytes());
        }
    }

    /// Buffers rendered text, which is already sanitized and may contain escape sequences.
    pub(super) fn write_rendered(&mut self, text: &str) {
        self.buffer_bytes(text.as_bytes());
    }

    /// Buffers binary data.
    pub(crate) fn write_bytes(&mut self, bytes: &[u8]) {
        self.buffer_bytes(bytes);
    }

    fn buffer_bytes(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        self.last_byte = bytes.last().copied().or(self.last_byte);
    }

    /// Ends the last line if it has no line feed.
    pub(crate) fn end_line(&mut self) {
        if self.last_byte.is_some_and(|byte| byte != b'\n') {
            self.buffer_bytes(b"\n");
        }
    }

    /// Writes the buffered bytes.
    pub(crate) fn flush_pending(&mut self) -> Result<(), OutputError> {
        match self.failure.take() {
            Some(failure) => {
                if matches!(failure, OutputError::Interrupted(_)) {
                    // Standard output itself is sound, and what was rendered is shown.
                    let _ = self.write_pending();
                }
                self.pending.clear();
                Err(failure)
            }
            None => self.write_pending(),
        }
    }

    /// Writes the buffered bytes if there are many. [`Self::flush_pending`] reports an error.
    pub(super) fn flush_when_large(&mut self) {
        if self.failure.is_some() {
            self.pending.clear();
        } else if self.pending.len() >= LARGE {
            self.failure = self.write_pending().err();
        }
    }

    fn write_pending(&mut self) -> Result<(), OutputError> {
        let written = match &mut self.target {
            SinkTarget::Stdout(output, interrupt) => output.write_all(&self.pending, interrupt),
            SinkTarget::File(file) => {
                file.write_all(&self.pending)
                    .map_err(|source| OutputError::File {
                        path: file.target_path().to_owned(),
                        source,
                    })
            }
        };
        self.pending.clear();
        written
    }

    /// Closes a file: renames it to its target if `whole`, else keeps the part.
    pub(crate) fn close_file(self, whole: bool) -> Result<OutputFileState, OutputError> {
        match self.target {
            SinkTarget::File(file) if whole => {
                let path = file.target_path().to_owned();
                file.move_into_place()
                    .map(|()| OutputFileState::Complete)
                    .map_err(|source| OutputError::File { path, source })
            }
            SinkTarget::File(file) => Ok(file
                .leave_partial()
                .map_or(OutputFileState::Complete, OutputFileState::Partial)),
            SinkTarget::Stdout(..) => Ok(OutputFileState::Complete),
        }
    }
}
