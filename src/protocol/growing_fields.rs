//! The fields of a block that deltas of an unknown type add to: text and lists grow, null says
//! nothing, and anything else replaces what was there. Anthropic's SDKs do the same.
//!
//! What grows is written as JSON only at the end, so that each delta costs no more than its own
//! length.

use indexmap::IndexMap;
use serde_json::Error;
use serde_json::value::{RawValue, to_raw_value};

use super::raw_json::UnknownFields;

/// The fields that have grown so far.
#[derive(Debug, Default)]
pub(super) struct GrowingFields(IndexMap<String, GrowingValue>);

#[derive(Debug)]
enum GrowingValue {
    Text(String),
    /// The items of a list as JSON text, separated by commas.
    List(String),
    Other(Box<RawValue>),
}

impl GrowingFields {
    /// Begins with the fields of a block.
    ///
    /// # Errors
    ///
    /// If a string cannot be decoded.
    pub(super) fn from_fields(fields: UnknownFields) -> Result<Self, Error> {
        let fields = fields.into_iter();
        let values = fields.map(|(key, raw)| Ok((key, GrowingValue::from_json(&raw)?)));
        values.collect::<Result<_, Error>>().map(Self)
    }

    /// Adds to a field.
    ///
    /// # Errors
    ///
    /// If a string cannot be decoded.
    pub(super) fn push(&mut self, key: &str, more: &RawValue) -> Result<(), Error> {
        let more = GrowingValue::from_json(more)?;
        self.add(key, more);
        Ok(())
    }

    /// Adds text to a field.
    pub(super) fn push_text(&mut self, key: &str, more: &str) {
        self.add(key, GrowingValue::Text(more.to_owned()));
    }

    fn add(&mut self, key: &str, more: GrowingValue) {
        match self.0.get_mut(key) {
            Some(field) => field.add(more),
            None => drop(self.0.insert(key.to_owned(), more)),
        }
    }

    /// Returns the fields with what has grown.
    pub(super) fn into_fields(self) -> UnknownFields {
        let mut fields = UnknownFields::default();
        for (key, value) in self.0 {
            fields.insert_raw(key, value.into_json());
        }
        fields
    }
}

impl GrowingValue {
    fn from_json(raw: &RawValue) -> Result<Self, Error> {
        let text = raw.get();
        Ok(match text.as_bytes().first() {
            Some(b'"') => Self::Text(serde_json::from_str(text)?),
            Some(b'[') => Self::List(text[1..text.len() - 1].to_owned()),
            _ => Self::Other(raw.to_owned()),
        })
    }

    fn add(&mut self, more: Self) {
        match (self, more) {
            (Self::Text(text), Self::Text(more)) => text.push_str(&more),
            (Self::List(items), Self::List(more)) => {
                if !items.is_empty() && !more.is_empty() {
                    items.push(',');
                }
                items.push_str(&more);
            }
            (_, Self::Other(more)) if more.get() == "null" => {}
            (known, more) => *known = more,
        }
    }

    fn into_json(self) -> Box<RawValue> {
        let json = match self {
            Self::Text(text) => to_raw_value(&text),
            Self::List(items) => RawValue::from_string(format!("[{items}]")),
            Self::Other(raw) => Ok(raw),
        };
        json.expect("text is JSON, and so are items that were parsed, with commas between them")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn grown(known: &Value, deltas: &[Value]) -> Value {
        let mut fields = UnknownFields::default();
        if !known.is_null() {
            fields.insert("a", known);
        }
        let mut growing = GrowingFields::from_fields(fields).expect("they are read");
        for more in deltas {
            let more = to_raw_value(more).expect("JSON");
            growing.push("a", &more).expect("it is read");
        }
        growing.into_fields().get("a").unwrap_or_default()
    }

    #[test]
    fn text_and_lists_grow_and_anything_else_is_replaced() {
        for (known, deltas, expected) in [
            (
                json!(null),
                vec![json!("a\n"), json!("b\"")],
                json!("a\nb\""),
            ),
            (json!("x"), vec![json!("y"), json!(null)], json!("xy")),
            (
                json!([]),
                vec![json!([1]), json!([]), json!([2, [3]])],
                json!([1, 2, [3]]),
            ),
            (json!([0]), vec![json!([1])], json!([0, 1])),
            (json!({"b": 1}), vec![json!({"c": 2})], json!({"c": 2})),
            (json!(1), vec![json!("x"), json!("y")], json!("xy")),
        ] {
            assert_eq!(grown(&known, &deltas), expected, "{known} {deltas:?}");
        }
    }
}
