//! Standard input: what is read, what it becomes, and when it is ignored.

use std::{
    fs::File,
    io::{Seek, SeekFrom, Write},
    os::fd::OwnedFd,
};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use serde_json::{Value, json};

use crate::support::{
    command::{KEY, Langdock},
    events::MODEL,
    home::Home,
    pty::CTRL_D,
    sending::{answering, send},
    server::Server,
};

/// Returns the user turn of the only request.
#[track_caller]
fn content(server: &Server) -> Value {
    server.only_request().json()["messages"][0]["content"].clone()
}

/// Returns the turn for this stdin and the prompt `Hi`.
fn framed(stdin: &str) -> Value {
    json!([{"type": "text", "text": format!("<stdin>\n{stdin}</stdin>")}, {"type": "text", "text": "Hi"}])
}

#[test]
fn without_a_prompt_stdin_is_the_prompt_byte_for_byte() {
    for args in [&[][..], &["-"], &["-f", "-"]] {
        for prompt in [
            "Why?\n",
            " \t\r\nWhy é 🙂 \u{1b}[0m \u{202e}?\n\n",
            "<stdin>x</stdin>",
        ] {
            let server = answering("ok");
            send(&server)
                .stdin_bytes(prompt)
                .args(args)
                .run()
                .code(0)
                .stdout("ok\n")
                .stderr_empty();
            assert_eq!(content(&server), prompt, "{args:?}");
        }
    }
}

#[test]
fn with_a_prompt_stdin_stands_before_it_in_a_frame() {
    for args in [&["Hi"][..], &["Hi", "-f", "-"], &["-f", "-", "-I", "Hi"]] {
        let server = answering("ok");
        send(&server)
            .stdin_bytes("a\n b\n\n")
            .args(args)
            .run()
            .code(0)
            .stderr_empty();
        assert_eq!(content(&server), framed("a\n b\n\n"), "{args:?}");
    }
    let server = answering("ok");
    send(&server)
        .stdin_bytes("no newline")
        .args(["Hi"])
        .run()
        .code(0)
        .stderr_empty();
    assert_eq!(content(&server), framed("no newline\n"));
}

#[test]
fn empty_null_and_closed_stdin_count_as_none_beside_a_prompt() {
    let server = answering("ok");
    let runs: [fn(Langdock) -> Langdock; 4] = [
        Langdock::stdin_null,
        Langdock::stdin_closed,
        |run| run.stdin_bytes(""),
        |run| run,
    ];
    for with_stdin in runs {
        with_stdin(send(&server).args(["Hi"]))
            .run()
            .code(0)
            .stdout("ok\n")
            .stderr_empty();
    }
    let home = Home::new();
    let empty = File::open(home.write("empty", "")).unwrap();
    send(&server)
        .stdin_file(empty)
        .args(["Hi"])
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    let requests = server.requests();
    assert_eq!(requests.len(), 5);
    assert!(
        requests
            .iter()
            .all(|request| request.json()["messages"][0]["content"] == "Hi"),
        "{requests:#?}"
    );
}

