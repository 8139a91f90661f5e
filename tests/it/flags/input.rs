//! The input: prompt words, files and standard input.

use base64::Engine;
use serde_json::json;

use super::{Row, asking};
use crate::pictures::picture;
use crate::secret_guard::github_token;
use crate::support::{command::Langdock, home::Home, sending::answering};

/// The input arguments.
pub(super) const ROWS: &[Row] = &[
    (&["send", "tool-run"], "PROMPT", prompt),
    (&["send", "tool-run", "batch", "chat"], "--file", file),
    (
        &["send", "tool-run", "batch", "chat"],
        "--files-from",
        files_from,
    ),
    (&["send", "tool-run", "batch", "chat"], "--exclude", exclude),
    (&["send", "tool-run", "batch", "chat"], "--attach", attach),
    (
        &["send", "tool-run", "batch", "chat"],
        "--image-size",
        image_size,
    ),
    (
        &["send", "tool-run", "batch", "chat"],
        "--messages",
        messages,
    ),
    (&["send", "tool-run"], "--no-stdin", no_stdin),
    (&["send", "tool-run", "batch"], "--edit", edit),
    (
        &["send", "tool-run", "batch", "chat"],
        "--template",
        template,
    ),
    (&["send", "tool-run", "batch", "chat"], "--param", param),
    (&["send", "tool-run", "batch", "chat"], "--secrets", secrets),
    (&["send", "tool-run"], "--no-check", no_check),
    (&["send", "tool-run", "chat"], "--tool", tool),
    (&["send", "tool-run", "chat"], "--tool-choice", tool_choice),
    (&["template show"], "NAME", template_show),
];

/// The definition of a tool.
const TOOL: &str = r#"{"name": "look", "input_schema": {"type": "object"}}"#;

fn prompt(command: &str) {
    let server = answering("ok");
    asking(command, &server)
        .run()
        .code(2)
        .stdout("")
        .stderr_contains("error: no prompt\n");
    assert_eq!(server.connections(), 0);
    asking(command, &server)
        .args(["Why", "--", "-x"])
        .run()
        .code(0)
        .stderr_empty();
    assert_eq!(
        server.only_request().json()["messages"][0]["content"],
        "Why -x"
    );
}

fn file(command: &str) {
    let (server, home) = (answering("ok"), Home::new());
    home.write("work/a.txt", "A\n");
    asking(command, &server)
        .home(&home)
        .args(["Hi", "--file", "a.txt"])
        .run()
        .code(0)
        .stderr_empty();
    let file = json!({"type": "text", "text": "<file name=\"a.txt\">\nA\n</file>"});
    let expected = json!([file, {"type": "text", "text": "Hi"}]);
    assert_eq!(
        server.only_request().json()["messages"][0]["content"],
        expected
    );
}

fn files_from(command: &str) {
    let (server, home) = (answering("ok"), Home::new());
    home.write("work/a.txt", "A\n");
    home.write("work/list", "a.txt\n");
    asking(command, &server)
        .home(&home)
        .args(["Hi", "--files-from", "list"])
        .run()
        .code(0)
        .stderr_empty();
    assert_eq!(
        server.only_request().json()["messages"][0]["content"][0]["text"],
        "<file name=\"a.txt\">\nA\n</file>"
    );
}

fn exclude(command: &str) {
    let (server, home) = (answering("ok"), Home::new());
    home.write("work/d/a.txt", "A\n");
    home.write("work/d/b.log", "B\n");
    asking(command, &server)
        .home(&home)
        .args(["Hi", "--file", "d", "--exclude", "*.log"])
        .run()
        .code(0)
        .stderr("langdock: `d`: 1 text file, 2 bytes\n");
    assert_eq!(
        server.only_request().json()["messages"][0]["content"][0]["text"],
        "<file name=\"d/a.txt\">\nA\n</file>"
    );
}

fn attach(command: &str) {
    let (server, home) = (answering("ok"), Home::new());
    home.write("work/a.pdf", "%PDF-1.4\n%%EOF\n");
    asking(command, &server)
        .home(&home)
        .args(["Hi", "--attach", "a.pdf"])
        .run()
        .code(0)
        .stderr_empty();
    assert_eq!(
        server.only_request().json()["messages"][0]["content"][0]["type"],
        "document"
    );
}

fn image_size(command: &str) {
    let (server, home) = (answering("ok"), Home::new());
    home.write("work/a.png", picture(64, 32));
    asking(command, &server)
        .home(&home)
        .args(["Hi", "-a", "a.png", "--image-size", "16"])
        .run()
        .code(0)
        .stderr("langdock: `a.png` was scaled down from 64 × 32 pixels to 16 × 8 pixels\n");
    let block = &server.only_request().json()["messages"][0]["content"][0];
    // The size of a PNG is at bytes 16 to 24, and three bytes make four characters.
    let data = block["source"]["data"].as_str().unwrap();
    let sent = base64::prelude::BASE64_STANDARD
        .decode(&data[..32])
        .unwrap();
    assert_eq!(sent[16..24], [0, 0, 0, 16, 0, 0, 0, 8]);
}

