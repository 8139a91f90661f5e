//! `--secrets`: files with a secret are refused, by line and kind and never by value; everything
//! else is reported, or masked, and what is saved is what was sent.

mod numbers;
mod request;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::batch::batch;
use crate::chat::{ENTER, at_prompt, chat, leave, wait_for_prompt};
use crate::support::{
    command::Langdock,
    home::Home,
    sending::{answering, send},
    server::Server,
};
use crate::tools::{calling, done, playing, results, shell_tool, tool_run};

/// Returns a token in the format of GitHub's. It is put together here, so that no scanner finds one
/// in this source.
pub(crate) fn github_token() -> String {
    ["gh", "p_", "m4Qz81RkTw0cVb5YxN2sHd7LfJ3pGa9EuZo6"].concat()
}

/// Returns an AWS key in the same way.
fn aws_key() -> String {
    ["AK", "IA", "Q3ZK7WMXN2RTVB5L"].concat()
}

fn private_key() -> String {
    let line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";
    let label = |word: &str| format!("-----{word} PRIVATE{}-----", " KEY");
    format!("{}\n{line}\n{line}x\n{}\n", label("BEGIN"), label("END"))
}

/// Returns the contents of all files below a directory.
fn all_below(directory: &Path) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            all.push_str(&all_below(&path));
        } else {
            all.push_str(&String::from_utf8_lossy(
                &fs::read(&path).unwrap_or_default(),
            ));
        }
    }
    all
}

fn content(server: &Server, number: usize) -> Value {
    server.requests()[number].json()["messages"][0]["content"].clone()
}

#[test]
fn a_file_with_a_secret_is_refused_by_line_and_kind_with_what_sends_it() {
    let (server, home) = (answering("ok"), Home::new());
    home.write("work/a.txt", format!("one\ntwo {}\n", github_token()));
    let outcome = send(&server).home(&home).args(["-f", "a.txt", "Hi"]).run();
    outcome
        .code(2)
        .stdout("")
        .stderr_contains("error: cannot send a secret: `a.txt`, line 2 (GitHub token)\n")
        .stderr_contains("`--secrets mask` replaces it, `--secrets send` sends it unchanged")
        .stderr_contains("the rule \"github-token\" or a path glob")
        .stderr_contains("`langdock help secrets`")
        .stderr_contains("sha256:")
        .stderr_lacks("m4Qz81")
        .stderr_lacks("--exclude");
    assert_eq!(server.connections(), 0);
    // The fingerprint that was printed allows it.
    let start = outcome.stderr.find("sha256:").expect("a fingerprint");
    let fingerprint = &outcome.stderr[start..start + "sha256:".len() + 64];
    let config = format!("[secrets]\nallow = ['{fingerprint}']\n");
    home.write(home.config().join("config.toml"), config);
    let args = ["-f", "a.txt", "Hi"];
    send(&server)
        .home(&home)
        .args(args)
        .run()
        .code(0)
        .stderr_empty();
}

#[test]
fn every_file_of_the_command_line_is_checked() {
    let home = Home::new();
    let token = github_token();
    home.write("work/a.txt", &token);
    home.write("work/utf16.txt", {
        let units = format!("\u{feff}{token}\n");
        let units: Vec<u8> = units.encode_utf16().flat_map(u16::to_le_bytes).collect();
        units
    });
    home.write("work/list", "a.txt\n");
    home.write("work/t.md", format!("Use {token} for {{{{prompt}}}}.\n"));
    let turns = json!([
        {"role": "user", "content": format!("It is\n{token}")},
        {"role": "assistant", "content": "Ah."},
    ]);
    home.write("work/turns.json", turns.to_string());
    home.write("work/key.pem", private_key());
    home.write("work/.env", "DEBUG=1\nDB_PASSWORD=hunter2\n");
    for args in [
        &["-f", "a.txt", "Hi"][..],
        &["-f", "utf16.txt", "Hi"],
        &["-f", "key.pem", "Hi"],
        &["-f", ".env", "Hi"],
        &["-f", "*.txt", "Hi"],
        &["--files-from", "list", "Hi"],
        &["-s", "@a.txt", "Hi"],
        &["-t", "./t.md", "Hi"],
        &["--messages", "turns.json", "Hi"],
        &["--dry-run", "-f", "a.txt", "Hi"],
    ] {
        let server = answering("ok");
        let run = send(&server).home(&home).args(args).run();
        run.code(2).stdout("").stderr_contains("cannot send");
        run.stderr_lacks(&token)
            .stderr_lacks("hunter2")
            .stderr_lacks("MIIEv");
        assert_eq!(server.connections(), 0, "{args:?}");
        send(&server)
            .home(&home)
            .args(["--secrets", "mask"])
            .args(args)
            .run()
            .code(0)
            .stderr_contains("masked ");
        for request in server.requests() {
            let text = request.text();
            assert!(text.contains("[SECRET 1]"), "{text}");
            for secret in [&token, "hunter2", "MIIEv"] {
                assert!(!text.contains(secret), "{args:?}: {text}");
            }
        }
        send(&server)
            .home(&home)
            .args(["--secrets", "send"])
            .args(args)
            .run()
            .code(0)
            .stderr_lacks("secret");
    }
    let config = format!("system = '@{}'\n", home.work().join("a.txt").display());
    home.write(home.config().join("config.toml"), config);
    let server = answering("ok");
    let run = send(&server).home(&home).args(["Hi"]).run();
    run.code(2).stderr_contains("a.txt`, line 1 (GitHub token)");
}

