//! What was chosen in, settings out: pure. Here the key meets the host that it belongs to.

use std::path::Path;
use std::time::Duration;

use super::key::{KeySource, Stored};
use super::{Chosen, DataScope, Error, Origin, Sourced, ToolNames};
use crate::client::{
    Endpoint, EndpointError, Options, Pace, ProxyChoice, RetryPolicy, authority_of,
};

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
    /// Whether an answer may be cut off by a limit of tokens.
    pub(crate) allow_truncated: bool,
    /// Whether lines are edited with the keys of vi.
    pub(crate) vi_keys: bool,
    /// Whether what is said is saved, where somebody said so.
    pub(crate) save: Option<bool>,
    /// The tools that run unasked, and those that never run.
    pub(crate) tools: ToolNames,
    /// The name of the theme, where it was chosen.
    pub(crate) theme: Option<String>,
}

impl Settings {
    /// Returns which conversations belong to the endpoint.
    pub(crate) fn data_scope(&self) -> DataScope {
        DataScope::for_demo(self.key == KeySource::Demo)
    }
}

/// For one connection to come about, unless somebody says otherwise.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Tries after the first one, unless somebody says otherwise.
pub(super) const MAX_RETRIES: u32 = 8;

/// Time spent waiting, unless somebody says otherwise.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(120);

/// Resolves the settings. `keys` is the folder of the stored keys, and `demo` the base URL of the
/// built-in endpoint where it was asked for; no key and no base URL from elsewhere then counts.
pub(crate) fn resolve(
    chosen: &Chosen,
    keys: Option<&Path>,
    demo: Option<&str>,
) -> Result<Settings, Error> {
    let endpoint = endpoint(chosen, demo)?;
    let key = if demo.is_some() {
        KeySource::Demo
    } else {
        key(chosen, &endpoint, keys)
    };
    let options = Options {
        connect_timeout: value_or(chosen.connect_timeout.as_ref(), CONNECT_TIMEOUT),
        idle_timeout: chosen.idle_timeout.as_ref().map(|chosen| chosen.value),
        timeout: chosen.timeout.as_ref().map(|chosen| chosen.value),
        retry: RetryPolicy {
            max_retries: value_or(chosen.max_retries.as_ref(), MAX_RETRIES),
            max_wait: value_or(chosen.max_wait.as_ref(), MAX_WAIT),
        },
        proxy: proxy(chosen),
        cacert: chosen.cacert.as_ref().map(|chosen| chosen.value.clone()),
        pace: (demo.is_none() && !chosen.no_pace).then(|| Pace {
            folder: None,
            workspace: chosen.workspace.as_ref().map(|chosen| chosen.value.clone()),
            limits: chosen
                .limits
                .iter()
                .map(|limits| (limits.model.clone(), limits.values()))
                .collect(),
        }),
    };
    Ok(Settings {
        endpoint,
        options,
        key,
        model: chosen.model.clone(),
        max_tokens: chosen.max_tokens.clone(),
        allow_truncated: value_or(chosen.allow_truncated.as_ref(), false),
        vi_keys: chosen.keys.as_ref().is_some_and(|keys| keys.value == "vi"),
        save: chosen.save.as_ref().map(|chosen| chosen.value),
        tools: chosen.tools.clone(),
        theme: chosen.theme.as_ref().map(|theme| theme.value.clone()),
    })
}

fn value_or<T: Copy>(chosen: Option<&Sourced<T>>, default: T) -> T {
    chosen.map_or(default, |chosen| chosen.value)
}

fn endpoint(chosen: &Chosen, demo: Option<&str>) -> Result<Endpoint, Error> {
    let base = demo.or(chosen.base_url.as_ref().map(|chosen| chosen.value.as_str()));
    let region = chosen.region.as_ref();
    let allow_http = value_or(chosen.allow_http.as_ref(), false);
    Endpoint::new(base, region.map(|chosen| &chosen.value), allow_http).map_err(|source| {
        let base_url = chosen.base_url.as_ref().map(|chosen| &chosen.origin);
        let at_fault = match source {
            EndpointError::RegionConflict { .. } => region.map(|chosen| &chosen.origin),
            _ => base_url,
        };
        Error::Endpoint {
            origin: at_fault.cloned().unwrap_or(Origin::Default),
            source,
        }
    })
}

