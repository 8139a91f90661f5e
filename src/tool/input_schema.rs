//! Converts the schema of a tool's input to a form that the API accepts.
//!
//! At the root, the API requires `type` `object` and does not allow `anyOf`, `oneOf` or `allOf`,
//! and property names must match a pattern. A schema is changed only if the new one accepts the
//! same inputs; if there is no such form, the tool is refused before anything is sent, because one
//! invalid definition fails the whole request.

use serde_json::{Map, Value, json};

use super::subschemas::{any_schema, subschemas};

/// The keywords that the API does not allow at the root, and `$ref`, which it may not follow there.
/// `allOf` is last, because moving its schemas up one by one may bring in the others.
const COMBINING: [&str; 4] = ["$ref", "anyOf", "oneOf", "allOf"];

/// The maximum number of schemas that are merged into the root, since references may be circular.
const MAX_STEPS: usize = 64;

/// Keywords that describe a schema without restricting values.
const ANNOTATIONS: [&str; 9] = [
    "$comment",
    "$schema",
    "default",
    "deprecated",
    "description",
    "examples",
    "readOnly",
    "title",
    "writeOnly",
];

/// Returns the schema to send for the input of a tool, which is an object.
///
/// # Errors
///
/// If no schema that the API allows accepts the same inputs; the message begins with the keyword
/// that is the reason.
pub(super) fn sendable_input_schema(schema: &Map<String, Value>) -> Result<Value, String> {
    let mut root = schema.clone();
    let mut steps = 0;
    while let Some(key) = COMBINING.into_iter().find(|key| root.contains_key(*key)) {
        let value = root.shift_remove(key).unwrap_or_default();
        steps += 1;
        if steps > MAX_STEPS {
            return Err(unsendable(key));
        }
        if steps == 1 && has_moving_reference(schema) {
            return Err(unsendable(key));
        }
        let part = if key == "allOf" {
            take_first(&mut root, value)
        } else {
            only_part(key, value, schema)
        };
        part.and_then(|part| merge(&mut root, part))
            .ok_or_else(|| unsendable(key))?;
    }
    if !allows_object(&root) {
        return Err("`type` must be `object`".to_owned());
    }
    root.insert("type".to_owned(), json!("object"));
    if root
        .get("properties")
        .is_some_and(|named| !named.is_object())
    {
        return Err("`properties` must be an object".to_owned());
    }
    let sent = Value::Object(root);
    check_property_names(&sent)?;
    Ok(sent)
}

fn unsendable(key: &str) -> String {
    format!("`{key}` is not accepted by the API at the top level: put it in a property")
}

/// Whether any reference points to the root or to something that may be moved.
fn has_moving_reference(schema: &Map<String, Value>) -> bool {
    let leads_elsewhere = |fields: &Map<String, Value>| {
        let is_safe = |target: &Value| {
            target.as_str().is_some_and(|target| {
                target.starts_with("#/$defs/") || target.starts_with("#/definitions/")
            })
        };
        // The meaning of anchors and dynamic references depends on their location.
        let is_placed = ["$dynamicRef", "$recursiveRef", "$anchor", "$dynamicAnchor"]
            .iter()
            .any(|key| fields.contains_key(*key));
        is_placed || fields.get("$ref").is_some_and(|target| !is_safe(target))
    };
    any_schema(&Value::Object(schema.clone()), &leads_elsewhere)
}

/// Removes the first schema of `allOf`, and puts back the rest.
fn take_first(root: &mut Map<String, Value>, all_of: Value) -> Option<Value> {
    let Value::Array(mut parts) = all_of else {
        return None;
    };
    if parts.is_empty() {
        return Some(Value::Bool(true));
    }
    let first = parts.remove(0);
    if !parts.is_empty() {
        root.insert("allOf".to_owned(), Value::Array(parts));
    }
    Some(first)
}

/// Returns the only schema that a reference or a choice can mean for an object; `None` if there may
/// be several.
fn only_part(key: &str, value: Value, whole: &Map<String, Value>) -> Option<Value> {
    match (key, value) {
        ("$ref", Value::String(target)) => {
            let is_old = |version: &Value| version.as_str().is_some_and(is_old_draft);
            // Up to draft 7, keywords next to a reference have no effect.
            if whole.get("$schema").is_some_and(is_old) {
                return None;
            }
            let mut found = None;
            for name in target.strip_prefix("#/")?.split('/') {
                let name = name.replace("~1", "/").replace("~0", "~");
                let fields = found.map_or(Some(whole), Value::as_object)?;
                found = Some(fields.get(&name)?);
            }
            found.cloned()
        }
        (_, Value::Array(mut choices)) => {
            choices.retain(|choice| match choice {
                Value::Object(fields) => allows_object(fields),
                other => other == true,
            });
            choices.pop().filter(|_| choices.is_empty())
        }
        _ => None,
    }
}

fn is_old_draft(version: &str) -> bool {
    version.contains("json-schema.org/draft-0")
}

