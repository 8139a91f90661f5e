//! A tool: its definition for the API, and who runs it.

use std::path::Path;

use serde_json::{Map, Value};

use super::Error;
use super::input_schema::sendable_input_schema;
use super::lazy_schema::LazySchema;
use super::output_schema::closed_schema;
use super::run_spec::{Program, Run};
use super::schema::Schema;
use crate::protocol::{ExactFields, ToolChoice, ToolDefinition};
use crate::text::did_you_mean;

/// The error for a strict tool whose schema has no closed form.
const NOT_STRICT: &str = "`strict`: the API requires a schema without open or recursive objects: \
                          add \"additionalProperties\": false and name all properties, or leave \
                          `strict` out";

/// A tool from a tools file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tool {
    /// The definition to send.
    pub(crate) definition: ToolDefinition,
    /// The original schema of its input; a server-side tool has none.
    pub(super) schema: Option<LazySchema>,
    /// How to run it; `None` if the caller or a server runs it.
    pub(crate) run: Option<Run>,
    /// The server that runs it.
    pub(crate) server: Option<ServerTool>,
    pub(super) place: Place,
}

/// A tool that an MCP server runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerTool {
    /// The name of the server.
    pub(crate) server: String,
    /// Its name at the server.
    pub(crate) name: String,
    /// Whether each call needs confirmation, even with `-y`.
    pub(crate) confirm: bool,
    /// Whether its definition differs from the one that the run began with, and what was allowed
    /// by a flag or the config file was that one.
    pub(crate) has_changed: bool,
}

/// Where a tool is defined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The name of the file in messages.
    pub(super) file: String,
    /// The position of the tool in the file, starting from 1.
    pub(super) number: usize,
    /// The line of the tool; a server's tool has none.
    pub(super) line: Option<usize>,
    /// The keys with their lines.
    pub(super) keys: Vec<(String, usize)>,
}

impl Tool {
    /// Returns its name.
    pub(crate) fn name(&self) -> &str {
        self.definition.name()
    }

    /// Returns its description for the model.
    pub(crate) fn description(&self) -> &str {
        self.definition
            .field("description")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// Returns the schema that its input is validated against; a server-side tool has none.
    #[cfg(test)]
    pub(super) fn schema(&self) -> Option<&Value> {
        self.schema.as_ref().map(LazySchema::source)
    }

    /// Returns that schema, compiled; the error says why it cannot be.
    pub(super) fn compiled_schema(&self) -> Result<Option<Schema>, String> {
        self.schema.as_ref().map(LazySchema::compiled).transpose()
    }

    /// Returns the fields of its input on one line: `city (string), units (string, optional)`;
    /// empty if the schema names none.
    pub(crate) fn takes(&self) -> String {
        let schema = self.definition.field("input_schema");
        let fields = schema
            .and_then(|schema| schema["properties"].as_object())
            .into_iter()
            .flatten();
        let needed = schema
            .and_then(|schema| schema["required"].as_array())
            .map_or(&[][..], Vec::as_slice);
        let shown = fields.map(|(name, field)| {
            let kind = match &field["type"] {
                Value::String(kind) => kind.clone(),
                Value::Array(kinds) => kinds
                    .iter()
                    .filter_map(Value::as_str)
                    .collect::<Vec<_>>()
                    .join(" or "),
                _ if field["enum"].is_array() => "one of a list".to_owned(),
                _ => "anything".to_owned(),
            };
            let optional = if needed.iter().any(|needed| needed == name) {
                ""
            } else {
                ", optional"
            };
            format!("{name} ({kind}{optional})")
        });
        shown.collect::<Vec<_>>().join(", ")
    }

    /// Creates an error about one of its keys, or about the tool as a whole.
    pub(crate) fn wrong(&self, key: &str, why: &str) -> Error {
        self.place.wrong(Some(self.name()), key, why)
    }

    /// Creates a tool that a server runs. The error says why it cannot be sent.
    pub(crate) fn for_server(server: ServerTool, definition: ExactFields) -> Result<Self, String> {
        let mut tool = Self {
            definition: ToolDefinition::new(definition),
            schema: None,
            run: None,
            place: Place {
                file: format!("MCP server `{}`", server.server),
                number: 0,
                line: None,
                keys: Vec::new(),
            },
            server: Some(server),
        };
        tool.take_schema().map_err(|(_, why)| why)?;
        tool.compiled_schema()?;
        Ok(tool)
    }

    /// Returns the same tool, run by this program.
    pub(crate) fn run_by(mut self, program: &Path) -> Self {
        let words = vec![program.to_string_lossy().into_owned()];
        self.run = Some(Run {
            program: Program::Words(words),
            ..Run::default()
        });
        self
    }
}

impl Place {
    /// Creates an error about a key of the tool there.
    pub(super) fn wrong(&self, name: Option<&str>, key: &str, why: &str) -> Error {
        let which = name.map_or_else(|| self.number.to_string(), |name| format!("`{name}`"));
        let line = self
            .keys
            .iter()
            .find(|(known, _)| known == key)
            .map_or(self.line, |(_, line)| Some(*line));
        let line = line.map_or_else(String::new, |line| format!("line {line}: "));
        Error {
            file: self.file.clone(),
            reason: format!("{line}tool {which}: {why}"),
        }
    }

