//! Input and attachments that are not sent yet, or were sent and got no answer.

use super::{at_prompt, commands::typed, messages, said};
use crate::support::{
    events::{answer, error},
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