#[test]
fn of_a_directory_all_are_listed_and_what_excludes_them_is_named() {
    let (server, home) = (answering("ok"), Home::new());
    home.write(
        "work/d/a.txt",
        format!("{}\n{}\n", github_token(), aws_key()),
    );
    home.write("work/d/b/c.txt", private_key());
    home.write("work/d/ok.txt", "fine\n");
    let run = send(&server).home(&home).args(["-f", "d", "Hi"]).run();
    run.code(2)
        .stderr_contains("`d/a.txt`, line 1    GitHub token    github-token    sha256:")
        .stderr_contains("`d/a.txt`, line 2    AWS access key  aws-access-key  sha256:")
        .stderr_contains("`d/b/c.txt`, line 1  private key     private-key     sha256:")
        .stderr_contains(
            "error: cannot send 3 secrets: the first is in `d/a.txt`, line 1 (GitHub token)\n",
        )
        .stderr_contains("--exclude a.txt --exclude b/c.txt leaves them out");
    let args = [
        "-f",
        "d",
        "--exclude",
        "a.txt",
        "--exclude",
        "b/c.txt",
        "Hi",
    ];
    send(&server).home(&home).args(args).run().code(0);
    assert!(server.only_request().text().contains("fine"));
}

#[test]
fn words_and_standard_input_are_sent_with_a_notice() {
    let server = answering("ok");
    let token = github_token();
    send(&server)
        .args([format!("What is {token}?")])
        .run()
        .code(0)
        .stderr(
            "langdock: sending 1 secret in the prompt (line 1: GitHub token); `--secrets mask` \
             replaces secrets\n",
        );
    send(&server)
        .stdin_bytes(format!("a\n{token}\n{}\n", aws_key()))
        .args(["Hi"])
        .run()
        .code(0)
        .stderr_contains(
            "sending 2 secrets in standard input (line 2: GitHub token; line 3: AWS access key)",
        );
    send(&server)
        .args(["-s", &token, "Hi"])
        .run()
        .code(0)
        .stderr_contains("sending 1 secret in the system prompt");
    let home = Home::new();
    home.write("work/t.md", "{{a}} {{stdin}}");
    send(&server)
        .home(&home)
        .args(["-t", "./t.md", "-p", &format!("a={token}")])
        .stdin_bytes(aws_key())
        .run()
        .code(0)
        .stderr_contains("sending 1 secret in --param a")
        .stderr_contains("sending 1 secret in standard input");
    assert!(content(&server, 0).to_string().contains(&token));
    assert!(content(&server, 3).to_string().contains(&aws_key()));
}

#[test]
fn what_is_saved_recorded_and_logged_is_what_was_sent() {
    let (server, home) = (answering("ok"), Home::new());
    let token = github_token();
    home.write("work/a.txt", format!("{} {token}\n", aws_key()));
    send(&server)
        .home(&home)
        .args(["--secrets", "mask", "--session", "s", "--record", "rec"])
        .args(["-f", "a.txt", &format!("Is it {token}?")])
        .stdin_bytes(format!("{token} or {}", aws_key()))
        .run()
        .code(0)
        .stderr_contains(
            "masked 2 secrets in `a.txt` (line 1: AWS access key; line 1: GitHub token)",
        )
        .stderr_contains("masked 1 secret in the prompt");
    let sent = content(&server, 0);
    assert_eq!(sent[2]["text"], "Is it [SECRET 1]?");
    let texts = sent.to_string();
    assert!(texts.contains("[SECRET 2] [SECRET 1]"), "{texts}");
    assert!(texts.contains("[SECRET 1] or [SECRET 2]"), "{texts}");
    fs::remove_file(home.work().join("a.txt")).expect("a file");
    let stored = all_below(home.path());
    assert!(stored.contains("Is it [SECRET 1]?"), "{stored}");
    for secret in [token, aws_key()] {
        assert!(!stored.contains(&secret), "{stored}");
    }
}

