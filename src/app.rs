//! What a command works with: the environment, what the streams are, and the ways to reach the person.

use std::rc::Rc;

use crate::config::Env;
use crate::error::{Error, ErrorForm};
use crate::ui::{Facts, Interrupt, Notices, Output, OutputError};

/// The surroundings of a command.
pub(crate) struct App {
    /// What the environment says.
    pub(crate) env: Env,
    /// What the standard streams are.
    pub(crate) facts: Facts,
    /// Messages to the person.
    pub(crate) notices: Notices,
    /// Ctrl-C and SIGTERM.
    pub(crate) interrupt: Rc<Interrupt>,
}

impl App {
    /// Begins to watch for signals.
    pub(crate) fn new(env: Env, facts: Facts, notices: Notices) -> Result<Self, Error> {
        let interrupt = Interrupt::watch().map_err(|source| Error::System { what: "watch for signals", source })?;
        Ok(Self { env, facts, notices, interrupt: Rc::new(interrupt) })
    }

    /// Writes all of a text to standard output.
    pub(crate) fn print(&self, text: &str) -> Result<(), Error> {
        Ok(Output::stdout()?.write_all(text.as_bytes(), &self.interrupt)?)
    }

    /// Tells an error. A closed output is no news: whoever closed it knows.
    pub(crate) fn report(&self, error: &Error, form: ErrorForm) {
        match error {
            Error::Output(OutputError::Closed) => return,
            Error::NoCommand { help } => return self.notices.aside(help),
            _ => self.notices.error(&error.message(), error.hint().as_deref()),
        }
        let object = error.object();
        match form {
            ErrorForm::Text => {}
            // Standard output itself has failed, or its reader is stuck: the error has been told above.
            ErrorForm::JsonLines
                if matches!(error, Error::Output(OutputError::Failed(_) | OutputError::Interrupted(_))) => {}
            ErrorForm::Json => self.notices.object(&object),
            ErrorForm::JsonLines => {
                // What fails now has been told above too.
                let _ = self.print(&format!("{object}\n"));
            }
        }
    }

    /// Waits for `future`, but no longer than until the first signal.
    pub(crate) async fn unless_interrupted<T>(&self, future: impl Future<Output = T>) -> Result<T, Error> {
        tokio::select! {
            biased;
            signal = self.interrupt.wait() => Err(Error::Interrupted(signal)),
            output = future => Ok(output),
        }
    }
}
