//! The revision that a server speaks is remembered for its next start.

use std::fs;

use serde_json::json;

use crate::support::{
    command::Langdock,
    home::Home,
    mcp_server::{McpServer, log_of, methods_to},
    outcome::Outcome,
};

/// A server without `initialize`, unless there is a file `upgraded`; with a file `silent` it does
/// not answer `server/discover`.
const STATELESS: &str = r#"
    on_initialize() {
        if [ -e upgraded ]; then
            result '{"protocolVersion":"2025-11-25","capabilities":{}}'
        else
            failure -32601 'method not found'
        fi
    }
    on_other() {
        if [ -e upgraded ]; then failure -32601 'method not found'
        elif ! [ -e silent ]; then result '{"supportedVersions":["2026-07-28"],"capabilities":{}}'; fi
    }
"#;

fn start(home: &Home) -> Outcome {
    let _ = fs::remove_file(home.work().join("s.log"));
    Langdock::new()
        .home(home)
        .args(["mcp", "tools", "./s.json"])
        .run()
}

fn first_method(home: &Home) -> String {
    methods_to(home, "s").swap_remove(0)
}

#[test]
fn a_server_without_sessions_is_begun_without_initialize_the_next_time() {
    let home = Home::new();
    let server = McpServer::new("s", STATELESS);
    server.write(&home);
    start(&home).code(0);
    let first = ["initialize", "server/discover", "tools/list"];
    assert_eq!(methods_to(&home, "s"), first);
    for _ in 0..2 {
        start(&home).code(0);
        assert_eq!(methods_to(&home, "s"), ["server/discover", "tools/list"]);
    }
    // Another definition is another server.
    server.field("env", &json!({"A": "b"})).write(&home);
    start(&home).code(0);
    assert_eq!(methods_to(&home, "s"), first);
}

#[test]
fn what_was_remembered_is_forgotten_when_the_server_no_longer_speaks_it() {
    let home = Home::new();
    McpServer::new("s", STATELESS).write(&home);
    start(&home).code(0);
    home.write("work/upgraded", "");
    start(&home).code(0).stdout_contains("s__echo");
    let methods = methods_to(&home, "s");
    assert_eq!(
        methods[..2],
        ["server/discover", "initialize"],
        "{methods:?}"
    );
    start(&home).code(0);
    assert_eq!(first_method(&home), "initialize");
}

#[test]
fn what_was_remembered_is_forgotten_when_the_start_fails() {
    let home = Home::new();
    let server = McpServer::new("s", STATELESS).field("timeout", &json!("700ms"));
    server.write(&home);
    start(&home).code(0);
    let silent = home.write("work/silent", "");
    start(&home).code(11);
    assert_eq!(methods_to(&home, "s"), ["server/discover"]);
    fs::remove_file(silent).unwrap();
    start(&home).code(0);
    assert_eq!(first_method(&home), "initialize");
}

#[test]
fn of_a_server_with_sessions_nothing_is_kept() {
    let home = Home::new();
    McpServer::new("s", "").write(&home);
    start(&home).code(0);
    assert!(!log_of(&home, "s").is_empty() && !home.state().join("mcp").exists());
}
