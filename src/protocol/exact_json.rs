//! JSON that is passed through: every number keeps its original digits.
//!
//! [`Value`] holds a number as 64 bits, so `1.10` becomes `1.1`, `123456789012345678901` becomes
//! `1.2345678901234568e20`, and `1e400` cannot be parsed at all. Amounts and ids must not change on
//! their way through this program. A value is parsed to a [`Value`] here for inspection, and its
//! original text is kept as well if the two differ, which is rare.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::ops::{Deref, Range};

use indexmap::IndexMap;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;
use serde_json::{Error, Map, Value};

use crate::text::{JsonPlace, check_depth, end_of_string};

/// Replaces numbers that are too large for an `f64`, so that the rest can be parsed.
const LARGEST: &str = "1.7976931348623157e308";

/// A JSON value with the digits of its numbers.
#[derive(Debug, Clone, Default)]
pub(crate) struct ExactJson {
    value: Value,
    /// The original text, if any number in `value` would be written differently.
    text: Option<Box<RawValue>>,
}

impl ExactJson {
    /// Parses a JSON value.
    ///
    /// # Errors
    ///
    /// If it is not JSON, or nests too deep.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        check_depth(text.as_bytes(), JsonPlace::Bare).map_err(Error::custom)?;
        Self::parse_written(text)
    }

    /// Parses a conversation, a request, or a line of a batch: the values in it may nest as deep as
    /// others.
    ///
    /// # Errors
    ///
    /// As for `parse`.
    pub(crate) fn parse_envelope(text: &str) -> Result<Self, Error> {
        check_depth(text.as_bytes(), JsonPlace::Envelope).map_err(Error::custom)?;
        Self::parse_written(text)
    }

    /// Parses JSON text that this program has written, or has parsed as a part of a whole.
    ///
    /// # Errors
    ///
    /// If it is not JSON.
    pub(crate) fn parse_written(text: &str) -> Result<Self, Error> {
        if !has_other_digits(text) {
            let value = serde_json::from_str(text)?;
            return Ok(Self { value, text: None });
        }
        let value = serde_json::from_str(&with_readable_numbers(text))?;
        let mut canonical = String::with_capacity(text.len());
        write_canonical(serde_json::from_str(text)?, &mut canonical)?;
        Ok(Self {
            value,
            text: Some(RawValue::from_string(canonical)?),
        })
    }

    /// Converts a Rust value.
    pub(crate) fn from_value<T: Serialize + ?Sized>(value: &T) -> Self {
        let text = serde_json::to_string(value).expect("maps with string keys are always JSON");
        Self::parse_written(&text).expect("it was just written")
    }

    /// Whether its [`Value`] has all digits.
    pub(super) fn is_plain(&self) -> bool {
        self.text.is_none()
    }

    /// Changes the value in place, as [`ExactJson::map`] does.
    pub(crate) fn change<T>(&mut self, change: impl FnOnce(&mut Value) -> T) -> T {
        if self.is_plain() {
            return change(&mut self.value);
        }
        let mut outcome = None;
        let changed = self.map(|value| {
            let mut value = value.clone();
            outcome = Some(change(&mut value));
            Ok::<_, Infallible>(value)
        });
        match (changed, outcome) {
            (Ok(changed), Some(outcome)) => {
                *self = changed;
                outcome
            }
            (Err(never), _) => match never {},
            (Ok(_), None) => unreachable!("the change was made"),
        }
    }

    /// Removes a field of an object.
    pub(crate) fn remove_field(&mut self, key: &str) {
        if let (Value::Object(fields), true) = (&mut self.value, self.text.is_none()) {
            fields.shift_remove(key);
            return;
        }
        let mut fields = ExactFields::from_object(std::mem::take(self)).unwrap_or_default();
        fields.shift_remove(key);
        *self = Self::from_value(&fields);
    }

    /// Returns the items of an array; empty for any other value.
    pub(crate) fn items(self) -> Vec<Self> {
        let Value::Array(values) = self.value else {
            return Vec::new();
        };
        let raw: Option<Vec<&RawValue>> = self
            .text
            .as_ref()
            .and_then(|text| serde_json::from_str(text.get()).ok());
        let read = |raw: &&RawValue| {
            Self::parse_written(raw.get()).expect("it was parsed as a part of the whole")
        };
        match raw {
            Some(raw) => raw.iter().map(read).collect(),
            None => values.into_iter().map(Self::from).collect(),
        }
    }

    /// Sets a field of an object; any other value becomes an object with only this field.
    pub(crate) fn set_field(&mut self, key: &str, json: impl Into<Self>) {
        let mut fields = ExactFields::from_object(std::mem::take(self)).unwrap_or_default();
        fields.insert(key, json);
        *self = if fields.exact.is_empty() {
            Value::Object(fields.values).into()
        } else {
            Self::from_value(&fields)
        };
    }

    /// Deserializes it into a Rust type.
    ///
    /// # Errors
    ///
    /// If its shape does not match.
    pub(crate) fn read_as<T: DeserializeOwned>(&self) -> Result<T, Error> {
        match &self.text {
            None => T::deserialize(&self.value),
            Some(text) => serde_json::from_str(text.get()),
        }
    }

    /// Returns a field of an object.
    pub(crate) fn field(&self, key: &str) -> Option<Self> {
        match &self.text {
            None => self.value.get(key).cloned().map(Self::from),
            Some(text) => {
                let fields: RawFields<'_> = serde_json::from_str(text.get()).ok()?;
                let mut fields = fields;
                Self::parse_written(fields.take(key)?.get()).ok()
            }
        }
    }
}

