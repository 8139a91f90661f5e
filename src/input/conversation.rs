//! Earlier turns from a file, and normalising turns to the form that the API accepts.

use serde_json::Value;

use super::Error;
use super::picture::{Picture, pictures_of};
use crate::model_text::NO_OUTPUT;
use crate::protocol::{ContentBlock, ExactFields, ExactJson, InputMessage, Role};

/// The contents of a file of `--messages`.
#[derive(Debug, Default)]
pub(crate) struct Conversation {
    /// The other fields, if the file is a whole request body.
    pub(crate) fields: ExactFields,
    /// The turns.
    pub(crate) messages: Vec<InputMessage>,
    /// The images in them.
    pub(crate) pictures: Vec<Picture>,
}

impl Conversation {
    /// Parses an array of messages or a whole request body; `name` is the file's name for messages.
    pub(crate) fn parse(name: &str, text: &str) -> Result<Self, Error> {
        let json = ExactJson::parse(text)
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
        let pictures = pictures_of(&messages, name)?;
        Ok(Self {
            fields,
            messages,
            pictures,
        })
    }
}

fn message(turn: ExactJson) -> Result<InputMessage, String> {
    let Some(mut turn) = ExactFields::from_object(turn) else {
        return Err("must be an object with `role` and `content`".to_owned());
    };
    let role = turn.get("role").cloned().unwrap_or_default();
    let role =
        serde_json::from_value(role).map_err(|_| "`role` must be user or assistant".to_owned())?;
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

/// Normalises turns to the form that every platform accepts: no blank text, alternating roles, the
/// user first, and no white space at the end of a prefill.
pub(crate) fn in_turn(messages: Vec<InputMessage>) -> Result<Vec<InputMessage>, Error> {
    let mut turns: Vec<InputMessage> = Vec::with_capacity(messages.len());
    for mut message in messages {
        message.content.retain(|block| !is_blank(block));
        message.content.iter_mut().for_each(fill_blank_result);
        match turns.last_mut() {
            _ if message.content.is_empty() => {}
            Some(last) if last.role == message.role => last.content.append(&mut message.content),
            _ => turns.push(message),
        }
    }
    match turns.first() {
        None => return Err(Error::NoPrompt),
        Some(first) if first.role != Role::User => return Err(Error::NotUserFirst),
        Some(_) => {}
    }
    let last = turns.last_mut().filter(|turn| turn.role == Role::Assistant);
    if let Some(ContentBlock::Text(text)) = last.and_then(|turn| turn.content.last_mut()) {
        text.text.truncate(text.text.trim_end().len());
    }
    Ok(turns)
}

/// Replaces a blank tool result by the text for no output: the API refuses blank text in results,
/// too.
fn fill_blank_result(block: &mut ContentBlock) {
    let ContentBlock::ToolResult(result) = block else {
        return;
    };
    let is_blank_text = |block: &Value| {
        block["type"] == "text"
            && block["text"]
                .as_str()
                .is_none_or(|text| text.trim().is_empty())
    };
    match &mut result.content {
        Some(Value::String(text)) if text.trim().is_empty() => NO_OUTPUT.clone_into(text),
        Some(Value::Array(blocks)) => {
            blocks.retain(|block| !is_blank_text(block));
            if blocks.is_empty() {
                result.content = Some(NO_OUTPUT.into());
            }
        }
        _ => {} // Anything else has content, or none at all, which the API accepts.
    }
}

fn is_blank(block: &ContentBlock) -> bool {
    matches!(block, ContentBlock::Text(text) if text.text.trim().is_empty())
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

    fn turns(json: &Value) -> Result<Value, Error> {
        let conversation = Conversation::parse("`c.json`", &json.to_string())?;
        Ok(serde_json::to_value(in_turn(conversation.messages)?).expect("turns are JSON"))
    }

    #[test]
    fn turns_of_one_side_become_one_and_blank_text_goes() {
        let given = json!([
            {"role": "user", "content": "a"}, {"role": "user", "content": [{"type": "text", "text": " \n"}, {"type": "new", "x": 1}]},
            {"role": "assistant", "content": " "}, {"role": "assistant", "content": "b \n"}, {"role": "user", "content": ""},
        ]);
        let expected = json!([
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "new", "x": 1}]},
            {"role": "assistant", "content": "b"},
        ]);
        assert_eq!(turns(&given).expect("turns"), expected);
    }

    #[test]
    fn the_first_turn_is_the_users() {
        assert!(matches!(
            turns(&json!([{"role": "assistant", "content": "x"}])),
            Err(Error::NotUserFirst)
        ));
        assert!(matches!(turns(&json!([])), Err(Error::NoPrompt)));
    }

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
            let error = turns(&given).expect_err(expected).to_string();
            assert!(
                error.starts_with("`c.json`: ") && error.contains(expected),
                "{error}"
            );
        }
    }
}
