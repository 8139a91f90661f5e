//! Input and attachments that are not sent yet, or were sent and got no answer.

use std::{fs, thread};

use nix::{sys::stat::Mode, unistd::mkfifo};
use serde_json::json;

use super::{ENTER, at_prompt, chat, commands::typed, leave, messages, said, wait_for_prompt};
use crate::session::ids;
use crate::support::{
    command::Langdock,
    events::{Stream, answer, error},
    home::Home,
    reply::Reply,
    sending::answering,
    server::Server,
};

/// Refuses the request with this number and answers all others.
fn refusing(nth: usize) -> Server {
    Server::start(move |_, number| match number {
        number if number == nth => Reply::json(400, &error("invalid_request_error", "Bad.")),
        number => Reply::sse(answer(&[&format!("answer {number}")])),
    })
}

/// Creates a home with a text file and an image.
fn home_with_files() -> Home {
    let home = Home::new();
    home.write("work/a.txt", "A");
    home.write("work/b.gif", super::commands::GIF);
    home
}

#[test]
fn what_is_attached_for_the_next_message_does_not_go_with_the_last_one() {
    let (server, home) = (answering("ok"), home_with_files());
    let screen = typed(
        at_prompt(&server, &home, &[]),
        &["One", "/file a.txt", "/retry", "/attachments", "Two"],
    );
    assert!(screen.contains("1  a.txt"), "{screen}");
    assert_eq!(said(&server, 1), "One");
    assert!(
        said(&server, 2)[0]["text"]
            .as_str()
            .unwrap()
            .contains("a.txt"),
        "{}",
        said(&server, 2)
    );
}

#[test]
fn a_first_message_that_fails_is_offered_again_with_its_files() {
    let (server, home) = (refusing(0), home_with_files());
    let terminal = at_prompt(&server, &home, &["-f", "a.txt", "-a", "b.gif", "Explain"]);
    let screen = typed(terminal, &["", "More"]);
    assert!(screen.contains("2 attachments"), "{screen}");
    assert_eq!(said(&server, 0).as_array().unwrap().len(), 3);
    assert_eq!(said(&server, 1), said(&server, 0));
    assert_eq!(said(&server, 2), "More");
}

#[test]
fn a_message_that_failed_is_the_last_one_and_asked_again() {
    let (server, home) = (refusing(1), home_with_files());
    let lines = ["One", "/file a.txt", "Two", "\x15/retry", "/retry", "Three"];
    let screen = typed(at_prompt(&server, &home, &[]), &lines);
    assert!(screen.contains("> Two"), "{screen}");
    assert_eq!(messages(&server, 1), messages(&server, 2));
    assert_eq!(
        messages(&server, 2),
        messages(&server, 3),
        "once it is answered, it is the last one of the conversation"
    );
    assert_eq!(
        (said(&server, 1)[1]["text"].as_str(), said(&server, 4)),
        (Some("Two"), "Three".into())
    );
}

#[test]
fn a_message_that_failed_is_not_the_last_one_of_another_conversation() {
    let (server, home) = (refusing(1), Home::new());
    typed(
        at_prompt(&server, &home, &["--session", "a"]),
        &["One", "/new", "Two", "\x15/resume a", "/retry"],
    );
    assert_eq!(messages(&server, 2), messages(&server, 0));
}

#[test]
fn a_changed_message_that_failed_still_takes_the_place_of_the_old_one() {
    for args in [&[][..], &["-n"]] {
        let (server, home) = (refusing(2), home_with_files());
        let run = chat(&server).home(&home).env("EDITOR", "echo changed >>");
        let terminal = run.args(args).on_terminal(80, 24);
        wait_for_prompt(&terminal, 1);
        typed(
            terminal,
            &["One", "/file a.txt", "Two", "/edit", "", "Three"],
        );
        let changed = messages(&server, 2);
        assert_eq!(changed.as_array().unwrap().len(), 3, "{args:?}");
        assert_eq!(changed[2]["content"][1]["text"], "Twochanged", "{args:?}");
        assert_eq!(messages(&server, 3), changed, "{args:?}");
        assert_eq!(
            messages(&server, 4).as_array().unwrap()[..3],
            changed.as_array().unwrap()[..],
            "{args:?}"
        );
    }
}

#[test]
fn a_message_that_the_model_refused_is_the_last_one() {
    let refused = Stream::new().start().text_block(["No."]).stop("refusal");
    let refused = refused.to_string();
    for args in [&[][..], &["-n"]] {
        let refused = refused.clone();
        let server = Server::start(move |_, nth| match nth {
            1 | 3 => Reply::sse(&refused),
            _ => Reply::sse(answer(&[&format!("answer {nth}")])),
        });
        let home = home_with_files();
        let lines = [
            "One",
            "/file a.txt",
            "Bad",
            "/retry",
            "Worse",
            "/undo",
            "/retry",
        ];
        let screen = typed(at_prompt(&server, &home, args), &lines);
        assert!(screen.contains("removed: Worse"), "{screen}");
        assert_eq!(messages(&server, 1), messages(&server, 2), "{args:?}");
        assert_eq!(
            messages(&server, 4),
            messages(&server, 2),
            "the refused message is taken back, and none else"
        );
    }
}

