//! Reads the fields of a JSON object by the rules of the `OpenAPI` file.
//!
//! What is wrong is worded as the API words it: its path first.

use serde_json::{Map, Value};

use crate::demo::refusal::Refusal;

/// An object of the request and its path in it.
pub(super) struct ObjectReader<'a> {
    path: String,
    map: &'a Map<String, Value>,
}

impl<'a> ObjectReader<'a> {
    /// Reads `value`, found at `path`, as an object.
    pub(super) fn new(path: impl Into<String>, value: &'a Value) -> Result<Self, Refusal> {
        let path = path.into();
        match value {
            Value::Object(map) => Ok(Self { path, map }),
            _ => Err(refusal_at(&path, "Input should be a valid dictionary")),
        }
    }

    /// Adds a union's tag to the path, as in `messages.0.content.1.image`.
    pub(super) fn with_tag(self, tag: &str) -> Self {
        Self {
            path: self.field_path(tag),
            map: self.map,
        }
    }

    /// Returns the object's own path.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Returns the path of one of its fields.
    pub(super) fn field_path(&self, field: &str) -> String {
        if self.path.is_empty() {
            field.to_owned()
        } else {
            format!("{}.{field}", self.path)
        }
    }

    /// Refuses what is wrong with a field.
    pub(super) fn field_refusal(&self, field: &str, message: &str) -> Refusal {
        refusal_at(&self.field_path(field), message)
    }

    /// Refuses any field but `allowed`.
    pub(super) fn allow_only(&self, allowed: &[&str]) -> Result<(), Refusal> {
        match self.map.keys().find(|key| !allowed.contains(&key.as_str())) {
            Some(key) => Err(self.field_refusal(key, "Extra inputs are not permitted")),
            None => Ok(()),
        }
    }

    /// Returns a field that may be missing.
    pub(super) fn optional_field(&self, field: &str) -> Option<&'a Value> {
        self.map.get(field)
    }

    /// Returns a field that must be there.
    pub(super) fn required_field(&self, field: &str) -> Result<&'a Value, Refusal> {
        self.map
            .get(field)
            .ok_or_else(|| self.field_refusal(field, "Field required"))
    }

    /// Returns a string that must be there.
    pub(super) fn required_string(&self, field: &str) -> Result<&'a str, Refusal> {
        self.required_field(field)?
            .as_str()
            .ok_or_else(|| self.field_refusal(field, "Input should be a valid string"))
    }

    /// Returns a string that may be missing or null.
    pub(super) fn optional_string(&self, field: &str) -> Result<Option<&'a str>, Refusal> {
        match self.optional_field(field) {
            None | Some(Value::Null) => Ok(None),
            Some(_) => self.required_string(field).map(Some),
        }
    }

    /// Returns a list that must be there.
    pub(super) fn required_list(&self, field: &str) -> Result<&'a [Value], Refusal> {
        match self.required_field(field)? {
            Value::Array(items) => Ok(items),
            _ => Err(self.field_refusal(field, "Input should be a valid list")),
        }
    }

    /// Returns an object that must be there.
    pub(super) fn required_object(&self, field: &str) -> Result<ObjectReader<'a>, Refusal> {
        ObjectReader::new(self.field_path(field), self.required_field(field)?)
    }

    /// Checks that a field, if it is there, is a boolean.
    pub(super) fn check_boolean(&self, field: &str) -> Result<(), Refusal> {
        match self.optional_field(field) {
            None | Some(Value::Bool(_)) => Ok(()),
            Some(_) => Err(self.field_refusal(field, "Input should be a valid boolean")),
        }
    }

    /// Returns an integer of at least `minimum` that must be there.
    pub(super) fn required_integer(&self, field: &str, minimum: u64) -> Result<u64, Refusal> {
        let value = self.required_field(field)?;
        match (value.as_u64(), value.as_i64()) {
            (Some(number), _) if number >= minimum => Ok(number),
            (None, None) => Err(self.field_refusal(field, "Input should be a valid integer")),
            _ => Err(self.field_refusal(
                field,
                &format!("Input should be greater than or equal to {minimum}"),
            )),
        }
    }

    /// Returns a number from 0 to 1 that may be missing.
    pub(super) fn optional_share(&self, field: &str) -> Result<Option<f64>, Refusal> {
        let Some(value) = self.optional_field(field) else {
            return Ok(None);
        };
        match value.as_f64() {
            Some(number) if number < 0.0 => {
                Err(self.field_refusal(field, "Input should be greater than or equal to 0"))
            }
            Some(number) if number > 1.0 => {
                Err(self.field_refusal(field, "Input should be less than or equal to 1"))
            }
            Some(number) => Ok(Some(number)),
            None => Err(self.field_refusal(field, "Input should be a valid number")),
        }
    }

    /// Returns a string that must be there and be one of `choices`.
    pub(super) fn required_choice(
        &self,
        field: &str,
        choices: &[&str],
    ) -> Result<&'a str, Refusal> {
        let text = self.required_string(field)?;
        if choices.contains(&text) {
            return Ok(text);
        }
        Err(self.field_refusal(
            field,
            &format!("Input should be {}", quoted_list(choices, " or ")),
        ))
    }

    /// Returns the `type` that says which shape the object has, one of `tags`.
    pub(super) fn required_tag(&self, tags: &[&str]) -> Result<&'a str, Refusal> {
        let tag = match self.optional_field("type") {
            Some(Value::String(tag)) => tag.as_str(),
            Some(_) => return Err(self.field_refusal("type", "Input should be a valid string")),
            None => return Err(self.field_refusal("type", "Field required")),
        };
        if tags.contains(&tag) {
            return Ok(tag);
        }
        let expected = quoted_list(tags, ", ");
        Err(refusal_at(
            &self.path,
            &format!(
                "Input tag '{tag}' found using 'type' does not match any of the expected tags: \
                 {expected}"
            ),
        ))
    }

    /// Returns a string that must be there, of 1 to `longest` letters, digits, `_` and `-`.
    pub(super) fn required_identifier(
        &self,
        field: &str,
        longest: Option<usize>,
    ) -> Result<&'a str, Refusal> {
        let text = self.required_string(field)?;
        let fits = !text.is_empty() && longest.is_none_or(|longest| text.len() <= longest);
        if fits
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        {
            return Ok(text);
        }
        let count = longest.map_or("+".to_owned(), |longest| format!("{{1,{longest}}}"));
        Err(self.field_refusal(
            field,
            &format!("String should match pattern '^[a-zA-Z0-9_-]{count}$'"),
        ))
    }

    /// Checks a `cache_control`, if it is there.
    pub(super) fn check_cache_control(&self) -> Result<(), Refusal> {
        match self.optional_field("cache_control") {
            None | Some(Value::Null) => return Ok(()),
            Some(_) => {}
        }
        let control = self.required_object("cache_control")?;
        control.required_tag(&["ephemeral"])?;
        control.allow_only(&["type", "ttl"])?;
        control.optional_field("ttl").map_or(Ok(()), |_| {
            control.required_choice("ttl", &["5m", "1h"]).map(drop)
        })
    }
}

/// Refuses what is wrong with the value at `path`.
pub(super) fn refusal_at(path: &str, message: &str) -> Refusal {
    Refusal::invalid_request(if path.is_empty() {
        message.to_owned()
    } else {
        format!("{path}: {message}")
    })
}

fn quoted_list(choices: &[&str], separator: &str) -> String {
    choices
        .iter()
        .map(|choice| format!("'{choice}'"))
        .collect::<Vec<_>>()
        .join(separator)
}
