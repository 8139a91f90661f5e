//! A request that the API refuses: what it contained is not sent again as it was, and the
//! conversation goes on.

use serde_json::{Value, json};

use super::{calling, done, shell_tool, tool_run};
use crate::{
    chat::{ENTER, at_prompt, leave, wait_for_prompt},
    support::{command::Langdock, home::Home, reply::Reply, sending::send, server::Server},
};

/// The words for the model in the place of each result.
const LEFT_OUT: &str =
    "The result of this call is left out, because the API refused a request that contained it.";

/// Refuses every request that has `poison` in it, and else plays a call and then answers.
fn refusing_poison() -> Server {
    Server::start(|request, _| {
        let body = request.json();
        let text = body["messages"].to_string();
        if text.contains("poison") {
            let message = "messages.2.content.0: Could not process image";
            let error = json!({"type": "invalid_request_error", "message": message});
            return Reply::json(400, &json!({"type": "error", "error": error}));
        }
        let has_called = text.contains("tool_use");
        let stream = if has_called {
            done("Go on.")
        } else {
            calling(&[("t", json!({})), ("t", json!({"n": 2}))])
        };
        Reply::sse(stream.to_string())
    })
}

/// A run whose results are refused.
fn refused_run(server: &Server) -> Home {
    let home = shell_tool("echo poison", "");
    let outcome = tool_run(server)
        .home(&home)
        .args(["-T", "./t.toml", "-y", "Hi"])
        .run();
    outcome.code(3).stderr_contains(
        "hint: a note replaces the results of `t` in the conversation; continue with `langdock \
         tool-run -c`, or take the turn back with /undo in `langdock chat -c`; ",
    );
    assert_eq!(server.requests().len(), 2, "{outcome}");
    home
}

#[track_caller]
fn check_replaced(messages: &Value, said: &str) {
    let result = |id: &str| json!({"type": "tool_result", "tool_use_id": id, "content": LEFT_OUT});
    assert_eq!(
        messages[2]["content"],
        json!([result("t1"), result("t2"), {"type": "text", "text": said}])
    );
}

#[test]
fn refused_results_are_replaced_in_the_next_run_and_in_a_copy() {
    let server = refusing_poison();
    let home = refused_run(&server);
    let next = |command: Langdock, args: &[&str]| {
        command
            .home(&home)
            .args(["-c", "-q", "-T", "./t.toml"])
            .args(args)
            .run()
            .code(0)
            .stdout("Go on.\n");
        let requests = server.requests();
        requests.last().expect("a request").json()["messages"].clone()
    };
    let forked = next(send(&server), &["--fork", "And now?"]);
    check_replaced(&forked, "And now?");
    let same = next(tool_run(&server), &["And then?"]);
    assert_eq!(same[2], forked[2]);
}

#[test]
fn a_refused_message_is_left_out_and_so_are_the_results_before_it_that_nobody_accepted() {
    let home = shell_tool("echo poison", "");
    let failing = Server::start(|_, number| match number {
        0 => Reply::sse(calling(&[("t", json!({})), ("t", json!({}))]).to_string()),
        _ => Reply::status(500),
    });
    tool_run(&failing)
        .home(&home)
        .args(["-T", "./t.toml", "-y", "--max-retries", "0", "Hi"])
        .run()
        .code(5);
    let server = refusing_poison();
    let run = |words: &str| {
        send(&server)
            .home(&home)
            .args([
                "-c",
                "-T",
                "./t.toml",
                "--base-url",
                &server.base_url(),
                words,
            ])
            .run()
    };
    run("And?").code(3).stderr_contains(
        "hint: the refused message is left out of the conversation; a note replaces the results of \
         `t` in the conversation; ",
    );
    run("Again?").code(0).stdout("Go on.\n");
    let requests = server.requests();
    check_replaced(&requests.last().expect("two").json()["messages"], "Again?");
}

#[test]
fn in_chat_the_conversation_lives_on_saved_or_not() {
    for args in [&[][..], &["-n"]] {
        let server = refusing_poison();
        let home = shell_tool("echo poison", "");
        let args = [&["-T", "./t.toml", "-y"], args].concat();
        let terminal = at_prompt(&server, &home, &args);
        terminal.keys("Hi").keys(ENTER);
        terminal.wait_for("take the turn back with /undo; /drop removes attachments");
        wait_for_prompt(&terminal, 2);
        terminal.keys("And now?").keys(ENTER);
        terminal.wait_for("Go on.");
        wait_for_prompt(&terminal, 3);
        terminal.keys("the poison").keys(ENTER);
        terminal.wait_for("the refused message is left out");
        wait_for_prompt(&terminal, 4);
        // The message is offered again; Ctrl-U takes it away.
        terminal.keys("\u{15}");
        leave(terminal).code(0);
        check_replaced(&server.requests()[2].json()["messages"], "And now?");
    }
}

#[test]
fn a_refusal_of_an_option_or_of_the_account_leaves_the_results_alone() {
    for message in [
        "Your credit balance is too low to access the Anthropic API.",
        "`temperature` is deprecated for this model.",
    ] {
        let home = shell_tool("echo fine", "");
        let server = Server::start(move |_, number| match number {
            0 => Reply::sse(calling(&[("t", json!({}))]).to_string()),
            1 => {
                let error = json!({"type": "invalid_request_error", "message": message});
                Reply::json(400, &json!({"type": "error", "error": error}))
            }
            _ => Reply::sse(done("Go on.").to_string()),
        });
        let run = |args: &[&str]| {
            tool_run(&server)
                .home(&home)
                .args(["-T", "./t.toml", "-y", "--set", "temperature=0.5"])
                .args(args)
                .run()
        };
        let outcome = run(&["Hi"]);
        outcome.code(3);
        outcome.stderr_lacks("replaces");
        run(&["-c", "-q", "--no-check", "And now?"]).code(0);
        let content = server.requests()[2].json()["messages"][2]["content"].clone();
        assert_eq!(content[0]["content"], "fine\n", "{content}");
    }
}
