//! Generates a value that matches a JSON schema, using words of the prompt.

use std::cell::Cell;

use serde_json::{Map, Number, Value};

use super::prompt::quote_line;

/// The maximum depth of a value, since a schema may refer to itself.
const MAX_DEPTH: usize = 12;

/// The maximum number of values, since a schema that refers to itself in several places would make
/// them grow exponentially.
const MAX_VALUES: u32 = 10_000;

/// A valid string for each format.
const FORMATS: &[(&str, &str)] = &[
    ("date", "2024-06-20"),
    ("time", "12:00:00Z"),
    ("date-time", "2024-06-20T12:00:00Z"),
    ("duration", "PT5M"),
    ("email", "demo@example.com"),
    ("hostname", "example.com"),
    ("ipv4", "127.0.0.1"),
    ("ipv6", "::1"),
    ("uri", "https://example.com/"),
    ("url", "https://example.com/"),
    ("uuid", "00000000-0000-4000-8000-000000000001"),
];

/// Names of properties that hold a stock symbol.
const TICKERS: &[&str] = &["ticker", "symbol"];

/// Names of properties that hold a path or a URL.
const PATHS: &[&str] = &["path", "file", "filename", "file_path", "url"];

/// Returns a value that matches `schema`, using words of `prompt`.
pub(super) fn sample_value(schema: &Value, prompt: &str) -> Value {
    SchemaSampler {
        root: schema,
        prompt,
        left: Cell::new(MAX_VALUES),
    }
    .property_value("", schema, 0)
}

/// The root schema for references, the words to use, and how many more values may be generated.
struct SchemaSampler<'a> {
    root: &'a Value,
    prompt: &'a str,
    left: Cell<u32>,
}

