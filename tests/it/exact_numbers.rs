//! Numbers in JSON from outside keep every digit on their way through the program.

use serde_json::json;

use crate::batch::batch;
use crate::support::{
    command::Langdock,
    events::{MODEL, Stream},
    home::Home,
    outcome::Outcome,
    reply::Reply,
    request::Request,
    sending::{answering, send},
    server::Server,
};
use crate::tools::{done, playing, shell_tool, tool_run};

/// Numbers that 64 bits cannot represent as written.
const NUMBERS: &str =
    r#"{"amount":1.10,"id":123456789012345678901,"huge":1e400,"list":[-0,{"e":2.50E3}]}"#;

/// The same numbers in the format of a model.
const SPACED: &str =
    r#"{"amount": 1.10, "id": 123456789012345678901, "huge": 1e400, "list": [-0, {"e": 2.50E3}]}"#;

/// Returns an answer that calls `t` with these numbers, split into pieces.
fn calling_with_numbers(name: &str, input: &str) -> Stream {
    let (begin, end) = input.split_at(input.len() / 2);
    Stream::new()
        .start()
        .tool_use_block("t1", name, [begin, end])
        .stop("tool_use")
}

fn body(request: &Request) -> String {
    request.text().to_owned()
}

#[track_caller]
fn assert_has(text: &str, part: &str) {
    assert!(text.contains(part), "{part} is not in:\n{text}");
}

/// Returns JSON text escaped for a JSON string.
fn quoted(json: &str) -> String {
    let quoted = json!(json).to_string();
    quoted.trim_matches('"').to_owned()
}

#[test]
fn a_tool_gets_them_and_its_result_and_the_saved_call_go_back_with_them() {
    let home = shell_tool("cat; echo; echo '{ \"sum\" : 2.20 }' >&2; echo 3.30", "");
    let server = playing(&[calling_with_numbers("t", SPACED), done("Done.")]);
    let run = |args: &[&str]| -> Outcome {
        let tool_run = tool_run(&server).home(&home).args(["-T", "./t.toml", "-y"]);
        tool_run.args(args).run()
    };
    run(&["--session", "numbers", "Hi"])
        .code(0)
        .stderr_contains("\"amount\":1.10");
    let requests = server.requests();
    let second = body(&requests[1]);
    assert_has(&second, &format!("\"input\":{NUMBERS}"));
    assert_has(&second, &quoted(&format!("{NUMBERS}\n3.30\n")));

    run(&["--session", "numbers", "Again"]).code(0);
    let third = body(server.requests().last().unwrap());
    assert_has(&third, &format!("\"input\":{NUMBERS}"));
    for args in [
        &["session", "show", "numbers", "--json"][..],
        &["session", "export", "numbers", "--json"],
        &["session", "export", "numbers"],
    ] {
        let outcome = Langdock::new().home(&home).args(args).run();
        assert_has(&outcome.code(0).stdout_text(), NUMBERS);
    }
}

#[test]
fn a_result_that_is_said_to_be_json_keeps_them() {
    let home = shell_tool("echo '{ \"a\" : 1.10, \"b\": 1e400 }'", "result = \"json\"");
    let server = answering("ok");
    let call = tool_run(&server)
        .home(&home)
        .args(["-T", "./t.toml", "--call", "t", "{}"])
        .run();
    call.code(0).stdout("{\"a\":1.10,\"b\":1e400}\n");
}

#[test]
fn a_call_by_hand_gives_them_to_the_tool() {
    let home = shell_tool("cat", "");
    let server = answering("ok");
    let call = tool_run(&server)
        .home(&home)
        .args(["-T", "./t.toml", "--call", "t", SPACED])
        .run();
    call.code(0).stdout(format!("{NUMBERS}\n"));
}

#[test]
fn every_form_of_an_answer_has_them_streamed_or_in_one_piece() {
    let stream = calling_with_numbers("t", SPACED).to_string();
    let whole = format!(
        r#"{{"id": "m", "type": "message", "role": "assistant", "model": "{MODEL}", "stop_reason": "tool_use",
            "content": [{{"type": "tool_use", "id": "t1", "name": "t", "input": {SPACED}}}],
            "usage": {{"input_tokens": 1, "output_tokens": 1}}}}"#
    );
    let server = Server::start(move |request, _| {
        if body(request).contains("\"stream\":true") {
            Reply::sse(&stream)
        } else {
            Reply::status(200).body(&whole).close()
        }
    });
    let home = shell_tool("cat", "");
    for form in [&[][..], &["--json"], &["--jsonl"]] {
        for stream in ["stream=true", "stream=false"] {
            let outcome = send(&server)
                .home(&home)
                .args(["-T", "./t.toml", "Hi", "--set", stream])
                .args(form)
                .run();
            let out = outcome.code(0).stdout_text();
            assert_has(&out, &format!("\"input\":{NUMBERS}"));
        }
    }
    let lines = tool_run(&playing(&[
        calling_with_numbers("t", SPACED),
        done("Done."),
    ]))
    .home(&home)
    .args(["-T", "./t.toml", "-y", "--jsonl", "Hi"])
    .run();
    let call =
        format!("{{\"type\":\"tool_call\",\"id\":\"t1\",\"name\":\"t\",\"input\":{NUMBERS}}}\n");
    assert_has(&lines.code(0).stdout_text(), &call);
}

