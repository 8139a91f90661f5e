//! Ctrl-C and SIGTERM while tools run: the first one stops the tools, the second one ends the run,
//! and in either case no process is left.

use std::{fs, time::Instant};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use serde_json::json;

use super::{calling, done, failure, playing, results, shell_tool, tool_run};
use crate::support::{
    DEADLINE, command::Langdock, home::Home, pty::CTRL_C, running::Running, server::Server,
};

/// Starts a run with a hanging tool, and waits until it hangs.
fn hanging(server: &Server, home: &Home) -> Running {
    let running = tool_run(server)
        .home(home)
        .args(["-T", "./t.toml", "-y", "Hi"])
        .spawn();
    wait_for(home);
    running
}

/// Waits until the tool hangs, and returns its process group.
fn wait_for(home: &Home) -> Pid {
    let begun = Instant::now();
    loop {
        if let Some(pid) = fs::read_to_string(home.work().join("pid"))
            .ok()
            .and_then(|pid| pid.trim().parse().ok())
        {
            return Pid::from_raw(pid);
        }
        assert!(begun.elapsed() < DEADLINE, "the tool did not begin");
        std::thread::yield_now();
    }
}

/// Waits for a file that the tool creates.
#[track_caller]
fn wait_until_there(home: &Home, file: &str) {
    let begun = Instant::now();
    while !home.work().join(file).exists() {
        assert!(begun.elapsed() < DEADLINE, "{file} is not made");
        std::thread::yield_now();
    }
}

#[track_caller]
fn nothing_is_left(home: &Home) {
    let (group, begun) = (wait_for(home), Instant::now());
    while killpg(group, None).is_ok() {
        assert!(
            begun.elapsed() < DEADLINE,
            "there is a process in the group {group}"
        );
        std::thread::yield_now();
    }
}

fn calls() -> Server {
    playing(&[calling(&[("t", json!({}))]), done("I see.")])
}

#[test]
fn the_first_ctrl_c_stops_the_tools_and_the_model_is_told() {
    let (server, home) = (calls(), shell_tool("echo $$ > pid; sleep 1000", ""));
    let terminal = tool_run(&server)
        .home(&home)
        .args(["-T", "./t.toml", "-y", "Hi"])
        .on_terminal(120, 24);
    wait_for(&home);
    terminal.keys(CTRL_C);
    let outcome = terminal.finish();
    outcome
        .code(0)
        .stdout_contains("stopping the tools; press Ctrl-C again to end the run")
        .stdout_contains("I see.");
    let expected = failure("t1", "the user stopped the tool before it finished");
    assert_eq!(results(&server.requests()[1].json()), [expected]);
    nothing_is_left(&home);
}

#[test]
fn the_second_one_ends_the_run_without_waiting_for_tools_that_ignore_it() {
    let (server, home) = (
        calls(),
        shell_tool(
            "trap '' TERM; echo $$ > pid; while :; do sleep 1000; done",
            "",
        ),
    );
    let running = hanging(&server, &home);
    running
        .signal(Signal::SIGINT)
        .wait_for_stderr("stopping the tools")
        .signal(Signal::SIGINT);
    running.finish().signal(2).stdout("");
    assert_eq!(server.requests().len(), 1);
    nothing_is_left(&home);
    // The result of the call is saved.
    let shown = Langdock::new()
        .home(&home)
        .args(["session", "export", "--json"])
        .run();
    let messages = shown.code(0).stdout_json();
    let expected = failure("t1", "the user stopped the tool before it finished");
    assert_eq!(messages[2], json!({"role": "user", "content": [expected]}));
}

#[test]
fn sigterm_and_the_end_of_the_terminal_end_the_run_and_the_tools() {
    for (signal, number) in [(Signal::SIGTERM, 15), (Signal::SIGHUP, 1)] {
        let ignoring = "trap 'touch told' TERM; echo $$ > pid; while :; do sleep 0.01; done";
        let (server, home) = (calls(), shell_tool(ignoring, ""));
        let running = hanging(&server, &home);
        running.signal(signal);
        wait_until_there(&home, "told");
        // The shell, the kernel and `timeout` may each send the signal.
        running.signal(signal);
        running.finish().signal(number);
        assert_eq!(server.requests().len(), 1);
        nothing_is_left(&home);
        // The conversation has everything, and nothing is left to recover.
        let journals = home.data().join("sessions/journals");
        assert_eq!(fs::read_dir(journals).unwrap().count(), 0, "{signal}");
    }
}

#[test]
fn the_tokens_of_an_answer_are_told_once_when_its_tools_end_the_run() {
    for command in ["tool-run", "chat"] {
        let (server, home) = (calls(), shell_tool("echo $$ > pid; sleep 1000", ""));
        let running = Langdock::new()
            .key()
            .against(&server)
            .home(&home)
            .args([command, "-m", "m", "-T", "./t.toml", "-y", "--usage", "Hi"])
            .spawn();
        wait_for(&home);
        running.signal(Signal::SIGTERM);
        let outcome = running.finish();
        outcome.signal(15);
        let told = outcome.stderr.matches("tokens in").count();
        assert_eq!(told, 1, "{command}: {outcome}");
    }
}

#[test]
fn ctrl_c_while_the_model_writes_ends_the_run_also_after_tools_were_stopped() {
    let home = shell_tool("echo $$ > pid; sleep 1000", "");
    let first = calling(&[("t", json!({}))]).to_string();
    let server = Server::start(move |_, number| match number {
        0 => crate::support::reply::Reply::sse(&first),
        _ => crate::support::reply::Reply::sse_start()
            .body(": wait\n\n")
            .wait_for_hang_up(),
    });
    let running = hanging(&server, &home);
    running.signal(Signal::SIGINT);
    server.wait_for_requests(2);
    running.signal(Signal::SIGINT);
    running.finish().signal(2);
}

#[test]
fn a_tool_that_ended_while_the_run_was_stopped_did_not_take_too_long() {
    let home = shell_tool(
        "echo $$ > pid; while ! test -e stopped; do sleep 0.01; done; sleep 2; echo Done.; touch ended",
        "timeout = \"1s\"",
    );
    let server = calls();
    let running = tool_run(&server)
        .home(&home)
        .args(["-T", "./t.toml", "-y", "Hi"])
        .spawn();
    wait_for(&home);
    running.signal(Signal::SIGSTOP);
    home.write("work/stopped", "");
    wait_until_there(&home, "ended");
    running.signal(Signal::SIGCONT);
    running.finish().code(0).stdout("I see.\n");
    let expected = json!({"type": "tool_result", "tool_use_id": "t1", "content": "Done.\n"});
    assert_eq!(results(&server.requests()[1].json()), [expected]);
}
