//! No record has a secret in it, in whatever form a server sends it back.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::{RECORD, Recorded};
use crate::support::{
    command::{KEY, Langdock},
    events::{MODEL, Stream, answer},
    home::Home,
    reply::Reply,
    secret_search::{assert_no_secret_in_records, forms_of},
    server::Server,
};

/// The password of the proxy, as it is and as it is written in a URL.
const PASSWORD: (&str, &str) = ("pr0xy/pass:word", "pr0xy%2Fpass%3Aword");

/// What a cookie is set to.
const COOKIE: &str = "c00kie-0123456789";

/// Asserts that no record below a directory has one of the test secrets in any form.
#[track_caller]
pub(super) fn assert_no_secret(directory: &Path) {
    assert_no_secret_in_records(directory, &[KEY, PASSWORD.0, PASSWORD.1, COOKIE]);
}

fn echo() -> String {
    let secrets = [KEY, PASSWORD.0, PASSWORD.1, COOKIE];
    let forms = secrets.into_iter().flat_map(forms_of);
    let echoed: Vec<String> = forms.map(|(_, form)| format!("<{form}>")).collect();
    echoed.concat()
}

#[test]
fn a_server_that_echoes_secrets_in_every_form_gets_none_into_a_record() {
    let cookie = format!("session={COOKIE}; Path=/; HttpOnly");
    let plain = move |reply: Reply| {
        reply
            .header("set-cookie", &cookie)
            .header("x-echo", echo().replace('\n', " "))
    };
    let server = Server::start(move |_, nth| {
        let echoed = echo();
        match nth {
            // A page of a proxy, with bytes that are not UTF-8.
            0 => plain(Reply::status(502)).body([b"\xff\xfe", echoed.as_bytes()].concat()),
            // JSON that escapes every character.
            1 => plain(Reply::status(529)).body(format!(
                r#"{{"type":"error","error":{{"type":"overloaded_error","message":"{}"}}}}"#,
                echoed.replace('&', r"\u0026")
            )),
            2 => {
                let failed =
                    json!({"type": "error", "error": {"type": "api_error", "message": echoed}});
                let stream = Stream::new().start().event("error", &failed);
                plain(Reply::sse(stream.to_string()).in_pieces_of(5))
            }
            _ => plain(Reply::sse(answer(&[echoed.as_str()]))),
        }
    });
    let url = format!("http://ada:{}@{}", PASSWORD.1, server.address());
    let recorded = Recorded::at("http://192.0.2.1/anthropic/{region}", |_| {
        let flags = ["--allow-http", "--proxy", &url];
        Langdock::new()
            .env("LANGDOCK_MODEL", MODEL)
            .args(["send", "Hi"])
            .args(flags)
    });
    recorded.outcome.code(0);
    assert_eq!(server.requests().len(), 4);
    let sent = STANDARD.encode(format!("ada:{}", PASSWORD.0));
    assert_eq!(
        server.requests()[0].header("proxy-authorization"),
        Some(format!("Basic {sent}").as_str())
    );
    let exchanges = recorded.exchanges();
    assert_eq!(exchanges.len(), 4);
    let text = fs::read_to_string(recorded.path()).unwrap();
    assert!(text.contains("[API key]") && text.contains("[secret]"));
    assert!(!text.contains("authorization") && !text.contains("set-cookie"));
    assert!(!text.contains(&sent) && !text.contains("pr0xy"), "{text}");
}

#[test]
fn a_key_in_the_prompt_stays_out_of_the_record() {
    let server = Server::start(|_, _| Reply::sse(answer(&["ok"])));
    let prompt = format!("My key is {KEY}; is it safe?");
    let recorded = Recorded::against(&server, |_| {
        Langdock::new()
            .env("LANGDOCK_MODEL", MODEL)
            .args(["send", &prompt])
    });
    recorded.outcome.code(0).stdout("ok\n");
    let body = &recorded.exchanges()[0]["request"]["body"];
    assert_eq!(
        body["messages"][0]["content"],
        "My key is [API key]; is it safe?"
    );
}

#[test]
fn a_prompt_with_the_key_is_answered_from_the_record() {
    let server = Server::start(|_, _| Reply::sse(answer(&["ok"])));
    for form in [KEY.to_owned(), STANDARD.encode(KEY)] {
        let prompt = format!("My key is {form}; is it safe?");
        let begin = |_: &Home| {
            Langdock::new()
                .env("LANGDOCK_MODEL", MODEL)
                .args(["send", &prompt])
        };
        let recorded = Recorded::against(&server, begin);
        recorded.outcome.code(0).stdout("ok\n");
        let (_home, replayed) = recorded.replay(|home| begin(home).key(), &[]);
        replayed.code(0).stdout("ok\n");
        if form == KEY {
            // It is known by its look, too.
            let (_home, replayed) = recorded.replay(begin, &[]);
            replayed.code(0).stdout("ok\n");
        }
    }
}

