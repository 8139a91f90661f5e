//! How much work a JSON schema makes, found before the validator is let loose on it.
//!
//! A few references under `anyOf` let 150 bytes of schema take more steps, and keep more errors,
//! than there is time and memory for. So the steps of the validator are counted first, without its
//! short cuts, and a schema or a value that takes too many is refused.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::subschemas::subschemas;

/// The most steps. A schema of a thousand keywords for an array of a thousand items takes as many;
/// they take about a tenth of a second.
const MAX_STEPS: usize = 1_000_000;

/// How deep schemas may lead into others while a validator is made: its stack has an end.
const MAX_SCHEMA_DEPTH: usize = 300;

/// The same while a value is checked.
const MAX_VALUE_DEPTH: usize = 1000;

/// A schema makes more work than is done for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum TooMuchWork {
    /// Too many steps for a value.
    #[error("checking the value against the schema would take more than {MAX_STEPS} steps")]
    Steps,
    /// Too deep a stack.
    #[error("the schema leads more than {0} levels deep")]
    Depth(usize),
}

/// Checks that a validator can be made of a schema: that is done once for each schema in it.
pub(super) fn check_schema_depth(schema: &Value) -> Result<(), TooMuchWork> {
    StepCount::new(schema).enter(schema, &mut HashSet::new(), 0)
}

/// Counts the steps that checking a value takes at most.
pub(super) fn count_steps(schema: &Value, value: &Value) -> Result<usize, TooMuchWork> {
    let mut count = StepCount::new(schema);
    count.visit(schema, value, 0)?;
    Ok(MAX_STEPS - count.left)
}

struct StepCount<'a> {
    root: &'a Value,
    left: usize,
}

impl<'a> StepCount<'a> {
    fn new(root: &'a Value) -> Self {
        Self {
            root,
            left: MAX_STEPS,
        }
    }

    fn step(&mut self) -> Result<(), TooMuchWork> {
        self.left = self.left.checked_sub(1).ok_or(TooMuchWork::Steps)?;
        Ok(())
    }

    /// Walks through a schema, those in it and those that it refers to, once each.
    fn enter(
        &self,
        schema: &'a Value,
        seen: &mut HashSet<*const Value>,
        depth: usize,
    ) -> Result<(), TooMuchWork> {
        if depth > MAX_SCHEMA_DEPTH {
            return Err(TooMuchWork::Depth(MAX_SCHEMA_DEPTH));
        }
        let Some(fields) = schema.as_object().filter(|_| seen.insert(schema)) else {
            return Ok(());
        };
        for inner in subschemas(fields).into_iter().chain(self.target(fields)) {
            self.enter(inner, seen, depth + 1)?;
        }
        Ok(())
    }

    /// Walks through a schema and a value as the validator does, but for its short cuts.
    fn visit(&mut self, schema: &'a Value, value: &Value, depth: usize) -> Result<(), TooMuchWork> {
        self.step()?;
        if depth > MAX_VALUE_DEPTH {
            return Err(TooMuchWork::Depth(MAX_VALUE_DEPTH));
        }
        let Some(fields) = schema.as_object() else {
            return Ok(());
        };
        for (keyword, inner) in fields {
            self.step()?;
            match (keyword.as_str(), value) {
                ("properties", Value::Object(value)) => {
                    for (name, schema) in inner.as_object().into_iter().flatten() {
                        if let Some(field) = value.get(name) {
                            self.visit(schema, field, depth + 1)?;
                        }
                    }
                }
                ("patternProperties", Value::Object(value)) => {
                    for schema in inner.as_object().into_iter().flat_map(Map::values) {
                        for field in value.values() {
                            self.visit(schema, field, depth + 1)?;
                        }
                    }
                }
                ("prefixItems" | "items", Value::Array(items)) if inner.is_array() => {
                    for (schema, item) in inner.as_array().into_iter().flatten().zip(items) {
                        self.visit(schema, item, depth + 1)?;
                    }
                }
                (
                    "items" | "additionalItems" | "contains" | "unevaluatedItems",
                    Value::Array(items),
                ) => {
                    for item in items {
                        self.visit(inner, item, depth + 1)?;
                    }
                }
                ("additionalProperties" | "unevaluatedProperties", Value::Object(value)) => {
                    for field in value.values() {
                        self.visit(inner, field, depth + 1)?;
                    }
                }
                ("propertyNames", Value::Object(value)) => {
                    for name in value.keys() {
                        self.visit(inner, &Value::from(name.as_str()), depth + 1)?;
                    }
                }
                ("not" | "if" | "then" | "else", _) => self.visit(inner, value, depth + 1)?,
                ("allOf" | "anyOf" | "oneOf", _) => {
                    for schema in inner.as_array().into_iter().flatten() {
                        self.visit(schema, value, depth + 1)?;
                    }
                }
                ("dependentSchemas", Value::Object(_)) => {
                    for schema in inner.as_object().into_iter().flat_map(Map::values) {
                        self.visit(schema, value, depth + 1)?;
                    }
                }
                _ => {}
            }
        }
        match self.target(fields) {
            Some(target) => self.visit(target, value, depth + 1),
            None => Ok(()),
        }
    }

