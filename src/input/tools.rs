//! Definitions of tools: Anthropic's JSON, alone or in an array, or `[[tool]]` tables in TOML.
//!
//! Only what the API knows goes out; how a tool is run is not its business.

use serde_json::{Map, Value};
use toml_edit::{Document, Item};

use super::{Error, did_you_mean, malformed};

/// The keys of a tool that go out.
const SENT: [&str; 3] = ["name", "description", "input_schema"];

/// The keys of a tool that say how it is run on this machine.
const RUN: [&str; 8] = ["command", "shell", "cwd", "env", "timeout", "max_output", "confirm", "result"];

/// Reads the tools of a file; `name` is how messages call it.
pub(crate) fn parse_tools(name: &str, text: &str) -> Result<Vec<Value>, Error> {
    let tools = if is_json(text) { of_json(name, text)? } else { of_toml(name, text)? };
    for (index, tool) in tools.iter().enumerate() {
        check(tool).map_err(|why| {
            let which = tool["name"].as_str().map_or_else(|| (index + 1).to_string(), |name| format!("`{name}`"));
            malformed(name, format!("tool {which}: {why}"))
        })?;
    }
    Ok(tools)
}

/// Refuses two tools of one name. Each comes with the name of its file.
pub(crate) fn refuse_same_names<'a>(tools: impl IntoIterator<Item = (&'a str, &'a Value)>) -> Result<(), Error> {
    let mut seen: Vec<&str> = Vec::new();
    for (file, tool) in tools {
        let name = tool_name(tool);
        if seen.contains(&name) {
            return Err(malformed(file, format!("tool `{name}`: there is one of this name already")));
        }
        seen.push(name);
    }
    Ok(())
}

/// Makes the field `tool_choice` of the flag's word.
pub(crate) fn tool_choice(word: &str, tools: &[Value]) -> Result<Value, String> {
    match word {
        "auto" | "any" | "none" => Ok(serde_json::json!({"type": word})),
        name if tools.iter().any(|tool| tool_name(tool) == name) => {
            Ok(serde_json::json!({"type": "tool", "name": name}))
        }
        _ => {
            let known = ["auto", "any", "none"].into_iter().chain(tools.iter().map(tool_name));
            Err(format!("no tool is called `{word}`{}", did_you_mean(word, known)))
        }
    }
}

fn tool_name(tool: &Value) -> &str {
    tool["name"].as_str().unwrap_or_default()
}

/// `[[tool]]` begins as an array does, but no tool is an array.
fn is_json(text: &str) -> bool {
    let mut letters = text.chars().filter(|letter| !letter.is_whitespace());
    match (letters.next(), letters.next()) {
        (Some('{'), _) => true,
        (Some('['), second) => second.is_none_or(|second| matches!(second, '{' | ']')),
        _ => false,
    }
}

fn of_json(name: &str, text: &str) -> Result<Vec<Value>, Error> {
    let json = serde_json::from_str(text).map_err(|error| malformed(name, format!("this is no JSON: {error}")))?;
    let tools = if let Value::Array(tools) = json { tools } else { vec![json] };
    // `command` and its like stand in JSON too, where tools are run.
    let without_run = |mut tool: Value| {
        if let Some(fields) = tool.as_object_mut().filter(|fields| fields.contains_key("input_schema")) {
            fields.retain(|key, _| !RUN.contains(&key.as_str()));
        }
        tool
    };
    Ok(tools.into_iter().map(without_run).collect())
}

fn of_toml(name: &str, text: &str) -> Result<Vec<Value>, Error> {
    let line_at = |offset: usize| 1 + text[..offset.min(text.len())].matches('\n').count();
    let at = |offset: usize, why: String| malformed(name, format!("line {}: {why}", line_at(offset)));
    let document = Document::parse(text)
        .map_err(|error| at(error.span().map_or(0, |span| span.start), error.message().trim().replace('\n', ", ")))?;
    let start = |span: Option<std::ops::Range<usize>>| span.map_or(0, |span| span.start);
    if let Some((key, item)) = document.iter().find(|(key, _)| *key != "tool") {
        let offset = start(document.key(key).and_then(toml_edit::Key::span).or_else(|| item.span()));
        return Err(at(offset, format!("unknown key `{key}`: a tools file has [[tool]] tables")));
    }
    let Some(tables) = document.get("tool").and_then(Item::as_array_of_tables) else {
        return Err(malformed(name, "a tools file has [[tool]] tables, or a tool's JSON".to_owned()));
    };
    let mut tools = Vec::new();
    for table in tables {
        let mut tool = Map::new();
        for (key, item) in table {
            let offset = start(table.key(key).and_then(toml_edit::Key::span).or_else(|| item.span()));
            if SENT.contains(&key) {
                let json = to_json(item).ok_or_else(|| at(offset, format!("`{key}` cannot be written as JSON")))?;
                tool.insert(key.to_owned(), json);
            } else if !RUN.contains(&key) {
                let known = SENT.iter().chain(&RUN).copied();
                return Err(at(offset, format!("unknown key `{key}`{}", did_you_mean(key, known))));
            }
        }
        tools.push(Value::Object(tool));
    }
    Ok(tools)
}

