//! Failures in the middle of a conversation: it continues, and no input is lost.

use std::io::Write;

use nix::sys::signal::Signal;
use serde_json::json;

use super::commands::typed;
use super::{ENTER, at_prompt, chat, leave, messages, said, wait_for_prompt};
use crate::support::{
    command::Langdock,
    events::{Stream, answer, error},
    home::Home,
    pty::CTRL_C,
    reply::Reply,
    sending::{answering, send},
    server::Server,
};
use crate::tools::{done, playing};

#[test]
fn ctrl_c_stops_an_answer_which_is_kept_and_can_go_on() {
    let begin = Stream::new().start().open_text_block(["one "]).to_string();
    let server = Server::start(move |_, nth| match nth {
        0 => Reply::sse_start().body(&begin).wait_for_hang_up(),
        _ => Reply::sse(answer(&["two"])),
    });
    let home = Home::new();
    let terminal = at_prompt(&server, &home, &[]);
    terminal
        .keys("Count")
        .keys(ENTER)
        .wait_for("one")
        .keys(CTRL_C)
        .wait_for("stopped; /continue resumes the answer");
    wait_for_prompt(&terminal, 2);
    for (keys, prompts) in [("/continue", 3), ("More", 4)] {
        terminal.keys(keys).keys(ENTER);
        wait_for_prompt(&terminal, prompts);
    }
    leave(terminal).code(0);
    let opening =
        json!([{"role": "user", "content": "Count"}, {"role": "assistant", "content": "one"}]);
    assert_eq!(messages(&server, 1), opening);
    let whole = json!([{"type": "text", "text": "one "}, {"type": "text", "text": "two"}]);
    assert_eq!(messages(&server, 2)[1]["content"], whole);
    assert_eq!(said(&server, 2), "More");
}

#[test]
fn a_model_that_takes_no_beginning_is_asked_in_words_to_go_on() {
    let cut = Stream::new().start().text_block(["one"]).stop("max_tokens");
    let server = playing(&[cut, done("two")]);
    let terminal = at_prompt(
        &server,
        &Home::new(),
        &["-m", "claude-sonnet-5-default", "Count"],
    );
    terminal
        .wait_for("max_tokens")
        .keys("/continue")
        .keys(ENTER);
    wait_for_prompt(&terminal, 2);
    terminal
        .keys("/undo")
        .keys(ENTER)
        .wait_for("removed: /continue");
    wait_for_prompt(&terminal, 3);
    leave(terminal).code(0);
    assert_eq!(messages(&server, 1).as_array().unwrap().len(), 3);
    assert!(
        said(&server, 1).as_str().unwrap().contains("one"),
        "{}",
        said(&server, 1)
    );
}

#[test]
fn a_request_to_go_on_is_not_shown_as_words_of_the_user() {
    let cut = Stream::new().start().text_block(["one"]).stop("max_tokens");
    let server = playing(&[cut, done("two")]);
    let home = Home::new();
    let args = ["--session", "x", "-m", "claude-sonnet-5-default"];
    let terminal = at_prompt(&server, &home, &[&args[..], &["Count"]].concat());
    terminal
        .wait_for("max_tokens")
        .keys("/continue")
        .keys(ENTER);
    wait_for_prompt(&terminal, 2);
    leave(terminal).code(0);
    let shown = Langdock::new().home(&home).args(["session", "show", "x"]);
    let shown = shown.run().code(0).stdout_text();
    assert!(
        shown.contains("\n*[continue the answer]*\n") && !shown.contains("broke off"),
        "{shown}"
    );
    let screen = typed(at_prompt(&server, &home, &args), &[]);
    assert!(
        screen.contains("> /continue") && !screen.contains("broke off"),
        "{screen}"
    );
}

#[test]
fn whatever_fails_the_text_is_offered_again() {
    let cut = Stream::new().start().to_string();
    let server = Server::start(move |_, nth| match nth {
        0 => Reply::json(400, &error("invalid_request_error", "Bad.")),
        1 => Reply::json(429, &error("rate_limit_error", "Slow down.")),
        2 => Reply::sse_start().body(&cut).close(),
        3 => Reply::hang_up(),
        4 => Reply::status(200).body("<html>"),
        _ => Reply::sse(answer(&["ok"])),
    });
    let home = Home::new();
    let terminal = at_prompt(&server, &home, &["--max-retries", "0"]);
    terminal.keys("/etc is what?\x01 ").keys(ENTER);
    for prompts in 2..7 {
        wait_for_prompt(&terminal, prompts);
        terminal.keys(ENTER);
    }
    wait_for_prompt(&terminal, 7);
    leave(terminal).code(0).stdout_contains("HTTP 429");
    assert_eq!(server.requests().len(), 6);
    for nth in 0..6 {
        assert_eq!(
            messages(&server, nth),
            json!([{"role": "user", "content": " /etc is what?"}]),
            "{nth}"
        );
    }
}