    /// Returns its file and line, for messages.
    fn in_words(&self) -> String {
        match self.line {
            Some(line) => format!("{} line {line}", self.file),
            None => self.file.clone(),
        }
    }
}

/// Refuses two tools with the same name.
pub(crate) fn refuse_same_names(tools: &[Tool]) -> Result<(), Error> {
    for (index, tool) in tools.iter().enumerate() {
        if let Some(first) = tools[..index]
            .iter()
            .find(|earlier| earlier.name() == tool.name())
        {
            let place = &first.place;
            return Err(tool.wrong(
                "name",
                &format!(
                    "a tool of this name already exists, in {}",
                    place.in_words()
                ),
            ));
        }
    }
    Ok(())
}

/// Returns the `tool_choice` for the value of the flag.
pub(crate) fn tool_choice(word: &str, tools: &[ToolDefinition]) -> Result<ToolChoice, String> {
    let mut names = tools.iter().map(ToolDefinition::name);
    match word {
        "auto" | "any" | "none" => Ok(ToolChoice::new(word)),
        chosen if names.any(|name| name == chosen) => Ok(ToolChoice::for_tool(chosen)),
        _ => {
            let names = tools.iter().map(ToolDefinition::name);
            let known = ["auto", "any", "none"].into_iter().chain(names);
            Err(format!(
                "no tool is named `{word}`{}",
                did_you_mean(word, known)
            ))
        }
    }
}

impl Tool {
    /// Validates the definition, keeps the original input schema, and replaces it by one that the
    /// API accepts.
    pub(super) fn take_schema(&mut self) -> Result<(), (&'static str, String)> {
        check(self.definition.fields())?;
        let Some(schema) = self.definition.exact_field("input_schema") else {
            return Ok(());
        };
        if schema.is_object() {
            let is_strict = self.definition.is_strict();
            let sent = schema.map(|schema| sendable_schema(schema, is_strict))?;
            self.definition.set_field("input_schema", sent);
        }
        self.schema = Some(LazySchema::new((*schema).clone()));
        Ok(())
    }
}

/// Returns the schema that is sent for the input of a tool; the error has the key that is at fault.
fn sendable_schema(schema: &Value, is_strict: bool) -> Result<Value, (&'static str, String)> {
    let fields = schema.as_object().cloned().unwrap_or_default();
    let sent = sendable_input_schema(&fields)
        .map_err(|why| ("input_schema", format!("`input_schema`: {why}")))?;
    if !is_strict {
        return Ok(sent);
    }
    closed_schema(&sent).ok_or_else(|| ("strict", NOT_STRICT.to_owned()))
}

/// Checks for what the API would refuse; the error includes the key. A server-side tool has a type
/// and no schema.
fn check(tool: &Map<String, Value>) -> Result<(), (&'static str, String)> {
    let Some(name) = tool.get("name").and_then(Value::as_str) else {
        return Err(("name", "`name` is missing".to_owned()));
    };
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    if name.is_empty() || name.len() > 64 || !name.chars().all(is_letter) {
        return Err((
            "name",
            "`name`: must be 1 to 64 letters, digits, _ and -".to_owned(),
        ));
    }
    if tool
        .get("description")
        .is_some_and(|description| !(description.is_null() || description.is_string()))
    {
        return Err(("description", "`description` is not text".to_owned()));
    }
    let is_of_server = tool
        .get("type")
        .and_then(Value::as_str)
        .is_some_and(|kind| kind != "custom");
    if is_of_server || tool.get("input_schema").is_some_and(Value::is_object) {
        return Ok(());
    }
    Err((
        "input_schema",
        "`input_schema` is missing or is not the JSON schema of an object".to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_choice_is_a_word_or_a_tool_that_there_is() {
        let tools = ToolDefinition::list_from(json!([{"name": "look"}]).into()).expect("a list");
        assert_eq!(tool_choice("any", &tools), Ok(ToolChoice::new("any")));
        assert_eq!(
            tool_choice("look", &tools),
            Ok(ToolChoice::for_tool("look"))
        );
        assert_eq!(
            tool_choice("lok", &tools),
            Err("no tool is named `lok`; did you mean `look`?".to_owned())
        );
    }
}