impl SchemaSampler<'_> {
    /// Returns a value for the property `name`.
    fn property_value(&self, name: &str, schema: &Value, depth: usize) -> Value {
        let left = self.left.get();
        if depth > MAX_DEPTH || left == 0 {
            return Value::Null;
        }
        self.left.set(left - 1);
        let given = ["/const", "/default", "/examples/0", "/example", "/enum/0"];
        if let Some(given) = given.iter().find_map(|at| schema.pointer(at)) {
            return given.clone();
        }
        if let Some(target) = self.referenced(schema) {
            return self.property_value(name, target, depth + 1);
        }
        let parts = self.combined_parts(schema);
        if !parts.is_empty() {
            return self.property_value(name, &merge_schemas(schema, &parts), depth + 1);
        }
        match schema_type(schema) {
            "object" => self.object_value(schema, depth),
            "array" => {
                let count = schema["minItems"].as_u64().unwrap_or(1).clamp(1, 100);
                (0..count)
                    .map(|_| self.property_value(name, &schema["items"], depth + 1))
                    .collect()
            }
            "integer" => self.integer_value(schema).into(),
            "number" => self.number_value(schema),
            "boolean" => Value::Bool(true),
            "null" => Value::Null,
            _ => Value::String(self.string_value(name, schema)),
        }
    }

    /// Returns the schemas that a value must match in addition to `schema` itself: the first
    /// non-null alternative, and all of `allOf`.
    fn combined_parts<'a>(&'a self, schema: &'a Value) -> Vec<&'a Value> {
        let list = |key: &str| schema[key].as_array().into_iter().flatten();
        let choice = list("anyOf")
            .chain(list("oneOf"))
            .find(|choice| choice["type"] != "null");
        let parts = choice.into_iter().chain(list("allOf"));
        parts
            .map(|part| self.referenced(part).unwrap_or(part))
            .collect()
    }

    /// Returns the schema that `schema` refers to.
    fn referenced(&self, schema: &Value) -> Option<&Value> {
        let pointer = schema["$ref"].as_str()?.strip_prefix('#')?;
        self.root.pointer(pointer)
    }

    /// Returns an object with its required properties, or with all of them if none is required.
    fn object_value(&self, schema: &Value, depth: usize) -> Value {
        let required: Vec<&str> = schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let properties = schema["properties"].as_object();
        let mut object = Map::new();
        for (name, property) in properties.into_iter().flatten() {
            if required.is_empty() || required.contains(&name.as_str()) {
                object.insert(name.clone(), self.property_value(name, property, depth + 1));
            }
        }
        for name in required {
            if !object.contains_key(name) {
                object.insert(
                    name.to_owned(),
                    Value::String(self.string_value(name, &Value::Null)),
                );
            }
        }
        Value::Object(object)
    }

    /// Returns the first integer in the prompt that fits, otherwise 1, clamped to the schema's
    /// range.
    fn integer_value(&self, schema: &Value) -> i64 {
        let bound =
            |key: &str, step: i64| schema[key].as_i64().map(|bound| bound.saturating_add(step));
        let minimum = bound("minimum", 0)
            .or_else(|| bound("exclusiveMinimum", 1))
            .unwrap_or(i64::MIN);
        let maximum = bound("maximum", 0)
            .or_else(|| bound("exclusiveMaximum", -1))
            .unwrap_or(i64::MAX);
        let number = self
            .prompt_words()
            .find_map(|word| word.parse().ok())
            .unwrap_or(1);
        number.min(maximum).max(minimum)
    }

    /// Returns the first number in the prompt, otherwise 1, clamped to the schema's range.
    fn number_value(&self, schema: &Value) -> Value {
        let first = self
            .prompt_words()
            .find_map(|word| word.parse::<f64>().ok().filter(|number| number.is_finite()));
        let Some(number) = first.filter(|number| number.fract() != 0.0) else {
            return self.integer_value(schema).into();
        };
        let minimum = schema["minimum"].as_f64().unwrap_or(f64::MIN);
        let maximum = schema["maximum"].as_f64().unwrap_or(f64::MAX);
        Number::from_f64(number.min(maximum).max(minimum)).map_or(Value::Null, Value::Number)
    }

    fn string_value(&self, name: &str, schema: &Value) -> String {
        let format = FORMATS
            .iter()
            .find(|(format, _)| schema["format"] == *format);
        if let Some((_, text)) = format {
            return (*text).to_owned();
        }
        if TICKERS.contains(&name) {
            return self
                .prompt_words()
                .find(|word| is_ticker(word))
                .unwrap_or("^GSPC")
                .to_owned();
        }
        let path = self
            .prompt_words()
            .find(|word| word.contains(['/', '.']) && word.parse::<f64>().is_err());
        let text = match path {
            Some(path) if PATHS.contains(&name) => path.to_owned(),
            _ if self.prompt.trim().is_empty() => "scripted".to_owned(),
            _ => quote_line(self.prompt),
        };
        let longest = schema["maxLength"]
            .as_u64()
            .and_then(|n| usize::try_from(n).ok())
            .unwrap_or(usize::MAX);
        text.chars().take(longest).collect()
    }

    /// Returns the words of the prompt without surrounding punctuation.
    fn prompt_words(&self) -> impl Iterator<Item = &str> {
        let around = |char: char| "\"'`“”‘’()[]{}<>,;:!?".contains(char);
        self.prompt
            .split_whitespace()
            .map(move |word| word.trim_matches(around).trim_end_matches('.'))
    }
}

/// Merges `schema` and `parts` into one schema.
fn merge_schemas(schema: &Value, parts: &[&Value]) -> Value {
    let mut merged = schema.as_object().cloned().unwrap_or_default();
    merged.retain(|key, _| !matches!(key.as_str(), "anyOf" | "oneOf" | "allOf"));
    for (key, value) in parts.iter().filter_map(|part| part.as_object()).flatten() {
        match (merged.get_mut(key), value) {
            (Some(Value::Object(own)), Value::Object(more)) if key == "properties" => {
                own.extend(more.clone());
            }
            (Some(Value::Array(own)), Value::Array(more)) if key == "required" => {
                own.extend(more.iter().cloned());
            }
            _ => {
                merged.insert(key.clone(), value.clone());
            }
        }
    }
    Value::Object(merged)
}

