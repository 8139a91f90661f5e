//! Finds the schemas inside a JSON schema.

use serde_json::{Map, Value};

/// How a keyword contains other schemas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holding {
    /// One schema.
    One,
    /// A list of schemas, including `items` in old drafts.
    List,
    /// Schemas by name.
    Named,
}

/// Returns how a keyword contains schemas; `None` if it does not.
pub(super) fn holding(keyword: &str, value: &Value) -> Option<Holding> {
    match keyword {
        "items" if value.is_array() => Some(Holding::List),
        "items"
        | "additionalItems"
        | "additionalProperties"
        | "contains"
        | "else"
        | "if"
        | "not"
        | "propertyNames"
        | "then"
        | "unevaluatedItems"
        | "unevaluatedProperties" => Some(Holding::One),
        "allOf" | "anyOf" | "oneOf" | "prefixItems" => Some(Holding::List),
        "$defs" | "definitions" | "dependentSchemas" | "patternProperties" | "properties" => {
            Some(Holding::Named)
        }
        _ => None,
    }
}

/// Returns the schemas directly inside a schema.
pub(super) fn subschemas(schema: &Map<String, Value>) -> Vec<&Value> {
    let mut inner = Vec::new();
    for (keyword, value) in schema {
        match holding(keyword, value) {
            Some(Holding::One) => inner.push(value),
            Some(Holding::List) => inner.extend(value.as_array().into_iter().flatten()),
            Some(Holding::Named) => {
                inner.extend(value.as_object().into_iter().flat_map(Map::values));
            }
            None => {}
        }
    }
    inner
}

/// Whether a condition holds for a schema or for any schema inside it.
pub(super) fn any_schema(schema: &Value, holds: &impl Fn(&Map<String, Value>) -> bool) -> bool {
    schema.as_object().is_some_and(|fields| {
        holds(fields)
            || subschemas(fields)
                .iter()
                .any(|inner| any_schema(inner, holds))
    })
}
