//! The flags that only `batch` has or that differ there, and the flags of `merge`.

use std::fs;

use serde_json::{Value, json};

use super::Row;
use crate::batch::batch;
use crate::support::{
    command::Langdock, events::answer, gate::Gate, home::Home, outcome::Outcome, reply::Reply,
    sending::answering, server::Server,
};
use crate::tools::{calling, playing};

/// The flags.
pub(super) const ROWS: &[Row] = &[
    (&["batch"], "PATTERN", |_| pattern()),
    (&["batch"], "--input", |_| input()),
    (&["batch"], "--files", |_| files()),
    (&["batch"], "--output", |_| output()),
    (&["batch"], "--jobs", |_| jobs()),
    (&["batch"], "--unordered", |_| unordered()),
    (&["batch"], "--retry-failed", |_| retry_failed()),
    (&["batch"], "--shard", |_| shard()),
    (&["batch"], "--max-requests", |_| max_requests()),
    (&["batch"], "--max-total-tokens", |_| max_total_tokens()),
    (&["batch"], "--max-cost", |_| {
        crate::costs::batch_is_limited();
    }),
    (&["batch"], "--schema", |_| schema()),
    (&["batch"], "--schema-mode", |_| schema_mode()),
    (&["batch"], "--repair", |_| repair()),
    (&["batch"], "--no-stdin", |_| no_stdin()),
    (&["batch"], "--no-check", |_| no_check()),
    (&["merge"], "FILES", |_| merged_files()),
    (&["merge"], "--input", |_| merged_input()),
    (&["merge"], "--output", |_| merged_output()),
];

/// The schema of an object with a number.
const SCHEMA: &str =
    r#"{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}"#;

/// Returns the prompts of all requests, sorted.
fn asked(server: &Server) -> Vec<Value> {
    let mut asked: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request.json()["messages"][0]["content"].clone())
        .collect();
    asked.sort_by_key(Value::to_string);
    asked
}

fn pattern() {
    let server = answering("ok");
    batch(&server)
        .args(["{{{text}}}"])
        .stdin_bytes("a\nb\n")
        .run()
        .code(0)
        .stderr_empty();
    assert_eq!(asked(&server), ["{a}", "{b}"]);
    batch(&server)
        .args(["{text"])
        .stdin_bytes("a\n")
        .run()
        .code(2)
        .stdout("")
        .stderr_contains("write {{");
    batch(&server)
        .stdin_bytes("a\n")
        .run()
        .code(2)
        .stdout("")
        .stderr_contains("no template");
    let taken = batch(&server).args(["--files", "f/1.txt", "Q"]).run();
    taken.failed(
        2,
        "everything after --files is taken as files",
        "put the template first",
    );
    let same = batch(&server).args(["Joke!"]).stdin_bytes("a\nb\n").run();
    same.code(0).stderr_contains("every request is the same");
}

fn input() {
    let (server, home) = (answering("ok"), Home::new());
    home.write("work/in.txt", "from a file\n");
    batch(&server)
        .home(&home)
        .args(["{text}", "--input", "in.txt"])
        .run()
        .code(0)
        .stderr_empty();
    batch(&server)
        .args(["{text}", "-i", "-"])
        .stdin_bytes("from a pipe\n")
        .run()
        .code(0)
        .stderr_empty();
    assert_eq!(asked(&server), ["from a file", "from a pipe"]);
}

fn files() {
    let (server, home) = (answering("ok"), Home::new());
    home.write("work/a.txt", "A\n");
    home.write("work/b.gif", b"GIF89a\x01\0\x01\0\0\0\0;");
    let outcome = batch(&server)
        .home(&home)
        .args(["Say {path}", "--files", "a.txt", "b.gif"])
        .run();
    assert_eq!(
        outcome.code(0).stderr_empty().stdout_json_lines()[1]["id"],
        "b.gif"
    );
    let requests = server.requests();
    let content = requests
        .iter()
        .map(|request| request.json()["messages"][0]["content"].clone());
    let mut first: Vec<_> = content
        .map(|content| (content[0]["type"].clone(), content[1]["text"].clone()))
        .collect();
    first.sort_by_key(|(kind, _)| kind.to_string());
    assert_eq!(
        first,
        [
            (json!("image"), json!("Say b.gif")),
            (json!("text"), json!("Say a.txt"))
        ]
    );
    let server = answering("ok");
    batch(&server)
        .home(&home)
        .args(["Say {text}", "--files", "a.txt"])
        .run()
        .code(0)
        .stderr_empty();
    assert_eq!(asked(&server), ["Say A\n"]);
}

