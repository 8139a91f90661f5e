//! Whether a call runs: flags and the user's own config decide, otherwise the user on the terminal.

use serde_json::json;

use super::{calling, done, failure, playing, results, shell_tool, tool_run};
use crate::chat::{ENTER, chat, leave, said, wait_for_prompt};
use crate::support::{
    command::Langdock,
    events::MODEL,
    gate::Gate,
    home::Home,
    pty::{CTRL_C, CTRL_D, Terminal},
    reply::Reply,
    server::Server,
};

const QUESTION: &str = "Run `t`? [y]es, [n]o, [a]lways in this run, [q]uit: ";

/// Starts a server with two turns with a call each, and then an answer.
fn two_calls() -> Server {
    let call = || calling(&[("t", json!({"a": "\u{1b}[2K\u{202e}"}))]);
    playing(&[call(), call(), done("Done.")])
}

/// Returns how often the tool of `counting` ran.
fn runs(home: &Home) -> usize {
    std::fs::read_to_string(home.work().join("runs"))
        .unwrap_or_default()
        .lines()
        .count()
}

fn counting(more: &str) -> Home {
    shell_tool("echo run >> runs", more)
}

/// Starts a conversation with the tool of `counting` and a first message.
fn asked_in_chat(server: &Server, home: &Home) -> Terminal {
    let run = chat(server).home(home).args(["-T", "./t.toml", "Hi"]);
    run.on_terminal(200, 24)
}

/// Starts a run with the tool of `counting`.
fn asked_in_a_run(server: &Server, home: &Home) -> Terminal {
    let run = tool_run(server).home(home).args(["-T", "./t.toml", "Hi"]);
    run.on_terminal(200, 24)
}

#[test]
fn a_person_is_asked_for_each_call_and_sees_all_of_it() {
    let (server, home) = (two_calls(), counting(""));
    let terminal = asked_in_a_run(&server, &home);
    terminal
        .wait_for(QUESTION)
        .keys("what?\r")
        .wait_until("asked again", |screen| {
            String::from_utf8_lossy(screen).matches(QUESTION).count() == 2
        });
    terminal
        .keys("y\r")
        .wait_until("the second call", |screen| {
            String::from_utf8_lossy(screen).matches(QUESTION).count() == 3
        });
    terminal.keys("n\r");
    let outcome = terminal.finish();
    outcome.code(0).stdout_contains("Done.");
    let screen = outcome.stdout_text();
    assert!(
        screen.contains("sh -c \"echo run >> runs\"")
            && screen.contains("{\"a\":\"\\u001b[2K\\u202e\"}"),
        "{screen}"
    );
    assert!(
        !screen.contains("\u{1b}[2K") && !screen.contains('\u{202e}'),
        "{screen}"
    );
    assert_eq!(runs(&home), 1);
    let requests = server.requests();
    assert_eq!(results(&requests[1].json())[0].get("is_error"), None);
    assert_eq!(
        results(&requests[2].json()),
        [failure("t1_2", "the user denied this call")],
        "the scripted model has used an id again"
    );
}

#[test]
fn a_reason_for_a_denial_is_for_the_model() {
    let (server, home) = (two_calls(), counting(""));
    let terminal = asked_in_a_run(&server, &home);
    terminal
        .wait_for(QUESTION)
        .keys("what?\r")
        .wait_for("`n REASON` tells the model why")
        .keys("n Use the Other file\r")
        .wait_until("the second call", |screen| {
            String::from_utf8_lossy(screen).matches(QUESTION).count() == 3
        });
    terminal.keys("y\r");
    terminal.finish().code(0).stdout_contains("Done.");
    assert_eq!(runs(&home), 1);
    assert_eq!(
        results(&server.requests()[1].json()),
        [failure(
            "t1",
            "the user denied this call: Use the Other file"
        )]
    );
}

#[test]
fn always_holds_for_the_run_and_quit_ends_it() {
    let (server, home) = (two_calls(), counting(""));
    let terminal = asked_in_a_run(&server, &home);
    terminal.wait_for(QUESTION).keys("a\r");
    terminal.finish().code(0).stdout_contains("Done.");
    assert_eq!(runs(&home), 2);
    let (server, home) = (two_calls(), counting(""));
    let terminal = asked_in_a_run(&server, &home);
    terminal.wait_for(QUESTION).keys("q\r");
    terminal.finish().signal(2);
    assert_eq!((runs(&home), server.requests().len()), (0, 1));
}