impl Deref for ExactJson {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.value
    }
}

/// Digits are lost here: whoever has the text parses that.
impl<'de> Deserialize<'de> for ExactJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::from)
    }
}

impl From<Value> for ExactJson {
    fn from(value: Value) -> Self {
        Self { value, text: None }
    }
}

impl PartialEq for ExactJson {
    fn eq(&self, other: &Self) -> bool {
        let text = |json: &'_ Self| json.text.as_ref().map(|text| text.get().to_owned());
        self.value == other.value && text(self) == text(other)
    }
}

impl PartialEq<Value> for ExactJson {
    fn eq(&self, other: &Value) -> bool {
        self.text.is_none() && self.value == *other
    }
}

/// Writes it on one line, or indented with `{:#}`.
impl fmt::Display for ExactJson {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.text {
            None => self.value.fmt(formatter),
            Some(text) if formatter.alternate() => formatter.write_str(&indent_json(text.get())),
            Some(text) => formatter.write_str(text.get()),
        }
    }
}

impl Serialize for ExactJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.text {
            None => self.value.serialize(serializer),
            Some(text) => text.serialize(serializer),
        }
    }
}

/// The fields of an object, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ExactFields {
    values: Map<String, Value>,
    /// The fields in which a number differs from `values`.
    exact: BTreeMap<String, ExactJson>,
}

impl ExactFields {
    /// Returns the fields of an object; `None` for any other value.
    pub(crate) fn from_object(json: ExactJson) -> Option<Self> {
        let Value::Object(values) = json.value else {
            return None;
        };
        let mut fields = Self {
            values,
            exact: BTreeMap::new(),
        };
        if let Some(text) = &json.text {
            let raw: RawFields<'_> = serde_json::from_str(text.get()).ok()?;
            for (key, value) in raw {
                fields.insert(key, ExactJson::parse_written(value.get()).ok()?);
            }
        }
        Some(fields)
    }

    /// Sets a field; an existing one keeps its position.
    pub(crate) fn insert(
        &mut self,
        key: impl Into<String>,
        json: impl Into<ExactJson>,
    ) -> Option<Value> {
        let (key, json) = (key.into(), json.into());
        self.exact.remove(&key);
        if json.text.is_some() {
            self.exact.insert(key.clone(), json.clone());
        }
        self.values.insert(key, json.value)
    }

    /// Removes a field.
    pub(crate) fn shift_remove(&mut self, key: &str) -> Option<ExactJson> {
        let value = self.values.shift_remove(key)?;
        Some(self.exact.remove(key).unwrap_or(ExactJson::from(value)))
    }

    /// Returns a field with its original digits.
    pub(crate) fn exact(&self, key: &str) -> Option<ExactJson> {
        let known = self.exact.get(key).cloned();
        known.or_else(|| self.values.get(key).cloned().map(ExactJson::from))
    }

    /// Returns all fields with their original digits.
    pub(crate) fn iter_exact(&self) -> impl Iterator<Item = (&str, ExactJson)> {
        self.values.iter().map(|(key, value)| {
            let known = self.exact.get(key).cloned();
            (key.as_str(), known.unwrap_or_else(|| value.clone().into()))
        })
    }
}

impl Deref for ExactFields {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Map<String, Value> {
        &self.values
    }
}

impl From<Map<String, Value>> for ExactFields {
    fn from(values: Map<String, Value>) -> Self {
        Self {
            values,
            exact: BTreeMap::new(),
        }
    }
}

