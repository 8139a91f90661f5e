//! The plain answer in a pipe: the model's bytes, as they arrive.

use serde_json::json;

use crate::support::{
    events::{Stream, answer, message},
    gate::Gate,
    reply::Reply,
    sending::{answering, send},
    server::Server,
};

/// Starts a server that answers every request with this stream.
fn streaming(stream: &Stream) -> Server {
    let text = stream.to_string();
    Server::start(move |_, _| Reply::sse(&text))
}

#[test]
fn a_final_newline_is_added_only_where_there_is_none() {
    for (said, expected) in [
        ("ok", "ok\n"),
        ("ok\n", "ok\n"),
        ("ok\n\n", "ok\n\n"),
        ("\n", "\n"),
        (" ", " \n"),
    ] {
        send(&answering(said))
            .args(["Hi"])
            .run()
            .code(0)
            .stdout(expected)
            .stderr_empty();
    }
}

#[test]
fn an_empty_answer_gives_nothing_but_a_notice() {
    let without_block = streaming(&Stream::new().start().stop("end_turn"));
    for server in [answering(""), without_block] {
        send(&server)
            .args(["Hi", "--allow-empty"])
            .run()
            .code(0)
            .stdout("")
            .stderr("langdock: the answer is empty\n");
    }
}

#[test]
fn every_character_comes_through_as_it_is_however_it_was_split() {
    let said = "é 漢字 🙂 e\u{301} \u{1b}[31m\u{9b}0m \u{202e}rtl\r\nCR \r BEL \u{7} NUL \u{0} DEL \u{7f} \u{feff} end";
    for piece in [1, 2, 3, 7, 100_000] {
        let stream = answer(&[said]);
        let server =
            Server::start(move |_, _| Reply::sse_start().in_pieces_of(piece).body(&stream));
        send(&server)
            .args(["Hi"])
            .run()
            .code(0)
            .stdout(format!("{said}\n"))
            .stderr_empty();
    }
}

#[test]
fn a_piece_is_on_stdout_before_the_next_one_is_sent() {
    let begin = Stream::new()
        .start()
        .ping()
        .open_text_block(["one "])
        .to_string();
    let whole = Stream::new()
        .start()
        .ping()
        .text_block(["one ", "two"])
        .stop("end_turn")
        .to_string();
    let rest = whole.strip_prefix(&begin).unwrap().to_owned();
    let gate = Gate::new();
    let theirs = gate.clone();
    let server =
        Server::start(move |_, _| Reply::sse_start().body(&begin).wait(&theirs).body(&rest));
    let running = send(&server).args(["Hi"]).spawn();
    running.wait_for_stdout("one ");
    assert_eq!(running.stdout_so_far(), b"one ");
    gate.open();
    running.finish().code(0).stdout("one two\n").stderr_empty();
}

#[test]
fn an_answer_in_one_piece_gives_the_same_as_a_streamed_one() {
    let said = "Hello,\nworld 🙂";
    let server = Server::start(move |request, _| {
        if request.json()["stream"] == true {
            Reply::sse(answer(&["Hello,", "\nworld 🙂"]))
        } else {
            Reply::json(200, &message(said))
        }
    });
    for args in [&["Hi"][..], &["--set=stream=false", "Hi"]] {
        send(&server)
            .args(args)
            .run()
            .code(0)
            .stdout(format!("{said}\n"))
            .stderr_empty();
    }
    assert_eq!(
        server
            .requests()
            .iter()
            .map(|request| request.json()["stream"] == true)
            .collect::<Vec<_>>(),
        [true, false]
    );
}

#[test]
fn a_json_body_is_taken_where_a_stream_was_asked_for() {
    let server = Server::start(|_, _| Reply::json(200, &message("whole")));
    send(&server)
        .args(["Hi"])
        .run()
        .code(0)
        .stdout("whole\n")
        .stderr_empty();
    assert_eq!(server.only_request().json()["stream"], true);
}

#[test]
fn a_message_in_an_array_of_one_is_taken() {
    let server = Server::start(|_, _| Reply::json(200, &json!([message("wrapped")])));
    send(&server)
        .args(["--set=stream=false", "Hi"])
        .run()
        .code(0)
        .stdout("wrapped\n")
        .stderr_empty();
}

#[test]
fn the_role_agent_is_taken_for_the_assistants() {
    let stream = Stream::new()
        .field("role", json!("agent"))
        .start()
        .text_block(["ok"])
        .stop("end_turn");
    send(&streaming(&stream))
        .args(["Hi"])
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    let mut whole = message("ok");
    whole["role"] = json!("agent");
    let server = Server::start(move |_, _| Reply::json(200, &whole));
    send(&server)
        .args(["--set=stream=false", "Hi"])
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
}

#[test]
fn thinking_is_not_shown() {
    let thinking = Stream::new().start().thinking_block("Hmm.", "c2ln");
    let redacted = thinking.block(&json!({"type": "redacted_thinking", "data": "b3BhcXVl"}));
    let server = streaming(&redacted.text_block(["ok"]).stop("end_turn"));
    send(&server)
        .args(["Hi"])
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
}

#[test]
fn text_blocks_follow_each_other_as_the_model_wrote_them() {
    let stream = Stream::new()
        .start()
        .text_block(["one", " two"])
        .text_block([", three"])
        .stop("end_turn");
    send(&streaming(&stream))
        .args(["Hi"])
        .run()
        .code(0)
        .stdout("one two, three\n")
        .stderr_empty();
}

#[test]
fn of_a_prefilled_answer_stdout_has_what_the_model_added() {
    let server = answering("\"a\": 1}");
    send(&server)
        .args(["JSON", "--prefill", "{"])
        .run()
        .code(0)
        .stdout("\"a\": 1}\n")
        .stderr_empty();
    let turns = server.only_request().json()["messages"].clone();
    assert_eq!(turns[1], json!({"role": "assistant", "content": "{"}));
}

#[test]
fn a_stop_sequence_and_an_unknown_reason_are_good_ends() {
    for delta in [
        json!({"stop_reason": "stop_sequence", "stop_sequence": "END"}),
        json!({"stop_reason": "something_new", "stop_sequence": null}),
    ] {
        let server = streaming(&Stream::new().start().text_block(["ok"]).stop_with(&delta));
        send(&server)
            .args(["Hi"])
            .run()
            .code(0)
            .stdout("ok\n")
            .stderr_empty();
    }
}

#[test]
fn events_that_nobody_knows_yet_are_passed_over() {
    let stream = Stream::new()
        .start()
        .event("novelty", &json!({"type": "novelty", "x": 1}))
        .text_block(["ok"]);
    send(&streaming(&stream.stop("end_turn")))
        .args(["Hi"])
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
}
