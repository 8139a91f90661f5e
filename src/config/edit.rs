//! Writes to the config file: what a person has written there stays as it is, comments and all.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use toml_edit::{Array, DocumentMut, Item, Key, TableLike, Value, table, value};

use super::file::{PROFILES, words};
use super::setting::{Form, SETTINGS, Setting};
use super::write::write_whole;
use super::{ConfigFile, Error};

/// Sets a key of the config file, in a profile or outside of all. Nothing is written unless the whole file is sound then.
pub(crate) fn set(path: &Path, profile: Option<&str>, setting: &Setting, text: &str) -> Result<(), Error> {
    let old = match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        old => old.map_err(|source| Error::Unreadable { path: path.to_owned(), source })?,
    };
    ConfigFile::parse(path, &old)?;
    let new = edited(&old, profile, setting, text).map_err(|reason| Error::Refused { key: setting.key, reason })?;
    ConfigFile::parse(path, &new)?;
    write_whole(path, &new).map_err(|source| Error::Unwritable { path: path.to_owned(), source })
}

/// Writes a config file in which everything is a comment.
pub(crate) fn initialize(path: &Path) -> Result<(), Error> {
    // A link that leads nowhere is there too.
    if path.symlink_metadata().is_ok() {
        return Err(Error::Exists { path: path.to_owned() });
    }
    write_whole(path, &commented()).map_err(|source| Error::Unwritable { path: path.to_owned(), source })
}

/// Sets a key in the text of a sound config file.
fn edited(old: &str, profile: Option<&str>, setting: &Setting, text: &str) -> Result<String, String> {
    let mut new = as_value(setting.form, text)?;
    if let Some(new) = profile.is_none().then(|| behind_its_sample(old, setting.key, &new)).flatten() {
        return Ok(new);
    }
    let mut document: DocumentMut = old.parse().map_err(|_| "the file is no TOML".to_owned())?;
    if let Some(new) = profile.and_then(|name| in_a_new_profile(old, &document, name, setting.key, &new)) {
        return Ok(new);
    }
    let level: &mut dyn TableLike = match profile {
        None => document.as_table_mut(),
        Some(name) => {
            let profiles = document.entry(PROFILES).or_insert_with(|| {
                let mut profiles = toml_edit::Table::new();
                profiles.set_implicit(true);
                Item::Table(profiles)
            });
            let profiles = profiles.as_table_like_mut().ok_or("`profiles` is no table")?;
            profiles.entry(name).or_insert(table()).as_table_like_mut().ok_or("the profile is no table")?
        }
    };
    if let Some(present) = level.get(setting.key).and_then(Item::as_value) {
        // The comment behind the value.
        *new.decor_mut() = present.decor().clone();
    }
    match level.get_mut(setting.key) {
        Some(item) => *item = value(new),
        None => drop(level.insert(setting.key, value(new))),
    }
    Ok(document.to_string())
}

/// Sets a key that is not there yet behind the comment that is its sample, as `initialize` writes it, where there is one
/// above all tables.
fn behind_its_sample(old: &str, key: &str, new: &Value) -> Option<String> {
    let mut text = String::with_capacity(old.len() + 64);
    let mut is_set = false;
    for line in old.split_inclusive('\n') {
        if !is_set && line.trim_start().starts_with('[') {
            return None;
        }
        text.push_str(line);
        if !is_set && line.strip_prefix('#').is_some_and(|rest| rest.trim_start().starts_with(&format!("{key} = "))) {
            let newline = if line.ends_with('\n') { "" } else { "\n" };
            text.push_str(&format!("{newline}{key} = {new}\n"));
            is_set = true;
        }
    }
    // No TOML, if it was there already; without it, if the comment is none but a line of a text.
    let document: DocumentMut = text.parse().ok()?;
    (is_set && document.contains_key(key)).then_some(text)
}

