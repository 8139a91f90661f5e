//! Every recorded stream is replayed whole, byte by byte, with every kind of line ending, and
//! truncated at every byte. The result is the golden message or a typed error, never a panic and
//! never a success with an incomplete message.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::error::StreamError;
use super::event::NAMELESS_EVENT;
use super::message::{MALFORMED_BLOCK, Message};
use super::stream::MessageStream;

struct Fixture {
    name: String,
    stream: Vec<u8>,
    golden: Value,
}

fn fixtures() -> Vec<Fixture> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures");
    let mut fixtures: Vec<Fixture> = fs::read_dir(directory)
        .expect("the directory of fixtures")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sse"))
        .map(|path| Fixture {
            name: path
                .file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned(),
            stream: fs::read(&path).expect("a stream"),
            golden: serde_json::from_slice(
                &fs::read(path.with_extension("json")).expect("a golden"),
            )
            .expect("JSON"),
        })
        .collect();
    fixtures.sort_by(|one, other| one.name.cmp(&other.name));
    assert!(fixtures.len() > 30, "fixtures are missing");
    fixtures
}

/// The outcome of a replay.
struct Ending {
    result: Result<Message, StreamError>,
    has_content: bool,
    partial: Option<Message>,
}

/// Feeds `pieces` to a `MessageStream` until it is finished or fails, like a call does.
fn replay<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Ending {
    let mut machine = MessageStream::default();
    let mut failure = drain(&mut machine).err();
    for piece in pieces {
        if failure.is_none() && !machine.is_finished() {
            machine.push(piece);
            failure = drain(&mut machine).err();
        }
    }
    if failure.is_none() && !machine.is_finished() {
        machine.end();
        failure = drain(&mut machine).err();
    }
    let has_content = machine.has_content();
    match failure {
        Some(error) => Ending {
            result: Err(error),
            has_content,
            partial: machine.partial(),
        },
        None if machine.is_finished() => Ending {
            result: machine.finish(),
            has_content,
            partial: None,
        },
        None => Ending {
            result: Err(StreamError::Cut),
            has_content,
            partial: machine.partial(),
        },
    }
}

fn drain(machine: &mut MessageStream) -> Result<(), StreamError> {
    while machine.next()?.is_some() {}
    Ok(())
}

fn kind(error: &StreamError) -> &'static str {
    match error {
        StreamError::Cut => "cut",
        StreamError::Api(_) => "api",
        StreamError::Malformed { .. }
        | StreamError::OutOfOrder(_)
        | StreamError::ToolInput { .. } => "malformed",
        StreamError::NotAMessage { .. } => "not a message",
        StreamError::Compressed { .. } => "compressed",
        StreamError::TooLarge(_) => "too large",
    }
}

/// Returns what is malformed about an answer, in the wording of the goldens.
fn what(error: &StreamError) -> Option<&'static str> {
    match error {
        StreamError::Malformed { source, .. } if source.is_syntax() || source.is_eof() => {
            Some("not_json")
        }
        StreamError::Malformed { source, .. } if source.to_string() == MALFORMED_BLOCK => {
            Some("malformed_block")
        }
        StreamError::Malformed { source, .. } if source.to_string() == NAMELESS_EVENT => {
            Some("nameless")
        }
        StreamError::OutOfOrder("an event before message_start") => Some("no_message_start"),
        StreamError::OutOfOrder("a part of a block that is not open") => Some("unknown_index"),
        _ => None,
    }
}

#[track_caller]
fn assert_golden(fixture: &Fixture, ending: &Ending, how: &str) {
    let name = &fixture.name;
    let to_value = |message: &Message| serde_json::to_value(message).expect("a message is JSON");
    match (&ending.result, fixture.golden.get("error")) {
        (Ok(message), None) => {
            assert_eq!(to_value(message), fixture.golden["message"], "{name} {how}");
        }
        (Err(error), Some(golden)) => {
            assert_eq!(kind(error), *golden, "{name} {how}: {error}");
            assert_eq!(
                what(error),
                fixture.golden["what"].as_str(),
                "{name} {how}: {error}"
            );
            assert_eq!(
                ending.has_content, fixture.golden["content_came"],
                "{name} {how}"
            );
            let partial = ending.partial.as_ref().map_or(Value::Null, to_value);
            assert_eq!(partial, fixture.golden["partial"], "{name} {how}");
            if let StreamError::Api(api) = error {
                assert_eq!(
                    api.kind.as_deref(),
                    fixture.golden["type"].as_str(),
                    "{name} {how}"
                );
                assert_eq!(api.message, fixture.golden["message"], "{name} {how}");
                assert_eq!(
                    api.request_id.as_deref(),
                    fixture.golden["request_id"].as_str(),
                    "{name} {how}"
                );
            }
        }
        (Ok(message), Some(_)) => panic!("{name} {how}: a success: {:?}", message.text()),
        (Err(error), None) => panic!("{name} {how}: {error}"),
    }
}

