//! Arbitrary histories against the rules of the scripted endpoint: files of `--messages`, saved
//! conversations and streamed answers with any blocks in any order. Each becomes a request that is
//! accepted, or is refused with words before sending.

use std::fmt::Write as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::png;
use crate::compose::history_fit::{HistoryStage, check_given, fit_history};
use crate::demo::judge_request;
use crate::input::Conversation;
use crate::protocol::{ContentBlock, InputMessage, MessageStream, Role};
use crate::session::SavedConversation;

/// How many histories of each kind are tried.
const HISTORIES: u64 = 1500;

/// What the endpoint refuses although the program sends it as it came: forms that are not known
/// here, which an endpoint may know, and thinking that a file claims to have.
const AS_IT_CAME: [&str; 6] = [
    "Extra inputs are not permitted",
    "Input tag",
    "signature",
    "`data` in `redacted_thinking`",
    "cannot be modified",
    "cache_control",
];

/// Fails if the endpoint refuses these messages for a reason that is known here.
fn assert_accepted(messages: Vec<InputMessage>, history: &str) {
    let mut request = super::request(messages);
    request.model = "claude-3-haiku-20240307".to_owned();
    if let Err(error) = fit_history(&mut request, HistoryStage::TurnStart) {
        assert!(!error.to_string().is_empty());
        return;
    }
    let body = request.to_json(0);
    if let Err(refusal) = judge_request(&body).map(drop) {
        assert!(
            AS_IT_CAME.iter().any(|words| refusal.contains(words)),
            "{refusal}\n{history:.4000}\n{:.4000}",
            String::from_utf8_lossy(&body)
        );
    }
}

/// Any JSON value.
fn value(rng: &mut Rng, depth: usize) -> Value {
    match rng.u8(..if depth == 0 { 6 } else { 8 }) {
        0 => Value::Null,
        1 => json!(rng.bool()),
        2 => json!(rng.i32(-3..300)),
        3 => json!(""),
        4 => json!(" \n"),
        5 => json!("words"),
        6 => (0..rng.usize(..3)).map(|_| value(rng, depth - 1)).collect(),
        _ => {
            let keys = ["type", "text", "source", "data", "x"];
            let fields = (0..rng.usize(..3)).map(|_| {
                let key = keys[rng.usize(..keys.len())].to_owned();
                (key, value(rng, depth - 1))
            });
            Value::Object(fields.collect::<Map<_, _>>())
        }
    }
}

/// A field of a block: mostly what it should be, sometimes anything, sometimes missing.
fn field(rng: &mut Rng, block: &mut Value, key: &str, usual: Value) {
    match rng.u8(..12) {
        0 => {}
        1 => block[key] = value(rng, 2),
        _ => block[key] = usual,
    }
}

fn source(rng: &mut Rng, depth: usize) -> Value {
    let pictures = [
        png(1, 1),
        png(0, 5),
        png(9000, 1),
        "AAAA".to_owned(),
        STANDARD.encode(b"%PDF-1.7\n%%EOF"),
        "not base64!".to_owned(),
        String::new(),
    ];
    let kinds = [
        "base64", "base64", "base64", "text", "content", "url", "file",
    ];
    let mut source = json!({"type": kinds[rng.usize(..kinds.len())]});
    let media_types = ["image/png", "image/gif", "application/pdf", "text/plain"];
    let media_type = media_types[rng.usize(..media_types.len())];
    field(rng, &mut source, "media_type", json!(media_type));
    let data = pictures[rng.usize(..pictures.len())].clone();
    field(rng, &mut source, "data", json!(data));
    if rng.bool() {
        let content = content(rng, depth);
        field(rng, &mut source, "content", content);
    }
    source
}

/// The content of a message, a result or a document.
fn content(rng: &mut Rng, depth: usize) -> Value {
    if rng.u8(..4) == 0 || depth == 0 {
        return value(rng, 1);
    }
    (0..rng.usize(..4)).map(|_| block(rng, depth - 1)).collect()
}

