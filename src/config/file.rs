//! The config file, parsed and validated as a whole; each value knows its line.
//!
//! An unknown key is an error: a mistyped setting that is silently ignored would be found much
//! later.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml_edit::{Document, Item, Key, TableLike};

use super::model_table::{MODEL_TABLES, ModelTable, ModelTableKind};
use super::secret_table::{ALLOW, RULES, SECRETS, SECRETS_KEYS, SecretTable, SecretsKey};
use super::setting::{SETTINGS, Setting};
use super::setting_values::SettingValues;
use super::tool_names::{TOOLS, ToolNames, WORDS};
use super::value_type::{SettingValue, ValueType};
use super::{Error, Origin, Paths, Place, Sourced};
use crate::fs::{FileDistrust, read_trusted};
use crate::mcp::{SERVER_KEYS, ServerSpec, SpecFlaw, SpecSource};
use crate::secret_scan::{CustomRule, SecretMode, is_rule_name};
use crate::text::{nearest_name, toml_error_text};
use crate::tool::toml_to_json;

/// The name of the table of profiles.
pub(super) const PROFILES: &str = "profiles";

/// The name of the table of MCP servers.
pub(super) const SERVERS: &str = "mcp";

/// Returns the names of the top-level tables.
fn other_tables() -> impl Iterator<Item = &'static str> {
    let models = MODEL_TABLES.into_iter().map(|kind| kind.name);
    [PROFILES, TOOLS, SECRETS, SERVERS]
        .into_iter()
        .chain(models)
}

/// The contents of the config file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ConfigFile {
    /// The top-level settings, which apply without a profile and where the profile sets nothing.
    pub(super) top: SettingValues,
    /// The profiles by name.
    pub(super) profiles: Vec<(String, SettingValues)>,
    /// What it says of models, one kind of table after the other.
    pub(super) models: Vec<ModelTable>,
    /// Which tools run without confirmation, and which never run.
    pub(super) tools: ToolNames,
    /// Which secrets are looked for, and which are allowed.
    pub(super) secrets: SecretTable,
    /// The MCP servers, in the order of the file.
    pub(super) servers: Vec<ServerSpec>,
}

impl ConfigFile {
    /// Reads the config file. A missing file counts as empty, unless `LANGDOCK_CONFIG` names it.
    /// The second part of the result is a notice if the default file exists but cannot be read.
    pub(crate) fn read(paths: &Paths) -> Result<(Self, Option<String>), Error> {
        let Some(path) = &paths.config else {
            return Ok((Self::default(), None));
        };
        match read_trusted(path) {
            Ok(bytes) => Ok((Self::of_bytes(path, &bytes)?, None)),
            Err(source) if let Some(distrust) = FileDistrust::from_error(&source) => {
                Err(Error::untrusted(path, distrust))
            }
            Err(source) if paths.config_was_named => Err(Error::Unreadable {
                path: path.clone(),
                source,
            }),
            Err(source)
                if matches!(
                    source.kind(),
                    ErrorKind::NotFound | ErrorKind::NotADirectory
                ) =>
            {
                Ok((Self::default(), None))
            }
            Err(source) => {
                let notice = format!(
                    "cannot read the config file `{}`; ignoring it: {source}",
                    path.display()
                );
                Ok((Self::default(), Some(notice)))
            }
        }
    }

    fn of_bytes(path: &Path, bytes: &[u8]) -> Result<Self, Error> {
        let text = str::from_utf8(bytes).map_err(|error| {
            let line = line_behind(&bytes[..error.valid_up_to()]);
            Error::Syntax {
                path: path.to_owned(),
                line,
                reason: "it is not UTF-8".to_owned(),
            }
        })?;
        Self::parse(path, text)
    }

