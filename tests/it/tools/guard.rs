//! No process started by a tool outlives the program, however either of them ends.

use std::{fs, os::unix::fs::PermissionsExt, time::Instant};

use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::json;

use super::{calling, done, playing, shell_tool, tool_run};
use crate::support::{
    DEADLINE,
    command::{KEY, Langdock},
    home::Home,
    running::Running,
};

/// A tool that leaves a process behind, which has its own session, no parent and no open pipes. Its
/// id is written to `pid`.
const LEAVE_ORPHAN: &str = "(setsid sh -c 'echo $$ > pid.new; mv pid.new pid; exec sleep 1000' </dev/null >/dev/null 2>&1 &); \
     while ! test -e pid; do sleep 0.01; done; ";

/// Waits for the process id that a process writes to a file.
#[track_caller]
fn written_pid(home: &Home, file: &str) -> Pid {
    let begun = Instant::now();
    loop {
        let written = fs::read_to_string(home.work().join(file)).unwrap_or_default();
        if let Ok(pid) = written.trim().parse() {
            return Pid::from_raw(pid);
        }
        assert!(begun.elapsed() < DEADLINE, "nothing wrote `{file}`");
        std::thread::yield_now();
    }
}

/// Waits until a process has ended.
#[track_caller]
fn is_gone(pid: Pid) {
    let begun = Instant::now();
    while kill(pid, None) != Err(Errno::ESRCH) {
        assert!(begun.elapsed() < DEADLINE, "process {pid} is left");
        std::thread::yield_now();
    }
}

fn call(home: &Home) -> Langdock {
    Langdock::new()
        .key()
        .home(home)
        .args(["tool-run", "-T", "./t.toml", "--call", "t", "{}"])
}

fn spawn(home: &Home) -> Running {
    call(home).spawn()
}

#[test]
fn a_tool_is_killed_with_the_program_though_that_is_killed_at_once() {
    let home = shell_tool(
        "trap '' TERM; echo $$ > pid; while :; do sleep 1000; done",
        "",
    );
    let running = spawn(&home);
    let tool = written_pid(&home, "pid");
    running.signal(Signal::SIGKILL);
    running.finish().signal(9);
    is_gone(tool);
}

#[test]
#[cfg(target_os = "linux")]
fn an_orphan_in_a_session_of_its_own_ends_with_the_call() {
    let home = shell_tool(&format!("{LEAVE_ORPHAN}echo done"), "");
    call(&home).run().code(0).stdout("done\n").stderr_empty();
    is_gone(written_pid(&home, "pid"));
}

#[test]
#[cfg(target_os = "linux")]
fn an_orphan_in_a_session_of_its_own_is_killed_with_the_program() {
    let home = shell_tool(&format!("{LEAVE_ORPHAN}sleep 1000"), "");
    let running = spawn(&home);
    let orphan = written_pid(&home, "pid");
    running.signal(Signal::SIGKILL);
    running.finish().signal(9);
    is_gone(orphan);
}

/// What a tool runs to fork twice: the process that is left has no parent, and is in the group of
/// the tool, or in a session of its own. Its id is written to `pid`.
#[cfg(target_os = "linux")]
const DOUBLE_FORKS: [&str; 2] = [
    "( ( ./stay & ) & ) </dev/null >/dev/null 2>&1; ",
    "( setsid sh -c '( ( ./stay & ) & )' & ) </dev/null >/dev/null 2>&1; ",
];

/// Writes the script that such a process runs.
#[cfg(target_os = "linux")]
fn twice_forking(fork: &str, then: &str) -> Home {
    let script = format!("{fork}while ! test -e pid; do sleep 0.01; done; {then}");
    let home = shell_tool(&script, "");
    let stay = home.write(
        "work/stay",
        "#!/bin/sh\necho $$ > pid.new; mv pid.new pid; exec sleep 1000\n",
    );
    fs::set_permissions(stay, fs::Permissions::from_mode(0o755)).unwrap();
    home
}

#[test]
#[cfg(target_os = "linux")]
fn a_double_fork_leaves_nothing_behind_at_an_ordinary_end() {
    for fork in DOUBLE_FORKS {
        let home = twice_forking(fork, "echo done");
        call(&home).run().code(0).stdout("done\n").stderr_empty();
        is_gone(written_pid(&home, "pid"));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_double_fork_leaves_nothing_behind_when_the_program_is_killed_at_once() {
    for fork in DOUBLE_FORKS {
        let home = twice_forking(fork, "sleep 1000");
        let running = spawn(&home);
        let left = written_pid(&home, "pid");
        running.signal(Signal::SIGKILL);
        running.finish().signal(9);
        is_gone(left);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn an_orphan_of_one_answers_calls_is_gone_while_the_program_runs_on() {
    let home = shell_tool(&format!("{LEAVE_ORPHAN}echo done"), "");
    let watched = home.clone();
    let answer = calling(&[("t", json!({}))]).to_string();
    let server = crate::support::server::Server::start(move |_, number| {
        if number == 0 {
            return crate::support::reply::Reply::sse(&answer);
        }
        is_gone(written_pid(&watched, "pid"));
        crate::support::reply::Reply::sse(done("I see.").to_string())
    });
    tool_run(&server)
        .home(&home)
        .args(["-T", "./t.toml", "-y", "Hi"])
        .run()
        .code(0)
        .stdout("I see.\n");
}

#[test]
fn the_guard_is_told_to_end_by_nobody_but_the_program() {
    let script = "kill -TERM $PPID; kill -INT $PPID; echo done";
    call(&shell_tool(script, ""))
        .run()
        .code(0)
        .stdout("done\n")
        .stderr_empty();
}

#[test]
fn a_guard_that_was_killed_is_replaced_and_its_call_has_failed() {
    let home = shell_tool(
        "test -e killed || { touch killed; kill -KILL $PPID; sleep 1000; }",
        "",
    );
    let server = playing(&[
        calling(&[("t", json!({}))]),
        calling(&[("t", json!({}))]),
        done("I see."),
    ]);
    tool_run(&server)
        .home(&home)
        .args(["-T", "./t.toml", "-y", "Hi"])
        .run()
        .code(0)
        .stdout("I see.\n");
    let requests = server.requests();
    let is_error =
        |request: usize| super::results(&requests[request].json())[0]["is_error"].clone();
    assert_eq!((is_error(1), is_error(2)), (json!(true), json!(null)));
}

#[test]
#[cfg(target_os = "linux")]
fn a_tool_finds_no_key_in_the_environment_of_its_parent() {
    let home = shell_tool("tr '\\0' '\\n' < /proc/$PPID/environ; echo end", "");
    let text = call(&home).run().code(0).stderr_empty().stdout_text();
    assert!(!text.contains(KEY) && text == "end\n", "{text}");
}
