//! `langdock doctor`: checks everything that a request needs, and explains how to fix what is
//! wrong.

mod finding;
mod ledger;
mod owned_files;
mod servers;

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use crate::app::App;
use crate::cli;
use crate::client::{
    self, ApiCall, ApiClient, ApiKey, ListedModel, ResponseHead, RetryPolicy, newest_model,
};
use crate::config::{
    DataScope, KeySource, MergedConfig, Paths, Settings, State, may_write, resolve,
    sessions_directory,
};
use crate::error::{Error, Kind, nearest_model};
use crate::exchange::driver::{CallInterrupted, CallObserver, drive_model_list};
use crate::exchange::model_catalog::ModelCatalog;
use crate::exchange::settings::merged_config;
use crate::exchange::setup::{DemoEndpoint, start_demo_if};
use crate::protocol::ModelFamily;
use crate::text::{shell_quote, without_os_codes};
use finding::{Finding, object, page, verdict};
use owned_files::{config_file, tools_files};

/// The tolerated clock error. Certificates and waiting times have a resolution of minutes.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);

/// The default timeout for the endpoint, short because the user is watching.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs all checks.
pub(crate) async fn doctor(app: &App, args: &cli::DoctorArgs) -> Result<(), Error> {
    let demo = start_demo_if(app, &args.connection).await?;
    let base_url = demo.as_ref().map(DemoEndpoint::base_url);
    let paths = Paths::find(&app.env);
    let mut findings = Vec::new();
    let found = merged_config(app, &args.connection.own_flags(), &paths).and_then(|merged| {
        let settings = resolve(&merged, paths.keys.as_deref(), base_url.as_deref())?;
        Ok((merged, settings))
    });
    match found {
        Ok((merged, settings)) => {
            findings.push(config_file(&paths));
            findings.extend(tools_files());
            findings.extend(of_settings(&merged, &settings));
            let of_servers = servers::of_servers(app, &settings);
            let catalog = ModelCatalog::new(app, settings);
            findings.extend(of_endpoint(app, &catalog).await?);
            findings.extend(ledger::of_ledger(app, &catalog).await?);
            findings.extend(of_servers);
        }
        Err(error) => findings.push(Finding::error("settings", &error)),
    }
    findings.extend(directories(&paths));
    findings.push(terminal(app));
    for finding in &mut findings {
        finding.hint = finding.hint.take().map(|hint| app.with_own_flags(&hint));
    }
    if args.json {
        app.print_settings(&object(&findings))?;
    } else {
        app.print(&app.secrets.scrub_message(&page(&findings)))?;
    }
    verdict(&findings)
}

/// What the settings say, of which nothing has been tried yet.
fn of_settings(merged: &MergedConfig, settings: &Settings) -> Vec<Finding> {
    let region = settings.endpoint.region();
    let rows = merged.rows(region);
    let row = |key: &str| rows.iter().find(|row| row.setting.key == key);
    let origin = |key: &str| row(key).map_or_else(String::new, |row| row.origin.name());
    let of_region = if region.is_known() {
        Finding::ok("region", format!("{region} ({})", origin("region")))
    } else {
        let known = format!("known regions: {}", client::KNOWN_REGIONS.join(", "));
        Finding::note(
            "region",
            format!(
                "{region} ({}), which is not a known region",
                origin("region")
            ),
            known,
        )
    };
    let url = settings.endpoint.messages_url();
    let proxy = row("proxy").and_then(|row| row.value.as_str()).map_or_else(
        || "none".to_owned(),
        |proxy| {
            let unused = if settings.endpoint.is_loopback() {
                ", not used for this machine"
            } else {
                ""
            };
            format!("{proxy} ({}){unused}", origin("proxy"))
        },
    );
    let url_origin = if settings.key == KeySource::Demo {
        "--demo".to_owned()
    } else {
        origin("base_url")
    };
    let base_url = Finding::ok("base URL", format!("{url} ({url_origin})"));
    let of_proxy = match settings.options.proxy.host_and_port() {
        Err(error @ client::BuildError::ProxyScheme(_)) if !settings.endpoint.is_loopback() => {
            Finding::error("proxy", &error.into())
        }
        _ => Finding::ok("proxy", proxy),
    };
    vec![of_region, base_url, of_proxy]
}

