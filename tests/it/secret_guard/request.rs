//! Secrets in what is part of a request besides its messages: schemas, tools, and values of flags.

use serde_json::{Value, json};

use super::github_token;
use crate::batch::batch;
use crate::chat::{ENTER, at_prompt, leave, wait_for_prompt};
use crate::support::{
    home::Home,
    outcome::Outcome,
    sending::{answering, send},
    server::Server,
};
use crate::tools::{done, playing, tool_run};

/// Returns a schema that describes its only property in these words.
fn schema(words: &str) -> Value {
    json!({
        "type": "object",
        "properties": {"n": {"type": "integer", "description": words}},
        "required": ["n"],
    })
}

/// Asserts the same, and that with `--secrets send` it is sent as it is.
#[track_caller]
fn assert_checked(run: impl Fn(&str) -> (Server, Outcome), place: &str) {
    assert_found(&run, place);
    let (server, sent) = run("send");
    sent.code(0).stderr_lacks("secret");
    assert!(server.only_request().text().contains(&github_token()));
}

/// Asserts that a run is refused by a file's name, or masks what it sends.
#[track_caller]
fn assert_found(run: impl Fn(&str) -> (Server, Outcome), place: &str) {
    let token = github_token();
    let (server, refused) = run("refuse");
    let message = format!("cannot send a secret: {place}");
    refused.code(2).stdout("").stderr_contains(&message);
    refused.stderr_lacks(&token);
    assert_eq!(server.connections(), 0);
    let (server, masked) = run("mask");
    masked.code(0).stderr_contains("masked 1 secret in ");
    let text = server.only_request().text().to_string();
    assert!(
        text.contains("[SECRET 1]") && !text.contains(&token),
        "{text}"
    );
}