/// Whether a schema can match an object, judging by its type.
fn allows_object(schema: &Map<String, Value>) -> bool {
    let by_type = match schema.get("type") {
        None => true,
        Some(Value::Array(types)) => types.iter().any(|one| one == "object"),
        Some(one) => one == "object",
    };
    let by_const = schema.get("const").is_none_or(Value::is_object);
    let values = schema.get("enum").and_then(Value::as_array);
    by_type && by_const && values.is_none_or(|values| values.iter().any(Value::is_object))
}

/// Adds the constraints of a schema to the root, so that both apply; `None` if a single schema
/// cannot express that.
fn merge(root: &mut Map<String, Value>, part: Value) -> Option<()> {
    let part = match part {
        Value::Bool(true) => return Some(()),
        Value::Object(fields) => fields,
        _ => return None,
    };
    // `additionalProperties` considers only the properties of its own schema.
    if closes_names(&part) && (closes_names(root) || !names_are_in(root, &part))
        || closes_names(root) && !names_are_in(&part, root)
        || part.contains_key("unevaluatedProperties")
        || part.contains_key("$id")
        || !allows_object(&part)
    {
        return None;
    }
    for (key, value) in part {
        match key.as_str() {
            "type" => {} // It lets objects through, and nothing else will come.
            "allOf" => {
                let all = root.entry("allOf").or_insert_with(|| json!([]));
                all.as_array_mut()?
                    .extend(value.as_array()?.iter().cloned());
            }
            "required" => {
                let names = root.entry(key).or_insert_with(|| json!([]));
                let names = names.as_array_mut()?;
                for name in value.as_array()? {
                    if !names.contains(name) {
                        names.push(name.clone());
                    }
                }
            }
            "properties" | "$defs" | "definitions" => {
                let is_property = key == "properties";
                let named = root.entry(key).or_insert_with(|| json!({}));
                merge_named(named.as_object_mut()?, value, is_property)?;
            }
            key if ANNOTATIONS.contains(&key) => {
                root.entry(key).or_insert(value);
            }
            "if" | "then" | "else"
                if ["if", "then", "else"]
                    .iter()
                    .any(|key| root.get(*key).is_some_and(|known| *known != value)) =>
            {
                return None;
            }
            _ => {
                if *root.entry(key).or_insert_with(|| value.clone()) != value {
                    return None;
                }
            }
        }
    }
    Some(())
}

/// Adds schemas by name. Two schemas for the same property both apply; two definitions must be the
/// same.
fn merge_named(named: &mut Map<String, Value>, more: Value, is_property: bool) -> Option<()> {
    let Value::Object(more) = more else {
        return None;
    };
    for (name, schema) in more {
        match named.get_mut(&name) {
            None => {
                named.insert(name, schema);
            }
            Some(known) if *known == schema => {}
            Some(known) if is_property => *known = json!({"allOf": [known.take(), schema]}),
            Some(_) => return None,
        }
    }
    Some(())
}

/// Whether a schema restricts properties that it does not name.
fn closes_names(schema: &Map<String, Value>) -> bool {
    let others = schema.get("additionalProperties");
    others.is_some_and(|others| *others != true && *others != json!({}))
        || schema.contains_key("patternProperties")
}

/// Whether every property that one schema names is also named by another.
fn names_are_in(schema: &Map<String, Value>, other: &Map<String, Value>) -> bool {
    let names_of = |schema: &'_ Map<String, Value>| -> Vec<String> {
        let properties = schema.get("properties").and_then(Value::as_object);
        properties.map_or_else(Vec::new, |named| named.keys().cloned().collect())
    };
    let others = names_of(other);
    names_of(schema).iter().all(|name| others.contains(name))
}

/// Checks that all property names match the API's pattern.
fn check_property_names(schema: &Value) -> Result<(), String> {
    let Some(fields) = schema.as_object() else {
        return Ok(());
    };
    let is_allowed = |letter: u8| letter.is_ascii_alphanumeric() || b"_.-".contains(&letter);
    let names = fields.get("properties").and_then(Value::as_object);
    for name in names.into_iter().flat_map(Map::keys) {
        if !(1..=64).contains(&name.len()) || !name.bytes().all(is_allowed) {
            return Err(format!(
                "property `{name}`: the API accepts names of 1 to 64 characters from a-z, A-Z, \
                 0-9, _, . and -"
            ));
        }
    }
    subschemas(fields)
        .into_iter()
        .try_for_each(check_property_names)
}

#[cfg(test)]
mod tests {
    use super::super::Schema;
    use super::*;

    fn sent(schema: &Value) -> Result<Value, String> {
        sendable_input_schema(schema.as_object().expect("an object"))
    }