impl Serialize for ExactFields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.values.len()))?;
        for (key, value) in &self.values {
            match self.exact.get(key) {
                Some(exact) => map.serialize_entry(key, exact)?,
                None => map.serialize_entry(key, value)?,
            }
        }
        map.end()
    }
}

/// Returns JSON text in which every number can be parsed, though not with its exact value.
pub(super) fn with_readable_numbers(text: &str) -> Cow<'_, str> {
    let is_too_large = |place: &Range<usize>| {
        text[place.clone()]
            .parse::<f64>()
            .is_ok_and(f64::is_infinite)
    };
    let mut readable = String::new();
    let mut end = 0;
    for place in numbers(text).filter(is_too_large) {
        readable.push_str(&text[end..place.start]);
        if text[place.clone()].starts_with('-') {
            readable.push('-');
        }
        readable.push_str(LARGEST);
        end = place.end;
    }
    if end == 0 {
        return Cow::Borrowed(text);
    }
    readable.push_str(&text[end..]);
    Cow::Owned(readable)
}

/// Whether any number in JSON text would be written with different digits.
pub(super) fn has_other_digits(text: &str) -> bool {
    numbers(text).any(|place| {
        let number = &text[place];
        let is_short = number.len() < 19 && number.bytes().all(|digit| digit.is_ascii_digit());
        // Most numbers are counts, which need no further check.
        !is_short && !is_written_as(number)
    })
}

fn is_written_as(number: &str) -> bool {
    serde_json::from_str::<Value>(number)
        .ok()
        .and_then(|read| serde_json::to_string(&read).ok())
        .is_some_and(|written| written == number)
}

/// Finds the ranges of numbers in JSON text.
pub(super) fn numbers(text: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            match bytes[at] {
                b'"' => at = end_of_string(bytes, at),
                b'-' | b'0'..=b'9' => {
                    let start = at;
                    let is_part = |byte: &u8| b"+-.eE0123456789".contains(byte);
                    while bytes.get(at).is_some_and(is_part) {
                        at += 1;
                    }
                    return Some(start..at);
                }
                _ => at += 1,
            }
        }
        None
    })
}

/// Writes a value in this program's usual JSON format, but with the original digits: without white
/// space, and keeping the last of duplicate fields. It has been parsed as a [`Value`] before, so it
/// is not nested too deeply.
fn write_canonical(raw: &RawValue, out: &mut String) -> Result<(), Error> {
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'{') => {
            let fields: RawFields<'_> = serde_json::from_str(text)?;
            out.push('{');
            for (index, (key, value)) in fields.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&serde_json::to_string(&key)?);
                out.push(':');
                write_canonical(value, out)?;
            }
            out.push('}');
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text)?;
            out.push('[');
            for (index, item) in items.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_canonical(item, out)?;
            }
            out.push(']');
        }
        Some(b'"') => {
            let string: String = serde_json::from_str(text)?;
            out.push_str(&serde_json::to_string(&string)?);
        }
        _ => out.push_str(text),
    }
    Ok(())
}

/// Indents compact JSON text.
pub(crate) fn indent_json(text: &str) -> String {
    JsonIndenter::default().push(text)
}

/// Indents compact JSON text that comes in pieces, each of which ends behind a string or number.
#[derive(Debug, Default)]
pub(crate) struct JsonIndenter {
    depth: usize,
    /// Whether the last character opened a list or an object.
    has_opened: bool,
}

impl JsonIndenter {
    /// Indents a piece.
    pub(crate) fn push(&mut self, text: &str) -> String {
        let bytes = text.as_bytes();
        let mut out = String::with_capacity(text.len() + text.len() / 4);
        let mut at = 0;
        while at < bytes.len() {
            let is_first = std::mem::take(&mut self.has_opened);
            if is_first && !matches!(bytes[at], b'}' | b']') {
                self.begin_line(&mut out);
            }
            match bytes[at] {
                b'"' => {
                    let end = end_of_string(bytes, at);
                    out.push_str(&text[at..end]);
                    at = end;
                    continue;
                }
                open @ (b'{' | b'[') => {
                    out.push(char::from(open));
                    self.depth += 1;
                    self.has_opened = true;
                }
                close @ (b'}' | b']') => {
                    self.depth = self.depth.saturating_sub(1);
                    if !is_first {
                        self.begin_line(&mut out);
                    }
                    out.push(char::from(close));
                }
                b',' => {
                    out.push(',');
                    self.begin_line(&mut out);
                }
                b':' => out.push_str(": "),
                other => out.push(char::from(other)),
            }
            at += 1;
        }
        out
    }

