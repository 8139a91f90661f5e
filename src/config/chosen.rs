//! What was chosen, by whom: flags, environment, profile and config file become one value each,
//! with its origin. Pure.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::file::{Level, Value};
use super::limits::ModelLimits;
use super::resolve::{CONNECT_TIMEOUT, MAX_RETRIES, MAX_WAIT};
use super::setting::{SETTINGS, Setting, THEMES, one_of, parse_count};
use super::{ConfigFile, Env, Error, KeySource, Origin, Sourced, ToolNames};
use crate::client::{DEFAULT_BASE_URL, Region};
use crate::text::{format_duration, parse_duration, parse_timeout};

/// What flags say about the connection and the model.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Flags {
    /// `--region`
    pub(crate) region: Option<String>,
    /// `--base-url`
    pub(crate) base_url: Option<String>,
    /// `--profile`
    pub(crate) profile: Option<String>,
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
    /// `--no-pace`
    pub(crate) no_pace: bool,
    /// `--proxy`
    pub(crate) proxy: Option<String>,
    /// `--cacert`
    pub(crate) cacert: Option<PathBuf>,
    /// `--allow-http`
    pub(crate) allow_http: bool,
    /// `--allow-truncated`
    pub(crate) allow_truncated: bool,
    /// `--model`
    pub(crate) model: Option<String>,
    /// `--max-tokens`
    pub(crate) max_tokens: Option<u64>,
}

/// What was chosen; none: nobody did.
#[derive(Clone, PartialEq)]
pub(crate) struct Chosen {
    pub(super) profile: Option<Sourced<String>>,
    pub(super) region: Option<Sourced<Region>>,
    pub(super) base_url: Option<Sourced<String>>,
    pub(super) model: Option<Sourced<String>>,
    pub(super) max_tokens: Option<Sourced<u64>>,
    pub(super) max_wait: Option<Sourced<Duration>>,
    pub(super) max_retries: Option<Sourced<u32>>,
    pub(super) connect_timeout: Option<Sourced<Duration>>,
    pub(super) idle_timeout: Option<Sourced<Duration>>,
    pub(super) timeout: Option<Sourced<Duration>>,
    pub(super) workspace: Option<Sourced<String>>,
    pub(super) limits: Vec<ModelLimits>,
    pub(super) no_pace: bool,
    pub(super) proxy: Option<Sourced<String>>,
    pub(super) no_proxy: Option<String>,
    pub(super) cacert: Option<Sourced<PathBuf>>,
    pub(super) allow_http: Option<Sourced<bool>>,
    pub(super) allow_truncated: Option<Sourced<bool>>,
    pub(super) keys: Option<Sourced<String>>,
    pub(super) save: Option<Sourced<bool>>,
    pub(super) theme: Option<Sourced<String>>,
    /// A key that goes to any host: who gave it did so for this call.
    pub(super) key: Option<KeySource>,
    pub(super) api_key_cmd: Option<Sourced<Vec<String>>>,
    /// The base URL of the level that the command stands in: the command's key belongs there.
    pub(super) commanded_for: Option<String>,
    /// The tools that the file has something about.
    pub(super) tools: ToolNames,
}

/// A setting as `config show` has it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    /// What it is called.
    pub(crate) setting: &'static Setting,
    /// Its value, null where there is none.
    pub(crate) value: Json,
    /// Who chose it.
    pub(crate) origin: Origin,
}

