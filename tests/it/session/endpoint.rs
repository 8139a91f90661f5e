//! A conversation is continued where its last turn went: its endpoint, region and model are kept
//! unless the command line overrides them.

use std::fs;

use serde_json::{Value, json};

use super::{said, saying};
use crate::chat::{ENTER, at_prompt, leave, wait_for_prompt};
use crate::support::{command::Langdock, home::Home, sending::answering, server::Server};

/// Creates a home with the conversation `x`, started at this server with these flags.
fn begun(server: &Server, flags: &[&str]) -> Home {
    let home = Home::new();
    saying(server, &home, &["--session", "x", "-q", "question"])
        .args(flags)
        .run()
        .code(0);
    home
}

fn listed(home: &Home) -> Value {
    let outcome = Langdock::new()
        .home(home)
        .args(["session", "list", "--json"])
        .run();
    outcome.code(0).stdout_json()[0].clone()
}

#[test]
fn neither_a_variable_nor_the_config_file_sends_it_elsewhere() {
    let (first, second) = (answering("one"), answering("two"));
    let home = begun(&first, &[]);
    let outcome = saying(&second, &home, &["-c", "and?"]).run();
    outcome.code(0).stdout("one\n").stderr_contains(&format!(
        "continuing `x` at {}, region eu, where its last turn went",
        first.url().trim_start_matches("http://")
    ));
    assert_eq!(said(&first.requests()[1]), ["question", "one", "and?"]);
    assert_eq!(second.connections(), 0);

    home.write(
        "config/config.toml",
        format!("base_url = \"{}\"\nregion = \"us\"\n", second.base_url()),
    );
    for command in ["tool-run", "chat"] {
        let outcome = Langdock::new()
            .home(&home)
            .key()
            .args([command, "-c"])
            .stdin_bytes("more")
            .run();
        outcome.code(0).stdout_contains("one");
        assert_eq!(second.connections(), 0, "{outcome}");
    }
    assert!(
        first
            .requests()
            .iter()
            .all(|request| request.path.contains("/anthropic/eu/"))
    );
}

#[test]
fn a_flag_sends_it_elsewhere_and_says_what_goes_there() {
    let (first, second) = (answering("one"), answering("two"));
    let home = begun(&first, &[]);
    let outcome = saying(&first, &home, &["-c", "and?", "--region", "us"]).run();
    outcome
        .code(0)
        .stderr_contains("2 turns of `x` that went to");
    outcome.stderr_contains("(region eu) will now also be sent to");
    assert!(first.requests()[1].path.contains("/anthropic/us/"));
    let outcome = saying(&second, &home, &["-c", "then?"])
        .moved_to(&second)
        .run();
    outcome.code(0).stdout("two\n");
    outcome.stderr_contains("4 turns of `x` that went to");
    // It is saved from now on.
    let outcome = saying(&first, &home, &["-c", "last?"]).run();
    outcome.code(0).stdout("two\n");
    assert_eq!((first.requests().len(), second.requests().len()), (2, 2));
}

#[test]
fn the_model_that_was_requested_is_requested_again() {
    let server = answering("one");
    let home = begun(&server, &["-m", "claude-alias"]);
    let next = |args: &[&str]| {
        let outcome = Langdock::new()
            .home(&home)
            .key()
            .against(&server)
            .env("LANGDOCK_MODEL", "claude-of-the-environment")
            .args(["send", "-c"])
            .args(args)
            .stdin_bytes("and?")
            .run();
        outcome.code(0);
        server.requests().pop().unwrap().json()["model"].clone()
    };
    assert_eq!(next(&[]), "claude-alias");
    assert_eq!(next(&["-m", "claude-other"]), "claude-other");
    assert_eq!(next(&[]), "claude-other");
    assert_eq!(next(&["-n", "-m", "claude-third"]), "claude-third");
    assert_eq!(next(&[]), "claude-other");
}