#[test]
fn nothing_is_taken_back_in_a_conversation_that_was_removed() {
    let (server, home) = (answering("ok"), Home::new());
    let terminal = at_prompt(&server, &home, &["--session", "a", "One"]);
    let session = |words: &[&str]| {
        let run = Langdock::new().home(&home).args(["session"]);
        run.args(words).run()
    };
    session(&["rm", "a"]).code(0);
    let screen = typed(terminal, &["/undo", "/rename b"]);
    assert_eq!(screen.matches("no conversation `a`").count(), 2, "{screen}");
    let list = session(&["list", "--json"]);
    assert_eq!(list.code(0).stdout_json(), json!([]));
    assert!(
        fs::read_dir(home.data().join("sessions"))
            .unwrap()
            .all(|entry| entry.unwrap().path().extension().is_none())
    );
}

#[test]
fn what_can_be_read_only_once_is_offered_again_as_it_was_read() {
    let home = home_with_files();
    let pipes = ["one", "two"].map(|name| home.work().join(name));
    let writers = pipes.clone().map(|pipe| {
        mkfifo(&pipe, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        thread::spawn(move || fs::write(pipe, "from a pipe").unwrap())
    });
    let server = Server::start(|_, nth| match nth {
        0 | 2 => Reply::json(400, &error("invalid_request_error", "Bad.")),
        _ => Reply::sse(answer(&["ok"])),
    });
    let args = ["-f", "one", "-a", "b.gif", "Explain"];
    let lines = ["", "/file two", "/attachments", "Compare", "", "More"];
    let screen = typed(at_prompt(&server, &home, &args), &lines);
    for writer in writers {
        writer.join().unwrap();
    }
    assert!(screen.contains("2 attachments"), "{screen}");
    assert!(screen.contains("1  two"), "{screen}");
    for (failed, again) in [(0, 1), (2, 3)] {
        let said_again = said(&server, again);
        assert_eq!(said_again, said(&server, failed));
        assert!(
            said_again.to_string().contains("from a pipe"),
            "{said_again}"
        );
    }
    assert_eq!(said(&server, 4), "More");
}

#[test]
fn what_cannot_be_saved_is_sent_with_what_is_said_next_and_saved_when_it_can_be() {
    let (server, home) = (answering("ok"), Home::new());
    let terminal = at_prompt(&server, &home, &["--session", "r", "One"]);
    wait_for_prompt(&terminal, 1);
    // A directory in place of the file keeps even root from writing it.
    let sessions = home.data().join("sessions");
    let file = sessions.join(format!("{}.jsonl", ids(&home).remove(0)));
    let aside = home.path().join("aside");
    fs::rename(&file, &aside).unwrap();
    fs::create_dir(&file).unwrap();
    let mut prompts = 1;
    let mut type_line = |line: &str| {
        prompts += 1;
        terminal.keys(line).keys(ENTER);
        wait_for_prompt(&terminal, prompts);
    };
    for line in ["Two", "Three", "/undo", "/retry", "Four"] {
        type_line(line);
    }
    fs::remove_dir(&file).unwrap();
    fs::rename(&aside, &file).unwrap();
    type_line("Five");
    let screen = leave(terminal).code(0).stdout_text();
    assert!(screen.contains("cannot save this conversation"), "{screen}");
    assert!(screen.contains("removed: Three"), "{screen}");
    let expected = ["One", "ok", "Two", "ok", "Four", "ok", "Five"];
    let sent = messages(&server, server.requests().len() - 1);
    let sent: Vec<_> = sent
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["content"])
        .collect();
    assert_eq!(sent, expected);
    let shown = crate::session::shown(&home, "r");
    let turns = shown["turns"].as_array().unwrap().iter();
    let saved: Vec<_> = turns.map(|turn| &turn["content"][0]["text"]).collect();
    assert_eq!(
        saved,
        ["One", "ok", "Two", "ok", "Four", "ok", "Five", "ok"]
    );
    let journals = fs::read_dir(sessions.join("journals")).unwrap();
    assert_eq!(journals.count(), 0);
}

#[test]
fn lines_of_a_chat_that_cannot_be_saved_are_a_conversation() {
    let (server, home) = (answering("ok"), Home::new());
    fs::create_dir_all(home.data().parent().unwrap()).unwrap();
    fs::write(home.data(), "in the way").unwrap();
    for (nth, args) in [&["--session", "r"][..], &[]].into_iter().enumerate() {
        let run = chat(&server)
            .home(&home)
            .args(args)
            .stdin_bytes("One\nTwo\n");
        run.run()
            .code(0)
            .stderr_contains("cannot save this conversation");
        let sent = messages(&server, 2 * nth + 1);
        assert_eq!(sent[0]["content"], "One", "{sent:#}");
        assert_eq!(sent[2]["content"], "Two", "{sent:#}");
    }
}
