//! Standard input that is not a terminal: a script has the conversation.

use serde_json::json;

use super::{chat, messages, said};
use crate::support::{
    events::{Stream, answer, error},
    home::Home,
    reply::Reply,
    sending::answering,
    server::Server,
};
use crate::tools::{done, playing, shell_tool};

#[test]
fn each_line_is_a_message_and_never_a_command() {
    let server = answering("ok");
    let outcome = chat(&server)
        .args(["First"])
        .stdin_bytes("/exit\n\nlast \\")
        .run();
    outcome.code(0).stdout("ok\nok\nok\n").stderr_empty();
    assert_eq!(
        [said(&server, 0), said(&server, 1), said(&server, 2)],
        [json!("First"), json!("/exit"), json!("last \\")]
    );
    assert_eq!(messages(&server, 2).as_array().unwrap().len(), 5);
    assert_eq!(server.connections(), 1);
}

#[test]
fn bytes_that_are_no_utf_8_are_told_with_their_line() {
    let server = answering("ok");
    let outcome = chat(&server).stdin_bytes(b"\xc3\xa4\na\xff b\n").run();
    let told = "langdock: line 2 of standard input is not UTF-8 at byte 1; sending invalid bytes as U+FFFD\n";
    outcome.code(0).stdout("ok\nok\n").stderr(told);
    assert_eq!(said(&server, 1), "a\u{fffd} b");
}

#[test]
fn the_first_failure_ends_it_with_its_exit_code() {
    let server = Server::start(|_, nth| match nth {
        0 => Reply::sse(answer(&["ok"])),
        _ => Reply::json(401, &error("authentication_error", "No.")),
    });
    let outcome = chat(&server).stdin_bytes("one\ntwo\nthree\n").run();
    outcome.code(4).stdout("ok\n").stderr_contains("HTTP 401");
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_pause_of_the_model_goes_on_by_itself() {
    let paused = Stream::new()
        .start()
        .text_block(["one "])
        .stop("pause_turn");
    let server = playing(&[paused, done("two")]);
    chat(&server)
        .stdin_bytes("Hi\n")
        .run()
        .code(0)
        .stdout_contains("one")
        .stdout_contains("two")
        .stderr_empty();
    assert_eq!(messages(&server, 1)[1]["content"], "one");
}

#[test]
fn nothing_is_saved_with_no_log() {
    let (server, home) = (answering("ok"), Home::new());
    let outcome = chat(&server)
        .home(&home)
        .args(["-n"])
        .stdin_bytes("one\ntwo\n")
        .run();
    outcome.code(0).stdout("ok\nok\n").stderr_empty();
    assert_eq!(messages(&server, 1).as_array().unwrap().len(), 3);
    assert!(!home.data().join("sessions").exists());
}

#[test]
fn broken_arguments_go_back_as_an_empty_object_with_a_result_in_every_later_request() {
    let call = Stream::new()
        .start()
        .tool_use_block("t1", "t", ["{\"n\": "])
        .stop("tool_use");
    for args in [&[][..], &["-n"]] {
        let streams = [call.to_string(), answer(&["ok"])];
        let server = Server::start(move |_, nth| Reply::sse(&streams[nth.min(1)]));
        chat(&server)
            .home(&shell_tool("true", ""))
            .args(["-T", "./t.toml", "-y"])
            .args(args)
            .stdin_bytes("one\ntwo\n")
            .run()
            .code(0)
            .stdout_contains("ok");
        let why = "the call was not run, because its arguments are not a JSON object: {\"n\": ";
        let expected = json!([
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "t", "input": {}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": why, "is_error": true},
            ]},
            {"role": "assistant", "content": "ok"},
            {"role": "user", "content": "two"},
        ]);
        assert_eq!(messages(&server, 2), expected, "{args:?}");
    }
}

#[test]
fn standard_input_cannot_be_a_file_as_well() {
    let server = answering("ok");
    chat(&server)
        .args(["-f", "-"])
        .stdin_bytes("one\n")
        .run()
        .code(2)
        .stderr_contains("standard input provides the messages");
    chat(&server)
        .args(["-"])
        .stdin_bytes("one\n")
        .run()
        .code(2)
        .stderr_contains("standard input provides the messages");
}
