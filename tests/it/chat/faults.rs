//! Every failure of server and network, one after the other in a single conversation: the
//! conversation continues, text that got no answer is offered again, and partial answers are kept.

use std::{collections::HashSet, sync::Mutex};

use serde_json::{Value, json};

use super::{ENTER, at_prompt, chat, leave, wait_for_prompt};
use crate::support::{
    command::Langdock,
    events::{Stream, answer, error},
    home::Home,
    reply::Reply,
    request::Request,
    server::Server,
};

/// The partial answer, for faults that occur after the answer has begun.
const BEGUN: &str = "Begun";

/// A fault: its name, whether it comes after a partial answer, and the server's behaviour.
type Fault = (&'static str, bool, fn() -> Reply);

/// The API's statuses, those of gateways, and unexpected ones.
const STATUSES: [u16; 22] = [
    300, 307, 400, 401, 402, 403, 404, 405, 408, 409, 413, 418, 422, 425, 429, 499, 500, 502, 503,
    504, 529, 599,
];

/// The errors that a stream can report.
const ERRORS: [&str; 11] = [
    "invalid_request_error",
    "authentication_error",
    "billing_error",
    "permission_error",
    "not_found_error",
    "request_too_large",
    "rate_limit_error",
    "timeout_error",
    "overloaded_error",
    "api_error",
    "new_error",
];

/// All other faults.
const FAULTS: [Fault; 31] = [
    ("an error without a type", false, || {
        Reply::json(400, &json!({"error": {"message": "No."}}))
    }),
    ("an error with a message alone", false, || {
        Reply::json(400, &json!({"message": "No."}))
    }),
    ("an error that is a word", false, || {
        Reply::json(404, &json!({"error": "No", "message": "No."}))
    }),
    ("an error in words", false, || {
        Reply::status(503)
            .header("content-type", "text/plain")
            .body("No.")
    }),
    ("an error in HTML", false, || {
        Reply::status(413)
            .header("content-type", "text/html")
            .body("<h1>No</h1>")
    }),
    ("an error without a body", false, || Reply::status(429)),
    ("an error that is not to be tried again", false, || {
        Reply::status(500).header("x-should-retry", "false")
    }),
    ("no such model", false, || {
        Reply::json(
            400,
            &error(
                "invalid_request_error",
                "Invalid model, available models are: a",
            ),
        )
    }),
    ("no answer", false, || Reply::never()),
    ("a hang-up", false, || Reply::hang_up()),
    ("a reset", false, || Reply::raw("").reset()),
    ("no HTTP", false, || Reply::raw("SSH-2.0-x\r\n")),
    ("half a head", false, || {
        Reply::raw("HTTP/1.1 200 OK\r\ncontent-ty")
    }),
    ("no body", false, || Reply::sse_start()),
    ("a page", false, || {
        Reply::status(200)
            .header("content-type", "text/html")
            .body("<title>Sign in</title>")
    }),
    ("an empty object", false, || Reply::json(200, &json!({}))),
    ("another object", false, || {
        Reply::json(200, &json!({"object": "list"}))
    }),
    ("an event that is not valid JSON", false, || {
        Reply::sse(Stream::new().start().raw("data: {oops\n\n").to_string())
    }),
    ("a stream that is silent", false, || {
        Reply::sse_start()
            .body(Stream::new().start().to_string())
            .wait_for_hang_up()
    }),
    ("a stream of its beginning", false, || {
        Reply::sse(Stream::new().start().ping().to_string())
    }),
    ("a stream that is reset at its beginning", false, || {
        Reply::sse_start()
            .body(Stream::new().start().to_string())
            .reset()
    }),
    ("a chunk that is none", false, || {
        Reply::sse_start().unframed("zz\r\n")
    }),
    ("a stream that ends in the middle", true, || {
        Reply::sse(begun().to_string())
    }),
    ("a stream that is closed in the middle", true, || {
        Reply::sse_start().body(begun().to_string()).close()
    }),
    ("a stream that is reset in the middle", true, || {
        Reply::sse_start().body(begun().to_string()).reset()
    }),
    ("a stream that falls silent in the middle", true, || {
        Reply::sse_start()
            .body(begun().to_string())
            .wait_for_hang_up()
    }),
    ("a chunk that is none in the middle", true, || {
        Reply::sse_start()
            .body(begun().to_string())
            .unframed("zz\r\n")
    }),
    (
        "an event that is not valid JSON in the middle",
        true,
        || Reply::sse(begun().raw("data: {oops\n\n").to_string()),
    ),
    ("a call with broken arguments", true, || {
        Reply::sse(
            Stream::new()
                .start()
                .text_block([BEGUN])
                .tool_use_block("t1", "look", ["{\"at"])
                .stop("tool_use")
                .to_string(),
        )
    }),
    ("the limit of tokens", true, || {
        Reply::sse(
            Stream::new()
                .start()
                .text_block([BEGUN])
                .stop("max_tokens")
                .to_string(),
        )
    }),
    ("the end of the window", true, || {
        Reply::sse(
            Stream::new()
                .start()
                .text_block([BEGUN])
                .stop("model_context_window_exceeded")
                .to_string(),
        )
    }),
];

/// Returns a stream with a partial answer.
fn begun() -> Stream {
    Stream::new().start().open_text_block([BEGUN])
}

/// Returns the fault for the first request with this question.
fn fault(place: usize) -> (String, bool, Reply) {
    let (statuses, errors) = (STATUSES.len(), 2 * ERRORS.len());
    if let Some(status) = STATUSES.get(place) {
        return (
            format!("HTTP {status}"),
            false,
            Reply::json(*status, &error("api_error", "No.")),
        );
    }
    if place < statuses + errors {
        let (kind, is_begun) = (ERRORS[(place - statuses) / 2], place % 2 == 1);
        let stream = if is_begun {
            begun()
        } else {
            Stream::new().start()
        };
        return (
            format!("{kind}, begun: {is_begun}"),
            is_begun,
            Reply::sse(stream.error(kind, "No.").to_string()),
        );
    }
    let (name, is_begun, reply) = FAULTS[place - statuses - errors];
    (name.to_owned(), is_begun, reply())
}

/// The number of faults.
const COUNT: usize = STATUSES.len() + 2 * ERRORS.len() + FAULTS.len();

/// Returns the question of a request: the last message, which must be the user's. The roles of all
/// messages must alternate.
fn question(request: &Request) -> String {
    let body = request.json();
    let messages = body["messages"].as_array().unwrap();
    for (place, message) in messages.iter().enumerate() {
        assert_eq!(
            message["role"],
            ["user", "assistant"][place % 2],
            "{body:#}"
        );
    }
    let content = &messages.last().unwrap()["content"];
    // The results of calls come before the question.
    let text = content
        .as_str()
        .or_else(|| content.as_array()?.last()?["text"].as_str());
    text.unwrap_or_else(|| panic!("{body:#}")).to_owned()
}

#[test]
fn a_conversation_survives_every_fault_and_goes_on() {
    let (home, asked) = (Home::new(), Mutex::new(HashSet::new()));
    let server = Server::start(move |request, _| {
        let question = question(request);
        let place: usize = question.strip_prefix("question ").unwrap().parse().unwrap();
        let is_new = asked.lock().unwrap().insert(place);
        if is_new {
            fault(place).2
        } else {
            Reply::sse(answer(&["ok"]))
        }
    });
    let flags = [
        "--session",
        "x",
        "--max-retries",
        "0",
        "--no-pace",
        "--idle-timeout",
        "2s",
    ];
    let terminal = at_prompt(&server, &home, &flags);
    let (mut prompts, mut expected) = (1, vec![]);
    for place in 0..COUNT {
        let (_, is_begun, _) = fault(place);
        let question = format!("question {place}");
        terminal.keys(&question).keys(ENTER);
        prompts += 1;
        wait_for_prompt(&terminal, prompts);
        expected.push((question.clone(), if is_begun { BEGUN } else { "" }));
        if !is_begun {
            // The question is offered again.
            terminal.keys(ENTER);
            prompts += 1;
            wait_for_prompt(&terminal, prompts);
            expected.push((question, "ok"));
        }
    }
    leave(terminal).code(0);
    let shown = Langdock::new()
        .home(&home)
        .args(["session", "show", "x", "--json"])
        .run()
        .code(0)
        .stdout_json();
    let turns = shown["turns"].as_array().unwrap();
    let said = |turn: &Value| turn["content"][0]["text"].as_str().unwrap().to_owned();
    let mut kept: Vec<(String, String)> = vec![];
    for turn in turns {
        match turn["role"].as_str() {
            Some("user") => kept.push((said(turn), String::new())),
            _ => kept.last_mut().unwrap().1 = said(turn),
        }
    }
    for (place, (kept, expected)) in kept.iter().zip(&expected).enumerate() {
        assert_eq!(
            (kept.0.as_str(), kept.1.as_str()),
            (expected.0.as_str(), expected.1),
            "turn {place}"
        );
    }
    assert_eq!(kept.len(), expected.len());
}

#[test]
fn a_conversation_survives_that_the_server_goes_away() {
    let (server, home) = (
        Server::start(|_, _| Reply::sse(answer(&["ok"])).header("connection", "close")),
        Home::new(),
    );
    let run = chat(&server)
        .home(&home)
        .args(["--max-retries", "0", "--session", "x"]);
    let terminal = run.on_terminal(80, 24);
    wait_for_prompt(&terminal, 1);
    terminal.keys("One").keys(ENTER);
    wait_for_prompt(&terminal, 2);
    drop(server);
    terminal
        .keys("Two")
        .keys(ENTER)
        .wait_for("langdock: error: ");
    wait_for_prompt(&terminal, 3);
    terminal.keys(ENTER);
    wait_for_prompt(&terminal, 4);
    terminal.keys("\x15");
    leave(terminal).code(0);
    let shown = Langdock::new()
        .home(&home)
        .args(["session", "show", "x", "--json"])
        .run()
        .code(0)
        .stdout_json();
    let left_out: Vec<bool> = shown["turns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|turn| turn["left_out"] == "unanswered")
        .collect();
    assert_eq!(left_out, [false, false, true, true]);
}