#[test]
fn a_schema_file_with_a_secret_is_refused() {
    let home = Home::new();
    home.write("work/s.json", schema(&github_token()).to_string());
    let run = |mode: &str| {
        let server = answering(r#"{"n": 1}"#);
        let args = [
            "--schema",
            "s.json",
            "--schema-mode",
            "prompt",
            "--secrets",
            mode,
            "Hi",
        ];
        let outcome = send(&server).home(&home).args(args).run();
        (server, outcome)
    };
    assert_checked(run, "`s.json`, line 1 (GitHub token)");
    let run = |mode: &str| {
        let server = answering(r#"{"n": 1}"#);
        let args = [
            "--schema",
            "s.json",
            "--schema-mode",
            "prompt",
            "--secrets",
            mode,
        ];
        let outcome = batch(&server)
            .home(&home)
            .args(args)
            .args(["Say: {text}", "-i", "-"])
            .stdin_bytes("a\n")
            .run();
        (server, outcome)
    };
    assert_checked(run, "`s.json`, line 1 (GitHub token)");
}

#[test]
fn escapes_do_not_hide_a_secret() {
    let token = github_token();
    let escaped = token.replacen('g', "\\u0067", 1);
    let home = Home::new();
    let turns = format!(
        r#"[{{"role": "user", "content": "{escaped}"}}, {{"role": "assistant", "content": "Yes."}}]"#
    );
    home.write("work/m.json", turns);
    let plain = schema(&token).to_string();
    home.write("work/s.json", plain.replace(&token, &escaped));
    home.write(
        "work/t.md",
        format!("+++\nsystem = \"{escaped}\"\n+++\n{{{{prompt}}}}"),
    );
    for (args, place) in [
        (&["--messages", "m.json"][..], "`m.json`"),
        (
            &["--schema", "s.json", "--schema-mode", "prompt"],
            "`s.json`",
        ),
        (&["--template", "./t.md"], "`./t.md`"),
    ] {
        let run = |mode: &str| {
            let server = answering(r#"{"n": 1}"#);
            let flags = ["--secrets", mode, "Hi"];
            let outcome = send(&server).home(&home).args(args).args(flags).run();
            (server, outcome)
        };
        assert_found(run, place);
    }
}

#[test]
fn a_byte_order_mark_does_not_hide_the_first_line() {
    let home = Home::new();
    home.write("work/.env", "\u{feff}DB_PASSWORD=hunter2secret\n");
    let run = |mode: &str| {
        let server = answering("ok");
        let args = ["-f", ".env", "--secrets", mode, "Hi"];
        let outcome = send(&server).home(&home).args(args).run();
        (server, outcome)
    };
    let (server, refused) = run("refuse");
    refused.code(2).stderr_contains("`.env`, line 1");
    assert_eq!(server.connections(), 0);
    let (server, masked) = run("mask");
    masked.code(0);
    assert!(!server.only_request().text().contains("hunter2secret"));
}

#[test]
fn a_tools_file_is_refused_if_what_is_sent_of_it_has_a_secret() {
    let home = Home::new();
    let token = github_token();
    let tool = |shell: &str, description: &str| {
        format!(
            "[[tool]]\nname = \"t\"\ninput_schema = {{ type = \"object\" }}\nshell = '{shell}'\n\
             description = \"{description}\"\n"
        )
    };
    home.write("work/t.toml", tool("true", &format!("Uses {token}.")));
    home.write(
        "work/shell.toml",
        tool(&format!("echo {token}"), "Says it."),
    );
    let run = |mode: &str| {
        let server = playing(&[done("Done.")]);
        let outcome = tool_run(&server)
            .home(&home)
            .args(["-T", "./t.toml", "--secrets", mode, "Hi"])
            .run();
        (server, outcome)
    };
    assert_checked(run, "`./t.toml`, tool `t` (GitHub token)");
    // Its command is not sent.
    let server = playing(&[done("Done.")]);
    tool_run(&server)
        .home(&home)
        .args(["-T", "./shell.toml", "Hi"])
        .run()
        .code(0);
    assert!(!server.only_request().text().contains(&token));
}

#[test]
fn values_of_flags_are_sent_with_a_notice_or_masked() {
    let token = github_token();
    let metadata = format!("metadata={}", json!({"user_id": token}));
    let inline = schema(&token).to_string();
    for (args, name) in [
        (vec!["--stop", token.as_str()], "--stop"),
        (vec!["--user-id", &token], "--user-id"),
        (vec!["--prefill", &token], "--prefill"),
        (vec!["--set", &metadata], "--set metadata"),
        (
            vec!["--schema", &inline, "--schema-mode", "prompt"],
            "--schema",
        ),
    ] {
        let server = answering(r#"{"n": 1}"#);
        let run = send(&server).args(&args).args(["Hi"]).run();
        run.code(0).stderr_contains(&format!(
            "sending 1 secret in {name} (line 1: GitHub token); `--secrets mask`"
        ));
        run.stderr_lacks(&token);
        let masked = send(&server).args(&args).args(["--secrets", "mask", "Hi"]);
        masked
            .run()
            .code(0)
            .stderr_contains(&format!("masked 1 secret in {name} "));
        let [sent, masked] = [0, 1].map(|index| server.requests()[index].text().to_string());
        assert!(sent.contains(&token), "{name}");
        assert!(
            masked.contains("[SECRET 1]") && !masked.contains(&token),
            "{masked}"
        );
    }
}

#[test]
fn a_batch_reports_the_values_of_its_flags_once() {
    let (server, home) = (answering("ok"), Home::new());
    let token = github_token();
    home.write("work/t.md", "{{a}} {{prompt}}");
    let run = batch(&server)
        .home(&home)
        .args(["Say: {text}", "-i", "-", "--stop", &token])
        .args(["-t", "./t.md", "-p", &format!("a={token}")])
        .stdin_bytes("a\nb\n")
        .run();
    run.code(0).stderr_lacks(&token);
    for name in ["--stop", "--param a"] {
        let notice = format!("sending 1 secret in {name} ");
        assert_eq!(run.stderr.matches(&notice).count(), 1, "{run}");
    }
    let masked = batch(&server)
        .home(&home)
        .args([
            "Say: {text}",
            "-i",
            "-",
            "--stop",
            &token,
            "--secrets",
            "mask",
        ])
        .stdin_bytes("a\nb\n")
        .run();
    masked.code(0);
    let requests = server.requests();
    assert_eq!(requests.len(), 4);
    for request in &requests[2..] {
        assert_eq!(request.json()["stop_sequences"], json!(["[SECRET 1]"]));
    }
}

#[test]
fn what_is_set_in_chat_is_checked_too() {
    let (server, home) = (answering("ok"), Home::new());
    let token = github_token();
    let terminal = at_prompt(&server, &home, &["--secrets", "mask"]);
    terminal.keys(&format!("/set stop_sequences=[\"{token}\"]{ENTER}"));
    wait_for_prompt(&terminal, 2);
    terminal.keys(&format!("Hi{ENTER}"));
    wait_for_prompt(&terminal, 3);
    leave(terminal).stdout_contains("set stop_sequences=[\"[SECRET 1]\"]");
    let request = server.only_request().json();
    assert_eq!(request["stop_sequences"], json!(["[SECRET 1]"]));
}
