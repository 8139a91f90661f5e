//! The tools file: Anthropic's JSON, alone or in an array, or `[[tool]]` tables in TOML. Each tool
//! has the definition for the API and how to run it on this machine.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};

use super::Error;
use super::found::{Field, Found, find};
use super::input_schema::sendable_input_schema;
use super::keys::{MCP_ONLY, MCP_SCHEMA, SENT, TOOL_KEYS};
use super::output_schema::closed_schema;
use crate::protocol::{ExactFields, ToolChoice, ToolDefinition};
use crate::text::{did_you_mean, parse_duration};

/// The default timeout of a tool.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The default limit of a tool's output, in bytes.
const MAX_OUTPUT: usize = 100 * 1024;

/// The error for a strict tool whose schema has no closed form.
const NOT_STRICT: &str = "`strict`: the API takes no schema with open or recursive objects for it: \
                          add \"additionalProperties\": false and name all properties, or leave \
                          `strict` out";

/// The variable that no tool gets.
const KEY_VARIABLE: &str = "LANGDOCK_API_KEY";

/// A tool from a tools file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tool {
    /// The definition to send.
    pub(crate) definition: ToolDefinition,
    /// The original schema of its input; a server-side tool has none.
    schema: Option<Value>,
    /// How to run it; `None` if the caller runs it.
    pub(crate) run: Option<Run>,
    place: Place,
}

/// How to run a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    /// The command.
    pub(crate) program: Program,
    /// The directory of the tools file, which relative paths start from.
    pub(crate) directory: PathBuf,
    /// The working directory; `None` means the current one.
    pub(crate) cwd: Option<PathBuf>,
    /// Additional variables that it gets.
    pub(crate) env: Vec<String>,
    /// Its timeout.
    pub(crate) timeout: Duration,
    /// How much of its output is kept, in bytes; `None` means the default for its result.
    pub(crate) max_output: Option<usize>,
    /// Whether each call needs confirmation, even with `-y`.
    pub(crate) confirm: bool,
    /// The type of its output; `None` means to detect it from the content.
    pub(crate) result: Option<ResultForm>,
}

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Program {
    /// A program and its arguments; at least one word.
    Words(Vec<String>),
    /// A command line for `sh`.
    Shell(String),
}

/// The type of a tool's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResultForm {
    /// Text.
    Text,
    /// One JSON value.
    Json,
    /// A JPEG, PNG, GIF or WebP image.
    Image,
}

/// Where a tool is defined.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    /// The name of the file in messages.
    file: String,
    /// The position of the tool in the file, starting from 1.
    number: usize,
    /// The line of the tool, and the lines of its keys.
    line: usize,
    keys: Vec<(String, usize)>,
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
    pub(crate) fn schema(&self) -> Option<&Value> {
        self.schema.as_ref()
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

impl Default for Run {
    fn default() -> Self {
        Self {
            program: Program::Words(Vec::new()),
            directory: PathBuf::new(),
            cwd: None,
            env: Vec::new(),
            timeout: TIMEOUT,
            max_output: None,
            confirm: false,
            result: None,
        }
    }
}

impl Run {
    /// Returns how much of its output is kept, in bytes.
    pub(crate) fn max_output(&self) -> usize {
        // A truncated image is useless, so the limit is higher; its size is checked separately.
        let default = if self.result == Some(ResultForm::Image) {
            8 * 1024 * 1024
        } else {
            MAX_OUTPUT
        };
        self.max_output.unwrap_or(default)
    }
}

impl Place {
    fn wrong(&self, name: Option<&str>, key: &str, why: &str) -> Error {
        let which = name.map_or_else(|| self.number.to_string(), |name| format!("`{name}`"));
        let line = self
            .keys
            .iter()
            .find(|(known, _)| known == key)
            .map_or(self.line, |(_, line)| *line);
        Error {
            file: self.file.clone(),
            reason: format!("line {line}: tool {which}: {why}"),
        }
    }
}

/// Parses the tools of a file; `name` is its name in messages, and `directory` the one it is in.
pub(crate) fn parse_tools(name: &str, directory: &Path, text: &str) -> Result<Vec<Tool>, Error> {
    find(name, text)?
        .into_iter()
        .enumerate()
        .map(|(index, found)| found.into_tool(name, index + 1, directory))
        .collect()
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
                    "a tool of this name already exists, in {} line {}",
                    place.file, place.line
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
                "no tool is called `{word}`{}",
                did_you_mean(word, known)
            ))
        }
    }
}