/// Returns an answer that repeats the key in pieces, as text, as thinking and as arguments.
fn answer_with_divided_key() -> String {
    let (one, two, three) = (&KEY[..9], &KEY[9..14], &KEY[14..]);
    let delta = |index: usize, delta: serde_json::Value| {
        let event = json!({"type": "content_block_delta", "index": index, "delta": delta});
        ("content_block_delta", event)
    };
    let start = |index: usize, block: serde_json::Value| {
        let event = json!({"type": "content_block_start", "index": index, "content_block": block});
        ("content_block_start", event)
    };
    let stop = |index: usize| {
        (
            "content_block_stop",
            json!({"type": "content_block_stop", "index": index}),
        )
    };
    let text = |text: &str| json!({"type": "text_delta", "text": text});
    let thinking = |text: &str| json!({"type": "thinking_delta", "thinking": text});
    let arguments = |text: &str| json!({"type": "input_json_delta", "partial_json": text});
    let call = json!({"type": "tool_use", "id": "t", "name": "f", "input": {}});
    let events = [
        start(
            0,
            json!({"type": "thinking", "thinking": "", "signature": ""}),
        ),
        delta(0, thinking(one)),
        delta(0, thinking(two)),
        delta(0, thinking(three)),
        stop(0),
        start(1, json!({"type": "text", "text": ""})),
        delta(1, text(&format!("It is {one}"))),
        delta(1, text(two)),
        delta(1, text(&format!("{three}."))),
        stop(1),
        start(2, call),
        delta(2, arguments(&format!("{{\"key\": \"{one}"))),
        delta(2, arguments(two)),
        delta(2, arguments(&format!("{three}\"}}"))),
        stop(2),
    ];
    let stream = Stream::new().start();
    let stream = events
        .iter()
        .fold(stream, |stream, (name, data)| stream.event(name, data));
    stream.stop("tool_use").to_string()
}

#[test]
fn a_key_that_is_divided_between_events_is_neither_recorded_nor_replayed() {
    let stream = answer_with_divided_key();
    for size in [1, 7, 100_000] {
        let stream = stream.clone();
        let server = Server::start(move |_, _| Reply::sse(stream.clone()).in_pieces_of(size));
        for flags in [&["--json"][..], &["--jsonl"], &["--show-thinking"]] {
            let begin = |_: &Home| {
                Langdock::new()
                    .env("LANGDOCK_MODEL", MODEL)
                    .args(["send", "Hi"])
                    .args(flags)
            };
            // The search joins what was divided.
            let recorded = Recorded::against(&server, begin);
            recorded.outcome.code(0).stdout_contains("[API key]");
            let (_home, replayed) = recorded.replay(begin, &[]);
            let blank = |out: &[u8]| {
                let text = String::from_utf8_lossy(out).into_owned();
                let is_varying = |line: &&str| !line.contains("session_id");
                text.lines()
                    .filter(is_varying)
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            };
            assert_eq!(blank(&replayed.stdout), blank(&recorded.outcome.stdout));
        }
    }
}

#[test]
fn images_in_the_arguments_of_a_call_are_found_again() {
    let source = json!({"type": "base64", "media_type": "image/png", "data": "aGk="});
    let input = json!({"source": source, "data": "aGk="}).to_string();
    let call = Stream::new()
        .start()
        .tool_use_block("t1", "t", [input.as_str()])
        .stop("tool_use");
    let home = crate::tools::shell_tool("cat", "");
    let server = crate::tools::playing(&[call, crate::tools::done("Done.")]);
    let tool = fs::read_to_string(home.work().join("t.toml")).unwrap();
    let begin = |home: &Home| {
        home.write("work/t.toml", &tool);
        Langdock::new()
            .env("LANGDOCK_MODEL", MODEL)
            .args(["tool-run", "-T", "./t.toml", "-y", "Hi"])
    };
    let recorded = Recorded::against(&server, begin);
    recorded.outcome.code(0).stdout("Done.\n");
    let called = &recorded.exchanges()[1]["request"]["body"]["messages"][1]["content"][0];
    assert_eq!(called["input"]["data"], "aGk=");
    assert!(
        called["input"]["source"]["data"]["sha256"].is_string(),
        "{called}"
    );
    drop(server);
    let (_home, replayed) = recorded.replay(begin, &[]);
    replayed.code(0).stdout("Done.\n");
}

#[test]
fn the_search_finds_a_key_in_every_form() {
    let record = |text: String| {
        let home = Home::new();
        let header = r#"{"format":"langdock-record","version":1}"#;
        home.write(format!("work/{RECORD}"), format!("{header}\n{text}\n"));
        let found = std::panic::catch_unwind(|| assert_no_secret(&home.work())).is_err();
        // Nothing is to be found at the end of this test.
        fs::remove_file(home.work().join(RECORD)).unwrap();
        found
    };
    assert!(!record("before after".to_owned()));
    for (name, form) in forms_of(KEY) {
        assert!(record(format!("before {form} after")), "{name}");
    }
    assert!(record("another one: sk-ld-another-9876543210".to_owned()));
    let pieces: Vec<_> = answer_with_divided_key()
        .split_inclusive("\n\n")
        .map(|piece| json!([1, piece]))
        .collect();
    assert!(record(json!({"response": {"body": pieces}}).to_string()));
}
