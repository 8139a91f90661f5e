//! What all commands share: the environment, what the standard streams are, and how to reach the
//! user.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use serde::Serialize;

use crate::cli::with_connection_flags;
use crate::config::{Env, Origin, inherited_var};
use crate::error::{COMMAND_LINE, Error, ErrorForm, HintControls};
use crate::guard::ChildGuard;
use crate::protocol::{ExactJson, JsonIndenter};
use crate::secret_scan::SecretNumbers;
use crate::text::{KnownSecrets, TextTable, counted, sanitize, sanitize_json};
use crate::tool::FoundProgram;
use crate::ui::{
    ClipboardHost, CopyError, DEFAULT_PAGER, InterruptSignal, MarkdownRenderer, Notices,
    OutputError, RenderTarget, StdoutWriter, TerminalInfo, copy_to_clipboard, exceeds_screen,
    page_stdout, pager_command, pieces_of,
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
    /// The command line, beginning with the program's name.
    pub(crate) argv: Vec<OsString>,
    /// The signals that end a run, once they are watched.
    pub(crate) interrupt: Arc<InterruptSignal>,
    /// The file of a prompt written in an editor that does not have a complete answer yet.
    pub(crate) draft: Mutex<Option<PathBuf>>,
    /// What chose the model, unless a flag did; an error about the model says so.
    pub(crate) model_origin: OnceLock<Origin>,
    /// What hints may name, if that is not the flags of `send`.
    pub(crate) hint_controls: OnceLock<&'static HintControls>,
    /// What starts the tools; it does not run before there is a call.
    pub(crate) guard: Arc<ChildGuard>,
    /// The numbers of the secrets that were replaced in what is sent.
    pub(crate) secret_numbers: SecretNumbers,
}

impl App {
    /// Writes a text to standard output.
    pub(crate) fn print(&self, text: &str) -> Result<(), Error> {
        let text = self.secrets.scrub(text);
        Ok(StdoutWriter::open()?.write_all(text.as_bytes(), &self.interrupt)?)
    }

    /// Writes a text to standard output: through the user's pager if that is a terminal on which
    /// the text does not fit.
    pub(crate) fn print_long(&self, text: &str) -> Result<(), Error> {
        let is_screen = self.facts.stdout_is_terminal && !self.env.dumb_terminal;
        if !is_screen || !exceeds_screen(text) {
            return self.print(text);
        }
        let has_default = find_program(DEFAULT_PAGER).is_some();
        let Some(pager) = pager_command(self.env.pager.as_deref(), has_default) else {
            return self.print(text);
        };
        let scrubbed = self.secrets.scrub(text).into_owned();
        // Ctrl-C is left to the pager.
        let watched = self.interrupt.start_watching();
        watched.map_err(|source| Error::System {
            what: "watch for signals",
            source,
        })?;
        match page_stdout(pager, scrubbed, &self.interrupt) {
            Ok(()) => Ok(()),
            Err(error) => {
                if let Some(signal) = self.interrupt.pending_signal() {
                    return Err(Error::Interrupted(signal));
                }
                self.notices
                    .notice(&format!("cannot run the pager `{pager}`: {error}"));
                self.print(text)
            }
        }
    }

    /// Copies a text to the user's clipboard, and says what copied it.
    pub(crate) fn copy(&self, text: &str) -> Result<(), Error> {
        let text = self.secrets.scrub(text);
        let is_macos = cfg!(target_os = "macos");
        let host = ClipboardHost::from_variables(inherited_var, is_macos, self.env.dumb_terminal);
        let copied = copy_to_clipboard(&text, host, find_program, &self.interrupt);
        let by = copied.map_err(|error| match error {
            CopyError::Interrupted(signal) => Error::Interrupted(signal),
            error @ CopyError::NoWay(_) => Error::Copy(error),
        })?;
        self.notices
            .notice(&format!("copied {} with {by}", counted(text.len(), "byte")));
        Ok(())
    }

    /// Renders Markdown on standard output, until a signal arrives.
    pub(crate) fn print_markdown(&self, text: &str, screen: RenderTarget) -> Result<(), Error> {
        self.print(&self.rendered(text, screen)?)
    }

    /// Renders Markdown as [`App::print_long`] shows it.
    pub(crate) fn print_long_markdown(
        &self,
        text: &str,
        screen: RenderTarget,
    ) -> Result<(), Error> {
        self.print_long(&self.rendered(text, screen)?)
    }

