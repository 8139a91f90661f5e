//! The contents of a tools file, in JSON or TOML, with line numbers and before validation.

use serde_json::Value;
use serde_json::value::RawValue;
use toml_edit::{Document, Item};

use super::Error;
use super::keys::{MCP_SCHEMA, TOOL_KEYS};
use crate::protocol::{ExactFields, ExactJson};
use crate::text::{JsonPlace, check_depth, did_you_mean, toml_error_text};

/// A tool from a file, before validation.
pub(super) struct Found {
    pub(super) line: usize,
    pub(super) fields: Vec<Field>,
}

/// A key of a tool, with its value and line.
pub(super) struct Field {
    pub(super) key: String,
    pub(super) line: usize,
    pub(super) value: ExactJson,
}

/// Parses the tools in a text; `name` is the name of its file in messages.
pub(super) fn find(name: &str, text: &str) -> Result<Vec<Found>, Error> {
    if is_json(text) {
        of_json(name, text)
    } else {
        of_toml(name, text)
    }
}

/// Whether the text is JSON: `[[tool]]` also starts like an array, but no tool is an array.
fn is_json(text: &str) -> bool {
    let mut letters = text.chars().filter(|letter| !letter.is_whitespace());
    match (letters.next(), letters.next()) {
        (Some('{'), _) => true,
        (Some('['), second) => second.is_none_or(|second| matches!(second, '{' | ']')),
        _ => false,
    }
}

fn line_at(text: &str, offset: usize) -> usize {
    1 + memchr::memchr_iter(b'\n', &text.as_bytes()[..offset.min(text.len())]).count()
}

fn of_json(name: &str, text: &str) -> Result<Vec<Found>, Error> {
    check_depth(text.as_bytes(), JsonPlace::Tools).map_err(|error| Error {
        file: name.to_owned(),
        reason: error.to_string(),
    })?;
    let no_json = |error| Error {
        file: name.to_owned(),
        reason: format!("not valid JSON: {error}"),
    };
    let is_list = text.trim_start().starts_with('[');
    let tools: Vec<&RawValue> = if is_list {
        serde_json::from_str(text).map_err(no_json)?
    } else {
        vec![serde_json::from_str(text).map_err(no_json)?]
    };
    // Borrowed parts point into the text, so their positions are known.
    let line = |part: &RawValue| {
        line_at(
            text,
            (part.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize),
        )
    };
    let found = |tool: &RawValue| -> Result<Found, Error> {
        let no_object = |_| Error {
            file: name.to_owned(),
            reason: format!("line {}: a tool must be an object", line(tool)),
        };
        let lines: std::collections::BTreeMap<String, &RawValue> =
            serde_json::from_str(tool.get()).map_err(no_object)?;
        let fields = ExactJson::parse_written(tool.get()).map_err(no_object)?;
        let fields = ExactFields::from_object(fields).unwrap_or_default();
        let line_of = |key: &str| {
            lines
                .get(key)
                .map_or_else(|| line(tool), |value| line(value))
        };
        let fields = fields
            .iter_exact()
            .map(|(key, value)| Field {
                line: line_of(key),
                key: key.to_owned(),
                value,
            })
            .collect();
        Ok(Found {
            line: line(tool),
            fields,
        })
    };
    tools.into_iter().map(found).collect()
}

fn of_toml(name: &str, text: &str) -> Result<Vec<Found>, Error> {
    let at = |offset: usize, why: String| Error {
        file: name.to_owned(),
        reason: format!("line {}: {why}", line_at(text, offset)),
    };
    let document = Document::parse(text).map_err(|error| {
        at(
            error.span().map_or(0, |span| span.start),
            toml_error_text(error.message()),
        )
    })?;
    let start = |span: Option<std::ops::Range<usize>>| span.map_or(0, |span| span.start);
    if let Some((key, item)) = document.iter().find(|(key, _)| *key != "tool") {
        let offset = start(
            document
                .key(key)
                .and_then(toml_edit::Key::span)
                .or_else(|| item.span()),
        );
        return Err(at(
            offset,
            format!("unknown key `{key}`: a tools file has [[tool]] tables"),
        ));
    }
    let Some(tables) = document.get("tool").and_then(Item::as_array_of_tables) else {
        let reason = "a tools file must have [[tool]] tables or JSON".to_owned();
        return Err(Error {
            file: name.to_owned(),
            reason,
        });
    };
    let mut tools = Vec::new();
    for table in tables {
        let mut found = Found {
            line: line_at(text, start(table.span())),
            fields: Vec::new(),
        };
        for (key, item) in table {
            let offset = start(
                table
                    .key(key)
                    .and_then(toml_edit::Key::span)
                    .or_else(|| item.span()),
            );
            let known = TOOL_KEYS.iter().map(|(known, ..)| *known);
            if key != MCP_SCHEMA && !known.clone().any(|known| known == key) {
                return Err(at(
                    offset,
                    format!("unknown key `{key}`{}", did_you_mean(key, known)),
                ));
            }
            let value = to_json(item)
                .ok_or_else(|| at(offset, format!("`{key}` cannot be written as JSON")))?;
            found.fields.push(Field {
                key: key.to_owned(),
                line: line_at(text, offset),
                value: value.into(),
            });
        }
        tools.push(found);
    }
    Ok(tools)
}

/// Converts a value to JSON; `None` if JSON cannot express it, such as dates and infinite numbers.
fn to_json(item: &Item) -> Option<Value> {
    Some(match item {
        Item::None => return None,
        Item::Value(value) => value_to_json(value)?,
        Item::Table(table) => object(table.iter())?,
        Item::ArrayOfTables(tables) => tables
            .iter()
            .map(|table| object(table.iter()))
            .collect::<Option<_>>()?,
    })
}

fn value_to_json(value: &toml_edit::Value) -> Option<Value> {
    Some(match value {
        toml_edit::Value::String(text) => Value::from(text.value().as_str()),
        toml_edit::Value::Integer(number) => Value::from(*number.value()),
        toml_edit::Value::Float(number) => {
            Value::Number(serde_json::Number::from_f64(*number.value())?)
        }
        toml_edit::Value::Boolean(truth) => Value::from(*truth.value()),
        toml_edit::Value::Datetime(_) => return None,
        toml_edit::Value::Array(items) => items.iter().map(value_to_json).collect::<Option<_>>()?,
        toml_edit::Value::InlineTable(table) => table
            .iter()
            .map(|(key, value)| Some((key.to_owned(), value_to_json(value)?)))
            .collect::<Option<_>>()?,
    })
}

fn object<'a>(items: impl Iterator<Item = (&'a str, &'a Item)>) -> Option<Value> {
    items
        .map(|(key, item)| Some((key.to_owned(), to_json(item)?)))
        .collect()
}
