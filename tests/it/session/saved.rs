//! What is saved, where, and what is sent again.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::{Value, json};

use super::{ids, lines, said, saying, shown};
use crate::chat::{ENTER, at_prompt, leave, wait_for_prompt};
use crate::support::{
    command::Langdock,
    events::{MODEL, Stream},
    home::Home,
    picture::png,
    reply::Reply,
    sending::{answering, send},
    server::Server,
};
use crate::tools::{calling, done, playing};

#[test]
fn a_pipe_saves_nothing_and_looks_at_nothing() {
    let (server, home) = (answering("ok"), Home::new());
    fs::create_dir_all(home.data()).unwrap();
    fs::set_permissions(home.data(), fs::Permissions::from_mode(0o000)).unwrap();
    saying(&server, &home, &["Hi"])
        .env("LANGDOCK_SESSION", "x")
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    fs::set_permissions(home.data(), fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(fs::read_dir(home.data()).unwrap().count(), 0);
}

#[test]
fn a_terminal_saves_unless_somebody_says_otherwise() {
    let server = answering("ok");
    for (config, args, saved) in [
        ("", &["Hi"][..], 1),
        ("", &["Hi", "-n"], 0),
        ("save = false\n", &["Hi"], 0),
        ("save = false\n", &["Hi", "--session", "x"], 1),
    ] {
        let home = Home::new();
        home.write(home.config().join("config.toml"), config);
        saying(&server, &home, args)
            .stdin_null()
            .on_terminal(80, 24)
            .finish()
            .code(0);
        assert_eq!(ids(&home).len(), saved, "{config}{args:?}");
    }
    let home = Home::new();
    saying(&server, &home, &["Hi"])
        .env("LANGDOCK_NO_LOG", "1")
        .stdin_null()
        .on_terminal(80, 24)
        .finish()
        .code(0);
    assert!(!home.data().exists());
}

#[test]
fn save_true_saves_in_a_pipe_too_and_dry_runs_never() {
    let (server, home) = (answering("ok"), Home::new());
    home.write(home.config().join("config.toml"), "save = true\n");
    saying(&server, &home, &["Hi", "--dry-run"]).run().code(0);
    saying(&server, &home, &["Hi", "--session", "x", "--curl"])
        .run()
        .code(0);
    assert_eq!(ids(&home).len(), 0);
    saying(&server, &home, &["Hi"])
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    assert_eq!(ids(&home).len(), 1);
    saying(&server, &home, &["-c", "more", "--dry-run"])
        .run()
        .code(0)
        .stdout_contains("\"ok\"");
}

#[test]
fn there_has_to_be_one_to_go_on_with() {
    let server = Server::start(|_, _| panic!("nothing is to be sent"));
    let outcome = send(&server).args(["-c", "Hi"]).run();
    outcome
        .code(2)
        .stdout("")
        .stderr_contains("there are no conversations yet")
        .stderr_contains("\nhint: ");
}

#[test]
fn a_new_name_is_told_and_the_one_that_is_gone_on_with_too() {
    let (server, home) = (answering("ok"), Home::new());
    let outcome = saying(&server, &home, &["--session", "x", "Hi"]).run();
    outcome
        .code(0)
        .stdout("ok\n")
        .stderr("langdock: starting a new conversation `x`\n");
    let outcome = saying(&server, &home, &["-c", "more"]).run();
    outcome
        .code(0)
        .stdout("ok\n")
        .stderr("langdock: continuing `x` (last used just now)\n");
}

#[test]
fn a_shell_has_a_conversation_of_its_own() {
    let (server, home) = (answering("ok"), Home::new());
    for (shell, words) in [("one", "a"), ("two", "b"), ("one", "c")] {
        saying(&server, &home, &["-c", "-q", words])
            .env("LANGDOCK_SESSION", shell)
            .run()
            .code(0);
    }
    assert_eq!(said(server.requests().last().unwrap()), ["a", "ok", "c"]);
}

#[test]
fn the_beginning_of_an_id_names_it_and_the_json_says_it() {
    let (server, home) = (answering("ok"), Home::new());
    let object = saying(&server, &home, &["--session", "x", "--json", "Hi"])
        .run()
        .stdout_json();
    let id = object["langdock"]["session_id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(ids(&home), [&*id]);
    saying(&server, &home, &["--session", &id[..5], "more"])
        .run()
        .code(0)
        .stderr_empty();
    assert_eq!(
        said(server.requests().last().unwrap()),
        ["Hi", "ok", "more"]
    );
}

#[test]
fn the_files_are_for_their_owner_and_for_jq() {
    let (server, home) = (answering("ok"), Home::new());
    saying(&server, &home, &["--session", "x", "Hi"])
        .run()
        .code(0);
    let lines = lines(&home, "x");
    assert_eq!(
        (&lines[0]["type"], &lines[0]["version"]),
        (&json!("langdock-session"), &json!(1))
    );
    let turns: Vec<_> = lines[1..]
        .iter()
        .map(|turn| (&turn["role"], &turn["content"][0]["text"]))
        .collect();
    assert_eq!(
        turns,
        [
            (&json!("user"), &json!("Hi")),
            (&json!("assistant"), &json!("ok"))
        ]
    );
    assert_eq!(lines[2]["parent"], lines[1]["id"]);
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let path = shown(&home, "x")["path"].as_str().unwrap().to_owned();
    assert_eq!(
        (mode(&home.data().join("sessions")), mode(path.as_ref())),
        (0o700, 0o600)
    );
}

#[test]
fn an_image_is_kept_once_and_sent_again() {
    let (server, home) = (answering("ok"), Home::new());
    home.write("work/a.png", png(1, 1));
    for _ in 0..2 {
        saying(&server, &home, &["--session", "x", "-f", "a.png", "Look"])
            .run()
            .code(0);
    }
    let requests = server.requests();
    let (first, second) = (requests[0].json(), requests[1].json());
    assert_eq!(second["messages"][0], first["messages"][0]);
    let directory = home.data().join("sessions").join(&ids(&home)[0]);
    assert_eq!(fs::read_dir(directory).unwrap().count(), 1);
    let source = &lines(&home, "x")[1]["content"][0]["source"];
    assert_eq!(source["type"], "blob");
    Langdock::new()
        .home(&home)
        .args(["session", "rm", "x"])
        .run()
        .code(0);
    let left: Vec<_> = fs::read_dir(home.data().join("sessions"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(
        left.iter()
            .all(|path| !path.to_string_lossy().contains(".png")),
        "{left:?}"
    );
}

#[test]
fn a_refused_turn_is_kept_and_not_sent_again() {
    let home = Home::new();
    let refusal = Stream::new()
        .start()
        .text_block(["no"])
        .stop("refusal")
        .to_string();
    let server = Server::start(move |_, _| Reply::sse(&refusal));
    saying(&server, &home, &["--session", "x", "Bad"])
        .run()
        .code(10);
    let server = answering("ok");
    saying(&server, &home, &["--session", "x", "Good"])
        .run()
        .code(0);
    assert_eq!(said(&server.only_request()), ["Good"]);
    let outcome = Langdock::new()
        .home(&home)
        .args(["session", "show", "x"])
        .run();
    outcome
        .code(0)
        .stdout_contains("## You (refused; not sent again)\n\nBad\n");
}

#[test]
fn what_the_answer_was_made_to_begin_with_belongs_to_it_and_so_do_the_messages_of_a_file() {
    let (server, home) = (answering("ok"), Home::new());
    home.write(
        "work/m.json",
        r#"[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]"#,
    );
    let args = [
        "--session",
        "x",
        "--messages",
        "m.json",
        "--prefill",
        "Well",
        "Hi",
    ];
    saying(&server, &home, &args).run().code(0).stdout("ok\n");
    saying(&server, &home, &["--session", "x", "more"])
        .run()
        .code(0);
    let both = json!([{"type": "text", "text": "Well"}, {"type": "text", "text": "ok"}]);
    assert_eq!(
        said(&server.requests()[1]),
        ["q", "a", "Hi", &both.to_string(), "more"]
    );
}

#[test]
fn the_system_prompt_stays_until_another_one_is_given() {
    let (server, home) = (answering("ok"), Home::new());
    for args in [
        &["-s", "Be brief.", "a"][..],
        &["b"],
        &["-s", "Be long.", "c"],
        &["d"],
    ] {
        saying(&server, &home, &["--session", "x"])
            .args(args)
            .run()
            .code(0);
    }
    let systems: Vec<Value> = server
        .requests()
        .iter()
        .map(|request| request.json()["system"].clone())
        .collect();
    assert_eq!(systems, ["Be brief.", "Be brief.", "Be long.", "Be long."]);
}

#[test]
fn titles_and_texts_never_act_on_a_terminal() {
    let (server, home) = (answering("a\u{1b}[31m\u{202e}b"), Home::new());
    home.write(home.config().join("config.toml"), "save = true\n");
    saying(&server, &home, &["x\u{1b}]0;owned\u{7}"])
        .run()
        .code(0);
    for args in [
        &["list"][..],
        &["show"],
        &["show", "--json"],
        &["search", "owned"],
        &["export", "--json"],
    ] {
        let run = Langdock::new()
            .home(&home)
            .env("NO_COLOR", "1")
            .args(["session"])
            .args(args);
        let outcome = run.stdin_null().on_terminal(200, 24).finish();
        outcome.code(0);
        assert!(
            !outcome
                .stdout_text()
                .contains(['\u{1b}', '\u{7}', '\u{202e}']),
            "{outcome}"
        );
    }
}

#[test]
fn a_terminal_is_asked_before_anything_is_deleted() {
    let (server, home) = (answering("ok"), Home::new());
    saying(&server, &home, &["--session", "x", "Hi"])
        .run()
        .code(0);
    for (key, left) in [("n\n", 1), ("\n", 1), ("y\n", 0)] {
        let terminal = Langdock::new()
            .home(&home)
            .args(["session", "rm", "x"])
            .on_terminal(80, 24);
        terminal
            .wait_for("delete the conversation `x`? [y/N]")
            .keys(key);
        terminal.finish().code(0);
        assert_eq!(ids(&home).len(), left, "{key:?}");
    }
}

#[test]
fn what_was_typed_before_it_is_asked_deletes_nothing() {
    let (server, home) = (answering("ok"), Home::new());
    saying(&server, &home, &["--session", "x", "Hi"])
        .run()
        .code(0);
    let terminal = Langdock::shell("read started; langdock session rm x")
        .home(&home)
        .on_terminal(80, 24);
    terminal
        .keys("started\ny\n")
        .wait_for("[y/N] ")
        .keys("n\n")
        .wait_for("nothing deleted");
    terminal.finish().code(0);
    assert_eq!(ids(&home).len(), 1);
}

#[test]
fn an_answer_in_a_form_is_kept_as_its_text_and_can_be_gone_on_with() {
    let call = |input| calling(&[("answer", input)]);
    let schema = ["--schema", r#"{"type": "object", "required": ["n"]}"#];
    let form = ["--session", "x", "-q", "Hi", schema[0], schema[1]];
    let (server, home) = (
        playing(&[call(json!({})), call(json!({"n": 1})), done("ok")]),
        Home::new(),
    );
    saying(&server, &home, &form)
        .run()
        .code(0)
        .stdout("{\"n\":1}\n");
    let turns = shown(&home, "x")["turns"].as_array().unwrap().clone();
    assert_eq!(turns.len(), 2, "{turns:?}");
    assert_eq!(
        turns[1]["content"],
        json!([{"type": "text", "text": "{\"n\":1}"}])
    );
    saying(&server, &home, &["-c", "-q", "more"])
        .run()
        .code(0)
        .stdout("ok\n");
    assert_eq!(
        said(server.requests().last().unwrap()),
        ["Hi", "{\"n\":1}", "more"]
    );

    // If no answer matches, the last one is kept.
    let (server, home) = (
        playing(&[call(json!({"a": 1})), call(json!({"a": 2}))]),
        Home::new(),
    );
    saying(&server, &home, &form)
        .args(["--repair", "1"])
        .run()
        .code(12)
        .stdout("");
    let more = saying(&server, &home, &["-c", "-q", "more", "--dry-run"])
        .run()
        .code(0)
        .stdout_json();
    assert_eq!(more["messages"][1]["content"], "{\"a\":2}");

    // If the repair got no answer, the one before it is kept.
    let wrong = call(json!({"a": 1})).to_string();
    let server = Server::start(move |_, number| match number {
        0 => Reply::sse(&wrong),
        _ => Reply::json(400, &json!({"error": {"message": "no"}})),
    });
    let home = Home::new();
    saying(&server, &home, &form).run().code(3).stdout("");
    let more = saying(&server, &home, &["-c", "-q", "more", "--dry-run"])
        .run()
        .code(0)
        .stdout_json();
    assert_eq!(more["messages"][1]["content"], "{\"a\":1}");
}

#[test]
fn a_terminal_continues_its_own_last_conversation() {
    let (server, home) = (answering("ok"), Home::new());
    let in_shell = |script: &str| {
        Langdock::shell(script)
            .key()
            .against(&server)
            .home(&home)
            .env("LANGDOCK_MODEL", MODEL)
            .on_terminal(80, 24)
    };
    let one = in_shell(
        "langdock send -I One; read line; langdock send -I -c Three; langdock session show --last",
    );
    one.wait_for("ok\r\n");
    let other = in_shell("langdock send -I Two; read line; langdock send -I -c Four");
    other.wait_for("ok\r\n");
    one.keys("\r");
    one.finish().code(0).stdout_contains("continuing `One`");
    other.keys("\r");
    other.finish().code(0).stdout_contains("continuing `Two`");
    // Another terminal has none of its own yet.
    let third = in_shell("langdock send -I -c Five");
    third.finish().code(0).stdout_contains("continuing `Two`");
    let requests = server.requests();
    assert_eq!(said(&requests[2]), ["One", "ok", "Three"]);
    assert_eq!(said(&requests[3]), ["Two", "ok", "Four"]);
    assert_eq!(said(&requests[4]), ["Two", "ok", "Four", "ok", "Five"]);
}

#[test]
fn a_conversation_in_which_nothing_was_said_is_not_left_behind() {
    let (server, home) = (answering("ok"), Home::new());
    saying(&server, &home, &["--session", "x", "-f", "missing", "Hi"])
        .run()
        .code(1)
        .stderr_contains("starting a new conversation `x`");
    let terminal = at_prompt(&server, &home, &["--session", "y"]);
    terminal.keys("/new z").keys(ENTER);
    wait_for_prompt(&terminal, 2);
    leave(terminal).code(0);
    let list = Langdock::new().home(&home).args(["session", "list"]);
    list.run().code(0).stdout("");
    // Its name is free again.
    saying(&server, &home, &["--session", "x", "Hi"])
        .run()
        .code(0)
        .stderr_contains("starting a new conversation `x`");
    assert_eq!(ids(&home).len(), 1);
}