impl Found {
    /// Validates it.
    fn into_tool(mut self, file: &str, number: usize, directory: &Path) -> Result<Tool, Error> {
        let has_both = self.take_mcp_names();
        let keys = self
            .fields
            .iter()
            .map(|field| (field.key.clone(), field.line))
            .collect();
        let place = Place {
            file: file.to_owned(),
            number,
            line: self.line,
            keys,
        };
        // A server-side tool may have a field of this name, too.
        let has_schema = self.fields.iter().any(|field| field.key == "input_schema");
        let (run, sent): (Vec<_>, Vec<_>) = self
            .fields
            .into_iter()
            .partition(|field| has_schema && is_run_key(&field.key));
        let mut definition = ExactFields::default();
        for field in sent {
            definition.insert(field.key, field.value);
        }
        let mut tool = Tool {
            definition: ToolDefinition::new(definition),
            schema: None,
            run: None,
            place,
        };
        let checked = if has_both {
            Err((
                MCP_SCHEMA,
                "`input_schema` and `inputSchema` are both set: leave out one of them".to_owned(),
            ))
        } else {
            tool.take_schema()
        };
        checked.map_err(|(key, why)| {
            let name = Some(tool.name()).filter(|name| !name.is_empty());
            tool.place.wrong(name, key, &why)
        })?;
        let mut how = Run {
            directory: directory.to_owned(),
            ..Run::default()
        };
        let mut program = None;
        for Field { key, value, .. } in run {
            let wrong = |wanted: &str| tool.wrong(&key, &format!("`{key}`: {wanted}"));
            if let "command" | "shell" = key.as_str() {
                let second = program.replace(as_program(&key, &value).map_err(wrong)?);
                if second.is_some() {
                    return Err(wrong(
                        "`command` and `shell` are both set: leave out one of them",
                    ));
                }
            } else {
                how.take(&key, &value).map_err(|why| wrong(&why))?;
            }
        }
        tool.run = program.map(|program| Run { program, ..how });
        Ok(tool)
    }
}

impl Found {
    /// Renames the fields of an MCP server's definition to the API's names, and drops those that
    /// the API does not have. Returns whether the schema is there under both names.
    fn take_mcp_names(&mut self) -> bool {
        let has = |key: &str| self.fields.iter().any(|field| field.key == key);
        if !has(MCP_SCHEMA) {
            return false;
        }
        if has("input_schema") {
            return true;
        }
        self.fields
            .retain(|field| !MCP_ONLY.contains(&field.key.as_str()));
        for field in &mut self.fields {
            if field.key == MCP_SCHEMA {
                "input_schema".clone_into(&mut field.key);
            }
        }
        false
    }
}

