//! What all commands share: the environment, what the standard streams are, and how to reach the
//! user.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;

use crate::config::Env;
use crate::error::{Error, ErrorForm};
use crate::guard::ChildGuard;
use crate::protocol::ExactJson;
use crate::text::{KnownSecrets, TextTable, sanitize, sanitize_json};
use crate::ui::{
    InterruptSignal, MarkdownRenderer, Notices, OutputError, RenderTarget, StdoutWriter,
    TerminalInfo, pieces_of,
};

/// How often it is checked for signals while something blocks.
const SIGNAL_CHECK: Duration = Duration::from_millis(20);

/// The context of a command.
pub(crate) struct App {
    /// The environment variables.
    pub(crate) env: Env,
    /// What is known about the standard streams and the terminal.
    pub(crate) facts: TerminalInfo,
    /// What is never printed or stored.
    pub(crate) secrets: Arc<KnownSecrets>,
    /// Messages to the user.
    pub(crate) notices: Notices,
    /// The signals that end a run, once they are watched.
    pub(crate) interrupt: Arc<InterruptSignal>,
    /// The file of a prompt written in an editor that does not have a complete answer yet.
    pub(crate) draft: Mutex<Option<PathBuf>>,
    /// What starts the tools; nothing runs before the first one.
    pub(crate) guard: Arc<ChildGuard>,
}

impl App {
    /// Writes a text to standard output.
    pub(crate) fn print(&self, text: &str) -> Result<(), Error> {
        let text = self.secrets.scrub(text);
        Ok(StdoutWriter::open()?.write_all(text.as_bytes(), &self.interrupt)?)
    }

    /// Renders Markdown on standard output, until a signal arrives.
    pub(crate) fn print_markdown(&self, text: &str, screen: RenderTarget) -> Result<(), Error> {
        let text = self.secrets.scrub(text);
        let mut output = StdoutWriter::open()?;
        let mut markdown = MarkdownRenderer::new(screen);
        for piece in pieces_of(&text) {
            if let Some(signal) = self.interrupt.pending_signal() {
                return Err(Error::Interrupted(signal));
            }
            markdown.push_text(piece);
            output.write_all(markdown.take_rows().as_bytes(), &self.interrupt)?;
        }
        Ok(output.write_all(markdown.finish_text().as_bytes(), &self.interrupt)?)
    }

    /// Writes text from outside to standard output, sanitized if that is a terminal.
    pub(crate) fn print_outside(&self, text: &str) -> Result<(), Error> {
        if self.facts.stdout_is_terminal {
            self.print(&sanitize(text))
        } else {
            self.print(text)
        }
    }

    /// Writes a table to standard output, sanitized if that is a terminal.
    pub(crate) fn print_table<const N: usize>(&self, table: &TextTable<N>) -> Result<(), Error> {
        self.print(&if self.facts.stdout_is_terminal {
            table.to_sanitized_text()
        } else {
            table.to_text()
        })
    }

    /// Writes text that contains JSON to standard output. On a terminal, dangerous characters
    /// become JSON escapes, which do not change the meaning.
    pub(crate) fn print_json(&self, text: &str) -> Result<(), Error> {
        if self.facts.stdout_is_terminal {
            self.print(&sanitize_json(text))
        } else {
            self.print(text)
        }
    }

    /// Prints JSON that programs read: indented on a terminal, on one line elsewhere.
    pub(crate) fn print_object<T: Serialize>(&self, object: &T) -> Result<(), Error> {
        let object = ExactJson::from_value(object);
        self.print_json(&if self.facts.stdout_is_terminal {
            format!("{object:#}\n")
        } else {
            format!("{object}\n")
        })
    }

    /// Reports an error. A closed output is not reported: whoever closed it knows.
    pub(crate) fn report(&self, error: &Error, form: ErrorForm) {
        match error {
            Error::Output(OutputError::Closed) => return,
            // Nor is the signal that stops the scripted endpoint, which is its normal end.
            Error::Served(_) => return,
            Error::NoCommand { help } => return self.notices.print_block(help),
            _ => self
                .notices
                .error(&error.message(), error.hint().as_deref()),
        }
        let object = error.object();
        match form {
            ErrorForm::Text => {}
            // Standard output itself has failed, or its reader is stuck; the error was reported
            // above.
            ErrorForm::JsonLines
                if matches!(
                    error,
                    Error::Output(OutputError::Failed(_) | OutputError::Interrupted(_))
                ) => {}
            ErrorForm::Json => self.notices.print_json(&object),
            ErrorForm::JsonLines => {
                // A failure here was reported above, too.
                let _ = self.print_json(&format!("{object}\n"));
            }
        }
    }

    /// Remembers the file of a prompt until it is answered or reported.
    pub(crate) fn hold_draft(&self, path: PathBuf) {
        *self.draft.lock().unwrap_or_else(PoisonError::into_inner) = Some(path);
    }

    /// Removes the file of a prompt that has been answered.
    pub(crate) fn drop_draft(&self) {
        if let Some(path) = self
            .draft
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
        {
            let _ = std::fs::remove_file(path); // It may be gone already.
        }
    }

    /// Reports where the unanswered prompt is.
    pub(crate) fn tell_draft(&self) {
        if let Some(path) = self
            .draft
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
        {
            self.tell_written(&path);
        }
    }

    /// Reports where something is that was written but not used.
    pub(crate) fn tell_written(&self, path: &Path) {
        self.notices
            .notice_always(&format!("what you wrote is in `{}`", path.display()));
    }

    /// Does what may take forever, such as opening a named pipe, on a thread of its own, and fails
    /// at the first signal. `what` completes "cannot …".
    pub(crate) fn unless_signalled<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let failed = |source| Error::System { what, source };
        let (done, result) = mpsc::channel();
        let builder = std::thread::Builder::new().name("input".to_owned());
        let waiting = move || done.send(work()).unwrap_or_default(); // The process may be ending.
        builder.spawn(waiting).map_err(failed)?;
        loop {
            match result.recv_timeout(SIGNAL_CHECK) {
                Ok(output) => return Ok(output),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(failed(std::io::ErrorKind::BrokenPipe.into()));
                }
                Err(RecvTimeoutError::Timeout) => {
                    if let Some(signal) = self.interrupt.pending_signal() {
                        return Err(Error::Interrupted(signal));
                    }
                }
            }
        }
    }

    /// Waits for `future`, or fails at the first signal.
    pub(crate) async fn unless_interrupted<T>(
        &self,
        future: impl Future<Output = T>,
    ) -> Result<T, Error> {
        tokio::select! {
            biased;
            signal = self.interrupt.wait_for_signal() => Err(Error::Interrupted(signal)),
            output = future => Ok(output),
        }
    }
}
