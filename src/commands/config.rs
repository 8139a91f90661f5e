//! `langdock config`: shows the effective settings and their origin, and changes the config file.

use serde_json::{Map, Value, json};

use crate::app::App;
use crate::cli::{ConfigArgs, ConfigCommand, ConnectionArgs};
use crate::client::KNOWN_REGIONS;
use crate::compose::external_editor::edit_file;
use crate::config::{
    self, ConfigFile, ConfigKey, Flags, KeySource, MergedConfig, ModelTable, NamedTable, Origin,
    Paths, RecordFiles, Row, SettingFlag, Settings, Sourced, check_changeable, chosen_profile,
    config_path, initialize, read_key, resolve, set, unset, unset_table,
};
use crate::error::Error;
use crate::exchange::settings::merged_config;
use crate::text::{TableColumn, TextTable};

/// Shows or changes the settings.
pub(crate) fn config(app: &App, args: &ConfigArgs) -> Result<(), Error> {
    let paths = Paths::find(&app.env);
    match &args.command {
        ConfigCommand::Path => app.print_outside(&format!("{}\n", config_path(&paths)?.display())),
        ConfigCommand::Init => {
            let path = config_path(&paths)?;
            initialize(path)?;
            app.notices.notice(&format!("wrote `{}`", path.display()));
            Ok(())
        }
        ConfigCommand::Edit => edit(app, &paths),
        ConfigCommand::Set {
            connection,
            key,
            value,
        } => {
            let key = find(key)?;
            if app.secrets.has_key_like(value) {
                let (key, reason) = (key.name(), "the value has an API key in it".to_owned());
                return Err(config::Error::Refused { key, reason }.into());
            }
            let profile = changed_profile(app, connection, &key);
            let profile = profile.as_ref().map(|profile| profile.value.as_str());
            set(config_path(&paths)?, profile, &key, value)?;
            // Other flags may come from an alias; this one was probably meant to choose something.
            if let ConfigKey::Setting(setting) = &key
                && connection.sets(setting.key)
                && let SettingFlag::Connection(flag) = setting.flag
            {
                app.notices.notice(&format!(
                    "ignoring {flag}: `config set` takes its value as an argument"
                ));
            }
            if key.name() == "region" && !KNOWN_REGIONS.contains(&value.as_str()) {
                app.notices.notice(&format!(
                    "region `{value}` is not in Langdock's documentation, which names {}",
                    KNOWN_REGIONS.join(", ")
                ));
            }
            Ok(())
        }
        ConfigCommand::Unset { connection, key } => {
            let path = config_path(&paths)?;
            let (name, place, was_set) = match NamedTable::parse(key) {
                Some(table) if ConfigKey::parse(key).is_none() => {
                    (table.text(), String::new(), unset_table(path, &table)?)
                }
                _ => {
                    let key = find(key)?;
                    let profile = changed_profile(app, connection, &key);
                    let place = profile.as_ref().map_or_else(String::new, |profile| {
                        format!("profile `{}` of ", profile.value)
                    });
                    (key.name(), place, unset(path, profile.as_ref(), &key)?)
                }
            };
            if !was_set {
                app.notices.notice(&format!(
                    "`{name}` is not set in {place}`{}`",
                    path.display()
                ));
            }
            Ok(())
        }
        ConfigCommand::Show { connection, json } => {
            let (merged, settings) = found(app, connection, &paths)?;
            if *json {
                app.print_settings(&as_object(&paths, &merged, &settings))
            } else {
                app.print_table(&table(&paths, &merged, &settings))
            }
        }
        ConfigCommand::Get { connection, key } => {
            let key = find(key)?;
            let (merged, settings) = found(app, connection, &paths)?;
            let value = match key {
                ConfigKey::Setting(setting) => {
                    let rows = merged.rows(settings.endpoint.region());
                    rows.into_iter()
                        .find(|row| row.setting == setting)
                        .map(|row| row.value)
                }
                ConfigKey::Model(_) | ConfigKey::Tools(_) | ConfigKey::Secrets(_) => {
                    beside_the_settings(&merged, &settings)
                        .find(|(name, ..)| *name == key.name())
                        .map(|(_, value, _)| value)
                }
            };
            value
                .map(|value| plain(&value))
                .filter(|text| !text.is_empty())
                .map_or(Ok(()), |text| {
                    let text = app.secrets.scrub_message(&text).into_owned();
                    app.print_outside(&format!("{text}\n"))
                })
        }
    }
}

/// Opens the config file in an editor. One that does not exist begins with all settings commented
/// out.
fn edit(app: &App, paths: &Paths) -> Result<(), Error> {
    let path = config_path(paths)?;
    check_changeable(path)?;
    edit_file(app, path, || {
        if !path.exists() {
            initialize(path)?;
        }
        Ok(())
    })?;
    ConfigFile::read(paths)?;
    Ok(())
}

