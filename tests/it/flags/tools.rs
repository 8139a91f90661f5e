//! How tools are run, which calls may run, and answers that match a schema.

use std::fs;

use serde_json::json;

use super::{Row, asking};
use crate::support::{
    command::Langdock, home::Home, mcp_server::McpServer, outcome::Outcome, sending::send,
};
use crate::tools::{calling, done, playing, results, shell_tool};

/// The flags for tools and schemas.
pub(super) const ROWS: &[Row] = &[
    (&["tool-run", "chat"], "--yes", |command| {
        runs(command, &["--yes"]);
    }),
    (&["tool-run", "chat"], "--allow-tool", |command| {
        runs(command, &["--allow-tool", "t"]);
    }),
    (&["tool-run", "chat"], "--deny-tool", deny_tool),
    (&["tool-run", "chat"], "--max-turns", max_turns),
    (&["tool-run", "chat"], "--tool-jobs", tool_jobs),
    (&["tool-run", "chat"], "--mcp", offers_server),
    (
        &["mcp list", "mcp tools", "mcp call", "mcp doctor"],
        "--json",
        prints_json,
    ),
    (&["mcp tools"], "--cost", |_| cost()),
    (&["mcp tools", "mcp doctor"], "SERVERS", named_servers),
    (&["mcp call"], "SERVER", |_| called(&["./s.json", "echo"])),
    (&["mcp call"], "TOOL", |_| called(&["./s.json", "echo"])),
    (&["mcp call"], "INPUT", |_| {
        called(&["./s.json", "echo", "{\"n\":1}"]);
    }),
    (&["mcp import"], "FILE", |_| import()),
    (&["tool-run"], "--list", |_| list()),
    (&["tool-run"], "--call", |_| call()),
    (&["tool-run"], "--max-cost", |_| {
        crate::costs::tool_run_is_limited();
    }),
    (&["send"], "--schema", |_| schema()),
    (&["send"], "--schema-mode", |_| schema_mode()),
    (&["send"], "--repair", |_| repair()),
];

/// Runs a command with a tool that is called `calls` times in one answer; returns its outcome and
/// the results sent to the model.
fn told(command: &str, line: &str, calls: usize, args: &[&str]) -> (Outcome, Vec<String>) {
    let (home, calls) = (shell_tool(line, ""), vec![("t", json!({})); calls]);
    let server = playing(&[calling(&calls), done("ok")]);
    let outcome = asking(command, &server)
        .home(&home)
        .args(["-T", "./t.toml", "Hi"])
        .args(args)
        .run();
    let told = server
        .requests()
        .get(1)
        .map_or_else(Vec::new, |request| results(&request.json()));
    (
        outcome,
        told.iter()
            .map(|result| result["content"].as_str().unwrap_or_default().to_owned())
            .collect(),
    )
}

fn runs(command: &str, args: &[&str]) {
    assert_eq!(
        told(command, "echo ran", 1, &[]).1,
        ["this call needs the user's approval, and no user was there to give it"]
    );
    assert_eq!(told(command, "echo ran", 1, args).1, ["ran\n"]);
}

fn deny_tool(command: &str) {
    let denied = told(command, "echo ran", 1, &["--yes", "--deny-tool", "t"]).1;
    assert_eq!(denied, ["the user does not allow this tool"]);
}

fn max_turns(command: &str) {
    told(command, "echo ran", 1, &["-y"]).0.code(0);
    let (outcome, told) = told(command, "echo ran", 1, &["-y", "--max-turns", "1"]);
    outcome.failed(11, "the model did not finish within 1 turn", "--max-turns");
    assert!(told.is_empty(), "{told:?}");
    Langdock::new()
        .args([command, "Hi", "--max-turns", "0"])
        .run()
        .code(2)
        .stderr_contains("from 1 to 4,294,967,295");
}

fn tool_jobs(command: &str) {
    // A second call that runs at the same time cannot create the directory.
    let alone = "mkdir busy && sleep 0.2 && rmdir busy && echo alone";
    assert_eq!(
        told(command, alone, 3, &["-y", "--tool-jobs", "1"]).1,
        ["alone\n"; 3]
    );
    let together = told(
        command,
        "touch $LANGDOCK_TOOL_USE_ID; until [ -e t1 ] && [ -e t2 ]; do sleep 0.01; done",
        2,
        &["-y"],
    );
    assert_eq!(together.1, ["(no output)"; 2]);
}

fn offers_server(command: &str) {
    let home = Home::new();
    McpServer::new("s", "").write(&home);
    let server = playing(&[done("ok")]);
    let outcome = asking(command, &server)
        .home(&home)
        .args(["--mcp", "./s.json", "Hi"])
        .run();
    outcome.code(0);
    let tools = server.only_request().json()["tools"].clone();
    assert_eq!(tools[0]["name"], "s__echo");
}

