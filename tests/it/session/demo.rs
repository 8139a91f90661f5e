//! `--demo` has its own conversations, and does not affect the real ones.

use std::{fs, path::Path};

use serde_json::Value;

use super::{ids, said, saying};
use crate::{
    chat::{ENTER, leave, wait_for_prompt},
    support::{
        command::Langdock, home::Home, outcome::Outcome, pty::Terminal, sending::answering,
        server::Server, serving::DEMO_MODEL,
    },
};

/// Runs `langdock --demo` in a home, with the test key and a model that the demo offers.
fn demo(home: &Home) -> Langdock {
    Langdock::new()
        .home(home)
        .key()
        .env("LANGDOCK_MODEL", DEMO_MODEL)
        .env("NO_COLOR", "1")
        .args(["--demo"])
}

/// Runs `langdock session`, optionally preceded by `--demo`.
fn session(home: &Home, is_demo: bool, args: &[&str]) -> Outcome {
    let before = if is_demo { &["--demo"][..] } else { &[] };
    Langdock::new()
        .home(home)
        .args(before)
        .args(["session"])
        .args(args)
        .run()
}

/// Returns the names and titles of the conversations, sorted by name.
#[track_caller]
fn titles(home: &Home, is_demo: bool) -> Vec<String> {
    let list = session(home, is_demo, &["list", "--json"]);
    let list = list.code(0).stderr_empty().stdout_json();
    let mut titles: Vec<String> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|summary| summary["title"].as_str().unwrap().to_owned())
        .collect();
    titles.sort();
    titles
}

/// Returns every file below a directory, as relative paths.
fn files_below(directory: &Path) -> Vec<String> {
    let (mut files, mut directories) = (vec![], vec![directory.to_owned()]);
    while let Some(next) = directories.pop() {
        for entry in fs::read_dir(next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                directories.push(path);
            } else {
                let below = path.strip_prefix(directory).unwrap();
                files.push(below.to_string_lossy().into_owned());
            }
        }
    }
    files.sort();
    files
}

#[test]
fn a_scripted_turn_is_never_sent_to_the_real_endpoint() {
    let (server, home) = (answering("ok"), Home::new());
    demo(&home)
        .args(["send", "--session", "notes", "scripted"])
        .run()
        .code(0);
    saying(&server, &home, &["-c", "real"])
        .run()
        .code(2)
        .stdout("")
        .stderr_contains("there are no conversations yet");
    assert_eq!(server.connections(), 0);
    saying(&server, &home, &["--session", "notes", "real"])
        .run()
        .code(0)
        .stderr_contains("starting a new conversation `notes`");
    saying(&server, &home, &["-c", "more"]).run().code(0);
    let requests = server.requests();
    assert_eq!(said(&requests[0]), ["real"]);
    assert_eq!(said(&requests[1]), ["real", "ok", "more"]);
}

#[test]
fn a_real_turn_is_never_taken_into_the_demo() {
    let (server, home) = (answering("ok"), Home::new());
    saying(&server, &home, &["--session", "notes", "real"])
        .run()
        .code(0);
    for command in ["send", "tool-run"] {
        demo(&home)
            .args([command, "-c", "scripted"])
            .run()
            .code(2)
            .stdout("")
            .stderr_contains("there are no conversations yet");
        demo(&home)
            .args([command, "--session", "notes", "--fork", "scripted"])
            .run()
            .code(2)
            .stdout("")
            .stderr_contains("no conversation `notes`");
    }
    demo(&home)
        .args(["chat", "-c"])
        .run()
        .code(2)
        .stderr_contains("there are no conversations yet");
    demo(&home)
        .args(["send", "-c", "scripted"])
        .env("LANGDOCK_SESSION", "notes")
        .run()
        .code(0)
        .stderr_contains("starting a new conversation `notes`");
    let shown = session(&home, false, &["show", "notes", "--json"]).stdout_json();
    assert_eq!(shown["turns"].as_array().unwrap().len(), 2, "{shown}");
}