#[test]
fn results_of_tools_are_masked_and_never_stop_a_run() {
    let token = github_token();
    let home = shell_tool(&format!("echo 'a {token} b'"), "");
    let calls = [("t", json!({}))];
    for (mode, expected) in [
        ("refuse", "a [SECRET 1] b\n".to_owned()),
        ("mask", "a [SECRET 1] b\n".to_owned()),
        ("send", format!("a {token} b\n")),
    ] {
        let server = playing(&[calling(&calls), done("Done.")]);
        let run = tool_run(&server)
            .home(&home)
            .args(["-T", "./t.toml", "-y", "--secrets", mode, "--jsonl", "Hi"])
            .run();
        run.code(0);
        let result = &results(&server.requests()[1].json())[0];
        assert_eq!(result["content"], expected);
        let is_masked = mode != "send";
        assert_eq!(!run.stdout_text().contains(&token), is_masked, "{run}");
        let notice = "masked 1 secret in the result of t (line 1: GitHub token)";
        assert_eq!(run.stderr.contains(notice), is_masked, "{run}");
        assert_eq!(!run.stderr.contains(&token), is_masked, "{run}");
    }
}

#[test]
fn an_item_with_a_secret_fails_alone() {
    let (server, home) = (answering("ok"), Home::new());
    let token = github_token();
    let items = format!("a\n{token}\nc\n");
    home.write("work/d/a.txt", "a");
    home.write("work/d/b.txt", format!("x\n{token}"));
    let run = batch(&server)
        .home(&home)
        .args(["Say: {text}", "-i", "-"])
        .stdin_bytes(items.as_str())
        .run();
    run.code(11).stderr_lacks(&token);
    let records = run.stdout_json_lines();
    let message = records[1]["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("line 2 (GitHub token)"), "{run}");
    assert_eq!(records[1]["error"]["kind"], "usage");
    assert_eq!(
        (&records[0]["text"], &records[2]["text"]),
        (&json!("ok"), &json!("ok"))
    );
    assert_eq!(server.requests().len(), 2);
    let run = batch(&server)
        .home(&home)
        .args(["Say: {text}", "--files", "d/a.txt", "d/b.txt"])
        .run();
    run.code(11)
        .stdout_contains("`d/b.txt`, line 2 (GitHub token)");
    assert!(!run.stdout_text().contains(&token), "{run}");
    // Each item has numbers of its own.
    let masked = batch(&server)
        .home(&home)
        .args(["Say: {text}", "--secrets", "mask", "-i", "-"])
        .stdin_bytes(format!("{token}\n{} {token}\n", aws_key()))
        .run();
    masked
        .code(0)
        .stderr_contains("masking the secrets in items");
    let asked: Vec<Value> = server
        .requests()
        .iter()
        .rev()
        .take(2)
        .map(|request| request.json()["messages"][0]["content"].clone())
        .collect();
    assert!(asked.contains(&json!("Say: [SECRET 1]")), "{asked:?}");
    assert!(
        asked.contains(&json!("Say: [SECRET 1] [SECRET 2]")),
        "{asked:?}"
    );
}

#[test]
fn in_chat_a_file_is_refused_by_name_and_the_message_stays() {
    let (server, home) = (answering("ok"), Home::new());
    home.write("work/a.txt", github_token());
    home.write("work/late.txt", "fine");
    let terminal = at_prompt(&server, &home, &[]);
    terminal.keys(&format!("/file a.txt{ENTER}"));
    wait_for_prompt(&terminal, 2);
    terminal.keys(&format!("/file late.txt{ENTER}"));
    wait_for_prompt(&terminal, 3);
    home.write("work/late.txt", github_token());
    terminal.keys(&format!("my words{ENTER}"));
    wait_for_prompt(&terminal, 4);
    // The message is offered again; it is sent once the file is fine.
    home.write("work/late.txt", "fine");
    terminal.keys(ENTER);
    terminal.wait_for("ok");
    wait_for_prompt(&terminal, 5);
    let outcome = leave(terminal);
    outcome.stdout_contains("`a.txt`, line 1 (GitHub token)");
    assert!(content(&server, 0).to_string().contains("my words"));
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn typed_lines_are_reported_and_masked_in_chat_too() {
    let server = answering("ok");
    let token = github_token();
    chat(&server)
        .stdin_bytes(format!("is it {token}\n"))
        .run()
        .code(0)
        .stderr_contains("sending 1 secret in the prompt");
    chat(&server)
        .args(["--secrets", "mask"])
        .stdin_bytes(format!("is it {token}\n"))
        .run()
        .code(0);
    assert_eq!(content(&server, 1), "is it [SECRET 1]");
}

#[test]
fn the_config_file_sets_the_mode_adds_rules_and_allows() {
    let (server, home) = (answering("ok"), Home::new());
    let config = home.config().join("config.toml");
    home.write("work/a.txt", "an acme_1234\n");
    home.write("work/tests/b.txt", github_token());
    let run = |text: &str, args: &[&str]| {
        home.write(&config, text);
        send(&server).home(&home).args(args).run()
    };
    let rules = "[secrets.rules]\nacme-key = 'acme_[0-9]{4}'\n";
    let a = ["-f", "a.txt", "Hi"];
    run(rules, &a)
        .code(2)
        .stderr_contains("`a.txt`, line 1 (acme-key)");
    run(&format!("secrets_mode = 'mask'\n{rules}"), &a)
        .code(0)
        .stderr_contains("masked 1 secret in `a.txt` (line 1: acme-key)");
    let profile = format!("[profiles.p]\nsecrets_mode = 'send'\n{rules}");
    run(&profile, &["--profile", "p", "-f", "a.txt", "Hi"])
        .code(0)
        .stderr_empty();
    run(&format!("[secrets]\nallow = ['acme-key']\n{rules}"), &a)
        .code(0)
        .stderr_empty();
    let b = ["-f", "tests/b.txt", "Hi"];
    run("[secrets]\nallow = ['other/**']\n", &b).code(2);
    for allowed in ["tests/**", "*.txt", "github-token"] {
        run(&format!("[secrets]\nallow = ['{allowed}']\n"), &b)
            .code(0)
            .stderr_empty();
    }
    for (text, expected) in [
        (
            "[secrets.rules]\nacme = 'acme_('\n",
            "`secrets.rules.acme` in",
        ),
        (
            "[secrets.rules]\njwt = 'x'\n",
            "a built-in rule has this name",
        ),
        (
            "[secrets]\nallow = ['github_token']\n",
            "`github_token` is not the name of a rule",
        ),
        (
            "[secrets]\nallow = ['a/{']\n",
            "`a/{` is not a valid pattern",
        ),
        ("[secrets]\nalow = []\n", "unknown key `secrets.alow`"),
        ("secrets = 1\n", "`secrets` in"),
        (
            "secrets_mode = 'hide'\n",
            "must be one of `refuse`, `mask`, `send`",
        ),
    ] {
        run(text, &["Hi"]).code(2).stderr_contains(expected);
    }
    // A value in the list is refused, and not printed.
    let value = format!("[secrets]\nallow = ['{}']\n", github_token());
    run(&value, &["Hi"])
        .code(2)
        .stderr_contains("write its fingerprint instead: sha256:")
        .stderr_lacks(&github_token());
}

#[test]
fn config_shows_and_sets_what_is_said_of_secrets() {
    let home = Home::new();
    let run = |args: &[&str]| {
        Langdock::new()
            .home(&home)
            .args(["config"])
            .args(args)
            .run()
    };
    run(&["set", "secrets.allow", "['tests/**']"]).code(0);
    run(&["set", "secrets.rules.acme", "acme_[0-9]+"]).code(0);
    run(&["get", "secrets.rules.acme"])
        .code(0)
        .stdout("acme_[0-9]+\n");
    run(&["get", "secrets_mode"]).code(0).stdout("refuse\n");
    run(&["show"])
        .code(0)
        .stdout_contains("secrets.allow")
        .stdout_contains("secrets.rules.acme");
    run(&["set", "secrets.rules.bad", "("]).code(2);
    run(&["unset", "secrets.allow"]).code(0);
    run(&["get", "secrets.allow"]).code(0).stdout("");
}