    fn begin_line(&self, out: &mut String) {
        out.push('\n');
        out.push_str(&"  ".repeat(self.depth));
    }
}

/// The fields of an object as text. Of duplicate fields, the last value is kept in the first one's
/// position, as in [`Map`].
pub(super) struct RawFields<'a>(IndexMap<String, &'a RawValue>);

impl<'a> RawFields<'a> {
    /// Removes a field and returns it.
    pub(super) fn take(&mut self, key: &str) -> Option<&'a RawValue> {
        self.0.shift_remove(key)
    }
}

impl<'a> IntoIterator for RawFields<'a> {
    type Item = (String, &'a RawValue);
    type IntoIter = indexmap::map::IntoIter<String, &'a RawValue>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'de> Deserialize<'de> for RawFields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = RawFields<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = IndexMap::new();
                while let Some((key, value)) = map.next_entry::<String, &'de RawValue>()? {
                    fields.insert(key, value);
                }
                Ok(RawFields(fields))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn exact(text: &str) -> ExactJson {
        ExactJson::parse(text).expect(text)
    }

    #[test]
    fn numbers_come_out_as_they_came_in_and_the_rest_as_this_program_writes_it() {
        for (text, expected) in [
            (r#"{ "a" : 1.10 }"#, r#"{"a":1.10}"#),
            (
                "[123456789012345678901, -0, 1E5]",
                "[123456789012345678901,-0,1E5]",
            ),
            ("1e400", "1e400"),
            ("-1e400", "-1e400"),
            (
                r#"["\u00e91.10", 1.0, "\\", 2.50]"#,
                r#"["é1.10",1.0,"\\",2.50]"#,
            ),
            (
                r#"{"a": 1.10, "b": {"c": [null, true]}, "a": 2.20}"#,
                r#"{"a":2.20,"b":{"c":[null,true]}}"#,
            ),
            ("18446744073709551615", "18446744073709551615"),
            (r#"{"a": "1.10", "b": 1.5}"#, r#"{"a":"1.10","b":1.5}"#),
        ] {
            let json = exact(text);
            assert_eq!(json.to_string(), expected);
            assert_eq!(serde_json::to_string(&json).expect("JSON"), expected);
        }
        for text in ["", "{", "1.10x", "[1.10", "01", "1.10 2"] {
            assert!(ExactJson::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_what_needs_it_is_kept_as_text_and_all_of_it_can_be_looked_at() {
        assert_eq!(exact(r#"{"a": [1, 1.5, -3]}"#), json!({"a": [1, 1.5, -3]}));
        let json = exact(r#"{"a": 1.10, "b": 1e400, "c": "x"}"#);
        assert_eq!(
            (json["a"].as_f64(), json["c"].as_str()),
            (Some(1.1), Some("x"))
        );
        assert_eq!(json["b"].as_f64(), Some(f64::MAX));
        let field = |key| json.field(key).map(|field| field.to_string());
        assert_eq!(
            (field("a").as_deref(), field("b").as_deref(), field("d")),
            (Some("1.10"), Some("1e400"), None)
        );
        assert_ne!(exact("1.10"), exact("1.1"));
    }

    #[test]
    fn it_is_indented_as_other_json_is() {
        let text = r#"{"a":[1,{"b":[]},{}],"c":"{,:\""}"#;
        let expected = format!("{:#}", exact(text));
        let with_digits = text.replace("[1,", "[1.10,");
        assert_eq!(
            format!("{:#}", exact(&with_digits)),
            expected.replace("    1,", "    1.10,")
        );
    }

    #[test]
    fn fields_keep_their_order_and_their_digits() {
        let mut fields = ExactFields::from_object(exact(r#"{"a": 1.10, "b": 2}"#)).expect("fields");
        fields.insert("c", exact("3.30"));
        fields.insert("a", json!(1));
        assert_eq!(
            ExactJson::from_value(&fields).to_string(),
            r#"{"a":1,"b":2,"c":3.30}"#
        );
        let text = |json: Option<ExactJson>| json.map(|json| json.to_string());
        assert_eq!(text(fields.exact("c")).as_deref(), Some("3.30"));
        assert_eq!(text(fields.shift_remove("c")).as_deref(), Some("3.30"));
        assert_eq!((fields.len(), fields.get("c")), (2, None));
    }
}
