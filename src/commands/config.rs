//! `langdock config`: what holds, who said so, and changing it.

use serde_json::{Map, Value, json};

use crate::app::App;
use crate::cli::{Config, ConfigCommand, Connection};
use crate::config::{
    self, Chosen, Flags, KeySource, LimitKey, ModelLimits, Origin, Paths, Row, SETTINGS, Setting,
    Settings, ToolsKey, config_path, initialize, read_key, resolve, set, set_limit, set_tools,
};
use crate::error::Error;
use crate::exchange::settings::{chosen, only};
use crate::text::{Column, TextTable, nearest};

/// Shows or changes the settings.
pub(crate) fn config(app: &App, args: &Config) -> Result<(), Error> {
    let paths = Paths::find(&app.env);
    match &args.command {
        ConfigCommand::Path => app.print(&format!("{}\n", config_path(&paths)?.display())),
        ConfigCommand::Init => {
            let path = config_path(&paths)?;
            initialize(path)?;
            app.notices.notice(&format!("wrote `{}`", path.display()));
            Ok(())
        }
        ConfigCommand::Set {
            connection,
            key,
            value,
        } => {
            if let Some(limit) = LimitKey::parse(key) {
                only(
                    "config set",
                    connection,
                    &Connection::default(),
                    "none for a limit, which no profile has",
                )?;
                return Ok(set_limit(config_path(&paths)?, &limit, value)?);
            }
            if let Some(tools) = ToolsKey::parse(key) {
                only(
                    "config set",
                    connection,
                    &Connection::default(),
                    "none for tools, which no profile has",
                )?;
                return Ok(set_tools(config_path(&paths)?, tools, value)?);
            }
            let profile = connection.profile.clone();
            only(
                "config set",
                connection,
                &Connection {
                    profile,
                    ..Connection::default()
                },
                "--profile",
            )?;
            let profile = connection.profile.as_deref().or(app.env.profile.as_deref());
            Ok(set(config_path(&paths)?, profile, find(key)?, value)?)
        }
        ConfigCommand::Show { connection, json } => {
            let (chosen, settings) = found(app, connection, &paths)?;
            if *json {
                app.print_object(&as_object(&paths, &chosen, &settings))
            } else {
                app.print_table(&table(&paths, &chosen, &settings))
            }
        }
        ConfigCommand::Get { connection, key } => {
            let beside = LimitKey::parse(key)
                .map(|limit| limit.name())
                .or(ToolsKey::parse(key).map(ToolsKey::name));
            if let Some(key) = beside {
                let (chosen, settings) = found(app, connection, &paths)?;
                let value = beside_the_settings(&chosen, &settings).find(|(name, ..)| *name == key);
                return value.map_or(Ok(()), |(_, value, _)| {
                    app.print(&format!("{}\n", plain(&value)))
                });
            }
            let setting = find(key)?;
            let (chosen, settings) = found(app, connection, &paths)?;
            let rows = chosen.rows(settings.endpoint.region());
            let value = rows
                .iter()
                .find(|row| row.setting == setting)
                .map(|row| plain(&row.value));
            value
                .filter(|text| !text.is_empty())
                .map_or(Ok(()), |text| app.print(&format!("{text}\n")))
        }
    }
}

fn find(key: &str) -> Result<&'static Setting, Error> {
    Setting::find(key).ok_or_else(|| {
        let keys = || SETTINGS.iter().map(|setting| setting.key);
        Error::Usage {
            message: format!("there is no setting `{key}`"),
            hint: Some(match nearest(key, keys()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are: {}", keys().collect::<Vec<_>>().join(", ")),
            }),
        }
    })
}

fn found(app: &App, connection: &Connection, paths: &Paths) -> Result<(Chosen, Settings), Error> {
    only(
        "config",
        connection,
        &Connection {
            demo: false,
            ..connection.clone()
        },
        "all but --demo",
    )?;
    let flags: Flags = connection.own_flags();
    let chosen = chosen(app, &flags, paths)?;
    let settings = resolve(&chosen, paths.keys.as_deref(), None)?;
    Ok((chosen, settings))
}

/// The limits and the lists of tools that were set: each with its name and its origin.
fn beside_the_settings<'a>(
    chosen: &'a Chosen,
    settings: &'a Settings,
) -> impl Iterator<Item = (String, Value, &'a Origin)> {
    let limits = chosen.limits().iter().flat_map(ModelLimits::rows);
    let limits = limits.map(|(key, value, origin)| (key.name(), json!(value), origin));
    limits.chain(
        settings
            .tools
            .rows()
            .map(|(key, names, origin)| (key.name(), json!(names), origin)),
    )
}

/// A value as a script wants it.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The key as it may be shown, or why there is none, and where it came from. The command is not
/// run: no request needs its key.
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

fn table(paths: &Paths, chosen: &Chosen, settings: &Settings) -> TextTable<3> {
    let file = paths.config.as_ref().filter(|path| path.exists());
    let mut lines = TextTable::new([
        Column::LEFT.at_most(40),
        Column::LEFT.at_most(48),
        Column::LEFT,
    ]);
    if let Some(file) = file {
        lines.push([
            "config file".to_owned(),
            file.display().to_string(),
            String::new(),
        ]);
    }
    if let Some(profile) = chosen.profile() {
        lines.push([
            "profile".to_owned(),
            profile.value.clone(),
            profile.origin.name(),
        ]);
    }
    let (key, origin) = shown_key(&settings.key);
    lines.push([
        "api_key".to_owned(),
        key.unwrap_or_else(|why| format!("({why})")),
        origin.name(),
    ]);
    lines.extend(chosen.rows(settings.endpoint.region()).iter().map(
        |Row {
             setting,
             value,
             origin,
         }| {
            let value = if value.is_null() {
                format!("({})", setting.unset)
            } else {
                plain(value)
            };
            [setting.key.to_owned(), value, origin.name()]
        },
    ));
    lines.extend(
        beside_the_settings(chosen, settings)
            .map(|(name, value, origin)| [name, plain(&value), origin.name()]),
    );
    lines
}

fn as_object(paths: &Paths, chosen: &Chosen, settings: &Settings) -> Value {
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
    } in chosen.rows(settings.endpoint.region())
    {
        object.insert(setting.key.to_owned(), with_origin(value, origin.name()));
    }
    for (name, value, origin) in beside_the_settings(chosen, settings) {
        object.insert(name, with_origin(value, origin.name()));
    }
    json!({
        "config_file": paths.config.as_ref().filter(|path| path.exists()),
        "profile": chosen.profile().map(|profile| with_origin(json!(profile.value), profile.origin.name())),
        "settings": object,
    })
}
