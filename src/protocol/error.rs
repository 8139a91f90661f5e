//! What can be wrong with an answer, and the API's error bodies in all shapes seen so far.

use serde_json::Value;

use super::answer_limit::AnswerLimit;

/// Why a body is not a complete message.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StreamError {
    /// The API sent an error instead of an answer, or in the middle of one.
    #[error("the server reported an error: {}", .0.message)]
    Api(ApiError),
    /// The body ended before `message_stop`.
    #[error("the connection ended before the answer was complete")]
    Cut,
    /// An event's data does not match the API's documentation.
    #[error("the answer has an invalid event `{event}`")]
    Malformed {
        /// The event's name.
        event: String,
        /// The JSON parser's error.
        source: serde_json::Error,
    },
    /// The order of the events is invalid.
    #[error("the events of the answer are out of order: {0}")]
    OutOfOrder(&'static str),
    /// The arguments of a call are not a JSON object, although the answer was not truncated.
    #[error("the model called `{tool}` with arguments that are not a JSON object")]
    ToolInput {
        /// The tool.
        tool: String,
    },
    /// The body is something other than a message.
    #[error("expected a message, but received{} {excerpt}", if *is_page { "" } else { ":" })]
    NotAMessage {
        /// The beginning of its text; of an HTML page, what it is.
        excerpt: String,
        /// Whether it is an HTML page.
        is_page: bool,
    },
    /// The body is compressed, although compression was not requested.
    #[error("the response is compressed with {encoding}, which was not asked for")]
    Compressed {
        /// The `content-encoding`.
        encoding: String,
    },
    /// More came than any answer has.
    #[error("{0}")]
    TooLarge(AnswerLimit),
}

impl From<AnswerLimit> for StreamError {
    fn from(limit: AnswerLimit) -> Self {
        Self::TooLarge(limit)
    }
}

/// The error that the API reports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ApiError {
    /// The `error.type`, if there is one.
    pub(crate) kind: Option<String>,
    /// The message on one line; the type if there is no message.
    pub(crate) message: String,
    /// The `request_id` of the body.
    pub(crate) request_id: Option<String>,
}

/// The maximum length of a message, in characters.
const MAX_MESSAGE_CHARS: usize = 1000;

/// Marks the place where a message was truncated.
const CUT: char = '…';

/// How much of a body is parsed, in bytes: parsed JSON takes many times its length in memory.
const MAX_READ_BYTES: usize = 64 * 1024;

impl ApiError {
    /// Parses an error body. Known shapes: Anthropic's, OpenAI's, a bare `message`, an `error` that
    /// is text, a gateway's HTML page, plain text, and an empty body, in which case `reason`, the
    /// HTTP reason phrase, is used.
    pub(crate) fn from_body(reason: Option<&str>, body: &[u8]) -> Self {
        let body = &body[..body.len().min(MAX_READ_BYTES)];
        let text = String::from_utf8_lossy(body);
        let parsed: Option<Value> = serde_json::from_slice(body).ok();
        let from_json = parsed.as_ref().and_then(Self::from_json);
        let mut error = from_json.unwrap_or_else(|| Self {
            message: from_text(&text),
            ..Self::default()
        });
        error.message = in_one_line(&error.message);
        if error.message.is_empty() {
            error.message =
                in_one_line(error.kind.as_deref().or(reason).unwrap_or("an empty reply"));
        }
        error
    }

    /// Creates the error of a body that is compressed, although compression was not requested.
    pub(crate) fn compressed(encoding: &str) -> Self {
        Self {
            message: in_one_line(&format!(
                "its message is compressed with {encoding}, which was not asked for"
            )),
            ..Self::default()
        }
    }

    /// Returns `None` if it has neither a message nor a type.
    fn from_json(body: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let error = body.get("error");
        let of_error = |field| error.and_then(|error| error.get(field));
        let places = [
            of_error("message"),
            body.get("message"),
            error,
            body.get("detail"),
        ];
        let message = places.into_iter().flatten().find_map(text);
        let kind = of_error("type").and_then(text);
        let is_any = message.is_some() || kind.is_some();
        let request_id = body.get("request_id").and_then(text);
        is_any.then(|| Self {
            kind,
            message: message.unwrap_or_default(),
            request_id,
        })
    }

    /// Returns the model ids in `Invalid model, available models are: a, b`, Langdock's message for
    /// an unknown model. If the message was truncated, the incomplete last id is left out.
    pub(crate) fn available_models(&self) -> Option<Vec<&str>> {
        let (_, list) = self.message.split_once("available models are:")?;
        let ids = list.split(',').map(|id| id.trim().trim_end_matches('.'));
        let ids: Vec<_> = ids
            .filter(|id| !id.is_empty() && !id.ends_with(CUT))
            .collect();
        (!ids.is_empty()).then_some(ids)
    }
}

