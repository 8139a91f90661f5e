//! A field of the request body as text, `KEY=JSON`: what `--set`, `/set` and the setting `set`
//! take.

use super::{ExactJson, RequestField};
use crate::text::{JsonPlace, check_depth};

/// Fields that must be set in another way.
const RESERVED_FIELDS: [(&str, &str); 2] = [
    ("model", "use --model"),
    ("messages", "add a prompt, --file or standard input"),
];

/// Parses a field of the request body and its value.
///
/// # Errors
///
/// If it is not `KEY=JSON`, if the field must be set in another way, or if its value is out of
/// range; the message states what is required.
pub(crate) fn key_and_json(text: &str) -> Result<(String, ExactJson), String> {
    let (key, json) = text.split_once('=').ok_or("must be KEY=JSON")?;
    if key.is_empty() {
        return Err("must be KEY=JSON".to_owned());
    }
    if let Some((_, instead)) = RESERVED_FIELDS
        .iter()
        .find(|(reserved, _)| *reserved == key)
    {
        return Err(format!("`{key}` cannot be set: {instead}"));
    }
    let value = ExactJson::parse(json).map_err(|error| {
        if check_depth(json.as_bytes(), JsonPlace::Bare).is_err() {
            return error.to_string();
        }
        format!("the value is not valid JSON ({error}); text needs double quotes: {key}='\"…\"'")
    })?;
    if key == "stream" && !value.is_boolean() {
        return Err("`stream` must be `true` or `false`".to_owned());
    }
    if let Some(field) = RequestField::find(key) {
        field
            .check(&value)
            .map_err(|needed| format!("`{key}`: {needed}"))?;
    }
    Ok((key.to_owned(), value))
}

/// Parses a field that the config file sets in every request.
///
/// # Errors
///
/// As [`key_and_json`], and if the field has a key of its own in the config file, or belongs to
/// one call only.
pub(crate) fn default_field(text: &str) -> Result<(String, ExactJson), String> {
    let (key, value) = key_and_json(text)?;
    if let Some(field) = RequestField::find(&key) {
        let name = field.name;
        return Err(format!("`{key}` has a key of its own: {name} = …"));
    }
    if matches!(key.as_str(), "stream" | "tools" | "tool_choice") {
        return Err(format!(
            "`{key}` cannot be a default: set it on the command line"
        ));
    }
    Ok((key, value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_is_a_key_and_json() {
        assert_eq!(
            key_and_json("a=[1,\"x=y\"]"),
            Ok(("a".into(), json!([1, "x=y"]).into()))
        );
        for (text, expected) in [
            ("a", "KEY=JSON"),
            ("=1", "KEY=JSON"),
            ("a=on", "double quotes"),
            ("model=\"m\"", "--model"),
            ("messages=[]", "--file"),
            ("stream=0", "`stream` must be `true` or `false`"),
            ("temperature=9", "0 to 1"),
            ("top_p=\"0.5\"", "0 to 1"),
            ("max_tokens=-1", "from 1 to 4,294,967,295"),
            ("top_k=0", "from 1 to 4,294,967,295"),
        ] {
            assert!(
                key_and_json(text).is_err_and(|error| error.contains(expected)),
                "{text}"
            );
        }
    }

    #[test]
    fn a_default_field_has_no_key_of_its_own_and_does_not_belong_to_a_call() {
        assert_eq!(default_field("a=1.10").map(|(key, _)| key), Ok("a".into()));
        for (text, expected) in [
            ("temperature=0.5", "a key of its own: temperature"),
            (
                "stop_sequences=[\"x\"]",
                "`stop_sequences` has a key of its own: stop",
            ),
            ("stream=false", "cannot be a default"),
            ("tools=[]", "cannot be a default"),
            ("model=\"m\"", "--model"),
        ] {
            assert!(
                default_field(text).is_err_and(|error| error.contains(expected)),
                "{text}"
            );
        }
    }
}
