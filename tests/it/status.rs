//! The status line: only on a terminal, with the seconds, and removed without a trace.

use serde_json::json;

use crate::support::{
    command::Langdock,
    events::{Stream, answer, error},
    gate::Gate,
    home::Home,
    pty::CTRL_C,
    reply::Reply,
    screen::rows_of,
    sending::{answering, send},
    server::Server,
};

/// Answers `ok`, but holds back the headers until the gate opens.
fn held(gate: &Gate) -> Server {
    let (gate, stream) = (gate.clone(), answer(&["ok"]));
    Server::start(move |_, _| Reply::sse(&stream).hold_head(&gate))
}

/// Sends the beginning of this stream at once, and the rest when the gate opens.
fn held_after(begin: &Stream, whole: &Stream, gate: &Gate) -> Server {
    let (begin, whole, gate) = (begin.to_string(), whole.to_string(), gate.clone());
    let rest = whole
        .strip_prefix(&begin)
        .expect("the beginning of the same stream")
        .to_owned();
    Server::start(move |_, _| Reply::sse_start().body(&begin).wait(&gate).body(&rest))
}

/// Waits until the terminal shows this, lets the answer continue, and asserts that only the answer
/// is left in the end.
#[track_caller]
fn comes_and_goes(run: Langdock, gate: &Gate, told: &str) {
    let terminal = run.on_terminal(80, 24);
    terminal.wait_for(told);
    gate.open();
    let outcome = terminal.finish();
    outcome.code(0);
    assert_eq!(
        rows_of(&outcome.stdout, 80, 24),
        ["ok"],
        "{:?}",
        outcome.stdout_text()
    );
}

#[test]
fn before_the_first_word_the_seconds_are_counted() {
    let gate = Gate::new();
    let server = held(&gate);
    comes_and_goes(
        send(&server).args(["Hi"]).stdin_null(),
        &gate,
        "1 s waiting for an answer",
    );
}

#[test]
fn a_list_of_models_is_waited_for_in_the_same_way() {
    let gate = Gate::new();
    let theirs = gate.clone();
    let server = Server::start(move |_, _| {
        Reply::json(200, &json!({"data": [{"id": "ok"}]})).hold_head(&theirs)
    });
    let run = Langdock::new()
        .key()
        .against(&server)
        .args(["models"])
        .stdin_null();
    let terminal = run.on_terminal(80, 24);
    terminal.wait_for("s waiting for the list of models");
    gate.open();
    let outcome = terminal.finish();
    let rows = rows_of(&outcome.code(0).stdout, 80, 24);
    assert!(rows.len() == 2 && rows[1].starts_with("ok"), "{rows:?}");
}

#[test]
fn an_answer_that_has_begun_without_a_word_says_so() {
    let (gate, begin) = (Gate::new(), Stream::new().start());
    let whole = Stream::new().start().text_block(["ok"]).stop("end_turn");
    let server = held_after(&begin, &whole, &gate);
    comes_and_goes(
        send(&server).args(["Hi"]).stdin_null(),
        &gate,
        "s waiting for the first token",
    );
}

#[test]
fn thinking_says_so_whether_its_words_come_or_not() {
    for words in ["Hmm.", ""] {
        let (gate, begin) = (
            Gate::new(),
            Stream::new().start().thinking_block(words, "c2ln"),
        );
        let whole = Stream::new()
            .start()
            .thinking_block(words, "c2ln")
            .text_block(["ok"])
            .stop("end_turn");
        let server = held_after(&begin, &whole, &gate);
        comes_and_goes(send(&server).args(["Hi"]).stdin_null(), &gate, "s thinking");
    }
}

#[test]
fn a_large_request_is_uploading() {
    let gate = Gate::new();
    let server = held(&gate);
    comes_and_goes(
        send(&server)
            .args(["Hi"])
            .stdin_bytes("a word ".repeat(200_000)),
        &gate,
        "s uploading",
    );
}

#[test]
fn a_wait_for_another_try_counts_down_and_the_next_try_counts_up() {
    let (gate, stream) = (Gate::new(), answer(&["ok"]));
    let theirs = gate.clone();
    let server = Server::start(move |_, nth| match nth {
        0 => {
            Reply::json(429, &error("rate_limit_error", "Slow down.")).header("retry-after-ms", 30)
        }
        _ => Reply::sse(&stream).hold_head(&theirs),
    });
    let terminal = send(&server).args(["Hi"]).stdin_null().on_terminal(80, 24);
    terminal
        .wait_for("retrying in 1 s; HTTP 429")
        .wait_for("s waiting for an answer");
    gate.open();
    let outcome = terminal.finish();
    assert_eq!(
        rows_of(&outcome.code(0).stdout, 80, 24),
        ["ok"],
        "{:?}",
        outcome.stdout_text()
    );
}