/// Begins a profile at the end of the file: comments that stand there, samples of other settings, must not become part of it.
fn in_a_new_profile(old: &str, document: &DocumentMut, name: &str, key: &str, new: &Value) -> Option<String> {
    if document.get(PROFILES).and_then(|profiles| profiles.get(name)).is_some() {
        return None;
    }
    let newline = if old.is_empty() || old.ends_with('\n') { "" } else { "\n" };
    let gap = if old.is_empty() { "" } else { "\n" };
    let name = Key::new(name);
    let text = format!("{old}{newline}{gap}[{PROFILES}.{}]\n{key} = {new}\n", name.display_repr());
    // No TOML, if the profiles are written in another way.
    text.parse::<DocumentMut>().is_ok().then_some(text)
}

fn as_value(form: Form, text: &str) -> Result<Value, String> {
    form.check(text)?;
    Ok(match form {
        Form::Region | Form::BaseUrl | Form::Text | Form::Duration | Form::Timeout => Value::from(text),
        Form::Count(_) => Value::from(text.parse::<i64>().map_err(|error| error.to_string())?),
        Form::Switch => Value::from(text == "true"),
        Form::Words => {
            let item: Option<Item> = text.parse::<Value>().ok().map(value);
            let words = item.as_ref().and_then(words).ok_or_else(|| format!("{} is needed", form.wanted()))?;
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
        text.push_str(&format!("\n# {}\n#{} = {}\n", setting.about, setting.key, setting.sample));
    }
    text.push_str(
        "\n# A profile has the same keys; --profile NAME or LANGDOCK_PROFILE chooses it.\n\
         #[profiles.work]\n#region = \"us\"\n",
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
        assert_eq!(new, old.replace("max_tokens=7\n", "max_tokens=7\ntimeout = \"30s\"\n"));
        let new = edit(old, Some("a"), "api_key_cmd", "['pass', 'x y']");
        assert_eq!(new, old.replace("\"m\"\n", "\"m\"\napi_key_cmd = [\"pass\", \"x y\"]\n"));
    }

    #[test]
    fn a_new_profile_stands_at_the_end_behind_every_comment() {
        let text = edit(&commented(), None, "region", "us");
        let new = edit(&text, Some("x y"), "model", "m");
        assert_eq!(new, format!("{text}\n[profiles.\"x y\"]\nmodel = \"m\"\n"));
        assert_eq!(edit("", Some("x"), "model", "m"), "[profiles.x]\nmodel = \"m\"\n");
        let inline = "profiles = { a = { region = \"us\" } }\n";
        assert!(edit(inline, Some("b"), "region", "eu").parse::<DocumentMut>().is_ok());
    }

    #[test]
    fn a_new_key_stands_behind_its_sample() {
        let text = commented();
        let new = edit(&text, None, "timeout", "30s");
        assert_eq!(new, text.replace("#timeout = \"10m\"\n", "#timeout = \"10m\"\ntimeout = \"30s\"\n"));
        let newer = edit(&new, None, "timeout", "1m");
        assert_eq!(newer, new.replace("\"30s\"", "\"1m\""));
        assert_eq!(edit("#timeout = 1", None, "timeout", "30s"), "#timeout = 1\ntimeout = \"30s\"\n");
        let in_profile = "[profiles.a]\n#timeout = \"10m\"\n";
        assert!(edit(in_profile, None, "timeout", "30s").starts_with("timeout = \"30s\"\n"));
        let in_text = "model = '''\n#timeout = 1\n'''\n";
        assert_eq!(edit(in_text, None, "timeout", "30s"), format!("{in_text}timeout = \"30s\"\n"));
    }

    #[test]
    fn a_profile_that_is_not_there_is_made() {
        let new = edit("region = 'eu'\n", Some("new one"), "allow_http", "true");
        assert_eq!(new, "region = 'eu'\n\n[profiles.\"new one\"]\nallow_http = true\n");
    }

    #[test]
    fn the_first_file_says_nothing_and_everything_in_it_is_sound() {
        let text = commented();
        let path = Path::new("/c.toml");
        assert_eq!(ConfigFile::parse(path, &text).expect("comments"), ConfigFile::default());
        let uncommented = text
            .replace("\n#", "\n")
            .lines()
            .filter(|line| !line.starts_with(['#', ' ']))
            .fold(String::new(), |text, line| text + line + "\n");
        let file = ConfigFile::parse(path, &uncommented).expect(&uncommented);
        assert_eq!(file.profiles.len(), 1);
    }
}