/// Returns the schema's type; if it has several, the first except null.
fn schema_type(schema: &Value) -> &str {
    match &schema["type"] {
        Value::String(kind) => kind,
        Value::Array(kinds) => kinds
            .iter()
            .filter_map(Value::as_str)
            .find(|kind| *kind != "null")
            .unwrap_or("null"),
        _ if schema["properties"].is_object() => "object",
        _ if schema["items"].is_object() => "array",
        _ => "string",
    }
}

/// Returns whether a word looks like a stock symbol: `AAPL`, `^GSPC`, `BRK-B`.
fn is_ticker(word: &str) -> bool {
    let symbol = word.strip_prefix('^').unwrap_or(word);
    let fits = |byte: u8| {
        byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'.' || byte == b'-'
    };
    (2..=8).contains(&symbol.len())
        && symbol.bytes().all(fits)
        && symbol.starts_with(|char: char| char.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_fits_its_schema_and_comes_from_the_prompt() {
        let prompt = "Add 12 and 2.5 for \"AAPL\", see src/main.rs.";
        for (schema, expected) in [
            (json!({ "type": "integer" }), json!(12)),
            (json!({ "type": "integer", "minimum": 20 }), json!(20)),
            (json!({ "type": "integer", "maximum": 5 }), json!(5)),
            (json!({ "type": "boolean" }), json!(true)),
            (json!({ "enum": ["c", "f"] }), json!("c")),
            (json!({ "type": "string", "examples": ["x"] }), json!("x")),
            (
                json!({ "type": ["null", "string"], "format": "date" }),
                json!("2024-06-20"),
            ),
            (
                json!({ "type": "array", "items": { "type": "integer" }, "minItems": 2 }),
                json!([12, 12]),
            ),
            (
                json!({ "anyOf": [{ "type": "null" }, { "const": 3 }] }),
                json!(3),
            ),
            (
                json!({ "allOf": [{ "type": "string" }, { "format": "duration" }] }),
                json!("PT5M"),
            ),
            (
                json!({
                    "type": "object", "properties": { "a": { "const": 1 } }, "required": ["a"],
                    "allOf": [{ "properties": { "b": { "const": 2 } }, "required": ["b"] }],
                    "anyOf": [{ "$ref": "#/$defs/more" }],
                    "$defs": { "more": { "properties": { "c": { "const": 3 } }, "required": ["c"] } },
                }),
                json!({ "a": 1, "c": 3, "b": 2 }),
            ),
            (
                json!({ "properties": { "ticker": {}, "path": {} } }),
                json!({ "ticker": "AAPL", "path": "src/main.rs" }),
            ),
            (
                json!({ "$defs": { "n": { "default": 7 } }, "properties": { "a": { "$ref": "#/$defs/n" }, "b": {} },
                        "required": ["a", "c"] }),
                json!({ "a": 7, "c": prompt }),
            ),
        ] {
            assert_eq!(sample_value(&schema, prompt), expected, "{schema}");
        }
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let many = json!({ "type": "array", "minItems": 100, "items": { "$ref": "#" } });
        for next in [json!({ "$ref": "#" }), many] {
            assert!(sample_value(&json!({ "properties": { "next": next } }), "").is_object());
        }
    }

    #[test]
    fn the_example_of_the_documentation_gets_its_ticker() {
        let schema =
            json!({ "properties": { "ticker": { "type": "string" } }, "required": ["ticker"] });
        assert_eq!(
            sample_value(&schema, "What's the S&P 500 at today?"),
            json!({ "ticker": "^GSPC" })
        );
    }
}
