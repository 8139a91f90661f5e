//! The table of the request fields that have a flag: their names everywhere, their types, and their
//! descriptions.
//!
//! The command-line flags, the template keys, the validation of `--set` and the order in the body
//! are derived from it. Any other field from `--set`, `--messages` or a template is sent unchanged.

use serde_json::{Value, json};

use crate::text::grouped;

/// The maximum of any count: tokens, retries, jobs.
pub(crate) const MAX_COUNT: u64 = u32::MAX as u64;

/// A field of the request's body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RequestField {
    /// Its key in the body.
    pub(crate) key: &'static str,
    /// Its key in a template.
    pub(crate) name: &'static str,
    /// Its flag.
    pub(crate) flag: &'static str,
    /// The letter of its short flag, if it has one.
    pub(crate) short: Option<char>,
    /// The type of its values.
    pub(crate) shape: FieldShape,
    /// What it is for: a line without a full stop.
    pub(crate) help: &'static str,
}

/// The type of a field's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldShape {
    /// Text; the flag also accepts `@FILE`.
    Prompt,
    /// A whole number from 1 to [`MAX_COUNT`].
    Count,
    /// A number from 0 to 1.
    Fraction,
    /// A list of texts that are not blank; the flag can be repeated.
    Texts,
    /// An object with the text in its field `user_id`, of at most [`MAX_USER_ID_CHARS`].
    UserId,
    /// The object `thinking` of the body, or a value that is converted to one once the model is
    /// known: `auto`, `off`, or a budget in tokens, at least [`MIN_THINKING_BUDGET`].
    Thinking,
    /// An object whose field `effort` is one of [`EFFORT_LEVELS`].
    Effort,
}

/// The longest `metadata.user_id` that the API accepts, in characters. Source: Langdock's `OpenAPI`
/// file.
const MAX_USER_ID_CHARS: usize = 256;

/// The smallest thinking budget that the API accepts, in tokens.
pub(crate) const MIN_THINKING_BUDGET: u64 = 1024;

/// The effort levels, lowest first.
pub(crate) const EFFORT_LEVELS: [&str; 5] = ["low", "medium", "high", "xhigh", "max"];

/// The sampling temperature.
pub(crate) const TEMPERATURE: RequestField = RequestField {
    key: "temperature",
    name: "temperature",
    flag: "--temperature",
    short: None,
    shape: FieldShape::Fraction,
    help: "Randomness, 0 to 1",
};

/// The system prompt.
pub(crate) const SYSTEM: RequestField = RequestField {
    key: "system",
    name: "system",
    flag: "--system",
    short: Some('s'),
    shape: FieldShape::Prompt,
    help: "System prompt; @FILE reads it from a file",
};

/// Texts at which the answer stops.
pub(crate) const STOP: RequestField = RequestField {
    key: "stop_sequences",
    name: "stop",
    flag: "--stop",
    short: None,
    shape: FieldShape::Texts,
    help: "Stop at this text; may be repeated (in the config file or a template: a list)",
};

/// The user on whose behalf the request is made.
pub(crate) const USER_ID: RequestField = RequestField {
    key: "metadata",
    name: "user_id",
    flag: "--user-id",
    short: None,
    shape: FieldShape::UserId,
    help: "An opaque id for the user, sent as metadata.user_id",
};

/// Nucleus sampling: the cumulative probability of the tokens to sample from.
pub(crate) const TOP_P: RequestField = RequestField {
    key: "top_p",
    name: "top_p",
    flag: "--top-p",
    short: None,
    shape: FieldShape::Fraction,
    help: "Nucleus sampling, 0 to 1",
};

/// The number of most likely tokens to sample from.
pub(crate) const TOP_K: RequestField = RequestField {
    key: "top_k",
    name: "top_k",
    flag: "--top-k",
    short: None,
    shape: FieldShape::Count,
    help: "Sample from the N likeliest tokens, at least 1",
};

/// Reasoning before the answer.
pub(crate) const THINKING: RequestField = RequestField {
    key: "thinking",
    name: "thinking",
    flag: "--thinking",
    short: None,
    shape: FieldShape::Thinking,
    help: "Reasoning before the answer: `auto`, `off`, or a budget of N tokens, at least 1024",
};

/// How much effort the model puts in. Unverified against Langdock.
pub(crate) const EFFORT: RequestField = RequestField {
    key: "output_config",
    name: "effort",
    flag: "--effort",
    short: None,
    shape: FieldShape::Effort,
    help: "How hard the model tries: `low`, `medium`, `high`, `xhigh` or `max`",
};

/// Every field with its own flag, in the order of `--help` and of the body.
pub(crate) static REQUEST_FIELDS: [RequestField; 9] = [
    SYSTEM,
    RequestField {
        key: "max_tokens",
        name: "max_tokens",
        flag: "--max-tokens",
        short: None,
        shape: FieldShape::Count,
        help: "Maximum tokens to generate",
    },
    TEMPERATURE,
    TOP_P,
    TOP_K,
    STOP,
    // Not in Langdock's newer OpenAPI file: unverified against Langdock.
    USER_ID,
    THINKING,
    EFFORT,
];