#[test]
fn on_a_terminal_they_are_indented_like_other_json() {
    let server = playing(&[calling_with_numbers("t", r#"{"a":1.10,"b":[2.0,{}]}"#)]);
    let outcome = send(&server)
        .args(["--json", "Hi"])
        .on_terminal(80, 60)
        .finish();
    let expected = "\"input\": {\r\n        \"a\": 1.10,\r\n        \"b\": [\r\n          2.0,\r\n          {}\r\n        ]\r\n      }";
    assert_has(&outcome.stdout_text(), expected);
}

#[test]
fn an_answer_with_a_schema_has_them() {
    let schema = r#"{"type": "object", "properties": {"id": {"type": "integer"}}}"#;
    let server = playing(&[calling_with_numbers("answer", SPACED)]);
    send(&server)
        .args(["--schema", schema, "Hi"])
        .run()
        .code(0)
        .stdout(format!("{NUMBERS}\n"));
    let outcome = batch(&server)
        .args(["--schema", schema, "{text}"])
        .stdin_bytes("a\n")
        .run();
    let record = outcome.code(0).stdout_text();
    assert_has(&record, &quoted(NUMBERS));
}

#[test]
fn a_row_of_a_batch_and_its_id_keep_them() {
    let server = answering("ok");
    let row = format!(r#"{{"id": 123456789012345678901.0, "n": 1.10, "all": {SPACED}}}"#);
    let outcome = batch(&server)
        .args(["{n} {all}"])
        .stdin_bytes(format!("{row}\n"))
        .run();
    assert_has(
        &outcome.code(0).stdout_text(),
        "\"id\":123456789012345678901.0,",
    );
    let asked = format!("1.10 {NUMBERS}");
    assert_has(&body(&server.only_request()), &quoted(&asked));
}

#[test]
fn fields_and_messages_of_a_body_keep_them() {
    let (server, home) = (answering("ok"), Home::new());
    let call = format!(r#"{{"type": "tool_use", "id": "t1", "name": "t", "input": {SPACED}}}"#);
    let result = r#"{"type": "tool_result", "tool_use_id": "t1", "content": "1.10"}"#;
    let messages = format!(
        r#"{{"x": {SPACED}, "temperature": 0.50, "tools": [{{"name": "t", "input_schema": {{"type": "object"}}}}], "messages": [{{"role": "user", "content": "a"}},
            {{"role": "assistant", "content": [{call}]}}, {{"role": "user", "content": [{result}]}}]}}"#
    );
    home.write("work/m.json", messages);
    let field = format!("y={SPACED}");
    let tools = r#"tools=[{"name": "t", "input_schema": {"type": "object"}}]"#;
    let args = [
        "--messages",
        "m.json",
        "--set",
        &field,
        "--set",
        tools,
        "-I",
    ];
    let sent = send(&server).home(&home).args(args).run();
    sent.code(0);
    let shown = send(&server)
        .home(&home)
        .args(args)
        .args(["--dry-run"])
        .run();
    let shown = shown.code(0).stdout_text();
    for text in [body(&server.only_request()), shown] {
        assert_has(&text, &format!("\"input\":{NUMBERS}"));
        assert_has(&text, &format!("\"x\":{NUMBERS}"));
        assert_has(&text, &format!("\"y\":{NUMBERS}"));
        assert_has(&text, "\"temperature\":0.50");
    }
}

#[test]
fn schemas_of_tools_and_answers_keep_them() {
    let (server, home) = (answering("ok"), Home::new());
    let property = r#"{"type": "number", "minimum": 1.10, "maximum": 1e400, "multipleOf": 0.50}"#;
    let exact = r#"{"type":"number","minimum":1.10,"maximum":1e400,"multipleOf":0.50}"#;
    let object = format!(r#""type": "object", "properties": {{"n": {property}}}"#);
    // Sent as it is, and with its root changed.
    let tools = format!(
        r#"[{{"name": "a", "input_schema": {{{object}}}}}, {{"name": "b", "input_schema": {{"allOf": [{{{object}}}]}}}}]"#
    );
    home.write("work/t.json", &tools);
    let sent = |args: &[&str]| {
        send(&server).home(&home).args(args).run().code(0);
        body(server.requests().last().unwrap())
    };
    let of_file = sent(&["-T", "./t.json", "Hi"]);
    assert_eq!(of_file.matches(exact).count(), 2, "{of_file}");
    let of_field = sent(&["--set", &format!("tools={tools}"), "Hi"]);
    assert_eq!(of_field.matches(exact).count(), 2, "{of_field}");

    let server = playing(&[calling_with_numbers("answer", r#"{"n": 1.50}"#)]);
    let structured = |model: &str| {
        let schema = format!("{{{object}}}");
        let args = ["-m", model, "--schema", &schema, "Hi"];
        send(&server).args(args).run().code(0);
        body(&server.requests()[0])
    };
    assert_has(&structured("claude-sonnet-4-20250514"), exact);
}

#[test]
fn the_closed_form_of_a_schema_quotes_them() {
    let server = playing(&[done(r#"{"n": 1.10}"#)]);
    let schema = r#"{"type": "object", "properties": {"n": {"type": "number", "minimum": 1.10, "const": 1.10}}}"#;
    let args = ["-m", "claude-opus-5-5", "--schema", schema, "Hi"];
    let outcome = send(&server).args(args).run();
    outcome.code(0).stdout("{\"n\":1.10}\n");
    let sent = body(&server.only_request());
    assert_has(&sent, r#""const":1.10,"description":"(minimum: 1.10)""#);
}

#[test]
fn blocks_of_unknown_types_keep_them_in_files_answers_and_conversations() {
    let home = Home::new();
    let block = r#"{"type":"new_block","n":1.10,"huge":1e400}"#;
    home.write(
        "work/m.json",
        format!(r#"[{{"role": "user", "content": [{block}, {{"type": "text", "text": "a"}}]}}]"#),
    );
    let events = format!(
        "event: content_block_start\ndata: {{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{block}}}\n\n\
         event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"new_delta\",\"more\":2.50}}}}\n\n\
         event: content_block_stop\ndata: {{\"type\":\"content_block_stop\",\"index\":0}}\n\n"
    );
    let started = Stream::new().start().to_string();
    let usage = "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":3,\"x\":1e400}}\n\n\
                 event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    let stream = format!("{started}{events}{usage}");
    let server = Server::start(move |_, _| Reply::sse(&stream));
    let run = |args: &[&str]| {
        let send = send(&server).home(&home).args(["--session", "x", "--json"]);
        send.args(args).run()
    };
    let grown = r#"{"type":"new_block","n":1.10,"huge":1e400,"more":2.50}"#;
    let first = run(&["--messages", "m.json", "Hi"]);
    assert_has(&first.code(0).stdout_text(), grown);
    assert_has(&body(&server.requests()[0]), block);
    run(&["Again"]).code(0);
    let again = body(&server.requests()[1]);
    assert_has(&again, &format!("{block},"));
    assert_has(&again, grown);
}

#[test]
fn fields_that_are_not_known_keep_every_digit_and_are_shown_again() {
    let events = [
        format!(
            r#"{{"type":"message_start","message":{{"content":[],"usage":{{"input_tokens":1,"later":{NUMBERS}}}}}}}"#
        ),
        format!(
            r#"{{"type":"content_block_start","index":0,"content_block":{{"type":"text","text":"ok","later":{NUMBERS}}}}}"#
        ),
        format!(
            r#"{{"type":"content_block_start","index":1,"content_block":{{"type":"later","data":{NUMBERS}}}}}"#
        ),
        format!(
            r#"{{"type":"content_block_delta","index":1,"delta":{{"type":"later_delta","list":[{NUMBERS}]}}}}"#
        ),
        format!(
            r#"{{"type":"content_block_delta","index":1,"delta":{{"type":"later_delta","list":[{NUMBERS}]}}}}"#
        ),
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#.to_owned(),
        r#"{"type":"message_stop"}"#.to_owned(),
    ];
    let events: String = events.map(|event| format!("data: {event}\n\n")).concat();
    let server = Server::start(move |_, _| Reply::sse(&events));
    let home = Home::new();
    let answer = send(&server)
        .home(&home)
        .args(["--session", "s", "--json", "Hi"])
        .run();
    let shown = Langdock::new()
        .home(&home)
        .args(["session", "show", "s", "--json"])
        .run();
    for outcome in [answer, shown] {
        let text = outcome.code(0).stdout_text();
        assert_eq!(text.matches(NUMBERS).count(), 5, "{text}");
    }
}

/// Returns blocks of every known kind that have these numbers wherever they may have some.
fn known_blocks() -> [String; 5] {
    let found = format!(
        r#"{{"type":"search_result","source":"u","title":"t","content":[{{"type":"text","text":"a"}}],"x":{NUMBERS}}}"#
    );
    let pdf = r#"{"type":"content","content":[{"type":"text","text":"a","x":1.10}]}"#;
    [
        format!(r#"{{"type":"text","text":"1.10","x":{NUMBERS}}}"#),
        format!(r#"{{"type":"document","source":{pdf},"x":{NUMBERS}}}"#),
        format!(
            r#"{{"type":"image","source":{{"type":"base64","media_type":"image/gif","data":"{GIF}"}},"x":{NUMBERS}}}"#
        ),
        found.clone(),
        found,
    ]
}

/// A GIF of one pixel.
const GIF: &str = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";

#[test]
fn blocks_of_known_types_keep_them_in_files_and_conversations_and_inside_results() {
    let (server, home) = (answering("ok"), Home::new());
    let [text, document, image, found, inner] = known_blocks();
    let call = format!(r#"{{"type":"tool_use","id":"t1","name":"t","input":{NUMBERS},"x":1.10}}"#);
    let result = format!(
        r#"{{"type":"tool_result","tool_use_id":"t1","content":[{inner},{text},{image}],"x":1.10}}"#
    );
    let asked = [text, document, image, found].join(",");
    let messages = format!(
        r#"[{{"role":"user","content":[{asked}]}},{{"role":"assistant","content":[{call}]}},{{"role":"user","content":[{result}]}}]"#
    );
    home.write("work/m.json", messages);
    let tools = r#"tools=[{"name": "t", "input_schema": {"type": "object"}}]"#;
    let run = |args: &[&str]| {
        let send = send(&server).home(&home).args(["--session", "x"]);
        send.args(["--set", tools]).args(args).run().code(0);
        body(server.requests().last().unwrap())
    };
    let first = run(&["--messages", "m.json", "Hi"]);
    let second = run(&["Again"]);
    for part in [&asked, &call, &result] {
        assert_has(&first, part);
        assert_has(&second, part);
    }
}

#[test]
fn fields_of_an_answer_that_are_not_known_keep_them_streamed_or_in_one_piece() {
    let [text, ..] = known_blocks();
    let usage = r#"{"input_tokens":1,"output_tokens":1,"x":1.10,"huge":1e400}"#;
    let citation = r#"{"type":"x","n":1.10}"#;
    let whole = format!(
        r#"{{"id":"m","type":"message","role":"assistant","model":"{MODEL}","stop_reason":"end_turn","content":[{text}],"usage":{usage},"extra":{NUMBERS}}}"#
    );
    let started = format!(
        r#"{{"type":"message_start","message":{{"id":"m","type":"message","role":"assistant","model":"{MODEL}","content":[],"usage":{usage},"extra":{NUMBERS}}}}}"#
    );
    let events = [
        ("message_start", started),
        ("content_block_start", format!(r#"{{"type":"content_block_start","index":0,"content_block":{text}}}"#)),
        ("content_block_delta", format!(r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"citations_delta","citation":{citation}}}}}"#)),
        ("content_block_delta", r#"{"type":"content_block_delta","index":0,"delta":{"type":"new_delta","more":2.50}}"#.to_owned()),
        ("content_block_stop", r#"{"type":"content_block_stop","index":0}"#.to_owned()),
        ("message_delta", r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","one":3.30},"usage":{"y":4.40},"two":5.50}"#.to_owned()),
        ("message_stop", r#"{"type":"message_stop"}"#.to_owned()),
    ];
    let events = events
        .iter()
        .map(|(name, data)| format!("event: {name}\ndata: {data}\n\n"));
    let stream = events.collect::<Vec<_>>().concat();
    let server = Server::start(move |request, _| {
        if body(request).contains("\"stream\":true") {
            Reply::sse(&stream)
        } else {
            Reply::status(200).body(&whole).close()
        }
    });
    let answer = |args: &[&str]| {
        let send = send(&server).args(["--json", "Hi"]).args(args).run();
        send.code(0).stdout_text()
    };
    let whole = answer(&["--set", "stream=false"]);
    assert_has(&whole, &text);
    assert_has(&whole, usage);
    assert_has(&whole, &format!("\"extra\":{NUMBERS}"));
    let streamed = answer(&[]);
    for part in [
        &format!("\"x\":{NUMBERS},\"citations\":[{citation}],\"more\":2.50"),
        &format!("\"extra\":{NUMBERS}"),
        "\"one\":3.30",
        "\"two\":5.50",
        "\"x\":1.10,\"huge\":1e400,\"y\":4.40",
    ] {
        assert_has(&streamed, part);
    }
}
