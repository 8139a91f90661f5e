//! What a call books of the limits before it is sent, and what a server says of them.

use reqwest::header::HeaderMap;

use crate::pace::{Asked, Priority, Received, Reported};

/// What a call books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Booking {
    /// The model, which has a book of its own.
    pub(crate) model: String,
    /// How much.
    pub(crate) asked: Asked,
}

impl Booking {
    /// Books for a request of so many tokens, estimated high, whose answer may have as many as
    /// `max_tokens`.
    pub(crate) fn of(model: &str, input: u64, max_tokens: u64, priority: Priority) -> Self {
        Self {
            model: model.to_owned(),
            asked: Asked {
                input,
                max_tokens,
                priority,
            },
        }
    }
}

/// Reads what a server says of its limits, in Langdock's headers or in Anthropic's; none where it
/// says nothing.
pub(super) fn received(headers: &HeaderMap) -> Option<Received> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse().ok();
    let reported = |limit: &str, remaining: &str| {
        Some(Reported {
            limit: number(limit)?,
            remaining: number(remaining),
        })
    };
    let received = Received {
        requests: reported(
            "x-ratelimit-limit-requests",
            "x-ratelimit-remaining-requests",
        )
        .or_else(|| {
            reported(
                "anthropic-ratelimit-requests-limit",
                "anthropic-ratelimit-requests-remaining",
            )
        }),
        tokens: reported("x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens").or_else(
            || {
                reported(
                    "anthropic-ratelimit-tokens-limit",
                    "anthropic-ratelimit-tokens-remaining",
                )
            },
        ),
    };
    (received != Received::default()).then_some(received)
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn both_families_of_headers_are_read() {
        let headers = |pairs: &[(&'static str, &'static str)]| {
            let pair = |(name, value): &(&'static str, &'static str)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            };
            received(&pairs.iter().map(pair).collect())
        };
        assert_eq!(
            headers(&[("retry-after", "1"), ("x-ratelimit-limit-requests", "many")]),
            None
        );
        let requests = Some(Reported {
            limit: 500,
            remaining: Some(499),
        });
        let tokens = Some(Reported {
            limit: 60_000,
            remaining: None,
        });
        let langdock = [
            ("x-ratelimit-limit-requests", "500"),
            ("x-ratelimit-remaining-requests", "499"),
            ("x-ratelimit-limit-tokens", "60000"),
        ];
        assert_eq!(headers(&langdock), Some(Received { requests, tokens }));
        let anthropic = [
            ("anthropic-ratelimit-requests-limit", "500"),
            ("anthropic-ratelimit-requests-remaining", "499"),
            ("anthropic-ratelimit-tokens-limit", "60000"),
        ];
        assert_eq!(headers(&anthropic), Some(Received { requests, tokens }));
    }
}