fn find(name: &str) -> Result<ConfigKey, Error> {
    ConfigKey::parse(name).ok_or_else(|| Error::Usage {
        message: format!("no setting `{name}`"),
        hint: Some(ConfigKey::hint_for(name)),
    })
}

/// Returns the profile in which a key is changed; only settings may be part of one.
fn changed_profile(
    app: &App,
    connection: &ConnectionArgs,
    key: &ConfigKey,
) -> Option<Sourced<String>> {
    match key {
        ConfigKey::Setting(_) => chosen_profile(connection.profile.as_deref(), &app.env),
        ConfigKey::Model(_) | ConfigKey::Tools(_) | ConfigKey::Secrets(_) => None,
    }
}

fn found(
    app: &App,
    connection: &ConnectionArgs,
    paths: &Paths,
) -> Result<(MergedConfig, Settings), Error> {
    // The endpoint is that of the settings, whatever would answer a request.
    let flags = Flags {
        records: RecordFiles::default(),
        ..connection.own_flags()
    };
    let merged = merged_config(app, &flags, paths)?;
    let settings = resolve(&merged, paths.keys.as_deref(), None)?;
    Ok((merged, settings))
}

/// Returns the limits, the prices, the tool lists and what is said of secrets, as far as they were
/// set, each with its name and origin.
fn beside_the_settings<'a>(
    merged: &'a MergedConfig,
    settings: &'a Settings,
) -> impl Iterator<Item = (String, Value, &'a Origin)> {
    let models = merged.models().iter().flat_map(ModelTable::rows);
    let models = models.map(|(key, value, origin)| (key.name(), value, origin));
    let tools = settings.tools.rows();
    let tools = tools.map(|(key, names, origin)| (key.name(), json!(names), origin));
    let secrets = merged.secrets().rows();
    let secrets = secrets.map(|(key, value, origin)| (key.name(), value, origin));
    models.chain(tools).chain(secrets)
}

/// Formats a value for scripts.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Returns the key in the form in which it may be shown, or why it cannot be, and its origin. A
/// command is not run, because no request needs its key.
fn shown_key(source: &KeySource) -> (Result<String, String>, Origin) {
    let shown = match source {
        KeySource::Command { .. } => {
            Err("its command is run when a request needs the key".to_owned())
        }
        KeySource::File(_) => Err("the file is read when a request needs the key".to_owned()),
        _ => match read_key(source) {
            Err(error @ config::Error::NoKey { .. }) => {
                return (Err(Error::Config(error).message()), Origin::Default);
            }
            key => key
                .map(|key| key.masked())
                .map_err(|error| Error::Config(error).message()),
        },
    };
    (shown, source.origin())
}

fn table(paths: &Paths, merged: &MergedConfig, settings: &Settings) -> TextTable<3> {
    let file = paths.config.as_ref().filter(|path| path.exists());
    let mut lines = TextTable::new([
        TableColumn::LEFT.at_most(40),
        TableColumn::LEFT.at_most(48),
        TableColumn::LEFT,
    ]);
    if let Some(file) = file {
        lines.push_row([
            "config file".to_owned(),
            file.display().to_string(),
            String::new(),
        ]);
    }
    if let Some(profile) = merged.profile() {
        lines.push_row([
            "profile".to_owned(),
            profile.value.clone(),
            profile.origin.name(),
        ]);
    }
    let (key, origin) = shown_key(&settings.key);
    lines.push_row([
        "api_key".to_owned(),
        key.unwrap_or_else(|why| format!("({why})")),
        origin.name(),
    ]);
    lines.extend(merged.rows(settings.endpoint.region()).iter().map(
        |Row {
             setting,
             value,
             origin,
         }| {
            let value = if value.is_null() {
                format!("({})", setting.default.text())
            } else {
                plain(value)
            };
            [setting.key.to_owned(), value, origin.name()]
        },
    ));
    lines.extend(
        beside_the_settings(merged, settings)
            .map(|(name, value, origin)| [name, plain(&value), origin.name()]),
    );
    lines
}

fn as_object(paths: &Paths, merged: &MergedConfig, settings: &Settings) -> Value {
    let with_origin = |value: Value, origin: String| json!({"value": value, "origin": origin});
    let mut object = Map::new();
    let (key, origin) = shown_key(&settings.key);
    object.insert(
        "api_key".to_owned(),
        with_origin(json!(key.ok()), origin.name()),
    );
    for Row {
        setting,
        value,
        origin,
    } in merged.rows(settings.endpoint.region())
    {
        object.insert(setting.key.to_owned(), with_origin(value, origin.name()));
    }
    for (name, value, origin) in beside_the_settings(merged, settings) {
        object.insert(name, with_origin(value, origin.name()));
    }
    json!({
        "config_file": paths.config.as_ref().filter(|path| path.exists()),
        "profile": merged.profile().map(|profile| with_origin(json!(profile.value), profile.origin.name())),
        "settings": object,
    })
}
