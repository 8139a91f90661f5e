//! Resolves the merged configuration into settings and matches the key to its host. Pure.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::key::{KeySource, Stored};
use super::model_table::ModelTable;
use super::setting::SETTINGS;
use super::value_type::{ValueType, parse_share};
use super::{DataScope, Error, MergedConfig, Origin, RecordFiles, Sourced, ToolNames};
use crate::client::{
    ClientOptions, Endpoint, EndpointError, LedgerAccess, LedgerUrl, PacingOptions, ProxyChoice,
    Region, RetryPolicy, key_scope_of,
};
use crate::mcp::ServerSpec;
use crate::media::ImageSize;
use crate::protocol::{
    CacheMode, FieldShape, ModelPrice, PriceOverride, RequestField, model_price,
};
use crate::secret_scan::{SecretMode, SecretPolicy};

/// The resolved settings of a run.
#[derive(Clone, PartialEq)]
pub(crate) struct Settings {
    /// Where requests go.
    pub(crate) endpoint: Endpoint,
    /// How to connect and how long to wait.
    pub(crate) options: ClientOptions,
    /// Where the key comes from.
    pub(crate) key: KeySource,
    /// What is recorded, and what is answered from a record.
    pub(crate) records: RecordFiles,
    /// The model, if one was chosen.
    pub(crate) model: Option<Sourced<String>>,
    /// The maximum number of tokens to generate, if it was set.
    pub(crate) max_tokens: Option<Sourced<u64>>,
    /// The request fields that the config file sets, by their flags.
    pub(crate) fields: Vec<FieldSetting>,
    /// The other fields of the request that the config file sets, as `KEY=JSON`.
    pub(crate) other_fields: Option<Sourced<Vec<String>>>,
    /// What answers begin with.
    pub(crate) prefill: Option<Sourced<String>>,
    /// The saved prompt: a name, or a path, which has a slash.
    pub(crate) template: Option<PathBuf>,
    /// Maximum number of further requests for an answer that was cut off.
    pub(crate) auto_continue: u64,
    /// When prompts are marked for the model's cache.
    pub(crate) cache: CacheMode,
    /// How images are changed before they are sent.
    pub(crate) image_size: ImageSize,
    /// Whether an answer cut off by a token limit counts as a success.
    pub(crate) allow_truncated: bool,
    /// Whether the line editor uses vi key bindings.
    pub(crate) vi_keys: bool,
    /// Whether conversations are saved, if that was set.
    pub(crate) save: Option<bool>,
    /// The tools that run without confirmation, and those that never run.
    pub(crate) tools: ToolNames,
    /// What is done about secrets in what is sent.
    pub(crate) secrets: SecretPolicy,
    /// The MCP servers of the config file.
    pub(crate) servers: Vec<ServerSpec>,
    /// The command that prints the password of the shared ledger's server.
    pub(crate) ledger_password_cmd: Option<Vec<String>>,
    /// The name of the theme, if it was chosen.
    pub(crate) theme: Option<String>,
    /// The prices that the user sets.
    pub(crate) prices: Vec<PriceOverride>,
}

/// A request field that the config file sets.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FieldSetting {
    /// The field.
    pub(crate) field: &'static RequestField,
    /// Its JSON value in the request body, and where it was set.
    pub(crate) value: Sourced<Json>,
}

impl Settings {
    /// Returns the system prompt of a request that has no other: a text, or `@` and a file.
    pub(crate) fn default_system(&self) -> Option<&str> {
        let mut fields = self.fields.iter();
        let system = fields.find(|setting| setting.field.shape == FieldShape::Prompt)?;
        system.value.value.as_str()
    }

    /// Returns which conversations this endpoint reads and writes.
    pub(crate) fn data_scope(&self) -> DataScope {
        DataScope::for_demo(self.key == KeySource::Demo || self.records.is_replay())
    }

    /// Returns the price of a model; none if it is not known.
    pub(crate) fn price(&self, model: &str) -> Option<ModelPrice> {
        model_price(model, &self.prices)
    }

    /// Returns the price of a model for what is shown to the user: scripted and recorded answers
    /// cost nothing.
    pub(crate) fn billed_price(&self, model: &str) -> Option<ModelPrice> {
        self.price(model).filter(|_| self.is_billed())
    }

    /// Whether answers cost anything: scripted and recorded ones do not.
    pub(crate) fn is_billed(&self) -> bool {
        !matches!(self.key, KeySource::Demo | KeySource::Replay)
    }
}

