//! Writes to the config file: what a person has written there stays as it is, comments and all.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use toml_edit::{Array, DocumentMut, Item, Key, TableLike, Value, table, value};

use super::file::{PROFILES, texts, words};
use super::limits::{LIMITS, LimitKey};
use super::setting::{Form, SETTINGS, Setting};
use super::tool_names::{TOOLS, ToolsKey};
use super::write::write_whole;
use super::{ConfigFile, Error};

/// Sets a key of the config file, in a profile or outside of all. Nothing is written unless the
/// whole file is sound then.
pub(crate) fn set(
    path: &Path,
    profile: Option<&str>,
    setting: &Setting,
    text: &str,
) -> Result<(), Error> {
    change(path, setting.key, |old| edited(old, profile, setting, text))
}

/// Sets a limit of the config file, in the same way.
pub(crate) fn set_limit(path: &Path, key: &LimitKey, text: &str) -> Result<(), Error> {
    change(path, key.kind, |old| limited(old, key, text))
}

/// Sets a list of tools of the config file, in the same way.
pub(crate) fn set_tools(path: &Path, key: ToolsKey, text: &str) -> Result<(), Error> {
    change(path, key.word, |old| listed(old, key, text))
}

fn change(
    path: &Path,
    key: &'static str,
    edit: impl FnOnce(&str) -> Result<String, String>,
) -> Result<(), Error> {
    let old = match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        old => old.map_err(|source| Error::Unreadable {
            path: path.to_owned(),
            source,
        })?,
    };
    ConfigFile::parse(path, &old)?;
    let new = edit(&old).map_err(|reason| Error::Refused { key, reason })?;
    ConfigFile::parse(path, &new)?;
    let new = with_the_newlines_of(&old, new);
    write_whole(path, &new).map_err(|source| Error::Unwritable {
        path: path.to_owned(),
        source,
    })
}

/// What is written anew has newlines as Unix has them, and what was there may have those of
/// Windows, and a mark of the order of bytes before all.
fn with_the_newlines_of(old: &str, new: String) -> String {
    const MARK: char = '\u{feff}';
    let new = if old.contains("\r\n") {
        new.replace("\r\n", "\n").replace('\n', "\r\n")
    } else {
        new
    };
    if old.starts_with(MARK) && !new.starts_with(MARK) {
        format!("{MARK}{new}")
    } else {
        new
    }
}

/// Writes a config file in which everything is a comment.
pub(crate) fn initialize(path: &Path) -> Result<(), Error> {
    // A link that leads nowhere is there too.
    if path.symlink_metadata().is_ok() {
        return Err(Error::Exists {
            path: path.to_owned(),
        });
    }
    write_whole(path, &commented()).map_err(|source| Error::Unwritable {
        path: path.to_owned(),
        source,
    })
}

/// Sets a key in the text of a sound config file.
fn edited(
    old: &str,
    profile: Option<&str>,
    setting: &Setting,
    text: &str,
) -> Result<String, String> {
    let new = as_value(setting.form, text)?;
    if let Some(new) = profile
        .is_none()
        .then(|| behind_its_sample(old, setting.key, &new))
        .flatten()
    {
        return Ok(new);
    }
    let mut document: DocumentMut = old.parse().map_err(|_| "the file is no TOML".to_owned())?;
    let table = profile.map(|name| (PROFILES, name));
    if let Some(new) =
        table.and_then(|table| in_a_new_table(old, &document, table, setting.key, &new))
    {
        return Ok(new);
    }
    match table {
        None => put(document.as_table_mut(), setting.key, new),
        Some(table) => put(inner(&mut document, table)?, setting.key, new),
    }
    Ok(document.to_string())
}

