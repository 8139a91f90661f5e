//! A program gets exactly what its builder sets, and its outcome has everything about its end.

use std::{
    fs::File,
    io::{Seek, SeekFrom},
    panic::catch_unwind,
};

use nix::sys::signal::Signal;

use crate::support::{
    command::{KEY, Langdock},
    home::Home,
    reply::Reply,
    server::Server,
};

#[test]
fn the_environment_is_empty_but_for_what_every_program_needs() {
    let server = Server::start(|_, _| Reply::never());
    let outcome = Langdock::shell(
        "env | sed 's/=.*//' | grep -v -e '^_$' -e '^PWD$' -e '^OLDPWD$' -e '^SHLVL$' | sort",
    )
    .key()
    .against(&server)
    .env("EXTRA", "1")
    .run();
    let expected = "EXTRA\nHOME\nLANG\nLANGDOCK_API_KEY\nLANGDOCK_BASE_URL\nPAGER\nPATH\nTMPDIR\nXDG_CACHE_HOME\nXDG_CONFIG_HOME\n\
                    XDG_DATA_HOME\nXDG_RUNTIME_DIR\nXDG_STATE_HOME\n";
    outcome.code(0).stdout(expected).stderr_empty();
}

#[test]
fn key_and_server_are_what_they_say() {
    let server = Server::start(|_, _| Reply::never());
    let outcome = Langdock::shell(r#"echo "$LANGDOCK_API_KEY $LANGDOCK_BASE_URL""#)
        .key()
        .against(&server)
        .run();
    outcome
        .code(0)
        .stdout(format!("{KEY} {}\n", server.base_url()));
}

#[test]
fn langdock_is_a_command_of_the_shell_and_the_program_that_is_run() {
    Langdock::shell("command -v langdock >&2")
        .run()
        .code(0)
        .stderr_contains("/langdock")
        .stderr_lacks("not found");
    let outcome = Langdock::new().args(["--version"]).run();
    assert!(
        outcome.to_string().contains("langdock --version"),
        "{outcome}"
    );
}

#[test]
fn a_home_is_shared_where_the_test_says_so() {
    let home = Home::new();
    let file = home.write("work/made", "yourself");
    let outcome = Langdock::shell("pwd; cat made; echo x > left")
        .home(&home)
        .run();
    outcome
        .code(0)
        .stdout_contains("yourself")
        .stdout_contains("/work\n")
        .stderr_empty();
    assert!(file.with_file_name("left").exists());
    assert!(home.config().starts_with(home.path()) && home.data().ends_with("langdock"));
    Langdock::shell("ls")
        .home(&home)
        .current_dir(home.path().join("tmp"))
        .run()
        .code(0)
        .stdout("");
}

#[test]
fn stdin_is_what_the_test_says() {
    let home = Home::new();
    let path = home.write("list", "one\ntwo\n");
    let mut file = File::open(path).unwrap();
    file.seek(SeekFrom::Start(4)).unwrap();
    Langdock::shell("cat").run().code(0).stdout("");
    Langdock::shell("cat").stdin_null().run().code(0).stdout("");
    Langdock::shell("cat")
        .stdin_bytes(b"\xff\0bytes".as_slice())
        .run()
        .code(0)
        .stdout(b"\xff\0bytes");
    Langdock::shell("cat")
        .stdin_file(file)
        .run()
        .code(0)
        .stdout("two\n");
    Langdock::shell("cat")
        .stdin_closed()
        .run()
        .code(1)
        .stderr_contains("ad file descriptor");
    Langdock::shell("exit 3")
        .stdin_bytes(vec![b'x'; 1 << 20])
        .run()
        .code(3);
}

#[test]
fn a_running_program_can_be_talked_to() {
    let mut running = Langdock::shell("read line; echo \"got $line\"; echo note >&2; cat; exit 4")
        .stdin_open()
        .spawn();
    running
        .write_stdin("one\n")
        .wait_for_stdout("got one\n")
        .wait_for_stdout_bytes(8)
        .wait_for_stderr("note");
    assert_eq!(
        (
            running.stdout_so_far().as_slice(),
            running.stderr_so_far().as_str()
        ),
        (&b"got one\n"[..], "note\n")
    );
    running.write_stdin("two\n").wait_for_stdout("two");
    running.close_stdin();
    running
        .finish()
        .code(4)
        .stdout("got one\ntwo\n")
        .stderr("note\n");
}

#[test]
fn a_signal_that_ends_a_program_is_told() {
    let running = Langdock::shell("echo up; exec cat").stdin_open().spawn();
    running.wait_for_stdout("up").signal(Signal::SIGINT);
    running.finish().signal(2);
}

#[test]
fn a_program_whose_reader_has_gone_dies_of_it() {
    let mut running = Langdock::shell("echo up; read line; exec yes")
        .stdin_open()
        .spawn();
    running.wait_for_stdout("up").signal(Signal::SIGCONT);
    running.close_stdout().close_stderr().write_stdin("go\n");
    running.finish().signal(13).stdout("up\n");
}

#[test]
fn json_on_stdout_is_read() {
    assert_eq!(
        Langdock::shell(r#"echo '{"a": [1]}'"#).run().stdout_json()["a"][0],
        1
    );
    assert_eq!(
        Langdock::shell(r"printf '1\n2\n'")
            .run()
            .stdout_json_lines(),
        [1, 2]
    );
}

#[test]
fn a_failed_assertion_shows_everything() {
    let outcome = Langdock::shell("echo out; echo err >&2; exit 5").run();
    let failure = catch_unwind(|| outcome.code(0).stderr_empty().stdout_text()).unwrap_err();
    let message = failure.downcast_ref::<String>().unwrap();
    for part in [
        "expected exit code 0",
        "$ sh -c echo out",
        "out\n[EOF]",
        "err\n[EOF]",
        "[exit code: 5]",
    ] {
        assert!(message.contains(part), "{message}");
    }
}