/// Resolves the settings. `keys` is the directory of the stored keys; `demo` is the base URL of the
/// built-in endpoint if it was asked for, which overrides any other key and base URL.
pub(crate) fn resolve(
    merged: &MergedConfig,
    keys: Option<&Path>,
    demo: Option<&str>,
) -> Result<Settings, Error> {
    let endpoint = endpoint(merged, demo)?;
    let key = if demo.is_some() {
        KeySource::Demo
    } else if merged.records.is_replay_alone() {
        KeySource::Replay
    } else {
        key(merged, &endpoint, keys)
    };
    let max_retries: u64 = merged.value_or_default("max_retries");
    let options = ClientOptions {
        connect_timeout: merged.value_or_default("connect_timeout"),
        idle_timeout: merged.value("idle_timeout"),
        timeout: merged.value("timeout"),
        retry: RetryPolicy {
            max_retries: u32::try_from(max_retries).unwrap_or(u32::MAX),
            max_wait: merged.value_or_default("max_wait"),
        },
        proxy: proxy(merged),
        cacert: merged.value("cacert"),
        pace: if demo.is_none() && !merged.no_pace {
            Some(pacing(merged)?)
        } else {
            None
        },
    };
    Ok(Settings {
        endpoint,
        options,
        key,
        records: merged.records.clone(),
        model: merged.sourced("model"),
        max_tokens: merged.sourced("max_tokens"),
        fields: fields(merged)?,
        other_fields: merged.sourced("set"),
        prefill: merged.sourced("prefill"),
        template: merged.value("template"),
        auto_continue: merged.value_or_default("auto_continue"),
        cache: CacheMode::from_name(&merged.value_or_default::<String>("cache")),
        // The table has checked it.
        image_size: ImageSize::parse(&merged.value_or_default::<String>("image_size"))
            .unwrap_or_default(),
        allow_truncated: merged.value_or_default("allow_truncated"),
        vi_keys: merged.value_or_default::<String>("keys") == "vi",
        save: merged.value("save"),
        tools: merged.tools.clone(),
        secrets: secrets(merged),
        servers: merged.servers.clone(),
        ledger_password_cmd: merged.value("ledger_password_cmd"),
        theme: merged.value("theme"),
        prices: merged.prices(),
    })
}

fn pacing(merged: &MergedConfig) -> Result<PacingOptions, Error> {
    let share: Option<String> = merged.value("share");
    Ok(PacingOptions {
        directory: None,
        workspace: merged.value("workspace"),
        limits: merged
            .models
            .iter()
            .filter_map(ModelTable::rate_limits)
            .collect(),
        ledger: ledger(merged)?,
        share: share.and_then(|text| parse_share(&text).ok()),
    })
}

/// Returns how to reach the shared ledger, if there is one. A password goes to another machine only
/// if the connection is encrypted, or somebody has allowed it.
fn ledger(merged: &MergedConfig) -> Result<Option<LedgerAccess>, Error> {
    let Some(Sourced { value, origin }) = merged.sourced::<String>("ledger") else {
        return Ok(None);
    };
    let url = match LedgerUrl::new(&value) {
        Ok(url) => url,
        Err(invalid) => {
            let reason = invalid.to_string();
            return Err(Error::Value { origin, reason });
        }
    };
    let has_command = merged.value::<Vec<String>>("ledger_password_cmd").is_some();
    let has_password = url.has_password() || has_command;
    let is_safe = url.is_encrypted() || url.is_loopback();
    if has_password && !is_safe && !merged.value_or_default::<bool>("ledger_insecure") {
        return Err(Error::LedgerPassword {
            origin,
            address: url.address(),
        });
    }
    Ok(Some(LedgerAccess {
        url,
        password: None,
        cacert: merged.value("cacert"),
    }))
}

/// Returns what is done about secrets. The table was checked when it was read.
fn secrets(merged: &MergedConfig) -> SecretPolicy {
    let mode = SecretMode::from_name(&merged.value_or_default::<String>("secrets_mode"));
    let policy = merged.secrets.policy(mode);
    policy.expect("the config file is valid")
}

/// Reads the request fields.
fn fields(merged: &MergedConfig) -> Result<Vec<FieldSetting>, Error> {
    let mut fields = Vec::new();
    for setting in &SETTINGS {
        let ValueType::Field(field) = setting.value_type else {
            continue;
        };
        if field.shape == FieldShape::Texts {
            let texts = merged.sourced::<Vec<String>>(setting.key);
            fields.extend(texts.map(|texts| FieldSetting {
                field,
                value: Sourced {
                    value: texts.value.into(),
                    origin: texts.origin,
                },
            }));
            continue;
        }
        let Some(Sourced { value, origin }) = merged.sourced::<String>(setting.key) else {
            continue;
        };
        match field.parse(&value) {
            Ok(value) => fields.push(FieldSetting {
                field,
                value: Sourced { value, origin },
            }),
            Err(reason) => return Err(Error::Value { origin, reason }),
        }
    }
    Ok(fields)
}

