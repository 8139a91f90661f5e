//! Edits the config file and leaves everything else in it as the user wrote it, comments included.

use std::path::Path;

use toml_edit::{Document, DocumentMut, Item, Key, TableLike, Value, value};

use super::change::{change, write};
use super::config_key::ConfigKey;
use super::model_table::ModelKey;
use super::named_table::{NamedTable, without_table};
use super::setting::SETTINGS;
use super::write::create_directory_of;
use super::{Error, Sourced, TABLES};

/// Sets a key of the config file, in a profile or at the top level. Nothing is written unless the
/// resulting file is valid as a whole.
pub(crate) fn set(
    path: &Path,
    profile: Option<&str>,
    key: &ConfigKey,
    text: &str,
) -> Result<(), Error> {
    let refused = |reason: String| Error::Refused {
        key: key.name(),
        reason,
    };
    let (tables, name) = key.place(profile);
    create_directory_of(path);
    change(path, |old, _| {
        let value = key.value_type().to_toml(text);
        let value = value.map_err(|invalid| refused(invalid.to_string()))?;
        with_value(old, &tables, name, value)
            .map(Some)
            .map_err(refused)
    })?;
    Ok(())
}

/// Removes a key from the config file and returns whether it was there. A given profile must exist.
pub(crate) fn unset(
    path: &Path,
    profile: Option<&Sourced<String>>,
    key: &ConfigKey,
) -> Result<bool, Error> {
    change(path, |old, file| {
        if let (ConfigKey::Setting(_), Some(profile)) = (key, profile) {
            file.profile(&profile.value, &profile.origin)?;
        }
        let (tables, name) = key.place(profile.map(|profile| profile.value.as_str()));
        let new = without_key(old, &tables, name);
        Ok(match key {
            // An empty table would go before one whose pattern matches more models.
            ConfigKey::Model(key) => new.map(|new| without_empty_table(new, key, &tables)),
            _ => new,
        })
    })
}

/// Writes a new config file in which every setting is commented out.
pub(crate) fn initialize(path: &Path) -> Result<(), Error> {
    if path.exists() {
        return Err(Error::Exists {
            path: path.to_owned(),
        });
    }
    write(path, &commented())
}

/// Sets a key of a table in the text of a valid config file.
fn with_value(old: &str, tables: &[&str], key: &str, new: Value) -> Result<String, String> {
    if tables.is_empty()
        && let Some(new) = behind_its_sample(old, key, &new)
    {
        return Ok(new);
    }
    let mut document: DocumentMut = old
        .parse()
        .map_err(|_| "the file is not valid TOML".to_owned())?;
    if table_at(document.as_table(), tables).is_none()
        && let Some(new) = in_a_new_table(old, tables, key, &new)
    {
        return Ok(new);
    }
    let mut level: &mut dyn TableLike = document.as_table_mut();
    for (depth, name) in tables.iter().enumerate() {
        let mut missing = toml_edit::Table::new();
        missing.set_implicit(depth + 1 < tables.len());
        level = level
            .entry(name)
            .or_insert(Item::Table(missing))
            .as_table_like_mut()
            .ok_or_else(|| format!("`{name}` is not a table"))?;
    }
    put(level, key, new);
    Ok(document.to_string())
}

/// Removes a key from a table in the text of a valid config file; `None` if it is not there.
fn without_key(old: &str, tables: &[&str], key: &str) -> Option<String> {
    let document = Document::parse(old).ok()?;
    let mut level = document.as_item();
    let mut has_own_lines = true;
    for name in tables {
        level = level.get(name)?;
        has_own_lines &= level.is_table();
    }
    let (name, item) = level.as_table_like()?.get_key_value(key)?;
    // Comments above it may cover more than this key, or be its sample, so only its own lines go.
    if has_own_lines && let (Some(name), Some(item)) = (name.span(), item.span()) {
        let start = old[..name.start].rfind('\n').map_or(0, |at| at + 1);
        let end = old[item.end..]
            .find('\n')
            .map_or(old.len(), |at| item.end + at + 1);
        return Some(format!("{}{}", &old[..start], &old[end..]));
    }
    let mut document = document.into_mut();
    let mut level: &mut dyn TableLike = document.as_table_mut();
    for name in tables {
        level = level.get_mut(name)?.as_table_like_mut()?;
    }
    level.remove(key)?;
    Some(document.to_string())
}

