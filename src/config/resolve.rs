//! Flags and environment in, settings out: pure.

use std::path::PathBuf;
use std::time::Duration;

use super::key::KeySource;
use super::{Env, Error, Origin, Sourced, parse_duration};
use crate::client::{Endpoint, EndpointError, Options, ProxyChoice, Region, RetryPolicy};

/// What flags say about the connection and the model.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Flags {
    /// `--region`
    pub(crate) region: Option<String>,
    /// `--base-url`
    pub(crate) base_url: Option<String>,
    /// `--api-key-file`
    pub(crate) api_key_file: Option<PathBuf>,
    /// `--connect-timeout`
    pub(crate) connect_timeout: Option<Duration>,
    /// `--idle-timeout`
    pub(crate) idle_timeout: Option<Duration>,
    /// `--timeout`
    pub(crate) timeout: Option<Duration>,
    /// `--max-retries`
    pub(crate) max_retries: Option<u32>,
    /// `--max-wait`
    pub(crate) max_wait: Option<Duration>,
    /// `--proxy`
    pub(crate) proxy: Option<String>,
    /// `--cacert`
    pub(crate) cacert: Option<PathBuf>,
    /// `--allow-http`
    pub(crate) allow_http: bool,
    /// `--model`
    pub(crate) model: Option<String>,
    /// `--max-tokens`
    pub(crate) max_tokens: Option<u64>,
}

/// What holds for this run.
#[derive(Clone, PartialEq)]
pub(crate) struct Settings {
    /// Where requests go.
    pub(crate) endpoint: Endpoint,
    /// How to connect and how long to wait.
    pub(crate) options: Options,
    /// Where the key is.
    pub(crate) key: KeySource,
    /// The model, where one was chosen.
    pub(crate) model: Option<Sourced<String>>,
    /// The most tokens to write, where it was chosen.
    pub(crate) max_tokens: Option<Sourced<u64>>,
}

/// For one connection to come about, unless a flag says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Tries after the first one, unless a flag says otherwise.
const MAX_RETRIES: u32 = 8;

/// Time spent waiting, unless a flag or the environment says otherwise.
const MAX_WAIT: Duration = Duration::from_secs(120);

/// Resolves the settings: a flag goes before the environment, the environment before the default. `demo` is the base URL
/// of the built-in endpoint where it was asked for; no key and no base URL from elsewhere then counts.
pub(crate) fn resolve(flags: &Flags, env: &Env, demo: Option<&str>) -> Result<Settings, Error> {
    let endpoint = match demo {
        Some(base_url) => endpoint(&Flags { base_url: Some(base_url.to_owned()), ..flags.clone() }, env)?,
        None => endpoint(flags, env)?,
    };
    let max_wait = pick(flags.max_wait, "--max-wait", env.max_wait.as_deref(), "LANGDOCK_MAX_WAIT", parse_duration)?;
    let max_tokens =
        pick(flags.max_tokens, "--max-tokens", env.max_tokens.as_deref(), "LANGDOCK_MAX_TOKENS", |text| {
            text.parse()
                .ok()
                .filter(|&tokens: &u64| tokens >= 1)
                .ok_or_else(|| format!("`{text}` is no whole number of at least 1"))
        })?;
    let options = Options {
        connect_timeout: flags.connect_timeout.unwrap_or(CONNECT_TIMEOUT),
        idle_timeout: flags.idle_timeout,
        timeout: flags.timeout,
        retry: RetryPolicy {
            max_retries: flags.max_retries.unwrap_or(MAX_RETRIES),
            max_wait: max_wait.map_or(MAX_WAIT, |chosen| chosen.value),
        },
        proxy: proxy(flags, env),
        cacert: flags.cacert.clone().or_else(|| env.ssl_cert_file.as_ref().map(PathBuf::from)),
    };
    let key = match (demo, &flags.api_key_file, &env.api_key) {
        (Some(_), _, _) => KeySource::Demo,
        (None, Some(path), _) => KeySource::File(path.clone()),
        (None, None, Some(key)) => KeySource::Environment(key.clone()),
        (None, None, None) => KeySource::Missing,
    };
    let model = pick(flags.model.clone(), "--model", env.model.as_deref(), "LANGDOCK_MODEL", |id| Ok(id.to_owned()))?;
    Ok(Settings { endpoint, options, key, model, max_tokens })
}

fn endpoint(flags: &Flags, env: &Env) -> Result<Endpoint, Error> {
    let text = |text: &str| Ok(text.to_owned());
    let base_url = pick(flags.base_url.clone(), "--base-url", env.base_url.as_deref(), "LANGDOCK_BASE_URL", text)?;
    let region = pick(flags.region.clone(), "--region", env.region.as_deref(), "LANGDOCK_REGION", text)?;
    let region = region
        .map(|chosen| match Region::new(&chosen.value) {
            Ok(value) => Ok(Sourced { value, origin: chosen.origin }),
            Err(source) => Err(Error::Endpoint { origin: chosen.origin, source }),
        })
        .transpose()?;
    let base = base_url.as_ref().map(|chosen| chosen.value.as_str());
    Endpoint::new(base, region.as_ref().map(|chosen| &chosen.value), flags.allow_http).map_err(|source| {
        let at_fault = match source {
            EndpointError::RegionConflict { .. } => region.map(|chosen| chosen.origin),
            _ => base_url.map(|chosen| chosen.origin),
        };
        Error::Endpoint { origin: at_fault.unwrap_or(Origin::Default), source }
    })
}