    /// Parses the text of a config file; `path` is for messages.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self, Error> {
        let reader = Reader { path, text };
        let document = Document::parse(text).map_err(|error| Error::Syntax {
            path: path.to_owned(),
            line: reader.line(error.span()),
            // The full message quotes the line, which may hold a secret.
            reason: toml_error_text(error.message()),
        })?;
        let top = reader.level(document.as_table(), None)?;
        let mut models = Vec::new();
        for kind in MODEL_TABLES {
            models.extend(reader.model_tables(document.as_table(), kind)?);
        }
        let tools = reader.tools(document.as_table())?;
        let mut file = Self {
            top,
            profiles: Vec::new(),
            models,
            tools,
            secrets: reader.secrets(document.as_table())?,
            servers: reader.servers(document.as_table())?,
        };
        let Some((key, item)) = document.as_table().get_key_value(PROFILES) else {
            return Ok(file);
        };
        let profiles = item
            .as_table_like()
            .ok_or_else(|| reader.wrong(key, None, "tables such as [profiles.work]"))?;
        for (name, item) in profiles.iter() {
            let key = profiles.key(name).unwrap_or(key);
            let table = item
                .as_table_like()
                .ok_or_else(|| reader.wrong(key, None, "a table"))?;
            file.profiles
                .push((name.to_owned(), reader.level(table, Some(name))?));
        }
        Ok(file)
    }

    /// Returns the names of the profiles.
    pub(crate) fn profile_names(&self) -> impl Iterator<Item = &str> {
        self.profiles.iter().map(|(name, _)| name.as_str())
    }

    /// Returns the names of the keys that it sets besides settings.
    pub(crate) fn other_keys(&self) -> Vec<String> {
        let models = self.models.iter().flat_map(ModelTable::rows);
        let models = models.map(|(key, ..)| key.name());
        models
            .chain(self.tools.rows().map(|(key, ..)| key.name()))
            .chain(self.secrets.rows().map(|(key, ..)| key.name()))
            .collect()
    }

    /// Returns the profiles and the MCP servers, as tables are named.
    pub(crate) fn named_tables(&self) -> Vec<String> {
        let profiles = self
            .profile_names()
            .map(|name| format!("{PROFILES}.{name}"));
        let servers = self.server_names().map(|name| format!("{SERVERS}.{name}"));
        profiles.chain(servers).collect()
    }

    /// Returns the names of the MCP servers.
    pub(crate) fn server_names(&self) -> impl Iterator<Item = &str> {
        self.servers.iter().map(|server| server.name.as_str())
    }

    /// Returns the tools whose calls run without confirmation.
    pub(crate) fn allowed_tools(&self) -> &[String] {
        self.tools.allowed()
    }

    /// Returns the profile of this name; `origin` says who selected it.
    pub(super) fn profile(&self, name: &str, origin: &Origin) -> Result<&SettingValues, Error> {
        let found = self
            .profiles
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, level)| level);
        found.ok_or_else(|| Error::UnknownProfile {
            origin: origin.clone(),
            name: name.to_owned(),
            known: self
                .profiles
                .iter()
                .map(|(known, _)| known.clone())
                .collect(),
        })
    }
}

