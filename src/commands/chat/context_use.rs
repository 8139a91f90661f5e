//! How full the model's context window is. Pure.

use std::fmt;

use crate::text::{counted, grouped};

/// From this percentage on, the conversation is offered to be compacted. The rest has room for a
/// further question and its answer, and for the summary.
const NEARLY_FULL_PERCENT: u64 = 80;

/// The tokens of a conversation, and how many its model can take in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ContextUse {
    tokens: u64,
    /// The size of the context window, if it is known.
    window: Option<u64>,
    /// Whether the tokens are estimated, since no answer has counted them.
    is_estimated: bool,
}

impl ContextUse {
    /// Creates it from the tokens that the last answer has counted. A window that they exceed is
    /// not the model's, so its size is not known.
    pub(super) fn from_count(tokens: u64, window: Option<u64>) -> Self {
        Self {
            tokens,
            window: window.filter(|window| *window > 0 && tokens <= *window),
            is_estimated: false,
        }
    }

    /// Creates it from estimated tokens.
    pub(super) fn from_estimate(tokens: u64, window: Option<u64>) -> Self {
        Self {
            is_estimated: true,
            ..Self::from_count(tokens, window)
        }
    }

    /// Returns the used share in percent, if the size of the window is known.
    fn percent(self) -> Option<u64> {
        let percent = u128::from(self.tokens) * 100 / u128::from(self.window?);
        Some(u64::try_from(percent).unwrap_or(u64::MAX))
    }

    /// Returns the used share in words, such as `12%`, or `~12%` if it is estimated.
    pub(super) fn share(self) -> Option<String> {
        Some(match self.percent()? {
            0 => "<1%".to_owned(),
            percent => format!("{}{percent}%", self.sign()),
        })
    }

    /// Returns what the prompt shows: the share, or the tokens where it is not known.
    pub(super) fn in_prompt(self) -> String {
        self.share().map_or_else(
            || {
                format!(
                    "{}{} in context",
                    self.sign(),
                    counted(self.tokens, "token")
                )
            },
            |share| format!("{share} of context"),
        )
    }

    /// Returns what precedes a number.
    fn sign(self) -> &'static str {
        if self.is_estimated { "~" } else { "" }
    }

    /// Whether the conversation should be compacted soon. An estimate is not enough to say so.
    pub(super) fn is_nearly_full(self) -> bool {
        let percent = self.percent().filter(|_| !self.is_estimated);
        percent.is_some_and(|percent| percent >= NEARLY_FULL_PERCENT)
    }
}

impl fmt::Display for ContextUse {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tokens = format!("{}{}", self.sign(), grouped(self.tokens));
        match (self.window, self.share()) {
            (Some(window), Some(share)) => write!(
                formatter,
                "context window: {tokens} of {} tokens ({share})",
                grouped(window)
            ),
            _ => write!(formatter, "context: {tokens} tokens"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_rounded_down_and_never_nothing() {
        let context = |tokens| ContextUse::from_count(tokens, Some(200_000));
        for (tokens, share, is_nearly_full) in [
            (0, "<1%", false),
            (1_999, "<1%", false),
            (2_000, "1%", false),
            (159_999, "79%", false),
            (160_000, "80%", true),
            (200_000, "100%", true),
        ] {
            let context = context(tokens);
            assert_eq!(
                (context.share().as_deref(), context.is_nearly_full()),
                (Some(share), is_nearly_full),
                "{tokens}"
            );
        }
        assert_eq!(
            context(12_345).to_string(),
            "context window: 12,345 of 200,000 tokens (6%)"
        );
    }

    #[test]
    fn an_estimate_is_marked_and_offers_nothing() {
        let context = ContextUse::from_estimate(190_000, Some(200_000));
        assert_eq!(context.in_prompt(), "~95% of context");
        assert!(!context.is_nearly_full());
        assert_eq!(
            ContextUse::from_estimate(5, None).in_prompt(),
            "~5 tokens in context"
        );
    }

    #[test]
    fn a_window_that_is_exceeded_is_not_the_models() {
        for window in [Some(200_000), Some(0), None] {
            let context = ContextUse::from_count(200_001, window);
            assert_eq!(context.in_prompt(), "200,001 tokens in context");
            assert_eq!(context.to_string(), "context: 200,001 tokens");
            assert!(!context.is_nearly_full());
        }
        let full = ContextUse::from_count(u64::MAX, Some(u64::MAX));
        assert_eq!(full.share().as_deref(), Some("100%"));
    }
}