    fn rendered(&self, text: &str, screen: RenderTarget) -> Result<String, Error> {
        let text = self.secrets.scrub(text);
        let mut rendered = String::new();
        let mut markdown = MarkdownRenderer::new(screen);
        for piece in pieces_of(&text) {
            if let Some(signal) = self.interrupt.pending_signal() {
                return Err(Error::Interrupted(signal));
            }
            markdown.push_text(piece);
            rendered.push_str(&markdown.take_rows());
        }
        rendered.push_str(&markdown.finish_text());
        Ok(rendered)
    }

    /// Writes text from outside to standard output, sanitized if that is a terminal.
    pub(crate) fn print_outside(&self, text: &str) -> Result<(), Error> {
        if self.facts.stdout_is_terminal {
            self.print(&sanitize(text))
        } else {
            self.print(text)
        }
    }

    /// Writes long text from outside, as [`App::print_outside`] and [`App::print_long`] do.
    pub(crate) fn print_long_outside(&self, text: &str) -> Result<(), Error> {
        if self.facts.stdout_is_terminal {
            self.print_long(&sanitize(text))
        } else {
            self.print(text)
        }
    }

    /// Writes a table to standard output, sanitized if that is a terminal. A key may have been
    /// typed where none belongs.
    pub(crate) fn print_table<const N: usize>(&self, table: &TextTable<N>) -> Result<(), Error> {
        let text = if self.facts.stdout_is_terminal {
            table.to_sanitized_text()
        } else {
            table.to_text()
        };
        self.print_long(&self.secrets.scrub_message(&text))
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
        self.print_json(&self.object_text(object))
    }

    /// Prints the JSON of one object or list as [`App::print_object`] does, in pieces that end
    /// behind strings or numbers: it may have more megabytes than fit into memory.
    pub(crate) fn print_object_pieces(
        &self,
        pieces: impl Iterator<Item = String>,
    ) -> Result<(), Error> {
        let mut indenter = self.facts.stdout_is_terminal.then(JsonIndenter::default);
        for piece in pieces {
            match &mut indenter {
                Some(indenter) => self.print_json(&indenter.push(&piece))?,
                None => self.print_json(&piece)?,
            }
        }
        self.print("\n")
    }

    /// Prints an object with settings, in which a key may have been typed where none belongs.
    pub(crate) fn print_settings<T: Serialize>(&self, object: &T) -> Result<(), Error> {
        let text = self.object_text(object);
        self.print_json(&self.secrets.scrub_message(&text))
    }

    fn object_text<T: Serialize>(&self, object: &T) -> String {
        let object = ExactJson::from_value(object);
        if self.facts.stdout_is_terminal {
            format!("{object:#}\n")
        } else {
            format!("{object}\n")
        }
    }

    /// Reports an error. A closed output is not reported: whoever closed it knows.
    pub(crate) fn report(&self, error: &Error, form: ErrorForm) {
        match error {
            Error::Output(OutputError::Closed) => return,
            // Nor is the signal that stops the scripted endpoint, which is its normal end.
            Error::Served(_) => return,
            Error::NoCommand { help } => return self.notices.print_block(help),
            _ => self.tell_error(&error.message(), self.hint_for(error).as_deref()),
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

    /// Returns the hint for an error; one about the model says what chose it.
    fn hint_for(&self, error: &Error) -> Option<String> {
        let controls = self.hint_controls.get().copied().unwrap_or(&COMMAND_LINE);
        let hint = error.hint_with(controls)?;
        let origin = self.model_origin.get();
        Some(match origin.filter(|_| error.is_about_model()) {
            Some(origin) => {
                let end = if hint.ends_with('?') { " The" } else { "; the" };
                format!("{hint}{end} model comes from {origin}")
            }
            None => hint,
        })
    }

    /// Writes an error, and a hint whose commands have the connection flags of this one.
    pub(crate) fn tell_error(&self, message: &str, hint: Option<&str>) {
        let hint = hint.map(|hint| self.with_own_flags(hint));
        self.notices.error(message, hint.as_deref());
    }

    /// Adds to the commands in a hint those connection flags of this run that they need.
    pub(crate) fn with_own_flags(&self, hint: &str) -> String {
        with_connection_flags(hint, &self.argv)
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

/// Finds a program in PATH.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let search_path = inherited_var("PATH");
    let found = FoundProgram::in_search_path(name, search_path.as_deref()).ok()?;
    Some(found.path().to_owned())
}
