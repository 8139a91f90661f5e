//! Merges flags, environment, profile, config file and defaults into one value for each setting,
//! with its origin. Pure.

use std::path::PathBuf;

use serde_json::Value as Json;

use super::model_table::ModelTable;
use super::setting::{SETTINGS, Setting};
use super::setting_values::SettingValues;
use super::value_type::SettingValue;
use super::{
    ConfigFile, Env, Error, KeySource, Origin, RecordFiles, SecretTable, Sourced, ToolNames,
};
use crate::client::Region;
use crate::mcp::ServerSpec;
use crate::protocol::PriceOverride;

/// What the flags set for the connection and the model.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Flags {
    /// The settings that have a flag.
    pub(crate) settings: SettingValues,
    /// `--profile`
    pub(crate) profile: Option<String>,
    /// `--api-key-file`
    pub(crate) api_key_file: Option<PathBuf>,
    /// `--no-pace`
    pub(crate) no_pace: bool,
    /// `--record`, `--replay` and `--replay-pace`
    pub(crate) records: RecordFiles,
}

impl Flags {
    /// Returns the model that the flags name.
    pub(crate) fn model(&self) -> Option<Sourced<String>> {
        self.settings.typed("model")
    }
}

/// The settings in effect for this run.
#[derive(Clone, PartialEq)]
pub(crate) struct MergedConfig {
    /// The settings.
    values: SettingValues,
    /// The selected profile.
    profile: Option<Sourced<String>>,
    /// What the config file says of models.
    pub(super) models: Vec<ModelTable>,
    /// The tools that the config file allows or denies.
    pub(super) tools: ToolNames,
    /// What the config file says of secrets.
    pub(super) secrets: SecretTable,
    /// The MCP servers of the config file.
    pub(super) servers: Vec<ServerSpec>,
    pub(super) no_pace: bool,
    pub(super) records: RecordFiles,
    pub(super) no_proxy: Option<String>,
    /// A key that is sent to any host, because the user gave it for this call.
    pub(super) key: Option<KeySource>,
    /// The base URL set in the same place as `api_key_cmd`: that key belongs to its host.
    pub(super) commanded_for: Option<String>,
}

/// A row of `config show`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    /// The setting.
    pub(crate) setting: &'static Setting,
    /// Its value; null if there is none.
    pub(crate) value: Json,
    /// Where the value came from.
    pub(crate) origin: Origin,
}

impl MergedConfig {
    /// Merges the sources. Precedence: flag, variable, profile, config file, default.
    pub(crate) fn new(flags: &Flags, env: &Env, file: &ConfigFile) -> Result<Self, Error> {
        let profile = chosen_profile(flags.profile.as_deref(), env);
        let level = profile
            .as_ref()
            .map(|chosen| file.profile(&chosen.value, &chosen.origin))
            .transpose()?;
        let mut values = flags.settings.clone();
        add_variables(&mut values, env)?;
        if let Some(level) = level {
            values.fill_from(level);
        }
        values.fill_from(&file.top);
        add_defaults(&mut values);
        let command_is_own = level.filter(|level| level.contains("api_key_cmd"));
        let commanded_for = command_is_own
            .and_then(|level| level.typed("base_url"))
            .or_else(|| file.top.typed("base_url"));
        Ok(Self {
            values,
            profile,
            models: file.models.clone(),
            tools: file.tools.clone(),
            secrets: file.secrets.clone(),
            servers: file.servers.clone(),
            no_pace: flags.no_pace,
            records: flags.records.clone(),
            no_proxy: env.no_proxy.clone(),
            key: match (&flags.api_key_file, &env.api_key) {
                (Some(path), _) => Some(KeySource::File(path.clone())),
                (None, Some(key)) => Some(KeySource::Environment(key.clone())),
                (None, None) => None,
            },
            commanded_for: commanded_for.map(|url| url.value),
        })
    }

    /// Returns the selected profile.
    pub(crate) fn profile(&self) -> Option<&Sourced<String>> {
        self.profile.as_ref()
    }

    /// Returns what the config file says of models: first the limits, then the prices, each in the
    /// order of the file.
    pub(crate) fn models(&self) -> &[ModelTable] {
        &self.models
    }

    /// Returns what the config file says of secrets.
    pub(crate) fn secrets(&self) -> &SecretTable {
        &self.secrets
    }

    /// Returns the prices that the config file sets.
    pub(crate) fn prices(&self) -> Vec<PriceOverride> {
        let tables = self.models.iter();
        tables.filter_map(ModelTable::price_override).collect()
    }

    /// Returns the value of a setting with its origin; `None` if it is not set and has no default.
    pub(super) fn sourced<T: TryFrom<SettingValue>>(&self, key: &str) -> Option<Sourced<T>> {
        self.values.typed(key)
    }

    /// Returns the value of a setting; `None` if it is not set and has no default.
    pub(super) fn value<T: TryFrom<SettingValue>>(&self, key: &str) -> Option<T> {
        self.sourced(key).map(|sourced| sourced.value)
    }