impl RequestField {
    /// Returns the field with this key in the body.
    pub(crate) fn find(key: &str) -> Option<&'static Self> {
        REQUEST_FIELDS.iter().find(|field| field.key == key)
    }

    /// Returns the field with this key in a template.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        REQUEST_FIELDS.iter().find(|field| field.name == name)
    }

    /// Parses the value of its flag. A flag that can be repeated returns a list of one.
    ///
    /// # Errors
    ///
    /// If it is out of range; the message states what is required.
    pub(crate) fn parse(&self, text: &str) -> Result<Value, String> {
        let value = match self.shape {
            FieldShape::Prompt => Some(json!(text)),
            FieldShape::Count => text.parse::<u64>().ok().map(Value::from),
            FieldShape::Fraction => text.parse::<f64>().ok().map(Value::from),
            FieldShape::Texts if text.trim().is_empty() => {
                return Err("must not be blank".to_owned());
            }
            FieldShape::Texts => Some(json!([text])),
            FieldShape::UserId => Some(json!({ "user_id": text })),
            FieldShape::Thinking => match text.parse::<u64>() {
                Ok(budget) => Some(json!(budget)),
                Err(_) => Some(json!(text)),
            },
            FieldShape::Effort if !EFFORT_LEVELS.contains(&text) => None,
            FieldShape::Effort => Some(json!({ "effort": text })),
        };
        let value = value.ok_or_else(|| self.shape.needed())?;
        self.check(&value)?;
        Ok(value)
    }

    /// Checks that a value of the body is in range. Values without a known range are left to the
    /// API.
    ///
    /// # Errors
    ///
    /// If it is out of range; the message states what is required.
    pub(crate) fn check(&self, value: &Value) -> Result<(), String> {
        let is_good = match self.shape {
            FieldShape::Count => value
                .as_u64()
                .is_some_and(|number| (1..=MAX_COUNT).contains(&number)),
            FieldShape::Fraction => value
                .as_f64()
                .is_some_and(|number| (0.0..=1.0).contains(&number)),
            FieldShape::Thinking => match value {
                Value::String(wish) => matches!(wish.as_str(), "auto" | "off"),
                Value::Number(budget) => budget
                    .as_u64()
                    .is_some_and(|budget| (MIN_THINKING_BUDGET..=MAX_COUNT).contains(&budget)),
                _ => true,
            },
            FieldShape::UserId => value["user_id"]
                .as_str()
                .is_none_or(|id| id.chars().count() <= MAX_USER_ID_CHARS),
            FieldShape::Prompt | FieldShape::Texts | FieldShape::Effort => true,
        };
        if is_good {
            Ok(())
        } else {
            Err(self.shape.needed())
        }
    }
}

impl FieldShape {
    /// Returns the words that a value may be, as far as it is a word.
    pub(crate) fn words(self) -> &'static [&'static str] {
        match self {
            Self::Thinking => &["auto", "off"],
            Self::Effort => &EFFORT_LEVELS,
            _ => &[],
        }
    }

    /// Returns what is required, for messages.
    pub(crate) fn needed(self) -> String {
        match self {
            Self::Count => format!("must be a whole number from 1 to {}", grouped(MAX_COUNT)),
            Self::Fraction => "must be a number from 0 to 1".to_owned(),
            Self::Prompt => "must be text".to_owned(),
            Self::UserId => format!("must be text of at most {MAX_USER_ID_CHARS} characters"),
            Self::Texts => "must be text or a list of strings".to_owned(),
            Self::Thinking => format!(
                "must be `auto`, `off`, or a whole number from {} to {}",
                grouped(MIN_THINKING_BUDGET),
                grouped(MAX_COUNT)
            ),
            Self::Effort => format!("must be one of `{}`", EFFORT_LEVELS.join("`, `")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(key: &str) -> &'static RequestField {
        RequestField::find(key).expect("a field")
    }

    #[test]
    fn a_number_out_of_range_is_refused_with_the_range() {
        let temperature = field("temperature");
        assert_eq!(temperature.parse("0"), Ok(json!(0.0)));
        assert_eq!(temperature.parse("1"), Ok(json!(1.0)));
        for text in ["-0.1", "1.01", "NaN", "inf", "x"] {
            let error = temperature.parse(text).expect_err(text);
            assert!(error.contains("0 to 1"), "{text}: {error}");
        }
        let top_k = field("top_k");
        assert_eq!(top_k.parse("1"), Ok(json!(1)));
        for text in ["0", "-1", "1.5", "", "4294967296"] {
            let error = top_k.parse(text).expect_err(text);
            assert!(error.contains("from 1 to 4,294,967,295"), "{text}: {error}");
        }
    }

    #[test]
    fn thinking_is_a_word_a_budget_or_the_object_of_the_body() {
        assert_eq!(THINKING.parse("auto"), Ok(json!("auto")));
        assert_eq!(THINKING.parse("off"), Ok(json!("off")));
        assert_eq!(THINKING.parse("1024"), Ok(json!(1024)));
        for text in ["0", "1023", "-1", "1.5", "on", "", "4294967296"] {
            let error = THINKING.parse(text).expect_err(text);
            assert!(
                error.contains("`auto`, `off`, or a whole number from 1,024"),
                "{text}: {error}"
            );
        }
        assert_eq!(THINKING.check(&json!({"type": "between_tools"})), Ok(()));
    }

    #[test]
    fn effort_has_five_levels() {
        for level in EFFORT_LEVELS {
            assert_eq!(EFFORT.parse(level), Ok(json!({"effort": level})));
        }
        let error = EFFORT.parse("maximum").expect_err("not a level");
        assert_eq!(
            error,
            "must be one of `low`, `medium`, `high`, `xhigh`, `max`"
        );
    }

    #[test]
    fn what_a_flag_has_becomes_what_the_body_has() {
        assert_eq!(field("stop_sequences").parse("END"), Ok(json!(["END"])));
        assert!(field("stop_sequences").parse(" \n").is_err());
        assert_eq!(field("metadata").parse("u1"), Ok(json!({"user_id": "u1"})));
        assert!(field("metadata").parse(&"é".repeat(256)).is_ok());
        assert_eq!(
            field("metadata").parse(&"é".repeat(257)),
            Err("must be text of at most 256 characters".to_owned())
        );
        assert_eq!(field("metadata").flag, "--user-id");
    }
}
