//! Tools in a request: their definitions and the tool choice.
//!
//! Both keep all fields in their original order, because the API's own tools have different fields
//! from custom tools, and because the same input must always result in the same bytes.

use serde::Serialize;
use serde_json::{Map, Value};

use super::exact_json::{ExactFields, ExactJson};

/// The definition of a tool.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct ToolDefinition(ExactFields);

impl ToolDefinition {
    /// Creates a definition with these fields.
    pub(crate) fn new(fields: ExactFields) -> Self {
        Self(fields)
    }

    /// Reads the field `tools` of a body; `None` unless it is a non-empty list of objects.
    pub(crate) fn list_from(json: ExactJson) -> Option<Vec<Self>> {
        if !json.is_array() {
            return None;
        }
        json.items()
            .into_iter()
            .map(|definition| ExactFields::from_object(definition).map(Self))
            .collect::<Option<Vec<_>>>()
            .filter(|definitions| !definitions.is_empty())
    }

    /// Returns the tool's name; empty if it has none.
    pub(crate) fn name(&self) -> &str {
        self.field("name")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// Whether the API is asked to hold the model to the schema of the input.
    pub(crate) fn is_strict(&self) -> bool {
        self.field("strict") == Some(&Value::Bool(true))
    }

    /// Returns a field.
    pub(crate) fn field(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// Returns a field with its original digits.
    pub(crate) fn exact_field(&self, key: &str) -> Option<ExactJson> {
        self.0.exact(key)
    }

    /// Sets a field; an existing one keeps its position.
    pub(crate) fn set_field(&mut self, key: &str, value: impl Into<ExactJson>) {
        self.0.insert(key, value);
    }

    /// Removes a field; the others keep their order.
    pub(crate) fn remove_field(&mut self, key: &str) {
        self.0.shift_remove(key);
    }

    /// Returns all fields.
    pub(crate) fn fields(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Returns the definition as JSON text, as in a body.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(&self.0).expect("a map with string keys is always JSON")
    }
}

/// Which tool the model may or must call.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct ToolChoice(Map<String, Value>);

impl ToolChoice {
    /// Creates a choice of a type without a tool name: `auto`, `any` or `none`.
    pub(crate) fn new(kind: &str) -> Self {
        Self(Map::from_iter([("type".to_owned(), Value::from(kind))]))
    }

    /// Creates a choice that forces a call of one tool.
    pub(crate) fn for_tool(name: &str) -> Self {
        let mut choice = Self::new("tool");
        choice.0.insert("name".to_owned(), Value::from(name));
        choice
    }

    /// Reads the field `tool_choice` of a body; `None` if it is not an object.
    pub(crate) fn from_value(value: &Value) -> Option<Self> {
        value.as_object().cloned().map(Self)
    }

    /// Returns the type: `auto`, `any`, `tool` or `none`.
    pub(crate) fn kind(&self) -> Option<&str> {
        self.0.get("type").and_then(Value::as_str)
    }

    /// Makes a forced call optional. If it were forced again on every turn, the model would call
    /// tools forever.
    pub(crate) fn reset(&mut self) {
        let Some(kind) = self.0.get_mut("type") else {
            return;
        };
        if kind == "any" || kind == "tool" {
            *kind = Value::from("auto");
            self.0.shift_remove("name");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_of_definitions_is_read_whole_or_not_at_all() {
        let look = json!({"name": "look", "input_schema": {"type": "object"}});
        let definitions =
            ToolDefinition::list_from(json!([look]).into()).expect("a list of objects");
        assert_eq!(definitions[0].name(), "look");
        assert_eq!(json!(definitions), json!([look]));
        for other in [json!([]), json!([look, 5]), json!("look"), json!(null)] {
            assert_eq!(
                ToolDefinition::list_from(other.clone().into()),
                None,
                "{other}"
            );
        }
    }

    #[test]
    fn a_forced_choice_is_reset_and_keeps_its_other_fields_in_order() {
        let after_reset = |text: &str| {
            let value = serde_json::from_str(text).expect("JSON");
            let mut choice = ToolChoice::from_value(&value).expect("an object");
            choice.reset();
            serde_json::to_string(&choice).expect("JSON")
        };
        assert_eq!(
            after_reset(r#"{"disable_parallel_tool_use":true,"type":"tool","name":"look"}"#),
            r#"{"disable_parallel_tool_use":true,"type":"auto"}"#
        );
        assert_eq!(after_reset(r#"{"type":"any"}"#), r#"{"type":"auto"}"#);
        for free in [r#"{"type":"none"}"#, r#"{"type":"auto","name":"x"}"#, "{}"] {
            assert_eq!(after_reset(free), free);
        }
        assert_eq!(
            json!(ToolChoice::for_tool("look")),
            json!({"type": "tool", "name": "look"})
        );
    }
}
