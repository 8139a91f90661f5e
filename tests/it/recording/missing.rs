//! Requests that a record has not: told with the nearest one, or sent and added.

use std::fs;

use serde_json::Value;

use super::{RECORD, Recorded, exchanges};
use crate::support::{
    command::{KEY, Langdock},
    events::{MODEL, answer},
    home::Home,
    reply::Reply,
    sending::{answering, send},
    server::Server,
};

fn ask(prompt: &str) -> Langdock {
    Langdock::new()
        .env("LANGDOCK_MODEL", MODEL)
        .args(["send", prompt])
}

#[test]
fn a_missing_request_ends_with_3_and_names_the_nearest_with_the_difference() {
    let server = answering("ok");
    let recorded = Recorded::against(&server, |_| ask("What is 2+2?"));
    let again = send(&server).home(&recorded.home);
    again
        .args(["Who was Ada?", "--record", RECORD])
        .run()
        .code(0);
    drop(server);
    let (home, outcome) = recorded.replay(|_| ask("What is 3+3?"), &["--json"]);
    let failure = outcome.failure(3);
    let expected =
        "(line 2) differs: messages[0].content[0].text was \"What is 2+2?\", now \"What is 3+3?\"";
    assert!(failure.message.ends_with(expected), "{failure:?}");
    let hint = format!("add --record {} to send", recorded.path().display());
    assert!(failure.hint.starts_with(&hint), "{failure:?}");
    assert_eq!(failure.object["error"]["kind"], "invalid_request");
    assert_eq!(failure.object["error"]["status"], Value::Null);
    assert!(!home.state().exists());

    let flags = ["--region", "us"];
    let (_, outcome) = recorded.replay(|_| ask("What is 2+2?"), &flags);
    outcome.failed(3, "region was \"eu\", now \"us\"", "--record");
}

#[test]
fn cache_marks_and_the_user_id_make_no_difference() {
    let server = answering("ok");
    let recorded = Recorded::against(&server, |_| ask("Hi"));
    drop(server);
    let (_, outcome) = recorded.replay(|_| ask("Hi"), &["--user-id", "somebody"]);
    outcome.code(0).stdout("ok\n").stderr_empty();
    let (_, outcome) = recorded.replay(|_| ask("Hi"), &["--temperature", "0.5"]);
    outcome.failed(3, "temperature was nothing, now 0.5", "--record");
}

#[test]
fn items_of_a_batch_fail_one_by_one() {
    let server = Server::start(|_, _| Reply::sse(answer(&["ok"])));
    let items = |items: &'static str| {
        move |home: &Home| {
            home.write("work/items", items);
            let batch = Langdock::new().env("LANGDOCK_MODEL", MODEL);
            batch.args(["batch", "About {text}", "-i", "items"])
        }
    };
    let recorded = Recorded::against(&server, items("a\nb\n"));
    drop(server);
    let (_, outcome) = recorded.replay(items("a\nc\nb\n"), &[]);
    outcome.code(11);
    let records: Vec<Value> = outcome
        .stdout_text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(records[0]["text"], "ok");
    assert_eq!(records[1]["error"]["exit_code"], 3);
    assert_eq!(records[2]["text"], "ok");
}

#[test]
fn with_record_too_what_is_missing_is_sent_and_added() {
    let server = Server::start(|request, _| {
        let asked = request.json()["messages"][0]["content"].clone();
        Reply::sse(answer(&[asked.as_str().unwrap_or_default()]))
    });
    let home = Home::new();
    let run = |prompt: &str, flags: &[&str]| {
        let run = send(&server).home(&home).args([prompt]).args(flags).run();
        run.code(0).stdout(format!("{prompt}\n"));
    };
    run("One", &["--record", RECORD]);
    let both = ["--replay", RECORD, "--record", RECORD];
    run("One", &both);
    assert_eq!(server.requests().len(), 1, "it is in the record");
    run("Two", &both);
    assert_eq!(server.requests().len(), 2);
    assert_eq!(
        server.requests()[1].header("authorization"),
        Some(format!("Bearer {KEY}").as_str())
    );
    run("Two", &["--replay", RECORD]);
    assert_eq!(server.requests().len(), 2);
    let path = home.work().join(RECORD);
    assert_eq!(exchanges(&path).len(), 2);
    // What was sent is in the usage log, what the record answered is not.
    let log = fs::read_to_string(home.state().join("usage.jsonl")).unwrap();
    assert_eq!(log.lines().count(), 2, "{log}");

    // Another file gets only what the first one lacks.
    run("Three", &["--replay", RECORD, "--record", "more.jsonl"]);
    assert_eq!(exchanges(&path).len(), 2);
    assert_eq!(exchanges(&home.work().join("more.jsonl")).len(), 1);
}

#[test]
fn conversations_are_stored_with_those_of_the_demo() {
    let server = answering("ok");
    let begin = |_: &Home| ask("Hi").args(["--session", "trial"]);
    let recorded = Recorded::against(&server, begin);
    drop(server);
    let (home, outcome) = recorded.replay(begin, &[]);
    outcome.code(0);
    let list = |args: &[&str]| Langdock::new().home(&home).args(args).run();
    list(&["session", "list"]).stdout("");
    list(&["--demo", "session", "list"])
        .code(0)
        .stdout_contains("trial");
}

#[test]
fn neither_a_key_nor_the_command_that_prints_it_is_needed() {
    let server = answering("ok");
    let recorded = Recorded::against(&server, |_| ask("Hi"));
    drop(server);
    let (home, outcome) = recorded.replay(
        |home| {
            let config = format!(
                "api_key_cmd = [\"sh\", \"-c\", \"touch {}; echo sk-ld-from-a-command\"]\n",
                home.path().join("was-run").display()
            );
            fs::create_dir_all(home.config()).unwrap();
            fs::write(home.config().join("config.toml"), config).unwrap();
            ask("Hi")
        },
        &[],
    );
    outcome.code(0).stdout("ok\n").stderr_empty();
    assert!(!home.path().join("was-run").exists());
}

#[test]
fn flags_that_contradict_each_other_are_refused() {
    let run = |args: &[&str]| Langdock::new().args(args).run();
    run(&["send", "Hi", "--demo", "--replay", "r"]).failed(
        2,
        "'--demo' cannot be used with '--replay <FILE>'",
        "leave out one",
    );
    run(&["--replay-pace", "real", "send", "Hi"]).failed(
        2,
        "--replay-pace needs --replay",
        "--replay FILE",
    );
    run(&["send", "Hi", "--replay", "r", "--replay-pace", "slow"]).failed(2, "slow", "--help");
}
