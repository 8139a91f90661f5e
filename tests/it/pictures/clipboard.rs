//! `-a clipboard:` and `/paste` send the image on the clipboard.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use super::picture;
use crate::chat::{ENTER, chat, leave, wait_for_prompt};
use crate::support::{
    command::Langdock,
    home::Home,
    sending::{answering, send},
    server::Server,
};

/// Creates a home with a program of this name, which prints what the script says.
fn home_with(name: &str, script: &str) -> Home {
    let home = Home::new();
    let path = home.write(format!("work/bin/{name}"), format!("#!/bin/sh\n{script}\n"));
    std::fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    home.write("work/copied.png", picture(6, 3));
    home
}

/// Runs a program with nothing in PATH but what the home has, and `cat`.
fn with_path(program: Langdock, home: &Home) -> Langdock {
    let directory = home.work().join("bin");
    let cat = directory.join("cat");
    if !cat.exists() {
        std::fs::create_dir_all(&directory).unwrap();
        std::os::unix::fs::symlink("/bin/cat", cat).unwrap();
    }
    program.home(home).env("PATH", directory)
}

/// Returns the first block of the only request.
fn first_block(server: &Server) -> Value {
    server.only_request().json()["messages"][0]["content"][0].clone()
}

#[test]
fn whichever_program_is_there_reads_the_clipboard() {
    for (name, args) in [
        ("wl-paste", "--type image/png"),
        ("xclip", "-selection clipboard -target image/png -out"),
        ("pngpaste", "-"),
    ] {
        let server = answering("ok");
        let script = format!("[ \"$*\" = '{args}' ] && cat copied.png");
        let home = home_with(name, &script);
        with_path(send(&server), &home)
            .args(["-a", "clipboard:", "What is it?"])
            .run()
            .code(0)
            .stderr_empty();
        let block = first_block(&server);
        assert_eq!(block["source"]["media_type"], "image/png", "{name}");
    }
}

#[test]
fn a_clipboard_without_an_image_is_an_error() {
    for (script, reason) in [
        ("exit 1", "wl-paste: exit status: 1"),
        ("exit 0", "wl-paste: it printed nothing"),
    ] {
        let server = Server::start(|_, _| panic!("nothing is to be sent"));
        let home = home_with("wl-paste", script);
        let message = format!("cannot read an image from the clipboard: {reason}");
        with_path(send(&server), &home)
            .args(["-a", "clipboard:", "Hi"])
            .run()
            .failed(1, &message, "copy an image first");
    }
    let server = Server::start(|_, _| panic!("nothing is to be sent"));
    let home = home_with("wl-paste", "echo text");
    with_path(send(&server), &home)
        .args(["-a", "clipboard:", "Hi"])
        .run()
        .failed(2, "the clipboard is text", "-f");
}

#[test]
fn without_a_program_the_error_says_what_to_install() {
    let server = Server::start(|_, _| panic!("nothing is to be sent"));
    with_path(send(&server), &Home::new())
        .args(["-a", "clipboard:", "Hi"])
        .run()
        .failed(
            1,
            "cannot read the clipboard: none of `wl-paste`, `xclip` and `pngpaste` is installed",
            "install wl-clipboard on Wayland, xclip on X11, or pngpaste on macOS",
        );
}

#[test]
fn paste_attaches_the_image_that_is_on_the_clipboard_then() {
    let server = answering("ok");
    let home = home_with("xclip", "cat copied.png && echo >copied.png");
    let terminal = with_path(chat(&server), &home).on_terminal(80, 24);
    wait_for_prompt(&terminal, 1);
    terminal.keys("/paste").keys(ENTER);
    wait_for_prompt(&terminal, 2);
    terminal.keys("What is it?").keys(ENTER);
    wait_for_prompt(&terminal, 3);
    leave(terminal)
        .code(0)
        .stdout_contains("attached `clipboard:` to the next message");
    assert_eq!(first_block(&server)["type"], "image");
}
