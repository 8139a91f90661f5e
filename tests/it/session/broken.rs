//! Files that are not conversations or cannot be used: the message says what is wrong and what to
//! do.

use std::fs;

use super::{ids, saying, shown};
use crate::support::{command::Langdock, home::Home, sending::answering};

/// Creates a home with the conversation `x`; returns it and the conversation's id.
fn home() -> (Home, String) {
    let (server, home) = (answering("ok"), Home::new());
    saying(&server, &home, &["--session", "x", "-q", "Hi"])
        .run()
        .code(0);
    let id = ids(&home).remove(0);
    (home, id)
}

#[test]
fn a_file_that_is_no_conversation_is_named_with_what_shows_it() {
    let (home, id) = home();
    let path = home.data().join(format!("sessions/{id}.jsonl"));
    let whole = fs::read(&path).unwrap();
    let show = || {
        Langdock::new()
            .home(&home)
            .args(["session", "show", "x"])
            .run()
    };
    let hint = format!("`head -c 300 {}` shows what it is", path.display());
    for content in ["{\"type\":\"turn\"}\n", "[1]\n", "notes\n"] {
        fs::write(&path, content).unwrap();
        show()
            .stdout("")
            .failed(1, "is not a saved conversation", &hint);
    }
    let newer = String::from_utf8(whole)
        .unwrap()
        .replace("\"version\":1", "\"version\":2");
    fs::write(&path, newer).unwrap();
    show().stdout("").failed(
        1,
        "has version 2 of the format",
        "install a newer version of langdock",
    );
}

#[test]
fn a_file_or_directory_that_cannot_be_used_is_named_with_what_shows_it() {
    let (home, id) = home();
    let path = shown(&home, "x")["path"].as_str().unwrap().to_owned();
    fs::remove_file(home.data().join("sessions/names/x.jsonl")).unwrap();
    let names = home.data().join("sessions/names");
    fs::remove_dir(&names).unwrap();
    fs::write(&names, "in the way").unwrap();
    let outcome = Langdock::new()
        .home(&home)
        .args(["session", "rename", &id, "y"])
        .run();
    let hint = format!("`ls -ld {}` shows", home.data().join("sessions").display());
    outcome.stdout("").failed(1, "cannot write", &hint);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let outcome = Langdock::new()
        .home(&home)
        .args(["session", "show", &id])
        .run();
    outcome.stdout("").failed(
        1,
        &format!("cannot read `{path}`"),
        &format!("`ls -ld {path}` shows"),
    );
}