/// The text being read, to find the line of each value.
struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Reader<'_> {
    /// Reads the table `[tools]`.
    fn tools(&self, top: &dyn TableLike) -> Result<ToolNames, Error> {
        let mut names = ToolNames::default();
        let Some((key, item)) = top.get_key_value(TOOLS) else {
            return Ok(names);
        };
        let table = item
            .as_table_like()
            .ok_or_else(|| self.wrong(key, None, "a table"))?;
        for (name, item) in table.iter() {
            let key = table.key(name).unwrap_or(key);
            let list = match name {
                "allow" => &mut names.allow,
                "deny" => &mut names.deny,
                _ => {
                    return Err(Error::UnknownKey {
                        path: self.path.to_owned(),
                        line: self.line(key.span()),
                        key: format!("{TOOLS}.{name}"),
                        nearest: nearest_name(name, WORDS),
                    });
                }
            };
            *list = Some(self.typed(&format!("{TOOLS}.{name}"), ValueType::Names, key, item)?);
        }
        Ok(names)
    }

    /// Reads the table `[secrets]`.
    fn secrets(&self, top: &dyn TableLike) -> Result<SecretTable, Error> {
        let mut secrets = SecretTable::default();
        let Some((key, item)) = top.get_key_value(SECRETS) else {
            return Ok(secrets);
        };
        let table = item
            .as_table_like()
            .ok_or_else(|| self.wrong(key, None, "a table"))?;
        for (name, item) in table.iter() {
            let key = table.key(name).unwrap_or(key);
            match name {
                ALLOW => {
                    let name = SecretsKey::Allow.name();
                    secrets.allow = Some(self.typed(&name, ValueType::Names, key, item)?);
                }
                RULES => secrets.rules = self.secret_rules(key, item)?,
                _ => {
                    return Err(Error::UnknownKey {
                        path: self.path.to_owned(),
                        line: self.line(key.span()),
                        key: format!("{SECRETS}.{name}"),
                        nearest: nearest_name(name, SECRETS_KEYS),
                    });
                }
            }
        }
        match (secrets.policy(SecretMode::default()), &secrets.allow) {
            (Err(reason), Some(allow)) => Err(Error::Value {
                origin: allow.origin.clone(),
                reason,
            }),
            _ => Ok(secrets),
        }
    }

    /// Reads the rules for secrets, each a name with a regular expression.
    fn secret_rules(&self, key: &Key, item: &Item) -> Result<Vec<Sourced<CustomRule>>, Error> {
        let rules = item
            .as_table_like()
            .ok_or_else(|| self.wrong(key, None, "a table of names and regular expressions"))?;
        let rule = |(name, item): (&str, &Item)| {
            let key = rules.key(name).unwrap_or(key);
            let full_name = SecretsKey::Rule(name.to_owned()).name();
            let Sourced { value, origin } =
                self.typed::<String>(&full_name, ValueType::Text, key, item)?;
            let rule = if is_rule_name(name) {
                Err("a built-in rule has this name".to_owned())
            } else {
                CustomRule::new(name, &value)
                    .map_err(|reason| format!("not a usable regular expression: {reason}"))
            };
            match rule {
                Ok(value) => Ok(Sourced { value, origin }),
                Err(reason) => Err(Error::Value { origin, reason }),
            }
        };
        rules.iter().map(rule).collect()
    }

    fn level(&self, table: &dyn TableLike, profile: Option<&str>) -> Result<SettingValues, Error> {
        let mut level = SettingValues::default();
        for (name, item) in table.iter() {
            let Some((key, _)) = table.get_key_value(name) else {
                continue;
            };
            if profile.is_none() && other_tables().any(|table| table == name) {
                continue;
            }
            let Some(setting) = Setting::find(name) else {
                let tables = profile.is_none().then(other_tables).into_iter().flatten();
                return Err(self.unknown(
                    key,
                    SETTINGS.iter().map(|setting| setting.key).chain(tables),
                ));
            };
            let origin = self.origin(setting.key, key, profile);
            match setting.value_type.read(item) {
                Ok(value) => {
                    level.insert(setting, self.resolved(value, setting.value_type), origin);
                }
                Err(invalid) => return Err(Error::invalid(origin, invalid)),
            }
        }
        Ok(level)
    }

    /// Reads the tables of MCP servers.
    fn servers(&self, top: &dyn TableLike) -> Result<Vec<ServerSpec>, Error> {
        let Some((key, item)) = top.get_key_value(SERVERS) else {
            return Ok(Vec::new());
        };
        let servers = item
            .as_table_like()
            .ok_or_else(|| self.wrong(key, None, "tables such as [mcp.files]"))?;
        let server = |(name, item): (&str, &Item)| {
            let key = servers.key(name).unwrap_or(key);
            let table = item
                .as_table_like()
                .ok_or_else(|| self.wrong(key, None, "a table"))?;
            let known = SERVER_KEYS.map(|(known, ..)| known);
            if let Some((unknown, _)) = table.iter().find(|(name, _)| !known.contains(name)) {
                return Err(self.unknown(table.key(unknown).unwrap_or(key), known));
            }
            let mut fields = serde_json::Map::new();
            for (field, item) in table.iter() {
                let key = table.key(field).unwrap_or(key);
                let value = toml_to_json(item)
                    .ok_or_else(|| self.wrong(key, None, "text, a list or a table"))?;
                fields.insert(field.to_owned(), value);
            }
            let directory = self.path.parent().unwrap_or(Path::new(""));
            let spec = ServerSpec::from_fields(name, &fields, directory, SpecSource::Config);
            spec.map_err(|SpecFlaw { key: field, reason }| {
                let key = table.key(&field).unwrap_or(key);
                let origin = self.origin(&format!("{SERVERS}.{name}"), key, None);
                let field = if field.is_empty() {
                    String::new()
                } else {
                    format!("`{field}`: ")
                };
                Error::Value {
                    origin,
                    reason: format!("{field}{reason}"),
                }
            })
        };
        servers.iter().map(server).collect()
    }

    /// Reads the tables of models of one kind.
    fn model_tables(
        &self,
        top: &dyn TableLike,
        kind: &'static ModelTableKind,
    ) -> Result<Vec<ModelTable>, Error> {
        let Some((key, item)) = top.get_key_value(kind.name) else {
            return Ok(Vec::new());
        };
        let models = item
            .as_table_like()
            .ok_or_else(|| self.wrong(key, None, kind.example))?;
        let read = |(model, item): (&str, &Item)| {
            let key = models.key(model).unwrap_or(key);
            let table = item
                .as_table_like()
                .ok_or_else(|| self.wrong(key, None, "a table"))?;
            if let Some((name, _)) = table.iter().find(|(name, _)| !kind.keys.contains(name)) {
                let key = table.key(name).unwrap_or(key);
                return Err(self.unknown(key, kind.keys.iter().copied()));
            }
            let mut values = Vec::new();
            for name in kind.keys {
                if let Some((key, item)) = table.get_key_value(name) {
                    values.push((*name, self.typed(name, kind.value_type, key, item)?));
                }
            }
            Ok(ModelTable {
                kind,
                model: model.to_owned(),
                values,
            })
        };
        models.iter().map(read).collect()
    }

    /// Reads a value outside of profiles as its Rust type.
    fn typed<T: TryFrom<SettingValue>>(
        &self,
        name: &str,
        value_type: ValueType,
        key: &Key,
        item: &Item,
    ) -> Result<Sourced<T>, Error> {
        let origin = self.origin(name, key, None);
        let value = match value_type.read(item) {
            Ok(value) => T::try_from(value).ok().expect("a type holds its values"),
            Err(invalid) => return Err(Error::invalid(origin, invalid)),
        };
        Ok(Sourced { value, origin })
    }

    fn unknown(&self, key: &Key, known: impl IntoIterator<Item = &'static str>) -> Error {
        Error::UnknownKey {
            path: self.path.to_owned(),
            line: self.line(key.span()),
            key: key.get().to_owned(),
            nearest: nearest_name(key.get(), known),
        }
    }

    /// Resolves a relative path against the directory of the config file.
    fn resolved(&self, value: SettingValue, value_type: ValueType) -> SettingValue {
        match self.path.parent() {
            Some(directory) => value.in_directory(value_type, directory),
            None => value,
        }
    }

    fn origin(&self, name: &str, key: &Key, profile: Option<&str>) -> Origin {
        Origin::File(Arc::new(Place {
            path: self.path.to_owned(),
            line: self.line(key.span()),
            key: name.to_owned(),
            profile: profile.map(str::to_owned),
        }))
    }

    fn wrong(&self, key: &Key, profile: Option<&str>, wanted: &str) -> Error {
        Error::Value {
            origin: self.origin(key.get(), key, profile),
            reason: format!("must be {wanted}"),
        }
    }

    fn line(&self, span: Option<std::ops::Range<usize>>) -> usize {
        let before = span
            .and_then(|span| self.text.as_bytes().get(..span.start))
            .unwrap_or_default();
        line_behind(before)
    }
}

