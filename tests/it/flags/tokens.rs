//! The flags of `count`, which takes the input of `send`, of `usage` and the tag that it groups by,
//! of `doctor` and of `help`.

use serde_json::Value;

use super::{Row, asking};
use crate::pictures::picture;
use crate::{
    secret_guard::github_token,
    support::{command::Langdock, home::Home, sending::answering},
    tokens::{log_of, part, total},
};

/// The flags about tokens.
pub(super) const ROWS: &[Row] = &[
    (&["count"], "PROMPT", |_| prompt()),
    (&["count"], "--model", |_| {
        assert_eq!(
            counted(&["-m", "claude-3-haiku-20240307", "Hi"])["window"],
            200_000
        );
    }),
    (&["count"], "--system", |_| {
        assert!(
            part(
                &counted(&["-s", "Be very brief.", "Hi"]),
                "the system prompt"
            ) >= 3
        );
    }),
    (&["count"], "--max-tokens", |_| {
        assert_eq!(counted(&["--max-tokens", "7", "Hi"])["max_tokens"], 7);
    }),
    (&["count"], "--temperature", |_| {
        is_taken("--temperature", "0.5", Some("2"));
    }),
    (&["count"], "--top-p", |_| {
        is_taken("--top-p", "0.5", Some("2"));
    }),
    (&["count"], "--top-k", |_| {
        is_taken("--top-k", "5", Some("0"));
    }),
    (&["count"], "--stop", |_| {
        is_taken("--stop", "END", Some(" "));
    }),
    (&["count"], "--user-id", |_| {
        is_taken("--user-id", "u-1", None);
    }),
    (&["count"], "--thinking", |_| {
        is_taken("--thinking", "auto", Some("0"));
    }),
    (&["count"], "--effort", |_| {
        is_taken("--effort", "high", Some("most"));
    }),
    (&["count"], "--cache", |_| {
        Langdock::new()
            .args(["count", "Hi", "--cache", "2m"])
            .run()
            .code(2)
            .stdout("")
            .stderr_contains("must be one of `auto`, `off`, `5m`, `1h`");
        assert_eq!(counted(&["--cache", "5m", "Hi"]), counted(&["Hi"]));
    }),
    (&["count"], "--set", |_| {
        let tools = r#"tools=[{"name":"look","input_schema":{"type":"object"}}]"#;
        assert!(part(&counted(&["--set", tools, "Hi"]), "the tools") > 150);
    }),
    (&["count"], "--prefill", |_| {
        assert!(part(&counted(&["--prefill", "It is so", "Hi"]), "the prefill") >= 3);
    }),
    (&["count"], "--file", |_| {
        assert!(part(&counted(&["-f", "words.txt", "Hi"]), "`words.txt`") >= 40);
    }),
    (&["count"], "--files-from", |_| {
        let table = counted(&["--files-from", "list", "Hi"]);
        assert!(part(&table, "`words.txt`") >= 40);
    }),
    (&["count"], "--exclude", |_| {
        let table = counted_with(
            &["-f", ".", "--exclude", "*.json", "Hi"],
            "langdock: `.`: 3 text files, 237 bytes; skipped 2 other files\n",
        );
        assert!(part(&table, "`./words.txt`") >= 40);
        assert!(!table.to_string().contains("turns.json"), "{table}");
    }),
    (&["count"], "--attach", |_| {
        assert_eq!(part(&counted(&["-a", "dot.gif", "Hi"]), "`dot.gif`"), 1);
    }),
    (&["count"], "--image-size", |_| {
        let table = counted_with(
            &["-a", "wide.png", "--image-size", "28", "Hi"],
            "langdock: `wide.png` was scaled down from 280 × 28 pixels to 28 × 3 pixels\n",
        );
        assert_eq!(part(&table, "`wide.png`"), 1);
    }),
    (&["count"], "--messages", |_| {
        assert!(
            part(
                &counted(&["--messages", "turns.json", "Hi"]),
                "the earlier turns"
            ) >= 8
        );
    }),
    (&["count"], "--no-stdin", |_| no_stdin()),
    (&["count"], "--edit", |_| {
        let outcome = Langdock::new().args(["count", "--edit", "Hi"]).run();
        outcome
            .code(2)
            .stdout("")
            .stderr_contains("--edit needs a terminal");
    }),
    (&["count"], "--template", |_| {
        assert!(part(&counted(&["-t", "./t.md", "-p", "x=1", "Hi"]), "the prompt") >= 4);
    }),
    (&["count"], "--param", |_| {
        let long = format!("x={}", "word ".repeat(100));
        assert!(part(&counted(&["-t", "./t.md", "-p", &long, "Hi"]), "the prompt") >= 100);
    }),
    (&["count"], "--secrets", |_| secrets()),
    (&["count"], "--no-check", |_| no_check()),
    (&["count"], "--json", |_| {
        let outcome = Langdock::new().args(["count", "Hi"]).run();
        outcome
            .code(0)
            .stderr_empty()
            .stdout_contains("total")
            .stdout_contains("≈");
        assert!(total(&counted(&["Hi"])) > 0);
    }),
    (&["usage"], "--by", |_| by()),
    (&["usage"], "--since", |_| since()),
    (&["usage"], "--json", |_| json()),
    (&["usage"], "--limits", |_| {
        let outcome = Langdock::new().key().args(["usage", "--limits"]).run();
        outcome
            .code(0)
            .stdout("")
            .stderr("langdock: no ledger yet\n");
        let other = Langdock::new().args(["--profile", "nope", "usage", "--limits"]);
        other
            .run()
            .failed(2, "no profile `nope`", "[profiles.work]");
        let both = Langdock::new().args(["usage", "--limits", "--since", "7d"]);
        both.run().code(2).stderr_contains("--since");
    }),
    (&["send", "tool-run", "batch"], "--tag", tag),
    (&["doctor"], "--json", |_| {
        let outcome = Langdock::new().args(["--demo", "doctor", "--json"]).run();
        assert_eq!(outcome.code(0).stdout_json()["healthy"], true);
    }),
    (&["help"], "TOPIC", |_| {
        let outcome = Langdock::new().args(["help", "regions"]).run();
        outcome.code(0).stderr_empty().stdout_contains("global");
    }),
];