/// Returns the findings that need the endpoint. Without a key, it is asked without one: it answers
/// that it wants one, which shows that it can be reached.
async fn of_endpoint(app: &App, catalog: &ModelCatalog<'_>) -> Result<Vec<Finding>, Error> {
    let settings = catalog.settings();
    let origin = settings.key.origin().name();
    let (of_key, key) = match (catalog.key().await, &settings.key) {
        (Err(Error::Interrupted(signal)), _) => return Err(Error::Interrupted(signal)),
        (Err(error), _) => (Finding::error("key", &error), None),
        (Ok(key), KeySource::Demo) => {
            let found = "not needed for scripted answers";
            (Finding::ok("key", found), Some(key))
        }
        (Ok(key), KeySource::Replay) => {
            let found = "not needed for recorded answers";
            (Finding::ok("key", found), Some(key))
        }
        (Ok(key), _) => {
            let found = format!("{} ({origin})", key.masked());
            (Finding::ok("key", found), Some(key))
        }
    };
    let has_key = key.is_some();
    let mut options = settings.options.clone();
    options.retry = RetryPolicy {
        max_retries: 0,
        ..options.retry
    };
    options.timeout = options.timeout.or(Some(PATIENCE));
    let client = match catalog
        .new_client(key.unwrap_or_else(ApiKey::absent), options)
        .await?
    {
        Ok(client) => client,
        // Already reported by an earlier check.
        Err(client::BuildError::ProxyScheme(_)) => return Ok(vec![of_key]),
        Err(error) => return Ok(vec![of_key, Finding::error("connection", &error.into())]),
    };
    let answer = ask(app, &client).await?;
    let mut findings = vec![of_key];
    findings.extend(answer.findings(settings));
    if !has_key {
        findings.retain(|finding| finding.name != "models");
        findings.push(Finding::skipped("models", "no key"));
    } else if let Ok(models) = &answer.models {
        let known = catalog.known_model().await;
        findings.push(of_models(models, known.as_deref(), settings));
    }
    Ok(findings)
}

/// How the endpoint responded to a request for its models.
struct Asked {
    /// When the response headers arrived: the time it took, the server's clock, and our clock.
    head: Option<(Duration, Option<SystemTime>, SystemTime)>,
    models: Result<Vec<ListedModel>, Error>,
}

async fn ask(app: &App, client: &ApiClient) -> Result<Asked, Error> {
    let mut observer = HeadObserver {
        signal: Box::pin(app.interrupt.wait_for_signal()),
        head: None,
    };
    let models = drive_model_list(client.list_models(), &mut observer).await;
    if let Err(Error::Interrupted(signal)) = models {
        return Err(Error::Interrupted(signal));
    }
    let head = observer.head;
    Ok(Asked { head, models })
}

/// Records when the endpoint responded, and the time on its clock.
struct HeadObserver<'a> {
    signal: Pin<Box<dyn Future<Output = i32> + Send + 'a>>,
    head: Option<(Duration, Option<SystemTime>, SystemTime)>,
}

impl CallObserver for HeadObserver<'_> {
    fn response(&mut self, _call: &ApiCall, head: &ResponseHead, after: Duration) {
        self.head = Some((after, head.date(), SystemTime::now()));
    }

    fn poll_interrupted(&mut self, context: &mut Context<'_>) -> Poll<CallInterrupted> {
        self.signal
            .as_mut()
            .poll(context)
            .map(CallInterrupted::Signal)
    }
}

impl Asked {
    /// Returns the findings about the connection, TLS and the clock, and why there is no model
    /// list, if there is none.
    fn findings(&self, settings: &Settings) -> Vec<Finding> {
        let Some((after, theirs, ours)) = self.head else {
            let is_tls = |error: &&Error| {
                matches!(
                    error,
                    Error::Call {
                        source: client::Error::Certificate { .. } | client::Error::NoTls { .. },
                        ..
                    }
                )
            };
            let error = self.models.as_ref().err();
            let name = if error.as_ref().is_some_and(is_tls) {
                "TLS"
            } else {
                "connection"
            };
            return error
                .map(|error| Finding::error(name, error))
                .into_iter()
                .collect();
        };
        let found = format!(
            "{} answered in {:.3} s",
            settings.endpoint.host(),
            after.as_secs_f64()
        );
        let clock = theirs.map(|theirs| clock(ours, theirs));
        let failed = self.models.as_ref().err().map(without_models);
        [Finding::ok("connection", found), tls(settings)]
            .into_iter()
            .chain(clock)
            .chain(failed)
            .collect()
    }
}

