//! Converts an output schema to the closed form that `output_config.format` requires.
//!
//! In this form, every object has `additionalProperties` false, and nothing is recursive. Keywords
//! that the API does not enforce are moved into descriptions for the model; the answer is validated
//! here against the original schema. A schema that needs open objects has no such form, because an
//! answer could not have the properties that it asks for.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::subschemas::{any_schema, subschemas};

/// The string formats that the API enforces.
const FORMATS: [&str; 10] = [
    "date",
    "date-time",
    "duration",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "time",
    "uri",
    "uuid",
];

/// Returns the closed form of a schema; `None` if it needs open or recursive objects, or if a part
/// of it cannot be expressed.
pub(super) fn closed_schema(schema: &Value) -> Option<Value> {
    (!is_recursive(schema)).then(|| close(schema))?
}

fn close(schema: &Value) -> Option<Value> {
    let fields = schema.as_object()?;
    let mut closed = Map::new();
    let mut notes = Vec::new();
    for (key, value) in fields {
        let sent = match (key.as_str(), value) {
            ("$comment", _)
            | ("additionalProperties" | "unevaluatedProperties", Value::Bool(false)) => {
                continue;
            }
            (
                "$id" | "$schema" | "const" | "default" | "description" | "enum" | "examples"
                | "required" | "title" | "type",
                value,
            ) => value.clone(),
            ("$ref", Value::String(target)) if is_definition(target) => value.clone(),
            ("properties" | "$defs" | "definitions", Value::Object(named)) => {
                let named = named
                    .iter()
                    .map(|(name, inner)| Some((name.clone(), close(inner)?)));
                Value::Object(named.collect::<Option<_>>()?)
            }
            ("items", Value::Object(_)) => close(value)?,
            ("anyOf", Value::Array(choices)) => close_all(choices)?,
            ("oneOf", Value::Array(choices)) if !fields.contains_key("anyOf") => {
                closed.insert("anyOf".to_owned(), close_all(choices)?);
                continue;
            }
            ("allOf", Value::Array(parts)) if !parts.iter().any(mentions_objects) => {
                close_all(parts)?
            }
            ("format", Value::String(format)) if FORMATS.contains(&format.as_str()) => {
                value.clone()
            }
            ("minItems", value) if matches!(value.as_u64(), Some(0 | 1)) => value.clone(),
            (
                "$ref"
                | "additionalProperties"
                | "allOf"
                | "items"
                | "oneOf"
                | "patternProperties"
                | "prefixItems"
                | "unevaluatedItems"
                | "unevaluatedProperties",
                _,
            ) => return None,
            (key, value) => {
                notes.push(format!("{key}: {value}"));
                continue;
            }
        };
        closed.insert(key.clone(), sent);
    }
    close_object(fields, &mut closed)?;
    let is_list = has_type(&closed, "array");
    let forms = ["type", "enum", "const", "$ref", "anyOf", "allOf"];
    if is_list && !closed.contains_key("items")
        || !forms.iter().any(|key| closed.contains_key(*key))
    {
        return None;
    }
    if !notes.is_empty() {
        let given = closed.get("description").and_then(Value::as_str);
        let given = given.map(|given| format!("{given}\n")).unwrap_or_default();
        let description = format!("{given}({})", notes.join(", "));
        closed.insert("description".to_owned(), json!(description));
    }
    Some(Value::Object(closed))
}

fn close_all(schemas: &[Value]) -> Option<Value> {
    schemas.iter().map(close).collect::<Option<_>>()
}

/// Closes an object; `None` if it may have properties that it does not name.
fn close_object(given: &Map<String, Value>, closed: &mut Map<String, Value>) -> Option<()> {
    let has_properties = closed.contains_key("properties");
    if !has_properties && !has_type(closed, "object") {
        return Some(());
    }
    let is_closed = given.get("additionalProperties") == Some(&json!(false));
    if !has_properties && !is_closed {
        return None;
    }
    let empty = Map::new();
    let named = closed.get("properties").and_then(Value::as_object);
    let named = named.unwrap_or(&empty);
    let required = closed.get("required").and_then(Value::as_array);
    let is_named = |name: &Value| name.as_str().is_some_and(|name| named.contains_key(name));
    if named.is_empty() && !is_closed || !required.into_iter().flatten().all(is_named) {
        return None;
    }
    closed.entry("type").or_insert_with(|| json!("object"));
    closed.insert("additionalProperties".to_owned(), json!(false));
    Some(())
}

fn has_type(schema: &Map<String, Value>, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::Array(types)) => types.iter().any(|one| one == name),
        Some(one) => one == name,
        None => false,
    }
}

/// Whether a part of `allOf` restricts objects: each part would be closed separately.
fn mentions_objects(part: &Value) -> bool {
    any_schema(part, &|fields| {
        fields.contains_key("properties")
            || fields.contains_key("$ref")
            || has_type(fields, "object")
    })
}

/// Whether a reference points to a definition of the schema.
pub(super) fn is_definition(target: &str) -> bool {
    target.starts_with("#/$defs/") || target.starts_with("#/definitions/")
}