fn block(rng: &mut Rng, depth: usize) -> Value {
    let kinds = [
        "text",
        "text",
        "image",
        "document",
        "thinking",
        "redacted_thinking",
        "tool_use",
        "tool_use",
        "tool_result",
        "tool_result",
        "search_result",
        "server_tool_use",
        "new",
    ];
    let kind = kinds[rng.usize(..kinds.len())];
    let mut block = json!({"type": kind});
    let id = format!("t{}", rng.u8(..3));
    match kind {
        "text" => {
            let text = ["words", " ", "", "a \n"][rng.usize(..4)];
            field(rng, &mut block, "text", json!(text));
        }
        "image" | "document" => {
            let source = source(rng, depth);
            field(rng, &mut block, "source", source);
        }
        "thinking" => {
            field(rng, &mut block, "thinking", json!("hm"));
            field(rng, &mut block, "signature", json!("s"));
        }
        "tool_use" | "server_tool_use" => {
            field(rng, &mut block, "id", json!(id));
            let name = ["f", "f.g", "", "answer"][rng.usize(..4)];
            field(rng, &mut block, "name", json!(name));
            let input = if rng.bool() { json!({}) } else { value(rng, 2) };
            field(rng, &mut block, "input", input);
        }
        "tool_result" => {
            field(rng, &mut block, "tool_use_id", json!(id));
            let content = content(rng, depth);
            field(rng, &mut block, "content", content);
            let is_error = rng.bool();
            field(rng, &mut block, "is_error", json!(is_error));
        }
        _ => {
            let anything = value(rng, 2);
            field(rng, &mut block, "content", anything);
        }
    }
    block
}

fn turn(rng: &mut Rng) -> Value {
    let roles = ["user", "assistant", "user", "assistant", "agent"];
    json!({"role": roles[rng.usize(..roles.len())], "content": content(rng, 3)})
}

/// Tries histories of all seeds, and says which one fails.
fn try_all(attempt: impl Fn(&mut Rng)) {
    for seed in 0..HISTORIES {
        let tried = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            attempt(&mut Rng::with_seed(seed));
        }));
        assert!(tried.is_ok(), "history {seed}");
    }
}

#[test]
fn any_messages_of_a_file_are_accepted_or_refused_in_words() {
    try_all(|rng| {
        let turns: Value = (0..rng.usize(1..5)).map(|_| turn(rng)).collect();
        let text = turns.to_string();
        let given = Conversation::parse("`m.json`", &text)
            .and_then(|given| check_given("`m.json`", &given.messages, false).map(|()| given));
        match given {
            Err(error) => assert!(!error.to_string().is_empty()),
            Ok(given) => assert_accepted(given.messages, &text),
        }
    });
}

#[test]
fn any_saved_conversation_is_accepted() {
    try_all(|rng| {
        let mut file =
            r#"{"type":"langdock-session","version":1,"id":"4k6969hrzd","at":"2026-01-02T03:04:05Z"}"#
                .to_owned();
        for number in 0..rng.usize(1..6) {
            let mut turn = turn(rng);
            turn["type"] = json!("turn");
            turn["id"] = json!(format!("7rhr552bt5.{number}"));
            turn["at"] = json!("2026-01-02T03:04:05Z");
            if rng.u8(..4) == 0 {
                turn["partial"] = json!(true);
            }
            let _ = write!(file, "\n{turn}");
        }
        let cut = rng.usize(file.len() / 2..=file.len());
        let bytes = &file.as_bytes()[..cut];
        match SavedConversation::from_bytes(Path::new("/"), "4k6969hrzd", bytes) {
            Err(error) => assert!(!error.to_string().is_empty()),
            Ok(saved) => assert_accepted(saved.messages(), &file),
        }
    });
}

#[test]
fn any_streamed_answer_is_accepted_when_it_goes_back() {
    try_all(|rng| {
        let mut events = vec![json!({"type": "message_start", "message": {"content": []}})];
        for index in 0..rng.usize(..4) {
            let content_block = block(rng, 1);
            events.push(
                json!({"type": "content_block_start", "index": index, "content_block": content_block}),
            );
            for _ in 0..rng.usize(..3) {
                let pieces = ["{", "\"a\": 1", "}", "[1]", " ", "words"];
                let piece = pieces[rng.usize(..pieces.len())];
                let delta = match rng.u8(..5) {
                    0 => json!({"type": "text_delta", "text": piece}),
                    1 => json!({"type": "thinking_delta", "thinking": piece}),
                    2 => json!({"type": "signature_delta", "signature": piece}),
                    3 => json!({"type": "new_delta", "content": value(rng, 2)}),
                    _ => json!({"type": "input_json_delta", "partial_json": piece}),
                };
                events.push(json!({"type": "content_block_delta", "index": index, "delta": delta}));
            }
            if rng.u8(..4) > 0 {
                events.push(json!({"type": "content_block_stop", "index": index}));
            }
        }
        let mut stream = String::new();
        for event in &events {
            let name = event["type"].as_str().unwrap_or_default();
            let _ = write!(stream, "event: {name}\ndata: {event}\n\n");
        }
        let mut machine = MessageStream::default();
        machine.push(stream.as_bytes());
        while let Ok(Some(_)) = machine.next() {}
        let said = |role, content| InputMessage { role, content };
        if let Some(answer) = machine.partial() {
            let messages = vec![
                said(Role::User, vec![ContentBlock::text("words")]),
                said(Role::Assistant, answer.content),
                said(Role::User, vec![ContentBlock::text("words")]),
            ];
            assert_accepted(messages, &stream);
        }
    });
}