/// Runs `langdock mcp` where `s.json` names a server with the tool `echo`.
fn mcp(args: &[&str]) -> Outcome {
    let home = Home::new();
    McpServer::new("s", "").write(&home);
    Langdock::new().home(&home).args(["mcp"]).args(args).run()
}

fn prints_json(command: &str) {
    let word = command.trim_start_matches("mcp ");
    let args = match word {
        "list" => &["list", "--json"][..],
        "call" => &["call", "./s.json", "echo", "--json"],
        word => &[word, "./s.json", "--json"],
    };
    let printed = mcp(args).code(0).stdout_json();
    assert!(printed.is_array() || printed.is_object(), "{printed}");
}

fn cost() {
    mcp(&["tools", "./s.json", "--cost"])
        .code(0)
        .stdout_contains("tokens per request in total");
}

fn named_servers(command: &str) {
    let word = command.trim_start_matches("mcp ");
    mcp(&[word, "./s.json"]).code(0).stdout_contains("s");
    mcp(&[word, "other"]).code(2).stdout("");
}

fn called(args: &[&str]) {
    mcp(&[&["call"], args].concat()).code(0).stdout("called\n");
}

fn import() {
    mcp(&["import", "./s.json"])
        .code(0)
        .stderr_contains("added to");
    mcp(&["import", "./gone.json"]).code(1);
}

fn list() {
    let home = shell_tool("echo $HOME", "description = \"Says\\nwhere.\"");
    let run = |args: &[&str]| {
        Langdock::new()
            .home(&home)
            .args(["tool-run", "-T", "./t.toml", "--list"])
            .args(args)
            .run()
    };
    run(&[])
        .code(0)
        .stdout_contains("t  ")
        .stdout_contains("/sh -c \"echo $HOME\"  Says where.\n")
        .stderr_empty();
    let definition =
        json!([{"name": "t", "input_schema": {"type": "object"}, "description": "Says\nwhere."}]);
    assert_eq!(run(&["--json"]).code(0).stdout_json(), definition);
    Langdock::new()
        .args(["tool-run", "--list"])
        .run()
        .failed(2, "there are no tools", "-T FILE");
}

fn call() {
    let home = shell_tool("cat", "");
    let run = |args: &[&str]| {
        Langdock::new()
            .home(&home)
            .args(["tool-run", "-T", "./t.toml", "--call", "t"])
            .args(args)
            .run()
    };
    run(&[r#"{"a": 1}"#])
        .code(0)
        .stdout("{\"a\":1}\n")
        .stderr_empty();
    let result = json!({"type": "tool_result", "tool_use_id": "toolu_by_hand", "content": "{}"});
    assert_eq!(run(&["{}", "--json"]).code(0).stdout_json(), result);
    assert_eq!(
        run(&["{}", "--jsonl"]).code(0).stdout_json_lines(),
        [result]
    );
    run(&["{}", "-o", "out"]).code(0).stdout("").stderr_empty();
    assert_eq!(fs::read_to_string(home.work().join("out")).unwrap(), "{}\n");
    // A failure is not an answer: the existing file is kept, and no other file is left behind.
    let left = || fs::read_dir(home.work()).unwrap().count();
    let before = left();
    run(&["[]", "-o", "out"]).code(11).stdout("");
    assert_eq!(
        (fs::read_to_string(home.work().join("out")).unwrap(), left()),
        ("{}\n".to_owned(), before)
    );
    run(&["[]", "-o", "out", "--json"]).code(11).stdout("");
    assert!(
        fs::read_to_string(home.work().join("out"))
            .unwrap()
            .contains(r#""is_error":true"#)
    );
}

const SCHEMA: &str = r#"{"type": "object", "required": ["n"]}"#;

fn schema() {
    let server = playing(&[calling(&[("answer", json!({"n": 1}))])]);
    send(&server)
        .args(["Hi", "--schema", SCHEMA])
        .run()
        .code(0)
        .stdout("{\"n\":1}\n")
        .stderr_empty();
}

fn schema_mode() {
    let server = crate::support::sending::answering("{\"n\": 1}");
    send(&server)
        .args(["Hi", "--schema", SCHEMA, "--schema-mode", "prompt"])
        .run()
        .code(0)
        .stdout("{\"n\":1}\n")
        .stderr_empty();
    assert_eq!(server.only_request().json().get("tools"), None);
}

fn repair() {
    for (args, requests) in [
        (&[][..], 3),
        (&["--repair", "0"][..], 1),
        (&["--repair", "1"], 2),
    ] {
        let server = playing(&[calling(&[("answer", json!({}))])]);
        send(&server)
            .args(["Hi", "--schema", SCHEMA])
            .args(args)
            .run()
            .code(12)
            .stdout("");
        assert_eq!(server.requests().len(), requests, "{args:?}");
    }
    Langdock::new()
        .args(["send", "Hi", "--repair", "1"])
        .run()
        .code(2)
        .stderr_contains("--schema");
}