fn proxy(flags: &Flags, env: &Env) -> ProxyChoice {
    match (&flags.proxy, &env.https_proxy) {
        (Some(url), _) => ProxyChoice::Given(url.clone()),
        (None, Some(url)) => ProxyChoice::Environment { https: url.clone(), except: env.no_proxy.clone() },
        (None, None) => ProxyChoice::Direct,
    }
}

/// Picks the flag's value, else the variable's, which is still text.
fn pick<T>(
    flag: Option<T>,
    flag_name: &'static str,
    variable: Option<&str>,
    variable_name: &'static str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<Sourced<T>>, Error> {
    match (flag, variable) {
        (Some(value), _) => Ok(Some(Sourced { value, origin: Origin::Flag(flag_name) })),
        (None, Some(text)) => {
            let origin = Origin::Environment(variable_name);
            let value = parse(text).map_err(|reason| Error::Value { origin, reason })?;
            Ok(Some(Sourced { value, origin }))
        }
        (None, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    fn env() -> Env {
        Env {
            api_key: Some("sk-env".into()),
            region: Some("us".into()),
            base_url: Some("http://localhost:1/{region}".into()),
            model: Some("from-env".into()),
            max_tokens: Some("7".into()),
            max_wait: Some("9s".into()),
            https_proxy: Some("http://proxy:1".into()),
            ssl_cert_file: Some("/env.pem".into()),
            ..Env::default()
        }
    }

    fn flags() -> Flags {
        Flags {
            region: Some("ch".into()),
            base_url: Some("http://localhost:2/{region}".into()),
            api_key_file: Some("/key".into()),
            model: Some("from-flag".into()),
            max_tokens: Some(8),
            max_wait: Some(Duration::from_secs(10)),
            proxy: Some("http://other:1".into()),
            cacert: Some("/flag.pem".into()),
            ..Flags::default()
        }
    }

    #[test]
    fn without_anything_the_defaults_hold() {
        let settings = resolve(&Flags::default(), &Env::default(), None).expect("settings");
        assert_eq!(settings.endpoint.messages_url().as_str(), "https://api.langdock.com/anthropic/eu/v1/messages");
        assert_eq!(settings.options.retry, RetryPolicy { max_retries: 8, max_wait: Duration::from_secs(120) });
        assert_eq!(settings.options.connect_timeout, Duration::from_secs(5));
        assert!(settings.key == KeySource::Missing && settings.model.is_none() && settings.max_tokens.is_none());
    }

    #[test]
    fn the_environment_goes_before_the_default() {
        let settings = resolve(&Flags::default(), &env(), None).expect("settings");
        assert_eq!(settings.endpoint.messages_url().as_str(), "http://localhost:1/us/v1/messages");
        assert!(settings.key == KeySource::Environment("sk-env".into()));
        let origin = Origin::Environment("LANGDOCK_MODEL");
        assert_eq!(settings.model, Some(Sourced { value: "from-env".into(), origin }));
        assert_eq!(settings.max_tokens.map(|tokens| tokens.value), Some(7));
        assert_eq!(settings.options.retry.max_wait, Duration::from_secs(9));
        assert!(matches!(settings.options.proxy, ProxyChoice::Environment { .. }));
        assert_eq!(settings.options.cacert, Some("/env.pem".into()));
    }

    #[test]
    fn a_flag_goes_before_the_environment() {
        let settings = resolve(&flags(), &env(), None).expect("settings");
        assert_eq!(settings.endpoint.messages_url().as_str(), "http://localhost:2/ch/v1/messages");
        assert!(settings.key == KeySource::File("/key".into()));
        assert_eq!(settings.model.map(|model| model.value), Some("from-flag".into()));
        assert_eq!(settings.max_tokens, Some(Sourced { value: 8, origin: Origin::Flag("--max-tokens") }));
        assert_eq!(settings.options.retry.max_wait, Duration::from_secs(10));
        assert_eq!(settings.options.proxy, ProxyChoice::Given("http://other:1".into()));
        assert_eq!(settings.options.cacert, Some("/flag.pem".into()));
    }

    #[test]
    fn the_demo_uses_no_key_and_no_host_from_elsewhere() {
        let settings = resolve(&Flags::default(), &env(), Some("http://127.0.0.1:3/anthropic/{region}"));
        let settings = settings.expect("settings");
        assert!(settings.key == KeySource::Demo);
        assert_eq!(settings.endpoint.messages_url().as_str(), "http://127.0.0.1:3/anthropic/us/v1/messages");
    }

    #[test]
    fn a_bad_value_is_named_with_its_origin() {
        for (env, expected) in [
            (Env { region: Some("EU".into()), ..Env::default() }, "`LANGDOCK_REGION`: `EU` is no region"),
            (
                Env { max_tokens: Some("many".into()), ..Env::default() },
                "`LANGDOCK_MAX_TOKENS`: `many` is no whole number",
            ),
            (Env { max_wait: Some("long".into()), ..Env::default() }, "`LANGDOCK_MAX_WAIT`: `long` is no duration"),
            (Env { base_url: Some("x".into()), ..Env::default() }, "`LANGDOCK_BASE_URL`: the base URL `x`"),
        ] {
            let error = resolve(&Flags::default(), &env, None).err().expect(expected);
            let cause = error.source().map_or(String::new(), |source| format!(": {source}"));
            let message = format!("{error}{cause}");
            assert!(message.starts_with(expected), "{message}");
        }
    }
}
