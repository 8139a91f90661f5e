//! How much work a JSON schema makes, found before the validator is let loose on it.
//!
//! A few references under `anyOf` let 150 bytes of schema take more steps, and keep more errors,
//! than there is time and memory for. So the steps of the validator are counted first, without its
//! short cuts, and a schema or a value that takes too many is refused.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::{Map, Value};

use super::subschemas::subschemas;

/// The most steps. A schema of a thousand keywords for an array of a thousand items takes as many;
/// they take about a tenth of a second, or a second if most of them are backtracking.
const MAX_STEPS: usize = 1_000_000;

/// How many bytes of a text an expression is matched with in a step.
const BYTES_PER_STEP: usize = 16;

/// How often an expression that looks around or back is tried at other places of a text, or in
/// other ways, before it counts as not matching. That takes about a millisecond.
pub(super) const MAX_BACKTRACKING: usize = 10_000;

/// How many steps it counts as to match such an expression.
const STEPS_OF_BACKTRACKING: usize = 1000;

/// How deep schemas may lead into others while a validator is made: its stack has an end.
const MAX_SCHEMA_DEPTH: usize = 300;

/// The same while a value is checked. A value 100 levels deep needs 300 where each level of it is a
/// reference to a choice.
const MAX_VALUE_DEPTH: usize = 400;

/// A schema makes more work than is done for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum TooMuchWork {
    /// Too many steps for a value.
    #[error("checking the value against the schema would take more than {MAX_STEPS} steps")]
    Steps,
    /// Too deep a stack.
    #[error("the schema is nested more than {0} levels deep")]
    Depth(usize),
}

/// Checks that a validator can be made of a schema: that is done once for each schema in it.
pub(super) fn check_schema_depth(schema: &Value) -> Result<(), TooMuchWork> {
    let mut seen = HashSet::<*const Value>::new();
    let mut waiting = vec![(schema, 0)];
    while let Some((inner, depth)) = waiting.pop() {
        if depth > MAX_SCHEMA_DEPTH {
            return Err(TooMuchWork::Depth(MAX_SCHEMA_DEPTH));
        }
        if let Some(fields) = inner.as_object().filter(|_| seen.insert(inner)) {
            let led_to = subschemas(fields).into_iter().chain(target(schema, fields));
            waiting.extend(led_to.map(|inner| (inner, depth + 1)));
        }
    }
    Ok(())
}

/// Counts the steps that checking a value takes at most.
pub(super) fn count_steps(schema: &Value, value: &Value) -> Result<usize, TooMuchWork> {
    let mut visits = Visits {
        root: schema,
        steps: 0,
        waiting: Vec::new(),
    };
    visits.add(schema, Cow::Borrowed(value), 0)?;
    while let Some((schema, value, depth)) = visits.waiting.pop() {
        visits.visit(schema, value, depth)?;
    }
    Ok(visits.steps)
}

/// The way through a schema and a value that the validator takes, but for its short cuts. It keeps
/// a list of its own rather than calling itself: the stack of a thread may be shorter than the way.
struct Visits<'a> {
    root: &'a Value,
    steps: usize,
    waiting: Vec<(&'a Value, Cow<'a, Value>, usize)>,
}

impl<'a> Visits<'a> {
    fn step(&mut self) -> Result<(), TooMuchWork> {
        self.add_steps(1)
    }