#[test]
fn the_list_of_conversations_says_where_each_belongs() {
    let server = answering("one");
    let home = begun(&server, &["-m", "claude-alias", "--region", "us"]);
    let summary = listed(&home);
    assert_eq!(
        (&summary["model"], &summary["region"], &summary["endpoint"]),
        (
            &json!("claude-alias"),
            &json!("us"),
            &json!(format!("{}/anthropic/us", server.url()))
        )
    );
    let outcome = Langdock::new().home(&home).args(["session", "list"]).run();
    outcome.code(0).stdout_contains("  us  claude-alias  x");
}

#[test]
fn another_region_alone_keeps_the_host() {
    let (first, second) = (answering("one"), answering("two"));
    let base = format!("{}/b/{{region}}", first.url());
    let home = begun(&first, &["--base-url", &base, "--region", "us"]);
    let outcome = saying(&second, &home, &["-c", "--region", "eu", "and?"]).run();
    outcome.code(0).stdout("one\n").stderr_contains(&format!(
        "will now also be sent to {}, region eu",
        first.url().trim_start_matches("http://")
    ));
    let paths: Vec<_> = first
        .requests()
        .iter()
        .map(|request| request.path.clone())
        .collect();
    assert_eq!(paths, ["/b/us/v1/messages", "/b/eu/v1/messages"]);

    let home = begun(&first, &["--base-url", &first.url(), "--region", "us"]);
    let outcome = saying(&second, &home, &["-c", "--region", "eu", "and?"]).run();
    outcome
        .code(2)
        .stderr_contains("which does not name its region")
        .stderr_contains("--base-url as well");
    assert_eq!(second.connections(), 0);
}

#[test]
fn one_of_an_earlier_version_takes_the_endpoint_of_its_next_turn() {
    let (first, second) = (answering("one"), answering("two"));
    let home = begun(&first, &["-m", "claude-alias"]);
    let file = home.data().join(format!(
        "sessions/{}.jsonl",
        listed(&home)["id"].as_str().unwrap()
    ));
    let mut old = String::new();
    for line in fs::read_to_string(&file).unwrap().lines() {
        let mut record: Value = serde_json::from_str(line).unwrap();
        record.as_object_mut().unwrap().shift_remove("sent_to");
        old.push_str(&record.to_string());
        old.push('\n');
    }
    fs::write(&file, old).unwrap();
    let outcome = saying(&second, &home, &["-c", "and?"]).run();
    outcome.code(0).stdout("two\n").stderr_contains(&format!(
        "`x` was saved by an earlier version of langdock, without its endpoint; from now on it \
         is sent to {}, region eu",
        second.url().trim_start_matches("http://")
    ));
    let outcome = saying(&first, &home, &["-c", "then?"]).run();
    outcome
        .code(0)
        .stdout("two\n")
        .stderr_lacks("earlier version");
    assert_eq!((first.requests().len(), second.requests().len()), (1, 2));
}

#[test]
fn another_region_is_confirmed_before_what_was_said_goes_there() {
    let (server, home) = (answering("one"), Home::new());
    let terminal = at_prompt(&server, &home, &[]);
    terminal.keys("/region us").keys(ENTER);
    wait_for_prompt(&terminal, 2);
    terminal.keys("Hi").keys(ENTER);
    wait_for_prompt(&terminal, 3);
    terminal
        .keys("/region eu")
        .keys(ENTER)
        .wait_for("send the whole conversation to region eu? [y/N]")
        .keys("n")
        .keys(ENTER);
    wait_for_prompt(&terminal, 4);
    terminal.keys("Ho").keys(ENTER);
    wait_for_prompt(&terminal, 5);
    leave(terminal)
        .code(0)
        .stdout_contains("the region stays as it is");
    let paths: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request.path.clone())
        .collect();
    assert!(
        paths.iter().all(|path| path.contains("/anthropic/us/")) && paths.len() == 2,
        "{paths:?}"
    );
}
