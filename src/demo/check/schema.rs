//! Checks the JSON schemas of a request: those of tools, and that of the output format.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::field::refusal_at;
use crate::demo::refusal::Refusal;

/// Keywords whose value is a schema.
const WITH_SCHEMA: &[&str] = &["items", "not", "if", "then", "else", "contains"];

/// Keywords whose value is a list of schemas.
const WITH_LIST: &[&str] = &["anyOf", "oneOf", "allOf", "prefixItems"];

/// Keywords whose value maps names to schemas.
const WITH_NAMES: &[&str] = &["properties", "$defs", "definitions"];

/// Keywords that structured outputs support.
const STRICT_KEYWORDS: &[&str] = &[
    "$defs",
    "$id",
    "$ref",
    "$schema",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "default",
    "definitions",
    "description",
    "enum",
    "examples",
    "format",
    "items",
    "minItems",
    "properties",
    "required",
    "title",
    "type",
];

/// String formats that structured outputs support.
const STRICT_FORMATS: &[&str] = &[
    "date-time",
    "time",
    "date",
    "duration",
    "email",
    "hostname",
    "uri",
    "ipv4",
    "ipv6",
    "uuid",
];

/// Checks the names of all properties in the tool schema at `path`.
pub(super) fn check_property_names(path: &str, schema: &Value) -> Result<(), Refusal> {
    let fits = |name: &str| {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        (1..=64).contains(&name.len()) && name.bytes().all(is_allowed)
    };
    let names = schema["properties"].as_object();
    if names.is_some_and(|names| !names.keys().all(|name| fits(name))) {
        return Err(refusal_at(
            &format!("{path}.properties"),
            "Property keys should match pattern '^[a-zA-Z0-9_.-]{1,64}$'",
        ));
    }
    for (place, inner) in inner_schemas(schema) {
        check_property_names(&format!("{path}.{place}"), inner)?;
    }
    Ok(())
}

/// Checks that structured outputs support a schema; refusals refer to it as `path`.
///
/// Source: `build-with-claude/structured-outputs`, on JSON schema limitations. The wording is the
/// API's, as recorded in `BerriAI/litellm#35808`, `ax-llm/ax#458` and
/// `veryfront/veryfront-code#3918`; that for a keyword, a format or a reference outside of that
/// page is modelled on it.
pub(super) fn check_strict_schema(path: &str, schema: &Value) -> Result<(), Refusal> {
    let checker = StrictSchema { path, root: schema };
    checker.check_node(schema)?;
    checker.check_references(schema)
}

/// A schema of an output format or a strict tool.
struct StrictSchema<'a> {
    path: &'a str,
    root: &'a Value,
}

impl<'a> StrictSchema<'a> {
    fn refusal(&self, message: &str) -> Refusal {
        refusal_at(self.path, message)
    }

    /// Checks the keywords of a schema and of the schemas inside it.
    fn check_node(&self, schema: &Value) -> Result<(), Refusal> {
        let Some(node) = schema.as_object() else {
            // `true` and `{}` allow anything, so they cannot be enforced.
            return Err(self.refusal("Schema must be an object"));
        };
        if node.contains_key("oneOf") {
            return Err(self.refusal("Schema type 'oneOf' is not supported"));
        }
        self.check_objects(node)?;
        self.check_keywords(node)?;
        self.check_values(node)?;
        for (_, inner) in inner_schemas(schema) {
            self.check_node(inner)?;
        }
        Ok(())
    }

    /// Checks that no object allows properties that its schema does not name.
    fn check_objects(&self, node: &Map<String, Value>) -> Result<(), Refusal> {
        let is_object = node.contains_key("properties") || has_type(node, "object");
        match node.get("additionalProperties") {
            Some(Value::Bool(false)) => Ok(()),
            None if is_object => Err(self.refusal(
                "For 'object' type, 'additionalProperties' must be explicitly set to false",
            )),
            None => Ok(()),
            Some(other) => Err(self.refusal(&format!(
                "For 'object' type, 'additionalProperties: {}' is not supported. Please set \
                 'additionalProperties' to false",
                if other.is_boolean() { "true" } else { "object" }
            ))),
        }
    }

    fn check_keywords(&self, node: &Map<String, Value>) -> Result<(), Refusal> {
        let mut refused: Vec<&str> = node
            .keys()
            .map(String::as_str)
            .filter(|key| !STRICT_KEYWORDS.contains(key))
            .collect();
        refused.sort_unstable_by(|one, other| other.cmp(one));
        let kind = type_name(node);
        match refused.as_slice() {
            [] => Ok(()),
            [one] => Err(self.refusal(&format!(
                "For '{kind}' type, property '{one}' is not supported"
            ))),
            several => Err(self.refusal(&format!(
                "For '{kind}' type, properties {} are not supported",
                several.join(", ")
            ))),
        }
    }

