//! Earlier turns from a file.

use serde_json::Value;

use super::Error;
use super::picture::{PdfFile, Picture, pdfs_of, pictures_of};
use crate::protocol::{ContentBlock, ExactFields, ExactJson, InputMessage};

/// The contents of a file of `--messages`.
#[derive(Debug, Default)]
pub(crate) struct Conversation {
    /// The other fields, if the file is a whole request body.
    pub(crate) fields: ExactFields,
    /// The turns.
    pub(crate) messages: Vec<InputMessage>,
    /// The images in them.
    pub(crate) pictures: Vec<Picture>,
    /// The PDFs in them.
    pub(crate) pdfs: Vec<PdfFile>,
}

impl Conversation {
    /// Parses an array of messages or a whole request body; `name` is the file's name for messages.
    pub(crate) fn parse(name: &str, text: &str) -> Result<Self, Error> {
        let json = ExactJson::parse_envelope(text)
            .map_err(|error| malformed(name, format!("not valid JSON: {error}")))?;
        let (turns, fields) = if json.is_array() {
            (json.items(), ExactFields::default())
        } else if let Some(mut fields) = ExactFields::from_object(json) {
            match fields.shift_remove("messages") {
                Some(turns) if turns.is_array() => (turns.items(), fields),
                _ => return Err(malformed(name, "`messages` must be an array".to_owned())),
            }
        } else {
            return Err(malformed(
                name,
                "must be an array of messages or a request body".to_owned(),
            ));
        };
        if fields.get("model").is_some_and(|model| !model.is_string()) {
            return Err(malformed(name, "`model` is not text".to_owned()));
        }
        let mut messages = Vec::with_capacity(turns.len());
        for (index, turn) in turns.into_iter().enumerate() {
            let message = message(turn)
                .map_err(|why| malformed(name, format!("message {}: {why}", index + 1)))?;
            messages.push(message);
        }
        let pictures = pictures_of(&messages, name);
        let pdfs = pdfs_of(&messages, name);
        Ok(Self {
            fields,
            messages,
            pictures,
            pdfs,
        })
    }
}

impl Conversation {
    /// Notes the size of each image again, after some have been changed.
    pub(crate) fn measure_pictures(&mut self) {
        let measured = pictures_of(&self.messages, "");
        for (picture, measured) in self.pictures.iter_mut().zip(measured) {
            picture.size = measured.size;
        }
    }
}

fn message(turn: ExactJson) -> Result<InputMessage, String> {
    let Some(mut turn) = ExactFields::from_object(turn) else {
        return Err("must be an object with `role` and `content`".to_owned());
    };
    let role = turn.get("role").cloned().unwrap_or_default();
    let role = serde_json::from_value(role)
        .map_err(|_| "`role` must be `user` or `assistant`".to_owned())?;
    let content = turn.shift_remove("content").unwrap_or_default();
    let content = match &*content {
        Value::String(text) => vec![ContentBlock::text(text)],
        Value::Array(blocks) if blocks.iter().all(Value::is_object) => {
            content.read_as().map_err(|error| error.to_string())?
        }
        _ => return Err("`content` must be text or an array of blocks".to_owned()),
    };
    Ok(InputMessage { role, content })
}

/// Returns the error for an invalid file.
fn malformed(name: &str, reason: String) -> Error {
    Error::Messages {
        name: name.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_bad_shape_is_told_with_its_place() {
        for (given, expected) in [
            (json!("x"), "an array of messages"),
            (json!({"message": []}), "`messages`"),
            (json!({"messages": [], "model": 1}), "`model`"),
            (
                json!([{"role": "user", "content": "x"}, 1]),
                "message 2: must be an object",
            ),
            (
                json!([{"role": "system", "content": "x"}]),
                "message 1: `role`",
            ),
            (json!([{"role": "user"}]), "message 1: `content`"),
            (
                json!([{"role": "user", "content": [1]}]),
                "message 1: `content`",
            ),
        ] {
            let error = Conversation::parse("`c.json`", &given.to_string())
                .expect_err(expected)
                .to_string();
            assert!(
                error.starts_with("`c.json`: ") && error.contains(expected),
                "{error}"
            );
        }
    }
}
