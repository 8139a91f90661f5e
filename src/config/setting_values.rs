//! Values of settings with their origins, from one source, such as the flags or a profile, or
//! merged from several.

use std::collections::BTreeMap;

use super::setting::Setting;
use super::value_type::SettingValue;
use super::{Origin, Sourced};

/// At most one value for each setting.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SettingValues(BTreeMap<&'static str, Sourced<SettingValue>>);

impl SettingValues {
    /// Sets the value that a flag gave, if it was given.
    pub(crate) fn set_flag(&mut self, key: &str, value: Option<impl Into<SettingValue>>) {
        let setting = Setting::find(key).expect("a flag of the table is set");
        if let (Some(value), Some(flag)) = (value, setting.flag.name()) {
            self.insert(setting, value.into(), Origin::Flag(flag));
        }
    }

    /// Sets the value of a setting.
    pub(super) fn insert(&mut self, setting: &Setting, value: SettingValue, origin: Origin) {
        self.0.insert(setting.key, Sourced { value, origin });
    }

    /// Adds the values of settings that are not set here.
    pub(crate) fn fill_from(&mut self, others: &Self) {
        for (key, value) in &others.0 {
            self.0.entry(key).or_insert_with(|| value.clone());
        }
    }

    /// Whether a setting has a value.
    pub(crate) fn contains(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// Returns the value of a setting and its origin.
    pub(super) fn get(&self, key: &str) -> Option<&Sourced<SettingValue>> {
        self.0.get(key)
    }

    /// Returns the value of a setting as its Rust type.
    ///
    /// # Panics
    ///
    /// If the table has another type for the setting.
    pub(super) fn typed<T: TryFrom<SettingValue>>(&self, key: &str) -> Option<Sourced<T>> {
        let found = self.get(key)?;
        Some(Sourced {
            value: T::try_from(found.value.clone())
                .ok()
                .expect("a setting is read as the type that the table gives it"),
            origin: found.origin.clone(),
        })
    }

    /// Drops the values of all other settings.
    pub(crate) fn retain(&mut self, keys: &[&str]) {
        self.0.retain(|key, _| keys.contains(key));
    }
}
