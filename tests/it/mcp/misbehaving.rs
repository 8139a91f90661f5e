//! Servers that are slow, silent, noisy, die, flood, leave children, or do not end.

use std::{fs, path::Path, time::Instant};

use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::json;

use super::{result_of, run_with, with_server};
use crate::support::{
    DEADLINE,
    command::Langdock,
    events::MODEL,
    home::Home,
    mcp_server::{McpServer, log_of, methods_to},
    server::Server,
};
use crate::tools::{calling, done, playing};

/// Waits until the process whose id a server has written to `pid` is gone.
#[track_caller]
fn written_process_is_gone(home: &Home) {
    process_is_gone(&home.work().join("pid"));
}

/// Waits until the process whose id is in a file is gone.
#[track_caller]
pub(super) fn process_is_gone(file: &Path) {
    let written = fs::read_to_string(file).expect("the process wrote it");
    let pid = Pid::from_raw(written.trim().parse().expect("a process id"));
    let begun = Instant::now();
    while kill(pid, None) != Err(Errno::ESRCH) {
        assert!(begun.elapsed() < DEADLINE, "process {pid} is left");
        std::thread::yield_now();
    }
}

#[test]
fn a_server_that_does_not_start_is_named_with_its_last_words_and_nothing_is_sent() {
    let silent = McpServer::new("s", "on_initialize() { :; }").field("timeout", &json!("300ms"));
    let slow = McpServer::new("s", "on_list() { :; }").field("timeout", &json!("300ms"));
    let dead = McpServer::new("s", "at_start() { echo one >&2; echo two >&2; exit 3; }");
    let refusing = McpServer::new("s", "on_initialize() { failure -1 'no licence'; }");
    let strange = r#"on_initialize() { result '{"protocolVersion":"3000-01-01"}'; }"#;
    let strange = McpServer::new("s", strange);
    for (server, reason) in [
        (silent, "it was not ready after its `timeout` of 0.3 s"),
        (slow, "it was not ready after its `timeout` of 0.3 s"),
        (dead, "it exited with code 3; it printed: one | two"),
        (refusing, "no licence"),
        (
            strange,
            "it speaks MCP revision `3000-01-01`, which langdock does not support",
        ),
    ] {
        let (_, model, outcome) = run_with(&server);
        let message = format!("the MCP server `s` did not start: {reason}");
        outcome.failed(11, &message, "langdock mcp doctor ./s.json");
        assert!(model.requests().is_empty(), "{reason}");
    }
    let home = Home::new();
    let missing = json!({"mcpServers": {"s": {"command": "no-such-program"}}});
    home.write("work/s.json", missing.to_string());
    with_server(&playing(&[done("Done.")]), &home)
        .args(["Hi"])
        .run()
        .failed(
            11,
            "program `no-such-program` not found in PATH",
            "langdock mcp doctor ./s.json",
        );
}

#[test]
fn without_an_optional_server_the_run_continues() {
    let dead = McpServer::new("s", "at_start() { exit 3; }").field("optional", &json!(true));
    let home = Home::new();
    dead.write(&home);
    let model = playing(&[done("Done.")]);
    with_server(&model, &home)
        .args(["Hi"])
        .run()
        .code(0)
        .stdout("Done.\n")
        .stderr_contains("it exited with code 3; continuing without it");
    assert_eq!(model.only_request().json().get("tools"), None);
}

#[test]
fn noise_between_the_messages_is_skipped_with_one_notice() {
    let noisy = r"
        at_start() { echo 'Listening on stdio'; echo 'and more' >&2; }
        on_call() { echo 'calling {'; text called; echo '[]'; }
    ";
    let (_, model, outcome) = run_with(&McpServer::new("s", noisy));
    outcome.code(0);
    assert_eq!(result_of(&model)["content"], "called");
    let stderr = &outcome.stderr;
    let notice = "the MCP server `s` prints lines that are not messages; skipping them: Listening";
    assert_eq!(
        stderr.matches("lines that are not messages").count(),
        1,
        "{stderr}"
    );
    assert!(
        stderr.contains(notice) && !stderr.contains("and more"),
        "{stderr}"
    );
}

#[test]
fn what_a_server_prints_to_standard_error_is_shown_on_demand() {
    let home = Home::new();
    McpServer::new("s", "on_call() { echo 'calling now' >&2; text called; }").write(&home);
    let model = playing(&[calling(&[("s__echo", json!({}))]), done("Done.")]);
    with_server(&model, &home)
        .args(["-y", "-v", "Hi"])
        .run()
        .code(0)
        .stderr_contains("* MCP server `s`: 1 tool, revision 2025-11-25")
        .stderr_contains("* s: calling now");
}