/// Removes the table of a model if it is empty.
fn without_empty_table(text: String, key: &ModelKey, tables: &[&str]) -> String {
    let document = Document::parse(&*text).ok();
    let table = document.and_then(|document| {
        let table = table_at(document.as_table(), tables)?;
        table.is_empty().then(|| NamedTable::with_key(key))
    });
    table
        .and_then(|table| without_table(&text, &table))
        .unwrap_or(text)
}

/// Returns the table at this path of names, if there is one.
fn table_at<'a>(top: &'a dyn TableLike, tables: &[&str]) -> Option<&'a dyn TableLike> {
    tables
        .iter()
        .try_fold(top, |level, name| level.get(name)?.as_table_like())
}

fn put(level: &mut dyn TableLike, key: &str, mut new: Value) {
    if let Some(present) = level.get(key).and_then(Item::as_value) {
        // Keeps the comment after the value.
        *new.decor_mut() = present.decor().clone();
    }
    match level.get_mut(key) {
        Some(item) => *item = value(new),
        None => drop(level.insert(key, value(new))),
    }
}

/// Sets a top-level key that is not there yet, right after the comment with its sample that
/// `initialize` writes; `None` if there is no such comment before the first table.
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
    // Parsing fails if the key was already set. If the "comment" was a line of a multi-line string,
    // the document parses without the key.
    let document: DocumentMut = text.parse().ok()?;
    (is_set && document.contains_key(key)).then_some(text)
}

/// Sets a key in a new table at the end of the file, so that comments already there, such as
/// samples of other settings, do not become part of the table.
fn in_a_new_table(old: &str, tables: &[&str], key: &str, new: &Value) -> Option<String> {
    let newline = if old.is_empty() || old.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    let gap = if old.is_empty() { "" } else { "\n" };
    let names: Vec<_> = tables
        .iter()
        .map(|name| Key::new(*name).display_repr().into_owned())
        .collect();
    let table = names.join(".");
    let text = format!("{old}{newline}{gap}[{table}]\n{key} = {new}\n");
    // Parsing fails if the file writes these tables in another way, such as inline.
    text.parse::<DocumentMut>().is_ok().then_some(text)
}