    #[test]
    fn what_the_api_takes_is_sent_as_it_is() {
        for schema in [
            json!({"type": "object"}),
            json!({"type": "object", "properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}),
            json!({"type": "object", "$defs": {"a": {"$ref": "#"}}, "properties": {"a": {"$ref": "#/$defs/a"}}}),
        ] {
            assert_eq!(sent(&schema), Ok(schema.clone()), "{schema}");
        }
    }

    #[test]
    fn a_type_that_says_less_than_object_becomes_object() {
        for schema in [
            json!({}),
            json!({"type": ["object", "null"]}),
            json!({"type": ["object"]}),
        ] {
            assert_eq!(sent(&schema), Ok(json!({"type": "object"})), "{schema}");
        }
        for schema in [
            json!({"type": "string"}),
            json!({"type": 1}),
            json!({"const": 1}),
        ] {
            assert_eq!(
                sent(&schema),
                Err("`type` must be `object`".to_owned()),
                "{schema}"
            );
        }
    }

    /// Schemas that the API refuses, the ones sent instead, and inputs that do and do not match.
    #[test]
    fn what_is_combined_at_the_root_is_merged_and_lets_the_same_inputs_through() {
        let a =
            json!({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]});
        let b = json!({"properties": {"b": {"type": "string"}}, "required": ["b"]});
        let same_name = json!({"properties": {"a": {"minimum": 2}}});
        let closed = json!({"properties": {"a": {}, "b": {}}, "additionalProperties": false});
        let nothing = json!({"type": "null"});
        let inputs = [
            json!({}),
            json!({"a": 1}),
            json!({"a": 2, "b": "x"}),
            json!({"a": 2, "b": "x", "c": 1}),
            json!({"a": "x", "b": 1}),
            json!({"b": "x"}),
        ];
        for schema in [
            json!({"allOf": [a, b]}),
            json!({"type": "object", "allOf": [a, same_name, {"minProperties": 2}]}),
            json!({"anyOf": [a, nothing]}),
            json!({"oneOf": [nothing, {"type": "string"}, a], "description": "D"}),
            json!({"anyOf": [{"allOf": [a, {"anyOf": [b]}]}]}),
            json!({"allOf": [a, closed]}),
            json!({"properties": {"a": {}, "b": {}}, "additionalProperties": false, "allOf": [a]}),
            json!({"$ref": "#/$defs/a", "$defs": {"a": a}}),
            json!({"allOf": [{"$ref": "#/definitions/a"}, b], "definitions": {"a": a}}),
            json!({"allOf": [{"$ref": "#/$defs/x"}, b],
                   "$defs": {"x": {"properties": {"a": {"$ref": "#/$defs/n"}}}, "n": {"type": "integer"}}}),
        ] {
            let sent = sent(&schema).expect("it can be sent");
            assert_eq!(sent["type"], "object");
            for key in COMBINING {
                assert_eq!(sent.get(key), None, "{sent}");
            }
            let (of_sent, of_given) = (Schema::compile(&sent), Schema::compile(&schema));
            let (of_sent, of_given) = (of_sent.expect("a schema"), of_given.expect("a schema"));
            for input in &inputs {
                let fits = of_given.check(input).is_ok();
                assert_eq!(
                    of_sent.check(input).is_ok(),
                    fits,
                    "{input}: {schema}: {sent}"
                );
            }
        }
    }

    #[test]
    fn what_has_no_form_that_the_api_takes_is_refused_by_its_keyword() {
        let a = json!({"properties": {"a": {}}});
        let closed = json!({"properties": {"b": {}}, "additionalProperties": false});
        for (schema, key) in [
            (
                json!({"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}),
                "anyOf",
            ),
            (json!({"oneOf": [a, closed]}), "oneOf"),
            (json!({"allOf": [a, closed]}), "allOf"),
            (json!({"allOf": [a, {"oneOf": [a, closed]}]}), "oneOf"),
            (
                json!({"allOf": [a, {"properties": {"b": {"$ref": "#/allOf/0"}}}]}),
                "allOf",
            ),
            (
                json!({"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"$ref": "#/$defs/a"}}}),
                "$ref",
            ),
            (
                json!({"allOf": [{"minProperties": 1}, {"minProperties": 2}]}),
                "allOf",
            ),
            (json!({"allOf": [false]}), "allOf"),
            (json!({"$ref": "other.json"}), "$ref"),
            (
                json!({"$schema": "http://json-schema.org/draft-07/schema#", "$ref": "#/definitions/a",
                    "definitions": {"a": a}}),
                "$ref",
            ),
        ] {
            let why = sent(&schema).expect_err(key);
            assert!(
                why.starts_with(&format!(
                    "`{key}` is not accepted by the API at the top level"
                )),
                "{schema}: {why}"
            );
        }
    }

    #[test]
    fn a_property_with_another_name_than_the_api_takes_is_refused_wherever_it_is() {
        let named = |name: &str| json!({"type": "object", "properties": {name: {}}});
        let long = "a".repeat(65);
        for name in ["a b", "$filter", "", "\u{e9}", &long] {
            let inside = json!({"type": "object", "properties": {"l": {"items": named(name)}}});
            for schema in [named(name), inside] {
                let why = sent(&schema).expect_err(name);
                assert!(why.starts_with(&format!("property `{name}`: ")), "{why}");
            }
        }
        assert!(sent(&named("a.b-c_D9")).is_ok());
    }
}