#[test]
fn ctrl_c_ends_a_wait() {
    let server = Server::start(|_, nth| match nth {
        0 => Reply::json(429, &error("rate_limit_error", "Slow down.")).header("retry-after", 100),
        _ => Reply::sse(answer(&["ok"])),
    });
    let terminal = at_prompt(&server, &Home::new(), &["--no-pace"]);
    terminal
        .keys("Hi")
        .keys(ENTER)
        .wait_for("Slow down.")
        .keys(CTRL_C)
        .wait_for("langdock: stopped");
    wait_for_prompt(&terminal, 2);
    terminal.keys(ENTER);
    wait_for_prompt(&terminal, 3);
    leave(terminal).code(0);
    assert_eq!(said(&server, 1), "Hi");
}

#[test]
fn a_refused_turn_is_left_out_of_what_is_sent() {
    let refused = Stream::new().start().text_block(["no"]).stop("refusal");
    let server = playing(&[refused, done("ok")]);
    let home = Home::new();
    let terminal = at_prompt(&server, &home, &["Bad"]);
    terminal.wait_for("refused").keys("Good").keys(ENTER);
    wait_for_prompt(&terminal, 2);
    leave(terminal).code(0);
    assert_eq!(
        messages(&server, 1),
        json!([{"role": "user", "content": "Good"}])
    );
}

#[test]
fn a_signal_at_the_prompt_ends_it_with_the_terminal_as_it_was() {
    let server = answering("ok");
    for (signal, number) in [(Signal::SIGTERM, 15), (Signal::SIGHUP, 1)] {
        let terminal = at_prompt(&server, &Home::new(), &[]);
        terminal
            .wait_for_no_echo()
            .keys("half a line")
            .wait_for("half a line")
            .signal(signal);
        let outcome = terminal.finish();
        outcome.signal(number).stdout_contains("\u{1b}[?2004l");
    }
}

#[test]
fn a_signal_in_the_middle_of_an_answer_ends_it_and_what_came_is_kept() {
    let begin = Stream::new()
        .start()
        .open_text_block(["one **two"])
        .to_string();
    for (signal, number) in [
        (Signal::SIGTERM, 15),
        (Signal::SIGHUP, 1),
        (Signal::SIGKILL, 9),
    ] {
        let (begin, home) = (begin.clone(), Home::new());
        let server = Server::start(move |_, _| Reply::sse_start().body(&begin).wait_for_hang_up());
        let terminal = at_prompt(&server, &home, &["--raw"]);
        terminal
            .keys("Count")
            .keys(ENTER)
            .wait_for("one **two")
            .signal(signal);
        terminal.finish().signal(number);
        let server = answering("ok");
        let terminal = chat(&server)
            .home(&home)
            .args(["-c", "--raw", "More"])
            .moved_to(&server)
            .on_terminal(80, 24);
        wait_for_prompt(&terminal, 1);
        leave(terminal)
            .code(0)
            .stdout_contains("> Count")
            .stdout_contains("one **two");
        let expected = json!([
            {"role": "user", "content": "Count"}, {"role": "assistant", "content": "one **two"},
            {"role": "user", "content": "More"},
        ]);
        assert_eq!(messages(&server, 0), expected, "{signal}");
    }
}

#[test]
fn what_is_asked_again_takes_nothing_away_until_it_is_answered() {
    for args in [&[][..], &["-n"]] {
        let server = Server::start(|_, nth| match nth {
            2 => Reply::json(400, &error("invalid_request_error", "Bad.")),
            _ => Reply::sse(answer(&[&format!("answer {nth}")])),
        });
        let terminal = at_prompt(&server, &Home::new(), args);
        for (keys, prompts) in [
            ("One", 2),
            ("Two", 3),
            ("/retry", 4),
            ("/retry", 5),
            ("Three", 6),
        ] {
            terminal.keys(keys).keys(ENTER);
            wait_for_prompt(&terminal, prompts);
        }
        leave(terminal).code(0).stdout_contains("HTTP 400");
        let first = [
            json!({"role": "user", "content": "One"}),
            json!({"role": "assistant", "content": "answer 0"}),
        ];
        let again = [&first[..], &[json!({"role": "user", "content": "Two"})]].concat();
        let followed = [
            json!({"role": "assistant", "content": "answer 3"}),
            json!({"role": "user", "content": "Three"}),
        ];
        assert_eq!(
            [2, 3].map(|nth| messages(&server, nth)),
            [json!(again), json!(again)]
        );
        assert_eq!(
            messages(&server, 4),
            json!([&again[..], &followed].concat()),
            "{args:?}"
        );
    }
}

