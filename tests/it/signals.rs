//! Ctrl-C, SIGTERM and a reader that disappears end the program at any moment, promptly, and by
//! their signal.

use std::{fs, thread};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::{
    endings::send,
    support::{
        command::Langdock,
        events::{MODEL, Stream},
        gate::Gate,
        home::Home,
        outcome::Outcome,
        pty::CTRL_C,
        reply::Reply,
        running::Running,
        server::Server,
    },
};

const SIGNALS: [(Signal, i32, i32); 2] = [(Signal::SIGINT, 2, 130), (Signal::SIGTERM, 15, 143)];

/// The message if a signal ended the program and there is nothing else to report.
const INTERRUPTED: &str = "langdock: error: interrupted\n";

/// Starts a server that begins to answer with this text and then stalls.
fn begins(text: &str) -> Server {
    let events = Stream::new().start().open_text_block([text]).to_string();
    Server::start(move |_, _| Reply::sse_start().body(&events).wait_for_hang_up())
}

/// Sends the signal once the program has reached the point where it waits, and returns its outcome.
fn interrupt(running: Running, ready: impl Fn(&Running), signal: Signal) -> Outcome {
    ready(&running);
    running.signal(signal);
    running.finish()
}

#[test]
fn a_signal_ends_the_waiting_for_a_silent_stdin() {
    let server = Server::start(|_, _| panic!("nothing is to be sent"));
    thread::scope(|scope| {
        for (signal, number, code) in SIGNALS {
            let server = &server;
            scope.spawn(move || {
                let running = Langdock::new()
                    .args(["send", "--json", "-m", MODEL])
                    .key()
                    .against(server)
                    .stdin_open()
                    .spawn();
                let notice = "still waiting for standard input; use --no-stdin if there is none";
                let outcome = interrupt(
                    running,
                    |it| {
                        it.wait_for_stderr(notice);
                    },
                    signal,
                );
                let failure = outcome.signal(number).stdout("").told();
                failure.says("interrupted", "").object(
                    code,
                    "interrupted",
                    &json!({"status": null, "retryable": false}),
                );
                assert_eq!(failure.notices, [format!("langdock: {notice}")]);
            });
        }
    });
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_signal_ends_the_waiting_for_a_file_that_nobody_writes() {
    let server = Server::start(|_, _| panic!("nothing is to be sent"));
    for flags in [["-f", "pipe"], ["-s", "@pipe"]] {
        let home = Home::new();
        Langdock::shell("mkfifo pipe").home(&home).run().code(0);
        // The notice about the region is printed just before the files are read.
        let running = send(&server)
            .home(&home)
            .args(flags)
            .args(["--region", "zz"])
            .spawn();
        let ready = |it: &Running| {
            it.wait_for_stderr("region `zz`");
        };
        let outcome = interrupt(running, ready, Signal::SIGINT);
        outcome.signal(2).stdout("").stderr_contains(INTERRUPTED);
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_signal_ends_the_waiting_for_a_reader_of_the_output() {
    let server = Server::start(|_, _| panic!("nothing is to be sent"));
    for (signal, number, _) in SIGNALS {
        let home = Home::new();
        Langdock::shell("mkfifo pipe").home(&home).run().code(0);
        // The notice about the region is printed just before the output is opened.
        let running = send(&server)
            .home(&home)
            .args(["-o", "pipe", "--region", "zz"])
            .spawn();
        let ready = |it: &Running| {
            it.wait_for_stderr("region `zz`");
        };
        let outcome = interrupt(running, ready, signal);
        outcome
            .signal(number)
            .stdout("")
            .stderr_contains(INTERRUPTED);
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_signal_ends_the_waiting_for_the_head_of_an_answer() {
    for (signal, number, _) in SIGNALS {
        for flags in [&[][..], &["-S"], &["--set=stream=false"], &["--jsonl"]] {
            let server = Server::start(|_, _| Reply::never());
            let running = send(&server).args(flags).spawn();
            let outcome = interrupt(
                running,
                |_| {
                    server.wait_for_requests(1);
                },
                signal,
            );
            outcome.signal(number).stderr(INTERRUPTED);
            assert!(
                flags == ["--jsonl"] || outcome.stdout.is_empty(),
                "{outcome}"
            );
            server.wait_for_hang_ups(1);
            server.only_request();
        }
    }
}

#[test]
fn a_signal_in_mid_answer_leaves_what_came_on_stdout() {
    for (signal, number, _) in SIGNALS {
        let server = begins("Hello wor");
        let outcome = interrupt(
            send(&server).spawn(),
            |it| {
                it.wait_for_stdout("Hello wor");
            },
            signal,
        );
        outcome
            .signal(number)
            .stdout("Hello wor\n")
            .stderr(INTERRUPTED);
        server.wait_for_hang_ups(1);
        server.only_request();
    }
}

#[test]
fn the_end_of_the_terminal_does_what_sigterm_does_unless_nohup_said_otherwise() {
    let server = begins("Hello wor");
    let running = send(&server).spawn();
    running.wait_for_stdout("Hello wor").signal(Signal::SIGHUP);
    running
        .finish()
        .signal(1)
        .stdout("Hello wor\n")
        .stderr(INTERRUPTED);

    let (gate, whole) = (
        Gate::new(),
        Stream::new()
            .start()
            .text_block(["Hello world"])
            .stop("end_turn")
            .to_string(),
    );
    let held = gate.clone();
    let server = Server::start(move |_, _| {
        Reply::sse_start()
            .body(": wait\n\n")
            .wait(&held)
            .body(&whole)
    });
    let script = format!("trap '' HUP; exec langdock send -m {MODEL} hello");
    let running = Langdock::shell(&script).key().against(&server).spawn();
    server.wait_for_requests(1);
    running.signal(Signal::SIGHUP);
    gate.open();
    running.finish().code(0).stdout("Hello world\n");
}

#[test]
fn a_signal_in_mid_answer_leaves_programs_an_object_that_is_not_whole() {
    for (signal, number, code) in SIGNALS {
        let server = begins("Hello wor");
        let running = send(&server).args(["--jsonl"]).spawn();
        let outcome = interrupt(
            running,
            |it| {
                it.wait_for_stdout("Hello wor");
            },
            signal,
        );
        let lines = outcome
            .signal(number)
            .stderr(INTERRUPTED)
            .stdout_json_lines();
        let [.., result, error] = &lines[..] else {
            panic!("{outcome}")
        };
        assert_eq!(
            (&result["type"], &result["langdock"]["complete"]),
            (&json!("result"), &json!(false))
        );
        assert_eq!(result["content"][0]["text"], "Hello wor");
        assert_eq!(
            (&error["error"]["kind"], &error["error"]["exit_code"]),
            (&json!("interrupted"), &json!(code))
        );
    }
}

#[test]
fn with_json_too_what_came_is_printed_before_the_end() {
    let server = begins("Hello wor");
    for (signal, number, code) in SIGNALS {
        let running = send(&server).args(["--json", "-v"]).spawn();
        let outcome = interrupt(
            running,
            |it| {
                it.wait_for_stderr("* HTTP 200 after");
            },
            signal,
        );
        let failure = outcome.signal(number).told();
        failure.object(code, "interrupted", &json!({"status": null}));
        // More than the headers may have been received or not; if not, there is no object.
        if !outcome.stdout.is_empty() {
            let object = outcome.stdout_json();
            assert_eq!(
                (&object["langdock"]["complete"], &object["stop_reason"]),
                (&json!(false), &Value::Null)
            );
        }
    }
}

#[test]
fn a_signal_leaves_only_the_part_of_a_file_and_names_it() {
    for (signal, number, _) in SIGNALS {
        let (server, home) = (begins("Hello wor"), Home::new());
        // The file is watched while it grows, as a user would with `tail -f`.
        let script = format!(
            "(until test -s answer.part; do kill -0 $$ || exit; done; echo grown >&2) & exec langdock send -m {MODEL} -o answer hello"
        );
        let running = Langdock::shell(&script)
            .key()
            .against(&server)
            .home(&home)
            .spawn();
        let outcome = interrupt(
            running,
            |it| {
                it.wait_for_stderr("grown\n");
            },
            signal,
        );
        let failure = outcome.signal(number).stdout("").told();
        failure.says("interrupted", "");
        assert_eq!(
            failure.notices,
            ["grown", "langdock: the partial answer is in `answer.part`"]
        );
        assert_eq!(
            fs::read(home.work().join("answer.part")).unwrap(),
            b"Hello wor\n"
        );
        assert!(!home.work().join("answer").exists());
    }
}

#[test]
fn a_signal_ends_the_wait_for_another_try() {
    for (signal, number, code) in SIGNALS {
        let server = Server::start(|_, _| Reply::status(429).header("retry-after", 100));
        let running = send(&server).args(["--json"]).spawn();
        let outcome = interrupt(
            running,
            |it| {
                it.wait_for_stderr("retrying in 100.0 s (attempt 2)\n");
            },
            signal,
        );
        let failure = outcome.signal(number).stdout("").told();
        failure.object(code, "interrupted", &json!({"status": null}));
        server.only_request();
    }
}

#[test]
fn a_signal_ends_a_write_that_its_reader_keeps_waiting() {
    let text = "x".repeat(1 << 20);
    for (signal, number, _) in SIGNALS {
        for flags in ["", "--jsonl"] {
            let server = begins(&text);
            // The program itself holds the other end of its stdout open, so that nobody reads more
            // than the first bytes.
            let script = format!(
                "exec 3<>pipe; (head -c 1 <pipe >/dev/null; echo begun >&2) 3>&- & exec langdock send {flags} -m {MODEL} hello >pipe"
            );
            let home = Home::new();
            Langdock::shell("mkfifo pipe").home(&home).run().code(0);
            let running = Langdock::shell(&script)
                .key()
                .against(&server)
                .home(&home)
                .spawn();
            let outcome = interrupt(
                running,
                |it| {
                    it.wait_for_stderr("begun\n");
                },
                signal,
            );
            outcome
                .signal(number)
                .stdout("")
                .stderr(&format!("begun\n{INTERRUPTED}"));
            server.only_request();
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_signal_ends_the_waiting_for_a_connection() {
    let full = FullPort::new();
    for (signal, number, _) in SIGNALS {
        let running = Langdock::new()
            .args([
                "send",
                "-v",
                "-m",
                MODEL,
                "hello",
                "--connect-timeout",
                "1h",
                "--base-url",
                &full.url(),
            ])
            .key()
            .spawn();
        let outcome = interrupt(
            running,
            |it| {
                it.wait_for_stderr("* sending, attempt 1\n");
            },
            signal,
        );
        outcome
            .signal(number)
            .stdout("")
            .stderr_contains(INTERRUPTED);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_connection_that_does_not_come_about_in_time_is_exit_6() {
    let full = FullPort::new();
    let outcome = Langdock::new()
        .args([
            "send",
            "-m",
            MODEL,
            "hello",
            "--connect-timeout",
            "200ms",
            "--max-retries",
            "1",
            "--base-url",
        ])
        .args([full.url()])
        .key()
        .run();
    let failure = outcome.stdout("").failure(6);
    failure.says(
        "no connection within 0.2 s (after 2 attempts)",
        "--connect-timeout",
    );
}

/// A port on which connections are neither accepted nor refused: its queue is full.
#[cfg(target_os = "linux")]
struct FullPort {
    listener: socket2::Socket,
    _queue: Vec<socket2::Socket>,
}

#[cfg(target_os = "linux")]
impl FullPort {
    fn new() -> Self {
        let socket =
            || socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        let listener = socket();
        listener
            .bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into())
            .unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let fill = |_| {
            let client = socket();
            client.set_nonblocking(true).unwrap();
            // The attempt is in progress, which is enough.
            let _ = client.connect(&address);
            client
        };
        let queue = (0..4).map(fill).collect();
        Self {
            listener,
            _queue: queue,
        }
    }

    fn url(&self) -> String {
        format!(
            "http://{}",
            self.listener.local_addr().unwrap().as_socket().unwrap()
        )
    }
}

#[test]
fn a_second_signal_finds_no_mercy() {
    let server = begins("Hello wor");
    let script = format!("langdock send -m {MODEL} hello; echo \"code $?\"");
    let terminal = Langdock::shell(&script)
        .key()
        .against(&server)
        .on_terminal(80, 24);
    terminal.wait_for("Hello wor").keys(CTRL_C).keys(CTRL_C);
    let outcome = terminal.finish();
    assert!(
        outcome.signal == Some(2) || outcome.stdout_text().contains("code 130"),
        "{outcome}"
    );
}

#[test]
fn a_loop_of_the_shell_stops_at_one_ctrl_c() {
    for shell in ["sh", "bash"] {
        let server = begins("Hello wor");
        let script = format!(
            "exec {shell} -c 'for i in 1 2 3; do langdock send -m {MODEL} \"$i\"; echo next; done; echo over'"
        );
        let terminal = Langdock::shell(&script)
            .key()
            .against(&server)
            .on_terminal(80, 24);
        terminal.wait_for("Hello wor").keys(CTRL_C);
        let outcome = terminal.finish();
        outcome.signal(2);
        let text = outcome.stdout_text();
        assert!(
            text.contains("interrupted") && !text.contains("next") && !text.contains("over"),
            "{outcome}"
        );
        server.only_request();
    }
}

#[test]
fn ctrl_c_ends_the_countdown_of_a_wait() {
    let server = Server::start(|_, _| Reply::status(429).header("retry-after", 100));
    let terminal = send(&server).on_terminal(80, 24);
    terminal.wait_for("retrying in").keys(CTRL_C);
    terminal.finish().signal(2).stdout_contains("interrupted");
    server.only_request();
}

#[test]
fn a_reader_that_goes_away_before_the_answer_ends_it_silently() {
    for flags in [
        &[][..],
        &["--json"],
        &["--jsonl"],
        &["-S"],
        &["--set=stream=false"],
        &["-x"],
    ] {
        let server = Server::start(|_, _| Reply::never());
        let mut running = send(&server).args(flags).spawn();
        server.wait_for_requests(1);
        running.close_stdout();
        running.finish().signal(13).stdout("").stderr_empty();
        server.wait_for_hang_ups(1);
        server.only_request();
    }
}

#[test]
fn a_reader_that_has_gone_before_anything_was_sent_ends_it_silently() {
    let server = begins("Hello wor");
    let mut running = Langdock::new()
        .args(["send", "-m", MODEL])
        .key()
        .against(&server)
        .stdin_open()
        .spawn();
    running.close_stdout().write_stdin("hello");
    running.close_stdin();
    running.finish().signal(13).stdout("").stderr_empty();
}

#[test]
fn a_reader_that_goes_away_in_mid_answer_ends_it_silently() {
    for flags in [&[][..], &["--jsonl"]] {
        let server = begins("Hello wor");
        let mut running = send(&server).args(flags).spawn();
        running.wait_for_stdout("Hello wor");
        running.close_stdout();
        running.finish().signal(13).stderr_empty();
        server.wait_for_hang_ups(1);
        server.only_request();
    }
}

#[test]
fn a_reader_that_goes_away_in_a_wait_ends_it_silently() {
    let server = Server::start(|_, _| Reply::status(429).header("retry-after", 100));
    let mut running = send(&server).spawn();
    running.wait_for_stderr("retrying");
    running.close_stdout();
    let outcome = running.finish();
    outcome.signal(13).stdout("").stderr_lacks("error");
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome}");
    server.only_request();
}

#[test]
fn head_ends_it_as_it_ends_any_filter() {
    for text in ["Hello wor", &"Hello wor".repeat(100_000)] {
        let server = begins(text);
        let script = format!(
            "exec bash -c 'langdock send -m {MODEL} hello | head -c 5; echo \"${{PIPESTATUS[0]}}\" >&2'"
        );
        let outcome = Langdock::shell(&script).key().against(&server).run();
        outcome.code(0).stdout("Hello").stderr("141\n");
        server.wait_for_hang_ups(1);
        server.only_request();
    }
}

#[test]
fn a_file_for_the_answer_does_not_need_a_reader_of_stdout() {
    let server = Server::start(|_, _| Reply::sse(crate::support::events::answer(&["whole"])));
    let home = Home::new();
    let script = format!("exec langdock send -m {MODEL} -o answer hello >&-");
    Langdock::shell(&script)
        .key()
        .against(&server)
        .home(&home)
        .run()
        .code(0)
        .stderr_empty();
    assert_eq!(fs::read(home.work().join("answer")).unwrap(), b"whole\n");
}
