//! Errors of the JSON parser without their place: in a file of JSON lines it is always line 1.

/// Returns what the parser found, without ` at line 1 column 2`.
pub(crate) fn json_error_text(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_place_is_left_out_and_the_reason_is_kept() {
        for (text, expected) in [
            ("x", "expected value"),
            ("{", "EOF while parsing an object"),
            ("1 2", "trailing characters"),
        ] {
            let error = serde_json::from_str::<Value>(text).expect_err("not JSON");
            assert_eq!(json_error_text(&error), expected);
        }
    }
}