#[test]
fn nothing_and_white_space_alone_are_no_prompt() {
    let server = answering("ok");
    let runs: [fn(Langdock) -> Langdock; 4] = [
        Langdock::stdin_null,
        Langdock::stdin_closed,
        |run| run.stdin_bytes(""),
        |run| run.stdin_bytes(" \n\t\r\n"),
    ];
    for with_stdin in runs {
        let outcome = with_stdin(send(&server)).run();
        outcome
            .code(2)
            .stdout("")
            .stderr_contains("langdock: error: no prompt\nhint: ");
    }
    for args in [&[" "][..], &[""], &["-I"]] {
        let outcome = send(&server).stdin_null().args(args).run();
        outcome
            .code(2)
            .stdout("")
            .stderr_contains("langdock: error: no prompt\nhint: ");
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn no_stdin_leaves_a_pipe_alone() {
    let server = answering("ok");
    // The pipe stays open, so a program that reads it would not end.
    send(&server)
        .stdin_open()
        .args(["-I", "Hi"])
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    assert_eq!(content(&server), "Hi");
    send(&server)
        .stdin_bytes("in")
        .args(["-I"])
        .run()
        .code(2)
        .stdout("")
        .stderr_contains("no prompt");
}

#[test]
fn a_while_read_loop_gets_an_answer_for_each_of_its_lines() {
    let (server, home) = (answering("ok"), Home::new());
    home.write("work/list", "one\ntwo\nthree\n");
    let script = "while read -r line; do langdock send \"$line\"; done < list";
    let shell = Langdock::shell(script)
        .home(&home)
        .env("LANGDOCK_MODEL", MODEL)
        .env("LANGDOCK_API_KEY", KEY);
    let outcome = shell.against(&server).run();
    let notice = "langdock: standard input has already been partly read; ignoring it\n";
    outcome
        .code(0)
        .stdout("ok\nok\nok\n")
        .stderr(&notice.repeat(3));
    let prompts: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request.json()["messages"][0]["content"].clone())
        .collect();
    assert_eq!(prompts, ["one", "two", "three"]);
}

#[test]
fn a_file_from_its_beginning_is_read_and_the_rest_of_one_where_it_is_the_prompt() {
    let (server, home) = (answering("ok"), Home::new());
    let mut file = File::open(home.write("file", "head\nrest\n")).unwrap();
    send(&server)
        .stdin_file(file.try_clone().unwrap())
        .args(["Hi"])
        .run()
        .code(0)
        .stderr_empty();
    file.seek(SeekFrom::Start(5)).unwrap();
    send(&server)
        .stdin_file(file.try_clone().unwrap())
        .run()
        .code(0)
        .stderr_empty();
    let requests = server.requests();
    assert_eq!(
        requests[0].json()["messages"][0]["content"],
        framed("head\nrest\n")
    );
    assert_eq!(requests[1].json()["messages"][0]["content"], "rest\n");
}

#[test]
fn a_file_that_was_asked_for_by_a_dash_is_read_wherever_it_stands() {
    let (server, home) = (answering("ok"), Home::new());
    let mut file = File::open(home.write("file", "head\nrest\n")).unwrap();
    file.seek(SeekFrom::Start(5)).unwrap();
    send(&server)
        .stdin_file(file)
        .args(["-f", "-", "Hi"])
        .run()
        .code(0)
        .stderr_empty();
    assert_eq!(content(&server), framed("rest\n"));
}

#[test]
fn a_silent_pipe_is_told_of_with_the_way_out_and_loses_nothing() {
    let server = answering("ok");
    let mut running = send(&server).stdin_open().args(["Hi"]).spawn();
    running.write_stdin("slow ").wait_for_stderr("--no-stdin");
    assert_eq!(server.connections(), 0);
    running.write_stdin("but whole\n");
    running.close_stdin();
    let outcome = running.finish();
    outcome
        .code(0)
        .stdout("ok\n")
        .stderr("langdock: still waiting for standard input; use --no-stdin if there is none\n");
    assert_eq!(content(&server), framed("slow but whole\n"));
}

#[test]
fn a_slow_producer_loses_nothing() {
    let (server, home) = (answering("ok"), Home::new());
    home.write("work/big", "a line of many\n".repeat(30_000));
    // Each step is a separate process and write, some of them larger than a pipe's buffer.
    let script = "{ printf one; head -c 100000 big; printf two; cat big; printf 'three\\n'; } | langdock send Hi";
    let shell = Langdock::shell(script)
        .home(&home)
        .key()
        .against(&server)
        .env("LANGDOCK_MODEL", MODEL);
    shell.run().code(0).stdout("ok\n");
    let big = "a line of many\n".repeat(30_000);
    assert_eq!(
        content(&server),
        framed(&format!("one{}two{big}three\n", &big[..100_000]))
    );
}

#[test]
fn bad_utf_8_is_replaced_with_a_notice_of_its_place() {
    for (args, sent) in [
        (&[][..], json!("ab\u{fffd}c")),
        (&["Hi"], framed("ab\u{fffd}c\n")),
        // What is lost is reported all the same.
        (&["-q", "Hi"], framed("ab\u{fffd}c\n")),
    ] {
        let server = answering("ok");
        let outcome = send(&server).stdin_bytes(b"ab\xffc").args(args).run();
        outcome.code(0).stdout("ok\n");
        outcome.stderr(
            "langdock: standard input is not UTF-8 at byte 2; sending invalid bytes as U+FFFD\n",
        );
        assert_eq!(content(&server), sent);
    }
}

#[test]
fn an_image_on_stdin_is_an_image() {
    let gif = b"GIF89a\x01\0\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x01L\0;";
    let source = json!({"type": "base64", "media_type": "image/gif", "data": "R0lGODlhAQABAAAAACwAAAAAAQABAAACAUwAOw=="});
    let image = json!({"type": "image", "source": source});
    for (args, sent) in [
        (&[][..], json!([image])),
        (&["Hi"], json!([image, {"type": "text", "text": "Hi"}])),
        (&["-f", "-"], json!([image])),
    ] {
        let server = answering("ok");
        send(&server)
            .stdin_bytes(gif)
            .args(args)
            .run()
            .code(0)
            .stdout("ok\n")
            .stderr_empty();
        assert_eq!(content(&server), sent, "{args:?}");
    }
}

#[test]
fn binary_stdin_is_refused_by_name() {
    let server = answering("ok");
    let outcome = send(&server).stdin_bytes(b"\x7fELF\0\0").args(["Hi"]).run();
    outcome
        .code(2)
        .stdout("")
        .stderr_contains("standard input is a binary file")
        .stderr_contains("\nhint: ");
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_system_prompt_can_come_from_stdin() {
    let server = answering("ok");
    send(&server)
        .stdin_bytes("Be brief.\n")
        .args(["-s", "@-", "Hi"])
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    assert_eq!(server.only_request().json()["system"], "Be brief.\n");
    assert_eq!(content(&server), "Hi");
}

#[test]
fn a_key_can_come_from_stdin() {
    let server = answering("ok");
    let run = send(&server)
        .stdin_bytes("sk-ld-of-stdin\n")
        .args(["--api-key-file", "-", "Hi"]);
    run.run().code(0).stdout("ok\n").stderr_empty();
    assert_eq!(
        server.only_request().header("authorization"),
        Some("Bearer sk-ld-of-stdin")
    );
    assert_eq!(content(&server), "Hi");
}

#[test]
fn stdin_cannot_be_two_things() {
    let server = answering("ok");
    for (args, what) in [(&["-"][..], "the prompt"), (&["Hi", "-f", "-"], "a file")] {
        let outcome = send(&server)
            .stdin_bytes("x")
            .args(["--api-key-file", "-"])
            .args(args)
            .run();
        outcome
            .code(2)
            .stdout("")
            .stderr_contains(&format!("cannot be both the API key and {what}\nhint: "));
        let outcome = send(&server)
            .stdin_bytes("x")
            .args(["-s", "@-"])
            .args(args)
            .run();
        outcome.code(2).stdout("").stderr_contains(&format!(
            "cannot be both the system prompt and {what}\nhint: "
        ));
    }
    let outcome = send(&server)
        .stdin_bytes("x")
        .args(["-s", "@-", "--api-key-file", "-", "Hi"])
        .run();
    outcome
        .code(2)
        .stdout("")
        .stderr_contains("cannot be both the API key and the system prompt\nhint: ");
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_dash_reads_the_terminal_to_ctrl_d() {
    let server = answering("ok");
    let terminal = send(&server).args(["-"]).on_terminal(80, 24);
    terminal.keys("typed\r").keys(CTRL_D);
    terminal.finish().code(0).stdout_contains("ok\r\n");
    assert_eq!(content(&server), "typed\n");
}

#[test]
fn the_terminal_is_not_waited_for_beside_a_prompt() {
    let server = answering("ok");
    let outcome = send(&server).args(["Hi"]).on_terminal(80, 24).finish();
    outcome.code(0).stdout("ok\r\n");
    assert_eq!(content(&server), "Hi");
}

#[test]
fn what_never_ends_is_given_up_at_the_most_that_a_request_may_have() {
    let (server, home) = (answering("ok"), Home::new());
    let run = |script: &str| {
        Langdock::shell(script)
            .home(&home)
            .key()
            .against(&server)
            .env("LANGDOCK_MODEL", MODEL)
            .run()
    };
    let pipe = run("yes | langdock send Hi");
    pipe.code(13)
        .stdout("")
        .stderr_contains("error: standard input is larger than 20,971,520 bytes");
    let device = run("langdock send -f /dev/zero Hi");
    device
        .code(13)
        .stdout("")
        .stderr_contains("error: `/dev/zero` is larger than")
        .stderr_contains("--no-check");
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_named_pipe_that_nobody_writes_to_is_told_of() {
    let (server, home) = (answering("ok"), Home::new());
    let pipe = home.work().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let running = send(&server).home(&home).args(["-f", "pipe", "Hi"]).spawn();
    running.wait_for_stderr("still reading `pipe`\n");
    std::fs::write(pipe, "late\n").unwrap();
    running.finish().code(0).stdout("ok\n");
    assert_eq!(
        content(&server)[0]["text"],
        "<file name=\"pipe\">\nlate\n</file>"
    );
}

#[test]
fn a_pipe_that_does_not_block_is_waited_for() {
    let non_blocking = || {
        let (reader, writer) = std::io::pipe().unwrap();
        fcntl(&reader, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
        (File::from(OwnedFd::from(reader)), writer)
    };
    let server = answering("ok");
    let (reader, mut writer) = non_blocking();
    writer.write_all(b"one ").unwrap();
    let running = send(&server).stdin_file(reader).spawn();
    // By now it has been waiting for two seconds.
    running.wait_for_stderr("standard input");
    writer.write_all(b"two").unwrap();
    drop(writer);
    running.finish().code(0).stdout("ok\n");
    assert_eq!(content(&server), "one two");

    for args in [&["batch", "Say {text}"][..], &["chat", "--no-log"]] {
        let server = answering("ok");
        let (reader, mut writer) = non_blocking();
        writer.write_all(b"one\nt").unwrap();
        let langdock = Langdock::new()
            .key()
            .against(&server)
            .env("LANGDOCK_MODEL", MODEL)
            .args(args);
        let running = langdock.stdin_file(reader).spawn();
        // The first part has been read, or soon will be, before the rest is written.
        running.wait_for_stdout("ok");
        writer.write_all(b"wo").unwrap();
        drop(writer);
        running.finish().code(0);
        assert!(
            server.requests()[1].json().to_string().contains("two"),
            "{args:?}"
        );
    }
}

#[test]
fn a_prompt_may_begin_like_a_file() {
    for prompt in [
        "%PDF-1.4 is how every PDF begins; why?",
        "GIF89a is a format. Whose?\n",
    ] {
        let server = answering("ok");
        send(&server)
            .stdin_bytes(prompt)
            .run()
            .code(0)
            .stdout("ok\n")
            .stderr_empty();
        assert_eq!(content(&server), prompt);
    }
}