#[test]
fn a_server_that_dies_in_a_call_fails_that_call_and_those_after_it() {
    let home = Home::new();
    McpServer::new("s", "on_call() { exit 3; }").write(&home);
    let call = || calling(&[("s__echo", json!({}))]);
    let model = playing(&[call(), call(), done("Done.")]);
    with_server(&model, &home)
        .args(["-y", "Hi"])
        .run()
        .code(0)
        .stdout("Done.\n");
    let requests = model.requests();
    for request in &requests[1..] {
        let result = crate::tools::results(&request.json()).remove(0);
        let expected = "the MCP server `s` could not complete this call: it exited with code 3";
        assert_eq!(
            (&result["content"], &result["is_error"]),
            (&json!(expected), &json!(true))
        );
    }
}

#[test]
fn a_server_that_floods_is_left() {
    let flood = "on_call() { head -c 17000000 /dev/zero | tr '\\0' x; sleep 1000; }";
    let (_, model, outcome) = run_with(&McpServer::new("s", flood));
    outcome.code(0);
    let expected =
        "the MCP server `s` could not complete this call: it sent a line of more than 16 MB";
    assert_eq!(result_of(&model)["content"], expected);
}

#[test]
fn a_flood_on_standard_error_and_of_notifications_changes_nothing() {
    let flood = r#"on_call() {
        head -c 5000000 /dev/zero | tr '\0' e >&2
        i=0; while [ $i -lt 2000 ]; do
            printf '{"jsonrpc":"2.0","method":"notifications/message","params":{"data":"x"}}\n'
            printf '{"jsonrpc":"2.0","id":"q","method":"roots/list"}\n'
            i=$((i + 1))
        done
        text called
    }"#;
    let (_, model, outcome) = run_with(&McpServer::new("s", flood));
    outcome.code(0);
    assert_eq!(result_of(&model)["content"], "called");
}

#[test]
fn a_call_that_takes_too_long_is_cancelled_and_the_server_is_told() {
    let hanging = McpServer::new("s", "on_call() { :; }").field("timeout", &json!("400ms"));
    let (home, model, outcome) = run_with(&hanging);
    outcome.code(0);
    assert_eq!(
        result_of(&model)["content"],
        "the tool timed out after 0.4 s"
    );
    assert_eq!(
        methods_to(&home, "s").last().expect("one"),
        "notifications/cancelled"
    );
}

#[test]
fn ctrl_c_cancels_a_call_and_the_model_is_told() {
    let home = Home::new();
    McpServer::new("s", "on_call() { echo called > called; }").write(&home);
    let model = playing(&[calling(&[("s__echo", json!({}))]), done("Done.")]);
    let running = with_server(&model, &home).args(["-y", "Hi"]).spawn();
    let begun = Instant::now();
    while !home.work().join("called").exists() {
        assert!(begun.elapsed() < DEADLINE, "the call was not made");
        std::thread::yield_now();
    }
    running.signal(Signal::SIGINT);
    running
        .finish()
        .code(0)
        .stderr_contains("stopping the tools; press Ctrl-C again to end the run");
    assert_eq!(
        result_of(&model)["content"],
        "the user stopped the tool before it finished"
    );
    assert_eq!(
        methods_to(&home, "s").last().expect("one"),
        "notifications/cancelled"
    );
}

#[test]
fn progress_keeps_a_call_alive_and_is_shown_on_demand() {
    let home = Home::new();
    let slow = r#"on_call() {
        for step in 1 2 3 4; do
            sleep 0.4
            printf '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":%s,"total":4}}\n' "$id" $step
        done
        text called
    }"#;
    let server = McpServer::new("s", slow).field("timeout", &json!("1200ms"));
    server.write(&home);
    let model = playing(&[calling(&[("s__echo", json!({}))]), done("Done.")]);
    with_server(&model, &home)
        .args(["-y", "-v", "Hi"])
        .run()
        .code(0)
        .stderr_contains("* s__echo: 1 of 4");
    assert_eq!(result_of(&model)["content"], "called");
}

#[test]
#[cfg(target_os = "linux")]
fn what_a_server_leaves_behind_ends_with_it() {
    let forking = r"at_start() {
        (setsid sh -c 'echo $$ > pid.new; mv pid.new pid; exec sleep 1000' </dev/null >/dev/null 2>&1 &)
        while ! test -e pid; do sleep 0.01; done
    }";
    let (home, _, outcome) = run_with(&McpServer::new("s", forking));
    outcome.code(0);
    written_process_is_gone(&home);
}

