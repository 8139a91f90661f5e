//! JSON-RPC messages, as text and as values. Pure.

use serde_json::{Map, Value, json};

use crate::text::{JsonPlace, check_depth};

/// The code of an answer to a request that is not served.
pub(super) const METHOD_NOT_FOUND: i64 = -32601;

/// The code of a server that does not speak the revision it was asked for.
pub(super) const UNSUPPORTED_REVISION: i64 = -32022;

/// Why a request failed, in the server's words.
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
    Answer(u64, Result<Value, RpcError>),
    /// A request, which gets this message as its answer.
    Request(String),
    /// How far the request with this number is, in words.
    Progress(u64, String),
    /// The list of tools has changed.
    ListChanged,
    /// A message that asks for nothing.
    Ignored,
}

/// The text is not a JSON-RPC message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotAMessage;

/// Parses what a server sent: one message, or an array of them, as servers of older revisions send.
pub(super) fn parse_messages(text: &[u8]) -> Result<Vec<ServerMessage>, NotAMessage> {
    check_depth(text, JsonPlace::Envelope).map_err(|_| NotAMessage)?;
    match serde_json::from_slice(text) {
        Ok(Value::Object(message)) => Ok(vec![read_message(message)]),
        Ok(Value::Array(messages)) if messages.iter().all(Value::is_object) => {
            let objects = messages.into_iter().filter_map(|message| match message {
                Value::Object(message) => Some(message),
                _ => None,
            });
            Ok(objects.map(read_message).collect())
        }
        _ => Err(NotAMessage),
    }
}

fn read_message(mut message: Map<String, Value>) -> ServerMessage {
    let id = message.remove("id").filter(|id| !id.is_null());
    let method = message.get("method").and_then(Value::as_str);
    match (method, id) {
        (Some("ping"), Some(id)) => {
            ServerMessage::Request(json!({"jsonrpc": "2.0", "id": id, "result": {}}).to_string())
        }
        (Some(method), Some(id)) => {
            let message = format!("method not found: {method}");
            let error = json!({"code": METHOD_NOT_FOUND, "message": message});
            ServerMessage::Request(json!({"jsonrpc": "2.0", "id": id, "error": error}).to_string())
        }
        (Some("notifications/tools/list_changed"), None) => ServerMessage::ListChanged,
        (Some("notifications/progress"), None) => {
            let progress = &message["params"];
            number_of(&progress["progressToken"]).map_or(ServerMessage::Ignored, |id| {
                ServerMessage::Progress(id, progress_in_words(progress))
            })
        }
        (Some(_), None) => ServerMessage::Ignored,
        (None, id) => match id.as_ref().and_then(number_of) {
            Some(id) => ServerMessage::Answer(id, answer_of(message)),
            None => ServerMessage::Ignored,
        },
    }
}

fn answer_of(mut message: Map<String, Value>) -> Result<Value, RpcError> {
    match message.remove("error").filter(|error| !error.is_null()) {
        None => Ok(message.remove("result").unwrap_or_default()),
        Some(error) => Err(RpcError {
            code: error["code"].as_i64().unwrap_or_default(),
            message: match error["message"].as_str() {
                Some(message) => message.to_owned(),
                None => error.to_string(),
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
    words
}

/// Returns a request as one line. `params` is a JSON object.
pub(super) fn request_text(id: u64, method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#)
}

/// Returns a notification as one line. `params` is a JSON object; empty if there are none.
pub(super) fn notification_text(method: &str, params: &str) -> String {
    if params.is_empty() {
        format!(r#"{{"jsonrpc":"2.0","method":"{method}"}}"#)
    } else {
        format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#)
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
            assert_eq!(answer, ServerMessage::Answer(7, Ok(json!({"a": 1}))));
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
        let request = request_text(1, "tools/list", "{}");
        let value: Value = serde_json::from_str(&request).expect("a request is JSON");
        assert_eq!(
            value,
            json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}})
        );
        let notification = notification_text("notifications/initialized", "");
        assert!(!notification.contains("params") && !request.contains('\n'));
    }
}