fn endpoint(merged: &MergedConfig, demo: Option<&str>) -> Result<Endpoint, Error> {
    let base_url: Sourced<String> = merged.sourced_or_default("base_url");
    let region: Sourced<String> = merged.sourced_or_default("region");
    let slug = Region::new(&region.value).map_err(|source| Error::Endpoint {
        origin: region.origin.clone(),
        source,
    })?;
    // A base URL may override the default region, but must not contradict a chosen one.
    let chosen = (region.origin != Origin::Default).then_some(&slug);
    let base = demo.unwrap_or(&base_url.value);
    let allow_http = merged.value_or_default("allow_http");
    Endpoint::new(Some(base), chosen, allow_http).map_err(|source| {
        let origin = match source {
            EndpointError::RegionConflict { .. } => region.origin,
            _ => base_url.origin,
        };
        Error::Endpoint { origin, source }
    })
}

/// Finds the key for this endpoint. A key given for this call is sent wherever the call goes; a
/// stored key or that of `api_key_cmd` is only sent to the host it was set up for, even if a flag
/// or a variable changes the base URL.
fn key(merged: &MergedConfig, endpoint: &Endpoint, keys: Option<&Path>) -> KeySource {
    if let Some(given) = &merged.key {
        return given.clone();
    }
    let host = endpoint.key_scope();
    let command: Option<Sourced<Vec<String>>> = merged.sourced("api_key_cmd");
    let commanded_for = command
        .as_ref()
        .and_then(|_| key_scope_of(merged.commanded_for.as_deref(), endpoint.region()));
    match command {
        Some(command) if commanded_for.as_ref() == Some(&host) => KeySource::Command {
            words: command.value,
            origin: command.origin,
        },
        _ => KeySource::Stored(Stored {
            directory: keys.map(Path::to_owned),
            host,
            commanded_for,
        }),
    }
}

