//! Streams are text as sent over the wire, and know the message they add up to.

use serde_json::{Value, json};

use crate::support::events::{MODEL, Stream, answer, error, message};

/// Returns the types of the events in a stream; the two names of each event must agree.
fn types(stream: &str) -> Vec<String> {
    let kind = |event: &str| {
        let (name, data) = event.split_once('\n').unwrap();
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(
            name.strip_prefix("event: ").unwrap(),
            data["type"].as_str().unwrap()
        );
        data["type"].as_str().unwrap().to_owned()
    };
    stream.split_terminator("\n\n").map(kind).collect()
}

#[test]
fn an_answer_is_a_whole_stream() {
    let expected = [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ];
    assert_eq!(types(&answer(&["Hel", "lo"])), expected);
}

#[test]
fn a_stream_knows_the_message_it_adds_up_to() {
    let stream = Stream::new()
        .field("model", json!("claude-x"))
        .field(
            "usage",
            json!({"input_tokens": 9, "output_tokens": 1, "service_tier": null}),
        )
        .final_usage(json!({"input_tokens": null, "output_tokens": 30}))
        .start()
        .ping()
        .thinking_block("Hm.", "c2ln")
        .text_block(["a", "b"])
        .tool_use_block("toolu_1", "name", [r#"{"a""#, ": 1}"])
        .tool_use_block("toolu_2", "cut", [r#"{"a"#])
        .block(&json!({"type": "redacted_thinking", "data": "eA=="}))
        .stop_with(&json!({"stop_reason": "stop_sequence", "stop_sequence": "END"}));
    let expected = json!({
        "id": "msg_01Test", "type": "message", "role": "assistant", "model": "claude-x",
        "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
            {"type": "text", "text": "ab"},
            {"type": "tool_use", "id": "toolu_1", "name": "name", "input": {"a": 1}},
            {"type": "tool_use", "id": "toolu_2", "name": "cut", "input": {}, "partial_json": "{\"a"},
            {"type": "redacted_thinking", "data": "eA=="},
        ],
        "stop_reason": "stop_sequence", "stop_sequence": "END",
        "usage": {"input_tokens": 9, "output_tokens": 30, "service_tier": null},
    });
    assert_eq!(stream.message(), expected);
    assert_eq!(
        types(&stream.to_string())
            .iter()
            .filter(|kind| *kind == "content_block_stop")
            .count(),
        5
    );
}

#[test]
fn a_broken_stream_has_what_came_before() {
    let stream = Stream::new()
        .start()
        .open_text_block(["Hel"])
        .error("overloaded_error", "Overloaded");
    assert_eq!(
        stream.message()["content"],
        json!([{"type": "text", "text": "Hel"}])
    );
    assert_eq!(stream.message()["stop_reason"], Value::Null);
    let expected = [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "error",
    ];
    assert_eq!(types(&stream.to_string()), expected);
}

#[test]
fn text_between_the_events_stays_as_it_is() {
    let stream = Stream::new()
        .raw(": hello\n\n")
        .event("new", &json!({"type": "new"}))
        .to_string();
    assert_eq!(
        stream,
        ": hello\n\nevent: new\ndata: {\"type\":\"new\"}\n\n"
    );
}

#[test]
fn a_message_and_an_error_have_the_forms_of_the_api() {
    let whole = message("Hi.");
    assert_eq!(
        (&whole["model"], &whole["stop_reason"]),
        (&json!(MODEL), &json!("end_turn"))
    );
    assert_eq!(whole["content"], json!([{"type": "text", "text": "Hi."}]));
    let expected = json!({"type": "error", "error": {"type": "api_error", "message": "Oh."}});
    assert_eq!(error("api_error", "Oh."), expected);
}
