//! `--dry-run`: the body as it would be sent, with the data of images and documents shortened.

use serde_json::Value;

use crate::protocol::ExactJson;

/// The longest data that is shown whole, in bytes.
const SHOWN: usize = 64;

/// Returns the body as it is shown.
pub(crate) fn shown_body(body: &[u8]) -> ExactJson {
    let body = str::from_utf8(body).expect("JSON is UTF-8");
    let parse = |text: &str| ExactJson::parse_written(text).expect("the body was written as JSON");
    let json = parse(body);
    let mut data = Vec::new();
    collect_long_data(&json, &mut data);
    if data.is_empty() {
        return json;
    }
    let mut text = body.to_owned();
    for data in data {
        let begin: String = data.chars().take(SHOWN / 2).collect();
        let shortened = format!("{begin}… ({} bytes of base64)", data.len());
        let field = |data: &str| format!("\"data\":{}", Value::from(data));
        text = text.replace(&field(data), &field(&shortened));
    }
    parse(&text)
}

/// Finds the data of images and documents. Another field may look like data and be none.
fn collect_long_data<'v>(value: &'v Value, long: &mut Vec<&'v str>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_long_data(item, long)),
        Value::Object(fields) => {
            let is_base64 = fields.get("type").is_some_and(|kind| kind == "base64");
            let data = fields.get("data").and_then(Value::as_str);
            long.extend(data.filter(|data| is_base64 && data.len() > SHOWN));
            fields
                .values()
                .for_each(|field| collect_long_data(field, long));
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
