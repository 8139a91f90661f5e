//! How to continue an answer that broke off. Pure.

use serde_json::{Map, Value};

use crate::exchange::answer_parts::last_line;
use crate::model_text::continue_request;
use crate::protocol::{ModelRules, Support};

/// Whether the model is known to continue a prefilled answer. Other models are asked to by a
/// message.
pub(super) fn takes_prefill(rules: &ModelRules, fields: &Map<String, Value>) -> bool {
    rules.prefill(fields) == Support::Yes
}

/// Returns the message that asks the model to continue.
pub(super) fn request(answer: &str) -> String {
    continue_request(last_line(answer))
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
    fn the_request_quotes_the_last_line() {
        assert!(request("first\n  last ").contains("with:\n\n  last\n\nContinue"));
    }
}