impl Chosen {
    /// Takes a flag before the environment, that before the profile, and that before the rest of
    /// the config file.
    pub(crate) fn of(flags: &Flags, env: &Env, file: &ConfigFile) -> Result<Self, Error> {
        let profile = pick_profile(flags, env);
        let level = profile
            .as_ref()
            .map(|chosen| file.profile(&chosen.value, &chosen.origin))
            .transpose()?;
        let levels = Levels {
            profile: level,
            top: &file.top,
        };
        let text = |text: &str| Ok(text.to_owned());
        let region = levels.pick("region", flags.region.clone(), env.region.as_deref(), text)?;
        let api_key_cmd = levels.command();
        let is_own = |level: &&Level| level.get("api_key_cmd").is_some();
        let commanded_for = match level
            .filter(is_own)
            .and_then(|level| level.text("base_url"))
        {
            Some((url, _)) => Some(url.to_owned()),
            None => file.top.text("base_url").map(|(url, _)| url.to_owned()),
        };
        Ok(Self {
            region: region.map(as_region).transpose()?,
            base_url: levels.pick(
                "base_url",
                flags.base_url.clone(),
                env.base_url.as_deref(),
                text,
            )?,
            model: levels.pick("model", flags.model.clone(), env.model.as_deref(), text)?,
            max_tokens: levels.pick(
                "max_tokens",
                flags.max_tokens,
                env.max_tokens.as_deref(),
                |text| parse_count(text, 1),
            )?,
            max_wait: levels.pick(
                "max_wait",
                flags.max_wait,
                env.max_wait.as_deref(),
                parse_duration,
            )?,
            max_retries: levels.pick("max_retries", flags.max_retries, None, |text| {
                parse_count(text, 0).map(|tries| u32::try_from(tries).unwrap_or(u32::MAX))
            })?,
            connect_timeout: levels.pick(
                "connect_timeout",
                flags.connect_timeout,
                None,
                parse_timeout,
            )?,
            idle_timeout: levels.pick("idle_timeout", flags.idle_timeout, None, parse_timeout)?,
            timeout: levels.pick("timeout", flags.timeout, None, parse_timeout)?,
            workspace: levels.pick("workspace", None, None, text)?,
            limits: file.limits.clone(),
            no_pace: flags.no_pace,
            proxy: levels.pick(
                "proxy",
                flags.proxy.clone(),
                env.https_proxy.as_deref(),
                text,
            )?,
            no_proxy: env.no_proxy.clone(),
            cacert: levels
                .pick(
                    "cacert",
                    flags.cacert.clone(),
                    env.ssl_cert_file.as_deref(),
                    |path| Ok(path.into()),
                )?
                .map(beside_its_file),
            allow_http: levels.pick(
                "allow_http",
                flags.allow_http.then_some(true),
                None,
                as_switch,
            )?,
            allow_truncated: levels.pick(
                "allow_truncated",
                flags.allow_truncated.then_some(true),
                None,
                as_switch,
            )?,
            keys: levels.pick("keys", None, None, as_keys)?,
            save: levels.pick("save", None, None, as_switch)?,
            theme: levels.pick("theme", None, None, |name| {
                one_of(name, THEMES).map(|()| name.to_owned())
            })?,
            key: match (&flags.api_key_file, &env.api_key) {
                (Some(path), _) => Some(KeySource::File(path.clone())),
                (None, Some(key)) => Some(KeySource::Environment(key.clone())),
                (None, None) => None,
            },
            api_key_cmd,
            commanded_for,
            tools: file.tools.clone(),
            profile,
        })
    }

    /// The profile.
    pub(crate) fn profile(&self) -> Option<&Sourced<String>> {
        self.profile.as_ref()
    }

    /// The limits that were set, in the order of the config file.
    pub(crate) fn limits(&self) -> &[ModelLimits] {
        &self.limits
    }