#[test]
fn an_end_of_input_denies_the_call_and_ends_the_row() {
    let server = playing(&[calling(&[("t", json!({}))]), done("Done.")]);
    let home = counting("");
    let terminal = asked_in_a_run(&server, &home);
    terminal.wait_for(QUESTION).keys(CTRL_D);
    let outcome = terminal.finish();
    outcome
        .code(0)
        .stdout_contains(&format!("{QUESTION}\r\n"))
        .stdout_contains("Done.");
    assert_eq!(runs(&home), 0);
    assert_eq!(
        results(&server.requests()[1].json()),
        [failure("t1", "the user denied this call")]
    );
}

#[test]
fn what_was_typed_before_the_question_does_not_answer_it() {
    for typed in ["a", "y"] {
        let (gate, home) = (Gate::new(), counting("confirm = true"));
        let (held, call, end) = (
            gate.clone(),
            calling(&[("t", json!({}))]).to_string(),
            done("Done.").to_string(),
        );
        let server = Server::start(move |_, number| match number {
            0 => Reply::sse_start().wait(&held).body(&call),
            _ => Reply::sse(&end),
        });
        let terminal = tool_run(&server)
            .home(&home)
            .args(["-T", "./t.toml", "-y", "Hi"])
            .on_terminal(200, 24);
        server.wait_for_requests(1);
        // The terminal echoes it, so it has been received.
        terminal
            .keys(&format!("{typed}\r"))
            .wait_for(&format!("{typed}\r\n"));
        gate.open();
        terminal.wait_for(QUESTION).keys("n\r");
        terminal.finish().code(0).stdout_contains("Done.");
        assert_eq!(runs(&home), 0, "{typed}");
        assert_eq!(
            results(&server.requests()[1].json()),
            [failure("t1", "the user denied this call")]
        );
    }
}

#[test]
fn where_stdin_is_a_pipe_the_terminal_is_asked() {
    let (server, home) = (two_calls(), counting(""));
    let run = tool_run(&server)
        .home(&home)
        .args(["-T", "./t.toml"])
        .stdin_bytes("Hi");
    let terminal = run.on_terminal(200, 24);
    terminal.wait_for(QUESTION).keys("a\r");
    terminal.finish().code(0).stdout_contains("Done.");
    assert_eq!(runs(&home), 2);
}

#[test]
fn a_tool_with_confirm_is_asked_for_even_with_yes_and_runs_where_it_is_named() {
    let (server, home) = (two_calls(), counting("confirm = true"));
    let outcome = tool_run(&server)
        .home(&home)
        .args(["-T", "./t.toml", "-y", "Hi"])
        .run();
    outcome.code(0).stderr_contains(
        "denied `t`: cannot ask for confirmation without a terminal; allow it with --allow-tool t",
    );
    assert_eq!(runs(&home), 0);
    let server = two_calls();
    tool_run(&server)
        .home(&home)
        .args(["-T", "./t.toml", "--allow-tool", "t", "Hi"])
        .run()
        .code(0);
    assert_eq!(runs(&home), 2);
}

#[test]
fn the_config_allows_and_denies_and_the_environment_does_not() {
    let home = counting("");
    let run = |config: &str, args: &[&str]| {
        home.write(home.config().join("config.toml"), config);
        let server = two_calls();
        let run = tool_run(&server)
            .home(&home)
            .env("LANGDOCK_YES", "1")
            .env("LANGDOCK_ALLOW_TOOL", "t");
        run.args(["-T", "./t.toml", "Hi"]).args(args).run()
    };
    run("", &[]).code(0);
    assert_eq!(runs(&home), 0);
    run("[tools]\ndeny = [\"t\"]\n", &["-y", "--allow-tool", "t"])
        .code(0)
        .stderr_contains("does not allow this tool");
    assert_eq!(runs(&home), 0);
    run("[tools]\nallow = [\"t\"]\n", &[]).code(0);
    assert_eq!(runs(&home), 2);
    run("[tools]\nalow = [\"t\"]\n", &[]).failed(
        2,
        "line 2: unknown key `tools.alow`",
        "did you mean `allow`?",
    );
    run("[tools]\nallow = \"t\"\n", &[]).failed(
        2,
        "a list of names such as",
        "langdock help config",
    );
}

