//! `--dry-run`: the body as it would be sent, with the data of images and documents shortened.

use serde_json::Value;

/// The longest data that is shown whole, in bytes.
const SHOWN: usize = 64;

/// Returns the body as it is shown.
pub(crate) fn shown_body(body: &[u8]) -> Value {
    let mut body: Value = serde_json::from_slice(body).expect("the body was written as JSON");
    shorten(&mut body);
    body
}

fn shorten(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(shorten),
        Value::Object(fields) => {
            let is_base64 = fields.get("type").is_some_and(|kind| kind == "base64");
            if let Some(Value::String(data)) = fields.get_mut("data")
                && is_base64
                && data.len() > SHOWN
            {
                // Another field may look like data and be none.
                let begin: String = data.chars().take(SHOWN / 2).collect();
                *data = format!("{begin}… ({} bytes of base64)", data.len());
            }
            fields.values_mut().for_each(shorten);
        }
        _ => {} // Nothing else holds data.
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_called_base64_and_is_text_is_cut_between_characters() {
        let body = format!(r#"{{"type":"base64","data":"a{}"}}"#, "ä".repeat(50));
        let expected = format!("a{}… (101 bytes of base64)", "ä".repeat(31));
        let shown = shown_body(body.as_bytes());
        assert_eq!(shown["data"], expected);
    }

    #[test]
    fn long_base64_is_shortened_and_nothing_else_is() {
        let data = "QUJD".repeat(100);
        let text = "x".repeat(500);
        let body = format!(
            r#"{{"a":[{{"source":{{"type":"base64","data":"{data}"}}}}],"data":"{text}"}}"#
        );
        let shown = shown_body(body.as_bytes());
        assert_eq!(
            shown["a"][0]["source"]["data"],
            format!("{}… (400 bytes of base64)", &data[..32])
        );
        assert_eq!(shown["data"], text);
    }
}