    /// All settings as they hold for this run, in the order of the table. `region` is that of the
    /// endpoint, which a base URL may have fixed.
    pub(crate) fn rows(&self, region: &Region) -> Vec<Row> {
        let row = |setting: &'static Setting| {
            let (value, origin) = self.value(setting.key, region);
            Row {
                setting,
                value,
                origin,
            }
        };
        SETTINGS.iter().map(row).collect()
    }

    fn value(&self, key: &str, region: &Region) -> (Json, Origin) {
        match key {
            "region" => {
                let chosen = self.region.as_ref().map(|chosen| &chosen.origin);
                // Nobody chose it, and it is not the default: the base URL has fixed it.
                let fixed = self
                    .base_url
                    .as_ref()
                    .filter(|_| *region != Region::default());
                let origin = chosen.or(fixed.map(|fixed| &fixed.origin));
                (
                    json!(region.as_str()),
                    origin.cloned().unwrap_or(Origin::Default),
                )
            }
            "base_url" => shown(self.base_url.as_ref(), json!(DEFAULT_BASE_URL), |url| {
                json!(url)
            }),
            "api_key_cmd" => shown(self.api_key_cmd.as_ref(), Json::Null, |words| json!(words)),
            "model" => shown(self.model.as_ref(), Json::Null, |model| json!(model)),
            "max_tokens" => shown(self.max_tokens.as_ref(), Json::Null, |tokens| json!(tokens)),
            "max_wait" => shown(self.max_wait.as_ref(), in_seconds(&MAX_WAIT), in_seconds),
            "max_retries" => shown(self.max_retries.as_ref(), json!(MAX_RETRIES), |tries| {
                json!(tries)
            }),
            "connect_timeout" => shown(
                self.connect_timeout.as_ref(),
                in_seconds(&CONNECT_TIMEOUT),
                in_seconds,
            ),
            "idle_timeout" => shown(self.idle_timeout.as_ref(), Json::Null, in_seconds),
            "timeout" => shown(self.timeout.as_ref(), Json::Null, in_seconds),
            "workspace" => shown(self.workspace.as_ref(), Json::Null, |name| json!(name)),
            "proxy" => shown(self.proxy.as_ref(), Json::Null, |url| {
                json!(without_password(url))
            }),
            "cacert" => shown(self.cacert.as_ref(), Json::Null, |path| {
                json!(path.to_string_lossy())
            }),
            "allow_http" => shown(self.allow_http.as_ref(), json!(false), |switch| {
                json!(switch)
            }),
            "allow_truncated" => shown(self.allow_truncated.as_ref(), json!(false), |switch| {
                json!(switch)
            }),
            "keys" => shown(self.keys.as_ref(), json!("emacs"), |keys| json!(keys)),
            "save" => shown(self.save.as_ref(), Json::Null, |switch| json!(switch)),
            "theme" => shown(self.theme.as_ref(), json!(THEMES[0]), |name| json!(name)),
            _ => unreachable!("`{key}` is a key of the table, and has its line here"),
        }
    }
}

/// The two levels of the config file that count.
struct Levels<'a> {
    profile: Option<&'a Level>,
    top: &'a Level,
}

impl Levels<'_> {
    /// Picks the value of a setting; all but the flag's is still text.
    fn pick<T>(
        &self,
        key: &str,
        flag: Option<T>,
        variable: Option<&str>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<Sourced<T>>, Error> {
        let setting = Setting::find(key).expect("every setting is in the table");
        let in_file = || {
            let of_profile = self.profile.and_then(|level| level.text(key));
            of_profile
                .or_else(|| self.top.text(key))
                .map(|(text, origin)| (text, origin.clone()))
        };
        if let Some(value) = flag {
            return Ok(Some(Sourced {
                value,
                origin: Origin::Flag(setting.flag),
            }));
        }
        let Some((text, origin)) = variable
            .map(|text| (text, Origin::Environment(setting.variable)))
            .or_else(in_file)
        else {
            return Ok(None);
        };
        match parse(text) {
            Ok(value) => Ok(Some(Sourced { value, origin })),
            Err(reason) => Err(Error::Value { origin, reason }),
        }
    }

    fn command(&self) -> Option<Sourced<Vec<String>>> {
        let of_profile = self.profile.and_then(|level| level.get("api_key_cmd"));
        match of_profile.or_else(|| self.top.get("api_key_cmd"))? {
            (Value::Words(words), origin) => Some(Sourced {
                value: beside_file(words, origin),
                origin: origin.clone(),
            }),
            (Value::Text(_), _) => None,
        }
    }
}

fn pick_profile(flags: &Flags, env: &Env) -> Option<Sourced<String>> {
    let of_flag = flags
        .profile
        .as_ref()
        .map(|name| (name, Origin::Flag("--profile")));
    let of_env = || {
        env.profile
            .as_ref()
            .map(|name| (name, Origin::Environment("LANGDOCK_PROFILE")))
    };
    of_flag.or_else(of_env).map(|(name, origin)| Sourced {
        value: name.clone(),
        origin,
    })
}

