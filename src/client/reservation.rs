//! What a call reserves of the limits before it is sent, and what response headers report of them.

use reqwest::header::HeaderMap;

use crate::pace::{ReportedLimit, RequestCost, RequestPriority, ServerReport};

/// What a call reserves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reservation {
    /// The model, which has a ledger of its own.
    pub(crate) model: String,
    /// How much.
    pub(crate) cost: RequestCost,
}

impl Reservation {
    /// Creates the reservation for a request of `input` tokens, estimated high, whose answer may
    /// have as many as `max_tokens`.
    pub(crate) fn new(model: &str, input: u64, max_tokens: u64, priority: RequestPriority) -> Self {
        Self {
            model: model.to_owned(),
            cost: RequestCost {
                input,
                max_tokens,
                priority,
            },
        }
    }
}

/// Reads what response headers report of the limits, in Langdock's names or in Anthropic's; none
/// where they report nothing.
pub(super) fn report_of(headers: &HeaderMap) -> Option<ServerReport> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse().ok();
    let reported = |limit: &str, remaining: &str| {
        Some(ReportedLimit {
            limit: number(limit)?,
            remaining: number(remaining),
        })
    };
    let report = ServerReport {
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
    (report != ServerReport::default()).then_some(report)
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
            report_of(&pairs.iter().map(pair).collect())
        };
        assert_eq!(
            headers(&[("retry-after", "1"), ("x-ratelimit-limit-requests", "many")]),
            None
        );
        let requests = Some(ReportedLimit {
            limit: 500,
            remaining: Some(499),
        });
        let tokens = Some(ReportedLimit {
            limit: 60_000,
            remaining: None,
        });
        let langdock = [
            ("x-ratelimit-limit-requests", "500"),
            ("x-ratelimit-remaining-requests", "499"),
            ("x-ratelimit-limit-tokens", "60000"),
        ];
        assert_eq!(headers(&langdock), Some(ServerReport { requests, tokens }));
        let anthropic = [
            ("anthropic-ratelimit-requests-limit", "500"),
            ("anthropic-ratelimit-requests-remaining", "499"),
            ("anthropic-ratelimit-tokens-limit", "60000"),
        ];
        assert_eq!(headers(&anthropic), Some(ServerReport { requests, tokens }));
    }
}