#[test]
fn a_process_that_is_killed_while_it_asks_again_takes_no_answer_with_it() {
    for (begun, expected) in [("", "answer 1"), ("half", "half")] {
        let stream = Stream::new().start().open_text_block([begun]).to_string();
        let server = Server::start(move |_, nth| match nth {
            2 => Reply::sse_start().body(&stream).wait_for_hang_up(),
            _ => Reply::sse(answer(&[&format!("answer {nth}")])),
        });
        let home = Home::new();
        let terminal = at_prompt(&server, &home, &["--raw", "One"]);
        terminal.keys("Two").keys(ENTER);
        wait_for_prompt(&terminal, 2);
        terminal.keys("/retry").keys(ENTER);
        server.wait_for_requests(3);
        if !begun.is_empty() {
            terminal.wait_for(begun);
        }
        terminal.signal(Signal::SIGKILL);
        terminal.finish().signal(9);
        let outcome = chat(&server)
            .home(&home)
            .args(["-c"])
            .stdin_bytes("Three")
            .run();
        outcome.code(0).stderr_contains(if begun.is_empty() {
            "recovered a message that had not been saved"
        } else {
            "recovered a partial answer that had not been saved"
        });
        let said: Vec<_> = messages(&server, 3)
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["content"].clone())
            .collect();
        assert_eq!(said, ["One", "answer 0", "Two", expected, "Three"]);
    }
}

#[test]
fn the_conversation_of_a_killed_process_is_the_last_one_that_was_used() {
    let home = Home::new();
    let other = answering("ok");
    chat(&other)
        .home(&home)
        .args(["--session", "other"])
        .stdin_bytes("Hi")
        .run()
        .code(0);
    let begin = Stream::new()
        .start()
        .open_text_block(["one **two"])
        .to_string();
    let server = Server::start(move |_, _| Reply::sse_start().body(&begin).wait_for_hang_up());
    let terminal = at_prompt(&server, &home, &["--raw", "--session", "killed"]);
    terminal
        .keys("Count")
        .keys(ENTER)
        .wait_for("one **two")
        .signal(Signal::SIGKILL);
    terminal.finish().signal(9);
    // Reading does not change the conversation.
    let outcome = chat(&other)
        .home(&home)
        .args(["-c"])
        .moved_to(&other)
        .stdin_bytes("More")
        .run();
    outcome.code(0).stderr_contains("continuing `killed`");
    assert_eq!(messages(&other, 1)[0]["content"], "Count");
}

#[test]
fn what_is_typed_is_on_disk_before_it_is_sent() {
    let home = Home::new();
    let sessions = home.data().join("sessions").join("journals");
    let server = Server::start(move |_, _| {
        let journals = std::fs::read_dir(&sessions).unwrap().flatten();
        let kept = journals
            .map(|file| std::fs::read_to_string(file.path()).unwrap())
            .collect::<String>();
        assert!(kept.contains("precious"), "{kept}");
        Reply::sse(answer(&["ok"]))
    });
    let terminal = at_prompt(&server, &home, &[]);
    terminal.keys("precious").keys(ENTER);
    wait_for_prompt(&terminal, 2);
    leave(terminal).code(0);
}

#[test]
fn what_is_typed_while_an_answer_comes_is_for_the_next_line() {
    let gate = crate::support::gate::Gate::new();
    let (theirs, begin) = (
        gate.clone(),
        Stream::new().start().open_text_block(["one"]).to_string(),
    );
    let whole = Stream::new()
        .start()
        .text_block(["one"])
        .stop("end_turn")
        .to_string();
    let rest = whole.strip_prefix(&begin).unwrap().to_owned();
    let server = Server::start(move |_, nth| match nth {
        0 => Reply::sse_start().body(&begin).wait(&theirs).body(&rest),
        _ => Reply::sse(answer(&["two"])),
    });
    let terminal = at_prompt(&server, &Home::new(), &[]);
    terminal
        .keys("One")
        .keys(ENTER)
        .wait_for("one")
        .wait_for_no_echo()
        .keys("Two")
        .keys(ENTER);
    gate.open();
    wait_for_prompt(&terminal, 3);
    leave(terminal).code(0);
    assert_eq!(said(&server, 1), "Two");
}

