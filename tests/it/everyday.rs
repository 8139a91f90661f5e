//! What people meet in daily use: mistakes whose hints can be followed, terminals of every width,
//! pipes and redirections.

use std::fs;

use crate::models::{listing, models};
use crate::support::{
    command::Langdock,
    events::{Stream, answer},
    home::Home,
    outcome::Outcome,
    reply::Reply,
    screen::rows_of,
    sending::{answering, send},
    server::Server,
};

/// A schema that no prose fits.
const SCHEMA: &str = r#"{"type":"object","required":["n"]}"#;

#[test]
fn a_url_in_the_place_of_a_file_gets_the_pipe_as_a_hint() {
    for flag in ["-f", "-a", "--messages"] {
        let args = ["send", "Hi", flag, "https://example.com/a b.txt"];
        let outcome = Langdock::new().key().args(args).run();
        let hint = "`curl -sL 'https://example.com/a b.txt' | langdock send -f - …`";
        outcome.code(1).stdout("").stderr_contains(hint);
    }
}

#[test]
fn a_hint_names_a_directory_that_is_there() {
    let args = ["send", "Hi", "-f", "none/deep/x.txt"];
    let outcome = Langdock::new().key().args(args).run();
    outcome.code(1).stderr_contains("`ls .` lists the files");
}

#[test]
fn text_in_utf_16_is_sent_as_what_it_says() {
    let (server, home) = (answering("ok"), Home::new());
    home.write(home.work().join("a.txt"), b"\xff\xfeH\0\xe9\0!\0");
    let outcome = send(&server).home(&home).args(["-f", "a.txt", "Hi"]).run();
    outcome.code(0).stderr_empty();
    let content = server.only_request().json()["messages"][0]["content"].to_string();
    assert!(content.contains("H\u{e9}!"), "{content}");
}

#[test]
fn a_key_file_may_be_an_assignment() {
    let (server, home) = (answering("ok"), Home::new());
    home.write(
        home.work().join("env"),
        "\u{feff}export LANGDOCK_API_KEY=\"sk-ld-of-the-file\"\n",
    );
    let outcome = send(&server)
        .home(&home)
        .args(["--api-key-file", "env", "Hi"])
        .run();
    outcome.code(0).stderr_empty();
    let request = server.only_request();
    assert_eq!(
        request.header("authorization"),
        Some("Bearer sk-ld-of-the-file")
    );
}

#[test]
fn a_program_that_prints_no_definition_is_told_from_a_bad_one() {
    let home = Home::new();
    let script = "printf '#!/bin/sh\\necho hello\\n' >prog; chmod +x prog; \
                  langdock --demo send -T ./prog Hi";
    let outcome = Langdock::shell(script).home(&home).run();
    outcome
        .code(2)
        .stderr_contains("run with --schema, it printed no tool definition, but `hello`");
}

#[test]
fn chat_says_which_command_has_the_flags_for_programs() {
    for flag in ["--json", "--jsonl", "--output"] {
        let outcome = Langdock::new().args(["chat", flag]).run();
        outcome.code(2).stderr_contains(&format!(
            "'{flag}' is a flag of send: `langdock send -c {flag}"
        ));
    }
}

#[test]
fn an_answer_that_fits_no_schema_is_on_stderr() {
    let server = answering("All is well.");
    let args = [
        "--schema",
        SCHEMA,
        "--schema-mode",
        "prompt",
        "--repair",
        "0",
        "Hi",
    ];
    let outcome = send(&server).args(args).run();
    outcome
        .code(12)
        .stdout("")
        .stderr_contains("All is well.\n");
}

#[test]
fn an_answer_for_a_schema_that_breaks_off_is_on_stderr() {
    let begun = || Stream::new().start().text_block(["{\"n\": 1"]);
    for (stream, code, hint) in [
        (
            begun().error("overloaded_error", "busy"),
            8,
            "hint: the partial answer is above;",
        ),
        (begun().stop("refusal"), 10, "hint: "),
        (
            begun().stop("max_tokens"),
            9,
            "hint: raise --max-tokens, or continue the answer with --auto-continue 3\n",
        ),
    ] {
        let stream = stream.to_string();
        let server = Server::start(move |_, _| Reply::sse(&stream));
        let args = ["--schema", SCHEMA, "--schema-mode", "prompt", "Hi"];
        let outcome = send(&server).args(args).run();
        outcome
            .code(code)
            .stdout("")
            .stderr_contains("{\"n\": 1\n")
            .stderr_contains(hint);
    }
}

