//! `--auto-continue`: an answer that was cut off is continued, and its parts are one answer.

use serde_json::{Value, json};

use crate::chat::{ENTER, at_prompt, leave, messages, text_of, wait_for_prompt};
use crate::support::{
    command::Langdock,
    events::{Stream, answer, error},
    home::Home,
    reply::Reply,
    sending::send,
    server::Server,
};

/// A model that continues no prefill.
const WORDS_MODEL: &str = "claude-sonnet-5-default";

/// A stream with this text that ends for this reason.
fn part(text: &str, reason: &str) -> String {
    let stream = Stream::new().start().text_block([text]).stop(reason);
    stream.to_string()
}

/// Plays these streams, one for each request; the last one again and again.
fn playing(streams: &[String]) -> Server {
    let streams = streams.to_vec();
    Server::start(move |_, number| Reply::sse(&streams[number.min(streams.len() - 1)]))
}

/// Asserts that a command continues an answer that `max_tokens` cut off.
pub(crate) fn is_continued(command: impl Fn(&Server) -> Langdock) {
    let server = playing(&[part("one two ", "max_tokens"), part(" three\n", "end_turn")]);
    command(&server)
        .args(["Hi", "--auto-continue", "2"])
        .run()
        .code(0)
        .stdout("one two three\n")
        .stderr_empty();
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    let messages = &requests[1].json()["messages"];
    assert_eq!(
        messages[1],
        json!({"role": "assistant", "content": "one two"})
    );
}

#[test]
fn a_model_that_takes_no_prefill_is_asked_for_the_last_line() {
    let server = playing(&[
        part("First line.\nThe second li", "max_tokens"),
        part("The second line.\n", "end_turn"),
    ]);
    send(&server)
        .args(["Hi", "--auto-continue", "1", "-m", WORDS_MODEL])
        .run()
        .code(0)
        .stdout("First line.\nThe second line.\n")
        .stderr_empty();
    let messages = server.requests()[1].json()["messages"].clone();
    assert_eq!(messages[1]["content"], "First line.\nThe second li");
    assert_eq!(messages[2]["role"], "user");
    let asked = text_of(&messages[2]["content"]);
    assert!(asked.contains("\n\nThe second li\n\n"), "{asked}");
}

#[test]
fn a_connection_that_broke_is_continued_too() {
    let begun = Stream::new().start().open_text_block(["one "]).to_string();
    let rest = part(" two", "end_turn");
    let server = Server::start(move |_, number| match number {
        0 => Reply::sse_start().body(&begun).close(),
        _ => Reply::sse(&rest),
    });
    send(&server)
        .args(["Hi", "--auto-continue", "1"])
        .run()
        .code(0)
        .stdout("one two\n")
        .stderr_empty();
}