#[test]
fn who_quits_in_a_conversation_is_told_what_is_left_to_do() {
    let (server, home) = (two_calls(), counting(""));
    let terminal = crate::chat::at_prompt(&server, &home, &["-T", "./t.toml"]);
    terminal
        .keys("Hi\r")
        .wait_for(QUESTION)
        .keys("q\r")
        .wait_for("stopped; /retry sends the message again");
    wait_for_prompt(&terminal, 2);
    leave(terminal).code(0);
    assert_eq!((runs(&home), server.requests().len()), (0, 1));
}

#[test]
fn no_row_of_a_paste_is_an_answer_but_a_reason_may_be_pasted() {
    let home = counting("");
    let server = playing(&[calling(&[("t", json!({}))]), done("Done.")]);
    let terminal = asked_in_chat(&server, &home);
    terminal
        .wait_for(QUESTION)
        .keys("\x1b[200~y\ry\rand more\x1b[201~\r")
        .wait_for("type the answer; pasted text is not one")
        .keys("n \x1b[200~not\rtoday\x1b[201~\r");
    wait_for_prompt(&terminal, 1);
    leave(terminal).code(0);
    assert_eq!(runs(&home), 0);
    let told = said(&server, 1).to_string();
    assert!(told.contains("not today"), "{told}");
}

#[test]
fn a_paste_is_marked_at_the_question_of_a_run_and_not_behind_it() {
    let home = counting("");
    let server = playing(&[calling(&[("t", json!({}))]), done("Done.")]);
    let terminal = asked_in_a_run(&server, &home);
    terminal
        .wait_for(QUESTION)
        .keys("\x1b[200~y\ry\r\x1b[201~\r")
        .wait_for("type the answer; pasted text is not one")
        .keys("n\r");
    let outcome = terminal.finish();
    let screen = outcome.code(0).stdout_text();
    let on = screen.find("\x1b[?2004h").expect("pastes are marked");
    let off = screen
        .rfind("\x1b[?2004l")
        .expect("pastes are no longer marked");
    let asked = screen.find(QUESTION).expect("a question");
    assert!(on < asked && asked < off, "{screen:?}");
    assert_eq!(runs(&home), 0);
}

#[test]
fn what_is_typed_behind_a_question_that_was_interrupted_is_for_the_chat() {
    let home = counting("");
    let server = playing(&[calling(&[("t", json!({}))]), done("Done.")]);
    let terminal = asked_in_chat(&server, &home);
    terminal.wait_for(QUESTION).keys(CTRL_C);
    wait_for_prompt(&terminal, 1);
    terminal.keys("Go on").keys(ENTER);
    wait_for_prompt(&terminal, 2);
    leave(terminal).code(0);
    assert_eq!(runs(&home), 0);
    assert!(
        said(&server, 1).to_string().contains("Go on"),
        "{}",
        said(&server, 1)
    );
}

#[test]
fn who_comes_back_to_a_job_that_was_stopped_at_the_question_is_asked_again() {
    let (server, home) = (
        playing(&[calling(&[("t", json!({}))]), done("Done.")]),
        counting(""),
    );
    let script = format!("set -m; langdock tool-run -m {MODEL} -T ./t.toml Hi; echo stopped; fg");
    let terminal = Langdock::shell(&script)
        .key()
        .against(&server)
        .home(&home)
        .on_terminal(200, 24);
    terminal
        .wait_for(QUESTION)
        .keys("\x1a")
        .wait_for("stopped")
        .wait_until("asked again", |screen| {
            let screen = String::from_utf8_lossy(screen);
            ["command │ ", QUESTION]
                .iter()
                .all(|part| screen.matches(part).count() == 2)
        });
    terminal.keys("y\r");
    terminal.finish().code(0).stdout_contains("Done.");
    assert_eq!(runs(&home), 1);
}