/// The same in JSON, unless JSON has no word for it, as for dates and for numbers without end.
fn to_json(item: &Item) -> Option<Value> {
    Some(match item {
        Item::None => return None,
        Item::Value(value) => value_to_json(value)?,
        Item::Table(table) => object(table.iter())?,
        Item::ArrayOfTables(tables) => tables.iter().map(|table| object(table.iter())).collect::<Option<_>>()?,
    })
}

fn value_to_json(value: &toml_edit::Value) -> Option<Value> {
    Some(match value {
        toml_edit::Value::String(text) => Value::from(text.value().as_str()),
        toml_edit::Value::Integer(number) => Value::from(*number.value()),
        toml_edit::Value::Float(number) => Value::Number(serde_json::Number::from_f64(*number.value())?),
        toml_edit::Value::Boolean(truth) => Value::from(*truth.value()),
        toml_edit::Value::Datetime(_) => return None,
        toml_edit::Value::Array(items) => items.iter().map(value_to_json).collect::<Option<_>>()?,
        toml_edit::Value::InlineTable(table) => {
            table.iter().map(|(key, value)| Some((key.to_owned(), value_to_json(value)?))).collect::<Option<_>>()?
        }
    })
}

fn object<'a>(items: impl Iterator<Item = (&'a str, &'a Item)>) -> Option<Value> {
    items.map(|(key, item)| Some((key.to_owned(), to_json(item)?))).collect()
}

/// Checks what the API would refuse. A tool of the server's own has a type and no schema.
fn check(tool: &Value) -> Result<(), String> {
    let Some(name) = tool["name"].as_str() else { return Err("`name` is missing".to_owned()) };
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    if name.is_empty() || name.len() > 64 || !name.chars().all(is_letter) {
        return Err("a name has 1 to 64 of the letters a-z, A-Z, 0-9, _ and -".to_owned());
    }
    let description = &tool["description"];
    if !(description.is_null() || description.is_string()) {
        return Err("`description` is no text".to_owned());
    }
    let is_of_server = tool["type"].as_str().is_some_and(|kind| kind != "custom");
    if is_of_server || tool["input_schema"]["type"] == "object" {
        return Ok(());
    }
    Err("`input_schema` is needed, a JSON schema with `type` object".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TOML: &str = "[[tool]]\nname = \"look\"\ndescription = \"Looks.\"\ncommand = [\"ls\"]\ntimeout = \"30s\"\n\
                        [tool.input_schema]\ntype = \"object\"\nproperties = { at = { type = \"string\" } }\n";

    #[test]
    fn json_and_toml_give_the_same_definition() {
        let schema = json!({"type": "object", "properties": {"at": {"type": "string"}}});
        let tool = json!({"name": "look", "description": "Looks.", "input_schema": schema});
        let mut with_command = tool.clone();
        with_command["command"] = json!(["ls"]);
        for text in [TOML.to_owned(), tool.to_string(), format!(" [\n{tool}]"), with_command.to_string()] {
            assert_eq!(parse_tools("`t`", &text).expect("tools"), std::slice::from_ref(&tool), "{text}");
        }
        let of_server = json!({"type": "bash_20250124", "name": "bash"});
        assert_eq!(parse_tools("`t`", &of_server.to_string()).expect("tools"), [of_server]);
    }

    #[test]
    fn what_is_wrong_is_told_with_file_and_name_or_line() {
        for (text, expected) in [
            ("{", "`t`: this is no JSON"),
            ("[[tool]]\nname = ", "`t`: line 2: "),
            (
                "[[tool]]\nname = \"a\"\ndescripton = \"x\"",
                "line 3: unknown key `descripton`; did you mean `description`?",
            ),
            ("[tool]\n", "[[tool]] tables"),
            ("tools = 1\n", "line 1: unknown key `tools`"),
            ("{}", "tool 1: `name` is missing"),
            (r#"{"name": "a b"}"#, "tool `a b`: a name has 1 to 64"),
            (r#"{"name": "a"}"#, "tool `a`: `input_schema` is needed"),
            (r#"[{"name": "a", "input_schema": {"type": "string"}}]"#, "tool `a`: `input_schema` is needed"),
            (r#"{"name": "a", "description": 1}"#, "tool `a`: `description` is no text"),
        ] {
            let error = parse_tools("`t`", text).expect_err(text).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_choice_is_a_word_or_a_tool_that_there_is() {
        let tools = [json!({"name": "look"})];
        assert_eq!(tool_choice("any", &tools), Ok(json!({"type": "any"})));
        assert_eq!(tool_choice("look", &tools), Ok(json!({"type": "tool", "name": "look"})));
        assert_eq!(tool_choice("lok", &tools), Err("no tool is called `lok`; did you mean `look`?".to_owned()));
        let error = refuse_same_names([("`a`", &tools[0]), ("`b`", &tools[0])]).expect_err("twice").to_string();
        assert_eq!(error, "`b`: tool `look`: there is one of this name already");
    }
}
