//! The API key, read at most once in a process: a command that prints it may cost the user a tap
//! on a hardware token each time.

use std::time::Duration;

use tokio::sync::{Mutex, OnceCell};

use crate::app::App;
use crate::client::{ApiKey, LedgerPassword};
use crate::config::{CommandFailure, KeySource, read_key, read_key_within, run_command};
use crate::error::Error;
use crate::fs::may_block;
use crate::input::on_a_thread;

/// Reads keys, and remembers those that it has read.
pub(crate) struct Credentials<'a> {
    app: &'a App,
    /// One for each source; a conversation that moves to another host may need a second one.
    known: Mutex<Vec<(KeySource, ApiKey)>>,
    /// The password of the shared ledger, or why its command did not print it.
    ledger_password: OnceCell<Result<LedgerPassword, String>>,
}

/// Reads the key where no request needs it, so that no child gets it in a variable. What keeps it
/// from being read is left to a request to report. A command that prints it is not run, and neither
/// standard input nor a pipe is read: they could be needed again.
pub(crate) fn learn_key(app: &App, source: &KeySource) {
    let is_read = match source {
        KeySource::File(path) => path.as_os_str() != "-" && !may_block(path),
        KeySource::Environment(_) | KeySource::Stored(_) => true,
        KeySource::Command { .. } | KeySource::Demo | KeySource::Replay => false,
    };
    if is_read && let Ok(key) = read_key(source) {
        key.add_to(&app.secrets);
    }
}

impl<'a> Credentials<'a> {
    /// Creates a reader that has read nothing yet.
    pub(crate) fn new(app: &'a App) -> Self {
        Self {
            app,
            known: Mutex::new(Vec::new()),
            ledger_password: OnceCell::new(),
        }
    }

    /// Returns the key of a source. A command, or a file that is a pipe, is waited for; a signal
    /// ends the wait, and `timeout` that for a command.
    pub(crate) async fn key(
        &self,
        source: &KeySource,
        timeout: Option<Duration>,
    ) -> Result<ApiKey, Error> {
        // Held while the key is read, so that nobody else begins to read it.
        let mut known = self.known.lock().await;
        if let Some((_, key)) = known.iter().find(|(known, _)| known == source) {
            return Ok(key.clone());
        }
        let key = self.read(source.clone(), timeout).await?;
        key.add_to(&self.app.secrets);
        known.push((source.clone(), key.clone()));
        Ok(key)
    }

    /// Returns the password that a command prints for the shared ledger, or why it has not:
    /// requests do without that ledger then.
    pub(crate) async fn ledger_password(
        &self,
        command: &[String],
        timeout: Option<Duration>,
    ) -> Result<Result<LedgerPassword, String>, Error> {
        let run = || async {
            let words = command.to_vec();
            let printed = on_a_thread(move || Ok(run_command(&words, timeout)));
            let printed = self.app.unless_interrupted(printed).await?;
            let printed =
                printed.unwrap_or_else(|error| Err(CommandFailure::Failed(error.to_string())));
            let program = command.first().map_or("", String::as_str);
            Ok(printed
                .map(|text| LedgerPassword::new(&text))
                .map_err(|reason| format!("`{program}` (ledger_password_cmd) failed: {reason}")))
        };
        self.ledger_password.get_or_try_init(run).await.cloned()
    }

    async fn read(&self, source: KeySource, timeout: Option<Duration>) -> Result<ApiKey, Error> {
        if !source.is_slow() {
            return Ok(read_key(&source)?);
        }
        let read = on_a_thread(move || Ok(read_key_within(&source, timeout)));
        let key = self.app.unless_interrupted(read).await?;
        Ok(key.map_err(|source| Error::System {
            what: "read the key",
            source,
        })??)
    }
}
