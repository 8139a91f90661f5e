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

/// Replaces the bytes of all files in a body by their hashes, and returns the files.
pub(super) fn take_out_files(body: &mut Value) -> Vec<AttachedFile> {
    let mut files = Vec::new();
    each_source(body, &mut |media_type, hash, bytes| {
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
    files
}

/// Replaces the bytes of all files in a body by their hashes.
pub(super) fn hash_files(body: &mut Value) {
    each_source(body, &mut |_, _, _| {});
}

/// Replaces the data of every source with base64, wherever it is, by its hash. `found` gets the
/// media type, the hash and the bytes.
fn each_source(value: &mut Value, found: &mut dyn FnMut(&str, &str, Vec<u8>)) {
    match value {
        Value::Object(fields) => {
            if let Some(source) = fields.get_mut("source")
                && source["type"] == "base64"
                && let Some((hash, bytes)) = source["data"].as_str().and_then(hash_of)
            {
                let media_type = source["media_type"].as_str().unwrap_or_default();
                found(media_type, &hash, bytes);
                source["data"] = json!({ "sha256": hash });
            }
            let fields = fields.values_mut();
            fields.for_each(|field| each_source(field, found));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each_source(item, found)),
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
        let mut body = json!({"messages": [
            {"role": "user", "content": [
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
                {"type": "text", "text": "aGk="},
            ]},
            {"role": "assistant", "content": [{"type": "tool_use", "input": {
                "source": {"type": "base64", "media_type": "../x", "data": "aGk="}, "data": "aGk=",
            }}]},
        ]});
        let hash = "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4";
        let mut expected = body.clone();
        let reference = json!({ "sha256": hash });
        expected["messages"][0]["content"][0]["source"]["data"] = reference.clone();
        expected["messages"][1]["content"][0]["input"]["source"]["data"] = reference;
        let files = take_out_files(&mut body);
        assert_eq!(body, expected);
        let file = |name: String| AttachedFile {
            name,
            bytes: b"hi".to_vec(),
        };
        assert_eq!(
            files,
            [file(format!("{hash}.png")), file(format!("{hash}.x"))]
        );
        let mut odd = json!({"source": {"type": "base64", "media_type": "image/png", "data": "%"}});
        let same = odd.clone();
        assert_eq!(take_out_files(&mut odd), []);
        assert_eq!(odd, same);
    }
}