fn output() {
    let (server, home) = (answering("ok"), Home::new());
    for _ in 0..2 {
        let run = batch(&server)
            .home(&home)
            .args(["{text}", "--output", "out.jsonl"])
            .stdin_bytes("a\n");
        run.run().code(0).stdout("").stderr_empty();
    }
    assert_eq!(server.requests().len(), 1, "the second run finds it done");
}

fn jobs() {
    let (gate, lines) = (Gate::new(), "a\nb\nc\nd\ne\n");
    let held = gate.clone();
    let server = Server::start(move |_, _| Reply::sse(answer(&["ok"])).hold_head(&held));
    let running = batch(&server)
        .args(["{text}", "--jobs", "3"])
        .stdin_bytes(lines)
        .spawn();
    server.wait_for_requests(3);
    gate.open();
    running.finish().code(0);
    assert!(server.most_under_way() <= 3, "{}", server.most_under_way());
}

fn unordered() {
    let gate = Gate::new();
    let held = gate.clone();
    let server = Server::start(move |request, _| {
        let reply = Reply::sse(answer(&["ok"]));
        if request.text().contains("slow") {
            reply.hold_head(&held)
        } else {
            reply
        }
    });
    let running = batch(&server)
        .args(["{text}", "--unordered"])
        .stdin_bytes("slow\nfast\n")
        .spawn();
    running.wait_for_stdout("\"index\":1");
    gate.open();
    let outcome = running.finish();
    let places: Vec<_> = outcome
        .code(0)
        .stdout_json_lines()
        .iter()
        .map(|record| record["index"].clone())
        .collect();
    assert_eq!(places, [1, 0]);
}

fn retry_failed() {
    let home = Home::new();
    let server = Server::start(|_, number| match number {
        0 => Reply::status(400),
        _ => Reply::sse(answer(&["ok"])),
    });
    let run = |args: &[&str]| {
        batch(&server)
            .home(&home)
            .args(["{text}", "-o", "out.jsonl"])
            .args(args)
            .stdin_bytes("a\n")
            .run()
    };
    run(&[]).code(11);
    run(&[]).code(11);
    assert_eq!(server.requests().len(), 1);
    run(&["--retry-failed"]).code(0).stderr_empty();
    assert_eq!(server.requests().len(), 2);
    batch(&server)
        .args(["{text}", "--retry-failed"])
        .stdin_bytes("a\n")
        .run()
        .code(2)
        .stderr_contains("--output");
}

fn shard() {
    // Of three shards, `abc` is always in the first one and `Die Elbe` in the second.
    for (shard, expected) in [
        ("1/3", &["abc"][..]),
        ("2/3", &["Die Elbe"]),
        ("3/3", &[]),
        ("1/1", &["Die Elbe", "abc"]),
    ] {
        let server = answering("ok");
        let run = batch(&server).args(["{text}", "--shard", shard]);
        let outcome = run.stdin_bytes("Die Elbe\nabc\n").run();
        outcome.code(0).stderr_empty();
        assert_eq!(asked(&server), expected, "{shard}");
    }
    let refused = batch(&answering("ok"))
        .args(["{text}", "--shard", "4/3"])
        .stdin_bytes("a\n")
        .run();
    refused
        .code(2)
        .stdout("")
        .stderr_contains("must be I/N with I from 1 to N, `auto` or `auto/N`");
}

/// Returns a record for `merge`.
fn record(index: u64) -> String {
    format!(
        "{{\"index\":{index},\"id\":{},\"input_hash\":\"{index:032x}\",\"text\":\"t\",\"usage\":null}}\n",
        index + 1
    )
}

/// Merges the files `a` and `b`, which have the second and the first of two records.
fn merge(home: &Home, args: &[&str]) -> Outcome {
    home.write("work/a", record(1));
    home.write("work/b", record(0));
    home.write("work/in", "one\ntwo\nthree\n");
    let run = Langdock::new().home(home).args(["merge", "a", "b"]);
    run.args(args).run()
}