#[test]
fn tokens_are_those_of_all_requests_for_an_answer() {
    let empty = Stream::new().start().stop("end_turn");
    let prose = answer(&["All is well."]);
    let fitting = answer(&["{\"n\": 1}"]);
    let schema = ["--schema", SCHEMA, "--schema-mode", "prompt"];
    for (first, second, args) in [
        (empty.to_string(), answer(&["Hello."]), &[][..]),
        (prose, fitting, &schema),
    ] {
        let server =
            Server::start(move |_, nth| Reply::sse(if nth % 2 == 0 { &first } else { &second }));
        let told = send(&server).args(args).args(["-u", "Hi"]).run();
        told.code(0).stderr_contains("50 tokens in");
        let printed = send(&server).args(args).args(["--json", "Hi"]).run();
        let object = printed.code(0).stdout_json();
        assert_eq!(object["usage"]["input_tokens"], 50, "{printed}");
        assert_eq!(object["langdock"]["attempts"], 2, "{printed}");
    }
}

#[test]
fn output_to_the_standard_output_is_written_through() {
    let home = Home::new();
    let script = "echo before >out; \
                  { langdock --demo send -o /dev/stdout Hi; echo after; } >>out 2>/dev/null; \
                  { langdock --demo send -o /dev/stdout Hi; echo end; } >new 2>/dev/null";
    Langdock::shell(script).home(&home).run().code(0);
    let read = |name: &str| fs::read_to_string(home.work().join(name)).unwrap();
    let out = read("out");
    assert!(
        out.starts_with("before\nThis is a scripted answer"),
        "{out}"
    );
    assert!(out.ends_with("\nafter\n"), "{out}");
    let new = read("new");
    assert!(
        new.starts_with("This is a scripted") && new.ends_with("\nend\n"),
        "{new}"
    );
    assert!(!home.work().join("out.part").exists());
}

#[test]
fn a_loop_over_a_pipe_is_told_how_to_keep_its_input() {
    let hint = "in a `while read` loop, add -I";
    let script = "printf '1\\n2\\n' | while read x; do langdock --demo send \"Say $x\"; done";
    let outcome = Langdock::shell(script).run();
    outcome.code(0).stderr_contains(hint);
    // An interactive shell has its loop in no file and in no argument.
    let script = "p=langdock; printf '1\\n2\\n' | while read x; do $p --demo send \"Say $x\"; done";
    Langdock::shell(script).run().code(0).stderr_contains(hint);
    let script = "p=langdock; printf '1\\n2\\n' | while read x; do env timeout 60 $p --demo send \"Say $x\"; done";
    Langdock::shell(script).run().code(0).stderr_contains(hint);
    let home = Home::new();
    fs::write(
        home.work().join("loop"),
        "while read -r x\ndo\n  langdock --demo send \"Say $x\"\ndone\n",
    )
    .unwrap();
    let outcome = Langdock::shell("printf '1\\n2\\n' | sh ./loop")
        .home(&home)
        .run();
    outcome.code(0).stderr_contains(hint);
}

#[test]
fn a_script_or_function_with_a_pipe_as_its_input_is_no_loop() {
    let home = Home::new();
    let wrapper = "n=$(date)\nlangdock --demo send 'Sum up'\necho end\n";
    fs::write(home.work().join("wrapper"), wrapper).unwrap();
    for script in [
        "printf '1\\n' | langdock --demo send Say",
        "printf '1\\n2\\n' | sh ./wrapper",
        "f() { langdock --demo send 'Sum up'; echo end; }; printf '1\\n2\\n' | f",
        "f() { n=$(date); langdock --demo send 'Sum up'; echo end; }; printf '1\\n2\\n' | f",
        "printf '1\\n' | { langdock --demo send 'Sum up'; echo end; }",
    ] {
        let outcome = Langdock::shell(script).home(&home).run();
        outcome.code(0).stderr_lacks("while read");
    }
}

fn conversations(home: &Home) {
    let prompt = "What is the capital of France, and how long has it been so?";
    for args in [&["--session", "code", "show code"][..], &[prompt]] {
        let demo = Langdock::new()
            .home(home)
            .args(["--demo", "tool-run", "-I"]);
        demo.args(args).run().code(0);
    }
}

#[test]
fn a_list_of_conversations_fits_the_terminal() {
    let home = Home::new();
    conversations(&home);
    for (columns, has_model, has_size) in [
        (40, false, false),
        (80, false, false),
        (100, true, false),
        (200, true, true),
    ] {
        let list = Langdock::new()
            .home(&home)
            .args(["--demo", "session", "list"]);
        let outcome = list.on_terminal(columns, 24).finish();
        let rows = rows_of(&outcome.code(0).stdout, columns, 24);
        assert_eq!(rows.len(), 3, "a header and two conversations: {rows:#?}");
        assert!(
            rows[0].starts_with("ID ") && rows[0].ends_with("TITLE"),
            "{rows:#?}"
        );
        assert_eq!(rows[0].contains("MODEL"), has_model, "{rows:#?}");
        assert_eq!(rows[0].contains("SIZE"), has_size, "{rows:#?}");
        assert!(rows[1].contains("What is"), "{rows:#?}");
        assert_eq!(rows[1].ends_with('…'), columns < 200, "{rows:#?}");
    }
    let piped = Langdock::new()
        .home(&home)
        .args(["--demo", "session", "list"])
        .run();
    piped
        .code(0)
        .stdout_contains("been so?\n")
        .stdout_contains(" kB  eu  ");
}