fn commented() -> String {
    let mut text = String::from(
        "# Settings of langdock. Precedence, highest first: flag, environment variable, profile, \
         the rest of this file.\n\
         # `langdock config show` shows the effective settings and their origin.\n",
    );
    for setting in &SETTINGS {
        text.push('\n');
        for line in setting.about() {
            text.push_str(&format!("# {line}\n"));
        }
        text.push_str(&format!("#{} = {}\n", setting.key, setting.sample));
    }
    text.push_str(
        "\n# A profile has the same keys; --profile NAME or LANGDOCK_PROFILE chooses it.\n\
         #[profiles.work]\n#region = \"us\"\n",
    );
    for table in &TABLES {
        text.push_str(&format!("\n# {}\n#[{}]\n", table.about, table.name));
        for sample in table.samples {
            text.push_str(&format!("#{sample}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConfigFile;

    fn edit(old: &str, profile: Option<&str>, key: &str, text: &str) -> String {
        try_edit(old, profile, key, text).expect(text)
    }

    fn try_edit(old: &str, profile: Option<&str>, key: &str, text: &str) -> Result<String, String> {
        let key = ConfigKey::parse(key).expect(key);
        let (tables, name) = key.place(profile);
        let value = key.value_type().to_toml(text);
        with_value(
            old,
            &tables,
            name,
            value.map_err(|invalid| invalid.to_string())?,
        )
    }

    fn unset(old: &str, profile: Option<&str>, key: &str) -> Option<String> {
        let key = ConfigKey::parse(key).expect(key);
        let (tables, name) = key.place(profile);
        without_key(old, &tables, name)
    }

    #[test]
    fn everything_else_stays_as_it_is() {
        let old = "# top\nregion = 'eu' # here\n\n  max_tokens=7\n[profiles.a] # a\nmodel = \
         \"m\"\n# end\n";
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
            try_edit(old, None, &format!("limits.m.1.{kind}"), text)
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
        let price = |text| try_edit("", None, "prices.m*.input", text);
        assert_eq!(
            price("0.10").as_deref(),
            Ok("[prices.\"m*\"]\ninput = 0.10\n")
        );
        assert!(price("-1").is_err());
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
                file.models.len(),
                file.tools.rows().count()
            ),
            (1, 2, 2)
        );
    }

    #[test]
    fn a_list_of_tools_stands_in_their_table() {
        let list = |old: &str, name: &str, text: &str| try_edit(old, None, name, text);
        let first = list("region = 'eu'\n", "tools.allow", "['a', 'b']").expect("a list");
        assert_eq!(first, "region = 'eu'\n\n[tools]\nallow = [\"a\", \"b\"]\n");
        let both = list(&first, "tools.deny", "[]").expect("a list");
        assert_eq!(both, format!("{first}deny = []\n"));
        assert_eq!(
            list(&both, "tools.allow", "['c']").expect("a list"),
            both.replace("\"a\", \"b\"", "\"c\"")
        );
        assert!(list(&both, "tools.allow", "a").is_err());
        assert_eq!(ConfigKey::parse("tools.rest"), None);
    }

    #[test]
    fn what_is_unset_leaves_every_other_line_as_it_is() {
        let old = "# top\nregion = 'eu' # here\n# next\nmodel = 'm'\n[profiles.a] # a\nmodel = 'n'\n\
                   [limits.\"m.1\"]\nrpm = 1\n[tools]\nallow = [\n  'a', # one\n]\n# end\n";
        for (profile, key, line) in [
            (None, "region", "region = 'eu' # here\n"),
            (None, "model", "model = 'm'\n"),
            (Some("a"), "model", "model = 'n'\n"),
            (None, "limits.m.1.rpm", "rpm = 1\n"),
            (None, "tools.allow", "allow = [\n  'a', # one\n]\n"),
        ] {
            assert_eq!(unset(old, profile, key), Some(old.replace(line, "")));
        }
        for (profile, key) in [
            (None, "timeout"),
            (Some("a"), "region"),
            (Some("b"), "region"),
            (None, "limits.m.1.tpm"),
            (None, "limits.n.rpm"),
            (None, "tools.deny"),
        ] {
            assert_eq!(unset(old, profile, key), None, "{key}");
        }
    }

    #[test]
    fn what_was_set_behind_its_sample_is_unset_without_it() {
        let text = edit(&commented(), None, "timeout", "30s");
        assert_eq!(unset(&text, None, "timeout"), Some(commented()));
        assert_eq!(
            unset("timeout = '1s'", None, "timeout"),
            Some(String::new())
        );
    }

    #[test]
    fn a_key_is_unset_however_its_table_is_written() {
        let inline = "profiles = { a = { region = 'us', model = 'm' } }\n";
        let new = unset(inline, Some("a"), "region").expect("a region");
        assert!(
            new.contains("model = 'm'") && !new.contains("region"),
            "{new}"
        );
        let dotted = "profiles.a.region = 'us'\nprofiles.a.model = 'm'\n";
        assert_eq!(
            unset(dotted, Some("a"), "region").as_deref(),
            Some("profiles.a.model = 'm'\n")
        );
    }
}
