//! How an answer that broke off is let go on. Pure.

use serde_json::{Map, Value};

use crate::model_text::{CONTINUE_OPENING, continue_request};
use crate::protocol::{ModelRules, Support};

/// How much of the end of an answer is quoted, in characters.
const QUOTED: usize = 200;

/// Whether a model is known to continue the beginning of an answer that it is given. Others are
/// asked in words.
pub(super) fn takes_prefill(rules: &ModelRules, fields: &Map<String, Value>) -> bool {
    rules.prefill(fields) == Support::Yes
}

/// Whether a message is one that nobody typed, which asks a model to go on.
pub(super) fn is_request(text: &str) -> bool {
    text.starts_with(CONTINUE_OPENING)
}

/// What asks a model in words to go on.
pub(super) fn request(answer: &str) -> String {
    let answer = answer.trim_end();
    let start = answer
        .char_indices()
        .rev()
        .nth(QUOTED - 1)
        .map_or(0, |(place, _)| place);
    continue_request(&answer[start..])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn takes(model: &str, fields: &Map<String, Value>) -> bool {
        takes_prefill(&ModelRules::for_model(model), fields)
    }

    #[test]
    fn models_up_to_4_5_go_on_by_themselves() {
        let no_fields = Map::new();
        for model in [
            "claude-3-haiku-20240307",
            "claude-3-5-sonnet-20240620",
            "claude-sonnet-4-20250514",
            "claude-opus-4-1-20250805",
            "claude-haiku-4-5@20251001",
            "claude-haiku-4-5-default",
            "claude-sonnet-4-5-20250929",
            "claude-opus-4",
        ] {
            assert!(takes(model, &no_fields), "{model}");
        }
        for model in [
            "claude-sonnet-4-6-default",
            "claude-opus-4-8-default",
            "claude-sonnet-5-default",
            "qwen",
            "claude",
        ] {
            assert!(!takes(model, &no_fields), "{model}");
        }
    }

    #[test]
    fn a_model_that_thinks_is_asked_in_words() {
        let fields = Map::from_iter([(
            "thinking".to_owned(),
            json!({"type": "enabled", "budget_tokens": 1024}),
        )]);
        assert!(!takes("claude-sonnet-4-5-20250929", &fields));
        let fields = Map::from_iter([("thinking".to_owned(), json!({"type": "disabled"}))]);
        assert!(takes("claude-sonnet-4-5-20250929", &fields));
    }

    #[test]
    fn the_request_quotes_the_end() {
        assert!(request("short ").contains("with:\n\nshort\n\nContinue"));
        let long = "ä".repeat(500);
        assert_eq!(request(&long).matches('ä').count(), QUOTED);
    }
}