/// Sets a limit in the text of a sound config file.
fn limited(old: &str, key: &LimitKey, text: &str) -> Result<String, String> {
    let new = as_value(Form::Count(1), text)?;
    let mut document: DocumentMut = old.parse().map_err(|_| "the file is no TOML".to_owned())?;
    let table = (LIMITS, key.model.as_str());
    if let Some(new) = in_a_new_table(old, &document, table, key.kind, &new) {
        return Ok(new);
    }
    put(inner(&mut document, table)?, key.kind, new);
    Ok(document.to_string())
}

/// Sets a list of tools in the text of a sound config file.
fn listed(old: &str, key: ToolsKey, text: &str) -> Result<String, String> {
    let item: Option<Item> = text.parse::<Value>().ok().map(value);
    let names = item
        .as_ref()
        .and_then(texts)
        .ok_or("a list of names is needed, such as '[\"look_up\"]'")?;
    let new = Value::Array(Array::from_iter(names));
    let mut document: DocumentMut = old.parse().map_err(|_| "the file is no TOML".to_owned())?;
    let is_there = document.get(TOOLS).is_some();
    if let Some(new) = (!is_there)
        .then(|| at_the_end(old, TOOLS, key.word, &new))
        .flatten()
    {
        return Ok(new);
    }
    let table = document.entry(TOOLS).or_insert(table());
    put(
        table
            .as_table_like_mut()
            .ok_or_else(|| format!("`{TOOLS}` is no table"))?,
        key.word,
        new,
    );
    Ok(document.to_string())
}

/// The table of this name in the table of all of its kind; both are made where they are missing.
fn inner<'a>(
    document: &'a mut DocumentMut,
    (kind, name): (&str, &str),
) -> Result<&'a mut dyn TableLike, String> {
    let all = document.entry(kind).or_insert_with(|| {
        let mut all = toml_edit::Table::new();
        all.set_implicit(true);
        Item::Table(all)
    });
    let all = all
        .as_table_like_mut()
        .ok_or_else(|| format!("`{kind}` is no table"))?;
    all.entry(name)
        .or_insert(table())
        .as_table_like_mut()
        .ok_or_else(|| format!("`{name}` is no table"))
}

fn put(level: &mut dyn TableLike, key: &str, mut new: Value) {
    if let Some(present) = level.get(key).and_then(Item::as_value) {
        // The comment behind the value.
        *new.decor_mut() = present.decor().clone();
    }
    match level.get_mut(key) {
        Some(item) => *item = value(new),
        None => drop(level.insert(key, value(new))),
    }
}

/// Sets a key that is not there yet behind the comment that is its sample, as `initialize` writes
/// it, where there is one above all tables.
fn behind_its_sample(old: &str, key: &str, new: &Value) -> Option<String> {
    let mut text = String::with_capacity(old.len() + 64);
    let mut is_set = false;
    for line in old.split_inclusive('\n') {
        if !is_set && line.trim_start().starts_with('[') {
            return None;
        }
        text.push_str(line);
        if !is_set
            && line
                .strip_prefix('#')
                .is_some_and(|rest| rest.trim_start().starts_with(&format!("{key} = ")))
        {
            let newline = if line.ends_with('\n') { "" } else { "\n" };
            text.push_str(&format!("{newline}{key} = {new}\n"));
            is_set = true;
        }
    }
    // No TOML, if it was there already; without it, if the comment is none but a line of a text.
    let document: DocumentMut = text.parse().ok()?;
    (is_set && document.contains_key(key)).then_some(text)
}

/// Begins a profile or the limits of a model at the end of the file: comments that stand there,
/// samples of other settings, must not become part of it.
fn in_a_new_table(
    old: &str,
    document: &DocumentMut,
    (kind, name): (&str, &str),
    key: &str,
    new: &Value,
) -> Option<String> {
    if document.get(kind).and_then(|all| all.get(name)).is_some() {
        return None;
    }
    at_the_end(
        old,
        &format!("{kind}.{}", Key::new(name).display_repr()),
        key,
        new,
    )
}

