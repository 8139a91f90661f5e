//! Conversations written by an earlier version are read completely and continued.

use std::{fs, os::unix::fs::symlink, path::Path};

use serde_json::Value;

use super::{ids, lines, said, shown};
use crate::support::{
    command::Langdock, events::MODEL, home::Home, outcome::Outcome, sending::answering,
    server::Server,
};
use crate::tools::toml;

/// Each conversation, the command that continues it, and its number of turns.
const CONVERSATIONS: [(&str, &str, usize); 6] = [
    ("tools", "tool-run", 10),
    ("broken", "tool-run", 2),
    ("cut-in-thinking", "send", 4),
    ("pictures", "send", 2),
    ("torn", "send", 3),
    ("killed", "send", 2),
];

fn directory() -> &'static Path {
    Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/it/session/earlier"
    ))
}

/// Copies a directory recursively.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, to) = entry
            .map(|entry| (entry.path(), to.join(entry.file_name())))
            .unwrap();
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(path, to).unwrap();
        }
    }
}

/// Creates a home whose only conversation is the one of this name, as the earlier version wrote it.
fn home_with(name: &str) -> Home {
    let home = Home::new();
    let sessions = home.data().join("sessions");
    copy(&directory().join(name), &sessions);
    let conversation = fs::read_dir(&sessions)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| {
            path.extension()
                .is_some_and(|extension| extension == "jsonl")
        })
        .unwrap();
    let link = sessions.join("names").join(format!("{name}.jsonl"));
    fs::create_dir(sessions.join("names")).unwrap();
    symlink(
        Path::new("..").join(conversation.file_name().unwrap()),
        link,
    )
    .unwrap();
    for tool in ["weather", "fail", "map"] {
        home.write(format!("work/{tool}.toml"), toml(tool, "true", ""));
    }
    home
}

/// Asks a question in the conversation.
fn ask(server: &Server, home: &Home, command: &str, name: &str, question: &str) -> Outcome {
    let tools = [
        "-T",
        "./weather.toml",
        "-T",
        "./fail.toml",
        "-T",
        "./map.toml",
    ];
    Langdock::new()
        .key()
        .against(server)
        .home(home)
        .env("LANGDOCK_MODEL", MODEL)
        // What is compared was said before there were cache marks.
        .args([command, "--cache", "off", "--session", name, question])
        .args(tools.iter().filter(|_| command == "tool-run"))
        .run()
}

#[test]
fn a_conversation_of_an_earlier_version_is_sent_with_all_that_was_said() {
    for (name, command, _) in CONVERSATIONS {
        let (server, home) = (answering("ok"), home_with(name));
        let outcome = ask(&server, &home, command, name, "Next");
        outcome.code(0).stdout("ok\n").stderr_contains(
            "was saved by an earlier version of langdock, without its endpoint; from now on",
        );
        match name {
            "torn" => outcome.stderr_contains("is incomplete; skipping it"),
            "killed" => {
                outcome.stderr_contains("recovered a partial answer that had not been saved")
            }
            _ => {
                assert_eq!(outcome.stderr.lines().count(), 1, "{outcome}");
                &outcome
            }
        };
        let golden = fs::read(directory().join(format!("{name}.json"))).unwrap();
        let expected: Value = serde_json::from_slice(&golden).unwrap();
        let body = server.only_request().json();
        assert_eq!(body["system"], expected["system"], "{name}");
        assert_eq!(body["messages"], expected["messages"], "{name}");
    }
}

#[test]
fn a_conversation_of_an_earlier_version_grows_by_what_is_said_now() {
    for (name, command, _) in CONVERSATIONS {
        let (server, home) = (answering("ok"), home_with(name));
        ask(&server, &home, command, name, "Next").code(0);
        ask(&server, &home, command, name, "And then?")
            .code(0)
            .stdout("ok\n")
            .stderr_empty();
        let [next, then] = server.requests().try_into().unwrap();
        let (next, then) = (said(&next), said(&then));
        assert_eq!(then[..next.len()], next, "{name}");
        assert_eq!(then[next.len()..], ["ok", "And then?"], "{name}");
        // Every line of the file is complete.
        assert_eq!(lines(&home, name).last().unwrap()["type"], "turn");
        assert_eq!(ids(&home).len(), 1, "{name}");
    }
}

#[test]
fn a_conversation_of_an_earlier_version_is_listed_shown_and_found() {
    for (name, _, turns) in CONVERSATIONS {
        let home = home_with(name);
        let session = |args: &[&str]| {
            Langdock::new()
                .home(&home)
                .args(["session"])
                .args(args)
                .run()
        };
        let list = session(&["list", "--json"]).code(0).stdout_json();
        assert_eq!(list[0]["name"], name);
        let shown = shown(&home, name);
        assert_eq!(shown["turns"].as_array().unwrap().len(), turns, "{name}");
        let exported = session(&["export", name]);
        exported.code(0);
        let first = shown["turns"][0]["content"]
            .as_array()
            .unwrap()
            .last()
            .unwrap();
        exported.stdout_contains(first["text"].as_str().unwrap());
    }
    let home = home_with("tools");
    let found = Langdock::new()
        .home(&home)
        .args(["session", "search", "21 °C"])
        .run();
    found.code(0).stdout_contains("tools");
}