fn merged_files() {
    merge(&Home::new(), &[])
        .code(0)
        .stderr_empty()
        .stdout(record(0) + &record(1));
    Langdock::new().args(["merge"]).run().code(2).stdout("");
}

fn merged_input() {
    merge(&Home::new(), &["--input", "in"])
        .code(11)
        .stdout(record(0) + &record(1))
        .stderr_contains("`in`: 1 item has no record: line 3\n");
}

fn merged_output() {
    let home = Home::new();
    merge(&home, &["--output", "out"])
        .code(0)
        .stdout("")
        .stderr_empty();
    let written = fs::read_to_string(home.work().join("out")).unwrap();
    assert_eq!(written, record(0) + &record(1));
}

fn max_requests() {
    let server = answering("ok");
    let outcome = batch(&server)
        .args(["{text}", "--max-requests", "2"])
        .stdin_bytes("a\nb\nc\n")
        .run();
    outcome
        .code(13)
        .stderr_contains("the budget of 2 requests is used up; 2 items done");
    assert_eq!(
        (server.requests().len(), outcome.stdout_json_lines().len()),
        (2, 2)
    );
    let outcome = batch(&server)
        .args(["{text}", "--max-requests", "2"])
        .stdin_bytes("a\nb\n")
        .run();
    outcome.code(0).stderr_empty();
}

fn max_total_tokens() {
    let server = answering("ok");
    let outcome = batch(&server)
        .args(["{text}", "--max-total-tokens", "1"])
        .stdin_bytes("a\nb\nc\n")
        .run();
    outcome.code(13).stderr_contains("the budget of 1 token;");
    assert_eq!(
        (server.requests().len(), outcome.stdout_json_lines().len()),
        (1, 1)
    );
}

fn schema() {
    let server = playing(&[calling(&[("answer", json!({"n": 1}))])]);
    let outcome = batch(&server)
        .args(["{text}", "--schema", SCHEMA])
        .stdin_bytes("a\n")
        .run();
    assert_eq!(
        outcome.code(0).stderr_empty().stdout_json_lines()[0]["text"],
        "{\"n\":1}"
    );
    assert_eq!(server.only_request().json()["tool_choice"]["type"], "tool");
}

fn schema_mode() {
    let server = answering("{\"n\": 1}");
    let outcome = batch(&server)
        .args(["{text}", "--schema", SCHEMA, "--schema-mode", "prompt"])
        .stdin_bytes("a\n")
        .run();
    assert_eq!(
        outcome.code(0).stderr_empty().stdout_json_lines()[0]["text"],
        "{\"n\":1}"
    );
    assert_eq!(server.only_request().json().get("tools"), None);
}

fn repair() {
    for (args, requests) in [(&[][..], 3), (&["--repair", "0"][..], 1)] {
        let server = playing(&[calling(&[("answer", json!({}))])]);
        let outcome = batch(&server)
            .args(["{text}", "--schema", SCHEMA])
            .args(args)
            .stdin_bytes("a\n")
            .run();
        assert_eq!(
            outcome.code(11).stdout_json_lines()[0]["error"]["kind"],
            "schema"
        );
        assert_eq!(server.requests().len(), requests, "{args:?}");
    }
}

fn no_stdin() {
    let server = answering("ok");
    batch(&server)
        .args(["{text}"])
        .stdin_bytes("a\n")
        .run()
        .code(0);
    let outcome = batch(&server)
        .args(["{text}", "--no-stdin"])
        .stdin_bytes("a\n")
        .run();
    outcome.code(2).stdout("").stderr_contains("no items");
    assert_eq!(server.requests().len(), 1);
}

fn no_check() {
    let (server, text) = (answering("ok"), "x".repeat(21 * 1024 * 1024));
    let outcome = batch(&server)
        .args(["{text}"])
        .stdin_bytes(text.as_str())
        .run();
    assert_eq!(
        outcome.code(11).stdout_json_lines()[0]["error"]["kind"],
        "too_large"
    );
    assert_eq!(server.connections(), 0);
    batch(&server)
        .args(["{text}", "--no-check"])
        .stdin_bytes(text)
        .run()
        .code(0)
        .stderr_empty();
}
