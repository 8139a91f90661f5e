//! The maximum number of tokens to generate: no more than the model is known to generate.

use serde_json::Value;

use super::request_spec::RequestSpec;
use crate::config::{Origin, Sourced};
use crate::error::{Error, OptionAdvice};
use crate::text::{counted, grouped};

/// The field of the body.
const MAX_TOKENS: &str = "max_tokens";

/// A `max_tokens` that is not among the fields of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChosenMaxTokens {
    /// The number of tokens.
    pub(crate) tokens: u64,
    /// Its name in messages.
    pub(crate) name: String,
    /// Whether a number that is too large is refused instead of left out.
    pub(crate) is_insisted: bool,
}

impl From<&Sourced<u64>> for ChosenMaxTokens {
    fn from(setting: &Sourced<u64>) -> Self {
        Self {
            tokens: setting.value,
            name: setting.origin.to_string(),
            is_insisted: !matches!(setting.origin, Origin::File(_)),
        }
    }
}

/// What is known about the output of a model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OutputLimit<'m> {
    /// The model's id.
    pub(crate) model: &'m str,
    /// The most tokens that it generates; `None` if that is not known, or is not to be checked.
    pub(crate) known: Option<u64>,
    /// The most tokens if nothing else is chosen.
    pub(crate) default: u64,
}

impl OutputLimit<'_> {
    /// Returns `max_tokens` for a request without the field, and a notice for each number that is
    /// left out because the model is known to generate less.
    ///
    /// # Errors
    ///
    /// If the user insists on such a number.
    pub(crate) fn settle(
        &self,
        spec: &mut RequestSpec,
        chosen: Option<&ChosenMaxTokens>,
    ) -> Result<(u64, Vec<String>), Error> {
        let mut notices = Vec::new();
        let field = spec.fields.get(MAX_TOKENS).and_then(Value::as_u64);
        if let Some(limit) = field.and_then(|tokens| self.exceeded_by(tokens)) {
            spec.fields.shift_remove(MAX_TOKENS);
            notices.push(self.notice(&format!("`{MAX_TOKENS}`"), limit));
        }
        let Some(chosen) = chosen else {
            return Ok((self.default, notices));
        };
        match self.exceeded_by(chosen.tokens) {
            None => Ok((chosen.tokens, notices)),
            Some(limit) if chosen.is_insisted => Err(Error::OptionRefused {
                message: format!(
                    "{} is {}, but {} generates at most {}",
                    chosen.name,
                    grouped(chosen.tokens),
                    self.model,
                    counted(limit, "token")
                ),
                advice: OptionAdvice::FewerTokens { most: limit },
            }),
            Some(limit) => {
                notices.push(self.notice(&chosen.name, limit));
                Ok((self.default, notices))
            }
        }
    }

    fn exceeded_by(&self, tokens: u64) -> Option<u64> {
        self.known.filter(|limit| tokens > *limit)
    }

    fn notice(&self, name: &str, limit: u64) -> String {
        format!(
            "{name} is left out: {} generates at most {}",
            self.model,
            counted(limit, "token")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(
        field: Option<u64>,
        chosen: Option<(u64, bool)>,
        known: Option<u64>,
    ) -> (Result<(u64, Vec<String>), String>, bool) {
        let mut spec = RequestSpec::default();
        if let Some(tokens) = field {
            spec.fields.insert(MAX_TOKENS, Value::from(tokens));
        }
        let chosen = chosen.map(|(tokens, is_insisted)| ChosenMaxTokens {
            tokens,
            name: "`--max-tokens`".to_owned(),
            is_insisted,
        });
        let limit = OutputLimit {
            model: "m",
            known,
            default: 4000,
        };
        let settled = limit.settle(&mut spec, chosen.as_ref());
        let settled = settled.map_err(|error| error.message());
        (settled, spec.fields.contains_key(MAX_TOKENS))
    }

    #[test]
    fn a_number_over_a_known_limit_is_refused_or_left_out() {
        let notice = |name: &str| format!("{name} is left out: m generates at most 8,000 tokens");
        let limit = Some(8000);
        for (field, chosen, known, expected, has_field) in [
            (None, None, limit, (4000, vec![]), false),
            (None, Some((8000, true)), limit, (8000, vec![]), false),
            (None, Some((8001, true)), None, (8001, vec![]), false),
            (
                None,
                Some((8001, false)),
                limit,
                (4000, vec![notice("`--max-tokens`")]),
                false,
            ),
            (Some(8000), None, limit, (4000, vec![]), true),
            (
                Some(8001),
                Some((5, true)),
                limit,
                (5, vec![notice("`max_tokens`")]),
                false,
            ),
            (Some(8001), None, None, (4000, vec![]), true),
        ] {
            assert_eq!(settled(field, chosen, known), (Ok(expected), has_field));
        }
        let (refused, _) = settled(None, Some((8001, true)), limit);
        let message = "`--max-tokens` is 8,001, but m generates at most 8,000 tokens";
        assert_eq!(refused, Err(message.to_owned()));
    }
}