/// Returns the output of `count --json` in a directory with some files.
#[track_caller]
fn counted(args: &[&str]) -> Value {
    counted_with(args, "")
}

#[track_caller]
fn counted_with(args: &[&str], notices: &str) -> Value {
    let home = Home::new();
    home.write("work/words.txt", "word ".repeat(40));
    home.write("work/dot.gif", b"GIF89a\x01\0\x01\0\0\0\0;");
    home.write("work/wide.png", picture(280, 28));
    home.write("work/t.md", "Say {{x}} of {{prompt}} now");
    home.write("work/list", "words.txt\n");
    let turns = r#"[{"role":"user","content":"What?"},{"role":"assistant","content":"That."}]"#;
    home.write("work/turns.json", turns);
    let outcome = Langdock::new()
        .home(&home)
        .args(["count", "--json"])
        .args(args)
        .run();
    outcome.code(0).stderr(notices).stdout_json()
}

fn secrets() {
    let home = Home::new();
    home.write("work/a.txt", github_token());
    let run = |mode: &str| {
        let args = ["count", "-f", "a.txt", "--secrets", mode, "Hi"];
        Langdock::new().home(&home).args(args).run()
    };
    run("refuse").code(2).stdout("").stderr_contains("`a.txt`");
    run("mask").code(0).stderr_contains("masked 1 secret");
    run("send").code(0).stderr_empty();
    run("maybe")
        .code(2)
        .stderr_contains("must be one of `refuse`, `mask`, `send`");
}

fn prompt() {
    assert!(total(&counted(&["a", "b", "c", "--", "-d"])) > total(&counted(&["a"])));
    Langdock::new()
        .args(["count"])
        .run()
        .code(2)
        .stdout("")
        .stderr_contains("error: no prompt\n");
}

/// Shows that `count` accepts a command line of `send` unchanged and refuses what `send` would, and
/// that the flag adds no tokens.
#[track_caller]
fn is_taken(flag: &str, value: &str, bad: Option<&str>) {
    assert_eq!(counted(&[flag, value, "Hi"]), counted(&["Hi"]));
    if let Some(bad) = bad {
        Langdock::new()
            .args(["count", flag, bad, "Hi"])
            .run()
            .code(2)
            .stdout("")
            .stderr_contains(flag);
    }
}