fn at_the_end(old: &str, table: &str, key: &str, new: &Value) -> Option<String> {
    let newline = if old.is_empty() || old.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    let gap = if old.is_empty() { "" } else { "\n" };
    let text = format!("{old}{newline}{gap}[{table}]\n{key} = {new}\n");
    // No TOML, if the tables are written in another way.
    text.parse::<DocumentMut>().is_ok().then_some(text)
}

fn as_value(form: Form, text: &str) -> Result<Value, String> {
    form.check(text)?;
    Ok(match form {
        Form::Region
        | Form::BaseUrl
        | Form::Text
        | Form::OneOf(_)
        | Form::Duration
        | Form::Timeout => Value::from(text),
        Form::Count(_) => Value::from(text.parse::<i64>().map_err(|error| error.to_string())?),
        Form::Switch => Value::from(text == "true"),
        Form::Words => {
            let item: Option<Item> = text.parse::<Value>().ok().map(value);
            let words = item
                .as_ref()
                .and_then(words)
                .ok_or_else(|| format!("{} is needed", form.wanted()))?;
            Value::Array(Array::from_iter(words))
        }
    })
}

fn commented() -> String {
    let mut text = String::from(
        "# Settings of langdock. A flag goes before its variable, that before a profile, and that before the rest.\n\
         # `langdock config show` tells what holds and where it came from.\n",
    );
    for setting in &SETTINGS {
        text.push_str(&format!(
            "\n# {}\n#{} = {}\n",
            setting.about, setting.key, setting.sample
        ));
    }
    text.push_str(
        "\n# A profile has the same keys; --profile NAME or LANGDOCK_PROFILE chooses it.\n\
         #[profiles.work]\n#region = \"us\"\n\
         \n# What a model may be asked in a minute, where it is not what Langdock's documentation says.\n\
         #[limits.\"claude-sonnet-4-5-20250929\"]\n#rpm = 500\n#tpm = 60000\n\
         \n# The tools whose calls run unasked, and those whose calls never run, by name.\n\
         #[tools]\n#allow = [\"look_up\"]\n#deny = [\"remove\"]\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(old: &str, profile: Option<&str>, key: &str, text: &str) -> String {
        edited(old, profile, Setting::find(key).expect(key), text).expect(text)
    }

    #[test]
    fn everything_else_stays_as_it_is() {
        let old = "# top\nregion = 'eu' # here\n\n  max_tokens=7\n[profiles.a] # a\nmodel = \"m\"\n# end\n";
        let new = edit(old, None, "region", "us");
        assert_eq!(new, old.replace("'eu'", "\"us\""));
        let new = edit(old, None, "timeout", "30s");
        assert_eq!(
            new,
            old.replace("max_tokens=7\n", "max_tokens=7\ntimeout = \"30s\"\n")
        );
        let new = edit(old, Some("a"), "api_key_cmd", "['pass', 'x y']");
        assert_eq!(
            new,
            old.replace("\"m\"\n", "\"m\"\napi_key_cmd = [\"pass\", \"x y\"]\n")
        );
    }

    #[test]
    fn a_new_profile_stands_at_the_end_behind_every_comment() {
        let text = edit(&commented(), None, "region", "us");
        let new = edit(&text, Some("x y"), "model", "m");
        assert_eq!(new, format!("{text}\n[profiles.\"x y\"]\nmodel = \"m\"\n"));
        assert_eq!(
            edit("", Some("x"), "model", "m"),
            "[profiles.x]\nmodel = \"m\"\n"
        );
        let inline = "profiles = { a = { region = \"us\" } }\n";
        assert!(
            edit(inline, Some("b"), "region", "eu")
                .parse::<DocumentMut>()
                .is_ok()
        );
    }

    #[test]
    fn a_new_key_stands_behind_its_sample() {
        let text = commented();
        let new = edit(&text, None, "timeout", "30s");
        assert_eq!(
            new,
            text.replace(
                "#timeout = \"10m\"\n",
                "#timeout = \"10m\"\ntimeout = \"30s\"\n"
            )
        );
        let newer = edit(&new, None, "timeout", "1m");
        assert_eq!(newer, new.replace("\"30s\"", "\"1m\""));
        assert_eq!(
            edit("#timeout = 1", None, "timeout", "30s"),
            "#timeout = 1\ntimeout = \"30s\"\n"
        );
        let in_profile = "[profiles.a]\n#timeout = \"10m\"\n";
        assert!(edit(in_profile, None, "timeout", "30s").starts_with("timeout = \"30s\"\n"));
        let in_text = "model = '''\n#timeout = 1\n'''\n";
        assert_eq!(
            edit(in_text, None, "timeout", "30s"),
            format!("{in_text}timeout = \"30s\"\n")
        );
    }

    #[test]
    fn a_limit_stands_in_the_table_of_its_model() {
        let limit = |old: &str, kind: &str, text: &str| {
            let key = LimitKey::parse(&format!("limits.m.1.{kind}")).expect(kind);
            limited(old, &key, text)
        };
        let first = limit("region = 'eu'\n", "rpm", "80").expect("a limit");
        assert_eq!(first, "region = 'eu'\n\n[limits.\"m.1\"]\nrpm = 80\n");
        let both = limit(&first, "tpm", "4000").expect("a limit");
        assert_eq!(both, format!("{first}tpm = 4000\n"));
        assert_eq!(
            limit(&both, "rpm", "90").expect("a limit"),
            both.replace("80", "90")
        );
        assert!(limit(&both, "rpm", "0").is_err());
    }

    #[test]
    fn a_profile_that_is_not_there_is_made() {
        let new = edit("region = 'eu'\n", Some("new one"), "allow_http", "true");
        assert_eq!(
            new,
            "region = 'eu'\n\n[profiles.\"new one\"]\nallow_http = true\n"
        );
    }

    #[test]
    fn the_first_file_says_nothing_and_everything_in_it_is_sound() {
        let text = commented();
        let path = Path::new("/c.toml");
        assert_eq!(
            ConfigFile::parse(path, &text).expect("comments"),
            ConfigFile::default()
        );
        let uncommented = text
            .replace("\n#", "\n")
            .lines()
            .filter(|line| !line.starts_with(['#', ' ']))
            .fold(String::new(), |text, line| text + line + "\n");
        let file = ConfigFile::parse(path, &uncommented).expect(&uncommented);
        assert_eq!(
            (
                file.profiles.len(),
                file.limits.len(),
                file.tools.rows().count()
            ),
            (1, 1, 2)
        );
    }

    #[test]
    fn a_list_of_tools_stands_in_their_table() {
        let list = |old: &str, name: &str, text: &str| {
            listed(old, ToolsKey::parse(name).expect(name), text)
        };
        let first = list("region = 'eu'\n", "tools.allow", "['a', 'b']").expect("a list");
        assert_eq!(first, "region = 'eu'\n\n[tools]\nallow = [\"a\", \"b\"]\n");
        let both = list(&first, "tools.deny", "[]").expect("a list");
        assert_eq!(both, format!("{first}deny = []\n"));
        assert_eq!(
            list(&both, "tools.allow", "['c']").expect("a list"),
            both.replace("\"a\", \"b\"", "\"c\"")
        );
        assert!(list(&both, "tools.allow", "a").is_err());
        assert_eq!(ToolsKey::parse("tools.rest"), None);
    }

    #[test]
    fn newlines_of_windows_and_a_mark_before_all_stay() {
        let old = "\u{feff}region = 'eu'\r\n";
        assert_eq!(
            with_the_newlines_of(old, "region = 'us'\na = 1\n".into()),
            "\u{feff}region = 'us'\r\na = 1\r\n"
        );
        assert_eq!(with_the_newlines_of("a = 1\n", "a = 2\n".into()), "a = 2\n");
    }
}
