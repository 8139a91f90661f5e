//! `langdock auth`: the stored key. It belongs to the host of the chosen endpoint, and is sent to
//! no other.

use std::io::Read;
use std::path::Path;

use serde_json::json;

use crate::app::App;
use crate::cli::{AuthArgs, AuthCommand};
use crate::client::ApiKey;
use crate::config::{
    self, KeySource, Origin, Paths, forget_key, protect_memory, read_key, resolve, store_key,
};
use crate::error::Error;
use crate::exchange::settings::merged_config;
use crate::text::{TableColumn, TextTable};
use crate::ui::{SecretInput, ask_secret, end_prompt_row};

/// The most bytes of standard input that are read as a key.
const MAX_INPUT_BYTES: u64 = 64 * 1024;

/// Stores, shows or deletes the key.
pub(crate) fn auth(app: &App, args: &AuthArgs) -> Result<(), Error> {
    // The other flags say how a request is sent, and none is.
    let connection = args.command.connection();
    let connection = connection.profile_and(&["region", "base_url", "allow_http"]);
    let paths = Paths::find(&app.env);
    let settings = resolve(
        &merged_config(app, &connection.own_flags(), &paths)?,
        paths.keys.as_deref(),
        None,
    )?;
    let host = settings.endpoint.key_scope();
    let directory = || {
        paths
            .keys
            .as_deref()
            .ok_or(Error::Config(config::Error::NoHome))
    };
    match &args.command {
        AuthCommand::Login { .. } => login(app, directory()?, &host),
        AuthCommand::Status { json, .. } => status(app, &settings.key, &host, *json),
        AuthCommand::Logout { .. } => {
            let said = if forget_key(directory()?, &host)? {
                "removed the key for"
            } else {
                "there is no stored key for"
            };
            app.notices.notice(&format!("{said} `{host}`"));
            Ok(())
        }
    }
}

fn login(app: &App, directory: &Path, host: &str) -> Result<(), Error> {
    protect_memory();
    let text = if app.facts.stdin_is_terminal {
        ask(host)?
    } else {
        read_stdin()?
    };
    let text = text.trim();
    // The text is stored unmodified, after it was checked.
    ApiKey::new(text).map_err(|source| config::Error::Key {
        origin: Origin::Input,
        source,
    })?;
    let path = store_key(directory, host, text)?;
    app.notices.notice(&format!(
        "stored the key for `{host}` in `{}`",
        path.display()
    ));
    if app.env.api_key.is_some() {
        app.notices
            .notice("LANGDOCK_API_KEY is set and takes precedence over the stored key");
    }
    Ok(())
}

fn ask(host: &str) -> Result<String, Error> {
    let input = ask_secret(&format!("API key for {host}: "));
    match input.map_err(|source| Error::System {
        what: "ask for the key on the terminal",
        source,
    })? {
        SecretInput::Line(line) => Ok(line),
        SecretInput::Signal(signal) => Err(Error::Interrupted(signal)),
        SecretInput::End => {
            end_prompt_row();
            Err(Error::Usage {
                message: "no key was entered, so none was stored".to_owned(),
                hint: Some("run the same command to try again".to_owned()),
            })
        }
    }
}

/// Reads all of standard input: a key with other lines behind it is refused, as in a file.
fn read_stdin() -> Result<String, Error> {
    let mut text = String::new();
    let read = std::io::stdin()
        .lock()
        .take(MAX_INPUT_BYTES)
        .read_to_string(&mut text);
    read.map_err(|source| Error::System {
        what: "read the key from standard input",
        source,
    })?;
    Ok(text)
}

fn status(app: &App, source: &KeySource, host: &str, as_json: bool) -> Result<(), Error> {
    let masked = match source {
        // The command is not run, because no request needs the key.
        KeySource::Command { .. } => None,
        source => Some(read_key(source)?.masked()),
    };
    let origin = source.origin();
    if as_json {
        return app.print_object(&json!({"host": host, "key": masked, "origin": origin.name()}));
    }
    let key = masked.unwrap_or_else(|| "printed by api_key_cmd when a request needs it".to_owned());
    let mut table = TextTable::new([TableColumn::LEFT; 2]);
    table.extend([
        ["host".to_owned(), host.to_owned()],
        ["key".to_owned(), key],
        ["origin".to_owned(), origin.name()],
    ]);
    app.print_table(&table)
}