/// Finds the key for this endpoint. One that was given for this call goes where this call goes; a
/// stored or commanded one only to the host that it was set up for, whatever a flag or a variable
/// made the base URL.
fn key(chosen: &Chosen, endpoint: &Endpoint, keys: Option<&Path>) -> KeySource {
    if let Some(given) = &chosen.key {
        return given.clone();
    }
    let host = endpoint.authority();
    let commanded_for = chosen
        .api_key_cmd
        .as_ref()
        .and_then(|_| authority_of(chosen.commanded_for.as_deref(), endpoint.region()));
    match &chosen.api_key_cmd {
        Some(command) if commanded_for.as_ref() == Some(&host) => KeySource::Command {
            words: command.value.clone(),
            origin: command.origin.clone(),
        },
        _ => KeySource::Stored(Stored {
            folder: keys.map(Path::to_owned),
            host,
            commanded_for,
        }),
    }
}

fn proxy(chosen: &Chosen) -> ProxyChoice {
    match &chosen.proxy {
        None => ProxyChoice::Direct,
        Some(Sourced {
            value,
            origin: Origin::Environment(_),
        }) => ProxyChoice::Environment {
            https: value.clone(),
            except: chosen.no_proxy.clone(),
        },
        Some(Sourced { value, .. }) => ProxyChoice::Given(value.clone()),
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;
    use crate::config::{ConfigFile, Env, Flags, Secret};

    fn file(text: &str) -> ConfigFile {
        ConfigFile::parse(Path::new("/c/c.toml"), text).expect("a config")
    }

    fn resolved(
        flags: &Flags,
        env: &Env,
        text: &str,
        demo: Option<&str>,
    ) -> Result<Settings, Error> {
        resolve(
            &Chosen::of(flags, env, &file(text))?,
            Some(Path::new("/keys")),
            demo,
        )
    }

    fn stored(host: &str, commanded_for: Option<&str>) -> KeySource {
        let commanded_for = commanded_for.map(str::to_owned);
        KeySource::Stored(Stored {
            folder: Some("/keys".into()),
            host: host.to_owned(),
            commanded_for,
        })
    }

    fn env() -> Env {
        Env {
            api_key: Some(Secret::new("sk-env".into())),
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
        let settings = resolved(&Flags::default(), &Env::default(), "", None).expect("settings");
        assert_eq!(
            settings.endpoint.messages_url().as_str(),
            "https://api.langdock.com/anthropic/eu/v1/messages"
        );
        assert_eq!(
            settings.options.retry,
            RetryPolicy {
                max_retries: 8,
                max_wait: Duration::from_secs(120)
            }
        );
        assert_eq!(settings.options.connect_timeout, Duration::from_secs(5));
        assert!(
            settings.key == stored("api.langdock.com:443", None)
                && settings.model.is_none()
                && settings.max_tokens.is_none()
        );
    }

    #[test]
    fn the_environment_goes_before_the_default() {
        let settings = resolved(
            &Flags::default(),
            &env(),
            "max_tokens = 1\nproxy = 'http://file'",
            None,
        )
        .expect("settings");
        assert_eq!(
            settings.endpoint.messages_url().as_str(),
            "http://localhost:1/us/v1/messages"
        );
        assert!(settings.key == KeySource::Environment(Secret::new("sk-env".into())));
        let origin = Origin::Environment("LANGDOCK_MODEL");
        assert_eq!(
            settings.model,
            Some(Sourced {
                value: "from-env".into(),
                origin
            })
        );
        assert_eq!(settings.max_tokens.map(|tokens| tokens.value), Some(7));
        assert_eq!(settings.options.retry.max_wait, Duration::from_secs(9));
        assert!(matches!(
            settings.options.proxy,
            ProxyChoice::Environment { .. }
        ));
        assert_eq!(settings.options.cacert, Some("/env.pem".into()));
    }

    #[test]
    fn a_flag_goes_before_the_environment() {
        let settings = resolved(&flags(), &env(), "region = 'global'", None).expect("settings");
        assert_eq!(
            settings.endpoint.messages_url().as_str(),
            "http://localhost:2/ch/v1/messages"
        );
        assert!(settings.key == KeySource::File("/key".into()));
        assert_eq!(
            settings.model.map(|model| model.value),
            Some("from-flag".into())
        );
        assert_eq!(
            settings.max_tokens,
            Some(Sourced {
                value: 8,
                origin: Origin::Flag("--max-tokens")
            })
        );
        assert_eq!(settings.options.retry.max_wait, Duration::from_secs(10));
        assert_eq!(
            settings.options.proxy,
            ProxyChoice::Given("http://other:1".into())
        );
        assert_eq!(settings.options.cacert, Some("/flag.pem".into()));
    }

    #[test]
    fn a_profile_goes_before_the_rest_of_the_file_and_both_before_the_default() {
        let text = "max_retries = 1\ntimeout = '1m'\ncacert = 'ca.pem'\n[profiles.w]\nmax_retries = 2\nregion = 'us'\n";
        let with = |profile: Option<&str>| {
            let flags = Flags {
                profile: profile.map(str::to_owned),
                ..Flags::default()
            };
            resolved(&flags, &Env::default(), text, None).expect("settings")
        };
        assert_eq!(with(None).options.retry.max_retries, 1);
        assert_eq!(with(None).options.cacert, Some("/c/ca.pem".into()));
        assert_eq!(with(Some("w")).options.retry.max_retries, 2);
        assert_eq!(
            with(Some("w")).options.timeout,
            Some(Duration::from_secs(60))
        );
        assert_eq!(with(Some("w")).endpoint.region().as_str(), "us");
        let env = Env {
            profile: Some("x".into()),
            ..Env::default()
        };
        let error = resolved(&Flags::default(), &env, text, None)
            .err()
            .expect("no profile")
            .to_string();
        assert!(
            error.starts_with("`LANGDOCK_PROFILE`: there is no profile `x`"),
            "{error}"
        );
    }

    #[test]
    fn a_commanded_key_goes_to_the_host_of_its_level_only() {
        let text = "base_url = 'http://localhost:1'\napi_key_cmd = ['top']\n\
                    [profiles.a]\nbase_url = 'http://localhost:2'\n\
                    [profiles.b]\nbase_url = 'http://localhost:3'\napi_key_cmd = ['b']\n\
                    [profiles.c]\napi_key_cmd = ['c']\n";
        let key = |profile: Option<&str>, base_url: Option<&str>| {
            let flags = Flags {
                profile: profile.map(str::to_owned),
                base_url: base_url.map(str::to_owned),
                ..Flags::default()
            };
            resolved(&flags, &Env::default(), text, None)
                .expect("settings")
                .key
        };
        let program = |key: KeySource| match key {
            KeySource::Command { words, .. } => words.concat(),
            _ => String::new(),
        };
        assert_eq!(program(key(None, None)), "top");
        assert_eq!(program(key(None, Some("http://localhost:1/other"))), "top");
        assert_eq!(program(key(Some("b"), None)), "b");
        assert_eq!(program(key(Some("c"), None)), "c");
        assert!(
            key(None, Some("http://localhost:2")) == stored("localhost:2", Some("localhost:1"))
        );
        assert!(key(Some("a"), None) == stored("localhost:2", Some("localhost:1")));
        assert!(
            key(Some("b"), Some("http://localhost:1"))
                == stored("localhost:1", Some("localhost:3"))
        );
    }

    #[test]
    fn the_demo_uses_no_key_and_no_host_from_elsewhere() {
        let settings = resolved(
            &Flags::default(),
            &env(),
            "",
            Some("http://127.0.0.1:3/anthropic/{region}"),
        );
        let settings = settings.expect("settings");
        assert!(settings.key == KeySource::Demo);
        assert_eq!(
            settings.endpoint.messages_url().as_str(),
            "http://127.0.0.1:3/anthropic/us/v1/messages"
        );
    }

    #[test]
    fn a_bad_value_is_named_with_its_origin() {
        for (env, expected) in [
            (
                Env {
                    region: Some("EU".into()),
                    ..Env::default()
                },
                "`LANGDOCK_REGION`: `EU` is no region",
            ),
            (
                Env {
                    max_tokens: Some("many".into()),
                    ..Env::default()
                },
                "`LANGDOCK_MAX_TOKENS`: `many` is no whole number",
            ),
            (
                Env {
                    max_wait: Some("long".into()),
                    ..Env::default()
                },
                "`LANGDOCK_MAX_WAIT`: `long` is no duration",
            ),
            (
                Env {
                    base_url: Some("x".into()),
                    ..Env::default()
                },
                "`LANGDOCK_BASE_URL`: the base URL `x`",
            ),
        ] {
            let error = resolved(&Flags::default(), &env, "", None)
                .err()
                .expect(expected);
            let cause = error
                .source()
                .map_or(String::new(), |source| format!(": {source}"));
            let message = format!("{error}{cause}");
            assert!(message.starts_with(expected), "{message}");
        }
    }
}