#[test]
fn every_command_that_saves_keeps_the_demo_apart() {
    let home = Home::new();
    let tools = home.write(
        "work/t.toml",
        "[[tool]]\nname = \"look\"\ndescription = \"Looks.\"\nshell = \"echo sky\"\n[tool.input_schema]\ntype = \"object\"\n",
    );
    demo(&home)
        .args(["send", "--session", "sent", "Hi"])
        .run()
        .code(0);
    demo(&home)
        .args(["tool-run", "-y", "-T"])
        .args([&tools])
        .args(["--session", "run", "Use look on the sky"])
        .run()
        .code(0);
    demo(&home)
        .args(["chat", "--session", "talked"])
        .stdin_bytes("Hi\nHi again\n")
        .run()
        .code(0);
    demo(&home)
        .args(["batch", "Sum up: {text}"])
        .stdin_bytes("a\n")
        .run()
        .code(0);
    demo(&home).args(["models"]).run().code(0);
    assert_eq!(titles(&home, false), Vec::<String>::new());
    assert_eq!(titles(&home, true), ["run", "sent", "talked"]);
    let data = files_below(&home.data());
    assert!(
        data.iter().all(|file| file.starts_with("demo/sessions/")),
        "{data:?}"
    );
    assert_eq!(files_below(&home.state()), Vec::<String>::new());
    let usage = Langdock::new().home(&home).args(["usage", "--json"]).run();
    assert_eq!(
        usage.code(0).stdout_json()["total"]["requests"],
        0,
        "{usage}"
    );
}

#[test]
fn a_model_that_was_picked_and_what_was_learned_are_not_of_the_demo() {
    let home = Home::new();
    for _ in 0..4 {
        Langdock::new()
            .home(&home)
            .args(["--demo", "send", "-n"])
            .args(["words ".repeat(2000)])
            .run()
            .code(0);
    }
    assert_eq!(files_below(&home.state()), Vec::<String>::new());
    assert_eq!(files_below(&home.data()), Vec::<String>::new());
}

#[test]
fn session_lists_shows_and_changes_the_conversations_of_the_demo() {
    let (server, home) = (answering("ok"), Home::new());
    saying(&server, &home, &["--session", "notes", "real words"])
        .run()
        .code(0);
    demo(&home)
        .args(["send", "--session", "notes", "scripted words"])
        .run()
        .code(0);
    let real_id = ids(&home).remove(0);
    let demo_run = |args: &[&str]| {
        let outcome = session(&home, true, args);
        outcome.code(0).stderr_empty();
        outcome.stdout_text()
    };
    assert!(!demo_run(&["list"]).contains(&real_id));
    for args in [&["show", "notes"][..], &["export", "notes"], &["show"]] {
        let text = demo_run(args);
        assert!(
            text.contains("scripted words") && !text.contains("real words"),
            "{args:?}: {text}"
        );
    }
    assert!(demo_run(&["search", "words"]).contains("scripted words"));
    session(&home, true, &["search", "real"])
        .code(0)
        .stdout("")
        .stderr_contains("nothing found");
    let store = home.data().join("demo").join("sessions");
    assert_eq!(demo_run(&["path"]).trim_end(), store.to_string_lossy());
    assert!(demo_run(&["path", "notes"]).starts_with(&*store.to_string_lossy()));
    demo_run(&["rename", "notes", "trial"]);
    assert_eq!(
        (titles(&home, true), titles(&home, false)),
        (vec!["trial".to_owned()], vec!["notes".to_owned()])
    );
    for args in [
        &["session", "--demo", "list", "--json"][..],
        &["session", "list", "--demo", "--json"],
    ] {
        let list = Langdock::new().home(&home).args(args).run();
        let list: Value = list.code(0).stderr_empty().stdout_json();
        assert_eq!(list[0]["title"], "trial", "{args:?}");
    }
    session(&home, true, &["rm", "trial"]).code(0);
    assert_eq!(titles(&home, true), Vec::<String>::new());
    assert_eq!(titles(&home, false), ["notes"]);
    session(&home, true, &["list"])
        .code(0)
        .stderr_contains("`langdock --demo chat`");
    let mixed = Langdock::new()
        .home(&home)
        .args(["--region", "us", "--demo", "session", "list"])
        .run();
    mixed.code(0).stderr_contains("`langdock --demo chat`");
}

