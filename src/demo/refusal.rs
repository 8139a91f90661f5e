//! What the endpoint refuses, with the HTTP status and the body that a client gets for it.

use hyper::StatusCode;
use serde_json::{Value, json};

/// Why a request is refused; it sets the HTTP status and the API's error type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// The request itself is wrong.
    InvalidRequest,
    /// No key, or not the right one.
    Authentication,
    /// No such route or region.
    NotFound,
    /// A route that exists, asked in another way.
    MethodNotAllowed,
    /// More bytes than any platform behind the endpoint takes.
    TooLarge,
}

/// A refused request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    reason: Reason,
    message: String,
}

impl Refusal {
    /// Refuses for `reason`, in the words of `message`.
    pub(super) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }

    /// Refuses a wrong request, the commonest reason.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Reason::InvalidRequest, message)
    }

    /// Returns the HTTP status of the answer.
    pub(super) fn status(&self) -> StatusCode {
        match self.reason {
            Reason::InvalidRequest => StatusCode::BAD_REQUEST,
            Reason::Authentication => StatusCode::UNAUTHORIZED,
            Reason::NotFound => StatusCode::NOT_FOUND,
            Reason::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Reason::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        }
    }

    /// Returns the body of the answer.
    pub(super) fn body(&self, request_id: &str) -> Value {
        let kind = match self.reason {
            // The API has no type of its own for a wrong method.
            Reason::InvalidRequest | Reason::MethodNotAllowed => "invalid_request_error",
            Reason::Authentication => "authentication_error",
            Reason::NotFound => "not_found_error",
            Reason::TooLarge => "request_too_large",
        };
        json!({ "type": "error", "error": { "type": kind, "message": self.message }, "request_id": request_id })
    }

    /// Returns the words of the refusal.
    #[cfg(test)]
    pub(super) fn message(&self) -> &str {
        &self.message
    }
}
