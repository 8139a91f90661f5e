//! Servers that send more than any answer has, or JSON that nests without end: each limit has an
//! error that names it, and what came until then is kept.

#[cfg(target_os = "linux")]
use nix::sys::signal::Signal;
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

#[cfg(target_os = "linux")]
#[test]
fn a_signal_ends_a_check_against_a_schema_that_takes_as_long_as_any_may() {
    // Each choice is tried in nearly as many ways as any is: of matches that exceed the limit, only
    // one of each kind is made.
    let choice = json!({"pattern": "^(?:a(?=a*b)|a(?=a*b))*c$"});
    let schema = json!({"type": "object", "properties": {"a": {"anyOf": vec![choice; 900]}}});
    let value = json!({"a": format!("{}b", "a".repeat(11))});
    for (signal, number) in [(Signal::SIGINT, 2), (Signal::SIGTERM, 15)] {
        let home = Home::new();
        home.write("work/schema.json", schema.to_string());
        let server = answering(&value.to_string());
        let running = send(&server)
            .home(&home)
            .args(["--schema", "schema.json", "--schema-mode", "prompt"])
            .spawn();
        // The start and the answer take a few hundredths, the check more than half a second.
        running.wait_for_processor_time(15).signal(signal);
        running
            .finish()
            .signal(number)
            .stdout("")
            .stderr(&format!("{value}\nlangdock: error: interrupted\n"));
        server.only_request();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_ends_the_rendering_of_a_long_answer() {
    // The end of so long a text is never shown.
    let text = "| a | **b** |\n".repeat(200_000) + "\n\nthe end";
    for (signal, number) in [(Signal::SIGINT, 2), (Signal::SIGTERM, 15)] {
        let server = answering(&text);
        let running = send(&server).args(["--markdown"]).spawn();
        running.wait_for_processor_time(30).signal(signal);
        let outcome = running.finish();
        outcome.signal(number);
        assert!(
            !outcome.stdout_text().contains("the end"),
            "it was rendered to its end"
        );
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
fn a_conversation_with_more_than_a_request_takes_is_not_sent_and_still_shown() {
    let home = Home::new();
    let long = "x".repeat(8 * 1024 * 1024);
    let turn = |(place, (role, text)): (usize, (&str, &str))| {
        json!({
            "type": "turn", "id": format!("t{place}"), "role": role, "at": "2026-01-01T00:00:00Z",
            "parent": place.checked_sub(1).map(|before| format!("t{before}")),
            "content": [{"type": "text", "text": text}],
        })
    };
    let head = json!({"type": "langdock-session", "version": 1, "id": "2bcdfghjkm", "at": "2026-01-01T00:00:00Z"});
    let said = [("user", "Go on."), ("assistant", long.as_str())].repeat(3);
    let turns = said.iter().copied().enumerate().map(turn);
    let lines = std::iter::once(head).chain(turns);
    let lines = lines.fold(String::new(), |all, line| all + &line.to_string() + "\n");
    home.write(home.data().join("sessions/2bcdfghjkm.jsonl"), lines);
    let server = answering("ok");
    let in_it = || {
        send(&server)
            .home(&home)
            .args(["--session", "2bcdfghjkm", "--no-log"])
    };
    let outcome = in_it().run();
    outcome.code(13).stderr_contains(
        "exceeds the limit of 20,971,520 bytes (20 MiB); the largest part is the conversation so \
         far",
    );
    assert_eq!(server.requests().len(), 0);
    in_it().args(["--no-check"]).run().code(0).stdout("ok\n");
    assert_eq!(server.requests()[0].json()["messages"][5]["content"], long);

    let session = |args: &[&str]| {
        let outcome = Langdock::new()
            .home(&home)
            .args(["session"])
            .args(args)
            .run();
        outcome.code(0).stderr_empty().stdout_text()
    };
    let shown: Value = serde_json::from_str(&session(&["show", "--json"])).unwrap();
    let exported: Value = serde_json::from_str(&session(&["export", "--json"])).unwrap();
    for (place, (role, text)) in said.iter().enumerate() {
        let turn = &shown["turns"][place];
        assert_eq!(
            (&turn["role"], &turn["content"][0]["text"]),
            (&json!(role), &json!(text))
        );
        assert_eq!(exported[place], json!({"role": role, "content": text}));
    }
    let round = format!("\n## You\n\nGo on.\n\n## Assistant\n\n{long}\n");
    assert!(session(&["show"]) == format!("# Go on.\n{}", round.repeat(3)));
    assert!(session(&["show", "--last"]) == format!("{long}\n"));
    let found = session(&["search", "xxx"]);
    assert!(
        found.contains(&"x".repeat(33)) && found.len() < 200,
        "{found}"
    );
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