fn as_region(chosen: Sourced<String>) -> Result<Sourced<Region>, Error> {
    match Region::new(&chosen.value) {
        Ok(value) => Ok(Sourced {
            value,
            origin: chosen.origin,
        }),
        Err(source) => Err(Error::Endpoint {
            origin: chosen.origin,
            source,
        }),
    }
}

fn as_keys(text: &str) -> Result<String, String> {
    Setting::find("keys")
        .map_or(Ok(()), |setting| setting.form.check(text))
        .map(|()| text.to_owned())
}

fn as_switch(text: &str) -> Result<bool, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is neither `true` nor `false`"))
}

/// A relative path in the config file begins where that is, wherever the program was started.
fn beside_its_file(chosen: Sourced<PathBuf>) -> Sourced<PathBuf> {
    match folder_of(&chosen.origin) {
        Some(folder) => Sourced {
            value: folder.join(&chosen.value),
            origin: chosen.origin,
        },
        None => chosen,
    }
}

/// The same for a program, unless it is a name that is looked up in PATH: nothing in the current
/// folder is run.
fn beside_file(words: &[String], origin: &Origin) -> Vec<String> {
    let mut words = words.to_vec();
    if let (Some(program), Some(folder)) = (words.first_mut(), folder_of(origin))
        && program.contains('/')
    {
        *program = folder.join(&*program).to_string_lossy().into_owned();
    }
    words
}

fn folder_of(origin: &Origin) -> Option<&Path> {
    if let Origin::File(place) = origin {
        place.path.parent()
    } else {
        None
    }
}

fn shown<T>(
    chosen: Option<&Sourced<T>>,
    default: Json,
    show: impl Fn(&T) -> Json,
) -> (Json, Origin) {
    chosen.map_or((default, Origin::Default), |chosen| {
        (show(&chosen.value), chosen.origin.clone())
    })
}

/// Writes a duration as the config file has it.
fn in_seconds(duration: &Duration) -> Json {
    json!(format_duration(*duration))
}

/// A proxy's URL without the password that may stand in it.
fn without_password(url: &str) -> String {
    let Some((login, host)) = url.rsplit_once('@') else {
        return url.to_owned();
    };
    let (scheme, login) = login
        .split_once("://")
        .map_or(("", login), |(scheme, login)| (scheme, login));
    let slashes = if scheme.is_empty() { "" } else { "://" };
    let user = login.split(':').next().unwrap_or_default();
    format!("{scheme}{slashes}{user}:…@{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_of_a_proxy_is_not_shown() {
        assert_eq!(without_password("http://u:pa@ss@p:1"), "http://u:…@p:1");
        assert_eq!(without_password("u:pw@p:1"), "u:…@p:1");
        assert_eq!(without_password("http://p:1"), "http://p:1");
    }

    #[test]
    fn a_program_is_found_in_the_path_or_beside_the_file() {
        for (given, expected) in [
            ("pass", "pass"),
            ("./key", "/c/./key"),
            ("/bin/key", "/bin/key"),
        ] {
            let file = ConfigFile::parse(
                Path::new("/c/c.toml"),
                &format!("api_key_cmd = ['{given}', './x']"),
            );
            let chosen = Chosen::of(&Flags::default(), &Env::default(), &file.expect("a config"))
                .expect("a command");
            let words = chosen.api_key_cmd.expect("a command").value;
            assert_eq!(words, [expected, "./x"]);
        }
    }

    #[test]
    fn every_setting_of_the_table_has_a_value_to_show() {
        let chosen = Chosen::of(&Flags::default(), &Env::default(), &ConfigFile::default())
            .expect("nothing chosen");
        let rows = chosen.rows(&Region::new("eu").expect("a slug"));
        assert_eq!(rows.len(), SETTINGS.len());
        for row in rows {
            assert_eq!(
                row.value.is_null(),
                !row.setting.unset.is_empty(),
                "{}",
                row.setting.key
            );
            assert_eq!(row.origin, Origin::Default);
        }
    }
}
