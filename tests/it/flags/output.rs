//! Where the answer goes and what is reported about it; each flag is compared with a run without
//! it.

use super::{Row, asking, good};
use crate::support::{
    events::Stream, home::Home, reply::Reply, sending::answering, server::Server,
};

/// An answer with two code blocks.
const CODE: &str = "Here:\n\n```sh\nls\n```\n\n```python\nprint()\n```\n";

/// The output flags.
pub(super) const ROWS: &[Row] = &[
    (&["send", "tool-run"], "--raw", raw),
    (&["send", "tool-run", "chat"], "--markdown", markdown),
    (
        &["send", "tool-run", "chat"],
        "--show-thinking",
        show_thinking,
    ),
    (&["send", "tool-run"], "--color", color),
    (&["send", "tool-run", "chat"], "--quiet", quiet),
    (&["send", "tool-run", "chat"], "--verbose", verbose),
    (&["send", "tool-run", "chat"], "--usage", usage),
    (&["send", "tool-run", "chat"], "--no-stream", no_stream),
    (&["send", "tool-run"], "--json", json),
    (&["send", "tool-run"], "--jsonl", jsonl),
    (&["send", "tool-run"], "--extract", extract),
    (&["send", "tool-run"], "--lang", lang),
    (&["send", "tool-run"], "--output", output),
    (&["send", "tool-run"], "--copy", copy),
    (&["send", "tool-run"], "--allow-truncated", allow_truncated),
    (&["send", "tool-run"], "--auto-continue", |command| {
        crate::continued_answers::is_continued(|server| asking(command, server));
    }),
    (&["send", "tool-run", "chat"], "--allow-empty", allow_empty),
];

/// Markdown whose delimiters are shown or hidden.
const STRONG: &str = "a **strong** word\n\n- item";

fn raw(command: &str) {
    let server = answering(STRONG);
    let on_terminal = |args: &[&str]| {
        asking(command, &server)
            .args(["Hi"])
            .args(args)
            .stdin_null()
            .on_terminal(80, 24)
            .finish()
    };
    on_terminal(&[])
        .code(0)
        .stdout_contains("\u{1b}[0;1mstrong")
        .stdout_contains("•");
    on_terminal(&["--raw"])
        .code(0)
        .stdout("a **strong** word\r\n\r\n- item\r\n");
}

fn markdown(command: &str) {
    let server = answering(STRONG);
    good(command, &server, &[])
        .stdout(format!("{STRONG}\n"))
        .stderr_empty();
    good(command, &server, &["--markdown"])
        .stdout("a **strong** word\n\n• item\n")
        .stderr_empty();
    good(command, &server, &["--markdown", "--color", "always"])
        .stdout_contains("\u{1b}[0;1mstrong")
        .stderr_empty();
}

fn copy(command: &str) {
    let server = answering("ok");
    let run = |args: &[&str]| {
        let asked = asking(command, &server).args(["Hi"]).args(args);
        asked.on_terminal(80, 24).finish()
    };
    assert!(!run(&[]).code(0).stdout_text().contains("\u{1b}]52"));
    run(&["--copy"])
        .code(0)
        .stdout_contains("\u{1b}]52;c;b2s=\u{7}");
}

fn show_thinking(command: &str) {
    let stream = Stream::new()
        .start()
        .thinking_block("It is\u{1b}[2J easy.", "sig")
        .text_block(["ok"]);
    let stream = stream.stop("end_turn").to_string();
    let server = Server::start(move |_, _| Reply::sse(&stream));
    good(command, &server, &[]).stdout("ok\n").stderr_empty();
    good(command, &server, &["--show-thinking"])
        .stdout("ok\n")
        .stderr("thinking:\nIt is␛[2J easy.\nend of thinking\n\n");
}

fn color(command: &str) {
    let server = answering("ok");
    asking(command, &server)
        .args(["--color", "always"])
        .run()
        .code(2)
        .stderr_contains("\u{1b}[");
    asking(command, &server)
        .run()
        .code(2)
        .stderr_lacks("\u{1b}");
}

fn quiet(command: &str) {
    let server = answering("ok");
    good(command, &server, &["--region", "mars"])
        .stdout("ok\n")
        .stderr_contains("langdock: region `mars`");
    good(command, &server, &["--region", "mars", "--quiet"])
        .stdout("ok\n")
        .stderr_empty();
}

fn verbose(command: &str) {
    let server = answering("ok");
    good(command, &server, &[]).stderr_empty();
    good(command, &server, &["--verbose"])
        .stderr_contains("* HTTP 200")
        .stderr_lacks("\n> ");
    good(command, &server, &["-vv"])
        .stderr_contains("\n> content-type: application/json\n")
        .stderr_contains("\n< ");
}

fn usage(command: &str) {
    let server = answering("ok");
    good(command, &server, &[]).stderr_empty();
    good(command, &server, &["--usage"])
        .stdout("ok\n")
        .stderr_contains("25 tokens in, 15 out");
}

fn no_stream(command: &str) {
    let server = answering("ok");
    good(command, &server, &[]).stderr_empty();
    good(command, &server, &["--no-stream"]).stderr_empty();
    let streamed: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request.json()["stream"].clone())
        .collect();
    assert_eq!(streamed, [true, true]);
}

fn json(command: &str) {
    let server = answering("ok");
    good(command, &server, &[]).stdout("ok\n");
    assert_eq!(
        good(command, &server, &["--json"]).stdout_json()["content"][0]["text"],
        "ok"
    );
}

fn jsonl(command: &str) {
    let server = answering("ok");
    let lines = good(command, &server, &["--jsonl"]).stdout_json_lines();
    assert_eq!(lines[0]["type"], "message_start");
    assert_eq!(lines.last().unwrap()["type"], "result");
}

fn extract(command: &str) {
    let server = answering(CODE);
    good(command, &server, &[]).stdout(CODE).stderr_empty();
    good(command, &server, &["--extract"])
        .stdout("ls\n")
        .stderr_empty();
}

fn lang(command: &str) {
    let server = answering(CODE);
    good(command, &server, &["--extract", "--lang", "python"])
        .stdout("print()\n")
        .stderr_empty();
    asking(command, &server)
        .args(["Hi", "--lang", "python"])
        .run()
        .code(2)
        .stdout("")
        .stderr_contains("--extract");
}

fn output(command: &str) {
    let (server, home) = (answering("ok"), Home::new());
    let file = home.path().join("answer");
    good(command, &server, &["--output", file.to_str().unwrap()])
        .stdout("")
        .stderr_empty();
    assert_eq!(std::fs::read_to_string(file).unwrap(), "ok\n");
}

fn allow_truncated(command: &str) {
    let stream = Stream::new()
        .start()
        .text_block(["cut"])
        .stop("max_tokens")
        .to_string();
    let server = Server::start(move |_, _| Reply::sse(&stream));
    asking(command, &server)
        .args(["Hi"])
        .run()
        .code(9)
        .stdout("cut\n")
        .stderr_contains("max_tokens");
    good(command, &server, &["--allow-truncated"])
        .stdout("cut\n")
        .stderr_empty();
}

fn allow_empty(command: &str) {
    let stream = Stream::new().start().stop("end_turn").to_string();
    let server = Server::start(move |_, _| Reply::sse(&stream));
    asking(command, &server)
        .args(["Hi"])
        .run()
        .code(8)
        .stdout("")
        .stderr_contains("error: the answer is empty\nhint: ");
    good(command, &server, &["--allow-empty"]).stdout("");
    assert_eq!(server.requests().len(), 3);
}
