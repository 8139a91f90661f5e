//! JSON schemas: the only module that depends on the validator.

use serde_json::Value;

/// The maximum number of violations to report.
const TOLD: usize = 5;

/// The maximum length of each, in characters: the validator repeats the value.
const MAX_CHARS: usize = 300;

/// A compiled schema.
#[derive(Debug, Clone)]
pub(crate) struct Schema(jsonschema::Validator);

impl Schema {
    /// Compiles a schema. All references must resolve inside it: nothing is fetched.
    pub(crate) fn compile(schema: &Value) -> Result<Self, String> {
        jsonschema::options()
            .with_retriever(Nowhere)
            .build(schema)
            .map(Self)
            .map_err(|error| {
                let place = error.instance_path().to_string();
                let place = if place.is_empty() {
                    String::new()
                } else {
                    format!("at `{place}`: ")
                };
                format!(
                    "not a valid JSON schema: {place}{}",
                    short(&error.to_string())
                )
            })
    }

    /// Validates a value; the error is the validator's message.
    pub(crate) fn check(&self, value: &Value) -> Result<(), String> {
        let mut errors = self.0.iter_errors(value).peekable();
        if errors.peek().is_none() {
            return Ok(());
        }
        let told: Vec<String> = errors
            .take(TOLD)
            .map(|error| match error.instance_path().to_string() {
                place if place.is_empty() => short(&error.to_string()),
                place => format!("at `{place}`: {}", short(&error.to_string())),
            })
            .collect();
        Err(told.join("; "))
    }
}

/// Resolves no external references.
struct Nowhere;

impl jsonschema::Retrieve for Nowhere {
    fn retrieve(
        &self,
        _: &jsonschema::Uri<String>,
    ) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Err("references to other documents are not supported".into())
    }
}

/// Shortens text for quoting in a message.
pub(super) fn short(text: &str) -> String {
    if text.chars().count() <= MAX_CHARS {
        return text.to_owned();
    }
    text.chars().take(MAX_CHARS).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_checked_and_what_is_wrong_is_told_with_its_place() {
        let schema =
            json!({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["b"]});
        let schema = Schema::compile(&schema).expect("a schema");
        assert_eq!(schema.check(&json!({"a": 1, "b": null})), Ok(()));
        let error = schema
            .check(&json!({"a": "x"}))
            .expect_err("two things are wrong");
        assert!(
            error.contains("at `/a`: \"x\" is not of type")
                && error.contains("\"b\" is a required"),
            "{error}"
        );
    }

    #[test]
    fn what_is_no_schema_is_refused_and_nothing_is_fetched() {
        let error = Schema::compile(&json!({"type": "objct"})).expect_err("no type");
        assert!(error.contains("at `/type`"), "{error}");
        for elsewhere in ["https://example.invalid/schema.json", "file:///etc/passwd"] {
            let error = Schema::compile(&json!({"$ref": elsewhere})).expect_err("it is elsewhere");
            let has_advice = error.contains("resolver") || error.contains("feature");
            assert!(
                error.contains(elsewhere) && error.contains("not supported") && !has_advice,
                "{error}"
            );
        }
    }
}