#[test]
fn an_answer_that_the_time_limit_of_the_call_ended_is_not_continued() {
    let begun = Stream::new().start().open_text_block(["one "]).to_string();
    let server = Server::start(move |_, _| Reply::sse_start().body(&begun).wait_for_hang_up());
    send(&server)
        .args(["Hi", "--auto-continue", "3", "--timeout", "300ms"])
        .run()
        .code(8)
        .stdout("one \n")
        .stderr_contains("--timeout");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn json_counts_the_parts_and_adds_up_the_usage() {
    let server = playing(&[part("one", "max_tokens"), part(" two", "end_turn")]);
    let outcome = send(&server)
        .args(["Hi", "--auto-continue", "5", "--json"])
        .run();
    let message = outcome.code(0).stderr_empty().stdout_json();
    assert_eq!(
        message["content"],
        json!([{"type": "text", "text": "one two"}])
    );
    assert_eq!(message["langdock"]["parts"], 2);
    assert_eq!(message["langdock"]["complete"], true);
    assert_eq!(message["stop_reason"], "end_turn");
    let single = send(&playing(&[part("one", "end_turn")]))
        .args(["Hi", "--json"])
        .run()
        .stdout_json();
    assert_eq!(single["langdock"]["parts"], Value::Null);
    let count = |message: &Value| message["usage"]["output_tokens"].as_u64().unwrap();
    assert_eq!(count(&message), 2 * count(&single));
}

#[test]
fn events_are_those_of_one_message() {
    let server = playing(&[part("one ", "max_tokens"), part(" two", "end_turn")]);
    let outcome = send(&server)
        .args(["Hi", "--auto-continue", "1", "--jsonl"])
        .run();
    let lines = outcome.code(0).stderr_empty().stdout_json_lines();
    let count = |kind: &str| lines.iter().filter(|line| line["type"] == kind).count();
    for kind in [
        "message_start",
        "content_block_start",
        "content_block_stop",
        "message_stop",
    ] {
        assert_eq!(count(kind), 1, "{kind}");
    }
    let text: String = lines
        .iter()
        .filter_map(|line| line["delta"]["text"].as_str())
        .collect();
    assert_eq!(text, "one two");
}

#[test]
fn an_answer_with_a_tool_call_is_not_continued() {
    let cut = Stream::new()
        .start()
        .text_block(["Let me see."])
        .tool_use_block("t1", "look", ["{\"a\": 1"])
        .stop("max_tokens");
    let server = playing(&[cut.to_string()]);
    let home = Home::new();
    home.write(
        "work/t.toml",
        "[[tool]]\nname = \"look\"\ninput_schema = { type = \"object\" }\nshell = \"echo 42\"\n",
    );
    send(&server)
        .home(&home)
        .args(["Hi", "--auto-continue", "3", "-T", "./t.toml"])
        .run()
        .code(9);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_part_that_fails_before_its_first_delta_leaves_the_exit_code_of_the_part_before_it() {
    let first = part("one ", "max_tokens");
    let server = Server::start(move |_, number| match number {
        0 => Reply::sse(&first),
        _ => Reply::json(400, &error("invalid_request_error", "No.")),
    });
    send(&server)
        .args(["Hi", "--auto-continue", "3"])
        .run()
        .code(9)
        .stdout("one \n")
        .stderr_contains("cannot continue the answer: ");
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn no_more_requests_are_sent_than_were_allowed() {
    for (allowed, requests) in [("0", 1), ("2", 3)] {
        let server = playing(&[part("more", "max_tokens")]);
        send(&server)
            .args(["Hi", "--auto-continue", allowed])
            .run()
            .code(9)
            .stderr_contains("--auto-continue");
        assert_eq!(server.requests().len(), requests);
    }
    send(&playing(&[answer(&["ok"])]))
        .args(["Hi", "--auto-continue", "21"])
        .run()
        .code(2)
        .stdout("")
        .stderr_contains("from 0 to 20");
}

#[test]
fn a_conversation_has_one_answer_without_the_thinking_of_its_parts() {
    let first = Stream::new()
        .start()
        .thinking_block("hm", "sig")
        .text_block(["one"])
        .stop("max_tokens");
    let server = playing(&[
        first.to_string(),
        part(" two", "end_turn"),
        part("ok", "end_turn"),
    ]);
    let home = Home::new();
    for prompt in ["Hi", "And?"] {
        send(&server)
            .home(&home)
            .args([prompt, "--auto-continue", "1", "--session", "s", "-q"])
            .run()
            .code(0);
    }
    let messages = server.requests()[2].json()["messages"].clone();
    assert_eq!(
        messages,
        json!([
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "one two"},
            {"role": "user", "content": "And?"},
        ])
    );
}

#[test]
fn a_schema_is_checked_against_the_joined_text_once() {
    let server = playing(&[
        part("{\"name\": \"Rhi", "max_tokens"),
        part("ne\"}", "end_turn"),
    ]);
    let schema = r#"{"type": "object", "properties": {"name": {"type": "string"}}}"#;
    send(&server)
        .args([
            "Hi",
            "--auto-continue",
            "1",
            "--schema",
            schema,
            "--schema-mode",
            "prompt",
        ])
        .run()
        .code(0)
        .stdout("{\"name\":\"Rhine\"}\n");
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn continue_in_chat_shows_the_rest_without_the_line_that_is_repeated() {
    let server = playing(&[
        part("First.\nThe second li", "max_tokens"),
        part("The second line.", "end_turn"),
        part("ok", "end_turn"),
    ]);
    let terminal = at_prompt(&server, &Home::new(), &["-m", WORDS_MODEL, "Hi"]);
    terminal
        .wait_for("max_tokens")
        .keys("/continue")
        .keys(ENTER);
    wait_for_prompt(&terminal, 2);
    terminal.keys("More").keys(ENTER);
    wait_for_prompt(&terminal, 3);
    leave(terminal).code(0);
    let said = messages(&server, 2);
    assert_eq!(said[1]["content"], "First.\nThe second li");
    assert_eq!(said[3], json!({"role": "assistant", "content": "ne."}));
}
