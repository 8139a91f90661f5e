//! The tools file: Anthropic's JSON, alone or in an array, or `[[tool]]` tables in TOML. Each tool
//! has the definition for the API and how to run it on this machine.

use std::path::Path;

use super::Error;
use super::definition::{Place, Tool};
use super::found::{Field, Found, find};
use super::keys::{MCP_ONLY, MCP_SCHEMA, SENT, TOOL_KEYS};
use super::run_spec::{Run, as_program};
use crate::protocol::{ExactFields, ToolDefinition};

/// Parses the tools of a file; `name` is its name in messages, and `directory` the one it is in.
pub(crate) fn parse_tools(name: &str, directory: &Path, text: &str) -> Result<Vec<Tool>, Error> {
    find(name, text)?
        .into_iter()
        .enumerate()
        .map(|(index, found)| found.into_tool(name, index + 1, directory))
        .collect()
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
            line: Some(self.line),
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
            server: None,
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

/// Whether a key says how a tool is run.
fn is_run_key(key: &str) -> bool {
    TOOL_KEYS[SENT..].iter().any(|(known, ..)| *known == key)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::super::definition::refuse_same_names;
    use super::super::run_spec::{Program, ResultForm};
    use super::*;

    const TOML: &str = "[[tool]]\nname = \"look\"\ndescription = \"Looks.\"\ncommand = [\"ls\"]\ntimeout = \"30s\"\n\
                        [tool.input_schema]\ntype = \"object\"\nproperties = { at = { type = \"string\" } }\n";

    #[test]
    fn two_tools_of_one_name_are_refused_with_both_places() {
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
                "tool `a`: `input_schema`: `type` must be `object`",
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
                "line 2: tool `a`: `strict`: the API requires a schema without open or recursive",
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
                "`confirm`: must be `true` or `false`",
            ),
            (
                &with("result = \"xml\""),
                "`result`: must be `text`, `json` or `image`",
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
