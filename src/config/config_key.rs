//! The keys of the config file as `config get`, `set` and `unset` name them: settings, which a
//! profile may also hold, and the keys of the tables outside of profiles.

use super::file::PROFILES;
use super::model_table::ModelKey;
use super::setting::Setting;
use super::tool_names::{TOOLS, ToolsKey};
use super::value_type::ValueType;

/// A key of the config file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ConfigKey {
    /// A setting.
    Setting(&'static Setting),
    /// The limit or the price of a model.
    Model(ModelKey),
    /// A list of tools.
    Tools(ToolsKey),
}

impl ConfigKey {
    /// Parses the name of a key; `None` if there is no such key.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Setting::find(name)
            .map(Self::Setting)
            .or_else(|| ModelKey::parse(name).map(Self::Model))
            .or_else(|| ToolsKey::parse(name).map(Self::Tools))
    }

    /// Returns the name of the key as the user types it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Setting(setting) => setting.key.to_owned(),
            Self::Model(key) => key.name(),
            Self::Tools(tools) => tools.name(),
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
            Self::Tools(_) => ValueType::Names,
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
        }
    }
}
