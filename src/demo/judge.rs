//! What the endpoint says of a request, in process: for tests of what makes requests.

use serde_json::Value;

use super::ask::ParsedRequest;
#[cfg(test)]
use super::ask::ThinkingMode;
use super::check::check_request;
use super::models::DemoRegion;
#[cfg(test)]
use super::signature::{self, ThinkingSeal};

/// The key that requests in process count as sent with.
const KEY: &str = "sk-ld-in-process";

/// A request that breaks no rule, as far as its answer depends on it.
#[cfg(test)]
pub(crate) struct JudgedRequest {
    /// Whether the answer begins with thinking.
    pub(crate) has_thinking: bool,
    /// What thinking in the answer is bound to.
    seal: ThinkingSeal,
}

#[cfg(test)]
impl JudgedRequest {
    /// Signs the thinking of the answer.
    pub(crate) fn sign(&self, thinking: &str) -> String {
        self.seal.sign(thinking)
    }

    /// Returns the id of a call of an answer; `thinking` is the signature of the thinking before
    /// it.
    pub(crate) fn call_id(number: usize, thinking: Option<&str>) -> String {
        signature::call_id(number, thinking)
    }
}

/// Checks a request for a message, and returns what its answer depends on.
///
/// # Errors
///
/// If the endpoint refuses it; the error is its message.
#[cfg(test)]
pub(crate) fn judge_request(body: &[u8]) -> Result<JudgedRequest, String> {
    check(body, |ask| JudgedRequest {
        has_thinking: ask.thinking != ThinkingMode::Off,
        seal: ask.seal_before(usize::MAX, ask.last_signature()),
    })
}

/// Returns what the endpoint refuses a request for a message with, if it does.
#[cfg(feature = "internals")]
pub(crate) fn refusal_of(body: &[u8]) -> Option<String> {
    check(body, |_| ()).err()
}

fn check<T>(body: &[u8], read: impl FnOnce(&ParsedRequest<'_>) -> T) -> Result<T, String> {
    let body: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let checked = check_request(&body, DemoRegion::Us, KEY);
    checked
        .map(|ask| read(&ask))
        .map_err(|refusal| refusal.message().to_owned())
}