    fn add_steps(&mut self, steps: usize) -> Result<(), TooMuchWork> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > MAX_STEPS {
            return Err(TooMuchWork::Steps);
        }
        Ok(())
    }

    /// Notes a schema and the value to check against it.
    fn add(
        &mut self,
        schema: &'a Value,
        value: Cow<'a, Value>,
        depth: usize,
    ) -> Result<(), TooMuchWork> {
        self.step()?;
        if depth > MAX_VALUE_DEPTH {
            return Err(TooMuchWork::Depth(MAX_VALUE_DEPTH));
        }
        self.waiting.push((schema, value, depth));
        Ok(())
    }

    fn visit(
        &mut self,
        schema: &'a Value,
        value: Cow<'a, Value>,
        depth: usize,
    ) -> Result<(), TooMuchWork> {
        let Some(fields) = schema.as_object() else {
            return Ok(());
        };
        let depth = depth + 1;
        for (keyword, inner) in fields {
            self.step()?;
            match (keyword.as_str(), &value) {
                ("not" | "if" | "then" | "else", _) => self.add(inner, value.clone(), depth)?,
                ("allOf" | "anyOf" | "oneOf", _) => {
                    for schema in inner.as_array().into_iter().flatten() {
                        self.add(schema, value.clone(), depth)?;
                    }
                }
                ("pattern", value) => self.match_text(inner, value)?,
                ("enum" | "const", value) if value.is_array() || value.is_object() => {
                    self.compare_with(inner)?;
                }
                // A value of its own is the name of a property, which contains nothing.
                (_, Cow::Borrowed(value)) => self.visit_inside(keyword, inner, value, depth)?,
                (_, Cow::Owned(_)) => {}
            }
        }
        match target(self.root, fields) {
            Some(target) => self.add(target, value, depth),
            None => Ok(()),
        }
    }

    /// Counts matching a text: each byte of it takes a little, and an expression that looks around
    /// or back is tried again and again, up to [`MAX_BACKTRACKING`].
    fn match_text(&mut self, pattern: &Value, text: &Value) -> Result<(), TooMuchWork> {
        let (Some(pattern), Some(text)) = (pattern.as_str(), text.as_str()) else {
            return Ok(());
        };
        let looks_around = ["(?=", "(?!", "(?<"]
            .iter()
            .any(|sign| pattern.contains(sign));
        let refers_back = pattern
            .as_bytes()
            .windows(2)
            .any(|pair| pair[0] == b'\\' && (pair[1].is_ascii_digit() || pair[1] == b'k'));
        let steps = if looks_around || refers_back {
            STEPS_OF_BACKTRACKING
        } else {
            text.len() / BYTES_PER_STEP
        };
        self.add_steps(steps)
    }

    /// Counts comparing a list or an object with each value of an `enum`: at most all of these.
    fn compare_with(&mut self, options: &Value) -> Result<(), TooMuchWork> {
        let mut waiting = vec![options];
        while let Some(option) = waiting.pop() {
            self.step()?;
            match option {
                Value::Array(items) => waiting.extend(items),
                Value::Object(fields) => waiting.extend(fields.values()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Notes what a keyword checks inside a value.
    fn visit_inside(
        &mut self,
        keyword: &str,
        inner: &'a Value,
        value: &'a Value,
        depth: usize,
    ) -> Result<(), TooMuchWork> {
        match (keyword, value) {
            ("properties", Value::Object(value)) => {
                for (name, schema) in inner.as_object().into_iter().flatten() {
                    if let Some(field) = value.get(name) {
                        self.add(schema, Cow::Borrowed(field), depth)?;
                    }
                }
            }
            ("patternProperties", Value::Object(value)) => {
                for schema in inner.as_object().into_iter().flat_map(Map::values) {
                    for field in value.values() {
                        self.add(schema, Cow::Borrowed(field), depth)?;
                    }
                }
            }
            ("prefixItems" | "items", Value::Array(items)) if inner.is_array() => {
                for (schema, item) in inner.as_array().into_iter().flatten().zip(items) {
                    self.add(schema, Cow::Borrowed(item), depth)?;
                }
            }
            (
                "items" | "additionalItems" | "contains" | "unevaluatedItems",
                Value::Array(items),
            ) => {
                for item in items {
                    self.add(inner, Cow::Borrowed(item), depth)?;
                }
            }
            ("additionalProperties" | "unevaluatedProperties", Value::Object(value)) => {
                for field in value.values() {
                    self.add(inner, Cow::Borrowed(field), depth)?;
                }
            }
            ("propertyNames", Value::Object(value)) => {
                for name in value.keys() {
                    self.add(inner, Cow::Owned(Value::from(name.as_str())), depth)?;
                }
            }
            ("dependentSchemas", Value::Object(_)) => {
                for schema in inner.as_object().into_iter().flat_map(Map::values) {
                    self.add(schema, Cow::Borrowed(value), depth)?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Returns the schema that a reference leads to. One that is not a path leads to the root here:
/// that is where most of them lead, and none makes more work.
fn target<'a>(root: &'a Value, fields: &Map<String, Value>) -> Option<&'a Value> {
    let references = ["$ref", "$dynamicRef", "$recursiveRef"];
    let reference = references
        .iter()
        .find_map(|key| fields.get(*key)?.as_str())?;
    let path = reference.strip_prefix('#');
    Some(path.and_then(|path| root.pointer(path)).unwrap_or(root))
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
    fn texts_and_values_that_are_compared_as_a_whole_count_by_their_size() {
        let steps = |schema: Value, value: Value| count_steps(&schema, &value);
        let long = json!("a".repeat(1_600_000));
        let matched = steps(json!({"pattern": "^a*$"}), long.clone()).expect("a few steps");
        assert!((100_000..110_000).contains(&matched), "{matched}");
        let again = json!({"allOf": vec![json!({"pattern": "^a*$"}); 20]});
        assert_eq!(steps(again, long), Err(TooMuchWork::Steps));
        for pattern in ["a(?=b)", "(?<!a)b", r"(a)\1"] {
            let tried = json!({"anyOf": vec![json!({"pattern": pattern}); 2000]});
            assert_eq!(
                steps(tried, json!("ab")),
                Err(TooMuchWork::Steps),
                "{pattern}"
            );
        }
        let options = json!({"enum": vec![vec![0; 1000]; 100]});
        let compared = json!({"items": {"$ref": "#/$defs/a"}, "$defs": {"a": options}});
        let values = json!(vec![vec![0; 1000]; 20]);
        assert_eq!(steps(compared.clone(), values), Err(TooMuchWork::Steps));
        assert!(steps(compared, json!([0, 1, 2])).is_ok_and(|steps| steps < 100));
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
