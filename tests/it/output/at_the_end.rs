//! `--no-stream`: the request streams, and the answer is shown only when it ends, as if it were
//! unstreamed.

use serde_json::json;

use crate::support::{
    command::Langdock, events::Stream, gate::Gate, home::Home, outcome::Outcome, reply::Reply,
    sending::send, server::Server,
};
use crate::tools::{calling, done, shell_tool, tool_run};

/// Starts a server that replies with these answers in order, streamed if requested and otherwise in
/// one piece.
fn playing_either(answers: &[Stream]) -> Server {
    let answers: Vec<_> = answers
        .iter()
        .map(|answer| (answer.to_string(), answer.message()))
        .collect();
    Server::start(move |request, nth| {
        let (stream, message) = &answers[nth % answers.len()];
        if request.json()["stream"] == true {
            Reply::sse(stream)
        } else {
            Reply::json(200, message)
        }
    })
}

fn thoughtful() -> Stream {
    Stream::new()
        .start()
        .thinking_block("First\nthis.", "sig")
        .text_block(["# He", "llo\n\n*wor", "ld*\n\n```sh\nls\n``", "`\n"])
        .text_block(["\u{1b}[31m", "end \u{1f642}"])
        .stop("end_turn")
}

#[track_caller]
fn assert_same(server: &Server, run: impl Fn(&[&str]) -> Outcome) {
    let whole = run(&["--set", "stream=false"]);
    let held = run(&["-S"]);
    whole.code(0);
    held.code(0);
    assert_eq!(held.stdout_text(), whole.stdout_text());
    assert_eq!(held.stderr, whole.stderr);
    let asked: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request.json()["stream"].clone())
        .collect();
    let (of_whole, of_held) = asked.split_at(asked.len() / 2);
    assert!(of_whole.iter().all(|stream| stream == false), "{asked:?}");
    assert!(of_held.iter().all(|stream| stream == true), "{asked:?}");
}

#[test]
fn every_form_of_an_answer_has_the_same_bytes_as_one_in_one_piece() {
    for form in [
        &[][..],
        &["--show-thinking"],
        &["--markdown"],
        &["--markdown", "--color=always", "--show-thinking"],
        &["--json"],
        &["--jsonl"],
        &["-x"],
        &["-o", "/dev/stdout"],
    ] {
        let server = playing_either(&[thoughtful()]);
        assert_same(&server, |args| {
            send(&server).args(form).args(args).args(["Hi"]).run()
        });
    }
    let server = playing_either(&[calling(&[("answer", json!({"n": 1}))])]);
    let schema = r#"{"type": "object"}"#;
    assert_same(&server, |args| {
        send(&server)
            .args(["--schema", schema, "Hi"])
            .args(args)
            .run()
    });
    let server = playing_either(&[thoughtful()]);
    let home = Home::new();
    assert_same(&server, |args| {
        let outcome = send(&server)
            .home(&home)
            .args(["-o", "out", "Hi"])
            .args(args)
            .run();
        let written = std::fs::read(home.work().join("out")).unwrap();
        assert!(
            written.ends_with("end \u{1f642}\n".as_bytes()),
            "{written:?}"
        );
        outcome
    });
}

#[test]
fn a_run_of_tools_has_the_same_bytes_too() {
    let called = Stream::new()
        .start()
        .text_block(["I ", "look."])
        .tool_use_block("t1", "t", ["{}"])
        .stop("tool_use");
    for form in [&[][..], &["--json"], &["--markdown"]] {
        let server = playing_either(&[called.clone(), done("Done.")]);
        let home = shell_tool("echo 42", "");
        assert_same(&server, |args| {
            tool_run(&server)
                .home(&home)
                .args(["-T", "./t.toml", "-y", "-q", "-n", "Hi"])
                .args(form)
                .args(args)
                .run()
        });
    }
}

/// Starts a server that streams `one ` before the gate and `two` after it.
fn stopping(gate: &Gate) -> Server {
    let begin = Stream::new().start().open_text_block(["one "]).to_string();
    let whole = Stream::new()
        .start()
        .text_block(["one ", "two"])
        .stop("end_turn")
        .to_string();
    let rest = whole.strip_prefix(&begin).unwrap().to_owned();
    let gate = gate.clone();
    Server::start(move |_, _| Reply::sse_start().body(&begin).wait(&gate).body(&rest))
}

#[test]
fn nothing_is_shown_before_the_end() {
    let gate = Gate::new();
    let server = stopping(&gate);
    let running = send(&server).args(["-S", "-vv", "Hi"]).spawn();
    running.wait_for_stderr("HTTP 200");
    assert_eq!(running.stdout_so_far(), b"");
    gate.open();
    running.finish().code(0).stdout("one two\n");
}

#[test]
fn the_part_of_a_broken_answer_is_shown_and_nothing_is_asked_again() {
    let begin = Stream::new().start().open_text_block(["one "]).to_string();
    let server = Server::start(move |_, _| Reply::sse_start().body(&begin).close());
    send(&server)
        .args(["-S", "Hi"])
        .run()
        .stdout("one \n")
        .failed(8, "was lost", "again");
    server.only_request();
}

#[test]
fn a_request_that_does_not_stream_can_be_shown_as_a_curl_command() {
    let stream = |set: &str| {
        let args = ["send", "-m", "m", "--dry-run", "--set", set, "Hi"];
        Langdock::new().args(args).run().stdout_json()["stream"].clone()
    };
    assert_eq!(
        (stream("stream=false"), stream("stream=true")),
        (json!(false), json!(true))
    );
}
