//! Marks for the prompt cache that whoever wrote the request has put into it: theirs to choose, as
//! long as the endpoint accepts them.

use std::borrow::Cow;

use serde_json::Value;

use crate::error::Error;
use crate::protocol::{CACHE_CONTROL, ContentBlock, CreateMessage, MAX_CACHE_MARKS};

/// Whether whoever wrote the request has marked it.
pub(crate) fn has_own_marks(request: &CreateMessage) -> bool {
    request.fields.contains_key(CACHE_CONTROL) || !marks_of(request).is_empty()
}

/// Checks the number of marks and their order.
///
/// # Errors
///
/// If there are more than the API accepts, or if one for an hour follows one for five minutes.
pub(crate) fn check_own_marks(request: &CreateMessage) -> Result<(), Error> {
    let marks = marks_of(request);
    let refused = |message: String, hint: &str| {
        Err(Error::Usage {
            message,
            hint: Some(format!("{hint}; --no-check sends it anyway")),
        })
    };
    if marks.len() > MAX_CACHE_MARKS {
        return refused(
            format!(
                "the request has {} cache breakpoints (`{CACHE_CONTROL}`), over the limit of \
                 {MAX_CACHE_MARKS}",
                marks.len()
            ),
            "remove some of them",
        );
    }
    let is_long = |mark: &Value| mark["ttl"] == "1h";
    let short = marks.iter().position(|mark| !is_long(mark));
    let long = marks.iter().rposition(is_long);
    if short.zip(long).is_some_and(|(short, long)| short < long) {
        return refused(
            "a cache breakpoint for one hour comes after one for five minutes".to_owned(),
            "put those for one hour first, in the order tools, system, messages",
        );
    }
    Ok(())
}

/// Returns the marks of a request in the order in which the API reads them.
fn marks_of(request: &CreateMessage) -> Vec<Value> {
    let tools = request
        .tools
        .iter()
        .filter_map(|tool| tool.field(CACHE_CONTROL));
    let system = request
        .system
        .iter()
        .flat_map(|system| system.fields(CACHE_CONTROL));
    // A system prompt with more than text stays as it was given.
    let given = ["tools", "system"]
        .into_iter()
        .filter_map(|key| request.fields.get(key));
    let mut marks: Vec<Value> = given
        .flat_map(marks_in)
        .chain(tools)
        .cloned()
        .chain(system)
        .collect();
    for block in request.messages.iter().flat_map(|message| &message.content) {
        let inner = match block {
            ContentBlock::ToolResult(result) => result.content.as_deref().map(Cow::Borrowed),
            ContentBlock::Unknown(block) => block.get("content").map(Cow::Owned),
            _ => None,
        };
        if let Some(inner) = inner {
            marks.extend(marks_in(&inner).into_iter().cloned());
        }
        marks.extend(block.unknown_field(CACHE_CONTROL));
    }
    marks.retain(|mark| !mark.is_null());
    marks
}

/// Returns the marks of a list of blocks, and of the blocks inside them.
fn marks_in(blocks: &Value) -> Vec<&Value> {
    let mut marks = Vec::new();
    for block in blocks.as_array().into_iter().flatten() {
        marks.extend(block.get("content").into_iter().flat_map(marks_in));
        marks.extend(block.get(CACHE_CONTROL));
    }
    marks
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::{ExactFields, InputMessage, Role, ToolDefinition};

    /// Returns a request with these tools, this field `system`, and these blocks.
    fn request(tools: &Value, system: &Value, blocks: &Value) -> CreateMessage {
        CreateMessage {
            model: "m".to_owned(),
            max_tokens: 5,
            system: None,
            messages: vec![InputMessage {
                role: Role::User,
                content: serde_json::from_value(blocks.clone()).expect("blocks"),
            }],
            fields: ExactFields::from_object(json!({"system": system}).into()).expect("an object"),
            tools: ToolDefinition::list_from(tools.clone().into()).unwrap_or_default(),
            tool_choice: None,
            stream: true,
        }
    }

    fn marked(mut block: Value, ttl: Option<&str>) -> Value {
        block[CACHE_CONTROL] = json!({"type": "ephemeral"});
        if let Some(ttl) = ttl {
            block[CACHE_CONTROL]["ttl"] = json!(ttl);
        }
        block
    }

    #[test]
    fn marks_are_counted_wherever_they_are() {
        let text = |ttl| marked(json!({"type": "text", "text": "x"}), ttl);
        let result =
            |texts: &[Value]| json!({"type": "tool_result", "tool_use_id": "t", "content": texts});
        let tool = marked(json!({"name": "t", "input_schema": {}}), None);
        let four = request(
            &json!([tool]),
            &json!([text(None)]),
            &json!([result(&[text(None)]), text(None)]),
        );
        assert!(has_own_marks(&four) && check_own_marks(&four).is_ok());
        let five = request(
            &json!([tool]),
            &json!([text(None)]),
            &json!([result(&[text(None), text(None)]), text(None)]),
        );
        let refused = check_own_marks(&five).map_err(|error| error.message());
        let message = "the request has 5 cache breakpoints (`cache_control`), over the limit of 4";
        assert_eq!(refused, Err(message.to_owned()));
        let mut plain = request(
            &json!([]),
            &json!("s"),
            &json!([{"type": "text", "text": "x"}]),
        );
        assert!(!has_own_marks(&plain) && check_own_marks(&plain).is_ok());
        let whole = json!({"type": "ephemeral"});
        plain.fields.insert(CACHE_CONTROL, whole);
        assert!(has_own_marks(&plain), "of the whole request");
    }

    #[test]
    fn an_hour_comes_before_five_minutes() {
        let text = |ttl| marked(json!({"type": "text", "text": "x"}), ttl);
        for (ttls, is_accepted) in [
            ([Some("1h"), None], true),
            ([Some("1h"), Some("1h")], true),
            ([None, Some("5m")], true),
            ([None, Some("1h")], false),
            ([Some("5m"), Some("1h")], false),
        ] {
            let request = request(&json!([]), &json!([text(ttls[0])]), &json!([text(ttls[1])]));
            assert_eq!(check_own_marks(&request).is_ok(), is_accepted, "{ttls:?}");
        }
    }
}
