//! The forms in which a schema can be sent: for the input of a tool, and closed for an output
//! format. Both keep the digits of its numbers.

use serde_json::{Value, json};

use crate::model_text;
use crate::protocol::{ExactFields, ExactJson, ToolDefinition};
use crate::tool::input_schema::sendable_input_schema;
use crate::tool::output_schema::{closed_schema, is_definition};
use crate::tool::subschemas::any_schema;

/// The name of the tool.
pub(super) const NAME: &str = "answer";

/// The property that holds an answer that is not an object, since the API requires an object.
pub(super) const WRAP: &str = "value";

/// What a schema becomes in a request.
#[derive(Debug, Clone)]
pub(super) struct SchemaForms {
    /// The tool that takes the answer, if the API accepts this schema for a tool.
    pub(super) definition: Option<ToolDefinition>,
    /// The closed form of the schema, if it has one.
    pub(super) closed: Option<ExactJson>,
    /// Whether the answer is in the property [`WRAP`].
    pub(super) is_wrapped: bool,
}

impl SchemaForms {
    /// Returns the forms of a schema, which is an object.
    pub(super) fn of_schema(schema: &ExactJson) -> Self {
        let is_of_object = schema["type"] == "object";
        let as_it_is = schema.map(sendable).ok().filter(|_| is_of_object);
        let is_wrapped = as_it_is.is_none();
        let whole = if is_wrapped {
            wrapped(schema)
        } else {
            schema.clone()
        };
        let input_schema = as_it_is.or_else(|| {
            let is_movable = !refers_to_its_place(schema);
            whole.map(sendable).ok().filter(|_| is_movable)
        });
        let definition = input_schema.map(|input_schema| {
            let mut fields = ExactFields::default();
            fields.insert("name", json!(NAME));
            fields.insert("description", json!(model_text::ANSWER_TOOL));
            fields.insert("input_schema", input_schema);
            ToolDefinition::new(fields)
        });
        let closed = whole.map(|whole| closed_schema(whole).ok_or(())).ok();
        Self {
            definition,
            closed,
            is_wrapped,
        }
    }
}

fn sendable(schema: &Value) -> Result<Value, String> {
    let fields = schema
        .as_object()
        .ok_or("a schema of an object is an object")?;
    sendable_input_schema(fields)
}

/// Whether a schema refers to a location in itself that would change if it were wrapped.
fn refers_to_its_place(schema: &Value) -> bool {
    any_schema(schema, &|fields| {
        let target = fields.get("$ref").and_then(Value::as_str);
        target.is_some_and(|target| !is_definition(target))
    })
}

/// Wraps the schema of an answer in that of an object. Definitions that it refers to stay at the
/// root.
fn wrapped(schema: &ExactJson) -> ExactJson {
    let mut wrap = ExactFields::default();
    wrap.insert("type", json!("object"));
    wrap.insert("properties", json!({}));
    wrap.insert("required", json!([WRAP]));
    let mut inner = ExactFields::from_object(schema.clone()).unwrap_or_default();
    for key in ["$schema", "$defs", "definitions"] {
        if let Some(value) = inner.shift_remove(key) {
            wrap.insert(key, value);
        }
    }
    let mut properties = ExactJson::from(json!({}));
    properties.set_field(WRAP, ExactJson::from_value(&inner));
    wrap.insert("properties", properties);
    ExactJson::from_value(&wrap)
}