fn no_stdin() {
    let run = |args: &[&str]| {
        Langdock::new()
            .stdin_bytes("some words")
            .args(["count", "Hi"])
            .args(args)
            .run()
    };
    run(&[]).code(0).stdout_contains("standard input");
    assert!(
        !run(&["--no-stdin"])
            .stdout_text()
            .contains("standard input")
    );
}

fn no_check() {
    let text = "word ".repeat(200_001);
    let run = || {
        Langdock::new()
            .stdin_bytes(text.clone())
            .args(["count", "-m", "claude-3-haiku-20240307"])
    };
    run()
        .run()
        .code(13)
        .stdout_contains("total")
        .stderr_contains("context window of");
    run()
        .args(["--no-check"])
        .run()
        .code(0)
        .stdout_contains("total")
        .stderr_empty();
}

fn by() {
    let (home, server) = (Home::new(), answering("ok"));
    for tag in ["a", "b", "b"] {
        asking("send", &server)
            .home(&home)
            .args(["Hi", "--tag", tag])
            .run()
            .code(0);
    }
    let rows = |by: &str| {
        let outcome = Langdock::new()
            .home(&home)
            .args(["usage", "--json", "--by", by])
            .run();
        outcome.code(0).stderr_empty().stdout_json()["rows"].clone()
    };
    assert_eq!(
        (
            rows("tag")[0]["tag"].clone(),
            rows("tag")[1]["requests"].clone()
        ),
        ("a".into(), 2.into())
    );
    assert_eq!(
        (
            rows("command")[0]["command"].clone(),
            rows("command")[0]["requests"].clone()
        ),
        ("send".into(), 3.into())
    );
    assert_eq!(rows("model").as_array().map(Vec::len), Some(1));
    assert_eq!(
        rows("day")[0]["day"].as_str().map(str::len),
        Some("2026-11-22".len())
    );
    Langdock::new()
        .args(["usage", "--by", "modle"])
        .run()
        .code(2)
        .stderr_contains("'model'");
}

fn since() {
    let home = Home::new();
    let line = |at: &str| format!(r#"{{"at":"{at}","model":"m","outcome":"complete"}}"#) + "\n";
    std::fs::create_dir_all(home.state()).unwrap();
    let log = line("2001-01-01T00:00:00Z") + &line("2999-01-01T00:00:00Z");
    std::fs::write(home.state().join("usage.jsonl"), log).unwrap();
    let requests = |args: &[&str]| {
        let outcome = Langdock::new()
            .home(&home)
            .args(["usage", "--json"])
            .args(args)
            .run();
        outcome.code(0).stderr_empty().stdout_json()["total"]["requests"].clone()
    };
    assert_eq!(
        (
            requests(&[]),
            requests(&["--since", "7d"]),
            requests(&["--since", "20000d"])
        ),
        (2.into(), 1.into(), 2.into())
    );
    std::fs::write(
        home.state().join("usage.jsonl"),
        line("2001-01-01T00:00:00Z"),
    )
    .unwrap();
    let outcome = Langdock::new()
        .home(&home)
        .args(["usage", "--since", "7d"])
        .run();
    outcome
        .code(0)
        .stdout("")
        .stderr_contains("no requests in that period; `")
        .stderr_contains(" has 1 request from earlier");
}

fn json() {
    let home = Home::new();
    let outcome = Langdock::new().home(&home).args(["usage", "--json"]).run();
    assert_eq!(
        outcome.code(0).stderr_empty().stdout_json()["total"]["requests"],
        0
    );
    Langdock::new()
        .home(&home)
        .args(["usage"])
        .run()
        .code(0)
        .stdout("")
        .stderr_contains("no requests in ");
}

fn tag(command: &str) {
    let (home, server) = (Home::new(), answering("ok"));
    asking(command, &server)
        .home(&home)
        .args(["Hi", "--tag", "nightly"])
        .run()
        .code(0);
    assert_eq!(log_of(&home)[0]["tag"], "nightly");
}
