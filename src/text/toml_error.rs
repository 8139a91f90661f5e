//! Syntax errors of TOML in the words of somebody who writes a setting, not a parser.

/// How deep TOML may nest, in levels of arrays and inline tables: the limit of the parser, which is
/// below that of JSON.
const MAX_TOML_DEPTH: usize = 80;

/// Returns what is wrong with a line of TOML. `message` is the parser's; the parser has no types
/// for its errors, so those that a mistyped setting causes are recognised by their text.
pub(crate) fn toml_error_text(message: &str) -> String {
    let is_unclosed = |quote| {
        message.starts_with("invalid ") && message.ends_with(&format!("string, expected `{quote}`"))
    };
    if message.starts_with("string values must be quoted") {
        "the value is missing, or is text without quotes".to_owned()
    } else if message.starts_with("key with no value") {
        "expected KEY = VALUE".to_owned()
    } else if is_unclosed('"') || is_unclosed('\'') {
        "the closing quote is missing".to_owned()
    } else if message.contains("max recursion depth") {
        format!("TOML may be nested at most {MAX_TOML_DEPTH} levels deep")
    } else {
        message.lines().collect::<Vec<_>>().join("; ")
    }
}

#[cfg(test)]
mod tests {
    use toml_edit::Document;

    use super::*;

    #[test]
    fn what_is_mistyped_most_often_is_named_in_plain_words() {
        for (text, expected) in [
            (
                "region = ",
                "the value is missing, or is text without quotes",
            ),
            (
                "save = yes",
                "the value is missing, or is text without quotes",
            ),
            (
                "timeout = 30s",
                "the value is missing, or is text without quotes",
            ),
            ("region", "expected KEY = VALUE"),
            ("region = \"eu", "the closing quote is missing"),
            ("region = 'eu", "the closing quote is missing"),
            ("region = \"\"\"eu", "the closing quote is missing"),
            ("region = 'eu'\nregion = 'us'", "duplicate key"),
        ] {
            let error = Document::parse(text).expect_err("not TOML");
            assert_eq!(toml_error_text(error.message()), expected, "{text}");
        }
    }

    #[test]
    fn toml_that_nests_too_deep_is_an_error_that_names_the_limit() {
        let nested = |levels| format!("a = {}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(Document::parse(&nested(MAX_TOML_DEPTH)).is_ok());
        let deep = nested(MAX_TOML_DEPTH + 1);
        let error = Document::parse(&deep).expect_err("one too many");
        assert_eq!(
            toml_error_text(error.message()),
            "TOML may be nested at most 80 levels deep"
        );
    }
}