fn tls(settings: &Settings) -> Finding {
    let trusted = || match &settings.options.cacert {
        Some(file) => format!("trusted by {}", file.display()),
        None => "trusted".to_owned(),
    };
    match (
        settings.endpoint.is_https(),
        settings.endpoint.is_loopback(),
    ) {
        (true, _) => Finding::ok("TLS", trusted()),
        (false, true) => Finding::ok("TLS", "not needed for this machine"),
        (false, false) => Finding::note(
            "TLS",
            "none: anyone on the network can read the key and the messages",
            "use https:// in the base URL",
        ),
    }
}

/// Returns the finding for an endpoint without a model list. One that responds with JSON, such as a
/// self-hosted model server, works if a model was chosen; anything else is not an endpoint.
fn without_models(error: &Error) -> Finding {
    match error {
        Error::Call { source, .. }
            if source.status() == Some(404)
                || matches!(source, client::Error::NoModelList { is_json: true, .. }) =>
        {
            Finding::note("models", error.message(), error.hint().unwrap_or_default())
        }
        _ => Finding::error("models", error),
    }
}

fn of_models(models: &[ListedModel], chosen: Option<&str>, settings: &Settings) -> Finding {
    let region = settings.endpoint.region();
    let ids = || models.iter().map(ListedModel::id);
    let named = settings.model.as_ref().map(|model| model.value.as_str());
    let alias = named.filter(|name| ModelFamily::from_name(name).is_some());
    let choose = format!(
        "choose one with -m or LANGDOCK_MODEL; `langdock models --region {region}` lists them"
    );
    if let (Some(alias), [_, ..]) = (alias, models) {
        let exact = models.iter().find(|model| model.id() == alias);
        let Some(model) = exact.or_else(|| newest_model(models, alias)) else {
            let found = format!("{}, but none for `{alias}`", models.len());
            return Finding::note("models", found, choose);
        };
        let found = format!("{}, with {} for `{alias}`", models.len(), model.id());
        return Finding::ok("models", found);
    }
    match (models, chosen) {
        ([], _) => Finding::note(
            "models",
            format!("region {region} offers no models for this key"),
            "try another --region, or ask your workspace's admin",
        ),
        (_, None) => Finding::ok(
            "models",
            format!(
                "{}; none is chosen, so one is picked when needed",
                models.len()
            ),
        ),
        (_, Some(chosen)) if ids().any(|id| id == chosen) => {
            Finding::ok("models", format!("{}, including {chosen}", models.len()))
        }
        (_, Some(chosen)) => Finding::note(
            "models",
            format!(
                "{}, not including the chosen {chosen}{}",
                models.len(),
                nearest_model(chosen, &ids().collect::<Vec<_>>())
                    .map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
            ),
            choose,
        ),
    }
}

fn clock(ours: SystemTime, theirs: SystemTime) -> Finding {
    let (off, direction) = match ours.duration_since(theirs) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    };
    if off <= CLOCK_TOLERANCE {
        return Finding::ok("clock", "within a minute of the endpoint's clock");
    }
    let found = format!("{} s {direction} the endpoint's clock", off.as_secs());
    Finding::note(
        "clock",
        found,
        "set this machine's clock: certificates and retry waits depend on it",
    )
}

/// Returns the findings about the program's directories. Missing ones are created when needed.
fn directories(paths: &Paths) -> Vec<Finding> {
    let config = paths.config.as_deref().and_then(Path::parent);
    let (state, data) = (State::for_user(), sessions_directory(DataScope::Real));
    let kept = [
        ("config directory", config, WRITABLE_BY_OTHERS),
        ("keys directory", paths.keys.as_deref(), ANYTHING_BY_OTHERS),
        (
            "state directory",
            state.as_ref().map(State::directory),
            ANYTHING_BY_OTHERS,
        ),
        ("data directory", data.as_deref(), ANYTHING_BY_OTHERS),
    ];
    kept.into_iter()
        .filter_map(|(name, path, forbidden)| Some(directory(name, path?, forbidden)))
        .collect()
}

/// The permission that others must not have on a directory with settings: write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// The permissions that others must not have on a directory with secrets or history: any.
const ANYTHING_BY_OTHERS: u32 = 0o077;