/// Returns whether a body is an HTML page.
pub(super) fn is_page(text: &str) -> bool {
    text.trim_start().starts_with('<')
}

/// Returns the text of a page or of plain text; for an HTML page, that is its title.
fn from_text(text: &str) -> String {
    let text = text.trim();
    if !is_page(text) {
        return text.to_owned();
    }
    let lower = text.to_ascii_lowercase();
    let title = lower.find("<title>").and_then(|start| {
        let start = start + "<title>".len();
        lower[start..]
            .find("</title>")
            .map(|length| text[start..start + length].trim())
    });
    match title {
        Some(title) if !title.is_empty() => format!("an HTML page titled \"{title}\""),
        _ => "an HTML page".to_owned(),
    }
}

fn in_one_line(message: &str) -> String {
    let mut line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(MAX_MESSAGE_CHARS) {
        line.truncate(end);
        line.push(CUT);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_of_an_error_body_gives_its_message() {
        for (body, kind, message) in [
            (
                r#"{"type":"error","error":{"type":"rate_limit_error","message":"slow"},"request_id":"req_1"}"#,
                Some("rate_limit_error"),
                "slow",
            ),
            (
                r#"{"error":{"message":"Invalid model","type":"invalid_request_error"}}"#,
                Some("invalid_request_error"),
                "Invalid model",
            ),
            (r#"{"message":"No body"}"#, None, "No body"),
            (r#"{"error":"Bad Request","message":"why"}"#, None, "why"),
            (r#"{"error":"Bad Request"}"#, None, "Bad Request"),
            (r#"{"detail":"Not Found"}"#, None, "Not Found"),
            (
                r#"{"error":{"code":5},"detail":"Not Found"}"#,
                None,
                "Not Found",
            ),
            (
                r#"{"type":"error","error":{"type":"api_error"}}"#,
                Some("api_error"),
                "api_error",
            ),
            (
                r#"{"error":{"type":"api_error","message":null},"detail":"why"}"#,
                Some("api_error"),
                "why",
            ),
            (
                r#"{"error":{"type":"api_error","message":" "}}"#,
                Some("api_error"),
                "api_error",
            ),
            (r#"{"message":""}"#, None, "Too Many Requests"),
            (
                "<html><head><TITLE>502 Bad Gateway</TITLE></head></html>",
                None,
                "an HTML page titled \"502 Bad Gateway\"",
            ),
            ("<!doctype html><p>x", None, "an HTML page"),
            (
                "upstream connect error\n or disconnect",
                None,
                "upstream connect error or disconnect",
            ),
            ("", None, "Too Many Requests"),
            ("{}", None, "{}"),
        ] {
            let error = ApiError::from_body(Some("Too Many Requests"), body.as_bytes());
            assert_eq!(
                (error.kind.as_deref(), error.message.as_str()),
                (kind, message),
                "{body}"
            );
        }
    }

    #[test]
    fn the_request_id_of_the_body_is_kept() {
        let error = ApiError::from_body(None, br#"{"error":{"type":"x"},"request_id":"req_9"}"#);
        assert_eq!(
            (error.request_id.as_deref(), error.message.as_str()),
            (Some("req_9"), "x")
        );
    }

    #[test]
    fn a_long_message_is_cut() {
        assert_eq!(
            ApiError::from_body(None, "é".repeat(5000).as_bytes())
                .message
                .chars()
                .count(),
            MAX_MESSAGE_CHARS + 1
        );
    }

    #[test]
    fn the_available_models_are_read_from_the_message() {
        let body = br#"{"message":"Invalid model, available models are: gpt-5-mini, claude-sonnet-4-6-default."}"#;
        let error = ApiError::from_body(None, body);
        assert_eq!(
            error.available_models(),
            Some(vec!["gpt-5-mini", "claude-sonnet-4-6-default"])
        );
        assert_eq!(ApiError::from_body(None, b"other").available_models(), None);
        for length in 1..40 {
            let (other, id) = ("o".repeat(length), "claude-sonnet-4-6-default");
            let message = format!(
                "available models are: {other}{}",
                format!(", {id}").repeat(60)
            );
            let error = ApiError::from_body(None, message.as_bytes());
            let ids = error.available_models().expect("some are whole");
            assert!(
                ids.len() > 30 && ids[1..].iter().all(|listed| *listed == id),
                "{ids:?}"
            );
        }
    }
}
