//! The limits that all processes share: which requests wait, for how long, and what is reported.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::json;

use crate::batch::batch;
use crate::chat::{chat, leave, wait_for_prompt};
use crate::output::side_file::OBSTACLES;
use crate::support::{
    command::Langdock,
    events::{MODEL, Stream, answer, error},
    gate::Gate,
    home::Home,
    outcome::Outcome,
    reply::Reply,
    sending::{answering, send},
    server::{DeadPort, Server},
};

/// The notice if the ledger cannot be used.
const UNPACED: &str = "cannot use the rate-limit ledger; requests are not paced: ";

/// The content of a damaged ledger.
const DAMAGED: &str = "not a ledger\n";

/// Writes limits for the model of the tests.
pub(crate) fn limit(home: &Home, limits: &str) {
    configure(home, &format!("[limits.\"{MODEL}\"]\n{limits}\n"));
}

fn configure(home: &Home, text: &str) {
    fs::create_dir_all(home.config()).unwrap();
    fs::write(home.config().join("config.toml"), text).unwrap();
}

/// Returns a prompt that leaves no room for a second one under a limit of 1,000 tokens per minute,
/// until it has been answered.
fn large() -> String {
    "word ".repeat(200)
}

/// Starts a server that holds back its first answer until the gate is opened.
fn holding(gate: &Gate) -> Server {
    let gate = gate.clone();
    Server::start(move |_, nth| {
        let reply = Reply::sse(answer(&["ok"]));
        if nth == 0 {
            reply.hold_head(&gate)
        } else {
            reply
        }
    })
}