fn proxy(merged: &MergedConfig) -> ProxyChoice {
    let proxy: Option<Sourced<String>> = merged.sourced("proxy");
    match proxy {
        None => ProxyChoice::Direct,
        // An empty value overrides one from further down.
        Some(Sourced { value, .. }) if value.is_empty() => ProxyChoice::Direct,
        Some(Sourced {
            value,
            origin: Origin::Environment(_),
        }) => ProxyChoice::Environment {
            https: value,
            except: merged.no_proxy.clone(),
        },
        Some(Sourced { value, .. }) => ProxyChoice::Given(value),
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::path::PathBuf;
    use std::time::Duration;

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
            &MergedConfig::new(flags, env, &file(text))?,
            Some(Path::new("/keys")),
            demo,
        )
    }

    fn stored(host: &str, commanded_for: Option<&str>) -> KeySource {
        let commanded_for = commanded_for.map(str::to_owned);
        KeySource::Stored(Stored {
            directory: Some("/keys".into()),
            host: host.to_owned(),
            commanded_for,
        })
    }

    /// Returns an environment with these variables of settings.
    fn env_of(variables: &[(&'static str, &str)]) -> Env {
        let variable = |(name, text): &(&'static str, &str)| (*name, (*text).to_owned());
        Env {
            of_settings: variables.iter().map(variable).collect(),
            ..Env::default()
        }
    }

    fn env() -> Env {
        Env {
            api_key: Some(Secret::new("sk-env".into())),
            ..env_of(&[
                ("LANGDOCK_REGION", "us"),
                ("LANGDOCK_BASE_URL", "http://localhost:1/{region}"),
                ("LANGDOCK_MODEL", "from-env"),
                ("LANGDOCK_MAX_TOKENS", "7"),
                ("LANGDOCK_MAX_WAIT", "9s"),
                ("HTTPS_PROXY", "http://proxy:1"),
                ("SSL_CERT_FILE", "/env.pem"),
            ])
        }
    }

    /// Returns flags for settings that take text.
    fn flags_of(given: &[(&str, &str)]) -> Flags {
        let mut flags = Flags::default();
        for (key, text) in given {
            flags.settings.set_flag(key, Some((*text).to_owned()));
        }
        flags
    }

    fn flags() -> Flags {
        let mut flags = flags_of(&[
            ("region", "ch"),
            ("base_url", "http://localhost:2/{region}"),
            ("model", "from-flag"),
            ("proxy", "http://other:1"),
        ]);
        flags.api_key_file = Some("/key".into());
        flags.settings.set_flag("max_tokens", Some(8_u64));
        flags
            .settings
            .set_flag("max_wait", Some(Duration::from_secs(10)));
        flags
            .settings
            .set_flag("cacert", Some(PathBuf::from("/flag.pem")));
        flags
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
        let text = "max_retries = 1\ntimeout = '1m'\ncacert = \
         'ca.pem'\n[profiles.w]\nmax_retries = 2\nregion = 'us'\n";
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
            error.starts_with("`LANGDOCK_PROFILE`: no profile `x`"),
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
            let base_url = base_url.map(|url| ("base_url", url));
            let flags = Flags {
                profile: profile.map(str::to_owned),
                ..flags_of(base_url.as_slice())
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
            key(None, Some("http://localhost:2"))
                == stored("http://localhost:2", Some("http://localhost:1"))
        );
        assert!(key(Some("a"), None) == stored("http://localhost:2", Some("http://localhost:1")));
        assert!(
            key(Some("b"), Some("http://localhost:1"))
                == stored("http://localhost:1", Some("http://localhost:3"))
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
        for (variable, text, expected) in [
            (
                "LANGDOCK_REGION",
                "EU",
                "`LANGDOCK_REGION`: `EU` is not a region",
            ),
            (
                "LANGDOCK_MAX_TOKENS",
                "many",
                "`LANGDOCK_MAX_TOKENS`: `many` is not a whole number",
            ),
            (
                "LANGDOCK_MAX_WAIT",
                "long",
                "`LANGDOCK_MAX_WAIT`: `long` is not a duration",
            ),
            (
                "LANGDOCK_BASE_URL",
                "x",
                "`LANGDOCK_BASE_URL`: the base URL `x`",
            ),
        ] {
            let env = env_of(&[(variable, text)]);
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

    #[test]
    fn a_password_goes_to_the_ledger_of_another_machine_with_tls_or_permission_only() {
        let is_allowed = |text: &str| match resolved(&Flags::default(), &Env::default(), text, None)
        {
            Ok(settings) => {
                let pace = settings.options.pace.expect("it is paced");
                assert!(pace.ledger.is_some());
                true
            }
            Err(Error::LedgerPassword { address, .. }) => {
                assert_eq!(address, "redis.example:6379");
                false
            }
            Err(error) => panic!("{error}"),
        };
        let command = "ledger_password_cmd = [\"pass\"]";
        for (text, expected) in [
            ("ledger = \"redis://redis.example\"", true),
            ("ledger = \"redis://:pw@localhost\"", true),
            ("ledger = \"rediss://:pw@redis.example\"", true),
            ("ledger = \"redis://:pw@redis.example\"", false),
            (
                "ledger = \"redis://:pw@redis.example\"\nledger_insecure = true",
                true,
            ),
            (
                &format!("ledger = \"redis://redis.example\"\n{command}"),
                false,
            ),
            (
                &format!("ledger = \"rediss://redis.example\"\n{command}"),
                true,
            ),
        ] {
            assert_eq!(is_allowed(text), expected, "{text}");
        }
    }

    #[test]
    fn a_ledger_of_the_environment_has_its_share_from_the_file() {
        let env = env_of(&[("LANGDOCK_LEDGER", "redis://localhost:7")]);
        let settings = resolved(&Flags::default(), &env, "share = 0.25", None);
        let pace = settings
            .expect("settings")
            .options
            .pace
            .expect("it is paced");
        assert_eq!(
            pace.ledger.map(|access| access.url.address()),
            Some("localhost:7".to_owned())
        );
        assert_eq!(pace.share, Some(crate::pace::LimitShare::one_of(4)));
        let env = env_of(&[("LANGDOCK_LEDGER", "http://u:pw@host")]);
        let error = resolved(&Flags::default(), &env, "", None)
            .err()
            .expect("it is none");
        let error = error.to_string();
        assert!(error.starts_with("`LANGDOCK_LEDGER`: "), "{error}");
        assert!(!error.contains("pw"), "{error}");
    }

    #[test]
    fn every_setting_may_stand_in_the_file() {
        let lines = SETTINGS.map(|setting| format!("{} = {}", setting.key, setting.sample));
        let settings = resolved(&Flags::default(), &Env::default(), &lines.join("\n"), None);
        let settings = settings.expect("settings");
        assert!(settings.model.is_some() && settings.max_tokens.is_some());
        assert_eq!(settings.options.cacert, Some("/c/ca.pem".into()));
        assert!(settings.vi_keys && settings.save == Some(true));
    }
}
