//! Servers that send more than any answer has, or JSON that nests without end: each limit has an
//! error that names it, and what came until then is kept.

use serde_json::{Value, json};

use crate::{
    endings::send,
    support::{
        command::Langdock,
        events::{Stream, answer},
        home::Home,
        reply::Reply,
        sending,
        sending::answering,
        server::Server,
    },
};

/// Returns a delta of a text block as it goes over the wire.
fn text_delta(text: &str) -> String {
    let delta = json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}});
    format!("event: content_block_delta\ndata: {delta}\n\n")
}

/// Returns arrays that nest so deep.
fn nested(levels: usize) -> Value {
    (1..levels).fold(json!([]), |inner, _| json!([inner]))
}

#[test]
fn an_answer_without_end_is_cut_at_8_mib_and_kept_as_a_partial_answer() {
    let head = Stream::new().start().open_text_block([""; 0]).to_string();
    let delta = text_delta(&"x".repeat(65_536));
    let server = Server::start(move |_, _| {
        Reply::sse_start()
            .body(&head)
            .repeat(&delta, 10_000)
            .wait_for_hang_up()
    });
    let home = Home::new();
    let outcome = send(&server)
        .home(&home)
        .args(["--session", "long", "--json"])
        .run();
    outcome
        .failure(8)
        .object(8, "incomplete", &json!({"retryable": false}));
    outcome.stderr_contains("the answer is larger than 8 MiB");
    let answer = outcome.stdout_json();
    let text = answer["content"][0]["text"].as_str().expect("text");
    assert_eq!(text.len(), 8 * 1024 * 1024);
    assert_eq!(answer["langdock"]["complete"], false);
    let shown = Langdock::new()
        .home(&home)
        .args(["session", "show", "long", "--json"])
        .run();
    let turn = &shown.code(0).stdout_json()["turns"][1];
    assert_eq!(turn["content"][0]["text"], text);
    assert_eq!(turn["partial"], true);
    server.only_request();
}

#[test]
fn each_limit_of_an_answer_has_an_error_that_names_it() {
    let start = || Stream::new().start();
    let many_blocks = (0..=4096).fold(start(), |stream, _| {
        stream.block(&json!({"type": "text", "text": ""}))
    });
    let values = |count: usize| Value::Array(vec![json!([]); count]);
    for (events, error) in [
        (many_blocks, "the answer has more than 4096 blocks"),
        (
            start().block(&json!({"type": "later", "data": "x".repeat(4 * 1024 * 1024)})),
            "an event of the answer is larger than 4 MiB",
        ),
        (
            start().block(&json!({"type": "later", "data": values(300_000)})),
            "the JSON of the answer takes more than 16 MiB of memory",
        ),
        (
            // Each one is small enough.
            (0..20).fold(start(), |stream, _| {
                stream.block(&json!({"type": "later", "data": values(15_000)}))
            }),
            "the JSON of the answer takes more than 16 MiB of memory",
        ),
        (
            start().block(&json!({"type": "later", "data": nested(99)})),
            "the answer is nested too deeply: JSON may be nested at most 100 levels deep",
        ),
        (
            start()
                .tool_use_block("toolu_1", "look", [json!({"a": nested(100)}).to_string()])
                .stop("tool_use"),
            "the answer is nested too deeply: JSON may be nested at most 100 levels deep",
        ),
        (
            start()
                .tool_use_block(
                    "toolu_1",
                    "look",
                    [json!({"a": values(300_000)}).to_string()],
                )
                .stop("tool_use"),
            "the JSON of the answer takes more than 16 MiB of memory",
        ),
    ] {
        let server = Server::start(move |_, _| Reply::sse(events.to_string()));
        let outcome = send(&server).run();
        outcome.stderr_contains(error).stderr_lacks("panicked");
        assert_ne!(outcome.code, Some(0), "{error}: {outcome}");
        server.only_request();
    }
}

#[test]
fn the_limits_hold_for_an_answer_that_is_not_streamed() {
    for (body, error) in [
        (
            json!({"content": [{"type": "text", "text": "x".repeat(8 * 1024 * 1024)}]}),
            "the body of the answer is larger than 8 MiB",
        ),
        (
            json!({"content": [], "more": vec![json!([]); 300_000]}),
            "the JSON of the answer takes more than 16 MiB of memory",
        ),
        (
            json!({"content": [{"type": "later", "data": nested(110)}]}),
            "the answer is nested too deeply: JSON may be nested at most 100 levels deep",
        ),
    ] {
        let server = Server::start(move |_, _| Reply::json(200, &body));
        send(&server).run().failed(5, error, "check --base-url");
        server.only_request();
    }
}