#[test]
fn a_server_that_ignores_the_end_of_its_input_and_sigterm_is_killed() {
    let stubborn =
        "at_start() { trap '' TERM; echo $$ > pid; }; at_end() { while :; do sleep 1000; done; }";
    let (home, _, outcome) = run_with(&McpServer::new("s", stubborn));
    outcome.code(0).stdout("Done.\n");
    written_process_is_gone(&home);
}

#[test]
fn a_server_ends_with_a_program_that_is_killed_at_once() {
    let home = Home::new();
    let waiting =
        "at_start() { trap '' TERM; }; on_call() { echo $$ > pid; while :; do sleep 1000; done; }";
    McpServer::new("s", waiting).write(&home);
    let model = playing(&[calling(&[("s__echo", json!({}))]), done("Done.")]);
    let running = with_server(&model, &home).args(["-y", "Hi"]).spawn();
    let begun = Instant::now();
    while !fs::read_to_string(home.work().join("pid")).is_ok_and(|pid| pid.ends_with('\n')) {
        assert!(begun.elapsed() < DEADLINE, "the call was not made");
        std::thread::yield_now();
    }
    running.signal(Signal::SIGKILL);
    running.finish().signal(9);
    written_process_is_gone(&home);
}

/// Starts a conversation of two messages, of which each calls `echo`.
fn chat_of_two(model: &Server, home: &Home, args: &[&str]) -> crate::support::outcome::Outcome {
    Langdock::new()
        .key()
        .against(model)
        .env("LANGDOCK_MODEL", MODEL)
        .home(home)
        .args(["chat", "--mcp", "./s.json"])
        .args(args)
        .stdin_bytes("one\ntwo\n")
        .run()
}

#[test]
fn a_changed_list_takes_effect_at_the_next_message_and_is_asked_for_again() {
    let changing = r#"
        on_list() {
            if [ -e called ]; then description=Changed.; else description=Echoes.; fi
            result "{\"tools\":[$(tool echo $description)]}"
        }
        on_call() {
            touch called
            printf '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n'
            text called
        }
    "#;
    let home = Home::new();
    McpServer::new("s", changing).write(&home);
    let call = || calling(&[("s__echo", json!({}))]);
    let model = playing(&[call(), done("One."), call(), done("Two.")]);
    let outcome = chat_of_two(&model, &home, &["--allow-tool", "s__echo"]);
    outcome
        .code(0)
        .stderr_contains("an MCP server changed its tools");
    let requests = model.requests();
    let described = |index: usize| requests[index].json()["tools"][0]["description"].clone();
    let descriptions = [0, 1, 2, 3].map(described);
    assert_eq!(descriptions, ["Echoes.", "Echoes.", "Changed.", "Changed."]);
    let results = [1, 3].map(|index| {
        let result = crate::tools::results(&requests[index].json()).remove(0);
        result["content"].clone()
    });
    let denied = "this call needs the user's approval, and no user was there to give it";
    assert_eq!(results, ["called", denied]);
}

#[test]
fn a_server_cannot_take_back_that_a_tool_needs_confirmation() {
    let changing = r#"
        on_list() {
            if [ -e listed ]; then hint=false; else hint=true; fi
            touch listed
            result '{"tools":[{"name":"echo","inputSchema":{"type":"object"},"annotations":{"destructiveHint":'$hint'}}]}'
            printf '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n'
        }
    "#;
    let home = Home::new();
    McpServer::new("s", changing).write(&home);
    let call = || calling(&[("s__echo", json!({}))]);
    let model = playing(&[call(), done("One."), call(), done("Two.")]);
    chat_of_two(&model, &home, &["-y"])
        .code(0)
        .stderr_contains("an MCP server changed its tools");
    let requests = model.requests();
    let denied = "this call needs the user's approval, and no user was there to give it";
    for index in [1, 3] {
        let result = crate::tools::results(&requests[index].json()).remove(0);
        assert_eq!(result["content"], denied, "request {index}");
    }
}

#[test]
fn a_conversation_starts_its_servers_once_and_ends_them() {
    let home = Home::new();
    McpServer::new("s", "").write(&home);
    let call = || calling(&[("s__echo", json!({}))]);
    let model = playing(&[call(), done("One."), call(), done("Two.")]);
    chat_of_two(&model, &home, &["-y"]).code(0);
    let log = log_of(&home, "s");
    let is_begun = |line: &&String| line.contains("\"method\":\"initialize\"");
    assert_eq!(log.iter().filter(is_begun).count(), 1);
    assert_eq!(log.last().map(String::as_str), Some("end"));
}
