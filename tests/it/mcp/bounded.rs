//! What is bounded, whatever a server or a program does: time, text, and names.

use std::os::unix::fs::PermissionsExt;
use std::{fs, time::Instant};

use serde_json::json;

use super::web::{call, web_server};
use super::{result_of, run_with, with_server};
use crate::support::{
    command::{KEY, Langdock},
    home::Home,
    mcp_server::{McpServer, log_of},
};
use crate::tools::{calling, done, playing};

#[test]
fn progress_does_not_keep_a_call_alive_forever() {
    let endless = r#"on_call() {
        while :; do
            printf '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":1}}\n' "$id" || exit
            sleep 0.05
        done
    }"#;
    let server = McpServer::new("s", endless).field("timeout", &json!("500ms"));
    let begun = Instant::now();
    let (_, model, outcome) = run_with(&server);
    outcome.code(0);
    assert_eq!(result_of(&model)["content"], "the tool timed out after 5 s");
    assert!(begun.elapsed().as_secs() >= 5);
}

#[test]
fn of_a_long_error_of_a_server_the_beginning_is_told() {
    let long = r#"on_call() { failure -1 "$(head -c 300000 /dev/zero | tr '\0' x)"; }"#;
    let (_, model, outcome) = run_with(&McpServer::new("s", long));
    outcome.code(0);
    let result = result_of(&model);
    let text = result["content"].as_str().expect("text");
    assert!(
        text.len() < 2200 && text.ends_with("xxx…"),
        "{}",
        text.len()
    );
    let long = r#"on_initialize() { failure -1 "$(head -c 300000 /dev/zero | tr '\0' x)"; }"#;
    let (_, _, outcome) = run_with(&McpServer::new("s", long));
    outcome.code(11);
    assert!(outcome.stderr.len() < 3000, "{}", outcome.stderr.len());
}

#[test]
fn a_tool_that_a_server_lists_twice_is_offered_once() {
    let twice = r#"on_list() { result "{\"tools\":[$(tool echo First.),$(tool echo Second.)]}"; }"#;
    let (_, model, outcome) = run_with(&McpServer::new("s", twice));
    outcome.code(0).stderr_contains(
        "left out the tool `echo` of the MCP server `s`: the server lists another tool of this \
         name before it",
    );
    let body = model.requests()[0].json();
    assert_eq!(body["tools"].as_array().map(Vec::len), Some(1));
    assert_eq!(body["tools"][0]["description"], "First.");
}

#[test]
fn a_program_for_headers_has_the_time_of_the_start_and_leaves_nothing_behind() {
    let server = web_server(false);
    let home = Home::new();
    let pid = home.path().join("pid");
    let script = format!("echo $$ > '{}'; exec sleep 1000", pid.display());
    let hanging = json!({"headers_cmd": ["sh", "-c", script], "timeout": "500ms"});
    call(&server.url(), &hanging, |langdock| langdock)
        .code(11)
        .stderr_contains("(headers_cmd): it took longer than 0.5 s");
    assert!(server.requests().is_empty());
    super::misbehaving::process_is_gone(&pid);
    let silent = json!({"headers_cmd": ["true"]});
    call(&server.url(), &silent, |langdock| langdock)
        .code(11)
        .stderr_contains("(headers_cmd): it printed no headers");
}

#[test]
fn a_program_for_headers_gets_no_key_and_must_not_print_it() {
    let server = web_server(false);
    let printing = |script: &str| json!({"headers_cmd": ["sh", "-c", script]});
    let variables = printing("echo \"X-Key: [$LANGDOCK_API_KEY]\"; echo \"X-Other: $OTHER\"");
    let with_key = |langdock: Langdock| langdock.key().env("OTHER", "other");
    call(&server.url(), &variables, with_key).code(0);
    for request in server.requests() {
        assert_eq!(request.header("x-key"), Some("[]"));
        assert_eq!(request.header("x-other"), Some("other"));
    }
    let seen = server.requests().len();
    let key = printing(&format!("echo 'Authorization: Bearer {KEY}'"));
    call(&server.url(), &key, with_key)
        .code(11)
        .stderr_contains("`Authorization` has the key of the endpoint, which no server gets")
        .stderr_lacks(KEY);
    assert_eq!(server.requests().len(), seen);
}

#[test]
fn a_program_for_headers_that_others_can_write_to_is_not_run_unasked() {
    let server = web_server(false);
    let home = Home::new();
    let program = home.write("work/token", "#!/bin/sh\necho A: b\n");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o777)).unwrap();
    let exposed = json!({"headers_cmd": [program]});
    call(&server.url(), &exposed, |langdock| langdock)
        .code(2)
        .stderr_contains("others can change the program");
    assert!(server.requests().is_empty());
}

#[test]
fn servers_end_with_their_input_also_where_the_run_fails() {
    let home = crate::tools::shell_tool("echo ran", "");
    home.write("work/t.toml", crate::tools::toml("s__echo", "echo ran", ""));
    McpServer::new("s", "").write(&home);
    McpServer::new("dead", "at_start() { sleep 0.3; exit 1; }").write(&home);
    let model = playing(&[done("Done.")]);
    let tool_run = |args: &[&str]| with_server(&model, &home).args(args).run();
    let mcp = |args: &[&str]| {
        let langdock = Langdock::new().home(&home).key().args(args);
        langdock.args(["--mcp", "./s.json"]).run()
    };
    let by_hand = |args: &[&str]| Langdock::new().home(&home).args(args).run();
    let failures: [(i32, &dyn Fn() -> crate::support::outcome::Outcome); 7] = [
        (2, &|| tool_run(&["--allow-tool", "x__*", "Hi"])),
        (2, &|| tool_run(&["-T", "./t.toml", "Hi"])),
        (11, &|| tool_run(&["--mcp", "./dead.json", "Hi"])),
        (2, &|| mcp(&["tool-run", "--call", "s__none", "{}"])),
        (2, &|| mcp(&["tool-run", "-T", "./t.toml", "--list"])),
        (2, &|| mcp(&["chat", "--tool-choice", "none_such"])),
        (2, &|| by_hand(&["mcp", "call", "./s.json", "none"])),
    ];
    for (index, (code, failing)) in failures.into_iter().enumerate() {
        let _ = fs::remove_file(home.work().join("s.log"));
        failing().code(code);
        let log = log_of(&home, "s");
        assert_eq!(
            log.last().map(String::as_str),
            Some("end"),
            "{index}: {log:?}"
        );
    }
    assert!(model.requests().is_empty());
}

#[test]
fn the_hint_for_a_server_names_what_was_given() {
    let home = Home::new();
    McpServer::new("s", "at_start() { exit 1; }").write(&home);
    let model = playing(&[calling(&[("s__echo", json!({}))])]);
    with_server(&model, &home).args(["Hi"]).run().failed(
        11,
        "it exited with code 1",
        "check it with `langdock mcp doctor ./s.json`",
    );
    let import = Langdock::new()
        .home(&home)
        .args(["mcp", "import", "./s.json"]);
    import.run().code(0);
    crate::tools::tool_run(&model)
        .home(&home)
        .args(["--mcp", "s", "Hi"])
        .run()
        .failed(
            11,
            "it exited with code 1",
            "check it with `langdock mcp doctor s`",
        );
}