    /// Returns the schema that a reference leads to. One that is not a path leads to the root here:
    /// that is where most of them lead, and none makes more work.
    fn target(&self, fields: &Map<String, Value>) -> Option<&'a Value> {
        let references = ["$ref", "$dynamicRef", "$recursiveRef"];
        let reference = references
            .iter()
            .find_map(|key| fields.get(*key)?.as_str())?;
        let path = reference.strip_prefix('#');
        Some(
            path.and_then(|path| self.root.pointer(path))
                .unwrap_or(self.root),
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_that_lead_on_and_on_are_refused_before_a_validator_is_made() {
        let chain = |length: usize| {
            let next = |level: usize| json!({"$ref": format!("#/$defs/a{}", level + 1)});
            let names = (0..length).map(|level| (format!("a{level}"), next(level)));
            json!({"$defs": names.collect::<Map<_, _>>(), "$ref": "#/$defs/a0"})
        };
        assert_eq!(check_schema_depth(&chain(100)), Ok(()));
        let refused = check_schema_depth(&chain(1000));
        assert_eq!(refused, Err(TooMuchWork::Depth(MAX_SCHEMA_DEPTH)));
    }

    #[test]
    fn references_that_multiply_are_refused_for_any_value() {
        let mut schema = json!({"$defs": {"a30": {"type": "string"}}, "$ref": "#/$defs/a0"});
        for level in 0..30 {
            let next = json!({"$ref": format!("#/$defs/a{}", level + 1)});
            schema["$defs"][format!("a{level}")] = json!({"anyOf": [next, next]});
        }
        assert_eq!(check_schema_depth(&schema), Ok(()));
        assert_eq!(count_steps(&schema, &json!(1)), Err(TooMuchWork::Steps));
    }

    #[test]
    fn a_recursive_choice_is_refused_for_values_that_make_it_endless() {
        let schema = json!({"anyOf": [
            {"properties": {"a": {"$ref": "#"}}},
            {"properties": {"a": {"$ref": "#"}}},
        ]});
        assert_eq!(check_schema_depth(&schema), Ok(()));
        let deep = (0..60).fold(json!({}), |inner, _| json!({"a": inner}));
        assert_eq!(count_steps(&schema, &deep), Err(TooMuchWork::Steps));
        let flat = json!({"a": {"a": {}}});
        assert!(count_steps(&schema, &flat).is_ok_and(|steps| steps < 100));
    }

    #[test]
    fn references_in_a_circle_are_refused() {
        let schema =
            json!({"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}]}}, "$ref": "#/$defs/a"});
        assert_eq!(
            count_steps(&schema, &json!(1)),
            Err(TooMuchWork::Depth(MAX_VALUE_DEPTH))
        );
    }

    #[test]
    fn a_usual_schema_takes_steps_by_the_size_of_the_value() {
        let item = json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {"enum": [1, 2]}}});
        let schema =
            json!({"type": "array", "items": {"$ref": "#/$defs/item"}, "$defs": {"item": item}});
        let items = |count: usize| Value::Array(vec![json!({"a": "x", "b": 1}); count]);
        let steps = |count| count_steps(&schema, &items(count)).expect("few steps");
        assert!(steps(100) < 1200 && steps(1000) < 10 * steps(100));
    }
}
