//! A text that may have megabytes: a message, its copies and the body of a request share it.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text whose clones share its memory. One that is changed while it is shared is copied first.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct SharedText(Arc<String>);

impl SharedText {
    /// Appends text.
    pub(crate) fn push_str(&mut self, more: &str) {
        Arc::make_mut(&mut self.0).push_str(more);
    }

    /// Removes white space at the end.
    pub(crate) fn trim_end_in_place(&mut self) {
        let length = self.trim_end().len();
        if length < self.len() {
            Arc::make_mut(&mut self.0).truncate(length);
        }
    }

    /// Returns the text itself, which is copied only if it is shared.
    pub(crate) fn into_string(self) -> String {
        Arc::unwrap_or_clone(self.0)
    }
}

impl Deref for SharedText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<String> for SharedText {
    fn from(text: String) -> Self {
        Self(Arc::new(text))
    }
}

impl From<&str> for SharedText {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl From<&String> for SharedText {
    fn from(text: &String) -> Self {
        Self::from(text.clone())
    }
}

impl From<Cow<'_, str>> for SharedText {
    fn from(text: Cow<'_, str>) -> Self {
        Self::from(text.into_owned())
    }
}

impl fmt::Debug for SharedText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, formatter)
    }
}

impl Serialize for SharedText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for SharedText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_one_copy_leaves_the_other_as_it_was() {
        let one = SharedText::from("a ");
        let mut other = one.clone();
        other.push_str("b ");
        other.trim_end_in_place();
        assert_eq!((&*one, &*other), ("a ", "a b"));
        assert_eq!(other.into_string(), "a b");
    }
}
