//! JSON that means nothing to this program, as text: it is kept, written and sent as it came.
//!
//! A tree would take up to thirty times the bytes, and change numbers on the way. The text is
//! compact, so that it fits on a line, and each string in it can be decoded, so that whoever needs
//! a part of it as a [`Value`] can parse that part.

use std::borrow::Cow;
use std::fmt;

use indexmap::IndexMap;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Error, Value};

use super::exact_json::{RawFields, with_readable_numbers};
use crate::text::{JsonShape, end_of_string};

/// The fields of an object that are not known here, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct UnknownFields(IndexMap<String, Box<RawValue>>);

/// A content block of an unknown type or shape.
#[derive(Debug, Clone)]
pub(crate) struct UnknownBlock {
    /// Its type, if it has one.
    kind: Option<String>,
    json: Box<RawValue>,
}

impl UnknownFields {
    /// Returns whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Parses a field; `None` if there is no such field.
    pub(crate) fn get(&self, key: &str) -> Option<Value> {
        self.0.get(key).map(|raw| parse_value(raw))
    }

    /// Returns the fields as text.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.0.iter().map(|(key, raw)| (key.as_str(), raw.as_ref()))
    }

    /// Sets a field; an existing one keeps its position.
    pub(crate) fn insert<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) {
        let raw = to_raw_value(value).expect("maps with string keys are always JSON");
        self.insert_raw(key.to_owned(), raw);
    }

    /// Sets a field to text that is compact already.
    pub(super) fn insert_raw(&mut self, key: String, raw: Box<RawValue>) {
        self.0.insert(key, raw);
    }

    /// Removes a field, and returns it parsed.
    pub(crate) fn shift_remove(&mut self, key: &str) -> Option<Value> {
        self.0.shift_remove(key).map(|raw| parse_value(&raw))
    }

    /// Sets fields.
    pub(super) fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    /// Keeps the fields for which a function of key and text returns true.
    pub(super) fn retain(&mut self, mut is_kept: impl FnMut(&str, &RawValue) -> bool) {
        self.0.retain(|key, raw| is_kept(key, raw));
    }

    /// Sorts the fields by key.
    pub(super) fn sort_keys(&mut self) {
        self.0.sort_unstable_keys();
    }

    /// Returns about how many bytes they would take as a tree, which bounds what they take as text.
    pub(super) fn tree_bytes(&self) -> usize {
        let field = |(key, raw): (&str, &RawValue)| {
            size_of::<(String, Value)>() + key.len() + text_tree_bytes(raw)
        };
        self.iter().map(field).sum()
    }
}

impl IntoIterator for UnknownFields {
    type Item = (String, Box<RawValue>);
    type IntoIter = indexmap::map::IntoIter<String, Box<RawValue>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl PartialEq for UnknownFields {
    fn eq(&self, other: &Self) -> bool {
        let texts = |fields: &'_ Self| -> Vec<(String, String)> {
            let text = |(key, raw): (&str, &RawValue)| (key.to_owned(), raw.get().to_owned());
            fields.iter().map(text).collect()
        };
        texts(self) == texts(other)
    }
}

impl Serialize for UnknownFields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for UnknownFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = UnknownFields;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UnknownFields, A::Error> {
                let mut fields = UnknownFields::default();
                while let Some((key, raw)) = map.next_entry::<String, Box<RawValue>>()? {
                    fields.insert_raw(key, compact_owned(raw).map_err(A::Error::custom)?);
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// The fields of an object that are read one by one; those that are left are unknown.
pub(super) struct TypedFields<'a>(RawFields<'a>);

impl<'a> TypedFields<'a> {
    /// Parses an object.
    ///
    /// # Errors
    ///
    /// If it is anything else.
    pub(super) fn parse(text: &'a str) -> Result<Self, Error> {
        serde_json::from_str(text).map(Self)
    }

    /// Removes a field and returns its text.
    pub(super) fn take(&mut self, key: &str) -> Option<&'a RawValue> {
        self.0.take(key)
    }

    /// Removes a field and returns it; `None` if its value is not of this type.
    pub(super) fn read<T: DeserializeOwned>(&mut self, key: &str) -> Option<T> {
        serde_json::from_str(self.take(key)?.get()).ok()
    }

    /// Removes a field and returns it, with its default if it is missing or null; `None` if its
    /// value is not of this type.
    pub(super) fn read_or_default<T: DeserializeOwned + Default>(
        &mut self,
        key: &str,
    ) -> Option<T> {
        self.optional(key).ok()
    }

    /// Removes a field and returns it, with its default if it is missing or null.
    ///
    /// # Errors
    ///
    /// If its value is not of this type.
    pub(super) fn optional<T: DeserializeOwned + Default>(
        &mut self,
        key: &str,
    ) -> Result<T, Error> {
        let Some(raw) = self.take(key) else {
            return Ok(T::default());
        };
        let read: Option<T> = serde_json::from_str(raw.get())?;
        Ok(read.unwrap_or_default())
    }

    /// Removes a field and returns it.
    ///
    /// # Errors
    ///
    /// If it is missing, or its value is not of this type.
    pub(super) fn required<T: DeserializeOwned>(&mut self, key: &'static str) -> Result<T, Error> {
        let raw = self.take(key).ok_or_else(|| Error::missing_field(key))?;
        serde_json::from_str(raw.get())
    }

    /// Returns the fields that are left.
    ///
    /// # Errors
    ///
    /// If a string in them cannot be decoded.
    pub(super) fn into_unknown(self) -> Result<UnknownFields, Error> {
        let fields = self.0.into_iter();
        let compact = fields.map(|(key, raw)| Ok((key, compact(raw)?)));
        compact.collect::<Result<_, Error>>().map(UnknownFields)
    }
}