#[test]
fn a_wait_for_ones_turn_counts_down() {
    let (server, home) = (answering("ok"), Home::new());
    home.write(
        home.config().join("config.toml"),
        "save = false\n[limits.\"m\"]\nrpm = 1\n",
    );
    let run = || {
        send(&server)
            .home(&home)
            .env("LANGDOCK_MODEL", "m")
            .args(["Hi"])
            .stdin_null()
    };
    run().on_terminal(120, 24).finish().code(0);
    let terminal = run().on_terminal(120, 24);
    terminal
        .wait_for(" s; queued to stay within 1 request per minute")
        .keys(CTRL_C);
    let outcome = terminal.finish();
    let screen = rows_of(&outcome.signal(2).stdout, 120, 24).join("\n");
    assert!(
        outcome.stdout_text().contains("sending in ") && !screen.contains("sending in "),
        "{screen}"
    );
}

#[test]
fn nothing_is_told_quietly_nor_in_a_pipe_nor_on_a_terminal_that_only_prints() {
    let gate = Gate::new();
    let server = held(&gate);
    let quiet = send(&server)
        .args(["-q", "Hi"])
        .stdin_null()
        .on_terminal(80, 24);
    let piped = send(&server).args(["Hi"]).stdin_null().spawn();
    let dumb = Langdock::shell("TERM=dumb exec langdock send Hi")
        .key()
        .against(&server)
        .env("LANGDOCK_MODEL", "m");
    let dumb = dumb.stdin_null().on_terminal(80, 24);
    server.wait_for_requests(3);
    // This one shows a status line and was started last, so the others would have shown theirs by
    // now.
    let loud = send(&server).args(["Hi"]).stdin_null().on_terminal(80, 24);
    loud.wait_for("1 s waiting for an answer");
    gate.open();
    loud.finish().code(0);
    quiet.finish().code(0).stdout("ok\r\n");
    piped.finish().code(0).stdout("ok\n").stderr_empty();
    dumb.finish().code(0).stdout("ok\r\n");
}

#[test]
fn quiet_is_quiet_about_another_try_too() {
    let stream = answer(&["ok"]);
    let server = Server::start(move |_, nth| match nth {
        0 => Reply::json(429, &error("rate_limit_error", "Slow down.")).header("retry-after-ms", 1),
        _ => Reply::sse(&stream),
    });
    send(&server)
        .args(["-q", "Hi"])
        .stdin_null()
        .on_terminal(80, 24)
        .finish()
        .code(0)
        .stdout("ok\r\n");
}

#[test]
fn usage_is_the_line_below_the_answer() {
    let server = answering("**ok**");
    let outcome = send(&server)
        .args(["-u", "Hi"])
        .stdin_null()
        .on_terminal(120, 24)
        .finish();
    let rows = rows_of(&outcome.code(0).stdout, 120, 24);
    let [answer, usage] = rows.as_slice() else {
        panic!("{rows:?}")
    };
    assert_eq!(answer, "ok");
    let (tokens, times) = usage.split_once("; first token after ").expect("a time");
    assert_eq!(tokens, "25 tokens in, 15 out");
    let (first, rate) = times.split_once(" s, ").expect("seconds and a rate");
    let (rate, cost) = rate.split_once("; ").expect("a cost");
    assert_eq!(cost, "list price $0.0003 (2026-11)");
    let rate = rate
        .strip_suffix(" tokens a second")
        .expect("a rate")
        .replace(',', "");
    assert!(
        first.parse::<f64>().is_ok() && rate.parse::<f64>().is_ok_and(|rate| rate > 0.0),
        "{usage}"
    );
}

/// Answers `ok` after some reasoning.
fn reasoning() -> Server {
    let stream = Stream::new()
        .start()
        .thinking_block("Hmm.\u{1b}[2J", "c2ln")
        .text_block(["ok"])
        .stop("end_turn");
    let stream = stream.to_string();
    Server::start(move |_, _| Reply::sse(&stream))
}

#[test]
fn reasoning_is_dimmed_or_marked_in_words_above_the_answer_on_a_terminal() {
    let server = reasoning();
    let outcome = send(&server)
        .args(["--show-thinking", "Hi"])
        .stdin_null()
        .on_terminal(80, 24)
        .finish();
    outcome
        .code(0)
        .stdout_contains("\u{1b}[2mHmm.␛[2J\u{1b}[0m");
    assert_eq!(rows_of(&outcome.stdout, 80, 24), ["Hmm.␛[2J", "ok"]);
    let plain = send(&server)
        .args(["--show-thinking", "--color", "never", "Hi"])
        .stdin_null()
        .on_terminal(80, 24);
    plain
        .finish()
        .code(0)
        .stdout("thinking:\r\nHmm.␛[2J\r\nend of thinking\r\n\r\nok\r\n");
}

#[test]
fn reasoning_is_never_in_the_pipe_of_an_answer() {
    let server = reasoning();
    send(&server)
        .args(["--show-thinking", "Hi"])
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr("thinking:\nHmm.␛[2J\nend of thinking\n\n");
    let run = send(&server)
        .args(["--show-thinking", "Hi"])
        .stdin_null()
        .piped_stdout()
        .on_terminal(80, 24);
    run.finish()
        .code(0)
        .stdout("ok\n")
        .stderr_contains("\u{1b}[2mHmm.␛[2J");
}
