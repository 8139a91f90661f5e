//! JSON schemas: the only module that depends on the validator.

use std::sync::Arc;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, ReferencingError, ValidationError};
use serde_json::Value;

use super::schema_work::{MAX_BACKTRACKING, check_schema_depth, count_steps};

/// The maximum number of violations to report.
const TOLD: usize = 5;

/// The maximum length of each, in characters: the validator repeats the value.
const MAX_CHARS: usize = 300;

/// A compiled schema. A clone is the same one, so that a value can be checked on another thread.
#[derive(Debug, Clone)]
pub(crate) struct Schema(Arc<CompiledSchema>);

#[derive(Debug)]
struct CompiledSchema {
    validator: jsonschema::Validator,
    source: Value,
}

/// Values that take more steps than this to check are only found valid or not: each thing that is
/// wrong, and each reason for it, would be kept until the end.
const MAX_EXPLAINED_STEPS: usize = 20_000;

impl Schema {
    /// Compiles a schema. All references must resolve inside it: nothing is fetched.
    ///
    /// An expression that looks around or back is given up after [`MAX_BACKTRACKING`] tries.
    pub(crate) fn compile(schema: &Value) -> Result<Self, String> {
        check_schema_depth(schema).map_err(|error| format!("not a usable JSON schema: {error}"))?;
        let patterns = PatternOptions::fancy_regex().backtrack_limit(MAX_BACKTRACKING);
        jsonschema::options()
            .with_pattern_options(patterns)
            .build(schema)
            .map(|validator| {
                let source = schema.clone();
                Self(Arc::new(CompiledSchema { validator, source }))
            })
            .map_err(|error| {
                let place = error.instance_path().to_string();
                let place = if place.is_empty() {
                    String::new()
                } else {
                    format!("at `{place}`: ")
                };
                format!("not a valid JSON schema: {place}{}", short(&reason(&error)))
            })
    }

    /// Validates a value; the error is the validator's message.
    pub(crate) fn check(&self, value: &Value) -> Result<(), String> {
        let CompiledSchema { validator, source } = self.0.as_ref();
        let steps = count_steps(source, value).map_err(|error| error.to_string())?;
        if steps > MAX_EXPLAINED_STEPS {
            return if validator.is_valid(value) {
                Ok(())
            } else {
                Err(
                    "it does not match the schema; it is too large to locate the mismatch"
                        .to_owned(),
                )
            };
        }
        let mut errors = validator.iter_errors(value).peekable();
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

/// Returns whether an error is about the value of a `type`.
fn is_type(error: &ValidationError) -> bool {
    error.instance_path().to_string().ends_with("/type")
}

/// Returns what is wrong with a schema. Of a reference to another document the validator would say
/// which of its features can fetch it; it is built without them.
fn reason(error: &ValidationError) -> String {
    match error.kind() {
        ValidationErrorKind::Referencing(ReferencingError::Unretrievable { uri, .. }) => format!(
            "cannot follow the reference to {uri}: references to other documents are not supported"
        ),
        ValidationErrorKind::AnyOf { .. } if is_type(error) => format!(
            "{} is not a JSON schema type: use array, boolean, integer, null, number, object or \
             string",
            error.instance()
        ),
        ValidationErrorKind::AnyOf { .. } => format!("{} is not allowed here", error.instance()),
        ValidationErrorKind::Format { format } if format == "regex" => {
            format!("{} is not a valid regular expression", error.instance())
        }
        _ => error.to_string(),
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
        assert_eq!(
            error,
            "not a valid JSON schema: at `/type`: \"objct\" is not a JSON schema type: use array, \
             boolean, integer, null, number, object or string"
        );
        let error = Schema::compile(&json!({"pattern": "("})).expect_err("no expression");
        assert!(
            error.ends_with("\"(\" is not a valid regular expression"),
            "{error}"
        );
        for elsewhere in ["https://example.invalid/schema.json", "file:///etc/passwd"] {
            let error = Schema::compile(&json!({"$ref": elsewhere})).expect_err("it is elsewhere");
            let has_advice = error.contains("resolver") || error.contains("feature");
            assert!(
                error.contains(elsewhere) && error.contains("not supported") && !has_advice,
                "{error}"
            );
        }
    }

    #[test]
    fn a_schema_and_a_value_as_deep_as_the_limits_allow_fit_the_stack_of_a_thread() {
        let schema = Schema::compile(&json!({"anyOf": [
            {"properties": {"a": {"$ref": "#"}}, "additionalProperties": false},
            {"type": "string"},
        ]}))
        .expect("a schema");
        let nested = |levels| (0..levels).fold(json!("x"), |inner, _| json!({"a": inner}));
        assert_eq!(schema.check(&nested(120)), Ok(()));
        let error = schema.check(&nested(140)).expect_err("too deep");
        assert!(error.contains("levels deep"), "{error}");
    }

    #[test]
    fn an_expression_that_is_tried_again_and_again_is_given_up() {
        let pattern = "^(?:a(?=a*b)|a(?=a*b))*c$";
        let schema = Schema::compile(&json!({"pattern": pattern})).expect("a schema");
        // Each letter doubles the ways to match those before it.
        let error = schema.check(&json!("a".repeat(16) + "b"));
        let error = error.expect_err("it does not match");
        assert!(error.contains("backtracking"), "{error}");
        assert_eq!(schema.check(&json!("c")), Ok(()));
    }
}
