//! `langdock serve`: serves the scripted endpoint on a port, until a signal arrives.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::app::App;
use crate::cli;
use crate::client::DEFAULT_REGION;
use crate::demo;
use crate::error::Error;
use crate::exchange::settings::settings;
use crate::fs::may_block;
use crate::recording::RecordedAnswers;

/// Prints the base URL for the region of the settings, serves requests until the first signal,
/// finishes those in flight unless the signal is repeated, and is terminated by the signal.
pub(crate) async fn serve(app: &Arc<App>, args: &cli::ServeArgs) -> Result<(), Error> {
    let endpoint = start(app, args).await?;
    let base_url = format!("http://{}/anthropic/{{region}}", endpoint.address());
    let flags = args.connection.own_flags();
    let settings = settings(app, &flags, Some(&base_url))?;
    let mut region = settings.endpoint.region().as_str();
    // A recording answers for whatever region it was made in.
    if args.replay.is_none() && !demo::REGIONS.contains(&region) {
        app.notices.notice(&format!(
            "the scripted endpoint has only the regions {}, not `{region}`",
            demo::REGIONS.join(" and ")
        ));
        region = DEFAULT_REGION;
    }
    app.print(&format!("{}\n", base_url.replace("{region}", region)))?;
    let kind = if args.replay.is_some() {
        "recorded"
    } else {
        "scripted"
    };
    app.notices
        .notice(&format!("{kind} answers, no model; press Ctrl-C to stop"));
    let signal = app.interrupt.wait_for_signal().await;
    app.notices
        .notice("finishing the answers in progress; press Ctrl-C to stop at once");
    tokio::select! {
        () = endpoint.drain_connections() => {}
        // If it cannot be watched for, Ctrl-C still stops at once.
        Ok(()) = app.interrupt.wait_for_repeat(signal) => {}
    }
    Err(Error::Served(signal))
}

async fn start(app: &Arc<App>, args: &cli::ServeArgs) -> Result<demo::ScriptedEndpoint, Error> {
    let port = args.port.unwrap_or(0);
    if let Some(path) = &args.replay {
        let settings = demo::ReplaySettings {
            answers: Arc::new(recorded_answers(app, path)?),
            pace: args.replay_pace.unwrap_or_default(),
            secrets: Arc::clone(&app.secrets),
            key: args.key.clone(),
            log: args.log.as_deref().map(|path| log(app, path)).transpose()?,
        };
        let started = demo::ScriptedEndpoint::start_replay(port, settings).await;
        return started.map_err(|source| Error::Listen { port, source });
    }
    let settings = demo::DemoSettings {
        port,
        key: args.key.clone(),
        is_open: false,
        limits: demo::DemoLimits {
            requests: args.rpm,
            tokens: args.tpm,
        },
        pace: demo::DeliveryPace {
            latency: args.latency.unwrap_or_default(),
            rate: args.rate,
            ..demo::DeliveryPace::default()
        },
        faults: args.fail.clone().unwrap_or_default(),
        seed: args.seed.unwrap_or_else(|| fastrand::u64(..)),
        log: args.log.as_deref().map(|path| log(app, path)).transpose()?,
        ..demo::DemoSettings::default()
    };
    let seed = settings.seed;
    let endpoint = demo::ScriptedEndpoint::start(settings)
        .await
        .map_err(|source| Error::Listen { port, source })?;
    if args.fail.is_some() && args.seed.is_none() {
        app.notices
            .notice(&format!("use --seed {seed} to repeat these faults"));
    }
    Ok(endpoint)
}

/// Reads a recording. One that is a named pipe is waited for until a signal arrives.
fn recorded_answers(app: &App, path: &Path) -> Result<RecordedAnswers, Error> {
    if !may_block(path) {
        return Ok(RecordedAnswers::read(path)?);
    }
    let owned = path.to_owned();
    let read = app.unless_signalled("read the recording", move || RecordedAnswers::read(&owned));
    Ok(read??)
}

/// Opens the log, and waits for the reader of a named pipe until a signal arrives. A line that
/// cannot be written is reported once; requests are still served.
fn log(app: &Arc<App>, path: &Path) -> Result<demo::AccessLog, Error> {
    let unwritable = |source| Error::Unwritable {
        path: path.to_owned(),
        source,
    };
    let open = |path: &Path| OpenOptions::new().append(true).create(true).open(path);
    let opened = if may_block(path) {
        let owned = path.to_owned();
        app.unless_signalled("open the log", move || open(&owned))?
    } else {
        open(path)
    };
    let file: Mutex<File> = Mutex::new(opened.map_err(unwritable)?);
    let (app, path, has_failed) = (Arc::clone(app), path.to_owned(), AtomicBool::new(false));
    Ok(Arc::new(move |line: &str| {
        // A single write, so that the lines of several servers do not mix.
        let written = file
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write_all(format!("{line}\n").as_bytes());
        if let Err(error) = written
            && !has_failed.swap(true, Ordering::Relaxed)
        {
            app.notices
                .notice(&format!("cannot write `{}`: {error}", path.display()));
        }
    }))
}