/// Returns the files of the ledgers.
fn ledgers(home: &Home) -> Vec<PathBuf> {
    fs::read_dir(home.state().join("pace"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}

fn run(server: &Server, home: &Home, args: &[&str]) -> Outcome {
    send(server).home(home).args(["Hi"]).args(args).run()
}

#[test]
fn the_second_request_of_a_minute_waits_where_one_is_allowed() {
    let (server, home) = (answering("ok"), Home::new());
    limit(&home, "rpm = 1");
    run(&server, &home, &[])
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    let waits = run(&server, &home, &["--timeout", "200ms"]);
    waits
        .code(6)
        .stdout("")
        .stderr_contains("within 1 request per minute")
        .stderr_contains("sending in about ");
    waits.stderr_contains("error: the request was still queued after 0.2 s; nothing was sent");
    run(&server, &home, &["--no-pace"])
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn an_answer_that_is_no_message_counts_as_a_request() {
    let home = Home::new();
    let server =
        Server::start(|_, _| Reply::status(200).body("<html><title>Sign in</title></html>"));
    limit(&home, "rpm = 1");
    run(&server, &home, &[]).code(5);
    run(&server, &home, &["--timeout", "200ms"])
        .code(6)
        .stderr_contains("within 1 request per minute");
    server.only_request();
}

#[test]
fn requests_that_never_left_make_nobody_wait() {
    let (home, port) = (Home::new(), DeadPort::new());
    limit(&home, "rpm = 1");
    for _ in 0..4 {
        let ask = Langdock::new().key().home(&home).args([
            "send",
            "-m",
            MODEL,
            "Hi",
            "--base-url",
            &port.url(),
        ]);
        let outcome = ask.args(["--max-retries", "0", "--timeout", "20s"]).run();
        outcome.code(6).stderr_contains("error: cannot connect to ");
    }
}

#[test]
fn an_answer_that_does_not_say_what_it_took_counts_for_what_was_reserved() {
    let stream = Stream::new()
        .field("usage", json!({}))
        .final_usage(json!({}));
    let home = Home::new();
    let server = Server::start(move |_, _| {
        Reply::sse(
            stream
                .clone()
                .start()
                .text_block(["ok"])
                .stop("end_turn")
                .to_string(),
        )
    });
    limit(&home, "tpm = 1000");
    let ask = |args: &[&str]| send(&server).home(&home).args([large()]).args(args).run();
    ask(&[]).code(0);
    ask(&["--timeout", "200ms"])
        .code(6)
        .stderr_contains("within 1,000 tokens per minute");
    server.only_request();
}

#[test]
fn a_429_holds_the_next_process_back_and_its_wait_counts() {
    let home = Home::new();
    let server = Server::start(|_, nth| match nth {
        0 => Reply::json(429, &error("rate_limit_error", "later")).header("retry-after", 60),
        _ => Reply::sse(answer(&["ok"])),
    });
    run(&server, &home, &["--max-retries", "0"]).code(7);
    let held = run(&server, &home, &["--max-wait", "10s", "--json"]);
    held.code(7)
        .stdout("")
        .stderr_contains("HTTP 429")
        .stderr_contains("--max-wait");
    server.only_request();
    run(&server, &home, &["--no-pace"]).code(0).stdout("ok\n");
}

#[test]
fn a_machine_without_limits_and_429s_keeps_no_ledger() {
    let (server, home) = (answering("ok"), Home::new());
    run(&server, &home, &[]).code(0).stderr_empty();
    assert!(!home.state().join("pace").exists());
}

#[test]
fn a_ledger_that_cannot_be_used_is_named_and_the_request_goes_out() {
    let (server, home) = (answering("ok"), Home::new());
    limit(&home, "rpm = 1");
    fs::create_dir_all(home.state()).unwrap();
    let path = home.state().join("pace");
    fs::write(&path, "not a directory").unwrap();
    for _ in 0..2 {
        run(&server, &home, &[])
            .code(0)
            .stdout("ok\n")
            .stderr_contains(&format!("{UNPACED}cannot open `{}/", path.display()));
    }
}

#[test]
fn a_chat_goes_ahead_of_what_a_batch_has_not_begun() {
    let (home, gate) = (Home::new(), Gate::new());
    let server = holding(&gate);
    limit(&home, "tpm = 1000");
    let lines = format!("{}\n", large()).repeat(4);
    let items = batch(&server)
        .home(&home)
        .args(["{text}"])
        .stdin_bytes(lines)
        .spawn();
    server.wait_for_requests(1);
    items.wait_for_stderr(
        "items are queued to stay within 1,000 tokens per minute; next request in about ",
    );
    let person = chat(&server)
        .home(&home)
        .args([format!("A user: {}", large())])
        .on_terminal(80, 24);
    person.wait_for("within 1,000 tokens per minute");
    gate.open();
    wait_for_prompt(&person, 1);
    leave(person).code(0);
    let outcome = items.finish();
    assert_eq!(outcome.code(0).stdout_json_lines().len(), 4);
    assert_eq!(
        outcome.stderr.matches("items are queued").count(),
        1,
        "{outcome}"
    );
    assert!(
        server.requests()[1].text().contains("A user"),
        "the chat is the next one"
    );
}

#[test]
fn a_wait_for_the_turn_is_told_once_and_has_no_bound_but_the_timeout() {
    let (home, gate) = (Home::new(), Gate::new());
    let server = holding(&gate);
    limit(&home, "tpm = 1000");
    let ask = |args: &[&str]| send(&server).home(&home).args([large()]).args(args).spawn();
    let first = ask(&[]);
    server.wait_for_requests(1);
    let second = ask(&["--max-wait", "1ms", "--json"]);
    second.wait_for_stderr("queued to stay within 1,000 tokens per minute; sending in about ");
    gate.open();
    first.finish().code(0).stderr_empty();
    let outcome = second.finish();
    assert_eq!(outcome.code(0).stderr.lines().count(), 1, "{outcome}");
    assert_eq!(
        outcome.stdout_json()["langdock"]["attempts"],
        1,
        "it was never refused"
    );
}

#[test]
fn a_signal_ends_the_wait_for_the_turn_at_once_and_gives_the_place_back() {
    let (home, gate) = (Home::new(), Gate::new());
    let server = holding(&gate);
    limit(&home, "tpm = 1000");
    let ask = || send(&server).home(&home).args([large()]).spawn();
    let first = ask();
    server.wait_for_requests(1);
    let second = ask();
    second
        .wait_for_stderr("sending in about ")
        .signal(Signal::SIGINT);
    second.finish().signal(2).stdout("");
    assert_eq!(server.requests().len(), 1);
    gate.open();
    first.finish().code(0);
    ask().finish().code(0).stderr_empty();
}

#[test]
fn a_killed_process_leaves_no_place_in_the_queue() {
    let (home, gate) = (Home::new(), Gate::new());
    let server = holding(&gate);
    limit(&home, "tpm = 1000");
    let ask = || send(&server).home(&home).args([large()]).spawn();
    let first = ask();
    server.wait_for_requests(1);
    let second = ask();
    second
        .wait_for_stderr("sending in about ")
        .signal(Signal::SIGKILL);
    second.finish().signal(Signal::SIGKILL as i32);
    let usage = Langdock::new().home(&home).key().against(&server);
    let limits = usage.args(["usage", "--limits", "--json"]).run();
    let limits = limits.code(0).stdout_json();
    assert_eq!(limits["models"][0]["queued"], 0, "{limits}");
    gate.open();
    first.finish().code(0);
    ask().finish().code(0).stderr_empty();
}

#[test]
fn items_that_an_interrupt_leaves_unsent_give_their_places_back() {
    let (home, gate) = (Home::new(), Gate::new());
    let server = holding(&gate);
    limit(&home, "tpm = 1000");
    let items = |count| {
        batch(&server)
            .home(&home)
            .args(["{text}"])
            .stdin_bytes(format!("{}\n", large()).repeat(count))
            .spawn()
    };
    let interrupted = items(4);
    server.wait_for_requests(1);
    interrupted
        .wait_for_stderr("items are queued ")
        .signal(Signal::SIGINT)
        .wait_for_stderr("interrupted: ");
    gate.open();
    interrupted.finish().signal(2);
    items(1).finish().code(0).stderr_empty();
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_429_that_does_not_say_how_long_holds_everybody_back_all_the_same() {
    let (home, times) = (Home::new(), Arc::new(Mutex::new(Vec::new())));
    let noted = Arc::clone(&times);
    let server = Server::start(move |_, nth| {
        noted.lock().unwrap().push(Instant::now());
        match nth {
            0 => Reply::json(429, &error("rate_limit_error", "later")),
            _ => Reply::sse(answer(&["ok"])),
        }
    });
    run(&server, &home, &["--max-retries", "0"]).code(7);
    run(&server, &home, &[]).code(0);
    let times = times.lock().unwrap();
    assert!(
        times[1] - times[0] >= Duration::from_secs(2),
        "{:?}",
        times[1] - times[0]
    );
}

#[test]
fn what_a_server_says_of_its_limits_holds_for_the_next_process() {
    for (limit, remaining, number, said) in [
        (
            "x-ratelimit-limit-requests",
            "x-ratelimit-remaining-requests",
            1,
            "1 request",
        ),
        (
            "anthropic-ratelimit-requests-limit",
            "anthropic-ratelimit-requests-remaining",
            1,
            "1 request",
        ),
        // One request has used 40 tokens, and others have used the rest.
        (
            "x-ratelimit-limit-tokens",
            "x-ratelimit-remaining-tokens",
            1000,
            "1,000 tokens",
        ),
    ] {
        let home = Home::new();
        let server = Server::start(move |_, _| {
            Reply::sse(answer(&["ok"]))
                .header(limit, number)
                .header(remaining, 0)
        });
        run(&server, &home, &[]).code(0).stderr_empty();
        let waits = run(&server, &home, &["--timeout", "200ms"]);
        waits
            .code(6)
            .stdout("")
            .stderr_contains(&format!("within {said} per minute"));
        server.only_request();
    }
}

#[test]
fn a_ledger_is_that_of_a_key_or_of_a_workspace() {
    let (server, limits) = (answering("ok"), format!("[limits.\"{MODEL}\"]\nrpm = 1\n"));
    for (config, code) in [
        (limits.clone(), 0),
        (format!("workspace = 'w'\n{limits}"), 6),
    ] {
        let home = Home::new();
        configure(&home, &config);
        run(&server, &home, &[]).code(0);
        let other = send(&server)
            .home(&home)
            .env("LANGDOCK_API_KEY", "sk-ld-another-0123456789");
        other.args(["Hi", "--timeout", "200ms"]).run().code(code);
        for ledger in ledgers(&home) {
            let name = ledger.file_name().unwrap().to_string_lossy().into_owned();
            let hash = name.strip_suffix(".v2").unwrap_or_default();
            assert!(
                hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()),
                "{name}"
            );
        }
    }
}

#[test]
fn a_damaged_ledger_is_set_aside_with_one_notice() {
    let (server, home) = (answering("ok"), Home::new());
    limit(&home, "rpm = 1");
    run(&server, &home, &[]).code(0);
    let ledger = ledgers(&home).remove(0);
    fs::write(&ledger, "not a ledger\n").unwrap();
    let told = run(&server, &home, &[]);
    told.code(0).stdout("ok\n").stderr_contains(
        "the rate-limit ledger is damaged; starting a new one; the old one was saved as `",
    );
    assert_eq!(
        fs::read(ledger.with_extension("broken")).unwrap(),
        b"not a ledger\n"
    );
    run(&server, &home, &["--timeout", "200ms"])
        .code(6)
        .stderr_contains("within 1 request per minute");
}

#[test]
fn a_damaged_ledger_replaces_the_one_that_was_set_aside_before() {
    let (server, home) = (answering("ok"), Home::new());
    limit(&home, "rpm = 100");
    run(&server, &home, &[]).code(0);
    let ledger = ledgers(&home).remove(0);
    let aside = ledger.with_extension("broken");
    fs::write(&aside, "a longer one, set aside before\n").unwrap();
    fs::write(&ledger, DAMAGED).unwrap();
    run(&server, &home, &[])
        .code(0)
        .stdout("ok\n")
        .stderr_contains("the old one was saved as `");
    assert_eq!(fs::read_to_string(&aside).unwrap(), DAMAGED);
}

#[test]
fn what_is_not_a_plain_file_where_a_damaged_ledger_goes_is_refused_by_name_and_nothing_is_sent() {
    for (reason, put) in OBSTACLES {
        let (server, home) = (answering("ok"), Home::new());
        limit(&home, "rpm = 100");
        run(&server, &home, &[]).code(0);
        let ledger = ledgers(&home).remove(0);
        let aside = ledger.with_extension("broken");
        let notes = home.write("work/notes.txt", "my notes\n");
        fs::write(&ledger, DAMAGED).unwrap();
        put(&notes, &aside);
        let kind = aside.symlink_metadata().unwrap().file_type();
        let connections = server.connections();
        let items = batch(&server)
            .home(&home)
            .args(["{text}", "-o", "out.jsonl", "-J", "2"])
            .stdin_bytes("a\nb\nc\nd\n")
            .run();
        for refused in [run(&server, &home, &[]), items] {
            refused.stdout("").failed(
                1,
                &format!(
                    "cannot rename the damaged rate-limit ledger because of `{}`: {reason}",
                    aside.display()
                ),
                ".broken.old",
            );
        }
        assert_eq!(server.connections(), connections, "{reason}");
        assert_eq!(fs::read(home.work().join("out.jsonl")).unwrap(), b"");
        assert_eq!(fs::read(&notes).unwrap(), b"my notes\n", "{reason}");
        assert!(!aside.with_file_name("nowhere").exists(), "{reason}");
        assert_eq!(fs::read_to_string(&ledger).unwrap(), DAMAGED, "{reason}");
        assert_eq!(aside.symlink_metadata().unwrap().file_type(), kind);
        // Following the hint solves the problem.
        fs::rename(&aside, aside.with_extension("broken.old")).unwrap();
        run(&server, &home, &[])
            .code(0)
            .stdout("ok\n")
            .stderr_contains("the old one was saved as `");
    }
}

#[test]
fn a_directory_that_is_full_lets_requests_out_unpaced_and_says_so() {
    let (server, home) = (answering("ok"), Home::new());
    limit(&home, "rpm = 1");
    // No file may grow; the signal is ignored, so that writing fails as on a full disk.
    let script = format!("trap '' XFSZ; ulimit -f 0; exec langdock send -m {MODEL} Hi");
    for _ in 0..2 {
        let outcome = Langdock::shell(&script)
            .key()
            .against(&server)
            .home(&home)
            .run();
        outcome.code(0).stdout("ok\n").stderr_contains(UNPACED);
        assert_eq!(outcome.stderr.lines().count(), 1, "{outcome}");
    }
    // A failed write does not damage the ledger.
    run(&server, &home, &[]).code(0).stderr_empty();
}

#[test]
#[cfg(target_os = "linux")]
fn a_directory_that_cannot_be_written_or_made_lets_requests_out_unpaced_and_says_so() {
    let (server, home) = (answering("ok"), Home::new());
    limit(&home, "rpm = 1");
    // Directories in which even root cannot create files, and a path that is not a directory.
    for directory in ["/proc", "/proc/self", "/dev/null"] {
        for _ in 0..2 {
            let outcome = send(&server)
                .home(&home)
                .env("XDG_STATE_HOME", directory)
                .args(["Hi"])
                .run();
            outcome.code(0).stdout("ok\n").stderr_contains(UNPACED);
            assert_eq!(outcome.stderr.lines().count(), 1, "{outcome}");
        }
        let items = batch(&server)
            .home(&home)
            .env("XDG_STATE_HOME", directory)
            .args(["{text}"]);
        let outcome = items.stdin_bytes("a\nb\nc\nd\n").run();
        assert_eq!(
            outcome.code(0).stderr.matches(UNPACED).count(),
            1,
            "{outcome}"
        );
    }
}