fn show(home: &Home, args: &[&str]) -> Outcome {
    let show = Langdock::new()
        .home(home)
        .args(["--demo", "session", "show"]);
    show.args(args).run()
}

#[test]
fn the_last_answer_of_a_conversation_is_printed_alone() {
    let (server, home) = (
        answering("It is **here**:\n\n```sh\nls -l\n```\n"),
        Home::new(),
    );
    let ask = send(&server).home(&home).args(["--session", "s", "Hi"]);
    ask.run().code(0);
    let show = |args: &[&str]| {
        let show = Langdock::new().home(&home).args(["session", "show", "s"]);
        show.args(args).run()
    };
    show(&["--last"])
        .code(0)
        .stdout("It is **here**:\n\n```sh\nls -l\n```\n")
        .stderr_empty();
    show(&["--extract"])
        .code(0)
        .stdout("ls -l\n")
        .stderr_empty();
    show(&["--last", "--extract"]).code(2);
    let on_terminal = |args: &[&str]| {
        let show = Langdock::new()
            .home(&home)
            .args(["session", "show", "s", "--last"]);
        let outcome = show.args(args).on_terminal(40, 24).finish();
        rows_of(&outcome.code(0).stdout, 40, 24)
    };
    assert!(on_terminal(&["--raw"]).contains(&"It is **here**:".to_owned()));
    assert!(on_terminal(&[]).contains(&"It is here:".to_owned()));
}

#[test]
fn an_answer_without_code_is_shown_where_code_is_asked_for() {
    let home = Home::new();
    conversations(&home);
    show(&home, &["--extract"])
        .code(12)
        .stdout("")
        .stderr_contains("This is a scripted answer");
}

#[test]
fn the_list_of_models_has_a_header_on_a_terminal_only() {
    let server = listing(&["a"]);
    let outcome = models(&server).on_terminal(80, 24).finish();
    let rows = rows_of(&outcome.code(0).stdout, 80, 24);
    assert!(rows[0].starts_with("MODEL"), "{rows:#?}");
    models(&server)
        .args(["--refresh"])
        .run()
        .code(0)
        .stdout("a\n");
}

#[test]
fn the_progress_of_a_batch_leaves_the_screen_to_the_reader_of_its_pipe() {
    let batch = Langdock::new().args(["--demo", "batch", "{text}"]);
    let outcome = batch
        .stdin_bytes("a\nb\n")
        .piped_stdout()
        .on_terminal(80, 24)
        .finish();
    let screen = outcome.code(0).stderr.clone();
    assert!(
        !screen.contains("done") && !screen.contains('\x1b'),
        "{screen:?}"
    );
}

#[test]
fn the_exit_code_of_a_closed_terminal_is_listed() {
    let outcome = Langdock::new().args(["help", "exit-codes"]).run();
    outcome.code(0).stdout_contains("129 for SIGHUP");
}

#[test]
fn the_request_has_what_the_config_file_sets_unless_somebody_else_says_otherwise() {
    let (server, home) = (answering("ok"), Home::new());
    let config =
        "system = '@brief.txt'\nstop = 'END'\nuser_id = 'u1'\n[profiles.p]\nsystem = 'Of p.'\n";
    home.write(home.config().join("config.toml"), config);
    home.write(home.config().join("brief.txt"), "Be brief.");
    let ask = |args: &[&str]| {
        send(&server)
            .home(&home)
            .args(args)
            .run()
            .code(0)
            .stderr_lacks("error");
        server.requests().pop().unwrap().json()
    };
    let body = ask(&["Hi"]);
    assert_eq!(body["system"], "Be brief.");
    assert_eq!(body["stop_sequences"], serde_json::json!(["END"]));
    assert_eq!(body["metadata"]["user_id"], "u1");
    assert_eq!(ask(&["--profile", "p", "Hi"])["system"], "Of p.");
    assert_eq!(
        ask(&["-s", "Own.", "--session", "own", "Hi"])["system"],
        "Own."
    );
    assert_eq!(ask(&["--session", "own", "And?"])["system"], "Own.");
    assert_eq!(ask(&["--session", "new", "Hi"])["system"], "Be brief.");
    assert_eq!(
        ask(&["--profile", "p", "--session", "new", "And?"])["system"],
        "Be brief."
    );
}