#[test]
fn what_is_typed_while_a_command_runs_is_for_the_next_line() {
    let (server, home) = (answering("ok"), Home::new());
    let pipe = home.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let terminal = at_prompt(&server, &home, &["One"]);
    terminal
        .keys(&format!("/file {}", pipe.display()))
        .keys(ENTER);
    // This returns once the command has opened the pipe for reading.
    let mut writer = std::fs::OpenOptions::new().write(true).open(&pipe).unwrap();
    terminal.keys("/drop").keys(ENTER).keys("Two").keys(ENTER);
    writer.write_all(b"from the pipe").unwrap();
    drop(writer);
    wait_for_prompt(&terminal, 4);
    leave(terminal).code(0);
    assert_eq!(said(&server, 1), "Two");
}

#[test]
fn a_conversation_that_is_removed_meanwhile_begins_again_under_its_name() {
    let (server, home) = (answering("ok"), Home::new());
    let terminal = at_prompt(&server, &home, &["--session", "a", "One"]);
    let session = |words: &[&str]| {
        Langdock::new()
            .home(&home)
            .args(["session"])
            .args(words)
            .run()
    };
    session(&["rm", "a"]).code(0);
    terminal
        .keys("Two")
        .keys(ENTER)
        .wait_for("`a` was deleted in the meantime");
    wait_for_prompt(&terminal, 2);
    leave(terminal).code(0);
    session(&["show", "a"]).code(0).stdout_contains("Two");
}

#[test]
fn what_another_process_adds_is_sent_too_and_not_taken_back_before_it_was_seen() {
    let (server, home) = (answering("ok"), Home::new());
    let elsewhere = |message: &str| {
        let run = send(&server).home(&home);
        run.args(["--session", "x", message]).run().code(0);
    };
    let terminal = at_prompt(&server, &home, &["--session", "x", "One"]);
    elsewhere("Two");
    terminal.keys("Three").keys(ENTER);
    wait_for_prompt(&terminal, 2);
    assert_eq!(messages(&server, 2).as_array().unwrap().len(), 5);
    elsewhere("Four");
    for prompts in 3..=4 {
        terminal.keys("/undo").keys(ENTER);
        wait_for_prompt(&terminal, prompts);
    }
    let screen = leave(terminal).code(0).stdout_text().clone();
    let changed = "another process has changed this conversation";
    assert_eq!(screen.matches(changed).count(), 2, "{screen}");
    assert_eq!(screen.matches("so this command was").count(), 1, "{screen}");
    assert_eq!(screen.matches("removed: Four").count(), 1, "{screen}");
}

#[test]
fn a_killed_process_that_got_no_answer_is_said_to_have_got_none() {
    let server = Server::start(|_, nth| match nth {
        0 => Reply::sse_start().wait_for_hang_up(),
        _ => Reply::sse(answer(&["ok"])),
    });
    let home = Home::new();
    let terminal = at_prompt(&server, &home, &[]);
    terminal.keys("Lost?").keys(ENTER);
    server.wait_for_requests(1);
    terminal.signal(Signal::SIGKILL);
    terminal.finish().signal(9);
    let run = send(&server).home(&home).args(["--session", "y", "Next"]);
    run.run()
        .code(0)
        .stderr_contains("recovered a message that had not been saved, which got no answer");
}

#[test]
fn hints_for_piped_input_name_only_flags_that_chat_has() {
    let help = Langdock::new().args(["chat", "--help"]).run().stdout_text();
    let script: fn(usize) -> (Reply, i32) = |nth| {
        let cut = |reason| {
            Reply::sse(
                Stream::new()
                    .start()
                    .text_block(["one"])
                    .stop(reason)
                    .to_string(),
            )
        };
        match nth {
            0 => (cut("max_tokens"), 9),
            1 => (cut("model_context_window_exceeded"), 9),
            2 => (Reply::json(400, &error("invalid_request_error", "Bad.")), 3),
            3 => (Reply::json(404, &error("not_found_error", "None.")), 3),
            _ => (Reply::json(429, &error("rate_limit_error", "Wait.")), 7),
        }
    };
    for nth in 0..5 {
        let server = Server::start(move |_, _| script(nth).0);
        let piped = chat(&server)
            .stdin_bytes("Count\n")
            .args(["--max-retries", "0"]);
        let outcome = piped.run();
        outcome.code(script(nth).1).stderr_contains("hint: ");
        let words = outcome
            .stderr
            .split(|c: char| !c.is_alphanumeric() && c != '-');
        for flag in words.filter(|word| word.starts_with("--")) {
            assert!(help.contains(flag), "{flag}\n{outcome}");
        }
    }
}
