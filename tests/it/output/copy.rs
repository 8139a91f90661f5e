//! `--copy`: the answer in the clipboard, of the desktop or of the terminal.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::{
    home::Home,
    outcome::Outcome,
    sending::{answering, send},
};

/// A home with a program that writes its arguments and its input to the file `copied`.
fn home_with(program: &str, ending: &str) -> (Home, String) {
    let home = Home::new();
    let script = format!("#!/bin/sh\n{{ echo \"$@\"; cat; }} > ../copied\n{ending}\n");
    let path = home.write(format!("bin/{program}"), script);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let search = format!("{}:/usr/bin:/bin", path.parent().unwrap().display());
    (home, search)
}

fn copied(home: &Home) -> String {
    fs::read_to_string(home.work().parent().unwrap().join("copied")).unwrap_or_default()
}

#[test]
fn a_desktop_copies_with_its_program() {
    for (program, variable, arguments) in [
        ("wl-copy", "WAYLAND_DISPLAY", ""),
        ("xclip", "DISPLAY", "-selection clipboard"),
    ] {
        let (home, search) = home_with(program, "");
        let run = |args: &[&str]| -> Outcome {
            let server = answering("Here:\n```sh\nls\n```\n");
            let sent = send(&server).home(&home).env("PATH", &search);
            sent.env(variable, ":0")
                .args(["Hi", "--copy"])
                .args(args)
                .run()
        };
        run(&[])
            .code(0)
            .stdout("Here:\n```sh\nls\n```\n")
            .stderr(&format!("langdock: copied 19 bytes with {program}\n"));
        assert_eq!(
            copied(&home),
            format!("{arguments}\nHere:\n```sh\nls\n```\n")
        );
        run(&["-x"]).code(0).stdout("ls\n");
        assert_eq!(copied(&home), format!("{arguments}\nls\n"));
        run(&["-o", "answer.md"]).code(0).stdout("");
        assert!(copied(&home).contains("Here:"));
    }
}

#[test]
fn a_terminal_is_asked_and_tmux_in_its_place() {
    let server = answering("ok");
    let on_terminal = send(&server).args(["Hi", "--copy"]).on_terminal(80, 24);
    on_terminal
        .finish()
        .code(0)
        .stdout_contains("\x1b]52;c;b2s=\x07")
        .stdout_contains("copied 2 bytes with the terminal, if it has OSC 52");
    let (home, search) = home_with("tmux", "");
    let sent = send(&server).home(&home).env("PATH", search);
    let in_tmux = sent.env("TMUX", "/socket,1,0").args(["Hi", "--copy"]);
    let outcome = in_tmux.on_terminal(80, 24).finish();
    outcome.code(0).stdout_contains("copied 2 bytes with tmux");
    assert!(!outcome.stdout_text().contains("\x1b]52"));
    assert_eq!(copied(&home), "load-buffer -w -\nok");
}

#[test]
fn over_ssh_the_desktop_of_this_machine_is_left_alone() {
    let server = answering("ok");
    let (home, search) = home_with("xclip", "");
    let sent = send(&server).home(&home).env("PATH", search);
    let remote = sent.env("DISPLAY", ":0").env("SSH_CONNECTION", "a 1 b 2");
    let outcome = remote.args(["Hi", "--copy"]).on_terminal(80, 24).finish();
    outcome.code(0).stdout_contains("\x1b]52;c;");
    assert_eq!(copied(&home), "");
}

#[test]
fn what_keeps_it_from_copying_is_named_and_the_answer_is_there() {
    let server = answering("ok");
    let (home, search) = home_with("xclip", "exit 3");
    let sent = send(&server).home(&home).env("PATH", &search);
    let failed = sent.env("DISPLAY", ":0").args(["Hi", "--copy"]).run();
    failed
        .code(1)
        .stdout("ok\n")
        .stderr_contains(
            "cannot copy the answer: `xclip` failed (exit status: 3); no terminal or desktop",
        )
        .stderr_contains("hint: ");
    let server = answering("ok");
    send(&server)
        .args(["Hi", "--copy", "--json"])
        .run()
        .code(2)
        .stderr_contains("cannot be used with");
    assert_eq!(server.connections(), 0);
}

#[test]
fn an_answer_that_was_cut_off_is_not_copied() {
    let (home, search) = home_with("xclip", "");
    let server = crate::support::server::Server::start(|_, _| {
        let text = crate::support::events::answer(&["half"]).replace("end_turn", "max_tokens");
        crate::support::reply::Reply::sse(&text)
    });
    let sent = send(&server).home(&home).env("PATH", search);
    let outcome = sent.env("DISPLAY", ":0").args(["Hi", "--copy"]).run();
    outcome.code(9);
    assert_eq!(copied(&home), "");
}