impl Tool {
    /// Validates the definition, keeps the original input schema, and replaces it by one that the
    /// API accepts.
    fn take_schema(&mut self) -> Result<(), (&'static str, String)> {
        check(self.definition.fields())?;
        let Some(schema) = self.definition.exact_field("input_schema") else {
            return Ok(());
        };
        if schema.is_object() {
            let is_strict = self.definition.is_strict();
            let sent = schema.map(|schema| sendable_schema(schema, is_strict))?;
            self.definition.set_field("input_schema", sent);
        }
        self.schema = Some((*schema).clone());
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

/// Whether a key says how a tool is run.
fn is_run_key(key: &str) -> bool {
    TOOL_KEYS[SENT..].iter().any(|(known, ..)| *known == key)
}

fn as_program(key: &str, value: &Value) -> Result<Program, &'static str> {
    match value {
        Value::String(line) if key == "shell" && !line.trim().is_empty() => {
            Ok(Program::Shell(line.clone()))
        }
        Value::Array(_) if key == "command" => words(value)
            .filter(|words| words.first().is_some_and(|program| !program.is_empty()))
            .map(Program::Words)
            .ok_or("must be a list of the program and its arguments"),
        _ if key == "shell" => Err("must be a shell command"),
        _ => Err("must be a list of the program and its arguments; use `shell` for a command line"),
    }
}

impl Run {
    fn take(&mut self, key: &str, value: &Value) -> Result<(), String> {
        let needed = |what: &str| format!("must be {what}");
        match key {
            "cwd" => {
                let directory = value
                    .as_str()
                    .filter(|directory| !directory.is_empty())
                    .ok_or_else(|| needed("a directory"))?;
                self.cwd = Some(self.directory.join(directory));
            }
            "env" => {
                self.env = words(value).ok_or_else(|| needed("a list of names of variables"))?;
                if self.env.iter().any(|name| name == KEY_VARIABLE) {
                    return Err(format!("{KEY_VARIABLE} is never passed to a tool"));
                }
            }
            "timeout" => {
                let text = value
                    .as_str()
                    .ok_or_else(|| needed("a duration such as \"30s\""))?;
                self.timeout = parse_duration(text)?;
                if self.timeout.is_zero() {
                    return Err("must be more than 0".to_owned());
                }
            }
            "max_output" => {
                let bytes = value
                    .as_u64()
                    .filter(|&bytes| bytes >= 1)
                    .and_then(|bytes| usize::try_from(bytes).ok());
                self.max_output =
                    Some(bytes.ok_or_else(|| needed("a number of bytes of at least 1"))?);
            }
            "confirm" => self.confirm = value.as_bool().ok_or_else(|| needed("true or false"))?,
            _ => {
                self.result = Some(match value.as_str() {
                    Some("text") => ResultForm::Text,
                    Some("json") => ResultForm::Json,
                    Some("image") => ResultForm::Image,
                    _ => return Err(needed("text, json or image")),
                });
            }
        }
        Ok(())
    }
}

fn words(value: &Value) -> Option<Vec<String>> {
    value
        .as_array()?
        .iter()
        .map(|word| word.as_str().map(str::to_owned))
        .collect()
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

    const TOML: &str = "[[tool]]\nname = \"look\"\ndescription = \"Looks.\"\ncommand = [\"ls\"]\ntimeout = \"30s\"\n\
                        [tool.input_schema]\ntype = \"object\"\nproperties = { at = { type = \"string\" } }\n";

    #[test]
    fn a_strict_tool_has_the_closed_form_of_its_schema_and_keeps_the_original() {
        let schema =
            json!({"type": "object", "properties": {"n": {"type": "integer", "minimum": 2}}});
        let tool = |strict: bool| {
            let tool = json!({"name": "a", "strict": strict, "input_schema": schema});
            let tools = parse_tools("`t`", Path::new("/t"), &tool.to_string());
            tools.expect("a tool").remove(0)
        };
        let strict = tool(true);
        let closed = json!({
            "type": "object",
            "properties": {"n": {"type": "integer", "description": "(minimum: 2)"}},
            "additionalProperties": false,
        });
        assert_eq!(strict.definition.field("input_schema"), Some(&closed));
        assert_eq!(strict.schema(), Some(&schema));
        assert_eq!(tool(false).definition.field("input_schema"), Some(&schema));
    }

    #[test]
    fn every_key_is_read_as_its_sample_has_it() {
        let base = ["name", "description", "input_schema"];
        for (key, sample, about) in TOOL_KEYS {
            let line = |key: &str| {
                let (_, sample, _) = TOOL_KEYS
                    .iter()
                    .find(|(known, ..)| *known == key)
                    .expect(key);
                format!("{key} = {sample}\n")
            };
            let with_it: String = base
                .iter()
                .filter(|known| **known != key)
                .map(|key| line(key))
                .collect();
            let text = format!("[[tool]]\n{with_it}{key} = {sample}\n");
            let tools = parse_tools("`t`", Path::new("/t"), &text).expect(&text);
            assert_eq!(tools[0].definition.fields().len(), 3, "{key}");
            assert!(about.ends_with('.'), "{key}");
            if is_run_key(key) && !matches!(key, "command" | "shell") {
                let text = text.replace(
                    &format!("{key} = {sample}"),
                    &format!("{key} = {{ a = 1 }}"),
                );
                let wrong = parse_tools("`t`", Path::new("/t"), &text)
                    .expect_err(&text)
                    .to_string();
                assert!(wrong.contains(&format!("`{key}`: ")), "{wrong}");
            }
        }
    }

    #[test]
    fn what_a_tool_takes_stands_in_a_line() {
        let takes = |schema: Value| {
            let text = json!({"name": "a", "input_schema": schema}).to_string();
            parse_tools("`t`", Path::new("/t"), &text).expect(&text)[0].takes()
        };
        assert_eq!(takes(json!({"type": "object"})), "");
        let fields =
            json!({"city": {"type": "string"}, "days": {"type": ["integer", "null"]}, "x": {}});
        let schema = json!({"type": "object", "properties": fields, "required": ["city"]});
        assert_eq!(
            takes(schema),
            "city (string), days (integer or null, optional), x (anything, optional)"
        );
    }

    #[test]
    fn json_and_toml_give_the_same_definition() {
        let definitions = |text: &str| -> Vec<Value> {
            let tools = parse_tools("`t`", Path::new("/t"), text).expect(text);
            tools
                .into_iter()
                .map(|tool| json!(tool.definition))
                .collect()
        };
        let schema = json!({"type": "object", "properties": {"at": {"type": "string"}}});
        let tool = json!({"name": "look", "description": "Looks.", "input_schema": schema});
        let mut with_command = tool.clone();
        with_command["command"] = json!(["ls"]);
        for text in [
            TOML.to_owned(),
            tool.to_string(),
            format!(" [\n{tool}]"),
            with_command.to_string(),
        ] {
            assert_eq!(definitions(&text), std::slice::from_ref(&tool), "{text}");
        }
        let of_server = json!({"type": "bash_20250124", "name": "bash"});
        assert_eq!(definitions(&of_server.to_string()), [of_server]);
    }

    #[test]
    fn the_definition_of_an_mcp_server_goes_out_as_the_api_takes_it() {
        let text = json!({"name": "a", "title": "A", "description": "D", "annotations": {},
                          "outputSchema": {}, "inputSchema": {"type": "object"}, "shell": "ls"});
        let table =
            "[[tool]]\nname = \"a\"\ndescription = \"D\"\ninputSchema = {}\nshell = \"ls\"\n";
        for text in [text.to_string(), table.to_owned()] {
            let tool = &parse_tools("`t`", Path::new("/t"), &text).expect(&text)[0];
            assert_eq!(
                json!(tool.definition),
                json!({"name": "a", "description": "D", "input_schema": {"type": "object"}})
            );
            assert!(tool.run.is_some(), "{text}");
        }
    }

    #[test]
    fn the_schema_of_the_file_checks_the_input_and_another_one_goes_out() {
        let schema = json!({"anyOf": [{"properties": {"a": {}}}, {"type": "null"}]});
        let text = json!({"name": "a", "input_schema": schema}).to_string();
        let tool = &parse_tools("`t`", Path::new("/t"), &text).expect(&text)[0];
        assert_eq!(tool.schema(), Some(&schema));
        assert_eq!(
            tool.definition.field("input_schema"),
            Some(&json!({"properties": {"a": {}}, "type": "object"}))
        );
        assert_eq!(tool.takes(), "a (anything, optional)");
    }

    #[test]
    fn what_is_wrong_is_told_with_file_and_name_and_line() {
        let with = |line: &str| {
            format!("[[tool]]\nname = \"a\"\ninput_schema = {{ type = \"object\" }}\n{line}\n")
        };
        for (text, expected) in [
            ("{", "`t`: not valid JSON"),
            ("[[tool]]\nname = ", "`t`: line 2: "),
            (
                "[[tool]]\nname = \"a\"\ndescripton = \"x\"",
                "line 3: unknown key `descripton`; did you mean `description`?",
            ),
            ("[tool]\n", "[[tool]] tables"),
            ("tools = 1\n", "line 1: unknown key `tools`"),
            ("{}", "line 1: tool 1: `name` is missing"),
            (
                "[{\"name\":\n\"a b\"}]",
                "line 2: tool `a b`: `name`: must be 1 to 64",
            ),
            (r#"{"name": "a"}"#, "tool `a`: `input_schema` is missing"),
            ("[{},\n1]", "line 2: a tool must be an object"),
            (
                r#"[{"name": "a", "input_schema": {"type": "string"}}]"#,
                "tool `a`: `input_schema`: `type` must be object",
            ),
            (
                r#"[{"name": "a", "input_schema": []}]"#,
                "tool `a`: `input_schema` is missing",
            ),
            (
                "{\"name\": \"a\",\n\"input_schema\": {\"oneOf\": [{}, {}]}}",
                "line 2: tool `a`: `input_schema`: `oneOf` is not accepted by the API at the top level",
            ),
            (
                "{\"name\": \"a\", \"input_schema\": {},\n\"inputSchema\": {}}",
                "line 2: tool `a`: `input_schema` and `inputSchema` are both set",
            ),
            (
                "{\"name\": \"a\", \"input_schema\": {\"type\": \"object\"},\n\"strict\": true}",
                "line 2: tool `a`: `strict`: the API takes no schema with open or recursive objects",
            ),
            (
                r#"{"name": "a", "description": 1}"#,
                "tool `a`: `description` is not text",
            ),
            (
                &with("command = \"ls -l\""),
                "line 4: tool `a`: `command`: must be a list of the program and its arguments",
            ),
            (
                &with("command = []"),
                "must be a list of the program and its arguments",
            ),
            (
                &with("shell = \"ls\"\ncommand = [\"ls\"]"),
                "line 5: tool `a`: `command`: `command` and `shell` are both set",
            ),
            (
                &with("env = [\"LANGDOCK_API_KEY\"]"),
                "line 4: tool `a`: `env`: LANGDOCK_API_KEY is never passed to a tool",
            ),
            (
                &with("timeout = 30"),
                "`timeout`: must be a duration such as \"30s\"",
            ),
            (&with("timeout = \"0s\""), "`timeout`: must be more than 0"),
            (
                &with("max_output = 0"),
                "`max_output`: must be a number of bytes",
            ),
            (
                &with("confirm = \"no\""),
                "`confirm`: must be true or false",
            ),
            (
                &with("result = \"xml\""),
                "`result`: must be text, json or image",
            ),
            (&with("cwd = 1"), "`cwd`: must be a directory"),
        ] {
            let error = parse_tools("`t`", Path::new("/t"), text)
                .expect_err(text)
                .to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

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
            Err("no tool is called `lok`; did you mean `look`?".to_owned())
        );
        let read = |name: &str| parse_tools(name, Path::new("/t"), TOML).expect("tools");
        let error = refuse_same_names(&[read("`a`"), read("`b`")].concat())
            .expect_err("twice")
            .to_string();
        assert_eq!(
            error,
            "`b`: line 2: tool `look`: a tool of this name already exists, in `a` line 1"
        );
    }

    #[test]
    fn how_a_tool_is_run_is_read_from_both_forms() {
        let toml = "[[tool]]\nname = \"a\"\ninput_schema = { type = \"object\" }\ncommand = [\"./x\", \"y\"]\ncwd = \"in\"\n\
                    env = [\"E\"]\ntimeout = \"2m\"\nmax_output = 9\nconfirm = true\nresult = \"json\"\n";
        let json = json!({"name": "a", "input_schema": {"type": "object"}, "command": ["./x", "y"], "cwd": "in",
                          "env": ["E"], "timeout": "2m", "max_output": 9, "confirm": true, "result": "json"});
        for text in [toml.to_owned(), json.to_string()] {
            let tools = parse_tools("`t`", Path::new("/t"), &text).expect("tools");
            let run = tools[0].run.clone().expect("a command");
            let expected = Run {
                program: Program::Words(vec!["./x".to_owned(), "y".to_owned()]),
                directory: "/t".into(),
                cwd: Some("/t/in".into()),
                env: vec!["E".to_owned()],
                timeout: Duration::from_secs(120),
                max_output: Some(9),
                confirm: true,
                result: Some(ResultForm::Json),
            };
            assert_eq!(run, expected, "{text}");
        }
        let defaults = Run::default();
        assert_eq!(
            (defaults.timeout, defaults.max_output()),
            (Duration::from_secs(30), 100 * 1024)
        );
    }
}