/// Starts `--demo chat` on a terminal, and waits for its prompt.
fn demo_chat(home: &Home) -> Terminal {
    let terminal = demo(home)
        .args(["chat", "--session", "first"])
        .on_terminal(100, 40);
    wait_for_prompt(&terminal, 1);
    terminal
}

/// Creates the real conversation `notes`.
fn with_real_notes() -> (Server, Home) {
    let (server, home) = (answering("ok"), Home::new());
    saying(&server, &home, &["--session", "notes", "real"])
        .run()
        .code(0);
    (server, home)
}

#[test]
fn the_prompt_of_a_demo_chat_knows_the_conversations_of_the_demo_alone() {
    let (_server, home) = with_real_notes();
    demo(&home)
        .args(["send", "--session", "notation", "scripted"])
        .run()
        .code(0);
    let terminal = demo_chat(&home);
    terminal
        .keys("/resume notes")
        .keys(ENTER)
        .wait_for("no conversation `notes`");
    wait_for_prompt(&terminal, 2);
    // The rejected line is offered again; Ctrl-U clears it. If `notes` were among the completions,
    // Tab would stop at `not`.
    terminal
        .keys("\x15/resume no\t")
        .wait_for("notation")
        .keys(ENTER);
    wait_for_prompt(&terminal, 3);
    terminal.keys("/fork copied").keys(ENTER);
    wait_for_prompt(&terminal, 4);
    terminal.keys("/new other").keys(ENTER);
    wait_for_prompt(&terminal, 5);
    terminal.keys("/sessions").keys(ENTER).wait_for("just now");
    wait_for_prompt(&terminal, 6);
    let outcome = leave(terminal);
    outcome.code(0);
    let listed = outcome.stdout_text();
    let listed = listed.rsplit("/sessions").next().unwrap();
    assert!(
        listed.contains("notation") && !listed.contains("notes"),
        "{outcome}"
    );
    assert_eq!(titles(&home, false), ["notes"]);
    // Those in which nothing was said are gone.
    assert_eq!(titles(&home, true), ["copied", "notation"]);
}

#[test]
fn what_is_typed_in_a_demo_chat_is_not_in_the_history_of_real_ones() {
    let (_server, home) = with_real_notes();
    let terminal = demo_chat(&home);
    terminal.keys("said to nobody").keys(ENTER);
    wait_for_prompt(&terminal, 2);
    leave(terminal).code(0);
    assert!(!home.state().join("history").exists());
    let history = fs::read_to_string(home.state().join("demo/history")).unwrap();
    assert!(history.contains("said to nobody"), "{history}");
}

#[test]
fn a_command_in_a_hint_is_about_the_same_conversations_and_profile() {
    let home = Home::new();
    home.write(
        home.config().join("config.toml"),
        "[profiles.p]\nmodel = 'm'\n",
    );
    let run = |args: &[&str]| Langdock::new().home(&home).args(args).run();
    for (args, hint) in [
        (
            &["--demo", "send", "-c", "Hi"][..],
            "start one with `langdock --demo chat`",
        ),
        (
            &["send", "-c", "--demo", "Hi"],
            "start one with `langdock --demo chat`",
        ),
        (&["send", "-c", "Hi"], "start one with `langdock chat`"),
        (
            &["session", "show", "x", "--demo"],
            "`langdock --demo session list` lists the conversations; those of --demo are stored \
             separately",
        ),
        (
            &["--profile", "p", "send", "-I", "Hi"],
            "store a key with `langdock --profile p auth login`",
        ),
        (
            &["--demo", "send", "-I", "--resume"],
            "`langdock --demo send -c` continues the last conversation",
        ),
        (
            &["--demo", "Hi there"],
            "to send a prompt: `langdock --demo send 'PROMPT'`",
        ),
    ] {
        run(args).stderr_contains(hint);
    }
}
