//! Titles of conversations, which name them as their ids do.

use crate::support::{command::Langdock, events::MODEL, home::Home, sending::answering};

#[test]
fn a_title_names_a_conversation_wherever_an_id_does() {
    let (server, home) = (answering("ok"), Home::new());
    let langdock = |args: &[&str]| {
        let langdock = Langdock::new().key().against(&server).home(&home);
        langdock.args(args).run()
    };
    let send = |args: &[&str]| langdock(&[&["send", "-I", "-m", MODEL], args].concat());
    let crane = ["tool-run", "-I", "-m", MODEL, "What is a crane?"];
    send(&["--session", "notes", "About birds"])
        .code(0)
        .stderr_contains("starting a new conversation `notes`");
    langdock(&crane).code(0);
    langdock(&["session", "show", "What is"])
        .code(0)
        .stdout_contains("What is a crane?");
    // What is deleted cannot be had again.
    langdock(&["session", "rm", "What is"])
        .code(2)
        .stderr_contains("no conversation `What is`");
    send(&["--session", "What is a crane?", "And now?"])
        .code(0)
        .stderr_contains("continuing `What is a crane?` (last used");
    let messages = server.requests()[2].json()["messages"].clone();
    assert_eq!(messages.as_array().unwrap().len(), 3, "{messages}");
    // A mere beginning could be meant as a name.
    send(&["--session", "What is", "Hello"])
        .code(0)
        .stderr_contains("starting a new conversation `What is`");
    langdock(&crane).code(0);
    send(&["--session", "What is a crane?", "Which?"])
        .code(2)
        .stderr_contains("`What is a crane?` matches several conversations: ")
        .stderr_contains("hint: name one of them by its id");
    langdock(&["session", "rm", "About birds"]).code(2);
    langdock(&["session", "rm", "notes"]).code(0);
}