/// Whether a reference is circular or unresolvable. Each schema is entered once, however many
/// references lead to it, and without recursion: a chain of references may be longer than a stack.
fn is_recursive(root: &Value) -> bool {
    let mut entered = HashSet::<*const Value>::new();
    let mut open = HashSet::<*const Value>::new();
    let mut waiting = vec![(root, false)];
    while let Some((schema, is_leaving)) = waiting.pop() {
        if is_leaving {
            open.remove(&std::ptr::from_ref(schema));
            continue;
        }
        // What waits above the mark of an open schema was reached from it.
        if open.contains(&std::ptr::from_ref(schema)) {
            return true;
        }
        let Some(fields) = schema.as_object().filter(|_| entered.insert(schema)) else {
            continue;
        };
        open.insert(schema);
        waiting.push((schema, true));
        if let Some(target) = fields.get("$ref").and_then(Value::as_str) {
            let Some(found) = target.strip_prefix('#').and_then(|path| root.pointer(path)) else {
                return true;
            };
            waiting.push((found, false));
        }
        waiting.extend(subschemas(fields).into_iter().map(|inner| (inner, false)));
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_that_multiply_are_followed_once_each() {
        let mut schema = json!({"$defs": {"a40": {"type": "string"}}, "$ref": "#/$defs/a0"});
        for level in 0..40 {
            let next = json!({"$ref": format!("#/$defs/a{}", level + 1)});
            schema["$defs"][format!("a{level}")] = json!({"anyOf": [next, next]});
        }
        assert!(!is_recursive(&schema));
        schema["$defs"]["a40"] = json!({"anyOf": [{"$ref": "#/$defs/a20"}]});
        assert!(is_recursive(&schema));
    }

    #[test]
    fn a_chain_of_references_may_be_longer_than_the_stack() {
        let next = |level: usize| json!({"$ref": format!("#/$defs/a{}", level + 1)});
        let mut names: Map<_, _> = (0..100_000)
            .map(|level| (format!("a{level}"), next(level)))
            .collect();
        names.insert("a100000".to_owned(), json!({"type": "string"}));
        assert!(!is_recursive(
            &json!({"$defs": names, "$ref": "#/$defs/a0"})
        ));
    }

    #[test]
    fn objects_are_closed_and_what_the_api_does_not_check_is_described() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "n": {"type": "integer", "minimum": 1, "description": "How many."},
                "at": {"type": "string", "format": "date-time", "minLength": 3},
                "code": {"type": "string", "format": "zip"},
                "list": {"type": "array", "minItems": 2, "items": {"$ref": "#/$defs/item"}},
                "one": {"oneOf": [{"type": "string"}, {"type": "null"}]},
            },
            "required": ["n"],
            "$defs": {"item": {"properties": {"a": {"enum": [1, 2]}}}},
        });
        assert_eq!(
            closed_schema(&schema),
            Some(json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "type": "object",
                "properties": {
                    "n": {"type": "integer", "description": "How many.\n(minimum: 1)"},
                    "at": {"type": "string", "format": "date-time", "description": "(minLength: 3)"},
                    "code": {"type": "string", "description": "(format: \"zip\")"},
                    "list": {"type": "array", "items": {"$ref": "#/$defs/item"}, "description": "(minItems: 2)"},
                    "one": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                },
                "required": ["n"],
                "$defs": {"item": {"properties": {"a": {"enum": [1, 2]}}, "type": "object", "additionalProperties": false}},
                "additionalProperties": false,
            }))
        );
    }

    #[test]
    fn what_needs_open_or_recursive_objects_is_never_closed() {
        let inside = |schema: &Value| json!({"type": "object", "properties": {"x": schema}});
        for schema in [
            json!({"type": "object"}),
            json!({"type": "object", "additionalProperties": {"type": "integer"}}),
            json!({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": true}),
            json!({"type": "object", "properties": {}, "patternProperties": {"^x": {}}}),
            json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["b"]}),
            json!({"type": "array"}),
            json!({}),
            json!(true),
            json!({"description": "Anything."}),
            json!({"$ref": "#"}),
            json!({"$ref": "https://example.invalid/x.json"}),
            json!({"allOf": [{"properties": {"a": {"type": "string"}}}, {"properties": {"b": {"type": "string"}}}]}),
            json!({"prefixItems": [{"type": "string"}], "type": "array"}),
        ] {
            assert_eq!(closed_schema(&schema), None, "{schema}");
            assert_eq!(closed_schema(&inside(&schema)), None, "{schema}");
        }
        let tree = json!({
            "type": "object", "properties": {"next": {"$ref": "#/$defs/node"}},
            "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
        });
        assert_eq!(closed_schema(&tree), None);
    }

    #[test]
    fn an_object_that_is_closed_already_stays_so_with_and_without_properties() {
        let empty = json!({"type": "object", "additionalProperties": false});
        assert_eq!(closed_schema(&empty), Some(empty));
        let one = json!({"type": ["object", "null"], "properties": {"a": {"const": 1}}, "additionalProperties": false});
        assert_eq!(closed_schema(&one), Some(one));
    }
}