    /// Returns the value of a setting that has a default, with its origin.
    ///
    /// # Panics
    ///
    /// If the table has no default for the setting.
    pub(super) fn sourced_or_default<T: TryFrom<SettingValue>>(&self, key: &str) -> Sourced<T> {
        self.sourced(key).expect("the setting has a default")
    }

    /// Returns the value of a setting that has a default.
    ///
    /// # Panics
    ///
    /// If the table has no default for the setting.
    pub(super) fn value_or_default<T: TryFrom<SettingValue>>(&self, key: &str) -> T {
        self.sourced_or_default(key).value
    }

    /// Returns all settings in effect, in the order of the table. `region` is that of the endpoint,
    /// which a base URL may determine.
    pub(crate) fn rows(&self, region: &Region) -> Vec<Row> {
        let row = |setting: &'static Setting| {
            let (value, origin) = match (setting.key, self.values.get(setting.key)) {
                ("region", _) => (region.as_str().into(), self.region_origin(region)),
                (_, None) => (Json::Null, Origin::Default),
                (_, Some(found)) => (setting.value_type.shown(&found.value), found.origin.clone()),
            };
            Row {
                setting,
                value,
                origin,
            }
        };
        SETTINGS.iter().map(row).collect()
    }

    /// Returns the origin of the region: the base URL determines it if nobody set it and it is not
    /// the default.
    fn region_origin(&self, region: &Region) -> Origin {
        let origin = |key: &str| self.values.get(key).map(|found| found.origin.clone());
        let chosen = origin("region").filter(|origin| *origin != Origin::Default);
        let fixed = || origin("base_url").filter(|_| *region != Region::default());
        chosen.or_else(fixed).unwrap_or(Origin::Default)
    }
}

/// Returns the profile that a flag or a variable selects.
pub(crate) fn chosen_profile(flag: Option<&str>, env: &Env) -> Option<Sourced<String>> {
    let of_flag = flag.map(|name| (name, Origin::Flag("--profile")));
    let of_variable = || {
        let name = env.profile.as_deref()?;
        Some((name, Origin::Environment("LANGDOCK_PROFILE")))
    };
    let (name, origin) = of_flag.or_else(of_variable)?;
    Some(Sourced {
        value: name.to_owned(),
        origin,
    })
}

/// Adds the values of variables. A variable that a flag overrides is not validated.
fn add_variables(values: &mut SettingValues, env: &Env) -> Result<(), Error> {
    for setting in SETTINGS.iter().filter(|setting| setting.variable.is_some()) {
        let text = setting
            .variable
            .and_then(|variable| env.of_setting(variable));
        if let Some((name, text)) = text.filter(|_| !values.contains(setting.key)) {
            let origin = Origin::Environment(name);
            match setting.value_type.parse(text) {
                Ok(value) => values.insert(setting, value, origin),
                Err(invalid) => return Err(Error::invalid(origin, invalid)),
            }
        }
    }
    Ok(())
}

fn add_defaults(values: &mut SettingValues) {
    for setting in &SETTINGS {
        if !values.contains(setting.key)
            && let Some(value) = setting.default_value()
        {
            values.insert(setting, value, Origin::Default);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::setting::DefaultValue;

    #[test]
    fn a_setting_that_nobody_set_shows_its_default() {
        let merged = MergedConfig::new(&Flags::default(), &Env::default(), &ConfigFile::default())
            .expect("nothing chosen");
        let rows = merged.rows(&Region::new("eu").expect("a slug"));
        assert_eq!(rows.len(), SETTINGS.len());
        for row in rows {
            let is_unset = matches!(row.setting.default, DefaultValue::Unset(_));
            assert_eq!(row.value.is_null(), is_unset, "{}", row.setting.key);
            assert_eq!(row.origin, Origin::Default);
        }
    }

    #[test]
    fn a_variable_has_a_second_name_that_counts_where_the_first_is_not_set() {
        let proxy = |variables: &[(&'static str, &str)]| {
            let env = Env {
                of_settings: variables
                    .iter()
                    .map(|(name, text)| (*name, (*text).to_owned()))
                    .collect(),
                ..Env::default()
            };
            let merged = MergedConfig::new(&Flags::default(), &env, &ConfigFile::default());
            merged.expect("a proxy").sourced::<String>("proxy")
        };
        let expected = Sourced {
            value: "http://lower".to_owned(),
            origin: Origin::Environment("https_proxy"),
        };
        assert_eq!(proxy(&[("https_proxy", "http://lower")]), Some(expected));
    }

    #[test]
    fn a_variable_that_a_flag_overrides_may_be_anything() {
        let env = Env {
            of_settings: vec![("LANGDOCK_MAX_WAIT", "long".into())],
            ..Env::default()
        };
        let mut flags = Flags::default();
        let merged = MergedConfig::new(&flags, &env, &ConfigFile::default());
        assert!(merged.is_err());
        flags.settings.set_flag("max_wait", Some(Duration::ZERO));
        let merged = MergedConfig::new(&flags, &env, &ConfigFile::default());
        assert!(merged.is_ok());
    }
}