fn with_line_ends(stream: &[u8], line_end: &str) -> Vec<u8> {
    String::from_utf8_lossy(stream)
        .replace('\n', line_end)
        .into_bytes()
}

#[test]
fn every_stream_gives_its_golden_in_pieces_of_any_size_and_with_any_line_end() {
    for mut fixture in fixtures() {
        let recorded = fixture.stream.clone();
        for line_end in ["\n", "\r\n", "\r"] {
            fixture.stream = with_line_ends(&recorded, line_end);
            for size in [1, 2, 3, 7, 64, 1000, fixture.stream.len()] {
                let how = format!("in pieces of {size} bytes with {line_end:?}");
                assert_golden(&fixture, &replay(fixture.stream.chunks(size)), &how);
            }
        }
    }
}

#[test]
fn a_stream_that_is_cut_anywhere_is_an_error_or_already_whole() {
    for fixture in fixtures() {
        for length in 0..fixture.stream.len() {
            let ending = replay([&fixture.stream[..length]]);
            let how = format!("cut after {length} bytes");
            match &ending.result {
                Ok(_) => assert_golden(&fixture, &ending, &how),
                Err(_) if fixture.golden.get("error").is_some() => {}
                Err(StreamError::Cut) => assert_is_prefix(&fixture, &ending, &how),
                Err(other) => panic!("{} {how}: {other}", fixture.name),
            }
        }
    }
}

#[track_caller]
fn assert_is_prefix(fixture: &Fixture, ending: &Ending, how: &str) {
    let golden: Message =
        serde_json::from_value(fixture.golden["message"].clone()).expect("a message");
    let text = ending
        .partial
        .as_ref()
        .map(Message::text)
        .unwrap_or_default();
    let is_prefix = golden.text().starts_with(&text) || fixture.name == "interleaved";
    assert!(is_prefix, "{} {how}: {text:?}", fixture.name);
}

#[test]
fn a_byte_that_is_lost_never_panics() {
    for fixture in fixtures() {
        for place in 0..fixture.stream.len() {
            let (before, after) = fixture.stream.split_at(place);
            let _ = replay([before, &after[1..]]); // Any ending is right, as long as there is one.
        }
    }
}

mod whole_bodies {
    use super::*;

