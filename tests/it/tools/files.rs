//! Where tools come from: files, the tools directory, and programs that describe themselves.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use super::{done, playing, toml, tool_run};
use crate::support::{command::Langdock, home::Home};

/// Makes a file executable.
pub(super) fn executable(path: impl AsRef<Path>) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn list(home: &Home, args: &[&str]) -> crate::support::outcome::Outcome {
    Langdock::new()
        .home(home)
        .args(["tool-run", "--list"])
        .args(args)
        .run()
}

#[test]
fn a_bare_name_is_looked_for_in_the_directory_of_the_tools_only() {
    let home = Home::new();
    home.write("work/t.toml", toml("here", "true", ""));
    home.write("work/only", toml("here", "true", ""));
    home.write(
        home.config().join("tools/t.toml"),
        toml("there", "true", ""),
    );
    list(&home, &["-T", "t"])
        .code(0)
        .stdout_contains("there ")
        .stderr_empty();
    list(&home, &["-T", "t.toml"])
        .code(0)
        .stdout_contains("there ")
        .stderr_empty();
    list(&home, &["-T", "./t.toml"])
        .code(0)
        .stdout_contains("here ")
        .stderr_empty();
    list(&home, &["-T", "only"]).failed(
        2,
        "no tools file `only`",
        "for a file in the current directory, write ./only",
    );
}

#[test]
fn a_program_says_itself_what_it_is() {
    let home = Home::new();
    let script = "#!/bin/sh\nif [ \"$1\" = --schema ]; then\n  \
                  echo '{\"name\": \"weather\", \"description\": \"Says it.\", \"input_schema\": {\"type\": \"object\"}}'\n\
                  else\n  echo \"sunny $(cat)\"\nfi\n";
    executable(home.write("work/weather", script));
    list(&home, &["-T", "./weather"])
        .code(0)
        .stdout_contains("weather  ")
        .stdout_contains("/weather  Says it.\n");
    let run = Langdock::new()
        .home(&home)
        .args(["tool-run", "-T", "./weather", "--call", "weather", "{}"])
        .run();
    run.code(0).stdout("sunny {}\n").stderr_empty();
    let server = playing(&[done("ok")]);
    tool_run(&server)
        .home(&home)
        .args(["-T", "./weather", "Hi"])
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    assert_eq!(server.only_request().json()["tools"][0]["name"], "weather");
    executable(home.write("work/silent", "#!/bin/sh\nexit 4\n"));
    list(&home, &["-T", "./silent"]).failed(
        2,
        "`./silent`: with `--schema`, it failed with exit code 4",
        "langdock help tool-run",
    );
}

#[test]
fn tools_come_from_standard_input_too() {
    let tool = r#"{"name": "t", "input_schema": {"type": "object"}, "command": ["cat"]}"#;
    let run = Langdock::new()
        .args(["tool-run", "-T", "-", "--call", "t", r#"{"b":2}"#])
        .stdin_bytes(tool)
        .run();
    run.code(0).stdout("{\"b\":2}\n").stderr_empty();
    let both = Langdock::new()
        .args(["tool-run", "-T", "-", "--call", "t", "-"])
        .stdin_bytes(tool)
        .run();
    both.failed(
        2,
        "standard input cannot be both a tools file and the input of the call",
        "in a file",
    );
}

#[test]
fn a_call_by_hand_is_checked_as_the_models_is() {
    let home = Home::new();
    let schema =
        r#"{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}"#;
    home.write(
        "work/t.json",
        format!(r#"{{"name": "t", "input_schema": {schema}, "command": ["cat"]}}"#),
    );
    let call = |name: &str, input: &str| {
        Langdock::new()
            .home(&home)
            .args(["tool-run", "-T", "./t.json", "--call", name, input])
            .run()
    };
    list(&home, &["-T", "./t.json"])
        .code(0)
        .stdout_contains("\n   takes n (integer)\n");
    call("t", r#"{"n": "x"}"#).failed(
        11,
        "the input does not fit the schema of `t`: at `/n`: \"x\" is not of type",
        "tool-run --list",
    );
    call("t", "{").failed(2, "--call: not valid JSON", "pass a JSON object");
    call("tt", "{}").failed(
        2,
        "--call: no tool `tt`; did you mean `t`?",
        "tool-run --list",
    );
}
