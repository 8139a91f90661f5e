//! What a command works with: the environment, what the streams are, and the ways to reach the
//! person.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use crate::config::Env;
use crate::error::{Error, ErrorForm};
use crate::guard::ChildGuard;
use crate::protocol::ExactJson;
use crate::text::{TextTable, sanitize, sanitize_json};
use crate::ui::{InterruptSignal, Notices, OutputError, StdoutWriter, TerminalInfo};

/// The surroundings of a command.
pub(crate) struct App {
    /// What the environment says.
    pub(crate) env: Env,
    /// What the standard streams are.
    pub(crate) facts: TerminalInfo,
    /// Messages to the user.
    pub(crate) notices: Notices,
    /// Ctrl-C and SIGTERM, once they are watched.
    pub(crate) interrupt: Arc<InterruptSignal>,
    /// The file in which a prompt was written that has got no whole answer yet.
    pub(crate) draft: Mutex<Option<PathBuf>>,
    /// What starts the tools; nothing runs before the first one.
    pub(crate) guard: Arc<ChildGuard>,
}

impl App {
    /// Writes all of a text to standard output.
    pub(crate) fn print(&self, text: &str) -> Result<(), Error> {
        Ok(StdoutWriter::open()?.write_all(text.as_bytes(), &self.interrupt)?)
    }

    /// The same for text that came from outside: on a terminal it is made harmless.
    pub(crate) fn print_outside(&self, text: &str) -> Result<(), Error> {
        if self.facts.stdout_is_terminal {
            self.print(&sanitize(text))
        } else {
            self.print(text)
        }
    }

    /// The same for a table.
    pub(crate) fn print_table<const N: usize>(&self, table: &TextTable<N>) -> Result<(), Error> {
        self.print(&if self.facts.stdout_is_terminal {
            table.to_sanitized_text()
        } else {
            table.to_text()
        })
    }

    /// The same for text that has JSON in it: what a terminal would act on there is escaped for it,
    /// which means the same.
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
            // Nor is the signal that ends the scripted endpoint: there is no other end.
            Error::Served(_) => return,
            Error::NoCommand { help } => return self.notices.print_block(help),
            _ => self
                .notices
                .error(&error.message(), error.hint().as_deref()),
        }
        let object = error.object();
        match form {
            ErrorForm::Text => {}
            // Standard output itself has failed, or its reader is stuck: the error has been told
            // above.
            ErrorForm::JsonLines
                if matches!(
                    error,
                    Error::Output(OutputError::Failed(_) | OutputError::Interrupted(_))
                ) => {}
            ErrorForm::Json => self.notices.print_json(&object),
            ErrorForm::JsonLines => {
                // What fails now has been told above too.
                let _ = self.print_json(&format!("{object}\n"));
            }
        }
    }

    /// Keeps the file of a prompt until it is known what becomes of it.
    pub(crate) fn hold_draft(&self, path: PathBuf) {
        *self.draft.lock().unwrap_or_else(PoisonError::into_inner) = Some(path);
    }

    /// Removes the file of the prompt, which has been answered.
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

    /// Prints where the prompt is that was not answered.
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

    /// Prints where something is that was written and not used.
    pub(crate) fn tell_written(&self, path: &Path) {
        self.notices
            .notice_always(&format!("what you wrote is in `{}`", path.display()));
    }

    /// Waits for `future`, but no longer than until the first signal.
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