fn messages(command: &str) {
    let (server, home) = (answering("ok"), Home::new());
    home.write(
        "work/m.json",
        r#"[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]"#,
    );
    asking(command, &server)
        .home(&home)
        .args(["Hi", "--messages", "m.json"])
        .run()
        .code(0)
        .stderr_empty();
    let expected = json!([
        {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "Hi"}
    ]);
    assert_eq!(server.only_request().json()["messages"], expected);
}

fn edit(command: &str) {
    let server = answering("ok");
    let terminal = asking(command, &server)
        .env("EDITOR", "echo there >>")
        .args(["Hi", "--edit"])
        .on_terminal(80, 24);
    terminal.finish().code(0).stdout_contains("ok");
    assert_eq!(
        server.only_request().json()["messages"][0]["content"],
        "Hithere"
    );
}

fn template(command: &str) {
    let (server, home) = (answering("ok"), Home::new());
    home.write(home.config().join("templates/ask.md"), "Why?\n");
    asking(command, &server)
        .home(&home)
        .args(["--template", "ask"])
        .run()
        .code(0)
        .stderr_empty();
    assert_eq!(
        server.only_request().json()["messages"][0]["content"],
        "Why?"
    );
}

fn param(command: &str) {
    let (server, home) = (answering("ok"), Home::new());
    home.write("work/ask.md", "Why {{what}}?\n");
    let args = ["-t", "./ask.md", "--param", "what=-x=1"];
    asking(command, &server)
        .home(&home)
        .args(args)
        .run()
        .code(0)
        .stderr_empty();
    assert_eq!(
        server.only_request().json()["messages"][0]["content"],
        "Why -x=1?"
    );
    asking(command, &server)
        .args(["Hi", "--param", "a=b"])
        .run()
        .code(2)
        .stderr_contains("--template");
}

fn secrets(command: &str) {
    let (server, home) = (answering("ok"), Home::new());
    home.write("work/a.txt", format!("{}\n", github_token()));
    let run = |mode: &str| {
        let args = ["Hi", "-f", "a.txt", "--secrets", mode];
        asking(command, &server).home(&home).args(args).run()
    };
    run("refuse").code(2).stdout("").stderr_contains("`a.txt`");
    assert_eq!(server.connections(), 0);
    let masked = "langdock: masked 1 secret in `a.txt` (line 1: GitHub token)\n";
    run("mask").code(0).stderr(masked);
    run("send").code(0).stderr_empty();
    let sent = server.requests();
    let text = |number: usize| sent[number].json()["messages"][0]["content"][0]["text"].clone();
    let file = |text: &str| format!("<file name=\"a.txt\">\n{text}\n</file>");
    assert_eq!(text(0), file("[SECRET 1]"));
    assert_eq!(text(1), file(&github_token()));
}

fn no_check(command: &str) {
    let (server, text) = (answering("ok"), "x".repeat(21 * 1024 * 1024));
    asking(command, &server)
        .stdin_bytes(text.as_str())
        .run()
        .code(13)
        .stdout("");
    assert_eq!(server.connections(), 0);
    asking(command, &server)
        .stdin_bytes(text)
        .args(["--no-check"])
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
}

fn tool(command: &str) {
    let (server, home) = (answering("ok"), Home::new());
    home.write("work/t.json", TOOL);
    asking(command, &server)
        .home(&home)
        .args(["Hi", "--tool", "./t.json"])
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    let expected = json!([{"name": "look", "input_schema": {"type": "object"}}]);
    assert_eq!(server.only_request().json()["tools"], expected);
}

fn tool_choice(command: &str) {
    let (server, home) = (answering("ok"), Home::new());
    home.write("work/t.json", TOOL);
    for choice in ["auto", "any", "none", "look"] {
        let args = ["Hi", "-T", "./t.json", "--tool-choice", choice];
        asking(command, &server)
            .home(&home)
            .args(args)
            .run()
            .code(0)
            .stderr_empty();
    }
    let sent: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request.json()["tool_choice"].clone())
        .collect();
    let tool = json!({"type": "tool", "name": "look"});
    assert_eq!(
        sent,
        [
            json!({"type": "auto"}),
            json!({"type": "any"}),
            json!({"type": "none"}),
            tool
        ]
    );
}

fn template_show(_: &str) {
    let home = Home::new();
    home.write(home.config().join("templates/ask.md"), "Why?\n");
    let outcome = Langdock::new()
        .home(&home)
        .args(["template", "show", "ask"])
        .run();
    outcome.code(0).stdout("Why?\n").stderr_empty();
}

fn no_stdin(command: &str) {
    let server = answering("ok");
    asking(command, &server)
        .stdin_bytes("IN")
        .args(["Hi"])
        .run()
        .code(0)
        .stderr_empty();
    asking(command, &server)
        .stdin_bytes("IN")
        .args(["Hi", "--no-stdin"])
        .run()
        .code(0)
        .stderr_empty();
    let requests = server.requests();
    assert!(requests[0].text().contains("IN"), "{}", requests[0].text());
    assert_eq!(requests[1].json()["messages"][0]["content"], "Hi");
}
