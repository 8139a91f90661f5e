//! The keys of the config file as `config get`, `set` and `unset` name them: settings, which a
//! profile may also hold, and the keys of the tables outside of profiles.

use super::file::{PROFILES, SERVERS};
use super::model_table::{MODEL_TABLES, ModelKey};
use super::secret_table::{ALLOW, RULES, SECRETS, SecretsKey};
use super::setting::{SETTINGS, Setting};
use super::tool_names::{TOOLS, ToolsKey, WORDS};
use super::value_type::ValueType;
use crate::text::nearest_name;

/// A key of the config file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ConfigKey {
    /// A setting.
    Setting(&'static Setting),
    /// The limit or the price of a model.
    Model(ModelKey),
    /// A list of tools.
    Tools(ToolsKey),
    /// What is said of secrets.
    Secrets(SecretsKey),
}

impl ConfigKey {
    /// Parses the name of a key; `None` if there is no such key.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Setting::find(name)
            .map(Self::Setting)
            .or_else(|| ModelKey::parse(name).map(Self::Model))
            .or_else(|| ToolsKey::parse(name).map(Self::Tools))
            .or_else(|| SecretsKey::parse(name).map(Self::Secrets))
    }

    /// Returns the hint for a name that is not a key.
    pub(crate) fn hint_for(name: &str) -> String {
        let settings = || SETTINGS.iter().map(|setting| setting.key);
        let table = name.split('.').next().unwrap_or_default();
        match table {
            "api_key" | "key" | "token" => {
                "`langdock auth login` stores the key, and `api_key_cmd` is a command that prints \
                 it"
                .to_owned()
            }
            "profile" | PROFILES => {
                "--profile NAME chooses a profile: `langdock config set --profile NAME KEY VALUE` \
                 changes one, `langdock config unset profiles.NAME` removes it"
                    .to_owned()
            }
            SERVERS => {
                "`langdock config edit` opens the file, in which each table [mcp.NAME] is a server"
                    .to_owned()
            }
            _ => match keys_of_table(name) {
                Some(keys) => match nearest_name(name, keys.iter().map(String::as_str)) {
                    Some(near) if name != table && !near.contains(char::is_uppercase) => {
                        format!("did you mean `{near}`?")
                    }
                    _ => format!("keys of this table: {}", keys.join(", ")),
                },
                None => nearest_name(name, settings()).map_or_else(
                    || {
                        let settings = settings().collect::<Vec<_>>().join(", ");
                        format!(
                            "settings: {settings}; the tables `limits`, `prices`, `tools` and \
                             `secrets` have keys of their own: see `langdock help config`"
                        )
                    },
                    |near| format!("did you mean `{near}`?"),
                ),
            },
        }
    }

    /// Returns the name of the key as the user types it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Setting(setting) => setting.key.to_owned(),
            Self::Model(key) => key.name(),
            Self::Tools(tools) => tools.name(),
            Self::Secrets(key) => key.name(),
        }
    }

    /// Returns whether its value is a file.
    pub(crate) fn takes_file(&self) -> bool {
        self.value_type() == ValueType::File
    }

    /// Returns the words that its value may be, as far as it is a word.
    pub(crate) fn word_values(&self) -> &'static [&'static str] {
        self.value_type().words()
    }

    /// Returns the type of its values.
    pub(super) fn value_type(&self) -> ValueType {
        match self {
            Self::Setting(setting) => setting.value_type,
            Self::Model(key) => key.kind.value_type,
            Self::Tools(_) | Self::Secrets(SecretsKey::Allow) => ValueType::Names,
            Self::Secrets(SecretsKey::Rule(_)) => ValueType::Text,
        }
    }

    /// Returns where the key is in the file: the names of the enclosing tables, outermost first,
    /// and its own name in the innermost one.
    pub(super) fn place<'a>(&'a self, profile: Option<&'a str>) -> (Vec<&'a str>, &'a str) {
        match (self, profile) {
            (Self::Setting(setting), None) => (vec![], setting.key),
            (Self::Setting(setting), Some(profile)) => (vec![PROFILES, profile], setting.key),
            (Self::Model(key), _) => (vec![key.kind.name, &key.model], key.key),
            (Self::Tools(tools), _) => (vec![TOOLS], tools.word),
            (Self::Secrets(SecretsKey::Allow), _) => (vec![SECRETS], ALLOW),
            (Self::Secrets(SecretsKey::Rule(rule)), _) => (vec![SECRETS, RULES], rule),
        }
    }
}

/// Returns the keys of the table that a name begins with, if it has keys of its own; the name may
/// be mistyped where a key follows it.
fn keys_of_table(name: &str) -> Option<Vec<String>> {
    let tables = || {
        [TOOLS, SECRETS]
            .into_iter()
            .chain(MODEL_TABLES.map(|kind| kind.name))
    };
    let table = match name.split_once('.') {
        Some((table, _)) => nearest_name(table, tables())?,
        None => tables().find(|table| *table == name)?,
    };
    let of_models = MODEL_TABLES.into_iter().find(|kind| kind.name == table);
    let keys = match (of_models, table) {
        (Some(kind), _) => kind
            .keys
            .iter()
            .map(|key| format!("{table}.MODEL.{key}"))
            .collect(),
        (None, TOOLS) => WORDS.map(|word| format!("{TOOLS}.{word}")).to_vec(),
        (None, _) => vec![
            format!("{SECRETS}.{ALLOW}"),
            format!("{SECRETS}.{RULES}.NAME"),
        ],
    };
    Some(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_not_a_key_gets_what_is_probably_meant() {
        for (name, hint) in [
            ("modle", "did you mean `model`?"),
            ("tools.alow", "did you mean `tools.allow`?"),
            ("tools", "keys of this table: tools.allow, tools.deny"),
            (
                "limit.m.rpm",
                "keys of this table: limits.MODEL.rpm, limits.MODEL.tpm",
            ),
            (
                "limits.m.rps",
                "keys of this table: limits.MODEL.rpm, limits.MODEL.tpm",
            ),
            ("secret.allow", "did you mean `secrets.allow`?"),
        ] {
            assert_eq!(ConfigKey::hint_for(name), hint, "{name}");
        }
        for (name, part) in [
            ("api_key", "`langdock auth login`"),
            ("profile", "--profile NAME"),
            ("profiles.work.model", "config set --profile NAME"),
            ("mcp.files.command", "[mcp.NAME]"),
            ("xyz", "`langdock help config`"),
        ] {
            let hint = ConfigKey::hint_for(name);
            assert!(hint.contains(part), "{name}: {hint}");
        }
    }
}
