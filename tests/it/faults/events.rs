//! Streams that end too early: after each event, inside each event, and with each error that they
//! can report.

use std::thread;

use serde_json::json;

use super::{
    commands::{COMMANDS, Form, Row, file},
    ending::{check, check_answer, check_clean},
};
use crate::support::{events::Stream, home::Home, reply::Reply, server::Server};

/// The pieces of the answer's text.
const PIECES: [&str; 2] = ["Hello", " world"];

/// The errors of the API, with their exit codes if no content had been received.
const ERRORS: [(&str, i32); 10] = [
    ("invalid_request_error", 3),
    ("authentication_error", 4),
    ("billing_error", 4),
    ("permission_error", 4),
    ("not_found_error", 3),
    ("request_too_large", 3),
    ("rate_limit_error", 7),
    ("timeout_error", 5),
    ("overloaded_error", 5),
    ("api_error", 5),
];

/// Returns the rows with a streamed answer.
fn streamed() -> impl Iterator<Item = &'static Row> {
    COMMANDS.iter().filter(|row| row.streams)
}

/// Returns the complete events of an answer.
fn events() -> Vec<String> {
    let stream = Stream::new()
        .start()
        .ping()
        .text_block(PIECES)
        .stop("end_turn")
        .to_string();
    stream.split_inclusive("\n\n").map(str::to_owned).collect()
}

/// Returns the text that a client knows after these bytes of the stream, and whether the answer is
/// complete.
fn known(stream: &str) -> (String, bool) {
    let whole = stream.rsplit_once("\n\n").map_or("", |(whole, _)| whole);
    let text = PIECES
        .iter()
        .filter(|piece| whole.contains(&format!("\"text\":\"{piece}\"}}")))
        .copied()
        .collect();
    (text, whole.contains("message_stop"))
}

/// Runs a command against a stream that ends after these bytes, and asserts its outcome.
fn cut(row: &Row, stream: &str, reset: bool) {
    let (server, home) = (ending_after(stream, reset), Home::new());
    let outcome = row.against(&server, &home).run();
    let fault = format!(
        "{} after {} bytes: {stream}",
        if reset { "reset" } else { "closed" },
        stream.len()
    );
    match known(stream) {
        (_, true) => assert!(outcome.code == Some(0), "{fault}\n{outcome}"),
        (came, false) => check(
            &fault,
            row,
            &home,
            &outcome,
            if came.is_empty() { 6 } else { 8 },
            &came,
        ),
    }
    check_clean(&fault, &outcome);
    assert_eq!(server.requests().len(), 1, "{fault}");
}

fn ending_after(stream: &str, reset: bool) -> Server {
    let stream = stream.to_owned();
    Server::start(move |_, _| {
        let reply = Reply::sse_start().body(&stream);
        if reset { reply.reset() } else { reply.close() }
    })
}

#[test]
fn a_stream_may_be_closed_after_and_within_each_of_its_events() {
    thread::scope(|scope| {
        for row in streamed() {
            scope.spawn(move || {
                let mut stream = String::new();
                for event in events() {
                    cut(row, &(stream.clone() + &event[..event.len() / 2]), false);
                    cut(row, &(stream.clone() + &event[..event.len() - 1]), false);
                    stream += &event;
                    cut(row, &stream, false);
                }
            });
        }
    });
}

#[test]
fn a_call_with_broken_arguments_does_not_cost_the_rest_of_the_answer() {
    // `tool-run` reports it to the model and continues.
    let answers = COMMANDS.iter().filter(|row| {
        !matches!(row.form, Form::List | Form::Findings) && row.args[0] != "tool-run"
    });
    thread::scope(|scope| {
        for row in answers {
            scope.spawn(move || {
                let server = Server::start(|request, _| {
                    let stream = Stream::new()
                        .start()
                        .text_block(PIECES)
                        .tool_use_block("t1", "look", ["[1]"])
                        .stop("tool_use");
                    if request.json()["stream"] == true {
                        return Reply::sse(stream.to_string());
                    }
                    let mut message = stream.message();
                    message["content"][1]["input"] = json!([1]);
                    Reply::json(200, &message)
                });
                let home = Home::new();
                let outcome = row.against(&server, &home).run();
                // The saved conversation also has the result that quotes the arguments.
                check_answer("a broken call", row, &home, &outcome, 8, &PIECES.concat());
            });
        }
    });
}

#[test]
fn a_stream_may_be_reset_after_each_of_its_events() {
    // A reset may discard bytes in the socket, so the received part is not known here, only that
    // the run fails and that the text is a prefix of what was sent.
    thread::scope(|scope| {
        for row in streamed() {
            scope.spawn(move || {
                let (events, mut stream) = (events(), String::new());
                for event in &events[..events.len() - 1] {
                    stream += event;
                    let (server, home) = (ending_after(&stream, true), Home::new());
                    let outcome = row.against(&server, &home).run();
                    assert!(
                        [6, 8]
                            .map(|call| Some(row.code_of(call)))
                            .contains(&outcome.code),
                        "{stream}\n{outcome}"
                    );
                    let nothing = outcome.code == Some(6);
                    let texts = if nothing {
                        &[""][..]
                    } else {
                        &["Hello", "Hello world"]
                    };
                    let fits = |text: &&&str| match row.form {
                        Form::Text => {
                            outcome.stdout_text()
                                == if nothing {
                                    String::new()
                                } else {
                                    format!("{text}\n")
                                }
                        }
                        _ => true,
                    };
                    assert!(texts.iter().any(|text| fits(&text)), "{stream}\n{outcome}");
                    outcome.told();
                    check_clean(&stream, &outcome);
                }
            });
        }
    });
}

#[test]
fn a_stream_may_name_each_error_before_and_after_its_first_part() {
    thread::scope(|scope| {
        for row in streamed() {
            scope.spawn(move || {
                for (kind, code) in ERRORS {
                    for (begun, code, came) in [
                        (Stream::new(), code, ""),
                        (Stream::new().start(), code, ""),
                        (
                            Stream::new().start().ping().open_text_block([""; 0]),
                            code,
                            "",
                        ),
                        (Stream::new().start().open_text_block(["Hello"]), 8, "Hello"),
                        (Stream::new().start().text_block(["Hello"]), 8, "Hello"),
                    ] {
                        let (stream, home) =
                            (begun.error(kind, "it went wrong").to_string(), Home::new());
                        let server = Server::start(move |_, _| Reply::sse(&stream));
                        let outcome = row.against(&server, &home).run();
                        check(kind, row, &home, &outcome, code, came);
                        let said = outcome.stdout_text()
                            + &outcome.stderr
                            + &file(&home).unwrap_or_default();
                        assert!(said.contains("it went wrong"), "{outcome}");
                    }
                }
            });
        }
    });
}

#[test]
fn a_stream_that_stalls_after_its_first_part_is_kept_and_told() {
    thread::scope(|scope| {
        for row in streamed() {
            scope.spawn(move || {
                for (flag, drips) in [("--idle-timeout", false), ("--timeout", true)] {
                    let (stream, home) = (
                        Stream::new().start().open_text_block(["Hello"]).to_string(),
                        Home::new(),
                    );
                    let server = Server::start(move |_, _| {
                        let reply = Reply::status(200).until_close().body(&stream);
                        if drips {
                            reply.drip(": still here\n")
                        } else {
                            reply.wait_for_hang_up()
                        }
                    });
                    let outcome = row.against(&server, &home).args([flag, "2s"]).run();
                    check(flag, row, &home, &outcome, 8, "Hello");
                }
            });
        }
    });
}
