//! JSON-RPC messages, as text and as values. Pure.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use crate::protocol::{ExactFields, ExactJson};
use crate::text::{JsonPlace, check_depth};

/// How much of what a server says is kept, in characters, where it is not a result.
const MAX_SAID: usize = 2000;

/// The code of an answer to a request that is not served.
pub(super) const METHOD_NOT_FOUND: i64 = -32601;

/// The code of a server that does not speak the revision it was asked for.
pub(super) const UNSUPPORTED_REVISION: i64 = -32022;

/// Why a request failed, in the server's words; of many, the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RpcError {
    /// The number of the error.
    pub(crate) code: i64,
    /// The message.
    pub(crate) message: String,
}

/// One message of a server.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ServerMessage {
    /// The answer to the request with this number.
    Answer(u64, Result<ExactJson, RpcError>),
    /// A request, which gets this message as its answer.
    Request(String),
    /// How far the request with this number is, in words.
    Progress(u64, String),
    /// The list of tools has changed.
    ListChanged,
    /// A message that asks for nothing.
    Ignored,
}

/// A message to a server.
#[derive(Debug, Clone)]
pub(super) struct OutgoingMessage {
    /// The number of a request; `None` for a notification or an answer.
    pub(super) id: Option<u64>,
    /// The method; empty for an answer.
    pub(super) method: &'static str,
    /// The tool that is called, if it is a call.
    pub(super) tool: Option<String>,
    /// The message, as one line of JSON.
    pub(super) text: String,
}

impl OutgoingMessage {
    /// Creates a request. `params` is a JSON object.
    pub(super) fn request(id: u64, method: &'static str, params: &str) -> Self {
        Self {
            id: Some(id),
            method,
            tool: None,
            text: format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#),
        }
    }

