//! What becomes of requests teaches which options their models accept.

use std::time::SystemTime;

use super::driver::SendOutcome;
use crate::config::State;
use crate::error::Error;
use crate::protocol::{ModelOption, ModelRules, OptionFacts, OptionUse, Support, refused_options};

/// Learns from what becomes of requests which options their models accept.
#[derive(Debug, Clone)]
pub(crate) struct OptionLearner {
    /// Where it is remembered, and by which name; none for the built-in endpoint.
    pub(super) store: Option<(State, String)>,
    /// Whether requests have options that are known to be refused: `--no-check`.
    pub(super) is_unchecked: bool,
}

impl OptionLearner {
    /// Learns from the outcome of a request to `model` that used these options. A refusal counts
    /// if it names one, and an answer if it was not known that there would be one. Returns what is
    /// new, in words, or why it cannot be remembered.
    pub(crate) fn learn(
        &self,
        model: &str,
        uses: &[OptionUse],
        outcome: &SendOutcome,
    ) -> Option<String> {
        let (state, name) = self.store.as_ref().filter(|_| !uses.is_empty())?;
        let now = SystemTime::now();
        let known = || state.learned(name, now).of_model(model);
        let facts: OptionFacts = if let Some(message) = refusal(outcome) {
            let refused = refused_options(uses, message);
            refused.into_iter().map(|option| (option, false)).collect()
        } else if self.is_unchecked && outcome.answer.is_some() {
            let rules = ModelRules::for_model(model).with_learned(known());
            let is_news = |found: &&OptionUse| {
                found.is_decisive && rules.support(found.option) != Support::Yes
            };
            let accepted = uses.iter().filter(is_news);
            accepted.map(|found| (found.option, true)).collect()
        } else {
            return None;
        };
        let known = known();
        if facts
            .iter()
            .all(|(option, fact)| known.get(option) == Some(fact))
        {
            return None;
        }
        let fact = |(option, is_accepted): (&ModelOption, &bool)| {
            let verb = if *is_accepted { "accepts" } else { "refuses" };
            format!("{verb} {}", option.name())
        };
        let words: Vec<String> = facts.iter().map(fact).collect();
        Some(match state.learn(name, model, &facts, now) {
            Ok(()) => format!("remembered: {model} {}", words.join(", ")),
            Err(error) => format!("cannot remember what {model} accepts: {error}"),
        })
    }
}

/// Returns the message of a response that refuses the request itself.
fn refusal(outcome: &SendOutcome) -> Option<&str> {
    let Some(Error::Call {
        source,
        after_content: false,
        ..
    }) = &outcome.error
    else {
        return None;
    };
    let is_refused = matches!(source.status(), Some(400 | 422));
    Some(source.api().filter(|_| is_refused)?.message.as_str())
}
