//! Thinking is sent back only to the model and in the conversation that produced it.

use serde_json::{Value, json};

use crate::session::saying;
use crate::support::{
    command::Langdock, events::Stream, home::Home, outcome::Outcome, reply::Reply, sending::send,
    server::Server,
};
use crate::tools::{shell_tool, tool_run};

const REFUSAL: &str = "messages.1.content.0: Invalid `signature` in `thinking` block. The block is \
                       bound to a different conversation.";

fn thoughtful() -> Stream {
    let delta = json!({"type": "thinking_delta", "thinking": "hm"});
    let seal = json!({"type": "signature_delta", "signature": "s1"});
    Stream::new()
        .start()
        .grown_block(
            &json!({"type": "thinking", "thinking": "", "signature": ""}),
            &[delta, seal],
        )
        .text_block(["Yes."])
        .stop("end_turn")
}

fn server() -> Server {
    let stream = thoughtful().to_string();
    Server::start(move |_, _| Reply::sse(&stream))
}

/// Returns the number of thinking blocks in the last request.
fn thinking(server: &Server) -> usize {
    let body = server.requests().pop().unwrap().json();
    assert!(!body.to_string().contains("sent_after"), "{body}");
    body.to_string().matches(r#""type":"thinking""#).count()
}

#[test]
fn it_goes_back_to_the_same_conversation_and_is_left_out_after_a_change() {
    let (server, home) = (server(), Home::new());
    let run = |args: &[&str]| {
        saying(&server, &home, &["--session", "x"])
            .args(args)
            .run()
            .code(0)
            .stderr_lacks("thinking");
    };
    run(&["one"]);
    run(&["two"]);
    assert_eq!(thinking(&server), 1);
    let export = Langdock::new()
        .home(&home)
        .args(["session", "export", "x", "--json"])
        .run();
    assert!(
        !export.code(0).stdout_text().contains("sent_after"),
        "{export}"
    );
    run(&["three"]);
    assert_eq!(thinking(&server), 2);
    run(&["four", "-n", "-s", "Be brief."]);
    assert_eq!(thinking(&server), 0);
    run(&["five", "-n", "-m", "claude-other"]);
    assert_eq!(thinking(&server), 0);
    run(&["six", "-n"]);
    assert_eq!(thinking(&server), 3);
}

#[test]
fn the_message_that_is_printed_has_no_hash() {
    let outcome: Outcome = send(&server())
        .args(["--session", "x", "--json", "one"])
        .run();
    let thinking = &outcome.code(0).stdout_json()["content"][0];
    assert_eq!(
        *thinking,
        json!({"type": "thinking", "thinking": "hm", "signature": "s1"})
    );
}

#[test]
fn a_refusal_of_it_sends_the_request_once_more_without() {
    let stream = thoughtful().to_string();
    let refusal: Value =
        json!({"type": "error", "error": {"type": "invalid_request_error", "message": REFUSAL}});
    let server = Server::start(move |request, _| {
        let has_thinking = request.text().contains(r#""type":"thinking""#);
        if has_thinking {
            Reply::json(400, &refusal)
        } else {
            Reply::sse(&stream)
        }
    });
    let home = Home::new();
    let run = |text: &str| saying(&server, &home, &["--session", "x", text]).run();
    run("one").code(0);
    run("two")
        .code(0)
        .stdout("Yes.\n")
        .stderr_contains("earlier thinking belongs to another conversation");
    assert_eq!(server.requests().len(), 3);
    assert_eq!(thinking(&server), 0);
}

#[test]
fn a_refusal_of_it_in_a_tool_turn_is_followed_by_requests_without_it() {
    let step = |signature: &str, call: bool| {
        let seal = json!({"type": "signature_delta", "signature": signature});
        let thinking = json!({"type": "thinking", "thinking": "", "signature": ""});
        let stream = Stream::new().start().grown_block(&thinking, &[seal]);
        let stream = if call {
            stream
                .tool_use_block(signature, "t", ["{}"])
                .stop("tool_use")
        } else {
            stream.text_block(["Yes."]).stop("end_turn")
        };
        stream.to_string()
    };
    let steps = [step("s2", true), step("s3", true), step("s4", false)];
    let refusal: Value =
        json!({"type": "error", "error": {"type": "invalid_request_error", "message": REFUSAL}});
    let first = thoughtful().to_string();
    let server = Server::start(move |request, nth| {
        if nth == 0 {
            return Reply::sse(&first);
        }
        // Thinking of the turn before is refused, and that of this one has to come back.
        let body = request.json();
        if request.text().contains(r#""signature":"s1""#) {
            return Reply::json(400, &refusal);
        }
        let signatures = request.text().matches(r#""signature":"s"#).count();
        let results = request.text().matches(r#""type":"tool_result""#).count();
        assert_eq!(signatures, results, "{body}");
        Reply::sse(&steps[results])
    });
    let home = shell_tool("echo found", "");
    let run = |text: &str| {
        let run = tool_run(&server).home(&home);
        run.args(["--session", "x", "-T", "./t.toml", "-y", text])
            .run()
    };
    run("one").code(0);
    let second = run("two");
    second.code(0).stdout_contains("Yes.");
    let notice = "earlier thinking belongs to another conversation";
    assert_eq!(second.stderr.matches(notice).count(), 1, "{second}");
    let refused = server.requests().len() - 4;
    assert_eq!(refused, 1, "each further step is sent as the first one was");
}
