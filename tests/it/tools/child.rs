//! The child process of a tool: whatever it does, it ends as documented, and no process is left
//! behind.

use std::{fs, os::unix::fs::PermissionsExt, time::Instant};

use nix::{sys::signal::killpg, unistd::Pid};

use super::shell_tool;
use crate::support::{
    DEADLINE,
    command::{KEY, Langdock},
    home::Home,
    outcome::Outcome,
};

/// Runs the tool of `shell_tool` with `--call`.
#[track_caller]
fn call(home: &Home) -> Outcome {
    Langdock::new()
        .key()
        .home(home)
        .args(["tool-run", "-T", "./t.toml", "--call", "t", r#"{"a": 1}"#])
        .run()
}

/// Asserts that no process is left in the group whose id the tool wrote to the file `pid`.
#[track_caller]
fn nothing_is_left(home: &Home) {
    let pid = fs::read_to_string(home.work().join("pid")).unwrap();
    let group = Pid::from_raw(pid.trim().parse().unwrap());
    let begun = Instant::now();
    // An orphan that has ended exists until it is reaped.
    while killpg(group, None).is_ok() {
        assert!(
            begun.elapsed() < DEADLINE,
            "there is a process in the group {group}"
        );
        std::thread::yield_now();
    }
}

#[test]
fn one_that_hangs_is_stopped_after_its_time() {
    let home = shell_tool(
        "echo $$ > pid; echo so far; sleep 1000",
        "timeout = \"0.3s\"",
    );
    let told = "Standard output:\nso far\nlangdock: error: the call failed: the tool timed out after 0.3 s\n";
    call(&home).code(11).stderr_contains(told);
    nothing_is_left(&home);
}

#[test]
fn one_that_leaves_a_grandchild_with_the_pipe_does_not_hang_and_takes_it_along() {
    let home = shell_tool("echo $$ > pid; sleep 1000 & echo done", "");
    call(&home).code(0).stdout("done\n").stderr_empty();
    nothing_is_left(&home);
}

#[test]
fn one_that_ignores_term_is_killed() {
    let home = shell_tool(
        "trap '' TERM; echo $$ > pid; while :; do sleep 1000; done",
        "timeout = \"0.2s\"",
    );
    let begun = Instant::now();
    call(&home).failed(11, "timed out after 0.2 s", "tool-run --list");
    assert!(
        begun.elapsed().as_secs_f64() >= 2.2,
        "it had no time to end by itself"
    );
    nothing_is_left(&home);
}

#[test]
fn of_ten_megabytes_the_head_and_the_tail_are_kept_and_the_cut_is_marked() {
    let home = shell_tool(
        "echo first; head -c 10000000 /dev/zero | tr '\\0' x; echo; echo last",
        "",
    );
    let text = call(&home).code(0).stderr_empty().stdout_text();
    assert!(
        text.starts_with("first\nxxx") && text.ends_with("xxx\nlast\n"),
        "{}",
        &text[..100]
    );
    assert!(text.contains("x\n[… 9,897,612 bytes omitted …]\nx"));
    assert!(text.len() < 103 * 1024, "{}", text.len());
}

#[test]
fn what_is_binary_is_a_failure() {
    call(&shell_tool("head -c 100 /dev/zero", "")).failed(
        11,
        "the tool printed 100 bytes that are not text",
        "tool-run --list",
    );
}

#[test]
fn an_exit_code_is_told_with_what_was_printed() {
    let outcome = call(&shell_tool("echo half; echo way; echo why >&2; exit 3", ""));
    outcome.code(11).stdout("").stderr(
        "Standard output:\nhalf\nway\nStandard error:\nwhy\n\
         langdock: error: the call failed: the tool failed with exit code 3\n\
         hint: the tool ran, but failed: check what it printed and the input; `langdock tool-run --list` with \
         the same -T or --mcp shows what the tool takes\n",
    );
}

#[test]
fn one_reads_its_input_twice_and_finds_it_once() {
    call(&shell_tool("cat; cat", ""))
        .code(0)
        .stdout("{\"a\":1}\n")
        .stderr_empty();
}

#[test]
fn one_need_not_read_its_input_however_long_it_is() {
    let home = shell_tool("echo here", "");
    let run = Langdock::new()
        .key()
        .home(&home)
        .args(["tool-run", "-T", "./t.toml", "--call", "t", "-"]);
    let input = format!(r#"{{"a": "{}"}}"#, "x".repeat(1_000_000));
    run.stdin_bytes(input)
        .run()
        .code(0)
        .stdout("here\n")
        .stderr_empty();
}

#[test]
fn its_error_output_is_no_part_of_the_result() {
    call(&shell_tool("echo noise >&2; echo result", ""))
        .code(0)
        .stdout("result\n")
        .stderr_empty();
}

#[test]
fn a_program_that_is_missing_or_not_executable_is_told_at_load_with_its_place() {
    let home = Home::new();
    let file = |command: &str| {
        format!(
            "[[tool]]\nname = \"t\"\ninput_schema = {{ type = \"object\" }}\ncommand = {command}\n"
        )
    };
    home.write("work/plain", "echo\n");
    fs::set_permissions(home.work().join("plain"), fs::Permissions::from_mode(0o644)).unwrap();
    for (command, expected) in [
        (
            "[\"no-such-program\"]",
            "program `no-such-program` not found in PATH",
        ),
        ("[\"./none\"]", "No such file"),
        ("[\"./plain\"]", "/plain` is not executable"),
        ("[\"./\"]", "is not a program"),
    ] {
        home.write("work/t.toml", file(command));
        call(&home)
            .failed(
                2,
                "`./t.toml`: line 4: tool `t`: `command`: ",
                "langdock help tool-run",
            )
            .stderr_contains(expected);
    }
    home.write(
        "work/t.toml",
        "[[tool]]\nname = \"t\"\ninput_schema = { type = \"object\", required = 1 }\n",
    );
    call(&home).failed(
        2,
        "`./t.toml`: line 3: tool `t`: `input_schema`: not a valid JSON schema: at `/required`",
        "langdock help tool-run",
    );
}

#[test]
fn its_environment_is_a_clean_one_and_the_key_is_in_none() {
    let home = shell_tool("env", "env = [\"WANTED\", \"SAME_AS_THE_KEY\", \"ABSENT\"]");
    let run = Langdock::new()
        .key()
        .home(&home)
        .env("WANTED", "1")
        .env("UNWANTED", "2")
        .env("SAME_AS_THE_KEY", KEY);
    let run = run
        .args(["tool-run", "-T", "./t.toml", "--call", "t", "{}"])
        .run();
    let text = run.code(0).stderr_empty().stdout_text();
    // Variables that the shell itself adds do not matter.
    let names: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name)
        .collect();
    let mut known: Vec<&str> = names
        .iter()
        .copied()
        .filter(|name| !["PWD", "SHLVL", "_", "OLDPWD"].contains(name))
        .collect();
    known.sort_unstable();
    assert_eq!(
        known,
        [
            "HOME",
            "LANG",
            "LANGDOCK_TOOL_NAME",
            "LANGDOCK_TOOL_USE_ID",
            "PATH",
            "TMPDIR",
            "WANTED"
        ]
    );
    assert!(
        !text.contains(KEY) && text.contains("LANGDOCK_TOOL_NAME=t\n"),
        "{text}"
    );
}

#[test]
fn it_runs_where_its_file_says() {
    let home = shell_tool("pwd", "cwd = \"there\"");
    fs::create_dir(home.work().join("there")).unwrap();
    call(&home).code(0).stdout_contains("there\n");
    fs::remove_dir(home.work().join("there")).unwrap();
    call(&home).failed(
        2,
        "the working directory `./there` (`cwd`)",
        "langdock help tool-run",
    );
}