    /// Creates a notification. `params` is a JSON object; empty if there are none.
    pub(super) fn notification(method: &'static str, params: &str) -> Self {
        let text = if params.is_empty() {
            format!(r#"{{"jsonrpc":"2.0","method":"{method}"}}"#)
        } else {
            format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#)
        };
        Self {
            id: None,
            method,
            tool: None,
            text,
        }
    }

    /// Creates the answer to a request of the server.
    pub(super) fn answer(text: String) -> Self {
        Self {
            id: None,
            method: "",
            tool: None,
            text,
        }
    }

    /// Makes it the call of a tool.
    pub(super) fn for_tool(mut self, tool: &str) -> Self {
        self.tool = Some(tool.to_owned());
        self
    }
}

/// The text is not a JSON-RPC message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotAMessage;

/// Parses what a server sent: one message, or an array of them, as servers of older revisions send.
pub(super) fn parse_messages(text: &[u8]) -> Result<Vec<ServerMessage>, NotAMessage> {
    let text = std::str::from_utf8(text).map_err(|_| NotAMessage)?;
    let Ok(json) = ExactJson::parse_envelope(text) else {
        return deep_answers(text).ok_or(NotAMessage);
    };
    let messages = if json.is_array() {
        json.items()
    } else {
        vec![json]
    };
    let read = |message| ExactFields::from_object(message).map(read_message);
    let messages: Option<_> = messages.into_iter().map(read).collect();
    messages.ok_or(NotAMessage)
}

/// Reads a text that nests too deep to be parsed: the answers in it count as errors that say so.
/// There is nothing to be done about other messages.
fn deep_answers(text: &str) -> Option<Vec<ServerMessage>> {
    /// What is read of a message; the rest is skipped, however deep it nests.
    #[derive(Deserialize)]
    struct DeepMessage {
        id: Option<Value>,
        method: Option<IgnoredAny>,
    }
    let error = check_depth(text.as_bytes(), JsonPlace::Envelope).err()?;
    let messages: Vec<DeepMessage> = if text.trim_start().starts_with('[') {
        serde_json::from_str(text).ok()?
    } else {
        vec![serde_json::from_str(text).ok()?]
    };
    let read = |message: DeepMessage| match message.id.as_ref().and_then(number_of) {
        Some(id) if message.method.is_none() => {
            let message = format!("the reply is nested too deeply: {error}");
            ServerMessage::Answer(id, Err(RpcError { code: 0, message }))
        }
        _ => ServerMessage::Ignored,
    };
    let messages: Vec<ServerMessage> = messages.into_iter().map(read).collect();
    let is_answer = |message: &ServerMessage| matches!(message, ServerMessage::Answer(..));
    messages.iter().any(is_answer).then_some(messages)
}

fn read_message(mut message: ExactFields) -> ServerMessage {
    let id = message.shift_remove("id").filter(|id| !id.is_null());
    let method = message.get("method").and_then(Value::as_str);
    match (method, id) {
        (Some("ping"), Some(id)) => {
            ServerMessage::Request(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#))
        }
        (Some(method), Some(id)) => {
            let message = format!("method not found: {}", shortened(method));
            let error = json!({"code": METHOD_NOT_FOUND, "message": message});
            ServerMessage::Request(format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#))
        }
        (Some("notifications/tools/list_changed"), None) => ServerMessage::ListChanged,
        (Some("notifications/progress"), None) => {
            let progress = &message["params"];
            number_of(&progress["progressToken"]).map_or(ServerMessage::Ignored, |id| {
                ServerMessage::Progress(id, progress_in_words(progress))
            })
        }
        (Some(_), None) => ServerMessage::Ignored,
        (None, id) => match id.as_deref().and_then(number_of) {
            Some(id) => ServerMessage::Answer(id, answer_of(message)),
            None => ServerMessage::Ignored,
        },
    }
}

fn answer_of(mut message: ExactFields) -> Result<ExactJson, RpcError> {
    let error = message.shift_remove("error");
    match error.filter(|error| !error.is_null()) {
        None => Ok(message.shift_remove("result").unwrap_or_default()),
        Some(error) => Err(RpcError {
            code: error["code"].as_i64().unwrap_or_default(),
            message: match error["message"].as_str() {
                Some(message) => shortened(message),
                None => shortened(&error.to_string()),
            },
        }),
    }
}

/// Returns the number of a request. Some servers send it back as text.
fn number_of(id: &Value) -> Option<u64> {
    match id {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// Returns a progress notification as `3 of 10: message`.
fn progress_in_words(progress: &Value) -> String {
    let number = |key: &str| progress[key].as_f64().map(|number| number.to_string());
    let mut words = match (number("progress"), number("total")) {
        (Some(done), Some(total)) => format!("{done} of {total}"),
        (Some(done), None) => done,
        (None, _) => String::new(),
    };
    if let Some(message) = progress["message"].as_str().filter(|text| !text.is_empty()) {
        if !words.is_empty() {
            words.push_str(": ");
        }
        words.push_str(message);
    }
    shortened(&words)
}

/// Shortens what a server says where it is not a result.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_SAID) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(text: &str) -> ServerMessage {
        let mut messages = parse_messages(text.as_bytes()).expect(text);
        assert_eq!(messages.len(), 1, "{text}");
        messages.remove(0)
    }

    #[test]
    fn answers_are_matched_by_number_even_if_it_comes_back_as_text() {
        for id in ["7", "\"7\""] {
            let answer = only(&format!(
                r#"{{"jsonrpc":"2.0","id":{id},"result":{{"a":1}}}}"#
            ));
            assert_eq!(answer, ServerMessage::Answer(7, Ok(json!({"a": 1}).into())));
        }
        let failed = only(r#"{"id":8,"error":{"code":-5,"message":"no"}}"#);
        let error = RpcError {
            code: -5,
            message: "no".to_owned(),
        };
        assert_eq!(failed, ServerMessage::Answer(8, Err(error)));
        assert_eq!(
            only(r#"{"id":null,"result":{}}"#),
            ServerMessage::Ignored,
            "an answer to nothing"
        );
    }

    #[test]
    fn a_request_of_the_server_is_answered_and_a_ping_succeeds() {
        for method in ["sampling/createMessage", "elicitation/create", "roots/list"] {
            let text = format!(r#"{{"jsonrpc":"2.0","id":"s1","method":"{method}"}}"#);
            let ServerMessage::Request(reply) = only(&text) else {
                panic!("{method} is a request");
            };
            let reply: Value = serde_json::from_str(&reply).expect("a reply is JSON");
            assert_eq!(
                (&reply["id"], &reply["error"]["code"]),
                (&json!("s1"), &json!(-32601))
            );
        }
        let ping = only(r#"{"jsonrpc":"2.0","id":3,"method":"ping"}"#);
        let reply = r#"{"jsonrpc":"2.0","id":3,"result":{}}"#.to_owned();
        assert_eq!(ping, ServerMessage::Request(reply));
    }

    #[test]
    fn notifications_say_how_far_a_call_is_and_that_the_list_changed() {
        let progress = |more: &str| {
            only(&format!(
                r#"{{"method":"notifications/progress","params":{{"progressToken":4{more}}}}}"#
            ))
        };
        for (more, words) in [
            (
                r#","progress":3,"total":10,"message":"reading""#,
                "3 of 10: reading",
            ),
            (r#","progress":0.5"#, "0.5"),
            (r#","message":"reading""#, "reading"),
        ] {
            assert_eq!(progress(more), ServerMessage::Progress(4, words.to_owned()));
        }
        assert_eq!(
            only(r#"{"method":"notifications/tools/list_changed"}"#),
            ServerMessage::ListChanged
        );
        assert_eq!(
            only(r#"{"method":"notifications/message"}"#),
            ServerMessage::Ignored
        );
    }

    #[test]
    fn a_line_that_is_no_message_is_noticed_and_a_batch_is_taken_apart() {
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(200), "]".repeat(200));
        for noise in [
            "Server running on stdio",
            "",
            "42",
            "[1]",
            "{\"a\":",
            deep.as_str(),
        ] {
            assert_eq!(
                parse_messages(noise.as_bytes()),
                Err(NotAMessage),
                "{noise}"
            );
        }
        let batch = br#"[{"id":1,"result":1},{"id":2,"result":2}]"#;
        assert_eq!(parse_messages(batch).map(|messages| messages.len()), Ok(2));
    }

    #[test]
    fn what_is_sent_is_one_line_of_json() {
        let request = OutgoingMessage::request(1, "tools/list", "{}").text;
        let value: Value = serde_json::from_str(&request).expect("a request is JSON");
        assert_eq!(
            value,
            json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}})
        );
        let notification = OutgoingMessage::notification("notifications/initialized", "").text;
        assert!(!notification.contains("params") && !request.contains('\n'));
    }

    #[test]
    fn of_a_long_error_the_beginning_is_kept() {
        let long = "é".repeat(MAX_SAID + 1);
        let answer = only(&format!(r#"{{"id":1,"error":{{"message":"{long}"}}}}"#));
        let ServerMessage::Answer(1, Err(error)) = answer else {
            panic!("it is an error");
        };
        assert_eq!(error.message, format!("{}…", "é".repeat(MAX_SAID)));
    }

    #[test]
    fn an_answer_that_nests_too_deep_is_an_error_that_names_the_limit() {
        for levels in [120, 200, 100_000] {
            let deep = "[".repeat(levels) + &"]".repeat(levels);
            let answer = format!(r#"{{"id":7,"result":{{"content":{deep}}}}}"#);
            for text in [answer.clone(), format!("[{answer}]")] {
                let messages = parse_messages(text.as_bytes()).expect("messages");
                let [ServerMessage::Answer(7, Err(error))] = messages.as_slice() else {
                    panic!("{messages:?}");
                };
                let said = &error.message;
                assert!(said.contains("at most 100 levels deep"), "{said}");
            }
            let request = format!(r#"{{"id":7,"method":"x","params":{deep}}}"#);
            assert_eq!(parse_messages(request.as_bytes()), Err(NotAMessage));
        }
    }
}
