//! The loop: the model's calls are run and their results sent back, until the model is done.

use serde_json::{Value, json};

use super::{calling, done, failure, playing, results, shell_tool, toml, tool_run};
use crate::support::{
    command::Langdock, events::Stream, home::Home, screen::rows_of, sending::answering,
};
use crate::tokens::log_of;

#[test]
fn results_go_back_in_the_order_of_the_calls_in_one_message_over_one_connection() {
    // The first call ends last, because it waits for the second.
    let home = Home::new();
    let tools = toml("a", "while ! [ -e b ]; do sleep 0.01; done; echo A", "")
        + &toml("b", "echo B; touch b", "");
    home.write("work/t.toml", tools);
    let first = Stream::new()
        .start()
        .thinking_block("hm", "sig")
        .text_block(["I look."])
        .tool_use_block("t1", "a", [r#"{"x": 1}"#])
        .tool_use_block("t2", "b", ["{}"])
        .stop("tool_use");
    let server = playing(&[first.clone(), done("Done.")]);
    let outcome = tool_run(&server)
        .home(&home)
        .args(["-T", "./t.toml", "-y", "Hi"])
        .run();
    outcome.code(0).stdout("I look.\nDone.\n");
    outcome
        .stderr_contains("langdock: tool a {\"x\":1} (")
        .stderr_contains(" s): A\n")
        .stderr_contains("tool b {} (");
    let requests = server.requests();
    assert_eq!((requests.len(), server.connections()), (2, 1));
    let body = requests[1].json();
    let result =
        |id: &str, text: &str| json!({"type": "tool_result", "tool_use_id": id, "content": text});
    assert_eq!(results(&body), [result("t1", "A\n"), result("t2", "B\n")]);
    assert_eq!(
        body["messages"][1],
        json!({"role": "assistant", "content": first.message()["content"]})
    );
    assert_eq!(body["tools"], requests[0].json()["tools"]);
    assert_eq!(
        body["tools"][0],
        json!({"name": "a", "input_schema": {"type": "object"}})
    );
}

#[test]
fn a_limit_that_is_only_assumed_is_mentioned_once_in_a_run() {
    let home = shell_tool("echo 42", "");
    let server = playing(&[calling(&[("t", json!({}))]), done("Done.")]);
    // A dedicated deployment has the same limits as Langdock's own hosts.
    let base = format!("http://{}/api/public", server.address());
    let outcome = tool_run(&server)
        .home(&home)
        .args([
            "--base-url",
            &base,
            "--no-pace",
            "-T",
            "./t.toml",
            "-y",
            "Hi",
        ])
        .stdin_bytes("several words ".repeat(40_000))
        .run();
    outcome.code(0).stdout("Done.\n");
    assert_eq!(server.requests().len(), 2);
    let mentions = outcome.stderr.matches("60,000 tokens per minute").count();
    assert_eq!(mentions, 1, "{outcome}");
}

#[test]
fn four_tools_of_one_turn_run_side_by_side() {
    // Each call waits until all four have started.
    let line = "touch \"$LANGDOCK_TOOL_USE_ID\"; until [ -e t1 ] && [ -e t2 ] && [ -e t3 ] && [ -e t4 ]; do sleep 0.01; done; echo ok";
    let home = shell_tool(line, "");
    let calls = [(); 4].map(|()| ("t", json!({})));
    let server = playing(&[calling(&calls), done("Done.")]);
    tool_run(&server)
        .home(&home)
        .args(["-T", "./t.toml", "-y", "Hi"])
        .run()
        .code(0)
        .stdout("Done.\n");
    assert!(
        results(&server.requests()[1].json())
            .iter()
            .all(|result| result["content"] == "ok\n")
    );
}

#[test]
fn what_cannot_be_run_is_told_to_the_model_and_does_not_end_the_run() {
    let home = Home::new();
    let schema = "{ type = \"object\", required = [\"n\"] }";
    let strict =
        format!("[[tool]]\nname = \"strict\"\ninput_schema = {schema}\ncommand = [\"true\"]\n");
    home.write(
        "work/t.toml",
        strict + &toml("t", "exit 3", "") + &toml("secret", "touch ran", ""),
    );
    let calls = [
        ("strict", json!({})),
        ("t", json!({})),
        ("tt", json!({})),
        ("secret", json!({})),
        ("unsaid", json!({})),
    ];
    let server = playing(&[calling(&calls), done("Done.")]);
    let args = [
        "-T",
        "./t.toml",
        "--allow-tool",
        "t",
        "--allow-tool",
        "strict",
        "Hi",
    ];
    let outcome = tool_run(&server).home(&home).args(args).run();
    outcome
        .code(0)
        .stdout("Done.\n")
        .stderr_contains("denied `secret`: cannot ask for confirmation without a terminal");
    let expected = [
        failure(
            "t1",
            "the input does not fit the schema of `strict`: \"n\" is a required property",
        ),
        failure("t2", "the tool failed with exit code 3"),
        failure("t3", "no tool `tt`; available tools: strict, t, secret"),
        failure(
            "t4",
            "this call needs the user's approval, and no user was there to give it",
        ),
        failure("t5", "no tool `unsaid`; available tools: strict, t, secret"),
    ];
    let told = results(&server.requests()[1].json());
    assert_eq!(told[..2], expected[..2]);
    assert_eq!(told[3..], expected[3..]);
    assert!(
        told[2]["content"]
            .as_str()
            .is_some_and(|why| why.starts_with("no tool `tt`")),
        "{}",
        told[2]
    );
    assert!(!home.work().join("ran").exists());
}

#[test]
fn an_image_goes_back_as_an_image_block() {
    let home = shell_tool(
        "printf 'GIF89a\\001\\000\\001\\000\\000\\000\\000;'",
        "result = \"image\"",
    );
    let server = playing(&[calling(&[("t", json!({}))]), done("A dot.")]);
    let outcome = tool_run(&server)
        .home(&home)
        .args(["-T", "./t.toml", "-y", "Hi"])
        .run();
    outcome
        .code(0)
        .stdout("A dot.\n")
        .stderr_contains("an image of 14 bytes");
    let source =
        json!({"type": "base64", "media_type": "image/gif", "data": "R0lGODlhAQABAAAAADs="});
    let expected = json!([{"type": "image", "source": source}]);
    assert_eq!(
        results(&server.requests()[1].json())[0]["content"],
        expected
    );
}

#[test]
fn escape_sequences_of_a_tool_do_not_touch_the_terminal() {
    let home = shell_tool("printf '\\033[2J\\033]0;title\\007\\302\\233'", "");
    let input = json!({"a": "\u{1b}[31m\u{202e}"});
    let server = playing(&[calling(&[("t", input)]), done("ok")]);
    let terminal = tool_run(&server)
        .home(&home)
        .args(["-T", "./t.toml", "-y", "Hi"])
        .on_terminal(200, 24);
    let outcome = terminal.finish();
    outcome.code(0).stdout_contains("␛[2J␛]0;title␇<U+009B>");
    let screen = outcome.stdout_text();
    assert!(
        !screen.contains("\u{1b}[2J")
            && !screen.contains("\u{1b}]0")
            && !screen.contains('\u{202e}'),
        "{screen}"
    );
    // The model gets the raw output.
    let told = results(&server.requests()[1].json());
    assert_eq!(told[0]["content"], "\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}");
    let by_hand = Langdock::new().home(&home);
    let by_hand = by_hand
        .args(["tool-run", "-T", "./t.toml", "--call", "t", "{}"])
        .on_terminal(80, 24)
        .finish();
    assert!(!by_hand.code(0).stdout_text().contains("\u{1b}[2J"));
}

#[test]
fn a_text_in_the_input_keeps_its_trailing_newlines() {
    let input = json!({"text": "one\n\n"});
    let server = playing(&[calling(&[("t", input.clone())]), done("Done.")]);
    let run = tool_run(&server)
        .home(&shell_tool("cat", ""))
        .args(["-T", "./t.toml", "-y", "Hi"])
        .run();
    run.code(0);
    let sent = server.requests()[1].json();
    assert_eq!(sent["messages"][1]["content"][0]["input"], input);
    assert_eq!(results(&sent)[0]["content"], input.to_string());
}

#[test]
fn a_call_that_was_cut_off_is_not_run() {
    let home = shell_tool("touch ran", "");
    let cut = Stream::new()
        .start()
        .tool_use_block("t1", "t", [r#"{"a": "#])
        .stop("max_tokens");
    let server = playing(&[cut]);
    let outcome = tool_run(&server)
        .home(&home)
        .args(["-T", "./t.toml", "-y", "Hi"])
        .run();
    outcome.failed(9, "the answer was cut off", "--max-tokens");
    assert!(!home.work().join("ran").exists());
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_pause_goes_on_where_it_was() {
    let home = shell_tool("true", "");
    let paused = Stream::new()
        .start()
        .text_block(["One,"])
        .stop("pause_turn");
    let server = playing(&[paused, done(" two.")]);
    tool_run(&server)
        .home(&home)
        .args(["-T", "./t.toml", "Hi"])
        .run()
        .code(0)
        .stdout("One,\n two.\n")
        .stderr_empty();
    let expected =
        json!([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "One,"}]);
    assert_eq!(server.requests()[1].json()["messages"], expected);
}

#[test]
fn an_answer_that_is_gone_on_with_after_a_pause_is_complete_in_the_log() {
    for command in ["tool-run", "chat"] {
        let home = shell_tool("true", "");
        let paused = Stream::new()
            .start()
            .text_block(["One,"])
            .stop("pause_turn");
        let server = playing(&[paused, done(" two.")]);
        Langdock::new()
            .key()
            .against(&server)
            .home(&home)
            .args([command, "-m", "m", "-T", "./t.toml", "Hi"])
            .run()
            .code(0)
            .stdout("One,\n two.\n");
        let log = log_of(&home);
        let outcomes: Vec<_> = log.iter().map(|line| &line["outcome"]).collect();
        assert_eq!(outcomes, ["complete", "complete"], "{command}");
    }
}

#[test]
fn a_call_of_the_callers_own_tool_ends_the_run_and_is_printed() {
    let home = Home::new();
    home.write("work/t.toml", toml("t", "echo ran", ""));
    home.write(
        "work/mine.json",
        r#"{"name": "mine", "input_schema": {"type": "object"}}"#,
    );
    let second = Stream::new()
        .start()
        .text_block(["Yours."])
        .tool_use_block("t2", "mine", ["{}"])
        .stop("tool_use");
    let server = playing(&[calling(&[("t", json!({}))]), second]);
    let args = ["-T", "./t.toml", "-T", "./mine.json", "-y", "-q", "Hi"];
    let outcome = tool_run(&server).home(&home).args(args).run();
    outcome.code(0).stderr("Yours.\n");
    assert_eq!(
        outcome.stdout_json(),
        json!({"type": "tool_use", "id": "t2", "name": "mine", "input": {}})
    );
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_forced_choice_holds_for_the_first_request() {
    let home = shell_tool("true", "");
    let server = playing(&[calling(&[("t", json!({}))]), done("ok")]);
    tool_run(&server)
        .home(&home)
        .args(["-T", "./t.toml", "-y", "--tool-choice", "t", "Hi"])
        .run()
        .code(0);
    let choices: Vec<Value> = server
        .requests()
        .iter()
        .map(|request| request.json()["tool_choice"].clone())
        .collect();
    assert_eq!(
        choices,
        [
            json!({"type": "tool", "name": "t"}),
            json!({"type": "auto"})
        ]
    );
}

#[test]
fn json_lines_have_calls_and_results_where_they_happen() {
    let home = shell_tool("echo out", "");
    let server = playing(&[calling(&[("t", json!({"a": 1}))]), done("ok")]);
    let outcome = tool_run(&server)
        .home(&home)
        .args(["-T", "./t.toml", "-y", "-q", "--jsonl", "Hi"])
        .run();
    let lines = outcome.code(0).stderr_empty().stdout_json_lines();
    let kinds: Vec<&str> = lines
        .iter()
        .filter_map(|line| line["type"].as_str())
        .collect();
    let place = |kind: &str| kinds.iter().position(|other| *other == kind).expect(kind);
    assert!(
        place("message_stop") < place("tool_call") && place("tool_call") < place("tool_result"),
        "{kinds:?}"
    );
    assert_eq!(kinds.iter().filter(|kind| **kind == "result").count(), 1);
    assert_eq!(kinds.last(), Some(&"result"));
    let call = &lines[place("tool_call")];
    assert_eq!(
        *call,
        json!({"type": "tool_call", "id": "t1", "name": "t", "input": {"a": 1}})
    );
    let result = &lines[place("tool_result")];
    assert_eq!(
        (
            &result["tool_use_id"],
            &result["content"],
            &result["is_error"]
        ),
        (&json!("t1"), &json!("out\n"), &json!(false))
    );
}

#[test]
fn each_request_is_in_the_log() {
    let home = shell_tool("true", "");
    let server = playing(&[calling(&[("t", json!({}))]), done("ok")]);
    tool_run(&server)
        .home(&home)
        .args(["-T", "./t.toml", "-y", "Hi"])
        .run()
        .code(0);
    let usage = Langdock::new()
        .home(&home)
        .args(["usage", "--by", "command"])
        .run();
    usage
        .code(0)
        .stdout_contains("tool-run")
        .stdout_contains("2");
}

#[test]
fn bad_tools_send_nothing() {
    let (server, home) = (answering("ok"), shell_tool("true", "confirm = 1"));
    let outcome = tool_run(&server)
        .home(&home)
        .args(["-T", "./t.toml", "Hi"])
        .run();
    outcome.failed(
        2,
        "`./t.toml`: line 5: tool `t`: `confirm`: must be `true` or `false`",
        "langdock help tool-run",
    );
    home.write("work/t.toml", toml("t", "true", ""));
    let mistyped = tool_run(&server)
        .home(&home)
        .args(["-T", "./t.toml", "--allow-tool", "x", "Hi"])
        .run();
    mistyped.failed(2, "--allow-tool: no tool `x`", "--list");
    assert_eq!(server.connections(), 0);
}

#[test]
fn on_a_terminal_each_answer_begins_a_row_of_its_own() {
    let (before, after) = ("before ".repeat(8), "after ".repeat(8));
    let calls = Stream::new()
        .start()
        .text_block([before.trim_end()])
        .tool_use_block("t1", "t", ["{}"])
        .stop("tool_use");
    let (server, home) = (
        playing(&[calls, done(after.trim_end())]),
        shell_tool("echo ok", ""),
    );
    let terminal = tool_run(&server)
        .home(&home)
        .args(["-T", "./t.toml", "-y", "Hi"])
        .on_terminal(80, 24);
    let outcome = terminal.finish();
    outcome
        .code(0)
        .stdout_contains(before.trim_end())
        .stdout_contains(after.trim_end());
}

#[test]
fn all_of_a_run_is_saved_as_one_line_of_conversation() {
    let (server, home) = (
        playing(&[calling(&[("t", json!({}))]), done("Done.")]),
        shell_tool("echo ok", ""),
    );
    tool_run(&server)
        .home(&home)
        .args(["-T", "./t.toml", "-y", "Hi"])
        .run()
        .code(0)
        .stdout("Done.\n");
    let shown = Langdock::new().home(&home).args(["session", "show"]).run();
    shown
        .code(0)
        .stderr_empty()
        .stdout_contains("## You\n\nHi\n")
        .stdout_contains("```call t\n{}\n```");
    shown
        .stdout_contains("```result\nok")
        .stdout_contains("\n\nDone.\n");
}

#[test]
fn the_calls_of_a_conversation_that_continues_without_tools_are_sent_as_text() {
    let home = shell_tool("echo 1", "");
    let demo = |args: &[&str]| {
        Langdock::new()
            .home(&home)
            .args(args)
            .args(["--demo", "--session", "s", "Use t."])
            .run()
    };
    let _ = demo(&["tool-run", "-T", "./t.toml", "-y"]).code(0);
    demo(&["send"])
        .code(0)
        .stderr_contains("are sent as text, because this request has no tools; -T adds some");
    let _ = demo(&["send", "-T", "./t.toml"]).code(0);
}

#[test]
fn what_is_running_is_told_on_a_terminal_and_leaves_no_trace() {
    let home = Home::new();
    let tools = toml("a", "while ! [ -e a ]; do sleep 0.01; done", "")
        + &toml("b", "while ! [ -e b ]; do sleep 0.01; done", "");
    home.write("work/t.toml", tools);
    let both = Stream::new()
        .start()
        .tool_use_block("t1", "a", ["{}"])
        .tool_use_block("t2", "b", ["{}"]);
    let server = playing(&[both.stop("tool_use"), done("Done.")]);
    let terminal = tool_run(&server)
        .home(&home)
        .args(["-T", "./t.toml", "-y", "Hi"])
        .on_terminal(80, 24);
    terminal.wait_for("s running a, b");
    home.write("work/a", "");
    terminal.wait_for("tool a {} (").wait_for("s running b");
    home.write("work/b", "");
    let outcome = terminal.finish();
    let screen = rows_of(&outcome.code(0).stdout, 80, 24);
    assert!(
        screen.len() == 3 && !screen.join("\n").contains("running"),
        "{screen:?}"
    );
}

#[test]
fn an_empty_answer_to_results_is_asked_for_once_more_and_then_exit_8() {
    let empty = Stream::new().start().stop("end_turn");
    for (streams, code, stdout) in [
        (
            vec![calling(&[("t", json!({}))]), empty.clone(), done("Done.")],
            0,
            "Done.\n",
        ),
        (vec![calling(&[("t", json!({}))]), empty], 8, ""),
    ] {
        let (server, home) = (playing(&streams), shell_tool("echo hi", ""));
        let outcome = tool_run(&server)
            .home(&home)
            .args(["-T", "./t.toml", "-y", "Hi"])
            .run();
        outcome
            .code(code)
            .stdout(stdout)
            .stderr_contains("the answer is empty; asking again");
        let requests = server.requests();
        assert_eq!(requests.len(), 3, "{outcome}");
        assert_eq!(requests[1].json(), requests[2].json());
    }
}