fn directory(name: &'static str, path: &Path, forbidden: u32) -> Finding {
    let shown = path.display();
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => match unwritable_above(path) {
            None => Finding::ok(name, format!("{shown}, will be created when needed")),
            Some(above) => Finding::wrong(
                name,
                Kind::Internal,
                format!("cannot create {shown}: {} is not writable", above.display()),
                "set HOME to a writable directory",
            ),
        },
        Err(error) => match path.ancestors().skip(1).find(|above| above.exists()) {
            Some(above) if !above.is_dir() => no_directory(name, above),
            _ => Finding::wrong(
                name,
                Kind::Internal,
                format!("{shown}: {}", without_os_codes(&error.to_string())),
                "check its parent directories",
            ),
        },
        Ok(found) if !found.is_dir() => no_directory(name, path),
        Ok(found) => {
            let mode = found.permissions().mode() & 0o777;
            if mode & forbidden != 0 {
                let hint = format!(
                    "chmod {:o} {}",
                    mode & !forbidden,
                    shell_quote(&path.to_string_lossy())
                );
                return Finding::note(
                    name,
                    format!("{shown} has mode {mode:03o}: other users can read or write it"),
                    hint,
                );
            }
            if mode & 0o300 != 0o300 || !may_write(path) {
                return Finding::wrong(
                    name,
                    Kind::Internal,
                    format!("{shown} has mode {mode:03o}: it is not writable"),
                    format!("chmod 700 {}", shell_quote(&path.to_string_lossy())),
                );
            }
            Finding::ok(name, format!("{shown}, mode {mode:03o}"))
        }
    }
}

fn no_directory(name: &'static str, path: &Path) -> Finding {
    let shown = path.display();
    let from = shell_quote(&path.to_string_lossy());
    let to = shell_quote(&format!("{shown}.old"));
    let hint = format!("move it out of the way: mv {from} {to}");
    Finding::wrong(
        name,
        Kind::Internal,
        format!("{shown} is not a directory"),
        hint,
    )
}

/// Returns the existing directory in which missing ones would be created, if it is not writable.
fn unwritable_above(path: &Path) -> Option<&Path> {
    path.ancestors()
        .skip(1)
        .find(|above| above.exists())
        .filter(|above| !may_write(above))
}

fn terminal(app: &App) -> Finding {
    let streams = [
        ("stdin", app.facts.stdin_is_terminal),
        ("stdout", app.facts.stdout_is_terminal),
        ("stderr", app.facts.stderr_is_terminal),
    ];
    let named: Vec<&str> = streams
        .iter()
        .filter(|(_, is_terminal)| *is_terminal)
        .map(|(name, _)| *name)
        .collect();
    let which = if named.is_empty() {
        "not a terminal".to_owned()
    } else {
        named.join(", ")
    };
    let dumb = if app.env.dumb_terminal {
        "; TERM is dumb or not set"
    } else {
        ""
    };
    let color = if app.env.no_color {
        "; NO_COLOR is set"
    } else {
        ""
    };
    Finding::ok("terminal", format!("{which}{dumb}{color}"))
}

#[cfg(test)]
mod tests {
    use super::finding::State as Stands;
    use super::*;

    #[test]
    fn a_clock_may_be_a_minute_off() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let off = |seconds: u64| {
            (
                clock(now + Duration::from_secs(seconds), now),
                clock(now, now + Duration::from_secs(seconds)),
            )
        };
        assert!(matches!(
            off(60),
            (
                Finding {
                    state: Stands::Ok,
                    ..
                },
                Finding {
                    state: Stands::Ok,
                    ..
                }
            )
        ));
        let (ahead, behind) = off(61);
        assert!(
            ahead.found.contains("61 s ahead of") && behind.found.contains("61 s behind"),
            "{ahead:?} {behind:?}"
        );
        assert!(ahead.hint.is_some());
    }

    #[test]
    fn a_directory_is_told_with_its_mode_and_what_to_type() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("keys");
        let look = || directory("keys directory", &path, ANYTHING_BY_OTHERS);
        assert_eq!(look().state, Stands::Ok);
        fs::create_dir(&path).expect("it is new");
        for (mode, state) in [
            (0o700, Stands::Ok),
            (0o755, Stands::Note),
            (0o500, Stands::Wrong(Kind::Internal)),
        ] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("it is ours");
            assert_eq!(look().state, state, "{mode:o}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
        assert_eq!(look().hint, Some(format!("chmod 700 {}", path.display())));
    }
}
