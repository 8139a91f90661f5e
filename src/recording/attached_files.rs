//! The images and PDFs of a request: in the record their SHA-256 is in the place of their bytes,
//! which are in files named after it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

/// A file out of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AttachedFile {
    /// Its hash, and an ending for those who look at it.
    pub(super) name: String,
    /// Its content.
    pub(super) bytes: Vec<u8>,
}

/// Replaces the bytes of all files in a JSON text by their hashes, and returns the text and the
/// files. `body` is the text as a value.
pub(super) fn take_out_files(text: &str, body: &Value) -> (String, Vec<AttachedFile>) {
    let (mut text, mut files) = (text.to_owned(), Vec::new());
    each_source(body, &mut |media_type, data| {
        let Some((hash, bytes)) = hash_of(data) else {
            return;
        };
        text = text.replace(
            &format!(r#""data":"{data}""#),
            &format!(r#""data":{}"#, reference(&hash)),
        );
        let ending = media_type.rsplit('/').next().unwrap_or_default();
        let is_plain = |letter: char| letter.is_ascii_alphanumeric();
        let ending = if ending.is_empty() || !ending.chars().all(is_plain) {
            "bin"
        } else {
            ending
        };
        files.push(AttachedFile {
            name: format!("{hash}.{ending}"),
            bytes,
        });
    });
    (text, files)
}

/// Replaces the bytes in a source of a content block by their hash.
pub(super) fn hash_source(source: &mut Value) {
    if source["type"] != "base64" {
        return;
    }
    if let Some(data) = source.get_mut("data")
        && let Some((hash, _)) = data.as_str().and_then(hash_of)
    {
        *data = reference(&hash);
    }
}

fn reference(hash: &str) -> Value {
    json!({ "sha256": hash })
}

/// Calls `found` with media type and data of every source with base64.
fn each_source(value: &Value, found: &mut dyn FnMut(&str, &str)) {
    match value {
        Value::Object(fields) => {
            if let Some(source) = fields.get("source")
                && source["type"] == "base64"
                && let Some(data) = source["data"].as_str()
            {
                found(source["media_type"].as_str().unwrap_or_default(), data);
            }
            fields.values().for_each(|field| each_source(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| each_source(item, found)),
        _ => {}
    }
}

/// Returns the SHA-256 of what a base64 text encodes, in hexadecimal, and the bytes themselves.
fn hash_of(data: &str) -> Option<(String, Vec<u8>)> {
    let bytes = STANDARD.decode(data).ok()?;
    let hash = digest(&SHA256, &bytes)
        .as_ref()
        .iter()
        .fold(String::new(), |hash, byte| hash + &format!("{byte:02x}"));
    Some((hash, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_a_file_become_its_hash_and_all_else_stays() {
        let text = concat!(
            r#"{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","#,
            r#""media_type":"image/png","data":"aGk="}},{"type":"text","text":"aGk="}]}],"n":1.10}"#
        );
        let body: Value = serde_json::from_str(text).expect("JSON");
        let (replaced, files) = take_out_files(text, &body);
        let hash = "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4";
        assert_eq!(
            replaced,
            text.replacen(
                r#""data":"aGk=""#,
                &format!(r#""data":{{"sha256":"{hash}"}}"#),
                1
            )
        );
        let file = AttachedFile {
            name: format!("{hash}.png"),
            bytes: b"hi".to_vec(),
        };
        assert_eq!(files, [file]);
        let odd = r#"{"source":{"type":"base64","media_type":"../x","data":"%"}}"#;
        let body: Value = serde_json::from_str(odd).expect("JSON");
        assert_eq!(take_out_files(odd, &body), (odd.to_owned(), Vec::new()));
    }
}
