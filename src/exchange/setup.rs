//! How a command that asks begins: its settings, its key, and the built-in endpoint where that is
//! asked.

use std::time::Duration;

use super::model_catalog::ModelCatalog;
use super::settings::settings;
use crate::app::App;
use crate::cli;
use crate::compose::sources::RequestSources;
use crate::compose::user_turn::{StdinUse, stdin_use};
use crate::config::{Flags, SettingValue, Settings};
use crate::demo;
use crate::error::Error;
use crate::media::ImageSize;

/// How long the built-in endpoint pauses between two pieces of an answer, so that it can be seen to
/// stream.
const DEMO_PAUSE: Duration = Duration::from_millis(8);

/// What a request begins with, before anything of it is gathered.
pub(crate) struct Setup<'a> {
    /// The built-in endpoint, where it is asked; it has to outlive the run.
    pub(crate) demo: Option<DemoEndpoint>,
    pub(crate) flags: Flags,
    pub(crate) catalog: ModelCatalog<'a>,
    pub(crate) sources: RequestSources,
    pub(crate) stdin_use: StdinUse,
}

/// The built-in endpoint of `--demo`.
pub(crate) struct DemoEndpoint(demo::ScriptedEndpoint);

impl DemoEndpoint {
    /// Its base URL.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/anthropic/{{region}}", self.0.address())
    }
}

/// Reads what the flags name, and settles the settings.
pub(crate) async fn set_up<'a>(
    app: &'a App,
    ask: &cli::AskArgs,
    schema: Option<&str>,
    tool_flags: Option<&cli::ToolPolicyArgs>,
) -> Result<Setup<'a>, Error> {
    let demo = start_demo_if(app, &ask.connection).await?;
    let stdin_use = stdin_use(ask, schema)?;
    let base_url = demo.as_ref().map(DemoEndpoint::base_url);
    let (sources, flags, settings) =
        read_sources(app, ask, tool_flags, base_url.as_deref()).await?;
    tell_region(app, &settings);
    Ok(Setup {
        demo,
        flags,
        catalog: ModelCatalog::new(app, settings),
        sources,
        stdin_use,
    })
}

/// Reads what the flags name, and resolves the settings, of which one may name a template.
pub(crate) async fn read_sources(
    app: &App,
    ask: &cli::AskArgs,
    tool_flags: Option<&cli::ToolPolicyArgs>,
    demo: Option<&str>,
) -> Result<(RequestSources, Flags, Settings), Error> {
    let mut flags = ask.connection.flags(
        ask.request.model.clone(),
        &ask.request,
        &ask.output,
        &ask.caching,
        &ask.input,
    );
    let mut settings = settings(app, &flags, demo)?;
    let mut sources = RequestSources::read(app, ask, tool_flags, &settings.secrets).await?;
    sources.read_template(app, &ask.input, &settings).await?;
    // A file may name a model.
    if let Some(model) = sources.model(ask) {
        flags.settings.set_flag("model", Some(model));
        settings.model = flags.model();
    }
    let template = sources.template.as_ref();
    if ask.input.image_size.is_none()
        && let Some(text) = template.and_then(|template| template.image_size.as_ref())
    {
        let value = SettingValue::Text(text.clone());
        flags.settings.set_flag("image_size", Some(value));
        settings.image_size = ImageSize::parse(text).unwrap_or_default();
    }
    sources
        .fit_conversation(app, &settings, ask.input.no_check)
        .await?;
    Ok((sources, flags, settings))
}

/// Sets up a command that asks for models only.
pub(crate) async fn set_up_connection<'a>(
    app: &'a App,
    connection: &cli::ConnectionArgs,
) -> Result<(Option<DemoEndpoint>, ModelCatalog<'a>), Error> {
    let demo = start_demo_if(app, connection).await?;
    let base_url = demo.as_ref().map(DemoEndpoint::base_url);
    let settings = settings(app, &connection.own_flags(), base_url.as_deref())?;
    tell_region(app, &settings);
    Ok((demo, ModelCatalog::new(app, settings)))
}

/// Has the end of the terminal save what came, as SIGTERM does; `nohup` keeps its effect.
pub(crate) fn watch_hangup(app: &App) -> Result<(), Error> {
    let watched = app.interrupt.watch_hangup_unless_ignored();
    watched.map_err(|source| Error::System {
        what: "watch for signals",
        source,
    })
}

/// Starts the built-in endpoint where it is asked for, and says so.
pub(crate) async fn start_demo_if(
    app: &App,
    connection: &cli::ConnectionArgs,
) -> Result<Option<DemoEndpoint>, Error> {
    if !connection.demo {
        return Ok(None);
    }
    app.notices.notice("demo: scripted answers, no model");
    let pace = demo::DeliveryPace {
        piece_pause: DEMO_PAUSE,
        ..demo::DeliveryPace::default()
    };
    let settings = demo::DemoSettings {
        pace,
        is_open: true,
        ..demo::DemoSettings::default()
    };
    let started = demo::ScriptedEndpoint::start(settings).await;
    let started = started.map_err(|source| Error::System {
        what: "start the scripted endpoint",
        source,
    })?;
    Ok(Some(DemoEndpoint(started)))
}

/// Prints a notice about a region that is not a known one.
pub(crate) fn tell_region(app: &App, settings: &Settings) {
    let region = settings.endpoint.region();
    if !region.is_known() {
        app.notices.notice(&format!(
            "region `{region}` is not in Langdock's documentation; sending to it anyway"
        ));
    }
}
