//! Reads the fields of a JSON object by the rules of the `OpenAPI` file.
//!
//! Refusals are worded as the API's are, beginning with the path.

use serde_json::{Map, Value};

use crate::demo::refusal::Refusal;

/// An object in the request, with its path.
pub(super) struct ObjectReader<'a> {
    path: String,
    map: &'a Map<String, Value>,
}

impl<'a> ObjectReader<'a> {
    /// Reads the `value` at `path` as an object.
    pub(super) fn new(path: impl Into<String>, value: &'a Value) -> Result<Self, Refusal> {
        let path = path.into();
        match value {
            Value::Object(map) => Ok(Self { path, map }),
            _ => Err(refusal_at(&path, "Input should be a valid dictionary")),
        }
    }

    /// Adds a union's tag to the path, such as in `messages.0.content.1.image`.
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

    /// Returns the path of a field of it.
    pub(super) fn field_path(&self, field: &str) -> String {
        if self.path.is_empty() {
            field.to_owned()
        } else {
            format!("{}.{field}", self.path)
        }
    }

    /// Creates a refusal about a field.
    pub(super) fn field_refusal(&self, field: &str, message: &str) -> Refusal {
        refusal_at(&self.field_path(field), message)
    }

    /// Refuses any field that is not in `allowed`.
    pub(super) fn allow_only(&self, allowed: &[&str]) -> Result<(), Refusal> {
        match self.map.keys().find(|key| !allowed.contains(&key.as_str())) {
            Some(key) => Err(self.field_refusal(key, "Extra inputs are not permitted")),
            None => Ok(()),
        }
    }

    /// Returns an optional field.
    pub(super) fn optional_field(&self, field: &str) -> Option<&'a Value> {
        self.map.get(field)
    }

    /// Returns a required field.
    pub(super) fn required_field(&self, field: &str) -> Result<&'a Value, Refusal> {
        self.map
            .get(field)
            .ok_or_else(|| self.field_refusal(field, "Field required"))
    }

    /// Returns a required string.
    pub(super) fn required_string(&self, field: &str) -> Result<&'a str, Refusal> {
        self.required_field(field)?
            .as_str()
            .ok_or_else(|| self.field_refusal(field, "Input should be a valid string"))
    }

    /// Returns a string that may be absent or null.
    pub(super) fn optional_string(&self, field: &str) -> Result<Option<&'a str>, Refusal> {
        match self.optional_field(field) {
            None | Some(Value::Null) => Ok(None),
            Some(_) => self.required_string(field).map(Some),
        }
    }

    /// Returns a required array.
    pub(super) fn required_list(&self, field: &str) -> Result<&'a [Value], Refusal> {
        match self.required_field(field)? {
            Value::Array(items) => Ok(items),
            _ => Err(self.field_refusal(field, "Input should be a valid list")),
        }
    }

    /// Returns a required object.
    pub(super) fn required_object(&self, field: &str) -> Result<ObjectReader<'a>, Refusal> {
        ObjectReader::new(self.field_path(field), self.required_field(field)?)
    }

    /// Checks that an optional field is a boolean.
    pub(super) fn check_boolean(&self, field: &str) -> Result<(), Refusal> {
        match self.optional_field(field) {
            None | Some(Value::Bool(_)) => Ok(()),
            Some(_) => Err(self.field_refusal(field, "Input should be a valid boolean")),
        }
    }

    /// Returns a required integer of at least `minimum`.
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

    /// Returns an optional number from 0 to 1.
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

    /// Returns a required string that is one of `choices`.
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

    /// Returns the required `type`, one of `tags`, which selects the object's shape.
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

    /// Returns a required string of 1 to `longest` letters, digits, `_` and `-`.
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

    /// Checks an optional `cache_control`.
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

/// Creates a refusal about the value at `path`.
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
