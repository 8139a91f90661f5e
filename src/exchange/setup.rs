//! How a command that asks begins: its settings, its key, and the built-in endpoint where that is
//! asked.

use std::time::Duration;

use crate::app::App;
use crate::cli;
use crate::client::ApiKey;
use crate::compose::sources::Given;
use crate::compose::user_turn::{StdinUse, stdin_use};
use crate::config::{KeySource, Settings, read_key};
use crate::demo;
use crate::error::Error;
use crate::exchange::settings::settings;
use crate::input::on_a_thread;

/// How long the built-in endpoint pauses between two pieces of an answer, so that it can be seen to
/// stream.
const DEMO_PAUSE: Duration = Duration::from_millis(8);

/// What a request begins with, before anything of it is gathered.
pub(crate) struct Start {
    /// The built-in endpoint, where it is asked; it has to outlive the run.
    pub(crate) demo: Option<demo::Endpoint>,
    pub(crate) settings: Settings,
    pub(crate) given: Given,
    pub(crate) stdin_use: StdinUse,
}

/// Reads what the flags name, and settles the settings.
pub(crate) async fn start(app: &App, ask: &cli::Ask, schema: Option<&str>) -> Result<Start, Error> {
    let demo = if ask.connection.demo {
        Some(start_demo(app).await?)
    } else {
        None
    };
    let base_url = demo
        .as_ref()
        .map(|demo| format!("http://{}/anthropic/{{region}}", demo.address()));
    let stdin_use = stdin_use(ask, schema)?;
    let given = Given::read(app, ask).await?;
    let flags = ask.connection.flags(&given.complete(ask), &ask.output);
    let settings = settings(app, &flags, base_url.as_deref())?;
    tell_about(app, &settings, &ask.request);
    Ok(Start {
        demo,
        settings,
        given,
        stdin_use,
    })
}

/// Has the end of the terminal save what came, as SIGTERM does; `nohup` keeps its effect.
pub(crate) fn watch_hangup(app: &App) -> Result<(), Error> {
    let watched = app.interrupt.watch_hangup_unless_ignored();
    watched.map_err(|source| Error::System {
        what: "watch for signals",
        source,
    })
}

/// Starts the built-in endpoint, and says so.
pub(crate) async fn start_demo(app: &App) -> Result<demo::Endpoint, Error> {
    app.notices.notice("demo: scripted answers, no model");
    let pace = demo::Pace {
        piece_pause: DEMO_PAUSE,
        ..demo::Pace::default()
    };
    let settings = demo::Settings {
        pace,
        is_open: true,
        ..demo::Settings::default()
    };
    let started = demo::Endpoint::start(settings).await;
    started.map_err(|source| Error::System {
        what: "start the built-in endpoint",
        source,
    })
}

/// Tells what a person should know about the choices before they are sent.
pub(crate) fn tell_about(app: &App, settings: &Settings, request: &cli::Request) {
    tell_region(app, settings);
    let has = |field: &str| request.fields.iter().any(|(key, _)| key == field);
    let has_temperature = request.temperature.is_some() || has("temperature");
    if has_temperature && (request.top_p.is_some() || has("top_p")) {
        app.notices
            .notice("--temperature and --top-p together: the API advises to set one, and newer models refuse both");
    }
}

/// Tells that a region is an unusual one.
pub(crate) fn tell_region(app: &App, settings: &Settings) {
    let region = settings.endpoint.region();
    if !region.is_known() {
        app.notices.notice(&format!(
            "region `{region}` is not one that Langdock's documentation names; sent as it is"
        ));
    }
}

/// Reads the key; a command, or a file that is a pipe, may take its time.
pub(crate) async fn api_key(app: &App, source: KeySource) -> Result<ApiKey, Error> {
    if !source.is_slow() {
        return Ok(read_key(&source)?);
    }
    let read = app
        .unless_interrupted(on_a_thread(move || Ok(read_key(&source))))
        .await?;
    Ok(read.map_err(|source| Error::System {
        what: "read the key",
        source,
    })??)
}