    fn check_values(&self, node: &Map<String, Value>) -> Result<(), Refusal> {
        if node
            .get("minItems")
            .is_some_and(|least| !matches!(least.as_u64(), Some(0 | 1)))
        {
            return Err(self.refusal(
                "For 'array' type, 'minItems' values other than 0 or 1 are not supported",
            ));
        }
        if let Some(format) = node.get("format").and_then(Value::as_str)
            && !STRICT_FORMATS.contains(&format)
        {
            return Err(self.refusal(&format!(
                "For 'string' type, 'format' value '{format}' is not supported"
            )));
        }
        Ok(())
    }

    /// Checks that every reference resolves inside the schema, and that none is circular. Each
    /// schema is looked at once, however many references lead to it, and the way to it is in a list
    /// rather than on the stack: a client decides how long it is.
    fn check_references(&self, schema: &'a Value) -> Result<(), Refusal> {
        let mut trail: Vec<&'a str> = Vec::new();
        let mut open: HashSet<&'a str> = HashSet::new();
        let mut done: HashSet<*const Value> = HashSet::new();
        let mut steps = vec![ReferenceStep::Enter(schema)];
        while let Some(step) = steps.pop() {
            let schema = match step {
                ReferenceStep::Leave(target, schema) => {
                    trail.pop();
                    open.remove(target);
                    done.insert(schema);
                    continue;
                }
                ReferenceStep::Enter(schema) if done.contains(&std::ptr::from_ref(schema)) => {
                    continue;
                }
                ReferenceStep::Enter(schema) => schema,
            };
            let inner = inner_schemas(schema);
            steps.extend(
                inner
                    .into_iter()
                    .rev()
                    .map(|(_, one)| ReferenceStep::Enter(one)),
            );
            if let Some(target) = schema["$ref"].as_str() {
                if !open.insert(target) {
                    return Err(self.circle(&trail, target));
                }
                let found = target
                    .strip_prefix('#')
                    .and_then(|pointer| self.root.pointer(pointer));
                let found = found.ok_or_else(|| {
                    self.refusal(&format!("Reference '{target}' cannot be resolved"))
                })?;
                trail.push(target);
                steps.push(ReferenceStep::Leave(target, found));
                steps.push(ReferenceStep::Enter(found));
            }
        }
        Ok(())
    }

    /// Returns the refusal of a reference back into the trail.
    fn circle(&self, trail: &[&str], target: &str) -> Refusal {
        let start = trail.iter().position(|step| *step == target).unwrap_or(0);
        let circle: Vec<&str> = trail[start..]
            .iter()
            .chain([&target])
            .map(|step| step.rsplit('/').next().unwrap_or(step))
            .collect();
        self.refusal(&format!(
            "Circular reference detected in schema definitions: {}",
            circle.join(" -> ")
        ))
    }
}

/// What is left to do while references are followed.
enum ReferenceStep<'a> {
    /// To look at a schema.
    Enter(&'a Value),
    /// To leave the schema that a reference led to.
    Leave(&'a str, &'a Value),
}

/// Returns the schemas directly inside a schema, each with its location.
fn inner_schemas(schema: &Value) -> Vec<(String, &Value)> {
    let mut inner = Vec::new();
    for key in WITH_SCHEMA {
        if let Some(one) = schema.get(*key).filter(|one| one.is_object()) {
            inner.push(((*key).to_owned(), one));
        }
    }
    for key in WITH_LIST {
        let list = schema[*key].as_array().into_iter().flatten();
        inner.extend(
            list.enumerate()
                .map(|(index, one)| (format!("{key}.{index}"), one)),
        );
    }
    for key in WITH_NAMES {
        let named = schema[*key].as_object().into_iter().flatten();
        inner.extend(named.map(|(name, one)| (format!("{key}.{name}"), one)));
    }
    inner
}

fn has_type(node: &Map<String, Value>, name: &str) -> bool {
    match node.get("type") {
        Some(Value::Array(types)) => types.iter().any(|one| one == name),
        Some(one) => one == name,
        None => false,
    }
}

/// Returns the type that a refusal names.
fn type_name(node: &Map<String, Value>) -> &str {
    match node.get("type") {
        Some(Value::String(name)) => name,
        Some(Value::Array(types)) => types
            .iter()
            .filter_map(Value::as_str)
            .find(|name| *name != "null")
            .unwrap_or("null"),
        _ => "object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Returns a schema whose definitions refer to the next one, each this many times.
    fn chain(length: usize, references: usize) -> Value {
        let next = |place: usize| json!({"$ref": format!("#/$defs/a{}", place + 1)});
        let mut definitions: Map<String, Value> = (0..length)
            .map(|place| {
                let schema = json!({"anyOf": vec![next(place); references]});
                (format!("a{place}"), schema)
            })
            .collect();
        definitions.insert(format!("a{length}"), json!({"type": "string"}));
        json!({
            "type": "object", "properties": {"a": {"$ref": "#/$defs/a0"}}, "required": ["a"],
            "additionalProperties": false, "$defs": definitions,
        })
    }

    #[test]
    fn references_that_multiply_or_lead_far_are_followed_in_little_time_and_stack() {
        for schema in [chain(60, 2), chain(20_000, 1)] {
            assert!(check_strict_schema("schema", &schema).is_ok());
        }
    }
}