impl UnknownBlock {
    /// Keeps a block.
    ///
    /// # Errors
    ///
    /// If a string in it cannot be decoded.
    pub(super) fn from_text(text: &str) -> Result<Self, Error> {
        let kind = TypedFields::parse(text)
            .ok()
            .and_then(|mut fields| fields.read("type"));
        let json = RawValue::from_string(compact_text(text)?.into_owned())?;
        Ok(Self { kind, json })
    }

    /// Returns the type; `None` if there is none.
    pub(crate) fn kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }

    /// Returns all of it as text.
    pub(crate) fn text(&self) -> &str {
        self.json.get()
    }

    /// Parses all of it.
    pub(crate) fn to_value(&self) -> Value {
        parse_value(&self.json)
    }

    /// Parses a field; `None` if there is no such field.
    pub(crate) fn get(&self, key: &str) -> Option<Value> {
        let raw = TypedFields::parse(self.text()).ok()?.take(key)?;
        Some(parse_value(raw))
    }

    /// Returns the fields; `None` if it is not an object.
    pub(super) fn to_fields(&self) -> Option<UnknownFields> {
        serde_json::from_str(self.text()).ok()
    }

    /// Replaces the fields.
    pub(super) fn set_fields(&mut self, fields: &UnknownFields) {
        self.json = to_raw_value(fields).expect("maps with string keys are always JSON");
    }

    /// Returns about how many bytes it would take as a tree.
    pub(super) fn tree_bytes(&self) -> usize {
        text_tree_bytes(&self.json)
    }
}

impl PartialEq for UnknownBlock {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Serialize for UnknownBlock {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(serializer)
    }
}

/// Parses text of this file, in which everything can be parsed but numbers that are too large.
pub(super) fn parse_value(raw: &RawValue) -> Value {
    let value = serde_json::from_str(&with_readable_numbers(raw.get()));
    value.expect("its strings were decoded, and its depth was checked")
}

/// Returns about how many bytes JSON text would take as a tree.
pub(super) fn text_tree_bytes(raw: &RawValue) -> usize {
    JsonShape::of_text(raw.get().as_bytes()).tree_bytes
}

/// Returns JSON text without white space, and with strings as this program writes them.
///
/// # Errors
///
/// If a string cannot be decoded: half a character may be missing.
pub(super) fn compact(raw: &RawValue) -> Result<Box<RawValue>, Error> {
    match compact_text(raw.get())? {
        Cow::Borrowed(_) => Ok(raw.to_owned()),
        Cow::Owned(text) => RawValue::from_string(text),
    }
}

fn compact_owned(raw: Box<RawValue>) -> Result<Box<RawValue>, Error> {
    match compact_text(raw.get())? {
        Cow::Borrowed(_) => Ok(raw),
        Cow::Owned(text) => RawValue::from_string(text),
    }
}

/// Does the same with text.
///
/// # Errors
///
/// As for [`compact`].
pub(crate) fn compact_text(text: &str) -> Result<Cow<'_, str>, Error> {
    let bytes = text.as_bytes();
    let mut out = String::new();
    let (mut copied, mut at) = (0, 0);
    while at < bytes.len() {
        let end = match bytes[at] {
            b'"' => end_of_string(bytes, at),
            b' ' | b'\t' | b'\r' | b'\n' => {
                out.push_str(&text[copied..at]);
                copied = at + 1;
                copied
            }
            _ => at + 1,
        };
        if bytes[at] == b'"' && text[at..end].contains('\\') {
            let decoded: String = serde_json::from_str(&text[at..end])?;
            out.push_str(&text[copied..at]);
            out.push_str(&serde_json::to_string(&decoded)?);
            copied = end;
        }
        at = end;
    }
    if copied == 0 {
        return Ok(Cow::Borrowed(text));
    }
    out.push_str(&text[copied..]);
    Ok(Cow::Owned(out))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_is_kept_on_one_line_with_its_digits_and_its_order() {
        let text = "{ \"b\" : [ 1.10, \"x y\",\n \"\\u00e9\\n\" ] ,\t\"a\":1e400 }";
        let fields: UnknownFields = serde_json::from_str(text).expect("an object");
        let expected = r#"{"b":[1.10,"x y","é\n"],"a":1e400}"#;
        assert_eq!(serde_json::to_string(&fields).expect("JSON"), expected);
        assert_eq!(fields.get("b"), Some(json!([1.1, "x y", "é\n"])));
        assert_eq!(fields.get("a"), Some(json!(f64::MAX)));
        let block = UnknownBlock::from_text(text).expect("a block");
        assert_eq!((block.text(), block.kind()), (expected, None));
    }

    #[test]
    fn what_could_not_be_read_back_is_refused() {
        for text in [r#"{"a":"\ud83d"}"#, r#"{"a":["\ud83d x"]}"#] {
            assert!(serde_json::from_str::<UnknownFields>(text).is_err());
            assert!(UnknownBlock::from_text(text).is_err(), "{text}");
        }
    }

    #[test]
    fn of_duplicate_fields_the_last_one_counts() {
        let text = r#"{"type":"a","x":1,"type":"later"}"#;
        assert_eq!(
            UnknownBlock::from_text(text).expect("a block").kind(),
            Some("later")
        );
        let fields: UnknownFields = serde_json::from_str(text).expect("an object");
        assert_eq!(
            serde_json::to_string(&fields).expect("JSON"),
            r#"{"type":"later","x":1}"#
        );
    }
}