#[test]
fn a_list_of_models_without_end_is_an_error_that_names_the_limit() {
    let server = Server::start(|_, nth| {
        Reply::json(
            200,
            &json!({"data": [{"id": format!("model-{nth}")}], "has_more": true}),
        )
    });
    let models = |server: &Server| {
        Langdock::new()
            .args(["models", "--refresh"])
            .key()
            .against(server)
            .run()
    };
    let pages = "the list of models is too long: it has more than 100 pages";
    models(&server).failed(5, pages, "check --base-url");
    assert_eq!(server.requests().len(), 100);

    let server = Server::start(|_, _| {
        let page = format!("{{\"data\": [{{\"id\": \"{}", "x".repeat(65_536));
        Reply::status(200)
            .chunked()
            .body(page)
            .repeat("x".repeat(65_536), 10_000)
    });
    let page = "the list of models is too long: a page of it is larger than 4 MiB";
    models(&server).failed(5, page, "check --base-url");

    let server = Server::start(|_, _| {
        Reply::json(
            200,
            &json!({"data": [{"id": "m", "more": vec![json!([]); 300_000]}]}),
        )
    });
    let values = "the list of models is too long: its JSON takes more than 16 MiB of memory";
    models(&server).failed(5, values, "check --base-url");
}

#[test]
fn what_nests_as_deep_as_is_allowed_is_saved_shown_and_sent_again() {
    // The arguments nest 100 levels deep, in the object that they are.
    let input = json!({"a": nested(99)});
    let events = Stream::new()
        .start()
        .text_block(["Calling."])
        .tool_use_block("toolu_1", "look", [input.to_string()])
        .stop("tool_use");
    let events = events.to_string();
    let server = Server::start(move |_, nth| match nth {
        0 => Reply::sse(&events),
        _ => Reply::sse(answer(&["ok"])),
    });
    let home = Home::new();
    let in_session = || send(&server).home(&home).args(["--session", "deep"]);
    let first = in_session().args(["--json"]).run().stdout_json();
    assert_eq!(first["content"][1]["input"], input);

    let shown = Langdock::new()
        .home(&home)
        .args(["session", "show", "deep", "--json"])
        .run();
    let turns = &shown.code(0).stderr_empty().stdout_json()["turns"];
    assert_eq!(turns[1]["content"][1]["input"], input);

    // Without tools, the call is sent as text.
    in_session().run().code(0).stdout("ok\n");
    let sent = server.requests()[1].json();
    let quoted = nested(99).to_string();
    assert!(sent["messages"][1].to_string().contains(&quoted), "{sent}");

    // What is printed can be given back.
    let messages = json!([
        {"role": "user", "content": "Look."}, {"role": "assistant", "content": first["content"]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "done"}]},
    ]);
    home.write("work/messages.json", messages.to_string());
    sending::send(&server)
        .home(&home)
        .args(["--messages", "messages.json"])
        .run()
        .code(0)
        .stdout("ok\n");
    assert!(server.requests()[2].text().contains(&quoted));
}

#[test]
fn json_that_nests_too_deep_is_refused_wherever_it_is_given() {
    let home = Home::new();
    let (deep, server) = (nested(101).to_string(), answering("ok"));
    let schema = (0..60).fold(json!({}), |inner, _| json!({"properties": {"a": inner}}));
    home.write("work/schema.json", schema.to_string());
    home.write(
        "work/messages.json",
        format!(r#"[{{"role":"user","content":[{{"type":"later","data":{deep}}}]}}]"#),
    );
    home.write(
        "work/items.jsonl",
        format!("{{\"a\":1}}\n{{\"a\":{}}}\n", nested(120)),
    );
    let set = format!("metadata={deep}");
    for args in [
        &["send", "hello", "--set", &set][..],
        &["send", "hello", "--schema", "schema.json"],
        &["send", "--messages", "messages.json"],
        &["batch", "{a}", "--input", "items.jsonl"],
    ] {
        let outcome = Langdock::new()
            .home(&home)
            .args(args)
            .args(["-m", "m"])
            .key()
            .against(&server)
            .stdin_null()
            .run();
        let said = outcome.stdout_text() + &outcome.stderr;
        assert!(
            said.contains("JSON may be nested at most 100 levels deep"),
            "{outcome}"
        );
        assert_ne!(outcome.code, Some(0), "{args:?}: {outcome}");
    }
    // That is the first item of the batch.
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_turn_that_cannot_be_read_is_not_dropped_without_a_word() {
    let home = Home::new();
    let file = home.data().join("sessions/2bcdfghjkm.jsonl");
    let turn = |id: &str, role: &str, content: &str| {
        format!(
            "{{\"type\":\"turn\",\"id\":\"{id}\",\"role\":\"{role}\",\"at\":\"2026-01-01T00:00:00Z\",\"content\":{content}}}\n"
        )
    };
    let deep = format!(r#"[{{"type":"later","data":{}}}]"#, nested(125));
    let head = "{\"type\":\"langdock-session\",\"version\":1,\"id\":\"2bcdfghjkm\",\"at\":\"2026-01-01T00:00:00Z\"}\n";
    let all = [
        head.to_owned(),
        turn("a", "user", r#"[{"type":"text","text":"Hello"}]"#),
        turn("b", "assistant", &deep),
        turn("c", "assistant", r#"{"text":"alone"}"#),
    ];
    home.write(file, all.concat());
    let show = |more: &[&str]| {
        Langdock::new()
            .home(&home)
            .args(["session", "show", "2bcdfghjkm"])
            .args(more)
            .run()
    };
    show(&["--json"]).code(0).stderr_contains("damaged line");
    show(&[])
        .code(0)
        .stdout_contains("[the content of this turn cannot be read: ");
}
