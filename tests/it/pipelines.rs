//! `send` in typical shell pipelines: each run reads its input and waits for nothing else.

use serde_json::{Value, json};

use crate::support::{
    command::Langdock, events::MODEL, home::Home, pty::CTRL_C, sending::answering, server::Server,
};

/// Returns the content of a script's only request, which must succeed without messages.
#[track_caller]
fn content(home: &Home, script: &str) -> Value {
    let server = answering("ok");
    line(home, &server, script)
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    server.only_request().json()["messages"][0]["content"].clone()
}

fn line(home: &Home, server: &Server, script: &str) -> Langdock {
    Langdock::shell(script)
        .home(home)
        .key()
        .against(server)
        .env("LANGDOCK_MODEL", MODEL)
}

fn framed(stdin: &str) -> Value {
    json!([{"type": "text", "text": format!("<stdin>\n{stdin}\n</stdin>")}, {"type": "text", "text": "q"}])
}

#[test]
fn each_way_to_give_stdin_is_read_as_what_it_is() {
    let home = Home::new();
    assert_eq!(content(&home, "printf q | langdock send"), "q");
    assert_eq!(content(&home, "langdock send q </dev/null"), "q");
    assert_eq!(content(&home, "langdock send q <&-"), "q");
    assert_eq!(content(&home, ": | langdock send q"), "q");
    assert_eq!(
        content(&home, "mkfifo p; (printf in >p) & langdock send q <p"),
        framed("in")
    );
}

#[test]
fn a_named_pipe_is_waited_for_until_its_writer_is_done() {
    let home = Home::new();
    // The writer continues once the reader has read the first part, which exceeds a pipe's buffer.
    let script =
        "mkfifo p; { head -c 200000 /dev/zero | tr '\\0' x; printf end; } >p & langdock send q <p";
    assert_eq!(
        content(&home, script),
        framed(&("x".repeat(200_000) + "end"))
    );
}

#[test]
fn an_image_on_a_pipe_is_asked_about() {
    let home = Home::new();
    home.write(
        "work/photo.png",
        b"GIF89a\x01\0\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x01L\0;",
    );
    let blocks = content(&home, "cat photo.png | langdock send what");
    assert_eq!(blocks[0]["source"]["media_type"], "image/gif");
    assert_eq!(blocks[1]["text"], "what");
}

#[test]
fn a_loop_over_lines_asks_each_of_them_even_one_that_looks_like_a_flag() {
    let (home, server) = (Home::new(), answering("ok"));
    home.write("work/list", "one\n-x two\n--help\n");
    let outcome = line(
        &home,
        &server,
        "while read -r l; do langdock send -q -- \"$l\"; done <list",
    )
    .run();
    outcome.code(0).stdout("ok\nok\nok\n").stderr_empty();
    let asked: Vec<_> = server
        .requests()
        .iter()
        .map(|sent| sent.json()["messages"][0]["content"].clone())
        .collect();
    assert_eq!(asked, ["one", "-x two", "--help"]);
}

#[test]
fn ctrl_c_ends_the_reading_of_a_log_that_never_ends() {
    let (home, server) = (
        Home::new(),
        Server::start(|_, _| panic!("nothing is to be sent")),
    );
    home.write("work/log", "a line\n");
    let terminal = line(&home, &server, "tail -f log | langdock send q").on_terminal(80, 24);
    terminal
        .wait_for("still waiting for standard input; use --no-stdin if there is none")
        .keys(CTRL_C);
    let outcome = terminal.finish();
    assert!(
        outcome.signal == Some(2) || outcome.code == Some(130),
        "{outcome}"
    );
    outcome.stdout_contains(": interrupted");
    assert_eq!(server.connections(), 0);
}
