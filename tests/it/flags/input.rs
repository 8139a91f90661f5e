//! What is answered from: prompt words, files and standard input.

use serde_json::json;

use super::Row;
use crate::support::{
    home::Home,
    sending::{answering, send},
};

/// The arguments of the input.
pub(super) const ROWS: &[Row] =
    &[("send", "PROMPT", prompt), ("send", "--file", file), ("send", "--no-stdin", no_stdin)];

fn prompt() {
    let server = answering("ok");
    send(&server).run().code(2).stdout("").stderr_contains("error: no prompt\n");
    assert_eq!(server.connections(), 0);
    send(&server).args(["Why", "--", "-x"]).run().code(0).stderr_empty();
    assert_eq!(server.only_request().json()["messages"][0]["content"], "Why -x");
}

fn file() {
    let (server, home) = (answering("ok"), Home::new());
    home.write("work/a.txt", "A\n");
    send(&server).home(&home).args(["Hi", "--file", "a.txt"]).run().code(0).stderr_empty();
    let file = json!({"type": "text", "text": "<file name=\"a.txt\">\nA\n</file>"});
    let expected = json!([file, {"type": "text", "text": "Hi"}]);
    assert_eq!(server.only_request().json()["messages"][0]["content"], expected);
}

fn no_stdin() {
    let server = answering("ok");
    send(&server).stdin_bytes("IN").args(["Hi"]).run().code(0).stderr_empty();
    send(&server).stdin_bytes("IN").args(["Hi", "--no-stdin"]).run().code(0).stderr_empty();
    let requests = server.requests();
    assert!(requests[0].text().contains("IN"), "{}", requests[0].text());
    assert_eq!(requests[1].json()["messages"][0]["content"], "Hi");
}