/// The number of the line that the byte after `before` is in, counted from 1.
fn line_behind(before: &[u8]) -> usize {
    1 + memchr::memchr_iter(b'\n', before).count()
}

/// Returns where to write the config file.
pub(crate) fn config_path(paths: &Paths) -> Result<&PathBuf, Error> {
    paths.config.as_ref().ok_or(Error::NoHome)
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    fn parse(text: &str) -> Result<ConfigFile, Error> {
        ConfigFile::parse(Path::new("/c.toml"), text)
    }

    #[test]
    fn each_value_comes_with_its_line_and_profile() {
        let file = parse("region = 'us'\n\n[profiles.work]\nmax_tokens = 7\n").expect("a config");
        let region: Sourced<String> = file.top.typed("region").expect("a region");
        assert_eq!(
            (region.value.as_str(), region.origin.name()),
            ("us", "/c.toml:1".to_owned())
        );
        let work = file.profile("work", &Origin::Default).expect("the profile");
        let tokens: Sourced<u64> = work.typed("max_tokens").expect("a number");
        assert_eq!(
            (tokens.value, tokens.origin.name()),
            (7, "profile work, /c.toml:4".to_owned())
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_key() {
        for (text, expected) in [
            ("\nregoin = 'eu'", "`/c.toml`, line 2: unknown key `regoin`"),
            (
                "[profiles.a]\nprofiles = 1",
                "`/c.toml`, line 2: unknown key `profiles`",
            ),
            (
                "max_tokens = 0",
                "`max_tokens` in `/c.toml`, line 1: `0` is not a whole number from 1 to \
                 4,294,967,295",
            ),
            (
                "max_tokens = 'x'",
                "`max_tokens` in `/c.toml`, line 1: must be a whole number",
            ),
            (
                "\n\ntimeout = 5",
                "`timeout` in `/c.toml`, line 3: must be a duration in quotes",
            ),
            (
                "timeout = '5 weeks'",
                "`timeout` in `/c.toml`, line 1: `5 weeks` is not a duration",
            ),
            (
                "region = 'E U'",
                "`region` in `/c.toml`, line 1: `E U` is not a region",
            ),
            (
                "base_url = 'x'",
                "`base_url` in `/c.toml`, line 1: the base URL `x`",
            ),
            (
                "allow_http = 1",
                "`allow_http` in `/c.toml`, line 1: must be `true` or `false`",
            ),
            (
                "api_key_cmd = 'pass'",
                "`api_key_cmd` in `/c.toml`, line 1: must be a list of a program",
            ),
            (
                "api_key_cmd = []",
                "`api_key_cmd` in `/c.toml`, line 1: must be a list of a program",
            ),
            (
                "limits = 1",
                "`limits` in `/c.toml`, line 1: must be tables",
            ),
            (
                "[limits.\"m\"]\nrpm = 0",
                "`rpm` in `/c.toml`, line 2: `0` is not a whole number from 1 to 4,294,967,295",
            ),
            (
                "[limits.\"m\"]\ntpm = '1'",
                "`tpm` in `/c.toml`, line 2: must be a whole number",
            ),
            (
                "[prices.\"m\"]\ninput = -1",
                "`input` in `/c.toml`, line 2: `-1` is not a price in US dollars",
            ),
            (
                "[prices.\"m\"]\ninput = true",
                "`input` in `/c.toml`, line 2: must be a number of US dollars",
            ),
            (
                "[prices.\"m\"]\ninputs = 1",
                "`/c.toml`, line 2: unknown key `inputs`",
            ),
            (
                "[limits.\"m\"]\nrps = 1",
                "`/c.toml`, line 2: unknown key `rps`",
            ),
            (
                "[profiles.a.limits.m]\nrpm = 1",
                "`/c.toml`, line 1: unknown key `limits`",
            ),
            (
                "profiles = 1",
                "`profiles` in `/c.toml`, line 1: must be tables",
            ),
            ("mcp = 1", "`mcp` in `/c.toml`, line 1: must be tables"),
            (
                "[mcp.s]\ncommand = 'x'\narg = []",
                "`/c.toml`, line 3: unknown key `arg`",
            ),
            (
                "[mcp.s]\ncommand = 'x'\nargs = 'y'",
                "`mcp.s` in `/c.toml`, line 3: `args`: must be an array of strings",
            ),
            (
                "[mcp.s]\noptional = true",
                "`mcp.s` in `/c.toml`, line 1: must have `command` or `url`",
            ),
            (
                "[profiles.a]\nmodel = ' '",
                "`model` of profile `a` in `/c.toml`, line 2: must not be blank",
            ),
            (
                "region = 'eu'\nregion = 'us'",
                "`/c.toml`, line 2: duplicate key",
            ),
            ("a\n", "`/c.toml`, line 1: "),
        ] {
            let error = parse(text).expect_err(text);
            let cause = error
                .source()
                .map_or_else(String::new, |source| format!(": {source}"));
            let message = format!("{error}{cause}");
            assert!(message.starts_with(expected), "{message}");
        }
    }

    #[test]
    fn a_price_keeps_the_digits_that_were_written() {
        let text = "[prices.\"claude-*\"]\ninput = 0.000_003\noutput = 15\ncache_read = '0.1'\n";
        let file = parse(text).expect("a config");
        let set = file.models[0].price_override().expect("prices");
        let price = |text: &str| crate::protocol::price_of_a_token(text);
        assert_eq!(set.pattern, "claude-*");
        assert_eq!(
            set.prices,
            [price("0.000003"), price("15"), price("0.1"), None, None]
        );
    }

    #[test]
    fn a_syntax_error_does_not_show_the_line() {
        let error = parse("proxy = 'http://u:secret@p:1\n")
            .expect_err("no end")
            .to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}
