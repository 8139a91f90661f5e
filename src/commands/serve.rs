//! `langdock serve`: serves the scripted endpoint on a port, until a signal arrives.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::app::App;
use crate::cli;
use crate::client;
use crate::demo;
use crate::error::Error;
use crate::recording::RecordedAnswers;

/// Prints the base URL, serves requests until the first signal, finishes those in flight unless
/// the signal is repeated, and terminates by the signal.
pub(crate) async fn serve(app: &Arc<App>, args: &cli::ServeArgs) -> Result<(), Error> {
    let endpoint = start(app, args).await?;
    app.print(&format!(
        "http://{}/anthropic/{}\n",
        endpoint.address(),
        client::DEFAULT_REGION
    ))?;
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
            answers: Arc::new(RecordedAnswers::read(path)?),
            pace: args.replay_pace.unwrap_or_default(),
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

/// Opens the log. A line that cannot be written is reported once; requests are still served.
fn log(app: &Arc<App>, path: &Path) -> Result<demo::AccessLog, Error> {
    let unwritable = |source| Error::Unwritable {
        path: path.to_owned(),
        source,
    };
    let file: Mutex<File> = Mutex::new(
        OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .map_err(unwritable)?,
    );
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