    const MESSAGE: &str = r#"{"id":"msg_1","type":"message","role":"agent","model":"m","content":[{"type":"text","text":"Hi"}],
        "stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":2}}"#;

    fn result(body: &str) -> Result<String, String> {
        let by_bytes = replay(body.as_bytes().chunks(1))
            .result
            .map(|message| message.text());
        by_bytes.map_err(|error| format!("{}: {error}", kind(&error)))
    }

    #[test]
    fn a_json_message_is_accepted_in_place_of_a_stream_alone_or_in_an_array() {
        assert_eq!(result(MESSAGE), Ok("Hi".to_owned()));
        assert_eq!(result(&format!("\n [{MESSAGE}]")), Ok("Hi".to_owned()));
    }

    #[test]
    fn a_cut_json_message_is_cut() {
        for length in 1..MESSAGE.len() {
            assert!(
                matches!(
                    replay([&MESSAGE.as_bytes()[..length]]).result,
                    Err(StreamError::Cut)
                ),
                "{length}"
            );
        }
    }

    #[test]
    fn anything_else_is_no_message() {
        for (body, expected) in [
            ("", "cut: "),
            (
                "<html><title>Login</title></html>",
                "not a message: expected a message, but received an HTML page titled \"Login\"",
            ),
            (
                r#"{"type":"error","error":{"type":"api_error","message":"no"}}"#,
                "api: the server reported an error: no",
            ),
            (
                r#"{"message":"hello"}"#,
                "not a message: expected a message, but received: hello",
            ),
            ("[]", "not a message: "),
            ("{]", "not a message: "),
            (
                "plain words",
                "not a message: expected a message, but received: plain words",
            ),
            ("ev", "cut: "),
        ] {
            let error = result(body).expect_err(body);
            assert!(error.starts_with(expected), "{body}: {error}");
        }
    }

    #[test]
    fn a_whole_message_has_the_same_defaults_as_a_stream() {
        for name in [
            "sparse-tool-use",
            "sparse-text",
            "sparse-thinking",
            "null-fields",
        ] {
            let fixture = fixtures()
                .into_iter()
                .find(|fixture| fixture.name == name)
                .expect("the fixture");
            let golden = &fixture.golden["message"];
            for is_null in [false, true] {
                let mut sparse = golden.clone();
                make_sparse(&mut sparse, is_null);
                assert_ne!(sparse, *golden, "{name}");
                let body = sparse.to_string();
                let message = replay(body.as_bytes().chunks(1)).result.expect(&body);
                let message = serde_json::to_value(message).expect("a message is JSON");
                assert_eq!(message, *golden, "{name}: {body}");
            }
        }
    }

    /// Removes every field that has its default value, or sets it to null.
    fn make_sparse(value: &mut Value, is_null: bool) {
        match value {
            Value::Object(fields) => {
                fields.retain(|key, field| {
                    make_sparse(field, is_null);
                    let is_default = field.is_null()
                        || *field == "assistant"
                        || *field == "message"
                        || *field == ""
                        || *field == Value::Object(serde_json::Map::new());
                    if is_default && key != "content" && is_null {
                        *field = Value::Null;
                    }
                    !is_default || key == "content" || is_null
                });
            }
            Value::Array(items) => items.iter_mut().for_each(|item| make_sparse(item, is_null)),
            _ => {} // Of a field, its object decides.
        }
    }

    #[test]
    fn a_whole_message_keeps_arguments_that_are_not_an_object() {
        for (input, partial_json) in [
            ("[1, 2]", "[1,2]"),
            ("7", "7"),
            (r#""{\"a""#, "{\"a"),
            (r#""words""#, "words"),
        ] {
            let body = format!(
                r#"{{"content":[{{"type":"text","text":"Hi"}},{{"type":"tool_use","id":"t","name":"f","input":{input}}}],"stop_reason":"tool_use"}}"#
            );
            let message = replay(body.as_bytes().chunks(1)).result.expect(&body);
            assert_eq!(message.broken_call().as_deref(), Some("f"), "{input}");
            assert_eq!(message.text(), "Hi");
            let message = serde_json::to_value(&message).expect("a message is JSON");
            assert_eq!(message["content"][1]["input"], serde_json::json!({}));
            assert_eq!(message["content"][1]["partial_json"], partial_json);
        }
    }

    #[test]
    fn a_malformed_block_of_a_whole_message_is_an_error() {
        for content in [
            r#"["Hi"]"#,
            r#"[{"text":"Hi"}]"#,
            r#"[{"type":"text","text":["Hi"]}]"#,
        ] {
            let body = format!(r#"{{"type":"message","content":{content}}}"#);
            let error = result(&body).expect_err(&body);
            assert!(error.starts_with("not a message: "), "{error}");
        }
    }
}

#[test]
fn a_call_whose_arguments_are_not_an_object_is_broken_unless_the_model_was_cut_off() {
    let fixture = fixtures()
        .into_iter()
        .find(|fixture| fixture.name == "broken-arguments")
        .expect("the fixture");
    let stream = String::from_utf8_lossy(&fixture.stream).into_owned();
    for (reason, broken) in [
        ("tool_use", Some("look")),
        ("end_turn", Some("look")),
        ("max_tokens", None),
    ] {
        let stream = stream.replace(
            r#""stop_reason":"tool_use""#,
            &format!(r#""stop_reason":"{reason}""#),
        );
        let message = replay([stream.as_bytes()]).result.expect("a message");
        assert_eq!(message.broken_call().as_deref(), broken, "{reason}");
    }
}
