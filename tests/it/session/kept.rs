//! A partial answer is kept when the process is stopped or killed, and a failure to save does not
//! end the run.

use std::fs;

use nix::sys::signal::Signal;

use super::{said, saying, shown};
use crate::support::{
    command::Langdock,
    events::{MODEL, Stream},
    home::Home,
    reply::Reply,
    sending::answering,
    server::Server,
};

/// Starts a server that sends this text, one character per event, and then stalls.
fn begins(text: &str) -> Server {
    let letters: Vec<String> = text.chars().map(String::from).collect();
    let events = Stream::new()
        .start()
        .open_text_block(letters.iter().map(String::as_str))
        .to_string();
    Server::start(move |_, _| Reply::sse_start().body(&events).wait_for_hang_up())
}

#[test]
fn a_process_that_is_killed_before_the_answer_has_kept_the_question() {
    let home = Home::new();
    let server = Server::start(|_, _| Reply::never());
    let running = saying(&server, &home, &["--session", "x", "question"]).spawn();
    server.wait_for_requests(1);
    running.signal(Signal::SIGKILL);
    running.finish().signal(9);
    let kept = shown(&home, "x");
    assert_eq!(kept["turns"][0]["content"][0]["text"], "question");
    assert_eq!(kept["turns"][0]["left_out"], "unanswered");
}

#[test]
fn what_cannot_be_kept_yet_is_kept_as_soon_as_it_can_be() {
    let (server, home) = (begins("Half"), Home::new());
    let running = saying(&server, &home, &["--session", "x", "question"]).spawn();
    running.wait_for_stdout("Half").signal(Signal::SIGKILL);
    running.finish().signal(9);
    let list = || Langdock::new().home(&home).args(["session", "list"]).run();
    // A directory in place of the file keeps even root from writing it.
    let sessions = home.data().join("sessions");
    let is_file = |path: &std::path::PathBuf| {
        path.extension().is_some_and(|ending| ending == "jsonl") && path.is_file()
    };
    let file = fs::read_dir(&sessions)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(is_file)
        .unwrap();
    let aside = home.path().join("aside");
    fs::rename(&file, &aside).unwrap();
    fs::create_dir(&file).unwrap();
    list()
        .code(0)
        .stderr_contains("cannot recover")
        .stderr_contains("directory");
    fs::remove_dir(&file).unwrap();
    fs::rename(&aside, &file).unwrap();
    list().code(0).stderr_contains("is in the conversation `x`");
    assert_eq!(shown(&home, "x")["turns"][1]["content"][0]["text"], "Half");
}

#[test]
fn an_answer_that_was_stopped_stays_as_what_the_model_said() {
    let (server, home) = (begins("Half an ans"), Home::new());
    let running = saying(&server, &home, &["--session", "x", "question"]).spawn();
    running
        .wait_for_stdout("Half an ans")
        .signal(Signal::SIGINT);
    running.finish().signal(2);
    let server = answering("ok");
    saying(&server, &home, &["-c", "go on"])
        .moved_to(&server)
        .run()
        .code(0);
    assert_eq!(
        said(&server.only_request()),
        ["question", "Half an ans", "go on"]
    );
    let outcome = Langdock::new()
        .home(&home)
        .args(["session", "show", "x"])
        .run();
    outcome
        .code(0)
        .stderr_empty()
        .stdout_contains("Half an ans\n\n*[the answer was interrupted here]*\n");
}

#[test]
fn a_conversation_that_cannot_be_saved_is_told_once_and_answered() {
    let (server, home) = (answering("ok"), Home::new());
    fs::create_dir_all(home.data().parent().unwrap()).unwrap();
    fs::write(home.data(), "in the way").unwrap();
    for args in [&["--session", "x"][..], &[]] {
        home.write(home.config().join("config.toml"), "save = true\n");
        let outcome = saying(&server, &home, &["Hi"]).args(args).run();
        outcome
            .code(0)
            .stdout("ok\n")
            .stderr_contains("langdock: cannot save this conversation: cannot write");
        assert_eq!(outcome.stderr.lines().count(), 1, "{outcome}");
    }
}

#[test]
fn a_journal_that_cannot_grow_is_gone_once_all_is_in_the_conversation() {
    let events = Stream::new()
        .start()
        .text_block(["a"; 100])
        .stop("end_turn")
        .to_string();
    let (server, home) = (Server::start(move |_, _| Reply::sse(&events)), Home::new());
    // As a hundred events, the answer does not fit into this many blocks; joined, it does.
    let script = format!("trap '' XFSZ; ulimit -f 4; exec langdock send --session x -m {MODEL} Hi");
    let outcome = Langdock::shell(&script)
        .key()
        .against(&server)
        .home(&home)
        .run();
    outcome
        .code(0)
        .stderr_contains("cannot save this conversation: cannot write")
        .stderr_contains("/journals/");
    assert_eq!(
        fs::read_dir(home.data().join("sessions/journals"))
            .unwrap()
            .count(),
        0
    );
    let outcome = Langdock::new()
        .home(&home)
        .args(["session", "show", "x"])
        .run();
    outcome
        .code(0)
        .stderr_empty()
        .stdout_contains(&"a".repeat(100));
}

#[test]
fn a_torn_last_line_costs_that_line_only() {
    let (server, home) = (answering("ok"), Home::new());
    saying(&server, &home, &["--session", "x", "Hi"])
        .run()
        .code(0);
    let path = shown(&home, "x")["path"].as_str().unwrap().to_owned();
    let whole = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{whole}{{\"type\":\"turn\",\"id\":\"t")).unwrap();
    saying(&server, &home, &["--session", "x", "more"])
        .run()
        .code(0)
        .stderr_contains("is incomplete");
    assert_eq!(
        said(server.requests().last().unwrap()),
        ["Hi", "ok", "more"]
    );
    assert!(fs::read_to_string(&path).unwrap().starts_with(&whole));
    assert_eq!(super::lines(&home, "x").len(), 5);
}

#[test]
fn turns_that_could_not_be_saved_are_recovered_in_their_order() {
    let (server, home) = (answering("ok"), Home::new());
    let send = |what: &str, blocks: &str| {
        let text = format!("{what} {}", "x".repeat(3000));
        let script = format!(
            "trap '' XFSZ; ulimit -f {blocks}; exec langdock send --session fm -m {MODEL} '{text}'"
        );
        let run = Langdock::shell(&script).key().against(&server).home(&home);
        run.run()
    };
    for what in ["1", "2", "3", "4", "5", "6"] {
        send(what, "8").code(0);
    }
    let recovered = send("7", "unlimited");
    recovered
        .code(0)
        .stderr_contains("recovered an answer that had not been saved; it is in the conversation");
    let shown = shown(&home, "fm");
    let turns = shown["turns"].as_array().unwrap().iter();
    let saved: Vec<_> = turns
        .filter(|turn| turn["role"] == "user")
        .map(|turn| turn["content"][0]["text"].as_str().unwrap()[..1].to_owned())
        .collect();
    assert_eq!(saved, ["1", "2", "3", "4", "5", "6", "7"]);
}
