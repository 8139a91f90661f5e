//! Why the endpoint refuses a request, with the HTTP status and the body that the client gets.

use std::time::Duration;

use hyper::StatusCode;
use serde_json::{Value, json};

use super::fault;

/// Why a request is refused; this determines the HTTP status and the API's error type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RefusalReason {
    /// The request is invalid.
    InvalidRequest,
    /// The key is missing or wrong.
    Authentication,
    /// It may come from elsewhere than a program of this machine.
    Forbidden,
    /// There is no such route or region.
    NotFound,
    /// The route exists, but not for this method.
    MethodNotAllowed,
    /// The body is larger than any platform behind the endpoint accepts.
    TooLarge,
    /// Too many requests or tokens per minute; how long until the request would fit, if ever.
    RateLimit(Option<Duration>),
    /// A deliberate fault with this status.
    Fault(u16),
}

/// A refused request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    reason: RefusalReason,
    message: String,
}

impl Refusal {
    /// Creates a refusal for `reason` with this message.
    pub(super) fn new(reason: RefusalReason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
        }
    }

    /// Refuses an invalid request, the most common reason.
    pub(super) fn invalid_request(message: impl Into<String>) -> Self {
        Self::new(RefusalReason::InvalidRequest, message)
    }

    /// Refuses a request over a limit, and states when it would fit.
    pub(super) fn for_rate_limit(wait: Option<Duration>) -> Self {
        let message = match wait {
            Some(_) => {
                "This request would exceed the rate limit of your workspace. Please try again \
                 later."
            }
            None => {
                "This request alone exceeds the rate limit of your workspace: its input and \
                 max_tokens add up to too many tokens."
            }
        };
        Self::new(RefusalReason::RateLimit(wait), message)
    }

    /// Refuses with this status as a deliberate fault.
    pub(super) fn for_fault(status: u16) -> Self {
        Self::new(RefusalReason::Fault(status), fault::error_of(status).1)
    }

    /// Returns the HTTP status of the response.
    pub(super) fn status(&self) -> StatusCode {
        match self.reason {
            RefusalReason::InvalidRequest => StatusCode::BAD_REQUEST,
            RefusalReason::Authentication => StatusCode::UNAUTHORIZED,
            RefusalReason::Forbidden => StatusCode::FORBIDDEN,
            RefusalReason::NotFound => StatusCode::NOT_FOUND,
            RefusalReason::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            RefusalReason::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            RefusalReason::RateLimit(_) => StatusCode::TOO_MANY_REQUESTS,
            RefusalReason::Fault(status) => {
                StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }

    /// Returns the header that states when to retry, if that is known.
    pub(super) fn retry_header(&self) -> Option<(&'static str, String)> {
        match self.reason {
            RefusalReason::RateLimit(Some(wait)) => {
                let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                Some(("retry-after", seconds.max(1).to_string()))
            }
            // Retrying is useless if it never fits; the SDKs look at this header first.
            RefusalReason::RateLimit(None) => Some(("x-should-retry", "false".to_owned())),
            _ => None,
        }
    }

    /// Returns the body of the response.
    pub(super) fn body(&self, request_id: &str) -> Value {
        let kind = match self.reason {
            // The API has no error type of its own for a wrong method.
            RefusalReason::InvalidRequest | RefusalReason::MethodNotAllowed => {
                "invalid_request_error"
            }
            RefusalReason::Authentication => "authentication_error",
            RefusalReason::Forbidden => "permission_error",
            RefusalReason::NotFound => "not_found_error",
            RefusalReason::TooLarge => "request_too_large",
            RefusalReason::RateLimit(_) => "rate_limit_error",
            RefusalReason::Fault(status) => fault::error_of(status).0,
        };
        json!({
            "type": "error",
            "error": { "type": kind, "message": self.message },
            "request_id": request_id,
        })
    }

    /// Returns the message of the refusal.
    #[cfg(any(test, feature = "internals"))]
    pub(super) fn message(&self) -> &str {
        &self.message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_rounded_up_to_whole_seconds() {
        for (millis, seconds) in [(0, "1"), (1, "1"), (1000, "1"), (1001, "2"), (59_999, "60")] {
            let refusal = Refusal::for_rate_limit(Some(Duration::from_millis(millis)));
            assert_eq!(
                refusal.retry_header(),
                Some(("retry-after", seconds.to_owned()))
            );
        }
        assert_eq!(
            Refusal::for_rate_limit(None).retry_header(),
            Some(("x-should-retry", "false".to_owned()))
        );
    }
}
