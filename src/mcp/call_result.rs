//! The answers to `tools/call`. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::protocol::ExactJson;
use crate::text::counted;

/// A part of a call's result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ResultPart {
    /// Text.
    Text(String),
    /// An image, which may not be one that the API accepts.
    Image(Bytes),
    /// Something that the API does not take in a result; what it is, in words.
    Other(String),
}

/// The result of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CallResult {
    /// What it consists of.
    pub(crate) parts: Vec<ResultPart>,
    /// Whether the tool says that the call failed.
    pub(crate) is_error: bool,
}

/// Reads the result of a call; the error says why it is not one.
pub(super) fn read_result(result: &ExactJson) -> Result<CallResult, String> {
    if result["resultType"] == "input_required" {
        return Err("the server asked for more input, which langdock does not support".to_owned());
    }
    let blocks = result["content"].as_array();
    let mut parts: Vec<ResultPart> = blocks.into_iter().flatten().map(read_part).collect();
    if parts.is_empty()
        && let Some(structured) = result.field("structuredContent")
        && !structured.is_null()
    {
        parts.push(ResultPart::Text(structured.to_string()));
    }
    if blocks.is_none() && parts.is_empty() {
        return Err("the server's answer has no content".to_owned());
    }
    Ok(CallResult {
        parts,
        is_error: result["isError"] == true,
    })
}

fn read_part(block: &Value) -> ResultPart {
    let text = |key: &str| block[key].as_str().unwrap_or_default();
    match text("type") {
        "text" => ResultPart::Text(text("text").to_owned()),
        "image" => match STANDARD.decode(text("data")) {
            Ok(bytes) => ResultPart::Image(bytes.into()),
            Err(_) => ResultPart::Other("image whose base64 is not valid".to_owned()),
        },
        "audio" => ResultPart::Other(of_size("audio", text("mimeType"), text("data"))),
        "resource_link" => {
            let link = json!({"name": text("name"), "uri": text("uri")});
            ResultPart::Text(format!("resource {link}"))
        }
        "resource" => read_resource(&block["resource"]),
        kind => ResultPart::Other(format!("content of type `{kind}`")),
    }
}

fn read_resource(resource: &Value) -> ResultPart {
    let text = |key: &str| resource[key].as_str();
    let uri = text("uri").unwrap_or_default();
    match (text("text"), text("blob")) {
        (Some(content), _) => ResultPart::Text(format!("{uri}\n{content}")),
        (None, Some(blob)) => {
            let media_type = text("mimeType").unwrap_or_default();
            let bytes = STANDARD.decode(blob);
            match bytes {
                Ok(bytes) if media_type.starts_with("image/") => ResultPart::Image(bytes.into()),
                _ => ResultPart::Other(of_size(&format!("resource {uri}"), media_type, blob)),
            }
        }
        (None, None) => ResultPart::Other(format!("resource {uri}")),
    }
}

/// Names what is left out, with its type and its size.
fn of_size(what: &str, media_type: &str, base64: &str) -> String {
    let size = counted(base64.len() / 4 * 3, "byte");
    if media_type.is_empty() {
        format!("{what} of about {size}")
    } else {
        format!("{what} ({media_type}) of about {size}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(content: &Value) -> Vec<ResultPart> {
        let result = read_result(&json!({"content": content}).into()).expect("a result");
        assert!(!result.is_error);
        result.parts
    }

    #[test]
    fn text_and_images_are_taken_and_other_content_is_named() {
        let text = |text: &str| ResultPart::Text(text.to_owned());
        let other = |text: &str| ResultPart::Other(text.to_owned());
        for (block, part) in [
            (json!({"type": "text", "text": "a\nb"}), text("a\nb")),
            (
                json!({"type": "image", "data": "R0lG", "mimeType": "image/gif"}),
                ResultPart::Image(Bytes::from_static(b"GIF")),
            ),
            (
                json!({"type": "image", "data": "%"}),
                other("image whose base64 is not valid"),
            ),
            (
                json!({"type": "audio", "data": "AAAA", "mimeType": "audio/wav"}),
                other("audio (audio/wav) of about 3 bytes"),
            ),
            (
                json!({"type": "resource_link", "name": "n", "uri": "file:///n"}),
                text("resource {\"name\":\"n\",\"uri\":\"file:///n\"}"),
            ),
            (
                json!({"type": "resource", "resource": {"uri": "u:1", "text": "t"}}),
                text("u:1\nt"),
            ),
            (
                json!({"type": "resource", "resource": {"uri": "u:1", "blob": "AAAA"}}),
                other("resource u:1 of about 3 bytes"),
            ),
            (
                json!({"type": "hologram"}),
                other("content of type `hologram`"),
            ),
        ] {
            assert_eq!(parts(&json!([block])), [part], "{block}");
        }
    }

    #[test]
    fn structured_content_stands_in_only_where_there_is_no_other() {
        let only = r#"{"structuredContent": {"n": 1.10}, "isError": true}"#;
        let only = read_result(&ExactJson::parse(only).expect("JSON")).expect("a result");
        assert_eq!(only.parts, [ResultPart::Text("{\"n\":1.10}".to_owned())]);
        assert!(only.is_error);
        let both = json!({"content": [{"type": "text", "text": "1"}], "structuredContent": 1});
        let both = read_result(&both.into()).expect("a result");
        assert_eq!(both.parts, [ResultPart::Text("1".to_owned())]);
        assert_eq!(parts(&json!([])), []);
    }

    #[test]
    fn what_is_no_result_is_an_error() {
        for other in [
            json!({}),
            Value::Null,
            json!({"resultType": "input_required"}),
        ] {
            assert!(read_result(&other.clone().into()).is_err(), "{other}");
        }
    }
}
